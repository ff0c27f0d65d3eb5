"""Mondrian: the table is cut in two again and again, as long as both parts meet what is asked.

All parts of one depth are cut in the same pass over the rows, so that a pass costs a sort whatever the number
of parts. Deterministic: ties go to the first column and to the lower value.

Source: LeFevre, DeWitt and Ramakrishnan (2006), doi:10.1109/ICDE.2006.101, strict partitioning: rows with one
value stay together. # DIFF: the paper cuts at the median; we cut between the two values that part the rows
most evenly, so that a part is left alone only where no cut leaves k rows on both sides. In a hierarchy the
paper cuts a node into all its children; we cut between two children, and between grandchildren where a small
child would otherwise keep the whole node together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.privacy.anonymity.axes import Axis, Ints
from synthetic_healthcare.privacy.anonymity.demands import Demand

Flags = npt.NDArray[np.bool_]

#: Keys of combined columns stay below it: a larger product would leave 64 bits.
_LARGEST_KEY: Final = 2**62


@final
@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows that agree in all columns that count, taken together.

    Parameters
    ----------
    codes : int array (columns, u)
        Quasi-identifiers.
    weights : int array (u,)
        Rows of the table behind each.
    demands : sequence of Demand
        With the sensitive codes of the same u rows.
    """

    codes: Ints
    weights: Ints
    demands: Sequence[Demand]


def partition(axes: Sequence[Axis], demands: Sequence[Demand], k: int) -> Ints:
    """Part the rows into groups, each of at least `k` rows that meets every demand.

    Parameters
    ----------
    axes : sequence of Axis
        Quasi-identifiers of a table of n rows, which as a whole meets what is asked.
    demands : sequence of Demand
        What is asked of the sensitive values of a group.
    k : int
        Fewest rows of a group.

    Returns
    -------
    int array (n,)
        Each row's group, numbered from 0 without gaps.
    """
    columns = [(axis.codes, axis.size) for axis in axes]
    columns += [(demand.codes, demand.size) for demand in demands]
    keys = np.zeros(len(axes[0].codes), dtype=np.int64)
    reach = 1
    for codes, size in columns:
        if reach * size >= _LARGEST_KEY:
            distinct, keys = np.unique(keys, return_inverse=True)
            reach = len(distinct)
        keys, reach = keys * size + codes, reach * size
    _, first, inverse, weights = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    rows = _Rows(
        np.stack([axis.codes[first] for axis in axes]),
        weights.astype(np.intp),
        [demand.of_rows(first) for demand in demands],
    )
    return np.asarray(_grow(rows, axes, k)[inverse])


def _grow(rows: _Rows, axes: Sequence[Axis], k: int) -> Ints:
    """Cut until nothing can be cut; returns the group of each of the u rows."""
    groups = np.zeros(rows.codes.shape[1], dtype=np.intp)
    done = 0
    # Rows still in play, sorted by part; the part of each; for each part the columns that cannot cut it.
    alive = np.arange(len(groups))
    parts = np.zeros(len(groups), dtype=np.intp)
    tried = np.zeros((len(axes), 1), dtype=bool)
    while len(alive):
        widest, open_ = _choose(rows, axes, alive, parts, tried)
        closed = ~open_[parts]
        numbers = np.cumsum(~open_) - 1 + done
        groups[alive[closed]] = numbers[parts[closed]]
        done += int((~open_).sum())
        alive, parts = alive[~closed], (np.cumsum(open_) - 1)[parts[~closed]]
        widest, tried = widest[open_], tried[:, open_]
        if not len(alive):
            break
        values = rows.codes[widest[parts], alive]
        order = np.argsort(parts * (int(values.max()) + 1) + values, kind="stable")
        alive, parts, values = alive[order], parts[order], values[order]
        cuts, possible = _best_cuts(parts, values, rows.weights[alive], widest, axes, k)
        upper = values > cuts[parts]
        split = possible & _both_meet(rows, alive, 2 * parts + upper, possible)
        # Within a part rows are sorted by value, so the new numbers never fall.
        keys = 2 * parts + (upper & split[parts])
        begins = np.diff(keys, prepend=-1) != 0
        tried = tried | (np.arange(len(axes))[:, None] == widest)
        tried = tried[:, parts[begins]] & ~split[parts[begins]]
        parts = np.cumsum(begins) - 1
    return groups


