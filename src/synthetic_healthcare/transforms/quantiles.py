"""`QuantileFunction`: a distribution held as protected knots, and the way to normal scores and back.

The function Q runs from 0..1 to the column's values and is piecewise linear:

- a value held by enough patients is a flat part, so that ties and heaps come back exactly;
- between flat parts stand knots, each the mean of at least `floor` adjacent order statistics, so that no
  single patient's value is stored;
- its two ends are protected bounds (`protected_end`), strictly inside the real extremes unless enough
  patients hold them.

A number is encoded as the normal score of a uniform draw from the stretch of u that Q maps to it
("dequantised ties"), so that the encoded column is standard normal whatever its heaps; Q itself decodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from synthetic_healthcare.transforms.grid import Floats, Grid

#: Normal scores are held within this; 7 of a million rows of a normal variable fall outside.
SCORE_LIMIT: Final = 4.5
#: Cells of the table that speeds up decoding, over scores of -SCORE_LIMIT..SCORE_LIMIT.
_CELLS: Final = 8192
#: Distinct values around one (itself included) that say how often a value is held "by its neighbourhood".
_NEIGHBOURHOOD: Final = 9
#: Poisson standard deviations above its neighbourhood from which a value counts as heaped.
_HEAP_DEVIATIONS: Final = 3.0
#: Shares of the full reach beyond the outermost mean that a protected end tries, furthest first.
_REACHES: Final = (1.0, 0.75, 0.5, 0.25, 0.0)


@final
@dataclass(frozen=True, eq=False)
class QuantileFunction:
    """A monotone piecewise-linear quantile function.

    Parameters
    ----------
    u : float array (k,)
        Probabilities of the knots, from 0 to 1, never falling; equal neighbours are a jump.
    q : float array (k,)
        Values of the knots, never falling; equal neighbours are a heap.
    grid : Grid
        How values are written.
    """

    u: Floats
    q: Floats
    grid: Grid

    @property
    def low(self) -> float:
        """Protected lower end; nothing below it is ever drawn."""
        return float(self.q[0])

    @property
    def high(self) -> float:
        """Protected upper end; nothing above it is ever drawn."""
        return float(self.q[-1])

    def encode(self, values: Floats, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Draw the normal score of each value.

        Parameters
        ----------
        values : float array (n,)
            Finite numbers; those beyond the protected ends share the outermost stretch of u.
        rng : numpy.random.Generator
            Draws the place within a heap or a rounding cell.

        Returns
        -------
        float32 array (n,), within -SCORE_LIMIT..SCORE_LIMIT
        """
        written = self.grid.round(values)
        reach = self.grid.half_step
        first = self._probability(written - reach, side="left")
        last = self._probability(written + reach, side="right")
        # Real values outside the ends would all fall on u = 0 or 1, a pile that no neural model needs.
        outer_low, outer_high = self.u[min(1, len(self.u) - 1)], self.u[max(len(self.u) - 2, 0)]
        at_low, at_high = written <= self.low, written >= self.high
        first[at_low], last[at_high] = 0.0, 1.0
        last[at_low] = np.maximum(last[at_low], outer_low)
        first[at_high] = np.minimum(first[at_high], outer_high)
        drawn = first + (last - first) * rng.random(len(written))
        # In single precision u = 1 - 1e-8 would become 1 and its score infinite: the clip restores order.
        scores = ndtri(drawn.astype(np.float32))
        return np.clip(scores, -SCORE_LIMIT, SCORE_LIMIT).astype(np.float32)

    def decode(self, scores: npt.NDArray[np.float32]) -> Floats:
        """Return Q of the probability of each score, rounded as the column is written, within the ends."""
        place = (np.clip(scores, -SCORE_LIMIT, SCORE_LIMIT) + SCORE_LIMIT) * (_CELLS / (2 * SCORE_LIMIT))
        cell = np.minimum(place.astype(np.int32), _CELLS - 1)
        base, slope, exact = self._cells
        values = base[cell]
        values += slope[cell] * (place - cell)
        awkward = np.flatnonzero(exact[cell])
        values[awkward] = np.interp(ndtr(scores[awkward].astype(np.float64)), self.u, self.q)
        values = self.grid.round(values)
        return np.clip(values, self.low, self.high, out=values)

    @cached_property
    def _cells(self) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Start and rise of Q over equal cells of the score, and which cells hold a knot (read exactly).

        Within a cell the normal distribution function is straight to 3e-8, below the precision of the scores
        themselves, and this is three times as fast as a search for the knot of every number.
        """
        edges = ndtr(np.linspace(-SCORE_LIMIT, SCORE_LIMIT, _CELLS + 1))
        at_edges = np.interp(edges, self.u, self.q)
        exact = np.searchsorted(self.u, edges[:-1], side="left") < np.searchsorted(
            self.u, edges[1:], side="right"
        )
        # The outermost cells also stand for every score beyond the limit.
        exact[[0, -1]] = True
        return at_edges[:-1], np.diff(at_edges), exact

    def _probability(self, values: Floats, *, side: str) -> Floats:
        """Smallest (`left`) or largest (`right`) u whose Q is the value, 0 and 1 beyond the ends."""
        above = np.searchsorted(self.q, values, side="left" if side == "left" else "right")
        inner = np.clip(above, 1, len(self.q) - 1)
        rise = self.q[inner] - self.q[inner - 1]
        share = np.divide(values - self.q[inner - 1], rise, out=np.zeros_like(values), where=rise > 0)
        found = self.u[inner - 1] + np.clip(share, 0.0, 1.0) * (self.u[inner] - self.u[inner - 1])
        return np.where(above == 0, 0.0, np.where(above == len(self.q), 1.0, found))


def fit_quantiles(values: Floats, grid: Grid, *, floor: int, knots: int) -> QuantileFunction:
    """Learn the quantile function of `values`.

    Parameters
    ----------
    values : float array (n,), n >= floor
        Finite numbers, already within the column's declared bounds.
    grid : Grid
        How they are written.
    floor : int
        Patients that a knot must stand for.
    knots : int
        Most heaps, and most groups of the values between them. With the edges of the stretches the state
        holds at most 6 * `knots` + 8 points, however many values there are.
    """
    ordered = np.sort(grid.round(values))
    low, high = protected_ends(ordered, grid, floor=floor)
    distinct, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    heaps = _heaps(counts, floor=floor, most=knots)
    stretches = _Stretches(ordered, floor, knots)
    points: list[tuple[Floats, Floats]] = []
    begin, below = 0, low
    for heap in heaps:
        at, size = float(distinct[heap]), int(counts[heap])
        start = int(first[heap])
        edge_low = below if not points else below + grid.half_step
        points += stretches.between(begin, start, edge_low, at - grid.half_step)
        points.append((np.array([start, start + size]), np.array([at, at])))
        begin, below = start + size, at
    points += stretches.between(begin, len(ordered), below + grid.half_step if points else low, high)
    u = np.concatenate([place for place, _ in points]) / len(ordered)
    q = np.clip(np.maximum.accumulate(np.concatenate([value for _, value in points])), low, high)
    # The ends themselves, so that a column whose outer stretches are empty still starts at 0 and ends at 1.
    u, q = np.concatenate([[0.0], u, [1.0]]), np.concatenate([[q[0]], q, [q[-1]]])
    return QuantileFunction(*_without_repeats(u, q), grid)


def protected_ends(ordered: Floats, grid: Grid, *, floor: int) -> tuple[float, float]:
    """Return the lowest and the highest value that may be drawn; see `protected_end`."""
    low = protected_end(ordered, grid, floor=floor)
    high = -protected_end(-ordered[::-1], grid, floor=floor)
    if low > high:
        # No written value lies strictly between two extremes that too few patients hold.
        low = high = float(grid.round(np.array([ordered.mean()]))[0])
    return low, high


def protected_end(ordered: Floats, grid: Grid, *, floor: int) -> float:
    """Return a lower end that can be drawn without giving the real minimum away.

    The minimum itself where at least `floor` patients hold it. Otherwise the mean of the `floor` smallest
    values, moved outwards by at most the half-width of the uniform distribution with their standard
    deviation, in steps of a quarter, as far as it stays strictly inside the real minimum after rounding: what
    is stored is a summary of `floor` patients.

    Parameters
    ----------
    ordered : float array (n,), rising
        All values, as written.
    grid : Grid
        How values are written; the end is one of its values.
    floor : int
        Patients behind the end.
    """
    smallest = float(ordered[0])
    group = ordered[:floor]
    if len(ordered) >= floor and group[-1] == smallest:
        return smallest
    mean, reach = float(group.mean()), float(np.sqrt(3.0) * group.std())
    for share in _REACHES:
        end = grid.ceil(mean - share * reach)
        if end > smallest:
            return end
    return grid.ceil(mean)


def _heaps(counts: npt.NDArray[np.intp], *, floor: int, most: int) -> npt.NDArray[np.intp]:
    """Choose the distinct values that are kept as flat parts, as positions, rising."""
    held = np.flatnonzero(counts >= floor)
    if len(held) <= most:
        return held
    # Too many to keep all (a fine grid, many rows): straight stretches and rounding give back every value
    # that is about as frequent as its neighbours, so only those that stand out are kept.
    padded = np.pad(counts, _NEIGHBOURHOOD // 2, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _NEIGHBOURHOOD), axis=1)
    excess = (counts - around) / np.sqrt(around + 1.0)
    standing_out = held[excess[held] >= _HEAP_DEVIATIONS]
    by_excess = np.argsort(-excess[standing_out], kind="stable")
    return np.sort(standing_out[by_excess[:most]])


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """Cuts the order statistics between two heaps into groups and describes them by their means."""

    ordered: Floats
    floor: int
    budget: int

    def between(self, begin: int, end: int, lowest: float, highest: float) -> list[tuple[Floats, Floats]]:
        """Points (place in rows, value) of the rows `begin`..`end`, held within `lowest`..`highest`."""
        rows = end - begin
        if rows == 0:
            return []
        highest = max(highest, lowest)
        fair = max(1, round(self.budget * rows / len(self.ordered)))
        groups = min(rows // self.floor, fair)
        if groups == 0:
            return [(np.array([begin, end], dtype=float), np.array([lowest, highest]))]
        outer = (begin == 0, end == len(self.ordered))
        cuts = _cuts(rows, groups, self.floor, outer)
        held = self.ordered[begin:end]
        means = np.add.reduceat(held, cuts[:-1]) / np.diff(cuts)
        first, last = _edges(means, held)
        # The outermost stretches reach to the protected ends, inner ones as far as their groups go.
        values = np.concatenate([[lowest if outer[0] else first], means, [highest if outer[1] else last]])
        places = begin + np.concatenate([[0.0], (cuts[:-1] + cuts[1:]) / 2, [rows]])
        return [(places, np.clip(values, lowest, highest))]


def _cuts(rows: int, groups: int, floor: int, outer: tuple[bool, bool]) -> npt.NDArray[np.intp]:
    """Cut `rows` into `groups` of at least `floor`, finer towards an outer end, where tails are thin.

    From an outer end inwards the groups hold floor, floor, 2 floor, 4 floor, ... rows until they are as large
    as equal shares would be; the number of groups stays the same.
    """
    share = rows / groups
    tail = [floor] if floor < share else []
    while tail and floor * 2 ** (len(tail) - 1) < share and len(tail) < groups // 4:
        tail.append(floor * 2 ** (len(tail) - 1))
    low, high = (np.array(tail if is_outer else [], dtype=np.intp) for is_outer in outer)
    middle = groups - len(low) - len(high)
    if middle < 1:
        low, high, middle = low[:0], high[:0], groups
    left = rows - int(low.sum()) - int(high.sum())
    inner = int(low.sum()) + left * np.arange(middle + 1) // middle
    return np.unique(np.concatenate([[0, rows], np.cumsum(low), inner, rows - np.cumsum(high)]))


def _edges(means: Floats, held: Floats) -> tuple[float, float]:
    """Carry the outer groups on by half their distance, or by the spread of a single group."""
    if len(means) == 1:
        reach = float(np.sqrt(3.0) * held.std())
        return float(means[0]) - reach, float(means[0]) + reach
    return float(1.5 * means[0] - 0.5 * means[1]), float(1.5 * means[-1] - 0.5 * means[-2])


def _without_repeats(u: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Drop points that repeat the one before."""
    new = np.concatenate([[True], (np.diff(u) > 0) | (np.diff(q) > 0)])
    return u[new], q[new]
