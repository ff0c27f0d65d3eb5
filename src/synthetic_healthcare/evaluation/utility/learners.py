"""What is predicted, and the two learners that predict it: gradient boosting and a linear model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.statistics import weighted_auc
from synthetic_healthcare.evaluation.views import MISSING, Field

Matrix = npt.NDArray[np.float64]
LearnerName = Literal["gradient boosting", "linear"]

LEARNERS: Final[tuple[LearnerName, ...]] = ("gradient boosting", "linear")
#: Trees and leaves: small tables overfit with more, and large ones gain little.
_TREES: Final = 60
_LEAVES: Final = 15


@final
@dataclass(frozen=True)
class Task:
    """What is predicted.

    Parameters
    ----------
    name : str
        The target column.
    classes : int
        Number of classes in the real rows; 0 where a number is predicted.
    columns : int array
        Positions in the encoded row that may be used: all but the target's own.
    """

    name: str
    classes: int
    columns: npt.NDArray[np.intp]

    def usable(self, table: Judged) -> Judged:
        """Rows whose target is there and, for classes, one that real rows have."""
        target = table.view.values[self.name]
        known = (target != MISSING) & (target < self.classes) if self.classes else ~np.isnan(target)
        return table.take(np.flatnonzero(known))

    def inputs(self, table: Judged) -> Matrix:
        """Encoded rows without the target."""
        return table.matrix[:, self.columns]

    def target(self, table: Judged) -> npt.NDArray[Any]:
        """Class codes, or numbers."""
        return table.view.values[self.name]


def task_of(target: Field, encoder: Encoder, *, real: list[Judged]) -> Task:
    """Read off what kind of prediction a target asks for; a number with two values is a class.

    Raises
    ------
    NotApplicable
        For a set of codes, or where the real rows hold one value only.
    """
    if target.form == "bits":
        raise NotApplicable(f"the target {target.name!r} is a set of codes: no single prediction judges it")
    span = encoder.spans[target.name]
    columns = np.array([place for place in range(encoder.width) if not span.start <= place < span.stop])
    if not len(columns):
        raise NotApplicable("there is no column besides the target")
    pooled = np.concatenate([table.view.values[target.name] for table in real])
    distinct = len(
        np.unique(pooled[pooled != MISSING] if target.form == "level" else pooled[~np.isnan(pooled)])
    )
    if distinct < 2:
        raise NotApplicable(f"the target {target.name!r} has one value in the real rows")
    return Task(target.name, target.known if target.form == "level" else 0, columns)


Prediction = Callable[[Matrix], Matrix]


def learn(task: Task, table: Judged, *, learner: LearnerName, seed: int) -> Prediction:
    """Train a learner and return its prediction: inputs (n, d) to (n, classes), or (n, 1) for a number.

    A class that the training rows lack is predicted with probability 0. Where they hold one class it is
    predicted for all, and where they hold no row each is as probable as the others: nothing is learnt, and
    that is a failure of the table, not of the metric.
    """
    rows = task.usable(table)
    target = task.target(rows)
    outputs = max(1, task.classes)
    present = np.unique(target)
    if len(present) < 2:
        constant = np.full(outputs, 1.0 / outputs if task.classes else 0.0)
        if len(present):
            constant = np.eye(outputs)[present[0]] if task.classes else np.array([float(present[0])])
        return lambda inputs: np.tile(constant, (len(inputs), 1))
    model = _model(task.classes > 0, learner, seed)
    model.fit(task.inputs(rows), target)
    if not task.classes:
        return lambda inputs: np.asarray(model.predict(inputs), dtype=np.float64)[:, None]

    def predict(inputs: Matrix) -> Matrix:
        probabilities = np.zeros((len(inputs), outputs))
        probabilities[:, present] = model.predict_proba(inputs)
        return probabilities

    return predict


def _model(classifies: bool, learner: LearnerName, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    if learner == "linear":
        return LogisticRegression(max_iter=5000) if classifies else Ridge()
    boosting = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    return boosting(max_iter=_TREES, max_leaf_nodes=_LEAVES, early_stopping=False, random_state=seed)


def skill(task: Task, predicted: Matrix, target: npt.NDArray[Any], *, weights: Matrix) -> Matrix:
    """How good predictions are under each of B row weightings; shape (B,).

    Area under the ROC curve, for several classes the plain mean over the classes (each against the rest); for
    a number, R squared. NaN where a weighting leaves a class empty.
    """
    if task.classes:
        # The second of two classes mirrors the first: one curve is enough.
        wanted = range(1, 2) if task.classes == 2 else range(task.classes)
        areas = [
            weighted_auc(predicted[:, code], target == code, weights=weights)
            for code in wanted
            if 0 < (target == code).sum() < len(target)
        ]
        if not areas:
            raise NotApplicable(f"the target {task.name!r} has one class in the hold-out")
        return np.asarray(np.mean(areas, axis=0))
    total = weights.sum(axis=1)
    mean = weights @ target / total
    spread = weights @ target**2 - total * mean**2
    if spread[0] <= 0:
        raise NotApplicable(f"the target {task.name!r} has one value in the hold-out")
    error = weights @ (target - predicted[:, 0]) ** 2
    return np.asarray(1.0 - error / np.where(spread > 0, spread, np.nan))


def guessing(task: Task) -> float:
    """Skill of a prediction that looks at nothing."""
    return 0.5 if task.classes else 0.0
