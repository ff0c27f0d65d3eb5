"""`Reader`: the columns of a table as values that expressions work with, each read once."""

from __future__ import annotations

import datetime as dt
import numbers
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.rules.values import (
    EXACT,
    SINGLE,
    CodeSets,
    Flags,
    Instant,
    Misfit,
    Number,
    Text,
    label_of,
)
from synthetic_healthcare.schema.instants import parse_datetimes
from synthetic_healthcare.schema.parsing import parse_codes, parse_numbers
from synthetic_healthcare.schema.spelling import unknown

if TYPE_CHECKING:
    from synthetic_healthcare.schema.column import Column
    from synthetic_healthcare.schema.schema import Schema

Held = Number | Instant | Text | CodeSets


@final
class Reader:
    """Reads the columns of one table.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    schema : Schema, optional
        Says which text is a date, how codes are separated and how an ordinal is ordered. Without it the
        dtypes decide, and text is read as numbers or dates where it is compared with such.
    """

    def __init__(self, frame: pd.DataFrame, schema: Schema | None = None) -> None:
        self.frame = frame
        self.schema = schema
        self.rows = len(frame)
        self._columns = {} if schema is None else {column.name: column for column in schema.columns}
        self._names = frozenset(map(str, frame.columns))
        self._held: dict[str, Held] = {}

    def value(self, name: str) -> Held:
        """One column.

        Raises
        ------
        Misfit
            There is no such column, or it cannot be read as its kind.
        """
        if name not in self._held:
            self.require(name)
            try:
                self._held[name] = _read(self.frame[name], self._columns.get(name))
            except RejectColumn as error:
                raise Misfit(str(error)) from error
        return self._held[name]

    def missing(self, name: str) -> Flags:
        """Which cells of a column are missing."""
        held = self.value(name)
        if isinstance(held, Number):
            return np.isnan(held.values)
        if isinstance(held, Instant):
            return np.isnan(held.seconds)
        if isinstance(held, Text):
            return np.asarray(held.codes < 0)
        return self.frame[name].isna().to_numpy(dtype=bool)

    def require(self, name: str) -> None:
        """Raise where the table has no such column, with the nearest name."""
        if name not in self._names:
            raise Misfit(unknown("column", name, sorted(self._names)))


def empty_table(schema: Schema) -> pd.DataFrame:
    """Return a table without rows whose columns read as the schema's do: expressions are tried on it."""
    return pd.DataFrame({column.name: _empty(column) for column in schema.columns})


def _empty(column: Column) -> pd.Series[Any]:
    if column.kind in ("numeric", "integer"):
        return pd.Series([], dtype="float64")
    if column.kind == "datetime":
        return pd.Series([], dtype="datetime64[us]")
    if column.categories is not None and column.kind != "codes":
        return pd.Series([], dtype="float64" if all(map(_is_number, column.categories)) else object)
    plain = column.kind != "codes" and _names_numbers(column.dtype)
    return pd.Series([], dtype="float64" if plain else object)


def _names_numbers(dtype: str) -> bool:
    try:
        named = pd.api.types.pandas_dtype(dtype)
    except (TypeError, ValueError):
        # pyarrow's spellings, such as "list<item: string>[pyarrow]", are not all read back by pandas.
        return False
    return pd.api.types.is_numeric_dtype(named) or pd.api.types.is_bool_dtype(named)


def _read(series: pd.Series[Any], column: Column | None) -> Held:
    kind = None if column is None else column.kind
    dtype = series.dtype
    if kind == "codes" or (kind is None and _holds_collections(series)):
        return CodeSets(parse_codes(series, None if column is None else column.delimiter))
    if kind == "datetime" or pd.api.types.is_datetime64_any_dtype(dtype):
        return Instant(parse_datetimes(series).seconds)
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return Number(np.asarray(series.to_numpy(dtype="float64", na_value=np.nan)))
    if pd.api.types.is_numeric_dtype(dtype) or kind in ("numeric", "integer"):
        single = str(dtype).lower() in ("float32", "float16", "float[pyarrow]", "halffloat[pyarrow]")
        return Number(parse_numbers(series).values, SINGLE if single else EXACT)
    if pd.api.types.is_timedelta64_dtype(dtype):
        raise Misfit(f"column {series.name!r} holds durations, which no rule reads; make it numbers")
    return _read_labels(series, column)


def _read_labels(series: pd.Series[Any], column: Column | None) -> Held:
    """Read what is neither numbers nor dates by dtype: the cells decide."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = np.asarray(series.cat.codes.to_numpy(), dtype=np.intp)
        cells: list[object] = series.cat.categories.tolist()
        ordered = bool(series.cat.ordered)
    else:
        codes, uniques = pd.factorize(series.astype(object))
        cells, ordered = list(uniques), False
    if cells and all(map(_is_number, cells)):
        values = np.array([float(cell) for cell in cells] + [np.nan], dtype=np.float64)  # type: ignore[arg-type]
        return Number(values[codes])
    if cells and all(isinstance(cell, dt.date) for cell in cells):
        return Instant(parse_datetimes(series).seconds)
    labels = tuple(map(label_of, cells))
    levels = None if column is None or column.kind != "ordinal" else column.categories
    if levels is not None and set(labels) <= set(map(label_of, levels)):
        order = tuple(map(label_of, levels))
        place = np.array([*(order.index(label) for label in labels), -1], dtype=np.intp)
        return Text(place[codes], order, ordered=True)
    return Text(codes, labels, ordered=ordered)


def _is_number(cell: object) -> bool:
    return isinstance(cell, numbers.Real | np.bool_)


def _holds_collections(series: pd.Series[Any]) -> bool:
    if series.dtype != np.dtype(object):
        return str(series.dtype).startswith(("list<", "large_list<"))
    present = np.flatnonzero(series.notna().to_numpy())
    return len(present) > 0 and isinstance(
        series.iloc[present[0]], list | tuple | set | frozenset | np.ndarray
    )
