"""The energy distance: a two-sample score without a classifier, cheap enough to take during training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


def energy_scores(
    sample: Matrix, judges: Matrix, *, within_judges: float | None = None
) -> npt.NDArray[np.float64]:
    """Score a sample by each row of another one; the mean is their energy distance.

    The score of a judge y is 2 E|X - y| - E|X - X'| - E|Y - Y'|, Euclidean, without the zero distances of a
    row to itself. The mean is zero in expectation where both samples come from one distribution; it may fall
    below by chance. Its differences between samples can be compared judge by judge.

    Parameters
    ----------
    sample : array (n, width)
        The rows to score, n >= 2.
    judges : array (m, width)
        Rows on the same scale, m >= 2.
    within_judges : float, optional
        `mean_distance(judges)`, where it is at hand: judges that score many samples keep it.

    Returns
    -------
    float64 array (m,)

    References
    ----------
    Szekely and Rizzo (2013), Energy statistics, doi:10.1016/j.jspi.2013.03.018, in the form of U-statistics.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    between = euclidean_distances(judges, sample).mean(axis=1, dtype=np.float64)
    if within_judges is None:
        within_judges = mean_distance(judges)
    return np.asarray(2 * between - mean_distance(sample) - within_judges)


def mean_distance(sample: Matrix) -> float:
    """Mean Euclidean distance between different rows of an (n, width) array."""
    from sklearn.metrics.pairwise import euclidean_distances

    n = len(sample)
    return float(euclidean_distances(sample, sample).mean(dtype=np.float64)) * n / (n - 1)
