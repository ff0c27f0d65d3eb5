"""Two simulated tables of patients and a report on them, as a run would leave it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.report import Component, EvaluationReport, Score, Verdict
from synthetic_healthcare.schema.column import Column, Kind
from synthetic_healthcare.schema.schema import Schema

HOSTILE = "<script>alert(1)</script>"


def patients(rows: int, seed: int, *, laboratory: int = 20, drift: float = 0.0) -> pd.DataFrame:
    """Simulate a table; `drift` moves it away from what the others of its kind look like."""
    rng = np.random.default_rng(seed)
    severity = rng.normal(size=rows)
    age = np.clip(np.round(58 + 13 * rng.normal(size=rows) + 4 * severity + 5 * drift), 18, 99)
    frame = pd.DataFrame(
        {
            "age": age.astype(int),
            "sex": rng.choice(["female", "male"], rows, p=[0.55, 0.45]),
            "smoker": rng.random(rows) < 0.25 + 0.2 * drift,
            "stage": rng.choice(["I", "II", "III", "IV"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "admitted": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 2500, rows), unit="D"),
            HOSTILE: rng.choice(["a & b", '"c"', "<d>"], rows, p=[0.5, 0.3, 0.2]),
            "a column name that is really far too long to fit": np.round(rng.gamma(2.0, 3.0, rows), 1),
        }
    )
    for place in range(laboratory):
        noise = rng.normal(size=rows)
        values = np.round(10 + place + 3 * severity * np.cos(place) + noise * (1 + drift), 2)
        frame[f"lab_{place:02d}"] = np.where(rng.random(rows) < 0.1 * (place % 3), np.nan, values)
    risk = 1 / (1 + np.exp(-(severity * 1.4 - 0.5 + drift)))
    frame["died"] = (rng.random(rows) < risk).astype(int)
    return frame


def schema_of(frame: pd.DataFrame) -> Schema:
    """Name the kinds of the simulated columns."""
    kinds: dict[str, Kind] = {"age": "integer", "smoker": "boolean", "stage": "ordinal", "died": "boolean"}
    by_type: dict[str, Kind] = {"f": "numeric", "M": "datetime"}
    columns = [
        Column(
            str(name),
            kinds.get(str(name), by_type.get(series.dtype.kind, "categorical")),
            "target" if name == "died" else "feature",
            dtype=str(series.dtype),
            unit="mmol/L" if name == "lab_01" else None,
            categories=("I", "II", "III", "IV") if name == "stage" else None,
        )
        for name, series in frame.items()
    ]
    return Schema(tuple(columns))


def report(figures: dict[str, Any], verdict: Verdict = "INCONCLUSIVE") -> EvaluationReport:
    """Put a report together around the figures."""
    utility = Score(
        0.874,
        0.841,
        0.902,
        components=(
            Component("marginals", "Single columns", 0.931, 0.958, 0.972, 0.15),
            Component("pairs", "Associations", 0.742, 0.861, 0.862, 0.20),
            Component("c2st", "Indistinguishable rows", 0.611, 0.948, 0.645, 0.15),
            Component("coverage", "Coverage of the hold-out", 0.88, 0.951, 0.925, 0.15),
            Component("tstr", "Models trained on it", 0.932, 1.0, 0.932, 0.25),
            Component("importance", "What drives the outcome", 0.74, 0.83, 0.89, 0.10),
        ),
    )
    privacy = Score(
        0.958,
        0.872,
        1.0,
        components=(
            Component("membership", "Membership attacks: advantage", 0.082, 0.041, 0.042, 1.0),
            Component("membership_hits", "Membership attacks: sure hits", 0.031, 0.022, 0.0, 0.0),
            Component("copies", "Synthetic rows that are copies", 0.0, 0.0, 0.0, 1.0),
        ),
    )
    reason = (
        "The interval of the privacy score contains 0.91: about 1,200 more hold-out patients would decide."
    )
    return EvaluationReport(
        utility,
        privacy,
        verdict,
        reason,
        _results(),
        {
            "model": "wgan-gp",
            "rows": {"synthetic": 1000, "train": 1000, "holdout": 400},
            "target": "died",
            "columns": ["age", "sex"],
            "left_out": ["patient_id"],
            "options": {"seed": 7, "bootstrap": 200, "threshold": 0.09, "figures": True},
            "null_risk": 0.041,
            "notes": ["No formal privacy guarantee holds: the model was trained without it.", HOSTILE],
        },
        figures,
    )


def _results() -> tuple[MetricResult, ...]:
    unit = (0.0, 1.0)
    gone = f"ValueError: {HOSTILE} has one class"
    return (
        MetricResult(
            "marginals", "Single columns", "fidelity", "higher", unit, "ok", 0.931, 0.92, 0.94, 0.958
        ),
        MetricResult("pairs", "Associations", "fidelity", "higher", unit, "ok", 0.742, 0.70, 0.78, 0.861),
        MetricResult(
            "c2st", "Told from real rows", "fidelity", "higher", unit, "ok", 0.611, 0.55, 0.66, 0.948
        ),
        _rules(),
        MetricResult("tstr", "Models trained on it", "utility", "higher", unit, "ok", 0.932, 0.89, 0.97, 1.0),
        MetricResult(
            "survival", "Survival", "utility", "lower", unit, "not_applicable", reason="no column of times"
        ),
        MetricResult(
            "importance", "What drives the outcome", "utility", "higher", unit, "failed", reason=gone
        ),
        *_attacks(),
        _groups(),
    )


def _groups() -> MetricResult:
    """A metric that uses every key that the page draws, with names that want to get out."""
    names = [f"{HOSTILE} {place}" for place in range(3)] + ["a group whose name is much too long for its row"]
    along = [place / 10 for place in range(11)]
    detail = {
        "curves": [
            {"name": HOSTILE, "side": "real", "x": along, "y": along, "lower": None, "upper": None},
            {
                "name": "synthetic",
                "side": "synthetic",
                "x": along,
                "y": [value**2 for value in along],
                "lower": [max(0.0, value**2 - 0.1) for value in along],
                "upper": [value**2 + 0.1 for value in along],
            },
        ],
        "x_title": "Predicted risk",
        "y_title": "Observed share",
        "bars": [
            {"name": name, "real": 0.4, "synthetic": 0.3, "lower": 0.2, "upper": 0.45} for name in names
        ],
        "table": {
            "columns": ["Group", "Training share", "Synthetic share", "Odds ratio", "95 % interval", "Fair"],
            "rows": [[name, 0.25, 0.2, None, "0.70 to 1.10", "yes"] for name in names],
        },
        "too_small": [HOSTILE],
        "change": 0.1,
        "change_lower": -0.1,
        "change_upper": 0.2,
    }
    about = "How far groups are apart."
    ends = (0.2, 0.1, 0.3, 0.1)
    return MetricResult(
        "groups", "Groups", "fairness", "lower", (0.0, 1.0), "ok", *ends, detail=detail, about=about
    )


def _rules() -> MetricResult:
    figures = {
        "Diastolic pressure lies below the systolic one": (0.002, 0.031),
        "pregnancy": (0.0, 0.0),
        HOSTILE: (None, 0.25),
    }
    entries = {
        name: {
            f"{side}{end}": None if rate is None else max(0.0, rate + move)
            for side, rate in zip(("real", "synthetic"), rates, strict=True)
            for end, move in (("", 0.0), ("_lower", -0.004), ("_upper", 0.006))
        }
        for name, rates in figures.items()
    }
    title, unit = "Broken clinical rules", (0.0, 1.0)
    return MetricResult(
        "rule_violations",
        title,
        "fidelity",
        "lower",
        unit,
        "ok",
        0.031,
        0.02,
        0.04,
        0.002,
        detail={"rules": entries},
    )


def _attacks() -> tuple[MetricResult, MetricResult]:
    unit = (0.0, 1.0)
    attacks = {
        code: {"title": title, "auc": auc, "auc_lower": auc - 0.04, "auc_upper": auc + 0.04, "tpr_at_5": 0.06}
        for code, title, auc in (
            ("A1", "near a synthetic row", 0.512),
            ("A2", "nearer to a synthetic row than to other patients", 0.541),
            ("A3", "denser in synthetic rows than in other patients", 0.518),
        )
    }
    advantage = MetricResult(
        "membership",
        "Membership attacks: advantage",
        "privacy",
        "lower",
        unit,
        "ok",
        0.082,
        0.0,
        0.128,
        0.041,
        detail={"attacks": attacks, "members": 200, "controls": 200},
    )
    hits = MetricResult(
        "membership_hits",
        "Membership attacks: sure hits",
        "privacy",
        "lower",
        unit,
        "ok",
        0.031,
        detail={"attacks": {code: {"tpr_at_5": 0.06, "tpr_at_1": 0.012} for code in attacks}},
    )
    return advantage, hits


def training_history(steps: int = 900) -> dict[str, Any]:
    """Simulate the curves of a run."""
    rng = np.random.default_rng(3)
    along = np.arange(1, steps + 1)
    critic = -2 * np.exp(-along / 200) + 0.1 * rng.normal(size=steps)
    return {
        "step": along.tolist(),
        "critic": critic.tolist(),
        "generator": (1 - np.exp(-along / 300) + 0.2 * rng.normal(size=steps)).tolist(),
        "score": {"step": [100, 300, 600, 900], "value": [0.41, 0.55, 0.63, 0.62]},
    }
