"""The models of the target, trained once on synthetic and once on real rows, and how well they predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.utility.learners import (
    LEARNERS,
    LearnerName,
    Prediction,
    Task,
    guessing,
    learn,
    skill,
)
from synthetic_healthcare.evaluation.views import View

Matrix = npt.NDArray[np.float64]

#: Names of the measures of skill.
MEASURES: Final = {True: "AUC", False: "R squared"}


@final
@dataclass(frozen=True)
class Trained:
    """Predictions of the target by learner.

    Parameters
    ----------
    synthetic, real : Mapping of callables
        By learner, the model trained on synthetic rows and the one trained on as many real ones.
    seed : int
        What further models are trained with.
    """

    synthetic: Mapping[LearnerName, Prediction]
    real: Mapping[LearnerName, Prediction]
    seed: int


def train_models(synthetic: Judged, real: Judged, *, task: Task, seed: int) -> Trained:
    """Train both learners on both tables."""
    models = [
        {learner: learn(task, table, learner=learner, seed=seed) for learner in LEARNERS}
        for table in (synthetic, real)
    ]
    return Trained(models[0], models[1], seed)


def tested_rows(task: Task, holdout: Judged) -> npt.NDArray[np.intp]:
    """Positions of the hold-out rows whose target is known.

    Raises
    ------
    NotApplicable
        Where there are too few, or all have one value.
    """
    target = task.target(holdout)
    rows = np.flatnonzero(target >= 0) if task.classes else np.flatnonzero(~np.isnan(target))
    if len(rows) < 2 or len(np.unique(target[rows])) < 2:
        raise NotApplicable(f"the target {task.name!r} has fewer than two values in the hold-out")
    return rows


def with_all(rows: npt.NDArray[np.intp], weights: Matrix) -> Matrix:
    """Weights of the given rows, a first line of ones before the resamples; shape (1 + B, rows)."""
    return np.concatenate([np.ones((1, len(rows))), weights[:, rows]])


def skill_on(task: Task, predict: Prediction, table: Judged, *, weights: Matrix | None = None) -> Matrix:
    """Skill of a model on a table, shape (B,): a class that the table lacks counts as guessed, not as absent.

    Parameters
    ----------
    task : Task
    predict : callable
        The model.
    table : Judged
        Rows to test on; those without a known target are left out, unless weights are given.
    weights : float64 array (B, n), optional
        Row weightings of the table, all of whose targets are then known.
    """
    tested = table if weights is not None else task.usable(table)
    target = task.target(tested)
    if len(np.unique(target)) < 2:
        return np.array([guessing(task)])
    used = np.ones((1, len(tested))) if weights is None else weights
    found = skill(task, predict(task.inputs(tested)), target, weights=used)
    if task.classes < 3:
        return found
    present = len(np.unique(target))
    return np.asarray((present * found + (task.classes - present) * guessing(task)) / task.classes)


def joined(first: Judged, second: Judged) -> Judged:
    """Rows of both tables."""
    values = {
        name: np.concatenate([column, second.view.values[name]]) for name, column in first.view.values.items()
    }
    view = View(values, first.view.rows + second.view.rows)
    return Judged(
        view,
        np.concatenate([first.keys, second.keys]),
        np.concatenate([first.matrix, second.matrix]),
    )
