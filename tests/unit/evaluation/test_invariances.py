"""Every metric, of every family and both suites: content alone decides, and odd tables are survived."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation.catalogue import METRICS
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.runner import evaluate, inputs_of, run_metric
from synthetic_healthcare.schema import Column, Schema

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

OPTIONS = EvaluationOptions(bootstrap=20, nulls=8, figures=False, suite="full")
CODES = ["I10", "E11", "J45", "N18", "I25"]
SCHEMA = Schema(
    (
        Column("age", "integer"),
        Column("glucose", "numeric"),
        Column("admitted", "datetime"),
        Column("ward", "categorical"),
        Column("codes", "codes", delimiter=";"),
        Column("years", "numeric"),
        Column("died", "categorical", "target"),
    )
).with_time_to_event("years", event="died", happened="yes")


def patients(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 12, rows).round()
    time, end = rng.exponential(np.exp(-(age - 60) / 12)), rng.exponential(1.5, rows)
    glucose = np.exp(rng.normal(4.6, 0.2, rows) + 0.01 * (age - 60))
    sets = [";".join(rng.choice(CODES, rng.integers(1, 4), False)) for _ in range(rows)]
    return pd.DataFrame(
        {
            "age": age.astype(int),
            "glucose": np.where(rng.random(rows) < 0.15, np.nan, glucose),
            "admitted": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(900, size=rows), unit="D"),
            "ward": np.where(age > 70, "icu", rng.choice(["medical", "surgical"], rows)),
            "codes": np.where(rng.random(rows) < 0.1, None, np.array(sets, dtype=object)),
            "years": np.minimum(time, end),
            "died": np.where(time <= end, "yes", "no"),
        }
    )


TABLES: Tables = (patients(150, 0), patients(160, 1), patients(140, 2))


def judge(tables: Tables, schema: Schema = SCHEMA) -> EvaluationReport:
    synthetic, train, holdout = tables
    return evaluate(synthetic, train=train, holdout=holdout, schema=schema, options=OPTIONS)


@pytest.fixture(scope="module")
def before() -> EvaluationReport:
    return judge(TABLES)


def test_every_metric_of_both_suites_has_a_figure(before: EvaluationReport) -> None:
    assert {result.name for result in before.results} == {one.name for one in METRICS}
    assert not before.failed
    # No rule pack is given; all else applies to this table.
    absent = {result.name for result in before.results if result.status == "not_applicable"}
    assert {result.name for result in before.results if "rules" in result.reason} == {"rule_violations"}
    assert not absent & {"survival", "hazard_ratios", "code_sets", "missingness", "effects", "pmse_trees"}


def relabelled(frame: pd.DataFrame) -> pd.DataFrame:
    words = dict(zip(CODES, ["e", "a", "d", "c", "b"], strict=True))
    return frame.assign(
        ward=frame["ward"].map({"icu": "a", "medical": "c", "surgical": "b"}),
        died=frame["died"].map({"yes": "aaa", "no": "zzz"}),
        codes=frame["codes"].map(
            lambda one: ";".join(words[code] for code in one.split(";")), na_action="ignore"
        ),
    )


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "order of rows and columns, repeated index": lambda frame: frame.sample(frac=1, random_state=3)[
        list(reversed(frame.columns))
    ].set_axis([0] * len(frame)),
    "names of categories": relabelled,
    "units": lambda frame: frame.assign(glucose=frame["glucose"] / 18.0, years=frame["years"] * 365.25),
}


@pytest.mark.parametrize("change", CHANGES)
def test_content_alone_decides(change: str, before: EvaluationReport) -> None:
    schema = SCHEMA
    if change == "names of categories":
        schema = schema.with_time_to_event("years", event="died", happened="aaa")
    if change.startswith("order"):
        schema = replace(schema, columns=tuple(reversed(schema.columns)))
    synthetic, train, holdout = (CHANGES[change](frame) for frame in TABLES)
    after = judge((synthetic, train, holdout), schema)
    for result, other in zip(before.results, after.results, strict=True):
        for name in ("status", "value", "lower", "upper", "ceiling"):
            expected, found = getattr(result, name), getattr(other, name)
            if isinstance(expected, float):
                assert found == pytest.approx(expected, abs=1e-7), (result.name, name)
            else:
                assert found == expected, (result.name, name)


def test_same_seed_same_bytes(before: EvaluationReport) -> None:
    assert judge(TABLES).to_json() == before.to_json()


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no event": lambda frame: frame.assign(died="no"),
    "all die at once": lambda frame: frame.assign(died="yes", years=0.0),
    "times missing": lambda frame: frame.assign(years=np.nan),
    "negative times": lambda frame: frame.assign(years=-frame["years"]),
    "no codes": lambda frame: frame.assign(codes=None),
    "unseen codes": lambda frame: frame.assign(codes="Z99;Z98"),
    "unseen category": lambda frame: frame.assign(ward="home"),
    "all missing": lambda frame: frame.assign(glucose=np.nan, ward=None, died=None),
    "constants": lambda frame: frame.assign(age=60, glucose=100.0, ward="icu"),
    "nothing missing": lambda frame: frame.fillna({"glucose": 90.0}),
    "one row": lambda frame: frame.iloc[:1],
    "four times the rows": lambda frame: pd.concat([frame] * 4, ignore_index=True),
}


def run_cheap_ones(tables: Tables) -> None:
    """All metrics but the dear ones, whose odd tables are tested with the runner."""
    given, _ = inputs_of(list(tables), SCHEMA, OPTIONS)
    for one in METRICS:
        if one.name in ("c2st", "importance", "pmse_trees") or one.family == "privacy":
            continue
        result, measure = run_metric(one, given)
        assert result.status != "failed", (one.name, result.reason)
        assert (measure is None) == (result.status == "not_applicable")
        json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("kind", ODD)
def test_odd_synthetic_tables_are_survived(kind: str) -> None:
    run_cheap_ones((ODD[kind](TABLES[0]), TABLES[1], TABLES[2]))


@pytest.mark.parametrize("kind", ["constants", "all missing", "no codes", "no event", "all die at once"])
def test_odd_real_tables_are_survived(kind: str) -> None:
    run_cheap_ones((TABLES[0], ODD[kind](TABLES[1]), ODD[kind](TABLES[2])))
