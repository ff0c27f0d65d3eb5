"""Nearest rows under the L1 distance, in blocks so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

#: Entries of a block of distances that are held at once (32 MB).
_BLOCK: Final = 4_000_000
#: Distances closer than this are the same distance: sums of the same terms in floating point.
TOLERANCE: Final = 1e-9


def _blocks(rows: Matrix, others: Matrix) -> Iterator[tuple[slice, Matrix]]:
    from scipy.spatial.distance import cdist

    step = max(1, _BLOCK // max(1, len(others)))
    for start in range(0, len(rows), step):
        span = slice(start, min(start + step, len(rows)))
        yield span, cdist(rows[span], others, "cityblock")


def nearest(rows: Matrix, others: Matrix, *, k: int, same: bool = False) -> Matrix:
    """Distances from each row to its `k` nearest among `others`, nearest first.

    Parameters
    ----------
    rows, others : float64 arrays (n, d), (m, d)
        Encoded rows.
    k : int
        How many; fewer come back where `others` has fewer rows.
    same : bool
        Whether `others` is `rows`: then no row is its own neighbour.

    Returns
    -------
    float64 array (n, min(k, rows to choose from))
    """
    k = min(k, len(others) - same)
    if k < 1:
        raise ValueError("nearest: there is no other row to be near to")
    found = np.empty((len(rows), k))
    for span, block in _blocks(rows, others):
        if same:
            block[np.arange(span.stop - span.start), np.arange(span.start, span.stop)] = np.inf
        if k < block.shape[1]:
            block = np.partition(block, k - 1, axis=1)[:, :k]
        found[span] = np.sort(block, axis=1)[:, :k]
    return found


@final
@dataclass(frozen=True)
class Ownership:
    """To which of two real tables the synthetic rows stand nearest.

    Parameters
    ----------
    share : float
        Share of the synthetic rows whose nearest real row belongs to the first table; a row with several
        nearest ones counts for the first table's share of these.
    weights : float64 array (n + m,)
        Share of the synthetic rows that have this real row as their nearest: the first table's rows, then the
        second's. They sum to 1.
    """

    share: float
    weights: npt.NDArray[np.float64]


def ownership(synthetic: Matrix, first: Matrix, *, second: Matrix) -> Ownership:
    """Find who owns the nearest real row of each synthetic row, ties split among all nearest.

    Splitting by count keeps the share unbiased for tables of unequal size: where the real rows are
    exchangeable, the expected share is n / (n + m).
    """
    real = np.concatenate([first, second])
    weights = np.zeros(len(real))
    for _, block in _blocks(synthetic, real):
        nearest_ones = block <= block.min(axis=1, keepdims=True) + TOLERANCE
        weights += (nearest_ones / nearest_ones.sum(axis=1, keepdims=True)).sum(axis=0)
    weights /= len(synthetic)
    return Ownership(float(weights[: len(first)].sum()), weights)


def count_within(rows: Matrix, others: Matrix, *, radius: float) -> npt.NDArray[np.int64]:
    """Count the rows of `others` that stand within `radius` of each row; shape (n,)."""
    counts = np.zeros(len(rows), dtype=np.int64)
    for span, block in _blocks(rows, others):
        counts[span] = (block <= radius + TOLERANCE).sum(axis=1)
    return counts
