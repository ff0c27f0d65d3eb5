"""Cheap repairs: change the cells of rows that break a rule, where the user asked for it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError, RuleError
from synthetic_healthcare.rules.expression import column_alone
from synthetic_healthcare.rules.forms import (
    Form,
    Holds,
    Implies,
    MissingExactly,
    MissingTogether,
    Range,
    matrix,
    plain_number,
)
from synthetic_healthcare.rules.judging import constant, judge
from synthetic_healthcare.rules.pack import Repair, Rule, named
from synthetic_healthcare.rules.reading import Reader
from synthetic_healthcare.rules.values import label_of
from synthetic_healthcare.tables.dtypes import cast

Rows = npt.NDArray[np.intp]

#: Repair -> what a rule must look like for it.
_NEEDS: Final[dict[Repair, str]] = {
    "swap": "a comparison of two columns and nothing else: diastolic < systolic",
    "sort": "a chain of columns in one direction: low <= mean <= high",
    "clip": "a range",
    "set": "a 'then' of one column and one value: sex == 'F'",
    "missing": "a range, 'missing' with 'iff', 'missing_together', or a 'then' of missing(column)",
}


def check_repair(form: Form, repair: Repair) -> None:
    """Raise `RuleError` where a repair does not go with a rule's form."""
    possible = {
        "redraw": True,
        "swap": len(_chained(form) or ()) == 2,
        "sort": _chained(form) is not None,
        "clip": isinstance(form, Range),
        "set": _assignment(form) is not None,
        "missing": bool(_removed(form)),
    }[repair]
    if not possible:
        raise RuleError(f"repair: {repair} needs {_NEEDS[repair]}. Choose redraw, or write the rule so")


def repair(reader: Reader, rule: Rule) -> tuple[pd.DataFrame, int]:
    """Repair the rows that break a rule.

    Parameters
    ----------
    reader : Reader
        The table; it is not changed.
    rule : Rule
        With a repair other than redraw.

    Returns
    -------
    frame : DataFrame
        The table with the changed cells; an integer or boolean column of numpy that gets missing cells gets
        the pandas dtype that holds them, all others keep theirs.
    rows : int
        Rows that were changed; those may still break this rule (a strict comparison of equal values) or
        another one.

    Raises
    ------
    RuleError
        A column cannot hold what the repair would write.
    """
    broken = np.flatnonzero(rule.judge(reader).fails)
    if not len(broken):
        return reader.frame, 0
    frame = reader.frame.copy(deep=False)
    with named(rule.name):
        if rule.repair in ("swap", "sort"):
            changed = _sort(frame, reader, broken, _chained(rule.form) or ())
        elif rule.repair == "clip":
            assert isinstance(rule.form, Range)
            changed = _clip(frame, reader, broken, rule.form)
        elif rule.repair == "set":
            changed = _set(frame, broken, rule.form)
        else:
            changed = _remove(frame, reader, broken, rule.form)
    return frame, changed


def _chained(form: Form) -> tuple[str, ...] | None:
    """The columns of a chain that runs in one direction, lowest first."""
    if not isinstance(form, Holds) or not isinstance(form.expression.tree, ast.Compare):
        return None
    tree = form.expression.tree
    names = [column_alone(node) for node in (tree.left, *tree.comparators)]
    if None in names or len(set(names)) < len(names):
        return None
    columns = tuple(name for name in names if name is not None)
    if all(isinstance(sign, ast.Lt | ast.LtE) for sign in tree.ops):
        return columns
    return columns[::-1] if all(isinstance(sign, ast.Gt | ast.GtE) for sign in tree.ops) else None


def _assignment(form: Form) -> tuple[str, float | str] | None:
    """The column and the value that a consequence asks for."""
    if not isinstance(form, Implies) or not isinstance(form.then.tree, ast.Compare):
        return None
    tree = form.then.tree
    column, value = column_alone(tree.left), tree.comparators[0]
    single = len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)
    if column is None or not single or not isinstance(value, ast.Constant | ast.UnaryOp):
        return None
    asked = constant(value)
    return column, asked if isinstance(asked, str) else plain_number(asked)


def _removed(form: Form) -> tuple[str, ...]:
    """The columns that a repair would make missing."""
    if isinstance(form, Range):
        return (form.column,)
    if isinstance(form, MissingExactly | MissingTogether):
        return form.names
    if isinstance(form, Implies) and isinstance(form.then.tree, ast.Call):
        call = form.then.tree
        if isinstance(call.func, ast.Constant) and call.func.value == "missing":
            return form.then.columns
    return ()


