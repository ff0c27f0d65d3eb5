"""`infer`: read a schema from a table, with one line on each column that says why.

The rules, in the order in which they are tried; the first that holds decides.

1. Lists, sets and tuples, and strings such as "I10;E11.9" whose parts come back in other rows: codes.
2. Booleans, and any two values (0 and 1, "F" and "M"): boolean, the two values kept as categories.
3. Datetimes of any dtype, and strings that are all ISO 8601 dates: datetime.
4. Columns that name a person ("ssn", "last_name", "email") or an id ("hadm_id") with more than 10 distinct
   values, and row numbers: identifier, never learnt. A patient's id that repeats is the group.
5. Numbers with at most 10 distinct values, five rows each on average: ordinal where they are consecutive
   integers on at least 5 levels (scores, stages, counts), otherwise categorical (3 or 4 codes are more
   often names than an order).
6. Other whole numbers: integer; other numbers: numeric, with the decimals that reproduce 99.9 % of them.
7. Strings with limits of detection ("<0.5") or that all are numbers: numeric or integer.
8. Other strings: categorical where at least two rows share a value on average, identifier where nearly all
   are distinct and short, text otherwise.

No category, bound or other value is read from the data but the two values of a boolean and the levels of an
ordinal; the rest is learnt, with protection, by the transforms.
"""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError, RejectColumn, SchemaError
from synthetic_healthcare.schema import vocabulary
from synthetic_healthcare.schema.column import Category, Column, Role
from synthetic_healthcare.schema.parsing import count_decimals, scan_numbers
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.strings import Finding, find_strings, named_identifier

FEW_DISTINCT: Final = 10
_ROWS_PER_CATEGORY: Final = 5
_ORDINAL_LEVELS: Final = 5
_EXACT_INTEGERS: Final = 2**53
_ROW_NUMBERS: Final = 20


def infer(frame: pd.DataFrame, *, target: str | None = None) -> Schema:
    """Read a schema from a table.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    target : str or None
        Column that a user of the data would predict.

    Returns
    -------
    Schema
        Every column with its kind, role and the reason; only the role of the target counts as declared.

    Raises
    ------
    RejectColumn
        Where a column mixes numbers with other text, or holds what no kind can learn (durations, nested
        structures, integers beyond 2**53 that are no identifier).
    SchemaError
        Where the target is not a column, or a column's name is not text or stands twice.
    DataError
        Where `frame` is no pandas DataFrame.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"a schema is inferred from a pandas DataFrame, not from a {type(frame).__name__}. Convert it "
            "with synthetic_healthcare.tables.to_pandas"
        )
    columns: list[Column] = []
    for position, name in enumerate(frame.columns):
        if not isinstance(name, str):
            raise SchemaError(f"the name of column {position} is {type(name).__name__}, not text. Rename it")
        columns.append(_infer_column(frame.iloc[:, position]))
    schema = Schema(_one_group(columns))
    if target is None:
        return schema
    aimed = schema.with_target(target)
    reason = f"{schema[target].reason}; given as the target"
    return Schema(
        tuple(replace(column, reason=reason) if column.name == target else column for column in aimed.columns)
    )


def _infer_column(series: pd.Series[Any]) -> Column:
    """Infer one column."""
    name = str(series.name)
    finding = _find(series)
    role: Role = "feature"
    reason = finding.reason
    if finding.kind == "identifier":
        role = "identifier"
        if finding.repeats and vocabulary.names_patient(name):
            role = "group"
            reason += "; repeats over rows, so it says which patient a row belongs to"
    elif vocabulary.names_quasi_identifier(name):
        role = "quasi"
        reason += "; others may know it of a patient (quasi-identifier by its name)"
    return Column(
        name=name,
        kind=finding.kind,
        role=role,
        dtype=str(series.dtype),
        nullable=bool(series.isna().any()),
        categories=finding.categories,
        decimals=finding.decimals,
        delimiter=finding.delimiter,
        reason=reason,
    )


def _one_group(columns: list[Column]) -> tuple[Column, ...]:
    """Leave the role of group to the first patient column."""
    kept: list[Column] = []
    for column in columns:
        if column.role == "group" and any(other.role == "group" for other in kept):
            column = replace(
                column, role="identifier", reason=column.reason + "; another column is the group"
            )
        kept.append(column)
    return tuple(kept)


def _find(series: pd.Series[Any]) -> Finding:
    """Decide on a column's kind from its dtype, and from its cells where the dtype is open."""
    present = series.dropna()
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return _find(pd.Series(series.to_numpy(), name=series.name))
    if isinstance(dtype, pd.CategoricalDtype):
        return _find_categorical(present, dtype)
    if pd.api.types.is_bool_dtype(dtype):
        return Finding("boolean", _constant(present, "true or false"), categories=(False, True))
    if pd.api.types.is_datetime64_any_dtype(dtype) or _arrow_is(dtype, "date", "timestamp"):
        return Finding("datetime", _constant(present, "a datetime dtype"))
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return _find_numbers(present)
    if _arrow_is(dtype, "list", "large_list", "fixed_size_list"):
        return Finding("codes", "each cell is a list of codes")
    if _arrow_is(dtype, "dictionary"):
        return _find(pd.Series(series.array.astype(object), name=series.name))
    if isinstance(dtype, pd.StringDtype) or _arrow_is(dtype, "string", "large_string"):
        return find_strings(present)
    if dtype == np.dtype(object):
        return _find_objects(present)
    raise _unlearnable(series, f"its dtype {str(dtype)!r} is not one that can be learnt")


