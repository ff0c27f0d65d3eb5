"""What the metrics of privacy ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.distances import Ownership, ownership
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.attacks import attack_scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort, draw_cohort, near_radius
from synthetic_healthcare.evaluation.privacy.copied import Copied, near_copied
from synthetic_healthcare.evaluation.privacy.nulls import Nulls, draw_nulls

#: Pairs of rows that are compared one by one, and synthetic rows that take part at least.
_MAX_PAIRS: Final = 300_000_000
_MIN_CLOSEST: Final = 500

Scores = tuple[Mapping[str, npt.NDArray[np.float64]], Mapping[str, npt.NDArray[np.float64]]]


def _cohort(train: Judged, holdout: Judged, options: EvaluationOptions) -> Cohort:
    return draw_cohort(train, holdout, seed=options.seed)


def _radius(holdout: Judged) -> float:
    return near_radius(holdout)


def _scores(cohort: Cohort, synthetic_deep: Judged, options: EvaluationOptions) -> Scores:
    return attack_scores(cohort, synthetic_deep, seed=options.seed)


def _owned(synthetic: Judged, train_deep: Judged, holdout_deep: Judged) -> Ownership:
    # All real rows that may be the nearest count; the fewer synthetic rows can be compared with them.
    rows = max(_MIN_CLOSEST, _MAX_PAIRS // (len(train_deep) + len(holdout_deep)))
    return ownership(synthetic.matrix[:rows], train_deep.matrix, second=holdout_deep.matrix)


def _nulls(
    scores: Scores,
    copied: Copied,
    owned: Ownership,
    options: EvaluationOptions,
    rng: np.random.Generator,
) -> Nulls:
    members, controls = scores
    return draw_nulls(
        controls,
        copied,
        owned,
        members=len(members["A1"]),
        nulls=options.nulls,
        rng=rng,
    )


PRIVACY_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {
    "cohort": _cohort,
    "radius": _radius,
    "scores": _scores,
    "owned": _owned,
    "copied": near_copied,
    "nulls": _nulls,
}
