"""`cast`: give a column of values the pandas dtype that it is to have, and never lose anything in silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError

#: numpy dtypes that cannot hold a missing value, and those that pandas offers instead.
_NULLABLE: Final[dict[str, str]] = {
    "bool": "boolean",
    **{f"{sign}int{bits}": f"{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_SPARSE: Final = re.compile(r"Sparse\[(\w+),\s*(.+)\]")


def cast(series: pd.Series[Any], dtype: str, *, categories: Sequence[object] | None = None) -> pd.Series[Any]:
    """Return the series in the given dtype, or a dtype that also holds its missing values.

    Parameters
    ----------
    series : Series (n,)
        Numbers, strings, booleans, instants or objects.
    dtype : str
        As `str(series.dtype)` writes it: "int64", "Int64", "category", "datetime64[us, UTC]", "str",
        "object", "list<item: string>[pyarrow]", ...
    categories : sequence or None
        Levels of an ordered Categorical, lowest first; only for the dtype "category".

    Returns
    -------
    Series (n,)
        Of the dtype asked for; where an integer or bool dtype of numpy meets missing values, of the pandas
        dtype that holds them ("int64" gives "Int64"). "str" on pandas 2 gives objects, as strings are
        there.

    Raises
    ------
    DataError
        Where a value would change: a fraction cast to an integer, a number out of range, an unknown
        category, a text that is no number.
    """
    if str(series.dtype) == dtype and categories is None:
        return series
    target = _NULLABLE.get(dtype, dtype) if series.isna().any() else dtype
    try:
        result = _convert(_plain(series, target), target, categories)
    except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
        raise DataError(
            f"column {str(series.name)!r} of dtype {str(series.dtype)!r} cannot be given the dtype {dtype!r} "
            "without loss. Choose another dtype for it in the schema"
        ) from error
    return result


def _plain(series: pd.Series[Any], target: str) -> pd.Series[Any]:
    """Return the values of a sparse, categorical or decimal column in a plain dtype."""
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(series.to_numpy(), index=series.index, name=series.name)
    wrapped = isinstance(dtype, pd.CategoricalDtype) and target != "category"
    if wrapped or str(dtype).startswith(("decimal", "dictionary")):
        return pd.Series(series.astype(object), dtype=object)
    return series


def _convert(series: pd.Series[Any], dtype: str, categories: Sequence[object] | None) -> pd.Series[Any]:
    """Convert; raises one of Python's or pyarrow's value errors where a value would change."""
    if dtype.endswith("[pyarrow]"):
        return _to_arrow_backed(series, dtype.removesuffix("[pyarrow]"))
    if dtype == "category":
        return _to_category(series, categories)
    if dtype in ("bool", "boolean"):
        return _to_boolean(series, dtype)
    if re.fullmatch(r"[Uu]?[Ii]nt\d+", dtype):
        return _to_integer(series, dtype)
    if re.fullmatch(r"[Ff]loat\d+", dtype):
        return _to_float(series, dtype)
    if dtype.startswith("datetime64"):
        return _to_datetime(series, dtype)
    if dtype in ("str", "string"):
        return _to_text(series, dtype)
    if dtype == "object":
        return _to_object(series)
    sparse = _SPARSE.fullmatch(dtype)
    if sparse is not None:
        dense = _convert(series, sparse[1], None)
        return dense.astype(pd.SparseDtype(sparse[1], _fill_value(sparse[2])))
    return series.astype(pd.api.types.pandas_dtype(dtype))


def _to_integer(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    missing = series.isna().to_numpy(dtype=bool)
    numbers = _exact_integers(series, missing, np.dtype(dtype.lower()))
    if dtype.islower():
        return pd.Series(numbers, index=series.index, name=series.name)
    return pd.Series(pd.arrays.IntegerArray(numbers, missing.copy()), index=series.index, name=series.name)


def _exact_integers(series: pd.Series[Any], missing: npt.NDArray[np.bool_], width: np.dtype[Any]) -> Any:
    """Return integers of one width, 0 where missing; raises where a number would change."""
    limits = np.iinfo(width)
    if pd.api.types.is_float_dtype(series.dtype):
        floats = np.where(missing, 0.0, series.to_numpy(dtype="float64", na_value=np.nan))
        if not np.array_equal(floats, np.floor(floats)):
            raise ValueError("not whole numbers")
        # The largest 64-bit integers have no float of their own: the next float above is out of range.
        if len(floats) and (floats.min() < float(limits.min) or floats.max() >= float(limits.max + 1)):
            raise OverflowError("out of range")
        return floats.astype(width)
    if pd.api.types.is_bool_dtype(series.dtype) or series.dtype == np.dtype(object):
        cells = np.array([0 if lost else _whole(cell) for cell, lost in _cells(series)], dtype=object)
    elif pd.api.types.is_integer_dtype(series.dtype):
        present = series[~missing]
        if len(present) and (int(present.min()) < limits.min or int(present.max()) > limits.max):
            raise OverflowError("out of range")
        return (series.where(~missing, 0) if missing.any() else series).to_numpy(dtype=width)
    else:
        raise TypeError(f"no integers in {series.dtype}")
    if len(cells) and (min(cells) < limits.min or max(cells) > limits.max):
        raise OverflowError("out of range")
    return cells.astype(width)


def _to_float(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    wide = series.to_numpy(dtype="float64", na_value=np.nan)
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype.lower())
    if np.any(np.isinf(narrow) & np.isfinite(wide)):
        raise OverflowError(f"out of the range of {dtype}")
    result = pd.Series(narrow, index=series.index, name=series.name)
    if not dtype.startswith("F"):
        return result
    missing = np.isnan(narrow)
    array = pd.arrays.FloatingArray(np.where(missing, 1.0, narrow).astype(narrow.dtype), missing)
    return pd.Series(array, index=series.index, name=series.name)


def _to_boolean(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    missing = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(series.dtype):
        values = np.where(missing, 0.0, series.to_numpy(dtype="float64", na_value=np.nan))
        truths = np.asarray(values == 1.0)
        strange = bool(np.any(~truths & (values != 0.0)))
    else:
        cells = _cells(series)
        strange = any(not lost and cell not in (0, 1) for cell, lost in cells)
        truths = np.array([not lost and cell == 1 for cell, lost in cells], dtype=np.bool_)
    if strange:
        raise ValueError("neither true nor false")
    if dtype == "bool":
        return pd.Series(truths, index=series.index, name=series.name)
    return pd.Series(pd.arrays.BooleanArray(truths, missing.copy()), index=series.index, name=series.name)


def _to_datetime(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    target = pd.api.types.pandas_dtype(dtype)
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        raise TypeError(f"no instants in {series.dtype}")
    naive = not isinstance(series.dtype, pd.DatetimeTZDtype)
    if isinstance(target, pd.DatetimeTZDtype):
        # An instant without a zone is UTC everywhere in the library.
        return (series.dt.tz_localize("UTC") if naive else series).astype(target)
    if not naive:
        raise TypeError("a zone would be lost")
    result = series.astype(target)
    if not bool((result.astype(series.dtype) == series).where(series.notna(), True).all()):
        raise ValueError(f"{dtype} is too coarse")
    return result


def _to_category(series: pd.Series[Any], categories: Sequence[object] | None) -> pd.Series[Any]:
    if categories is None:
        return series.astype("category")
    if not bool((series.isin(list(categories)) | series.isna()).all()):
        raise ValueError("a value is not among the categories")
    return series.astype(pd.CategoricalDtype(list(categories), ordered=True))


def _to_text(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    texts = [None if lost else str(cell) for cell, lost in _cells(series)]
    result = pd.Series(texts, index=series.index, name=series.name, dtype=object)
    if dtype == "str" and int(pd.__version__.split(".", maxsplit=1)[0]) < 3:
        return result
    return result.astype(dtype)  # type: ignore[call-overload, no-any-return]


def _to_object(series: pd.Series[Any]) -> pd.Series[Any]:
    cells = [None if lost else cell for cell, lost in _cells(series)]
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return pd.Series(values, index=series.index, name=series.name, dtype=object)


def _to_arrow_backed(series: pd.Series[Any], text: str) -> pd.Series[Any]:
    import pyarrow as pa

    array = to_arrow_array(series, parse_arrow_type(text))
    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    return pd.Series(pd.arrays.ArrowExtensionArray(chunked), index=series.index, name=series.name)


def to_arrow_array(series: pd.Series[Any], target: Any) -> Any:
    """Return the series as a pyarrow array of the type `target`; raises pyarrow's error on any loss."""
    import pyarrow as pa

    if pa.types.is_dictionary(target):
        held = pa.array(series, from_pandas=True) if isinstance(series.dtype, pd.CategoricalDtype) else None
        if held is not None and held.type == target:
            return held
        plain = to_arrow_array(pd.Series(series.astype(object)), target.value_type)
        return plain.dictionary_encode().cast(target)
    if pa.types.is_nested(target):
        cells = [None if cell is None else sorted(cell, key=str) for cell in _collections(series)]
        return pa.array(cells, type=target)
    values = pa.array(series, from_pandas=True)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if (
        pa.types.is_timestamp(target)
        and target.tz
        and pa.types.is_timestamp(values.type)
        and not values.type.tz
    ):
        values = values.cast(pa.timestamp(values.type.unit, tz="UTC"))
    if pa.types.is_decimal(target) and pa.types.is_floating(values.type):
        return values.cast(target, safe=False)
    if pa.types.is_boolean(target) and not pa.types.is_boolean(values.type):
        return pa.array(_to_boolean(series, "boolean"), from_pandas=True)
    return values.cast(target)


