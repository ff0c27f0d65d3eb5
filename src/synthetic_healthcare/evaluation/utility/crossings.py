"""Train on one table and test on another: real on real, real on synthetic, synthetic on itself, and both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.utility.learners import LEARNERS, Task, learn
from synthetic_healthcare.evaluation.utility.trained import (
    MEASURES,
    Trained,
    joined,
    skill_on,
    tested_rows,
    with_all,
)

Matrix = npt.NDArray[np.float64]


@metric("Train on real, test on real", family="utility", better="higher", bounds=(-math.inf, 1.0))
def trtr(holdout: Judged, task: Task, trained: Trained, weights: Matrix) -> Measure:
    """Skill on the hold-out of models trained on real rows: what there is to keep.

    Mean over gradient boosting and a linear model of the area under the ROC curve, or R squared for a number.

    Source: Esteban, Hyland and Rätsch 2017, arXiv:1706.02633.
    """
    rows = tested_rows(task, holdout)
    used, tested = with_all(rows, weights), holdout.take(rows)
    skills = [skill_on(task, trained.real[learner], tested, weights=used) for learner in LEARNERS]
    mean = np.mean(skills, axis=0)
    low, high = interval(mean[1:], float(mean[0]), bounds=(-math.inf, 1.0))
    table = _table(task, ["Real"], [[float(one[0]) for one in skills]])
    return Measure(float(mean[0]), low, high, detail={"table": table})


@metric("Train on real, test on synthetic", family="utility", better="higher", bounds=(-math.inf, 1.0))
def trts(synthetic_sample: Judged, holdout: Judged, task: Task, trained: Trained) -> Measure:
    """Skill on synthetic rows of models trained on real rows, beside their skill on the hold-out.

    Below the latter, synthetic outcomes do not follow from the other columns as real ones do; above it, they
    follow more strictly than real ones. A class without a synthetic row counts as guessed.

    Source: Esteban, Hyland and Rätsch 2017, arXiv:1706.02633.
    """
    tested = holdout.take(tested_rows(task, holdout))
    skills = [
        [float(skill_on(task, trained.real[learner], table)[0]) for learner in LEARNERS]
        for table in (synthetic_sample, tested)
    ]
    table = _table(task, ["Synthetic rows", "Hold-out"], skills)
    value, ceiling = (float(np.mean(one)) for one in skills)
    return Measure(value, ceiling=ceiling, detail={"table": table})


@metric("Train on synthetic, test on synthetic", family="utility", better="higher", bounds=(-math.inf, 1.0))
def tsts(synthetic_sample: Judged, train_sample: Judged, task: Task, trained: Trained) -> Measure:
    """Skill on one half of the synthetic rows of models trained on the other, beside the same of real rows.

    A class without a synthetic row counts as guessed.

    Source: Esteban, Hyland and Rätsch 2017, arXiv:1706.02633 (training and testing on the four pairs).
    """
    skills = [
        [_halves(task, table, learner=learner, seed=trained.seed) for learner in LEARNERS]
        for table in (synthetic_sample, train_sample)
    ]
    value, ceiling = (float(np.mean(one)) for one in skills)
    table = _table(task, ["Synthetic rows", "Real rows"], skills)
    return Measure(value, ceiling=ceiling, detail={"table": table})


def _halves(task: Task, table: Judged, *, learner: Any, seed: int) -> float:
    """Skill across two halves; the order of rows is a hash of their content, so they are random halves."""
    even, odd = (table.take(np.arange(start, len(table), 2)) for start in (0, 1))
    found = [
        skill_on(task, learn(task, trained_on, learner=learner, seed=seed), tested_on)[0]
        for trained_on, tested_on in ((even, odd), (odd, even))
    ]
    return float(np.mean(found))


@metric("Gain from adding synthetic rows", family="utility", better="higher", bounds=(-math.inf, math.inf))
def augmentation(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    task: Task,
    trained: Trained,
    weights: Matrix,
) -> Measure:
    """Skill on the hold-out of models trained on real and synthetic rows, less that with the real rows alone.

    The detail gives the same where only synthetic rows of the rarest class are added.

    Source: Frid-Adar et al. 2018, doi:10.1016/j.neucom.2018.09.013 (augmentation with generated rows).
    """
    rows = tested_rows(task, holdout)
    used, tested = with_all(rows, weights), holdout.take(rows)
    added = {"All synthetic rows": synthetic_sample}
    if task.classes:
        target = task.target(synthetic_sample)
        rarest = np.flatnonzero(target == task.classes - 1)
        added["Rarest class only"] = synthetic_sample.take(rarest)
    alone = [skill_on(task, trained.real[learner], tested, weights=used) for learner in LEARNERS]
    skills = [alone]
    for rows_added in added.values():
        both = joined(train_sample, rows_added)
        skills.append(
            [
                skill_on(task, learn(task, both, learner=learner, seed=trained.seed), tested, weights=used)
                for learner in LEARNERS
            ]
        )
    gain = np.mean(skills[1], axis=0) - np.mean(alone, axis=0)
    low, high = interval(gain[1:], float(gain[0]), bounds=(-math.inf, math.inf))
    names = ["Real rows alone", *added]
    table = _table(task, names, [[float(one[0]) for one in each] for each in skills])
    return Measure(float(gain[0]), low, high, detail={"table": table})


def _table(task: Task, names: Sequence[str], skills: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Skill by learner, one column a training or test table."""
    return {
        "columns": [MEASURES[task.classes > 0], *names],
        "rows": [[learner, *(one[place] for one in skills)] for place, learner in enumerate(LEARNERS)],
    }
