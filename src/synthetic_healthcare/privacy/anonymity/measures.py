"""How diverse the values of a group are, and how far from those of the whole table.

Sources: l-diversity, Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam (2007),
doi:10.1145/1217299.1217302; t-closeness and both distances, Li, Li and Venkatasubramanian (2007),
doi:10.1109/ICDE.2007.367856. All of them hold for the union of groups that they hold for, so groups that come
out alike do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Tally:
    """How many rows of each group hold each value; only what is held has an entry.

    Parameters
    ----------
    groups, values, counts : int array (entries,)
        Sorted by group, then by value.
    starts : int array (g,)
        First entry of each group.
    totals : int array (g,)
        Rows of each group.
    """

    groups: Ints
    values: Ints
    counts: Ints
    starts: Ints
    totals: Ints

    @staticmethod
    def of(groups: Ints, values: Ints, weights: Ints) -> Tally:
        """Count; groups are numbered from 0 without gaps, and none is empty."""
        width = int(values.max(initial=0)) + 1
        keys = groups * width + values
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.add.reduceat(weights[order], first) if len(first) else weights[:0]
        held = keys[first] // width
        starts = np.flatnonzero(np.diff(held, prepend=-1))
        totals = np.add.reduceat(counts, starts) if len(starts) else counts
        return Tally(held, keys[first] % width, counts, starts, totals)

    def shares(self) -> Floats:
        """Share of its group that each entry is, shape (entries,)."""
        return np.asarray(self.counts / self.totals[self.groups])

    def sums(self, entries: Floats) -> Floats:
        """Sum of the entries of each group, shape (g,)."""
        return np.asarray(np.add.reduceat(entries, self.starts))


def distinct(tally: Tally) -> Floats:
    """Number of different values in each group, shape (g,)."""
    return np.diff(tally.starts, append=len(tally.groups)).astype(np.float64)


def effective(tally: Tally) -> Floats:
    """exp of the entropy of each group: so many equally common values would have it; shape (g,)."""
    shares = tally.shares()
    return np.exp(-tally.sums(shares * np.log(shares)))


def dominance(tally: Tally, l: int) -> Floats:  # noqa: E741 - the field's own letter
    """r_1 / (r_l + ... + r_m) of each group, counts sorted downwards; inf with fewer than l values; (g,).

    Recursive (c, l)-diversity is that it lies below c.
    """
    order = np.lexsort((-tally.counts, tally.groups))
    counts = tally.counts[order]
    ranks = np.arange(len(counts)) - tally.starts[tally.groups]
    tail = np.add.reduceat(np.where(ranks >= l - 1, counts, 0), tally.starts)
    with np.errstate(divide="ignore"):
        return np.asarray(counts[tally.starts] / tail)


def variation(tally: Tally, table: Floats) -> Floats:
    """Total variation distance between each group's shares and the table's, shape (g,).

    It is the earth mover's distance where all values are equally far from each other.
    """
    there = table[tally.values]
    # Values that a group does not hold differ by their whole share, 1 - sum(there) in all.
    return np.asarray((tally.sums(np.abs(tally.shares() - there) - there) + 1.0) / 2.0)


def ordered_distance(tally: Tally, table: Floats) -> Floats:
    """Earth mover's distance of ordered values between each group and the table, shape (g,).

    sum over i of |P_i - Q_i| / (m - 1), P and Q the cumulative shares over the table's m values (Li et al.,
    section 4.1.1). Between two values that a group holds P stays what it is, so the sum over such a stretch
    comes from prefix sums of Q.
    """
    values = len(table)
    if values < 2:
        return np.zeros(len(tally.starts))
    cumulated = np.cumsum(table)
    prefix = np.concatenate(([0.0], np.cumsum(cumulated)))
    running = np.cumsum(tally.counts)
    before = (running - tally.counts)[tally.starts]
    level = (running - before[tally.groups]) / tally.totals[tally.groups]
    begin = tally.values
    end = np.append(tally.values[1:], values)
    end[np.append(tally.starts[1:], len(end)) - 1] = values
    middle = np.clip(np.searchsorted(cumulated, level), begin, end)
    above = level * (middle - begin) - (prefix[middle] - prefix[begin])
    below = (prefix[end] - prefix[middle]) - level * (end - middle)
    ahead = prefix[tally.values[tally.starts]]
    return np.asarray((tally.sums(above + below) + ahead) / (values - 1))
