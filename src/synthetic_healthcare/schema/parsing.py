"""Cells as they are written in clinics, read into numbers, instants and sets of codes, and written back.

Each reader has an inverse. `parse_numbers` understands the limits of detection that laboratories write
("<0.5", ">1000"); `parse_codes` understands lists, sets and delimited strings. Instants have a module of
their own, `schema.instants`, whose functions are named here too.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.instants import Datetimes, format_datetimes, parse_datetimes

__all__ = [
    "CodesForm",
    "Container",
    "Datetimes",
    "Numbers",
    "codes_form",
    "count_decimals",
    "format_codes",
    "format_datetimes",
    "format_numbers",
    "parse_codes",
    "parse_datetimes",
    "parse_numbers",
    "read_number",
    "scan_numbers",
]

FloatArray = npt.NDArray[np.float64]
LimitArray = npt.NDArray[np.int8]
Container = Literal["text", "list", "tuple", "set", "frozenset"]

#: A number as people write it, after an optional limit sign; "inf" and "nan" are words, not numbers.
_NUMBER: Final = re.compile(r"(<=|>=|[<>≤≥])?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_CONTAINERS: Final[dict[type, Container]] = {
    list: "list",
    np.ndarray: "list",
    tuple: "tuple",
    set: "set",
    frozenset: "frozenset",
}


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, some of which may be limits of detection.

    Parameters
    ----------
    values : float64 array (n,)
        NaN where missing; the limit itself where the cell is a limit.
    limits : int8 array (n,)
        -1 for "<v", +1 for ">v", 0 otherwise.
    text : bool
        Whether plain numbers were written as strings (and so are to come back as strings).
    """

    values: FloatArray
    limits: LimitArray
    text: bool = False


def parse_numbers(series: pd.Series[Any]) -> Numbers:
    """Read a column of numbers, in any dtype, with strings such as "<0.5" read as limits of detection.

    Blank strings are missing. "<=" and "≤" are read as "<", ">=" and "≥" as ">".

    Parameters
    ----------
    series : Series (n,)
        Numbers, booleans, decimals, strings, or a mixture.

    Returns
    -------
    Numbers
        Of length n.

    Raises
    ------
    RejectColumn
        Where a cell is no number, or is infinite.
    """
    parsed, unread = scan_numbers(series)
    if unread:
        raise RejectColumn(
            str(series.name),
            f"{unread} of {len(series)} cells are not numbers",
            "Replace them by missing values, or declare the column categorical",
        )
    infinite = int(np.isinf(parsed.values).sum())
    if infinite:
        raise RejectColumn(
            str(series.name),
            f"{infinite} of {len(series)} values are infinite",
            "Replace them by missing values or by the limit that they stand for",
        )
    return parsed


def scan_numbers(series: pd.Series[Any]) -> tuple[Numbers, int]:
    """Read what can be read as numbers; the second value counts the cells that could not (NaN there)."""
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return scan_numbers(pd.Series(series.to_numpy(), name=series.name))
    if pd.api.types.is_complex_dtype(dtype):
        nothing = Numbers(np.full(len(series), np.nan), np.zeros(len(series), dtype=np.int8))
        return nothing, len(series)
    if pd.api.types.is_numeric_dtype(dtype):
        values = np.array(series.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)
        return Numbers(values, np.zeros(len(series), dtype=np.int8)), 0
    codes, distinct = _distinct_cells(series)
    cells = [read_number(cell) for cell in distinct]
    # One more entry at the end stands for a missing cell, whose code is -1.
    values = np.array([cell[0] for cell in cells] + [np.nan], dtype=np.float64)[codes]
    limits = np.array([cell[1] for cell in cells] + [0], dtype=np.int8)[codes]
    unread = int(np.array([not cell[2] for cell in cells] + [False], dtype=np.bool_)[codes].sum())
    plain = [isinstance(raw, str) for raw, cell in zip(distinct, cells, strict=True) if cell[1] == 0]
    text = all(plain) if plain else True
    return Numbers(values, limits, text), unread


