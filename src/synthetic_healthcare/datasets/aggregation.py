"""Events summed up per (group, concept) while they stream by: what is kept does not grow with their number.

A table of events (vital signs, laboratory values, prescriptions) holds many rows for one row of the table
that it belongs to. `aggregate` reads it once, batch by batch, and keeps one cell per group, concept and
statistic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, final, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConfigError, DataError
from synthetic_healthcare.schema.spelling import unknown

if TYPE_CHECKING:
    import pyarrow as pa

Statistic = Literal["min", "max", "mean", "first", "last", "count", "sum", "any"]
STATISTICS: Final[tuple[Statistic, ...]] = get_args(Statistic)

Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_EARLIEST: Final = np.iinfo(np.int64).min
_LATEST: Final = np.iinfo(np.int64).max


@final
@dataclass(frozen=True)
class EventColumns:
    """Which columns of an event table mean what.

    Parameters
    ----------
    group : str
        Whose event it is: a key of the table that the events belong to.
    value : str or None
        The number; `None`: each event counts as 1.
    concept : str or None
        What was measured; `None`: all events are of one concept, the first of those asked for.
    order : str or None
        When it was, a number or an instant; `first` and `last` need it.
    """

    group: str
    value: str | None = None
    concept: str | None = None
    order: str | None = None


def aggregate(
    batches: Iterable[pa.RecordBatch],
    *,
    columns: EventColumns,
    groups: Sequence[Any],
    concepts: Sequence[Any],
    statistics: Sequence[Statistic],
) -> pd.DataFrame:
    """Sum up a stream of events, one row a group.

    Memory is that of one batch and of `len(groups) * len(concepts)` cells a statistic, however many events
    there are.

    Parameters
    ----------
    batches : iterable of pyarrow RecordBatch
        The events, in any order; read once.
    columns : EventColumns
        Which of their columns mean what.
    groups : sequence
        Keys of the rows of the result; events of others are passed over.
    concepts : sequence
        Values of the concept column to keep; events of others are passed over.
    statistics : sequence of str
        Out of "min", "max", "mean", "first", "last", "count", "sum" and "any" (is any value not zero).

    Returns
    -------
    DataFrame (groups, concepts * statistics)
        Indexed by group, columns (concept, statistic). Without an event, `count` and `sum` are 0, `any` is
        false and the others are missing.

    Raises
    ------
    ConfigError
        An unknown statistic, or `first` or `last` without an order.
    DataError
        A group or concept stands twice, or a batch lacks a column.
    """
    tally = Tally(len(groups), len(concepts), statistics=statistics)
    if tally.is_ordered and columns.order is None:
        raise ConfigError("'first' and 'last' need an order: name the column of the events that holds it")
    group_keys, concept_keys = _index(groups, "group"), _index(concepts, "concept")
    for batch in batches:
        held = _Held(batch)
        rows = batch.num_rows
        values = np.ones(rows) if columns.value is None else held.numbers(columns.value)
        kinds = (
            np.zeros(rows, dtype=np.int64)
            if columns.concept is None
            else held.positions(columns.concept, concept_keys)
        )
        order = None if columns.order is None else held.instants(columns.order)
        tally.add(held.positions(columns.group, group_keys), kinds, values, order=order)
    return tally.table(groups, concepts)


@final
class Tally:
    """Statistics of numbers per (group, concept), both given by position; `add` may be called for ever.

    Parameters
    ----------
    groups, concepts : int
        How many there are of each.
    statistics : sequence of str
        Which of `STATISTICS` to keep.
    """

    def __init__(self, groups: int, concepts: int, *, statistics: Sequence[Statistic]) -> None:
        for statistic in statistics:
            if statistic not in STATISTICS:
                raise ConfigError(unknown("statistic", str(statistic), STATISTICS))
        self._shape = (groups, concepts)
        self.statistics = tuple(dict.fromkeys(statistics))
        cells = groups * concepts
        wanted = set(self.statistics)
        self._counts = np.zeros(cells, dtype=np.int64) if wanted & {"count", "mean"} else None
        self._sums = np.zeros(cells) if wanted & {"sum", "mean"} else None
        self._any = np.zeros(cells, dtype=bool) if "any" in wanted else None
        self._least = np.full(cells, np.nan) if "min" in wanted else None
        self._most = np.full(cells, np.nan) if "max" in wanted else None
        self._first = _Ends(cells, latest=False) if "first" in wanted else None
        self._last = _Ends(cells, latest=True) if "last" in wanted else None

    @property
    def is_ordered(self) -> bool:
        """Whether it must be told when each event was."""
        return self._first is not None or self._last is not None

    def add(self, groups: Positions, concepts: Positions, values: Numbers, *, order: Any = None) -> None:
        """Take events in; those at position -1, and missing values, are passed over.

        Parameters
        ----------
        groups, concepts : int array (n,)
            Positions; -1 for what is not asked for.
        values : float array (n,)
            The numbers.
        order : int array (n,), optional
            When each was. Of two events at one time, `first` is the smaller and `last` the larger, so that
            the order of the rows changes nothing.
        """
        keep = (groups >= 0) & (concepts >= 0) & ~np.isnan(values)
        if not keep.any():
            return
        cells = groups[keep].astype(np.int64) * self._shape[1] + concepts[keep]
        values = values[keep]
        if self.is_ordered:
            times = np.asarray(order)[keep]
            by = np.lexsort((values, times, cells))
            times = times[by]
        else:
            by = np.lexsort((values, cells))
            times = None
        cells, values = cells[by], values[by]
        starts = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
        ends = np.concatenate((starts[1:], [len(cells)])) - 1
        touched = cells[starts]
        self._merge(touched, values, starts=starts, ends=ends)
        if times is not None:
            for side, at in ((self._first, starts), (self._last, ends)):
                if side is not None:
                    side.merge(touched, values[at], times[at])

    def _merge(self, touched: Positions, values: Numbers, *, starts: Positions, ends: Positions) -> None:
        """Take in what does not depend on time; `values` lie together by cell."""
        if self._counts is not None:
            self._counts[touched] += ends - starts + 1
        if self._sums is not None:
            self._sums[touched] += np.add.reduceat(values, starts)
        if self._any is not None:
            self._any[touched] |= np.logical_or.reduceat(values != 0, starts)
        if self._least is not None:
            self._least[touched] = np.fmin(self._least[touched], np.minimum.reduceat(values, starts))
        if self._most is not None:
            self._most[touched] = np.fmax(self._most[touched], np.maximum.reduceat(values, starts))

    def values(self, statistic: Statistic) -> npt.NDArray[Any]:
        """One statistic, shape (groups, concepts)."""
        found: dict[Statistic, npt.NDArray[Any] | None] = {
            "count": self._counts,
            "sum": self._sums,
            "any": self._any,
            "min": self._least,
            "max": self._most,
            "first": None if self._first is None else self._first.values,
            "last": None if self._last is None else self._last.values,
        }
        if statistic == "mean" and self._sums is not None and self._counts is not None:
            with np.errstate(invalid="ignore"):
                return (self._sums / self._counts).reshape(self._shape)
        kept = found.get(statistic)
        if kept is None:
            raise ConfigError(unknown("statistic", statistic, self.statistics))
        return kept.reshape(self._shape)

    def table(self, groups: Sequence[Any], concepts: Sequence[Any]) -> pd.DataFrame:
        """Everything, under names."""
        columns = {
            (concept, statistic): self.values(statistic)[:, place]
            for place, concept in enumerate(concepts)
            for statistic in self.statistics
        }
        frame = pd.DataFrame(columns, index=pd.Index(list(groups)))
        frame.columns = pd.MultiIndex.from_tuples(list(columns), names=["concept", "statistic"])
        return frame


@final
class _Ends:
    """The earliest or the latest value of each cell."""

    def __init__(self, cells: int, *, latest: bool) -> None:
        self.latest = latest
        self.values = np.full(cells, np.nan)
        self.times = np.full(cells, _EARLIEST if latest else _LATEST, dtype=np.int64)

    def merge(self, touched: Positions, values: Numbers, times: Positions) -> None:
        """Keep what is nearer to the end; at one time, the larger value of the latest."""
        held, held_times = self.values[touched], self.times[touched]
        with np.errstate(invalid="ignore"):
            if self.latest:
                better = (times > held_times) | ((times == held_times) & ~(values <= held))
            else:
                better = (times < held_times) | ((times == held_times) & ~(values >= held))
        self.values[touched[better]] = values[better]
        self.times[touched[better]] = times[better]


@final
class _Held:
    """The columns of one batch as arrays."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def _column(self, name: str) -> pa.Array:
        names = self._batch.schema.names
        if name not in names:
            raise DataError("the events: " + unknown("column", name, names))
        return self._batch.column(names.index(name))

    def numbers(self, name: str) -> Numbers:
        import pyarrow as pa

        column = self._column(name)
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    def instants(self, name: str) -> Positions:
        import pyarrow as pa

        column = self._column(name)
        if column.null_count:
            raise DataError(
                f"the events: column {name!r} orders them and has {column.null_count:,} gaps. Leave those "
                "events out"
            )
        if pa.types.is_floating(column.type):
            raise DataError(
                f"the events: column {name!r} orders them and must hold instants or whole numbers"
            )
        return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False))

    def positions(self, name: str, keys: pd.Index[Any]) -> Positions:
        return np.asarray(keys.get_indexer(pd.Index(self._column(name).to_pandas())), dtype=np.int64)


def _index(keys: Sequence[Any], what: str) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index(list(keys))
    if not index.is_unique:
        raise DataError(f"a {what} stands twice among those asked for. Give each once")
    return index
