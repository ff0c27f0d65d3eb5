"""`Gathered`: many rows of a key become one, batch by batch, in memory that grows with the keys only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.datasets.aggregation import Statistic, Tally
from synthetic_healthcare.errors import DataError

#: Aggregates of numbers, as the tally of events knows them.
_SUMMED: Final[dict[str, tuple[Statistic]]] = {
    "max": ("max",),
    "min": ("min",),
    "mean": ("mean",),
    "sum": ("sum",),
}
_SEPARATOR: Final = ";"
#: A whole number that was written as a fraction: pandas writes identifiers so where one is missing.
_WHOLE: Final = r"^([+-]?\d+)\.0+$"
Places = npt.NDArray[np.intp]


@final
@dataclass(frozen=True)
class Specification:
    """One output column: the rows where every `where` column holds one of its values, by an aggregate.

    max, min, mean, sum: of numbers, missing where there is none. count: rows (with a value, where one is
    named). any: whether there is such a row. first, last: by time where the file has one, else by place in
    the file. codes: the distinct values, joined by ";", in order.
    """

    name: str
    aggregate: str
    value: str | None
    where: tuple[tuple[str, tuple[str | int | float, ...]], ...] = ()


@final
@dataclass(frozen=True)
class Window:
    """From `low` (inclusive) to `high` (exclusive) for each key, in microseconds since 1970."""

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    @staticmethod
    def after(start: pd.Series[Any], hours: tuple[float | None, float | None], name: str) -> Window:
        """Hours after an instant; no end is infinitely far; a missing instant has an empty window."""
        try:
            instants = pd.to_datetime(start, utc=True)
        except (ValueError, TypeError) as error:
            raise DataError(f"column {name!r} of the base holds cells that are no dates") from error
        micro = instants.to_numpy(dtype="datetime64[us]").astype(np.float64)
        micro[instants.isna().to_numpy()] = np.nan
        low, high = hours
        return Window(
            micro + (-np.inf if low is None else low * 3.6e9),
            micro + (np.inf if high is None else high * 3.6e9),
        )


def key_texts(keys: pd.Series[Any]) -> pd.Index[Any]:
    """Keys as text, so that 12 in one file and "12", "12.0" or 12.0 in another are the same."""
    if pd.api.types.is_float_dtype(keys.dtype) and bool((keys.dropna() % 1 == 0).all()):
        keys = keys.astype("Int64")
    missing = keys.isna()
    stripped = keys.astype(object).astype(str).str.strip().astype(object)
    stripped = stripped.str.replace(_WHOLE, r"\1", regex=True)
    texts: pd.Index[Any] = pd.Index(stripped.mask(missing, None))
    return texts


@final
class Gathered:
    """The columns that are gathered from one file.

    Parameters
    ----------
    keys : Index (n,)
        The base's keys, as text; rows of other keys are passed over.
    specifications : sequence of Specification
        The output columns.
    key, time : str
        The file's columns; `time` may be None.
    window : Window or None
        Rows outside are passed over.
    """

    def __init__(
        self,
        keys: pd.Index[Any],
        specifications: Sequence[Specification],
        *,
        key: str,
        time: str | None,
        window: Window | None,
    ) -> None:
        self._keys, self._key, self._time, self._window = keys, key, time, window
        self._columns = [(one, _State(one, len(keys))) for one in specifications]
        #: Rows of the file that belong to a key of the base, in or out of the window.
        self.matched = 0
        self._seen = 0

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns to read."""
        values = [one.value for one, _ in self._columns if one.value is not None]
        tests = [name for one, _ in self._columns for name, _ in one.where]
        times = [] if self._time is None else [self._time]
        return tuple(dict.fromkeys([self._key, *times, *values, *tests]))

    def add(self, batch: Any) -> None:
        """Take in one Arrow batch that holds the columns `needed`."""
        place = self._keys.get_indexer(key_texts(batch.column(self._key).to_pandas()))
        known = place >= 0
        self.matched += int(known.sum())
        order = np.arange(self._seen, self._seen + len(place), dtype=np.float64)
        self._seen += len(place)
        if self._time is not None:
            order = _instants(batch.column(self._time), self._time)
        if self._window is not None:
            with np.errstate(invalid="ignore"):
                known &= (order >= self._window.low[place]) & (order < self._window.high[place])
        for one, state in self._columns:
            kept = known.copy()
            for name, values in one.where:
                kept &= _among(batch.column(name), values)
            rows = np.flatnonzero(kept)
            if len(rows):
                value = None if one.value is None else batch.column(one.value).take(_indices(rows))
                state.add(place[rows], value, order[rows])

    def finish(self) -> dict[str, pd.Series[Any]]:
        """The columns, one cell a key, in the keys' order."""
        return {one.name: state.finish() for one, state in self._columns}


