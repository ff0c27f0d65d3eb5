"""`Cells`: the cells of one column, read into arrays by the column's kind and written back in its dtype."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.column import Category, Column
from synthetic_healthcare.schema.parsing import (
    CodesForm,
    codes_form,
    format_codes,
    format_datetimes,
    format_numbers,
    parse_codes,
    parse_datetimes,
    parse_numbers,
)
from synthetic_healthcare.tables import cast

Array = npt.NDArray[Any]

#: dtypes that hold numbers as text where they were read as text.
_TEXT_DTYPES: Final = frozenset(
    {"object", "str", "string", "category", "string[pyarrow]", "large_string[pyarrow]"}
)
#: dtypes that whole numbers are given at once; all others go through `tables.cast`.
_INTEGER_DTYPES: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


@final
@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one column of `n` rows.

    Parameters
    ----------
    values : array (n,)
        Numbers, and seconds of dates: float64. Categories: int positions in `table`. Codes: one frozenset a
        row.
    missing : bool array (n,)
        Where the cell is empty; `values` means nothing there.
    limits : int8 array (n,) or None
        Numbers only: -1 for "below the value", 1 for "above it", 0 for the value itself.
    table : tuple of Category
        Categories only: the distinct values, in order.
    form : mapping
        How the cells are written, JSON-ready: what the reader of the kind found.
    """

    values: Array
    missing: npt.NDArray[np.bool_]
    limits: npt.NDArray[np.int8] | None = None
    table: tuple[Category, ...] = ()
    form: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: npt.NDArray[Any]) -> Cells:
        """Return rows by position, or by a mask."""
        limits = None if self.limits is None else self.limits[rows]
        return replace(self, values=self.values[rows], missing=self.missing[rows], limits=limits)

    def present(self) -> Cells:
        """Return the cells that are not empty."""
        return self.take(~self.missing) if self.missing.any() else self

    def distinct(self) -> int:
        """Count the different values among cells that are not empty."""
        held = self.present()
        if held.values.dtype == object:
            return len(set(held.values.tolist()))
        if held.limits is not None and held.limits.any():
            return len(np.unique(np.stack([held.values, held.limits.astype(float)]), axis=1).T)
        return len(np.unique(held.values))


def read_cells(series: pd.Series[Any], column: Column) -> Cells:
    """Read a column as its kind says.

    Parameters
    ----------
    series : Series (n,)
        The column of the table, in any dtype.
    column : Column
        Its entry in the schema; identifiers and text are not read.

    Raises
    ------
    RejectColumn
        Where cells are not what the kind says.
    """
    if column.kind in ("numeric", "integer"):
        numbers = parse_numbers(series)
        limits = numbers.limits if numbers.limits.any() else None
        return Cells(numbers.values, np.isnan(numbers.values), limits, form={"text": bool(numbers.text)})
    if column.kind == "datetime":
        dates = parse_datetimes(series)
        form = {
            "form": dates.form,
            "step": float(dates.step),
            "zone": dates.zone,
            "separator": dates.separator,
        }
        return Cells(dates.seconds, np.isnan(dates.seconds), form=form)
    if column.kind == "codes":
        sets = parse_codes(series, column.delimiter)
        held = np.empty(len(sets), dtype=object)
        held[:] = sets
        missing = np.fromiter((cell is None for cell in sets), dtype=bool, count=len(sets))
        return Cells(held, missing, form=asdict(codes_form(series, column.delimiter)))
    return _read_categories(series)


def write_cells(cells: Cells, column: Column) -> pd.Series[Any]:
    """Write cells back as a column of the dtype that `column` names; undoes `read_cells`."""
    if column.kind in ("numeric", "integer"):
        series = _write_numbers(cells, column)
    elif column.kind == "datetime":
        seconds = np.where(cells.missing, np.nan, cells.values)
        series = format_datetimes(seconds, column.dtype, name=column.name, **cells.form)
    elif column.kind == "codes":
        sets = [None if gone else codes for codes, gone in zip(cells.values, cells.missing, strict=True)]
        series = pd.Series(format_codes(sets, CodesForm(**cells.form)), name=column.name, dtype=object)
    else:
        series = _write_categories(cells, column)
    return series if str(series.dtype) == column.dtype else cast(series, column.dtype)


def _write_numbers(cells: Cells, column: Column) -> pd.Series[Any]:
    gone = bool(cells.missing.any())
    values = np.where(cells.missing, np.nan, cells.values) if gone else cells.values
    text = bool(cells.form.get("text"))
    if cells.limits is not None or (text and column.dtype in _TEXT_DTYPES):
        # As many digits as each number needs: decoding has rounded it as the column is written.
        written = format_numbers(values, cells.limits, text=text)
        return pd.Series(written, name=column.name, dtype=object)
    if column.dtype in _INTEGER_DTYPES and not gone and len(values):
        whole = values.astype(np.int64)
        held = np.iinfo(column.dtype)
        if held.min <= values.min() and values.max() <= min(held.max, 2**53) and np.all(whole == values):
            return pd.Series(whole.astype(column.dtype), name=column.name)
    return pd.Series(values, name=column.name)


def _read_categories(series: pd.Series[Any]) -> Cells:
    """Read any values as positions in a table of the distinct ones: numbers by size, then texts by letter."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes, uniques = series.cat.codes.to_numpy(), dtype.categories.tolist()
    else:
        dense = pd.Series(series.to_numpy()) if isinstance(dtype, pd.SparseDtype) else series
        try:
            codes, found = pd.factorize(dense)
        except TypeError as error:
            raise RejectColumn(
                str(series.name),
                "its cells are collections, not single values",
                "Declare its kind as codes, or drop it",
            ) from error
        uniques = found.tolist()
    values = [_as_category(value, str(series.name)) for value in uniques]
    order = list(range(len(values)))
    ordered = isinstance(dtype, pd.CategoricalDtype) and bool(dtype.ordered)
    if not ordered:
        order.sort(key=lambda place: _sort_key(values[place]))
    position = np.full(len(values) + 1, -1, dtype=np.int32)
    position[order] = np.arange(len(values), dtype=np.int32)
    # A missing cell has the code -1, which reads the extra last entry.
    places = position[codes]
    table = tuple(values[place] for place in order)
    return Cells(places, places < 0, table=table, form={"ordered": ordered})


def _write_categories(cells: Cells, column: Column) -> pd.Series[Any]:
    if column.dtype == "category":
        categories: Any = list(cells.table)
        ordered = column.kind == "ordinal" or bool(cells.form.get("ordered"))
        codes = np.where(cells.missing, -1, cells.values)
        held = pd.Categorical.from_codes(codes, categories=categories, ordered=ordered)
        return pd.Series(held, name=column.name)
    # The few distinct values are cast, not the many cells.
    codes = cells.values
    table = np.empty(len(cells.table) + int(cells.missing.any()), dtype=object)
    table[: len(cells.table)] = cells.table
    if cells.missing.any():
        codes = np.where(cells.missing, len(cells.table), codes)
    distinct = cast(pd.Series(table, name=column.name, dtype=object), column.dtype)
    return pd.Series(distinct.array.take(codes), name=column.name)


def _sort_key(value: Category) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def _as_category(value: object, name: str) -> Category:
    """Return a value as one of the plain types that JSON keeps."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, Decimal):
        return float(plain)
    if isinstance(plain, str | int | float | bool):
        return plain
    raise RejectColumn(
        name,
        f"it holds values of type {type(value).__name__}, which cannot be categories",
        "Turn them into numbers or text, or declare another kind",
    )