def format_numbers(
    values: FloatArray, limits: LimitArray | None = None, *, decimals: int | None = None, text: bool = True
) -> npt.NDArray[np.object_]:
    """Write numbers and limits of detection back as cells; undoes `parse_numbers`.

    Parameters
    ----------
    values : float64 array (n,)
        NaN for a missing cell.
    limits : int8 array (n,) or None
        -1 writes "<v", +1 writes ">v".
    decimals : int or None
        Digits written after the point of a plain number; `None` writes as many as the number needs. A
        limit is written with as many as it needs: "<0.5", ">1000".
    text : bool, default True
        Whether plain numbers become strings; where false they stay floats, among limits that are strings.

    Returns
    -------
    object array (n,)
        `None` where missing.
    """
    rounded = values if decimals is None else np.round(values, decimals)
    signs = np.zeros(len(values), dtype=np.int8) if limits is None else limits
    cells = np.empty(len(values), dtype=object)
    for row, (value, sign) in enumerate(zip(rounded.tolist(), signs.tolist(), strict=True)):
        if math.isnan(value):
            cells[row] = None
        elif sign:
            cells[row] = ("<" if sign < 0 else ">") + shortest_number(value)
        elif text:
            cells[row] = shortest_number(value) if decimals is None else f"{value:.{decimals}f}"
        else:
            cells[row] = value
    return cells


def count_decimals(values: FloatArray, *, dtype: str = "float64") -> int | None:
    """Return the fewest decimals that reproduce 99.9 % of the values; `None` for full-precision floats.

    The share leaves room for a few stray readings; beyond 13 significant digits a float64 can no longer
    tell a written decimal from rounding, so such a column counts as full precision.

    Parameters
    ----------
    values : float64 array (n,)
        NaN is left out.
    dtype : str, default "float64"
        dtype that held the values before: a float32 0.1 is not 0.1 in float64, and counts as one decimal.
    """
    present = values[np.isfinite(values)]
    if not len(present):
        return None
    single = "32" in dtype or "16" in dtype or dtype.startswith(("float[", "halffloat["))
    # Twice the rounding error of the format; a value of full precision must not pass by chance, so the
    # number of significant digits stops short of it.
    precision, most_digits = (1.2e-7, 6) if single else (1e-14, 13)
    largest = float(np.quantile(np.abs(present), 0.999))
    for decimals in range(10):
        if largest > 0 and math.log10(largest) + decimals > most_digits:
            return None
        kept = np.abs(np.round(present, decimals) - present) <= precision * np.abs(present)
        if kept.mean() >= 0.999:
            return decimals
    return None


@dataclass(frozen=True)
class CodesForm:
    """How a column holds its sets of codes, so that generated ones can be held the same way.

    Parameters
    ----------
    container : Container
        "text" for a delimited string, otherwise the Python collection.
    delimiter : str or None
        What separates the codes of a string.
    spaced : bool
        Whether a space follows the delimiter ("I10; E11.9").
    integers : bool
        Whether the codes in a list or set are integers.
    """

    container: Container
    delimiter: str | None = None
    spaced: bool = False
    integers: bool = False


def parse_codes(series: pd.Series[Any], delimiter: str | None = None) -> list[frozenset[str] | None]:
    """Read sets of codes from lists, sets, tuples or delimited strings.

    Parameters
    ----------
    series : Series (n,)
        Collections of codes where `delimiter` is `None`, strings otherwise.
    delimiter : str or None
        What separates the codes of a string.

    Returns
    -------
    list (n,)
        One set of stripped, non-empty codes a row; `None` where the cell is missing. An empty list, or a
        blank string, is an empty set.

    Raises
    ------
    RejectColumn
        Where a cell is neither missing nor what `delimiter` says.
    """
    sets: list[frozenset[str] | None] = []
    wrong = 0
    for cell in _objects(series):
        parts: Sequence[object] | None = None
        if isinstance(cell, str) and delimiter is not None:
            parts = cell.split(delimiter)
        elif type(cell) in _CONTAINERS and delimiter is None:
            parts = list(cast("Sequence[object]", cell))
        elif not _is_missing(cell):
            wrong += 1
        sets.append(None if parts is None else frozenset(_code_texts(parts)))
    if wrong:
        expected = "lists or sets" if delimiter is None else f"strings separated by {delimiter!r}"
        raise RejectColumn(
            str(series.name),
            f"{wrong} of {len(sets)} cells are not {expected}",
            "Make all cells alike, or change the column's delimiter in the schema",
        )
    return sets


