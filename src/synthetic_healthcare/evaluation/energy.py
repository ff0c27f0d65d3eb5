"""The energy distance: a two-sample score without a classifier, cheap enough to take during training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


def energy_distance(first: Matrix, second: Matrix) -> float:
    """Compare two samples: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, Euclidean, without the zero self-distances.

    It is zero in expectation where both come from one distribution, and may be below zero by chance.

    Parameters
    ----------
    first : array (n, width)
        One sample, n >= 2.
    second : array (m, width)
        The other, m >= 2, on the same scale.

    References
    ----------
    Szekely and Rizzo (2013), Energy statistics, doi:10.1016/j.jspi.2013.03.018, eq. 2.4 (U-statistic form).
    """
    return 2 * _between(first, second) - _within(first) - _within(second)


def _between(first: Matrix, second: Matrix) -> float:
    from sklearn.metrics.pairwise import euclidean_distances

    return float(euclidean_distances(first, second).mean(dtype=np.float64))


def _within(sample: Matrix) -> float:
    n = len(sample)
    return _between(sample, sample) * n / (n - 1)