@final
class _State:
    """One output column while it is gathered."""

    def __init__(self, one: Specification, n: int) -> None:
        self._one = one
        self._tally = Tally(n, 1, statistics=(*_SUMMED.get(one.aggregate, ()), "count"))
        self._order = np.full(n, np.nan)
        self._cell: npt.NDArray[np.object_] = np.full(n, None, dtype=object)
        self._sets: dict[int, set[str]] = {}

    def add(self, place: Places, value: Any, order: npt.NDArray[np.float64]) -> None:
        """Take in rows: where they belong, their values (Arrow), their time."""
        if value is not None:
            present = np.asarray(value.is_valid())
            place, order, value = place[present], order[present], value.filter(value.is_valid())
        how = self._one.aggregate
        numbers = _numbers(value, self._one) if how in _SUMMED else np.ones(len(place))
        self._tally.add(place, np.zeros(len(place), dtype=np.int64), numbers)
        if how == "codes":
            for at, code in zip(place.tolist(), map(str, value.to_pylist()), strict=True):
                self._sets.setdefault(at, set()).add(code.strip())
        elif how in ("first", "last"):
            self._keep_one(place, value, order, last=how == "last")

    def _keep_one(self, place: Places, value: Any, order: npt.NDArray[np.float64], *, last: bool) -> None:
        dated = ~np.isnan(order)
        place, order = place[dated], order[dated]
        cells = np.asarray(value.to_pandas(), dtype=object)[dated]
        # Of equal times the earlier row of the file is the first, the later one the last.
        ranked = np.lexsort((np.arange(len(order)), order))
        ranked = ranked[::-1] if last else ranked
        _, chosen = np.unique(place[ranked], return_index=True)
        rows = ranked[chosen]
        old, new = self._order[place[rows]], order[rows]
        better = np.isnan(old) | ((new >= old) if last else (new < old))
        rows = rows[better]
        self._order[place[rows]], self._cell[place[rows]] = order[rows], cells[rows]

    def finish(self) -> pd.Series[Any]:
        """The column."""
        how, count = self._one.aggregate, self._tally.values("count")[:, 0]
        if how == "count":
            return pd.Series(count)
        if how == "any":
            return pd.Series(count > 0)
        if how == "codes":
            if any(_SEPARATOR in code for codes in self._sets.values() for code in codes):
                raise DataError(f"take.{self._one.name}: a code holds a semicolon, which joins codes")
            texts = [_SEPARATOR.join(sorted(self._sets.get(at, ()))) for at in range(len(count))]
            return pd.Series(texts, dtype=object)
        if how in ("first", "last"):
            return _typed(self._cell)
        (statistic,) = _SUMMED[how]
        return pd.Series(np.where(count == 0, np.nan, self._tally.values(statistic)[:, 0]))


def _numbers(value: Any, one: Specification) -> npt.NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        trimmed = pc.utf8_trim_whitespace(value) if pa.types.is_string(value.type) else value
        return np.asarray(trimmed.cast(pa.float64()), dtype=np.float64)
    except pa.ArrowException as error:
        raise DataError(
            f"take.{one.name}: column {one.value!r} holds text where {one.aggregate} needs numbers. "
            "Take another "
            "column, or leave those rows out with `where`"
        ) from error


def _instants(column: Any, name: str) -> npt.NDArray[np.float64]:
    """Microseconds since 1970, NaN where missing."""
    try:
        instants = pd.to_datetime(column.to_pandas(), utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(f"column {name!r} holds cells that are no ISO dates (2020-12-31 08:00:00)") from error
    micro = instants.to_numpy(dtype="datetime64[us]").astype(np.float64)
    micro[instants.isna().to_numpy()] = np.nan
    return np.asarray(micro)


def _among(column: Any, values: tuple[str | int | float, ...]) -> npt.NDArray[np.bool_]:
    """Which cells hold one of the values; in text, 12 is written "12" or "12.0"."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = {str(value) for value in values} | {
            f"{value}.0" for value in values if isinstance(value, int)
        }
        found = pc.is_in(pc.utf8_trim_whitespace(column), pa.array(sorted(texts), type=column.type))
    else:
        found = pc.is_in(column.cast(pa.string()), pa.array([str(value) for value in values]))
        if not any(isinstance(value, str) for value in values) and not pa.types.is_boolean(column.type):
            found = pc.is_in(column.cast(pa.float64()), pa.array([float(value) for value in values]))
    return np.asarray(found, dtype=bool)


def _indices(rows: Places) -> Any:
    import pyarrow as pa

    return pa.array(rows)


def _typed(cells: npt.NDArray[np.object_]) -> pd.Series[Any]:
    """Numbers written as text become numbers, but not codes with a leading zero: as `read_table` reads."""
    column = pd.Series(cells, dtype=object)
    present = column.dropna()
    texts = present.map(lambda cell: isinstance(cell, str))
    if not len(present) or not texts.all():
        return column.infer_objects()
    if present.str.match(r"[+-]?0\d").any():
        return column
    try:
        numbers = pd.to_numeric(present)
    except (ValueError, TypeError):
        return column
    whole = pd.api.types.is_integer_dtype(numbers.dtype) and len(present) < len(column)
    return numbers.astype("Int64").reindex(column.index) if whole else numbers.reindex(column.index)
