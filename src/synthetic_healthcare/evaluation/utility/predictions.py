"""Are the predictions of models trained on synthetic rows right, and do they mean what they say?"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.regressions import logistic, with_intercept
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN
from synthetic_healthcare.evaluation.statistics import interval, wilson
from synthetic_healthcare.evaluation.utility.learners import LEARNERS, Task
from synthetic_healthcare.evaluation.utility.trained import Trained, tested_rows, with_all

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

#: Probabilities nearer to 0 or 1 than this are taken as this near: their logits are finite.
_NEAR: Final = 1e-4
#: Groups of the calibration curve, and the fewest patients in one.
_GROUPS: Final = 10
_IN_GROUP: Final = 3 * LEAST_SHOWN


@metric("Macro F1", family="utility", better="higher", bounds=(0.0, 1.0))
def macro_f1(holdout: Judged, task: Task, trained: Trained, weights: Matrix) -> Measure:
    """Mean over the classes of F1 on the hold-out, by models trained on synthetic rows.

    F1 is the harmonic mean of precision and recall; the most probable class is predicted. A class that is
    never predicted has 0. Mean over gradient boosting and a linear model.

    Source: Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002, table 3.
    """

    def quality(predicted: Matrix, target: npt.NDArray[np.int64], used: Matrix) -> Vector:
        return f1(predicted.argmax(axis=1), target, classes=task.classes, weights=used)

    return _compared(quality, holdout, task=task, trained=trained, weights=weights)


@metric("Error of probabilities (Brier)", family="utility", better="lower", bounds=(0.0, 1.0))
def brier(holdout: Judged, task: Task, trained: Trained, weights: Matrix) -> Measure:
    """Mean squared error of the predicted probabilities on the hold-out, by models trained on synthetic rows.

    Half the sum over the classes of (probability - outcome)^2, so that two classes give the usual figure.
    Mean over gradient boosting and a linear model.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """

    def quality(predicted: Matrix, target: npt.NDArray[np.int64], used: Matrix) -> Vector:
        errors = 0.5 * ((predicted - np.eye(task.classes)[target]) ** 2).sum(axis=1)
        return np.asarray(used @ errors / used.sum(axis=1))

    return _compared(quality, holdout, task=task, trained=trained, weights=weights)


def _compared(quality: Any, holdout: Judged, *, task: Task, trained: Trained, weights: Matrix) -> Measure:
    """Judge both learners trained on synthetic rows, beside those trained on real ones."""
    rows = _rows(task, holdout)
    used, tested = with_all(rows, weights), holdout.take(rows)
    inputs, target = task.inputs(tested), task.target(tested)
    found = [
        [quality(models[learner](inputs), target, used) for learner in LEARNERS]
        for models in (trained.synthetic, trained.real)
    ]
    means = np.mean(found, axis=1)
    low, high = interval(means[0, 1:], float(means[0, 0]))
    table = {
        "columns": ["", "Trained on real rows", "Trained on synthetic rows"],
        "rows": [
            [learner, float(real[0]), float(synthetic[0])]
            for learner, synthetic, real in zip(LEARNERS, *found, strict=True)
        ],
    }
    return Measure(float(means[0, 0]), low, high, ceiling=float(means[1, 0]), detail={"table": table})


def f1(
    predicted: npt.NDArray[np.intp], target: npt.NDArray[np.int64], *, classes: int, weights: Matrix
) -> Vector:
    """Macro F1 under each of B row weightings, over the classes that occur; shape (B,)."""
    scores, present = [], []
    for code in range(classes):
        said, true = predicted == code, target == code
        hits = weights @ (said & true)
        both = weights @ said.astype(np.float64) + weights @ true.astype(np.float64)
        scores.append(2.0 * hits / np.where(both > 0, both, 1.0))
        present.append(both > 0)
    return np.asarray(np.sum(scores, axis=0) / np.maximum(np.sum(present, axis=0), 1))


@metric("Calibration", family="utility", better="lower", bounds=(0.0, math.inf))
def calibration(holdout: Judged, task: Task, trained: Trained) -> Measure:
    """How far the calibration slope on the hold-out is from 1, by models trained on synthetic rows.

    The slope of a logistic regression of the outcome on the logit of the predicted probability: below 1 the
    predictions are too extreme, above it too timid, at 0 (as where nothing was learnt) they say nothing. Of
    several classes each is an outcome against the others, all taken together. Mean over gradient boosting and
    a linear model; the curves are those of the former.

    Source: Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7.
    """
    rows = _rows(task, holdout)
    tested = holdout.take(rows)
    inputs, target = task.inputs(tested), task.target(tested)
    found, curves = [], []
    for side, models in (("real", trained.real), ("synthetic", trained.synthetic)):
        lines = []
        for learner in LEARNERS:
            chance, outcome = _outcomes(models[learner](inputs), target, task.classes)
            lines.append(calibration_line(chance, outcome))
            if learner == "gradient boosting":
                name = f"Trained on {side} rows"
                curves.append({"name": name, **calibration_curve(chance, outcome), "side": side})
        found.append(lines)
    ceiling, value = (float(np.mean([abs(slope - 1.0) for slope, _ in lines])) for lines in found)
    headings = ["", "Slope, real", "Intercept, real", "Slope, synthetic", "Intercept, synthetic"]
    detail = {
        "table": {
            "columns": headings,
            "rows": [
                [learner, *real, *synthetic]
                for learner, real, synthetic in zip(LEARNERS, *found, strict=True)
            ],
        },
        "curves": curves,
        "x_title": "Predicted probability",
        "y_title": "Observed share",
    }
    return Measure(value, ceiling=ceiling, detail=detail)


def _rows(task: Task, holdout: Judged) -> npt.NDArray[np.intp]:
    if not task.classes:
        raise NotApplicable(f"the target {task.name!r} is a number: it has no classes")
    rows = tested_rows(task, holdout)
    if int(task.target(holdout)[rows].max()) >= task.classes:
        raise NotApplicable(f"the target {task.name!r} has a class in the hold-out that is not known")
    return rows


def _outcomes(
    predicted: Matrix, target: npt.NDArray[np.int64], classes: int
) -> tuple[Vector, npt.NDArray[np.bool_]]:
    """Probability and outcome, of the second of two classes or of each class against the others."""
    wanted = np.arange(1, 2) if classes == 2 else np.arange(classes)
    return predicted[:, wanted].T.ravel(), (target == wanted[:, None]).ravel()


def calibration_line(chance: Vector, outcome: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the outcome's logit on that of the predicted chance; slope 0 for a constant."""
    clipped = chance.clip(_NEAR, 1.0 - _NEAR)
    logits = np.log(clipped / (1.0 - clipped))
    share = float(outcome.mean())
    if np.ptp(logits) < 1e-9:
        return 0.0, math.log(share / (1.0 - share))
    # A weak prior: where a model separates the hold-out's classes the slope has no finite estimate.
    prior = np.array([np.inf, 10.0])
    fitted = logistic(with_intercept(logits[:, None]), outcome.astype(np.float64), prior_sd=prior)
    return float(fitted.coefficients[1]), float(fitted.coefficients[0])


def calibration_curve(chance: Vector, outcome: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Mean predicted chance and observed share in groups of equal numbers, with 95 % intervals."""
    groups = np.array_split(np.argsort(chance, kind="stable"), max(1, min(_GROUPS, len(chance) // _IN_GROUP)))
    x, y, lower, upper = [], [], [], []
    for group in groups:
        if len(group) < LEAST_SHOWN:
            continue
        share = float(outcome[group].mean())
        low, high = wilson(share, len(group))
        x.append(float(chance[group].mean()))
        y.append(share)
        lower.append(low)
        upper.append(high)
    return {"x": x, "y": y, "lower": lower, "upper": upper}
