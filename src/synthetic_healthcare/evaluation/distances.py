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
#: Against more rows than this, the nearest are sought among the Euclidean nearest, found by matrix products.
_EXACT: Final = 10_000
_CANDIDATES: Final = 64
#: Distances closer than this are the same distance: sums of the same terms in floating point.
TOLERANCE: Final = 1e-9
#: Rounding of squared distances in single precision.
_LOOSE: Final = 1e-3


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
        Encoded rows. Where `others` has more than 10,000 rows, only the 64 nearest in Euclidean distance are
        compared (equal and nearly equal rows are always among them unless there are more than 64).
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
    if len(others) > _EXACT and not same and k < _CANDIDATES:
        return _nearest_of_many(rows, others, k)
    found = np.empty((len(rows), k))
    for span, block in _blocks(rows, others):
        if same:
            block[np.arange(span.stop - span.start), np.arange(span.start, span.stop)] = np.inf
        if k == 1:
            found[span, 0] = block.min(axis=1)
            continue
        if k < block.shape[1]:
            block = np.partition(block, k - 1, axis=1)[:, :k]
        found[span] = np.sort(block, axis=1)[:, :k]
    return found


def nearest_rows(rows: Matrix, others: Matrix, *, k: int) -> tuple[Matrix, npt.NDArray[np.intp]]:
    """Distances to the `k` nearest rows and their positions in `others`, nearest first.

    Of equally near ones those that stand first in `others` are taken.

    Returns
    -------
    distances, positions : arrays (n, min(k, m))
    """
    k = min(k, len(others))
    distances, positions = np.empty((len(rows), k)), np.empty((len(rows), k), dtype=np.intp)
    for span, block in _blocks(rows, others):
        # Sums of the same terms in another order are the same distance.
        block = np.round(block, 9)
        if k == 1:
            positions[span, 0] = block.argmin(axis=1)
        else:
            edge = np.partition(block, k - 1, axis=1)[:, k - 1 : k]
            # What ties at the edge is decided by position: a stable sort of what lies within it.
            block = np.where(block <= edge, block, np.inf)
            positions[span] = np.argsort(block, axis=1, kind="stable")[:, :k]
        distances[span] = np.take_along_axis(block, positions[span], axis=1)
    return distances, positions


def _squared(rows: Matrix, others: Matrix) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Squared Euclidean distances by matrix products, in single precision: good for a first choice only."""
    # Centred, so that little is lost where large squares cancel.
    centre = others.mean(axis=0)
    left, right = (rows - centre).astype(np.float32), (others - centre).astype(np.float32)
    lengths = (right**2).sum(axis=1)
    step = max(1, _BLOCK // len(others))
    for start in range(0, len(rows), step):
        span = slice(start, min(start + step, len(rows)))
        squares = (left[span] ** 2).sum(axis=1)[:, None] + lengths
        yield span, squares - 2.0 * (left[span] @ right.T)


def _nearest_of_many(rows: Matrix, others: Matrix, k: int) -> Matrix:
    found = np.empty((len(rows), k))
    for span, squares in _squared(rows, others):
        chosen = np.argpartition(squares, _CANDIDATES, axis=1)[:, :_CANDIDATES]
        apart = np.abs(others[chosen] - rows[span][:, None, :]).sum(axis=2)
        found[span] = np.sort(apart, axis=1)[:, :k]
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
    chance : float
        The share to expect where all real rows are exchangeable: n / (n + m).
    """

    share: float
    weights: npt.NDArray[np.float64]
    chance: float


def ownership(synthetic: Matrix, first: Matrix, *, second: Matrix) -> Ownership:
    """Find who owns the nearest real row of each synthetic row, ties split among all nearest.

    Splitting by count keeps the share unbiased for tables of unequal size: where the real rows are
    exchangeable, the expected share is n / (n + m).
    """
    real = np.concatenate([first, second])
    if len(real) > _EXACT:
        weights, undecided = _owners_of_many(synthetic, real)
        weights += _owners(synthetic[undecided], real)
    else:
        weights = _owners(synthetic, real)
    weights /= len(synthetic)
    return Ownership(float(weights[: len(first)].sum()), weights, len(first) / len(real))


def _owners(synthetic: Matrix, real: Matrix) -> npt.NDArray[np.float64]:
    weights = np.zeros(len(real))
    for _, block in _blocks(synthetic, real):
        nearest_ones = block <= block.min(axis=1, keepdims=True) + TOLERANCE
        weights += (nearest_ones / nearest_ones.sum(axis=1, keepdims=True)).sum(axis=0)
    return weights


def _owners_of_many(synthetic: Matrix, real: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """As `_owners`, among the Euclidean nearest; and which rows have too many nearest ones to decide so."""
    weights = np.zeros(len(real))
    undecided = np.zeros(len(synthetic), dtype=bool)
    for span, squares in _squared(synthetic, real):
        chosen = np.argpartition(squares, _CANDIDATES, axis=1)[:, :_CANDIDATES]
        apart = np.abs(real[chosen] - synthetic[span][:, None, :]).sum(axis=2)
        nearest_ones = apart <= apart.min(axis=1, keepdims=True) + TOLERANCE
        # With all candidates tied, which of the equal rows were candidates was decided by their position.
        undecided[span] = nearest_ones.all(axis=1)
        nearest_ones[undecided[span]] = False
        shares = nearest_ones / np.maximum(1, nearest_ones.sum(axis=1, keepdims=True))
        np.add.at(weights, chosen, shares)
    return weights, undecided


def count_within(rows: Matrix, others: Matrix, *, radius: float) -> npt.NDArray[np.int64]:
    """Count the rows of `others` that stand within `radius` of each row; shape (n,)."""
    counts = np.zeros(len(rows), dtype=np.int64)
    if len(others) > _EXACT:
        # No L1 distance is below the Euclidean one: what is beyond the radius there needs no second look.
        for span, squares in _squared(rows, others):
            left, right = np.nonzero(squares <= radius**2 + _LOOSE)
            apart = np.abs(rows[span][left] - others[right]).sum(axis=1)
            counts[span] = np.bincount(left[apart <= radius + TOLERANCE], minlength=span.stop - span.start)
        return counts
    for span, block in _blocks(rows, others):
        counts[span] = (block <= radius + TOLERANCE).sum(axis=1)
    return counts


def count_balls(rows: Matrix, centres: Matrix, *, radii: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Count the balls, each around a centre with a radius of its own, that hold each row; shape (n,)."""
    counts = np.zeros(len(rows), dtype=np.int64)
    for span, block in _blocks(rows, centres):
        counts[span] = (block <= radii + TOLERANCE).sum(axis=1)
    return counts


def nearest_row(rows: Matrix, others: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Distance from each row to the nearest of `others`, and the first position that has it; shapes (n,)."""
    apart, position = np.empty(len(rows)), np.empty(len(rows), dtype=np.intp)
    for span, block in _blocks(rows, others):
        position[span] = block.argmin(axis=1)
        apart[span] = block.min(axis=1)
    return apart, position


def outside_share(rows: Matrix, others: Matrix, *, radii: npt.NDArray[np.float64]) -> float:
    """Share of rows farther from the nearest of `others` than that one's radius; ties by their share."""
    total = 0.0
    for _, block in _blocks(rows, others):
        apart = block.min(axis=1, keepdims=True)
        tied = block <= apart + TOLERANCE
        outside = (tied & (apart > radii + TOLERANCE)).sum(axis=1)
        total += float((outside / tied.sum(axis=1)).sum())
    return total / len(rows)