def _sort(frame: pd.DataFrame, reader: Reader, broken: Rows, columns: Sequence[str]) -> int:
    """Put the values of each row in order; missing cells stay where they are."""
    values = matrix(reader, columns)[broken]
    places = np.broadcast_to(np.arange(len(columns)), values.shape)
    order = places.copy()
    absent = np.isnan(values)
    for pattern in np.unique(absent, axis=0):
        alike = np.flatnonzero((absent == pattern).all(axis=1))
        present = np.flatnonzero(~pattern)
        ranked = np.argsort(values[np.ix_(alike, present)], axis=1, kind="stable")
        order[np.ix_(alike, present)] = present[ranked]
    before = {name: frame[name] for name in columns}
    for place, name in enumerate(columns):
        for source, other in enumerate(columns):
            moved = broken[(order[:, place] == source) & (place != source)]
            if len(moved):
                _write(frame, name, moved, before[other].iloc[moved])
    return int((order != places).any(axis=1).sum())


def _clip(frame: pd.DataFrame, reader: Reader, broken: Rows, form: Range) -> int:
    """Move a number to the nearer end of its range, to the next whole number within it where it is one."""
    series = frame[form.column]
    plain = pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype)
    if not plain or isinstance(form.low, str) or isinstance(form.high, str):
        raise RuleError(
            f"clip is for numbers, and column {form.column!r} has the dtype {series.dtype}. Choose redraw"
        )
    low = -np.inf if form.low is None else form.low
    high = np.inf if form.high is None else form.high
    if "int" in str(series.dtype).lower():
        low, high = np.ceil(low), np.floor(high)
        if low > high:
            raise RuleError(f"no whole number lies in the range of column {form.column!r}")
    clipped = np.clip(matrix(reader, [form.column])[broken, 0], low, high)
    _write(frame, form.column, broken, pd.Series(clipped))
    return len(broken)


def _set(frame: pd.DataFrame, broken: Rows, form: Form) -> int:
    wanted = _assignment(form)
    assert wanted is not None
    column, value = wanted
    series = frame[column]
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) or dtype == np.dtype(object):
        # The cell as the column writes it: 1 may stand there as 1.0 or True.
        cells = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else series.dropna().unique()
        found = [cell for cell in cells if label_of(cell) == label_of(value)]
        if not found and isinstance(dtype, pd.CategoricalDtype):
            raise RuleError(
                f"column {column!r} has no such category as its 'then' asks for. Check its spelling"
            )
        value = found[0] if found else value
    _write(frame, column, broken, pd.Series([value] * len(broken)))
    return len(broken)


def _remove(frame: pd.DataFrame, reader: Reader, broken: Rows, form: Form) -> int:
    rows = broken
    if isinstance(form, MissingExactly):
        # Cells that are missing although they must not be cannot be made up: these rows are drawn anew.
        rows = broken[judge(form.iff, reader).holds[broken]]
    for name in _removed(form):
        if reader.schema is not None and name in reader.schema.names and not reader.schema[name].nullable:
            raise RuleError(f"column {name!r} is never missing in the real table. Choose redraw")
        frame[name] = _with_gaps(frame[name], rows)
    return len(rows)


def _with_gaps(series: pd.Series[Any], rows: Rows) -> pd.Series[Any]:
    if not len(rows):
        return series
    name = str(series.dtype)
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iub":
        # numpy has no missing integer or boolean: the pandas dtype of the same width does.
        name = "boolean" if name == "bool" else name.replace("u", "U", 1).replace("i", "I", 1)
        series = series.astype(pd.api.types.pandas_dtype(name))
    flags = np.zeros(len(series), dtype=bool)
    flags[rows] = True
    # Without a value, pandas takes the one that the dtype writes for what is missing.
    return series.mask(flags)


def _write(frame: pd.DataFrame, column: str, rows: Rows, cells: pd.Series[Any]) -> None:
    """Put cells into a column, which keeps its dtype."""
    series = frame[column].copy()
    try:
        fitting = cells if isinstance(series.dtype, pd.CategoricalDtype) else cast(cells, str(series.dtype))
        series.iloc[rows] = fitting.to_numpy() if isinstance(fitting.dtype, np.dtype) else fitting.array
    except (DataError, TypeError, ValueError) as error:
        raise RuleError(
            f"the repair would change column {column!r} of dtype {series.dtype} with loss. Choose redraw"
        ) from error
    frame[column] = series