def _choose(rows: _Rows, axes: Sequence[Axis], alive: Ints, parts: Ints, tried: Flags) -> tuple[Ints, Flags]:
    """For each part the column over which it is spread widest, and whether there is one left to try."""
    starts = np.flatnonzero(np.diff(parts, prepend=-1))
    spread = np.full(tried.shape, -1.0)
    for at, axis in enumerate(axes):
        codes = rows.codes[at, alive]
        low, high = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
        # Different values may lie at one place ("<0.5" and 0.5): they can still be cut, last of all.
        width = np.abs(axis.places[high] - axis.places[low]) + 1e-12
        spread[at] = np.where((high > low) & ~tried[at], width, -1.0)
    widest = spread.argmax(axis=0)
    return widest, np.asarray(spread.max(axis=0) > 0)


def _best_cuts(
    parts: Ints, values: Ints, weights: Ints, widest: Ints, axes: Sequence[Axis], k: int
) -> tuple[Ints, Flags]:
    """For each part the value after which to cut, and whether k rows are left on either side.

    The best cut leaves k rows on both sides, lies between nodes high in the hierarchy, and is even.
    """
    begins = np.flatnonzero((np.diff(parts, prepend=-1) != 0) | (np.diff(values, prepend=-1) != 0))
    part, value = parts[begins], values[begins]
    counts = np.add.reduceat(weights, begins)
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    totals = np.add.reduceat(counts, starts)
    running = np.cumsum(counts)
    left = running - (running - counts)[starts][part]
    right = totals[part] - left
    levels = max(axis.paths.shape[1] for axis in axes) + 1
    depth = _shared_levels(value, widest[part], axes)
    narrow = np.minimum(left, right) < k
    score = (narrow * levels + depth) * (int(totals.max()) + 1) + np.abs(left - right)
    # After the last value of a part there is nothing to cut off.
    score[np.append(starts[1:], len(part)) - 1] = np.iinfo(np.int64).max
    best = np.minimum.reduceat(score, starts)
    position = np.where(score == best[part], np.arange(len(part)), len(part))
    chosen = np.minimum.reduceat(position, starts)
    return value[chosen], ~narrow[chosen]


def _shared_levels(values: Ints, axis_of: Ints, axes: Sequence[Axis]) -> Ints:
    """Levels of the hierarchy that each value shares with the next one."""
    shared = np.zeros(len(values), dtype=np.intp)
    following = np.append(values[1:], 0)
    for at, axis in enumerate(axes):
        if not axis.paths.shape[1]:
            continue
        here = np.flatnonzero(axis_of == at)
        # The next value may belong to another part, and column: its score is overwritten anyway.
        after = np.minimum(following[here], axis.size - 1)
        equal = axis.paths[values[here]] == axis.paths[after]
        shared[here] = np.logical_and.accumulate(equal, axis=1).sum(axis=1)
    return shared


def _both_meet(rows: _Rows, alive: Ints, halves: Ints, possible: Flags) -> Flags:
    """Whether both halves of each part that can be cut meet every demand."""
    met = possible.copy()
    for demand in rows.demands:
        judged = np.flatnonzero(met[halves // 2])
        if not len(judged):
            break
        chosen = alive[judged]
        renamed = np.cumsum(np.diff(halves[judged], prepend=-1) != 0) - 1
        fine = demand.of_rows(chosen).met(renamed, rows.weights[chosen])
        met[met] = fine.reshape(-1, 2).all(axis=1)
    return met
