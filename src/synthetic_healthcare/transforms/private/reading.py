"""Cells read one by one, whatever they are and whatever their column is held as.

Three things hold of every function here, and privacy rests on them: what a cell is read as depends on that
cell alone, not on its neighbours nor on the dtype that pandas chose for all of them; no cell raises; and what
cannot be read is missing.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.schema.instants import read_instant, scan_datetimes
from synthetic_healthcare.schema.parsing import read_number, shortest_number
from synthetic_healthcare.transforms.grid import Floats

Ints = npt.NDArray[np.int64]

#: What a cell may be: a number that needs 0, 1, 2 or more decimals, a truth value, a day, an instant, a
#: collection of codes, text, or nothing.
NUMBER, MORE_DECIMALS, BOOLEAN, DATE, INSTANT, COLLECTION, TEXT, NOTHING = 0, 3, 4, 5, 6, 7, 8, 9
SORTS: Final = 10
#: Numbers are held within this; infinite ones too.
_LARGEST: Final = 1e300
#: Relative difference below which a number is as good as rounded: single precision leaves 6e-8.
_ALIKE: Final = 2e-7
_SECONDS_OF_A_DAY: Final = 86_400.0
_TRUTHS: Final = {"true": True, "false": False}
_COLLECTIONS: Final = (list, tuple, set, frozenset, np.ndarray)


def read_numbers(series: pd.Series[Any]) -> Floats:
    """Read cells as numbers, NaN where they are none; a limit of detection ("<0.5") as the limit itself."""
    if _is_number_dtype(series):
        values = np.array(series.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)
        return np.clip(values, -_LARGEST, _LARGEST)
    if _is_date_dtype(series):
        return np.full(len(series), np.nan)
    read = _each(series, _number, np.nan)
    return np.clip(np.array(read, dtype=np.float64), -_LARGEST, _LARGEST)


def read_instants(series: pd.Series[Any]) -> Floats:
    """Read cells as seconds since 1970-01-01 UTC, NaN where they are no date."""
    if _is_date_dtype(series):
        return scan_datetimes(series)[0].seconds
    if _is_number_dtype(series):
        return np.full(len(series), np.nan)
    return np.array(_each(series, _instant, np.nan), dtype=np.float64)


def read_spellings(series: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Write each single value as one text, `None` where there is none: see `spelling`."""
    if _is_number_dtype(series):
        # A few distinct numbers are spelt, not many cells.
        values = read_numbers(series)
        distinct, places = np.unique(values, return_inverse=True)
        return np.array([spelling(value) for value in distinct.tolist()], dtype=object)[places]
    return np.array(_each(series, spelling, None), dtype=object)


