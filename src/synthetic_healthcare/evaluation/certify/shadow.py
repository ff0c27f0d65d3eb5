"""Shadow attacks: generators trained with and without a patient, and a classifier that tells which."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.evaluation.certify.reading import read
from synthetic_healthcare.evaluation.certify.result import RecordRisk
from synthetic_healthcare.evaluation.distances import nearest
from synthetic_healthcare.evaluation.encoding import Encoder
from synthetic_healthcare.evaluation.statistics import proportion_bounds
from synthetic_healthcare.evaluation.views import View
from synthetic_healthcare.schema.schema import Schema

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
FitAndSample = Callable[[pd.DataFrame, int], pd.DataFrame]

_BINS: Final = 10
#: Columns of the encoded rows whose correlations are features: their number grows with the square.
_CORRELATED: Final = 20
#: A queried number is met within this share of the real rows' ranks.
_NEAR: Final = 0.05
_NEIGHBOURS: Final = 5
_TREES: Final = 100


@final
@dataclass(frozen=True)
class Targets:
    """The patients under attack and what is asked of every synthetic table about them.

    Parameters
    ----------
    rows : DataFrame (k, columns)
        The patients.
    others : DataFrame
        The rest of the training table.
    seed : int
        Decides who is trained on and which columns are queried.
    queries : int
        Targeted queries a patient.
    """

    rows: pd.DataFrame
    others: pd.DataFrame
    seed: int
    queries: int

    def included(self, training: int) -> Flags:
        """Which patients a training holds, each with probability 1/2; shape (k,)."""
        return np.random.default_rng([self.seed, 2, training]).random(len(self.rows)) < 0.5


def train_one(
    targets: Targets, fit_and_sample: FitAndSample, *, schema: Schema, training: int
) -> dict[str, list[Any]]:
    """Train one generator and describe what it gives; plain data for the state file.

    One training serves all patients: each is in it or not by a coin of its own.
    """
    rows = pd.concat([targets.others, targets.rows[targets.included(training)]], ignore_index=True)
    order = np.random.default_rng([targets.seed, 3, training]).permutation(len(rows))
    synthetic = fit_and_sample(rows.iloc[order].reset_index(drop=True), targets.seed + training + 1)
    encoder, views, (released, _, attacked) = read(synthetic, [targets.others, targets.rows], schema=schema)
    rng = np.random.default_rng([targets.seed, 4])
    asked = [
        _answers(encoder, views[0], views[2], row, rng=rng, queries=targets.queries)
        for row in range(len(targets.rows))
    ]
    near = nearest(attacked, released, k=_NEIGHBOURS)
    about = np.column_stack([np.array(asked), near[:, 0], near.mean(axis=1)])
    # Codes that only a synthetic table has would give every table features of its own.
    kept = released[:, _known_columns(encoder)]
    return {"table": _features(kept).tolist(), "patients": about.tolist()}


def _known_columns(encoder: Encoder) -> npt.NDArray[np.intp]:
    """Positions in the encoded row that real rows decide."""
    spans = [
        np.arange(encoder.width)[encoder.spans[field.name]][: field.known if field.form == "bits" else None]
        for field in encoder.fields
    ]
    return np.concatenate(spans)


def _features(released: Matrix) -> npt.NDArray[np.float64]:
    """Moments, histograms and correlations of the encoded columns.

    Source: Stadler, Oprisanu and Troncoso 2022, "Synthetic data - anonymisation groundhog day",
    arXiv:2011.07018 (the naive, histogram and correlation feature sets).
    """
    edges = np.linspace(0.0, 1.0, _BINS + 1)[1:-1]
    bins = np.stack([(np.digitize(released, edges) == place).mean(axis=0) for place in range(_BINS)])
    few = released[:, :_CORRELATED]
    spread = few.std(axis=0)
    scaled = (few - few.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    correlation = scaled.T @ scaled / len(scaled)
    upper = np.triu_indices(few.shape[1], 1)
    naive = (released.mean(axis=0), np.median(released, axis=0), released.var(axis=0))
    return np.concatenate([*naive, bins.ravel(), correlation[upper]])


def _answers(
    encoder: Encoder, released: View, attacked: View, row: int, *, rng: np.random.Generator, queries: int
) -> list[float]:
    """Share of the synthetic rows that agree with the patient on random columns.

    Source: Houssiau et al. 2022, "TAPAS: a toolbox for adversarial privacy auditing of synthetic data",
    arXiv:2211.06550 (random targeted queries).
    """
    agree = []
    for field in encoder.fields:
        mine, theirs = attacked.values[field.name][row], released.values[field.name]
        if field.form == "number":
            pooled = max(1, 2 * len(encoder.knots[field.name]))
            ranks = encoder.ranks(field.name, np.append(theirs, mine)) / pooled
            agree.append(np.abs(ranks[:-1] - ranks[-1]) <= _NEAR)
        elif field.form == "level":
            agree.append(theirs == mine)
        else:
            agree.append((theirs == mine).all(axis=1))
    found = []
    for _ in range(queries):
        size = min(len(agree), int(rng.integers(2, 5)))
        chosen = rng.choice(len(agree), size=size, replace=False)
        found.append(float(np.logical_and.reduce([agree[place] for place in chosen]).mean()))
    return found


def judge_records(
    targets: Targets, outcomes: list[dict[str, list[Any]]], *, delta: float
) -> tuple[RecordRisk, ...]:
    """Tell for each patient, from the synthetic tables alone, which generators saw it."""
    included = np.array([targets.included(training) for training in range(len(outcomes))])
    tables = np.array([outcome["table"] for outcome in outcomes])
    about = np.array([outcome["patients"] for outcome in outcomes])
    error = 0.025 / max(1, included.shape[1])
    return tuple(
        _risk(
            np.concatenate([tables, about[:, patient]], axis=1),
            included[:, patient],
            delta=delta,
            error=error,
            seed=targets.seed,
        )
        for patient in range(included.shape[1])
    )


def _risk(features: Matrix, included: Flags, *, delta: float, error: float, seed: int) -> RecordRisk:
    called = np.zeros(len(included), dtype=bool)
    # Each half is judged by a classifier, and at a threshold, that the other half fixed.
    for half in (0, 1):
        judged = np.arange(len(included)) % 2 == half
        called[judged] = _call(features[~judged], included[~judged], features[judged], seed)
    hits, members = int((called & included).sum()), int(included.sum())
    alarms, others = int((called & ~included).sum()), int((~included).sum())
    caught, _ = proportion_bounds(hits, members, error=error)
    _, wrong = proportion_bounds(alarms, others, error=error)
    found = [0.0]
    for more, less in ((float(caught), float(wrong)), (1.0 - float(wrong), 1.0 - float(caught))):
        if more > delta and less > 0.0:
            found.append(math.log((more - delta) / less))
    return RecordRisk(hits, members, alarms, others, _rate(hits, members), _rate(alarms, others), max(found))


def _rate(count: int, rows: int) -> tuple[float, float, float]:
    low, high = proportion_bounds(count, rows)
    return (count / rows if rows else 0.0, float(low), float(high))


def _call(features: Matrix, included: Flags, others: Matrix, seed: int) -> Flags:
    """Learn which tables come of the patient, and call others at the threshold of the best balance."""
    from sklearn.ensemble import ExtraTreesClassifier

    if included.all() or not included.any():
        return np.zeros(len(others), dtype=bool)
    model = ExtraTreesClassifier(_TREES, bootstrap=True, oob_score=True, random_state=seed)
    model.fit(features, included)
    # Out of bag: each table is scored by the trees that did not learn from it.
    scores = model.oob_decision_function_[:, 1]
    cuts = np.unique(scores[~np.isnan(scores)])
    gains = [(scores[included] >= cut).mean() - (scores[~included] >= cut).mean() for cut in cuts]
    return np.asarray(model.predict_proba(others)[:, 1] >= cuts[int(np.argmax(gains))])
