"""Are synthetic rows nearer to a training row than its own neighbours are?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import TOLERANCE, nearest
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import wilson

Matrix = npt.NDArray[np.float64]

#: Entries of a block of distances that are held at once.
_BLOCK = 4_000_000


@metric("Authenticity (alarm only)", family="privacy", better="higher", bounds=(0.0, 1.0))
def authenticity(synthetic_sample: Judged, train: Judged, holdout: Judged) -> Measure:
    """Share of synthetic rows farther from their nearest training row than that row is from its own nearest.

    An alarm where it is far below what held-out patients get (about a half, never 1); it proves nothing where
    it is not, and takes no part in the score.

    Source: Alaa et al. 2022, arXiv:2102.08921, section 4.3.
    """
    if len(train) < 2:
        raise NotApplicable("it needs at least two training rows")
    own = nearest(train.matrix, train.matrix, k=1, same=True)[:, 0]
    shares = [authentic(table.matrix, train.matrix, own=own) for table in (synthetic_sample, holdout)]
    low, high = wilson(shares[0], len(synthetic_sample))
    return Measure(shares[0], low, high, ceiling=shares[1])


def authentic(rows: Matrix, train: Matrix, *, own: npt.NDArray[np.float64]) -> float:
    """Share of rows that are authentic; of several nearest training rows, the share of those that agree.

    Parameters
    ----------
    rows, train : float64 arrays (n, d), (m, d)
    own : float64 array (m,)
        Distance of each training row to its nearest other one, by the training row's position.
    """
    from scipy.spatial.distance import cdist

    total = 0.0
    step = max(1, _BLOCK // len(train))
    for start in range(0, len(rows), step):
        block = cdist(rows[start : start + step], train, "cityblock")
        apart = block.min(axis=1, keepdims=True)
        tied = block <= apart + TOLERANCE
        total += float(((tied & (apart > own + TOLERANCE)).sum(axis=1) / tied.sum(axis=1)).sum())
    return total / len(rows)