def parse_arrow_type(text: str) -> Any:
    """Return the pyarrow type that a text such as "timestamp[us, tz=UTC]" or "list<item: string>" names."""
    import pyarrow as pa

    for name, maker in (("list", pa.list_), ("large_list", pa.large_list)):
        match = re.fullmatch(rf"{name}<\w+: (.+?)(?: not null)?>", text)
        if match is not None:
            return maker(parse_arrow_type(match[1]))
    match = re.fullmatch(r"dictionary<values=(.+), indices=(\w+), ordered=([01])>", text)
    if match is not None:
        return pa.dictionary(parse_arrow_type(match[2]), parse_arrow_type(match[1]), ordered=match[3] == "1")
    match = re.fullmatch(r"timestamp\[(\w+)(?:, tz=(.+))?\]", text)
    if match is not None:
        return pa.timestamp(match[1], tz=match[2])
    match = re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", text)
    if match is not None:
        return getattr(pa, match[1])(int(match[2]), int(match[3]))
    return pa.type_for_alias(re.sub(r"^(date(?:32|64))\[\w+\]$", r"\1", text))


def _cells(series: pd.Series[Any]) -> list[tuple[Any, bool]]:
    """Return each cell as a Python object, and whether it is missing."""
    missing = series.isna().to_numpy(dtype=bool)
    return list(zip(series.astype(object).tolist(), missing.tolist(), strict=True))


def _collections(series: pd.Series[Any]) -> list[Any]:
    """Return cells that are collections, `None` for missing ones."""
    return [None if lost else cell for cell, lost in _cells(series)]


def _whole(cell: Any) -> int:
    """Return a number as an integer; raises where it has a fraction or is no number."""
    if isinstance(cell, str):
        raise TypeError("text is no integer")
    number = int(cell)
    if number != cell:
        raise ValueError("not a whole number")
    return number


def _fill_value(text: str) -> Any:
    """Read the fill value of a sparse dtype."""
    if text in ("nan", "<NA>"):
        return np.nan
    if text in ("True", "False"):
        return text == "True"
    return int(text) if text.lstrip("-").isdigit() else float(text)
