"""Train on synthetic, test on real: does a model learnt from synthetic rows predict for real patients?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval, true_positive_rate
from synthetic_healthcare.evaluation.utility.learners import LEARNERS, Task, guessing, learn, skill

Vector = npt.NDArray[np.float64]

#: A real-trained model that gains less than this on guessing has learnt nothing that could be kept.
_MIN_GAIN: Final = 0.02
#: Points of the curves that are drawn.
_POINTS: Final = 51


@metric("Train on synthetic, test on real", family="utility", better="higher", bounds=(0.0, 1.0))
def tstr(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    task: Task,
    weights: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Measure:
    """Gain over guessing of models trained on synthetic rows, as a share of those trained on real rows.

    clip((m_S - m_0) / (m_T - m_0), 0, 1) with m the mean over gradient boosting and a linear model of the
    area under the ROC curve on the hold-out (R squared for a number), m_0 that of guessing.

    Source: Esteban, Hyland and Rätsch 2017, arXiv:1706.02633 (training on synthetic, testing on real).
    """
    known = task.target(holdout)
    rows = np.flatnonzero(known >= 0) if task.classes else np.flatnonzero(~np.isnan(known))
    if len(rows) < 2:
        raise NotApplicable(f"the target {task.name!r} is missing in the hold-out")
    tested = holdout.take(rows)
    used = np.concatenate([np.ones((1, len(rows))), weights[:, rows]])
    seed = int(rng.integers(2**31))
    skills: dict[str, list[Vector]] = {"synthetic": [], "real": []}
    curves: list[dict[str, Any]] = []
    for learner in LEARNERS:
        for name, table in (("synthetic", synthetic_sample), ("real", train_sample)):
            predicted = learn(task, table, learner=learner, seed=seed)(task.inputs(tested))
            skills[name].append(skill(task, predicted, task.target(tested), weights=used))
            if task.classes == 2 and learner == "gradient boosting":
                curves.append(roc_curve(predicted[:, 1], task.target(tested) == 1, side=name))
    synthetic, real = (np.mean(skills[name], axis=0) for name in ("synthetic", "real"))
    floor = guessing(task)
    if not real[0] - floor >= _MIN_GAIN:
        raise NotApplicable(
            f"models trained on real rows predict {task.name!r} no better than guessing: nothing can be kept"
        )
    kept = kept_share(synthetic, real, floor=floor)
    low, high = interval(kept[1:], float(kept[0]))
    detail = {
        "measure": "auc" if task.classes else "r2",
        "target": task.name,
        "guessing": floor,
        "trained_on_synthetic": _by_learner(skills["synthetic"]),
        "trained_on_real": _by_learner(skills["real"]),
        "curves": curves,
        "x_title": "False positive rate",
        "y_title": "True positive rate",
    }
    replicates = np.stack([kept[1:], np.ones(len(kept) - 1)])
    return Measure(float(kept[0]), low, high, ceiling=1.0, detail=detail, replicates=replicates)


def roc_curve(scores: Vector, positive: npt.NDArray[np.bool_], *, side: str) -> dict[str, Any]:
    """Points of the ROC curve at evenly spaced false positive rates, for show."""
    rates = np.linspace(0.0, 1.0, _POINTS)
    hits = [
        true_positive_rate(scores[positive], scores[~positive], false_positive_rate=float(rate))
        for rate in rates
    ]
    name = f"Trained on {side} rows"
    return {"name": name, "x": rates.tolist(), "y": hits, "lower": None, "upper": None, "side": side}


def kept_share(synthetic: Vector, real: Vector, *, floor: float) -> Vector:
    """Share of the gain over `floor` that is kept, from 0 to 1; NaN where a weighting could not be tested."""
    gain = real - floor
    share = np.where(gain > 1e-9, (synthetic - floor) / np.where(gain > 1e-9, gain, 1.0), synthetic >= real)
    return np.asarray(np.where(np.isnan(synthetic) | np.isnan(real), np.nan, share.clip(0.0, 1.0)))


def _by_learner(skills: list[Vector]) -> dict[str, float]:
    return {learner: float(one[0]) for learner, one in zip(LEARNERS, skills, strict=True)}