def spelling(cell: object) -> str | None:
    """Return the one text of a value that may be held in several ways: 1, 1.0, True, "1" and "1.0" are "1".

    A text with a leading zero ("00501") is no number. Texts lose the blanks around them; collections and
    missing cells have none.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in _TRUTHS:
            return str(int(_TRUTHS[text.lower()]))
        value = math.nan if _has_leading_zero(text) or text[:1] in ("<", ">", "≤", "≥") else _number(text)
        return (text or None) if math.isnan(value) else shortest_number(value)
    if isinstance(cell, _COLLECTIONS) or cell is None:
        return None
    value = _number(cell)
    if not math.isnan(value):
        return shortest_number(value)
    return str(cell) if isinstance(cell, dt.date | np.datetime64) else None


def read_sets(series: pd.Series[Any], delimiter: str | None) -> list[frozenset[str] | None]:
    """Read cells as sets of codes, `None` where they are none; text only where a delimiter is declared."""

    def read(cell: object) -> frozenset[str] | None:
        if isinstance(cell, str):
            parts: Iterable[object] = () if delimiter is None else cell.split(delimiter)
            return None if delimiter is None else _codes(parts, delimiter)
        return _codes(cell, delimiter) if isinstance(cell, _COLLECTIONS) else None

    return _each(series, read, None)


def read_sorts(series: pd.Series[Any]) -> Ints:
    """Tell what each cell is, as one of the `SORTS`."""
    if _is_number_dtype(series) and not pd.api.types.is_bool_dtype(series.dtype):
        return _decimals(read_numbers(series))
    if _is_date_dtype(series):
        seconds = read_instants(series)
        sorts = np.where(seconds % _SECONDS_OF_A_DAY == 0, DATE, INSTANT)
        return np.where(np.isnan(seconds), NOTHING, sorts).astype(np.int64)
    return np.array(_each(series, _sort, NOTHING), dtype=np.int64)


def _sort(cell: object) -> int:
    if isinstance(cell, bool | np.bool_) or (isinstance(cell, str) and cell.strip().lower() in _TRUTHS):
        return BOOLEAN
    if isinstance(cell, _COLLECTIONS):
        return COLLECTION
    value = math.nan if isinstance(cell, str) and _has_leading_zero(cell.strip()) else _number(cell)
    if not math.isnan(value):
        return int(_decimals(np.array([value]))[0])
    seconds = _instant(cell)
    if not math.isnan(seconds):
        return DATE if seconds % _SECONDS_OF_A_DAY == 0 else INSTANT
    return NOTHING if spelling(cell) is None else TEXT


def _decimals(values: Floats) -> Ints:
    needed = np.full(len(values), MORE_DECIMALS, dtype=np.int64)
    for decimals in reversed(range(MORE_DECIMALS)):
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = np.abs(np.round(values, decimals) - values) <= _ALIKE * np.abs(values)
        needed[rounded] = decimals
    return np.where(np.isnan(values), NOTHING, needed)


def _number(cell: object) -> float:
    """Read one cell; NaN where it is no number. A truth value is 1 or 0, written as text too."""
    if isinstance(cell, str) and cell.strip().lower() in _TRUTHS:
        return float(_TRUTHS[cell.strip().lower()])
    try:
        return read_number(cell)[0]
    except (OverflowError, ValueError):  # an integer of 400 digits, a signalling NaN
        return math.nan


def _instant(cell: object) -> float:
    """Read one cell; NaN where it is no date."""
    if not isinstance(cell, str | dt.date | np.datetime64):
        return math.nan
    instant = read_instant(cell.strip() if isinstance(cell, str) else cell)
    return math.nan if np.isnat(instant) else float(instant.astype(np.int64)) / 1e6


def _each(series: pd.Series[Any], read: Callable[[Any], Any], nothing: Any) -> list[Any]:
    """Read every cell that is not missing; equal cells of one type are read once."""
    cells = np.asarray(series.astype(object).to_numpy(), dtype=object)
    found: list[Any] = [nothing] * len(cells)
    known: dict[tuple[type, Hashable], Any] = {}
    for row, cell in enumerate(cells):
        # pandas' own test for missing cells raises for some of them.
        if cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell)):
            continue
        if not isinstance(cell, str | int | float | np.generic):
            found[row] = read(cell)
            continue
        key = (type(cell), cell)
        if key not in known:
            known[key] = read(cell)
        found[row] = known[key]
    return found


def _codes(parts: Any, delimiter: str | None) -> frozenset[str]:
    """Read the codes of one cell; one that holds the delimiter itself could not be written back."""
    spelt = (spelling(part) for part in (parts.ravel() if isinstance(parts, np.ndarray) else parts))
    return frozenset(
        text for text in spelt if text is not None and (delimiter is None or delimiter not in text)
    )


def _has_leading_zero(text: str) -> bool:
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _is_number_dtype(series: pd.Series[Any]) -> bool:
    dtype = series.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _is_date_dtype(series: pd.Series[Any]) -> bool:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return True
    return isinstance(series.dtype, pd.ArrowDtype) and str(series.dtype.pyarrow_dtype).startswith(
        ("timestamp", "date32", "date64")
    )
