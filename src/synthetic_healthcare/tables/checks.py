"""What is wrong with a table, said before any work is done on it."""

from __future__ import annotations

import numbers
from collections import Counter
from decimal import Decimal
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import DataError, SchemaError
from synthetic_healthcare.tables.keys import row_keys

#: Largest number that is taken: squares and sums of such values stay within doubles. Programs that write the
#: largest double for a missing value are found by it.
_LARGEST: Final = 1e100


class HasTarget(Protocol):
    """A schema, as far as the check of a target needs it."""

    @property
    def target(self) -> str | None:
        """Name of the target column, if there is one."""


def check_table(frame: pd.DataFrame, *, minimum_rows: int = 50) -> None:
    """Raise where a table cannot be learnt from.

    Constant and all-missing columns are legal: they come back as they are.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    minimum_rows : int, default 50
        Fewest rows that are accepted.

    Raises
    ------
    SchemaError
        Duplicate column names, or names that are blank, not text or run over several lines.
    DataError
        Too few rows or columns, no value at all, equal rows only, infinities and numbers beyond 1e100, or
        numbers mixed with text.
    """
    _check_names(frame)
    _check_size(frame, minimum_rows)
    if frame.isna().all(axis=None):
        raise DataError(f"all values of all {len(frame.columns)} columns are missing")
    _check_infinities(frame)
    _check_mixtures(frame)
    if len(np.unique(row_keys(frame, salt=b""))) == 1:
        raise DataError(
            f"all {len(frame)} rows are the same, so that no column holds anything to learn. Give a table "
            "whose values vary"
        )


def check_public(frame: pd.DataFrame, *, minimum_rows: int = 50) -> None:
    """Raise where a table cannot be learnt from privately, judging by its names and its number of rows only.

    Whether a private run is refused must not tell anything of a row, so cells are not looked at: infinities,
    text among numbers and values outside a declared domain are moved into it, and a table of equal rows is
    learnt as one.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    minimum_rows : int, default 50
        Fewest rows that are accepted; their number is public.

    Raises
    ------
    SchemaError
        As `check_table`.
    DataError
        Too few rows or columns.
    """
    _check_names(frame)
    _check_size(frame, minimum_rows)


def check_target(frame: pd.DataFrame, schema: HasTarget) -> str | None:
    """Raise where the target of a schema cannot be predicted from the table.

    Returns
    -------
    str or None
        What happens to rows whose target is missing, `None` where there are none.

    Raises
    ------
    SchemaError
        Where the table has no such column.
    DataError
        Where the target has fewer than two distinct values.
    """
    if schema.target is None:
        return None
    if schema.target not in frame.columns:
        raise SchemaError(
            f"target {schema.target!r} is missing from the table, which has {len(frame.columns)} columns"
        )
    values = frame[schema.target]
    missing = int(values.isna().sum())
    classes = int(values.nunique())
    if classes < 2:
        found = "no value at all" if classes == 0 else "one value only"
        raise DataError(
            f"target {schema.target!r} has {found}: there is nothing to predict. Choose another target"
        )
    if not missing:
        return None
    return (
        f"target {schema.target!r} is missing in {missing} of {len(frame)} rows: they are learnt as missing, "
        "and what predicts the target leaves them out"
    )


def _check_names(frame: pd.DataFrame) -> None:
    for place, name in enumerate(frame.columns):
        if not isinstance(name, str):
            raise SchemaError(
                f"the name of column {place} is {type(name).__name__}, not text. Rename it, for example with "
                "frame.columns = frame.columns.map(str)"
            )
        if not name.strip():
            raise SchemaError(
                f"column {place} has a blank name. Name it, or leave it out (a saved row index has no name: "
                "write the file with index=False)"
            )
        if len(name.splitlines()) > 1 or name != name.strip("\r\n"):
            raise SchemaError(f"the name of column {place} runs over several lines: {name!r}. Rename it")
    repeated = [name for name, times in Counter(frame.columns).items() if times > 1]
    if repeated:
        raise SchemaError(
            f"duplicate column names: {', '.join(map(repr, repeated))}. Rename all but one of each"
        )
    if len(frame.columns) == 0:
        raise DataError("the table is empty: it has no columns")
    if len(frame.columns) == 1:
        raise DataError(
            f"the table has one column, {frame.columns[0]!r}, and at least two are needed. If it is a file, "
            "check that its separator is a comma"
        )


def _check_size(frame: pd.DataFrame, minimum_rows: int) -> None:
    if not len(frame):
        raise DataError("the table is empty: it has no rows")
    if len(frame) < minimum_rows:
        raise DataError(
            f"the table has {len(frame)} rows and at least {minimum_rows} are needed: fewer patients can be "
            "neither learnt from nor protected"
        )


def _check_infinities(frame: pd.DataFrame) -> None:
    for limit, what in ((np.finfo(float).max, "infinite values"), (_LARGEST, "values beyond 1e100")):
        found = {name: _count_beyond(frame[name], limit) for name in frame.columns}
        listed = ", ".join(f"{name!r} ({count})" for name, count in found.items() if count)
        if listed:
            raise DataError(
                f"{what} in {listed}. Replace them by missing values or by the limit that they mean"
            )


def _count_beyond(series: pd.Series[Any], limit: float) -> int:
    if pd.api.types.is_float_dtype(series.dtype):
        return int((np.abs(series.to_numpy(dtype="float64", na_value=np.nan)) > limit).sum())
    if series.dtype != np.dtype(object):
        return 0
    return sum(isinstance(cell, float) and abs(cell) > limit for cell in series.to_numpy())


def _check_mixtures(frame: pd.DataFrame) -> None:
    mixed = {}
    for name in frame.columns:
        if frame[name].dtype == np.dtype(object):
            counts = _count_mixture(frame[name])
            if counts is not None:
                mixed[name] = counts
    if mixed:
        listed = ", ".join(
            f"{name!r} ({number} numbers, {text} texts)" for name, (number, text) in mixed.items()
        )
        raise DataError(
            f"numbers and text are mixed in {listed}. Replace the text by missing values, write limits of "
            'detection as "<0.5" or ">1000", or make all cells text'
        )


def _count_mixture(series: pd.Series[Any]) -> tuple[int, int] | None:
    """Return how many cells are numbers and how many are text that is none, `None` where they go together."""
    cells = series.dropna().to_numpy()
    texts = [cell for cell in cells if isinstance(cell, str)]
    plain = sum(isinstance(cell, numbers.Real | Decimal | np.bool_) for cell in cells)
    if not texts or not plain:
        return None
    bare = pd.Series([text.strip().lstrip("<>≤≥=").strip() for text in texts], dtype=object)
    foreign = int(pd.to_numeric(bare.where(bare != "", "0"), errors="coerce").isna().sum())
    return (plain, foreign) if foreign else None