def codes_form(series: pd.Series[Any], delimiter: str | None = None) -> CodesForm:
    """Return how a column holds its codes (by most of its cells)."""
    if delimiter is not None:
        texts = [cell for cell in _objects(series) if isinstance(cell, str)]
        spaced = sum(f"{delimiter} " in text for text in texts)
        return CodesForm("text", delimiter, spaced=spaced * 2 > sum(delimiter in text for text in texts))
    seen: dict[Container, int] = {}
    codes: list[object] = []
    for cell in _objects(series):
        if type(cell) in _CONTAINERS:
            seen[_CONTAINERS[type(cell)]] = seen.get(_CONTAINERS[type(cell)], 0) + 1
            codes.extend(cast("Sequence[object]", cell))
    integers = bool(codes) and all(isinstance(code, int | np.integer) for code in codes)
    return CodesForm(max(seen, key=lambda name: seen[name]) if seen else "list", integers=integers)


def format_codes(sets: Sequence[frozenset[str] | None], form: CodesForm) -> npt.NDArray[np.object_]:
    """Write sets of codes back as cells of the given form, codes sorted; undoes `parse_codes`."""
    cells = np.empty(len(sets), dtype=object)
    separator = (form.delimiter or ";") + (" " if form.spaced else "")
    for row, codes in enumerate(sets):
        if codes is None:
            cells[row] = None
            continue
        if form.container == "text":
            cells[row] = separator.join(sorted(codes))
            continue
        parts: list[Any] = sorted(int(code) for code in codes) if form.integers else sorted(codes)
        maker = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[form.container]
        cells[row] = maker(parts)
    return cells


def _distinct_cells(series: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[object]]:
    """Return each cell's position among the distinct ones (-1 where missing), and the distinct cells."""
    cells = _objects(series)
    places: dict[tuple[type, Hashable], int] = {}
    codes = np.full(len(cells), -1, dtype=np.intp)
    distinct: list[object] = []
    missing = series.isna().to_numpy(dtype=bool)
    for row in np.flatnonzero(~missing):
        cell = cells[row]
        key = (type(cell), cell if isinstance(cell, Hashable) else id(cell))
        place = places.setdefault(key, len(distinct))
        if place == len(distinct):
            distinct.append(cell)
        codes[row] = place
    return codes, distinct


def read_number(cell: object) -> tuple[float, int, bool]:
    """Return a cell's value, its limit, and whether it could be read at all."""
    if isinstance(cell, str):
        stripped = cell.strip()
        if not stripped:
            return math.nan, 0, True
        match = _NUMBER.fullmatch(stripped)
        if match is None:
            return math.nan, 0, False
        limit = 0 if match[1] is None else -1 if match[1][0] in "<≤" else 1
        return float(match[2]), limit, True
    if isinstance(cell, numbers.Real | Decimal | np.bool_):
        return float(cell), 0, True
    return math.nan, 0, False


def shortest_number(value: float) -> str:
    """Write a float with as many digits as it needs, whole numbers without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _code_texts(parts: Sequence[object]) -> list[str]:
    """Return the codes among `parts` as stripped strings, blanks and missing ones left out."""
    texts = (str(part).strip() for part in parts if not _is_missing(part))
    return [text for text in texts if text]


def _is_missing(cell: object) -> bool:
    """Whether one cell is None, NaN, NaT or NA."""
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def _objects(series: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Return the cells as Python objects."""
    return np.asarray(series.astype(object).to_numpy(), dtype=object)
