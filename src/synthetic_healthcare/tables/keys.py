"""Fingerprints of tables and keys of rows, the same however a table is held.

A cell's key is that of the text that it would have in a CSV file: 1, 1.0, True and "1" are one value, an
instant equals its ISO 8601 text, NaN, None, NA and "" are all missing. So a table keeps its fingerprint, and
a row stays on its side of a hold-out split, when the table goes through a file and comes back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables.reading import MISSING_TEXTS

UIntArray = npt.NDArray[np.uint64]

_MISSING: Final = np.uint64(0x9E3779B97F4A7C15)
_FRACTION: Final = np.uint64(0xD1B54A32D192ED03)
_TEXT_KEY: Final = "synthetic-health"  # pandas wants 16 characters; the salt enters after this hash
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2}))?(?:\.(\d*))?(.*)")


def row_keys(frame: pd.DataFrame, *, columns: Sequence[str] | None = None, salt: bytes) -> UIntArray:
    """Return a keyed 64-bit hash of every row: equal rows have equal keys, whatever their dtypes.

    Without the salt nobody can tell which rows a threshold on the keys selects; with it, the selection needs
    no record of rows.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    columns : sequence of str or None
        Columns that make up the key; `None` takes all. Their order does not matter.
    salt : bytes
        The key of the hash.

    Returns
    -------
    uint64 array (n,)
        Uniform over the 64-bit numbers for rows that differ.

    Raises
    ------
    DataError
        Where a column is missing from the table.
    """
    names = list(frame.columns) if columns is None else list(columns)
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise DataError(f"columns {', '.join(map(repr, absent))} are missing from the table")
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in names:
        digest = hashlib.blake2b(
            str(name).encode(), key=hashlib.sha256(salt).digest(), digest_size=8
        ).digest()
        column_key = np.uint64(int.from_bytes(digest, "little"))
        # A sum does not depend on the order of the columns, and the key ties each cell to its column.
        total += _mix(_cell_keys(frame[name]) ^ column_key)
    return _mix(total)


def fingerprint(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's content, whatever the order of its rows and columns.

    Returns
    -------
    str
        64 hexadecimal digits. Two tables with the same column names and, as CSV text, the same rows have the
        same one.
    """
    halves = [np.sort(row_keys(frame, salt=salt)) for salt in (b"fingerprint 1", b"fingerprint 2")]
    names = "\x00".join(sorted(map(str, frame.columns)))
    digest = hashlib.sha256(f"{len(frame)}\x00{names}\x00".encode())
    for half in halves:
        digest.update(half.astype("<u8").tobytes())
    return digest.hexdigest()


def _mix(values: UIntArray) -> UIntArray:
    """Scramble 64-bit numbers one to one.

    Source: the finaliser of SplitMix64, Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195, with
    Stafford's thirteenth set of constants.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _cell_keys(series: pd.Series[Any]) -> UIntArray:
    """Return the unsalted key of every cell."""
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return _cell_keys(pd.Series(series.to_numpy()))
    if isinstance(dtype, pd.CategoricalDtype):
        # One more entry at the end stands for a missing cell, whose code is -1.
        keys = np.append(_cell_keys(pd.Series(dtype.categories)), _MISSING)
        return keys[series.cat.codes.to_numpy()]
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_float_dtype(dtype):
        return _float_keys(np.asarray(series.to_numpy(dtype="float64", na_value=np.nan)))
    if pd.api.types.is_integer_dtype(dtype):
        return _integer_keys(series)
    codes, distinct = _distinct_texts(series)
    return np.append(_text_keys(distinct), _MISSING)[codes]


def _float_keys(values: npt.NDArray[np.float64]) -> UIntArray:
    """Hash floats: a whole number as the integer that it is, another by its bits."""
    whole = (values == np.floor(values)) & (np.abs(values) < 2.0**63)
    integers = np.where(whole, values, 0.0).astype(np.int64).view(np.uint64)
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    keys = _mix(np.where(whole, integers, _mix(bits) ^ _FRACTION))
    return np.where(np.isnan(values), _MISSING, keys)


def _integer_keys(series: pd.Series[Any]) -> UIntArray:
    missing = series.isna().to_numpy(dtype=bool)
    filled = series.where(~missing, 0) if missing.any() else series
    if str(series.dtype).lower().startswith("uint64"):
        unsigned = filled.to_numpy(dtype="uint64")
        # Beyond the signed range an integer is a float to CSV readers and to `_float_keys`.
        beyond = _float_keys(unsigned.astype(np.float64))
        keys = np.where(unsigned >= np.uint64(2**63), beyond, _mix(unsigned))
    else:
        keys = _mix(filled.to_numpy(dtype="int64").view(np.uint64))
    return np.where(missing, _MISSING, keys)


def _distinct_texts(series: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Return each cell's place among the distinct canonical texts, -1 where missing, and those texts."""
    missing = series.isna().to_numpy(dtype=bool)
    if isinstance(series.dtype, np.dtype | pd.DatetimeTZDtype) and series.dtype.kind in "mM":
        series = series.astype(str)
    cells = np.asarray(series.astype(object).to_numpy(), dtype=object)
    kinds = {type(cell) for cell in cells[~missing]}
    if kinds - {str}:
        cells = np.array([_cell_text(cell) for cell in cells], dtype=object)
    codes, distinct = pd.factorize(cells)
    texts = [_canonical(text) for text in distinct]
    known = np.array([text not in MISSING_TEXTS for text in texts] + [False], dtype=np.bool_)
    places = np.where(known[codes] & ~missing, codes, -1)
    return places.astype(np.intp), texts


def _cell_text(cell: Any) -> str:
    """Return the text of one cell, as a CSV file would have it; a set of codes in sorted order."""
    if isinstance(cell, list | tuple | set | frozenset | np.ndarray):
        return ";".join(sorted({str(part) for part in cell}))
    return str(cell)


def _canonical(text: str) -> str:
    """Return one way of writing an instant; other texts as they are."""
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    day, minutes, seconds, fraction, zone = match.groups(default="")
    fraction = fraction.rstrip("0")
    if minutes == "00:00" and seconds in ("", "00") and not fraction and not zone:
        return day
    zone = "+00:00" if zone == "Z" else zone
    return f"{day} {minutes}:{seconds or '00'}" + (f".{fraction}" if fraction else "") + zone


def _text_keys(texts: list[str]) -> UIntArray:
    """Hash distinct texts; one that is a number or a truth value as that number."""
    words = {"True": "1", "False": "0"}
    numbers = [words.get(text, text) if _NUMBER.fullmatch(words.get(text, text)) else None for text in texts]
    keys = np.empty(len(texts), dtype=np.uint64)
    numeric = np.array([number is not None for number in numbers], dtype=np.bool_)
    plain = np.array(
        [text for text, number in zip(texts, numbers, strict=True) if number is None], dtype=object
    )
    keys[~numeric] = pd.util.hash_array(plain, hash_key=_TEXT_KEY, categorize=False)
    found = [number for number in numbers if number is not None]
    keys[numeric] = [_number_key(number) for number in found]
    return keys


def _number_key(text: str) -> np.uint64:
    """Hash one number written as text, integers exactly."""
    digits = text.lstrip("+-")
    if digits.isdigit() and abs(int(text)) < 2**63:
        return np.uint64(_mix(np.array([int(text)], dtype=np.int64).view(np.uint64))[0])
    return np.uint64(_float_keys(np.array([float(text)]))[0])
