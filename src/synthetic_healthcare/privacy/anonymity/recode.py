"""From groups of rows back to cells: one value of the group's own, or an interval as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthetic_healthcare.privacy.anonymity.axes import Axis, Ints
from synthetic_healthcare.privacy.anonymity.hierarchy import EVERYTHING
from synthetic_healthcare.privacy.anonymity.measures import Tally


def as_values(series: pd.Series[Any], axis: Axis, groups: Ints) -> pd.Series[Any]:
    """Give all rows of a group one value that a row of the group holds; dtype and index are kept.

    The lower median of numbers, dates and ordinals; of other columns the most common value (of equally
    common ones the first). A group that is missing by more than half becomes missing.
    """
    tally = Tally.of(groups, axis.codes, np.ones(len(groups), dtype=np.intp))
    chosen = _medians(tally, axis) if axis.ordered else _modes(tally)
    taken: pd.Series[Any] = series.take(axis.first[chosen[groups]])
    return taken.set_axis(series.index)


def as_intervals(series: pd.Series[Any], axis: Axis, groups: Ints) -> pd.Series[Any]:
    """Give all rows of a group the text that covers them: "60-69", "{A, B}", or a node of the hierarchy."""
    tally = Tally.of(groups, axis.codes, np.ones(len(groups), dtype=np.intp))
    ends = np.append(tally.starts[1:], len(tally.values))
    labels = np.empty(len(tally.starts), dtype=object)
    for group, (start, end) in enumerate(zip(tally.starts.tolist(), ends.tolist(), strict=True)):
        labels[group] = _label(axis, tally.values[start:end])
    return pd.Series(labels[groups], dtype=object, index=series.index, name=series.name)


def loss(axis: Axis, groups: Ints) -> float:
    """Mean normalised certainty penalty of a column: 0 where nothing was made coarser, 1 where all was.

    For numbers and dates the width of a row's group over the width of the table; for other columns the share
    of the other values that the group covers; 1 where missing and present are mixed.

    Source: Xu, Wang, Pei, Wang, Shi and Fu (2006), doi:10.1145/1150402.1150504.
    """
    tally = Tally.of(groups, axis.codes, np.ones(len(groups), dtype=np.intp))
    last = np.append(tally.starts[1:], len(tally.values)) - 1
    held = last - tally.starts + 1
    if axis.continuous:
        places = axis.places[tally.values]
        # A hierarchy may sort values otherwise than by size.
        cost = np.maximum.reduceat(places, tally.starts) - np.minimum.reduceat(places, tally.starts)
        if axis.missing >= 0:
            cost = np.where((tally.values[last] == axis.missing) & (held > 1), 1.0, cost)
    else:
        cost = (held - 1) / max(axis.size - 1, 1)
    return float((cost * tally.totals).sum() / max(len(groups), 1))


def _modes(tally: Tally) -> Ints:
    most = np.maximum.reduceat(tally.counts, tally.starts)
    return _first_value(tally, tally.counts == most[tally.groups])


def _medians(tally: Tally, axis: Axis) -> Ints:
    lost = tally.values == axis.missing
    present = np.where(lost, 0, tally.counts)
    totals = np.add.reduceat(present, tally.starts)
    running = np.cumsum(present)
    within = running - (running - present)[tally.starts][tally.groups]
    mostly_lost = 2 * totals < tally.totals
    middle = ~lost & (2 * within >= totals[tally.groups])
    return _first_value(tally, np.where(mostly_lost[tally.groups], lost, middle))


def _first_value(tally: Tally, wanted: Any) -> Ints:
    """The first value of each group that is wanted; there is one."""
    position = np.where(wanted, np.arange(len(tally.values)), len(tally.values))
    return tally.values[np.minimum.reduceat(position, tally.starts)]


def _label(axis: Axis, codes: Ints) -> str | None:
    """The text that covers some values, given in ascending order."""
    lost = codes[-1] == axis.missing
    present = codes[:-1] if lost else codes
    if not len(present):
        return None
    label = _covering(axis, present)
    return f"{label} or missing" if lost else label


def _covering(axis: Axis, codes: Ints) -> str:
    low, high = int(codes[0]), int(codes[-1])
    if low == high:
        return axis.texts[low]
    if axis.paths.shape[1]:
        # Codes are sorted by node, so the ends share what all share.
        shared = int(np.logical_and.accumulate(axis.paths[low] == axis.paths[high]).sum())
        return axis.labels[low][shared - 1] if shared else EVERYTHING
    if axis.ordered:
        ends = (axis.texts[low], axis.texts[high])
        plain = all(end.replace(".", "", 1).isdigit() for end in ends)
        return ("-" if plain else " to ").join(ends)
    return "{" + ", ".join(axis.texts[code] for code in codes.tolist()) + "}"
