"""Are all kinds of real rows represented?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import TOLERANCE, nearest
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval

_K: Final = 5


@metric("Coverage", family="fidelity", better="higher", bounds=(0.0, 1.0))
def coverage(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, weights: npt.NDArray[np.float64]
) -> Measure:
    """Share of the hold-out's rows that have a synthetic row nearer than their fifth real neighbour.

    Source: Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models",
    arXiv:2002.09797, equation 9.
    """
    if len(holdout) <= _K:
        raise NotApplicable(f"it needs more than {_K} hold-out rows")
    radius = nearest(holdout.matrix, holdout.matrix, k=_K, same=True)[:, -1]
    covered = np.stack(
        [
            nearest(holdout.matrix, table.matrix, k=1)[:, 0] <= radius + TOLERANCE
            for table in (synthetic_sample, train_sample)
        ]
    ).astype(np.float64)
    replicates = covered @ (weights / weights.sum(axis=1, keepdims=True)).T
    value = float(covered[0].mean())
    low, high = interval(replicates[0], value)
    return Measure(value, low, high, ceiling=float(covered[1].mean()), replicates=replicates)