def _find_categorical(present: pd.Series[Any], dtype: pd.CategoricalDtype) -> Finding:
    categories = [_plain(category) for category in dtype.categories]
    distinct = int(present.nunique())
    named = named_identifier(str(present.name), distinct, len(present))
    if named is not None:
        return named
    if any(category is None for category in categories):
        return _find(pd.Series(present.astype(object), name=present.name))
    kept: tuple[Category, ...] = tuple(category for category in categories if category is not None)
    if len(kept) == 2:
        return Finding("boolean", "a Categorical of two values", categories=kept)
    if dtype.ordered and kept:
        return Finding("ordinal", f"an ordered Categorical of {len(kept)} levels", categories=kept)
    texts = all(isinstance(category, str) for category in categories)
    if texts and distinct > max(FEW_DISTINCT, len(present) // 2):
        return find_strings(pd.Series(present.astype(object), name=present.name))
    return Finding("categorical", _constant(present, f"a Categorical of {distinct} values in use"))


def _find_objects(present: pd.Series[Any]) -> Finding:
    """Decide on an object column from the families of its cells."""
    if present.empty:
        return Finding("categorical", "all values are missing: it stays empty")
    families = sorted({_family(kind) for kind in {type(cell) for cell in present.to_numpy()}})
    match families:
        case ["codes"]:
            return Finding("codes", "each cell is a list or set of codes")
        case ["boolean"]:
            return Finding("boolean", _constant(present, "true or false"), categories=(False, True))
        case ["date"]:
            return Finding("datetime", _constant(present, "each cell is a date"))
        case ["number"] | ["boolean", "number"]:
            return _find_numbers(present)
        case ["text"]:
            return find_strings(present)
        case ["number", "text"]:
            return _find_mixed(present)
        case ["other"]:
            raise _unlearnable(present, "its cells are of a type that cannot be learnt")
        case _:
            raise _unlearnable(present, f"it mixes cells of the types {' and '.join(families)}")


def _find_mixed(present: pd.Series[Any]) -> Finding:
    """Numbers beside strings: fine where the strings are numbers or limits of detection."""
    parsed, unread = scan_numbers(present)
    if not unread:
        below, above = int((parsed.limits < 0).sum()), int((parsed.limits > 0).sum())
        decimals = count_decimals(parsed.values)
        noted = f" with {below} below and {above} above a limit of detection" if below + above else ""
        return Finding("numeric", f"numbers, some written as text{noted}", decimals=decimals)
    texts = sum(isinstance(cell, str) for cell in present.to_numpy())
    raise RejectColumn(
        str(present.name),
        f"it mixes numbers ({len(present) - texts} cells) with text ({unread} cells that are no number)",
        'Replace the text by missing values, write limits of detection as "<0.5", or make all cells text',
    )


def _find_numbers(present: pd.Series[Any]) -> Finding:
    """Decide on a column of numbers, missing ones left out."""
    name, n = str(present.name), len(present)
    if not n:
        return Finding("numeric", "all values are missing: it stays empty")
    parsed, _ = scan_numbers(present)
    values = parsed.values[np.isfinite(parsed.values)]
    whole = bool(np.all(values == np.floor(values)))
    exact_integers = pd.api.types.is_integer_dtype(present.dtype) or _all_python_integers(present)
    beyond = exact_integers and len(values) > 0 and float(np.abs(values).max()) > _EXACT_INTEGERS
    distinct = int(present.nunique()) if beyond else len(np.unique(values))
    named = named_identifier(name, distinct, n) if whole else None
    if named is not None:
        return named
    if beyond:
        return _find_large_integers(present, distinct)
    decimals = 0 if whole else count_decimals(values, dtype=str(present.dtype))
    if distinct == 2:
        return Finding("boolean", "two distinct values", categories=_levels(values, exact_integers))
    if whole and distinct == n >= _ROW_NUMBERS and bool(np.all(np.diff(values) == 1)):
        return Finding("identifier", "counts the rows one by one, as a row number does")
    if 2 < distinct <= FEW_DISTINCT and distinct * _ROWS_PER_CATEGORY <= n:
        return _find_few_numbers(values, exact_integers, whole)
    if whole and float(np.abs(values).max(initial=0.0)) <= _EXACT_INTEGERS:
        what = "whole numbers" if distinct > 1 else "constant, a whole number"
        return Finding("integer", f"{what}, {distinct} distinct" if distinct > 1 else what, decimals=0)
    digits = "full precision" if decimals is None else f"{decimals} decimal{'s' if decimals != 1 else ''}"
    constant = "constant number" if distinct == 1 else "numbers"
    return Finding("numeric", f"{constant}, {digits}", decimals=decimals)


def _find_few_numbers(values: npt.NDArray[np.float64], exact_integers: bool, whole: bool) -> Finding:
    """Numbers with few distinct values: a scale where they run on without a gap, names otherwise."""
    levels = np.unique(values)
    consecutive = whole and bool(np.all(np.diff(levels) == 1))
    if consecutive and len(levels) >= _ORDINAL_LEVELS:
        reason = f"{len(levels)} consecutive whole numbers: a scale or a count"
        return Finding("ordinal", reason, categories=_levels(values, exact_integers))
    return Finding("categorical", f"numbers with only {len(levels)} distinct values")


def _find_large_integers(present: pd.Series[Any], distinct: int) -> Finding:
    """Integers that a float64 cannot hold exactly: identifiers, or nothing that can be learnt."""
    if distinct * 2 > len(present):
        return Finding(
            "identifier", "integers beyond 2**53, mostly distinct", repeats=distinct < len(present)
        )
    raise RejectColumn(
        str(present.name),
        f"it holds integers beyond 2**53 ({distinct} distinct), which no model computes with exactly",
        "Declare its kind as identifier, or turn the values into strings to have them learnt as categories",
    )


def _levels(values: npt.NDArray[np.float64], as_integers: bool) -> tuple[Category, ...]:
    """Return the distinct numbers in order, as Python numbers of the column's own sort."""
    levels = np.unique(values).tolist()
    return tuple(int(level) for level in levels) if as_integers else tuple(levels)


def _family(kind: type) -> str:
    """Return what sort of cell a Python type makes."""
    families: tuple[tuple[str, tuple[type, ...]], ...] = (
        ("boolean", (bool, np.bool_)),
        ("number", (numbers.Real, Decimal)),
        ("text", (str,)),
        ("date", (dt.date, np.datetime64)),
        ("codes", (list, tuple, set, frozenset, np.ndarray)),
    )
    return next((family for family, types in families if issubclass(kind, types)), "other")


def _all_python_integers(present: pd.Series[Any]) -> bool:
    """Whether an object column holds integers only."""
    return present.dtype == np.dtype(object) and all(
        isinstance(cell, numbers.Integral) for cell in present.to_numpy()
    )


def _constant(present: pd.Series[Any], otherwise: str) -> str:
    """Return a reason, preceded by what is remarkable where a column says nothing."""
    if present.empty:
        return f"{otherwise}; all values are missing: it stays empty"
    return f"{otherwise}; constant" if present.nunique() == 1 else otherwise


def _plain(category: object) -> Category | None:
    """Return a category as a plain Python value, `None` where it is none that a schema can hold."""
    item: Callable[[], object] | None = getattr(category, "item", None)
    value = item() if isinstance(category, np.generic) and item is not None else category
    return value if isinstance(value, str | int | float | bool) else None


def _arrow_is(dtype: object, *starts: str) -> bool:
    """Whether a dtype is backed by pyarrow and its type starts with one of the given names."""
    return isinstance(dtype, pd.ArrowDtype) and str(dtype.pyarrow_dtype).startswith(starts)


def _unlearnable(series: pd.Series[Any], problem: str) -> RejectColumn:
    return RejectColumn(
        str(series.name),
        problem,
        "Convert it to numbers, text or dates (durations: to a number of days), or drop it",
    )
