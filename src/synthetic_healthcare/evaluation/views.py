"""Tables as a judge reads them: one typed array a column, aligned over all the tables that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import EvaluationError, RejectColumn
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS, DISCRETE_KINDS, UNLEARNT_KINDS, Column
from synthetic_healthcare.schema.parsing import parse_codes, parse_datetimes, parse_numbers
from synthetic_healthcare.schema.schema import Schema

Form = Literal["number", "level", "bits"]
Array = npt.NDArray[Any]

#: Code of a missing level.
MISSING: Final = -1


@final
@dataclass(frozen=True)
class Field:
    """A column that is judged.

    Parameters
    ----------
    name : str
        The column's name.
    form : {"number", "level", "bits"}
        Numbers and dates; one category a row; a set of codes a row.
    levels : int
        Number of categories or codes over all tables; 0 for a number.
    known : int
        How many of them occur in real rows: they come first.
    labels : tuple of str
        What the tables call each category or code, in the order of their numbers. For display only: no figure
        may depend on them.
    """

    name: str
    form: Form
    levels: int = 0
    known: int = 0
    labels: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class View:
    """One table, column by column.

    Parameters
    ----------
    values : Mapping of arrays
        For a number: float64 (n,), NaN where missing. For a level: int64 (n,), `MISSING` where missing. For
        bits: bool (n, levels), all false where missing.
    rows : int
        Number of rows.
    groups : int64 array (n,) or None
        Code of the patient that the row belongs to, where the schema names a group column.
    """

    values: Mapping[str, Array]
    rows: int
    groups: npt.NDArray[np.int64] | None = None

    def take(self, order: npt.NDArray[np.intp]) -> View:
        """Rows by position."""
        groups = None if self.groups is None else self.groups[order]
        return View({name: array[order] for name, array in self.values.items()}, len(order), groups)


def judged_columns(schema: Schema) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Split a schema into the columns that are judged, by name, and the names of those that are left out."""
    judged, left_out = [], []
    for column in schema.columns:
        if column.kind in UNLEARNT_KINDS or column.role in ("identifier", "group"):
            left_out.append(column.name)
        else:
            judged.append(column)
    # The order of columns must not matter to any figure: everything downstream sees them by name.
    return tuple(sorted(judged, key=lambda column: column.name)), tuple(sorted(left_out))


def check_columns(frame: pd.DataFrame, schema: Schema, *, what: str) -> None:
    """Refuse a table whose columns are not those of the schema.

    Identifiers, text and patient columns are not judged and may be absent.

    Raises
    ------
    EvaluationError
        Naming the duplicated, missing or extra columns.
    """
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EvaluationError(f"the {what} table has columns of the same name: {twice}. Rename them.")
    judged, left_out = judged_columns(schema)
    missing = [column.name for column in judged if column.name not in names]
    extra = sorted(set(names) - {column.name for column in judged} - set(left_out))
    if missing:
        raise EvaluationError(
            f"the {what} table lacks the columns {missing} that the schema has. "
            "Give tables with the same columns (their order does not matter)."
        )
    if extra:
        raise EvaluationError(
            f"the {what} table has the columns {extra} that the schema does not have. "
            "Drop them, or give the schema of this table."
        )
    if len(frame) == 0:
        raise EvaluationError(f"the {what} table has no rows: there is nothing to judge.")


def read_tables(frames: Sequence[pd.DataFrame], schema: Schema) -> tuple[tuple[Field, ...], list[View]]:
    """Read tables into aligned views.

    Parameters
    ----------
    frames : sequence of DataFrame
        The synthetic table first, then the real ones.
    schema : Schema
        Says how each column is read.

    Returns
    -------
    fields : tuple of Field
        The judged columns, sorted by name.
    views : list of View
        One for each frame, rows as they came. Levels are numbered by what real rows hold them, not by their
        spelling, so that a relabelled table gets the same numbers.

    Raises
    ------
    EvaluationError
        Where a column cannot be read as its kind.
    """
    columns, _ = judged_columns(schema)
    if not columns:
        raise EvaluationError("the schema has no column that can be judged: all are identifiers or text.")
    fields, values = [], [dict[str, Array]() for _ in frames]
    for column in columns:
        try:
            field, arrays = _read_column(column, [frame[column.name] for frame in frames])
        except RejectColumn as error:
            raise EvaluationError(f"the tables cannot be compared: {error}") from error
        except (ValueError, TypeError) as error:
            raise EvaluationError(
                f"column {column.name!r} cannot be read as {column.kind} in all tables "
                f"({type(error).__name__}). Declare its kind in the schema."
            ) from error
        fields.append(field)
        for view, array in zip(values, arrays, strict=True):
            view[column.name] = array
    groups = _read_groups(frames, schema)
    views = [View(view, len(frame), group) for view, frame, group in zip(values, frames, groups, strict=True)]
    return _number_levels(tuple(fields), views)


def _read_column(column: Column, series: list[pd.Series[Any]]) -> tuple[Field, list[Array]]:
    if column.kind == "datetime":
        return Field(column.name, "number"), [_finite(parse_datetimes(one).seconds) for one in series]
    if column.kind in CONTINUOUS_KINDS:
        return Field(column.name, "number"), [_finite(parse_numbers(one).values) for one in series]
    if column.kind in DISCRETE_KINDS:
        labelled = [_labels(one) for one in series]
        vocabulary = sorted({label for _, labels in labelled for label in labels})
        place = {label: index for index, label in enumerate(vocabulary)}
        arrays = []
        for codes, labels in labelled:
            # One more entry at the end: the code -1 of a missing cell stays -1.
            shifted = np.array([place[label] for label in labels] + [MISSING], dtype=np.int64)
            arrays.append(shifted[codes])
        return Field(column.name, "level", len(vocabulary), labels=tuple(vocabulary)), arrays
    sets = [parse_codes(one, column.delimiter) for one in series]
    vocabulary = sorted({code for table in sets for row in table if row is not None for code in row})
    place = {code: index for index, code in enumerate(vocabulary)}
    field = Field(column.name, "bits", len(vocabulary), labels=tuple(vocabulary))
    return field, [_bits(table, place) for table in sets]


def _finite(values: Array) -> Array:
    numbers = np.array(values, dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def _labels(series: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[str]]:
    codes, uniques = pd.factorize(series.astype(object))
    labels = [label_of(value) for value in uniques]
    return codes, labels


def spelled(value: object) -> str:
    """Write a class: 1.0 is read from many files where 1 was meant."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def label_of(value: object) -> str:
    """Write 1, 1.0 and True alike: a round trip through a file must not change a category."""
    return str(int(value)) if isinstance(value, bool | np.bool_) else spelled(value)


def _bits(table: Sequence[frozenset[str] | None], place: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    bits = np.zeros((len(table), len(place)), dtype=bool)
    for row, codes in enumerate(table):
        if codes:
            bits[row, [place[code] for code in codes]] = True
    return bits


def _read_groups(frames: Sequence[pd.DataFrame], schema: Schema) -> list[npt.NDArray[np.int64] | None]:
    name = schema.group
    if name is None or any(name not in frame.columns for frame in frames[1:]):
        return [None for _ in frames]
    real = pd.concat([frame[name] for frame in frames[1:]], ignore_index=True)
    codes = pd.factorize(real.astype(object), use_na_sentinel=False)[0].astype(np.int64)
    groups: list[npt.NDArray[np.int64] | None] = [None]
    start = 0
    for frame in frames[1:]:
        groups.append(codes[start : start + len(frame)])
        start += len(frame)
    return groups


def _number_levels(fields: tuple[Field, ...], views: list[View]) -> tuple[tuple[Field, ...], list[View]]:
    """Number levels and codes by frequency in the real tables; ties by the rows that hold them."""
    profiles = [_profile(view, fields, views[1:]) for view in views[1:]]
    values = [dict(view.values) for view in views]
    numbered = []
    for field in fields:
        if field.form == "number":
            numbered.append(field)
            continue
        signatures = []
        for view, profile in zip(views[1:], profiles, strict=True):
            column = view.values[field.name]
            signatures.append(_held(column, field, np.ones(view.rows, dtype=np.int64)))
            signatures.append(_held(column, field, profile))
        counts = np.sum(signatures[::2], axis=0)
        # lexsort sorts by its last key first; what is left tied after all keys keeps its alphabetical order.
        order = np.lexsort([*[-part for part in reversed(signatures)], -counts])
        place = np.empty(field.levels + 1, dtype=np.int64)
        place[order] = np.arange(field.levels)
        place[-1] = MISSING
        for view_values in values:
            column = view_values[field.name]
            view_values[field.name] = place[column] if field.form == "level" else column[:, order]
        labels = tuple(field.labels[level] for level in order)
        numbered.append(replace(field, known=int((counts > 0).sum()), labels=labels))
    taken = [View(new, view.rows, view.groups) for new, view in zip(values, views, strict=True)]
    return tuple(numbered), taken


def _held(column: Array, field: Field, amounts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Total of `amounts` over the rows that hold each level, in whole numbers."""
    totals = np.zeros(field.levels, dtype=np.int64)
    if field.form == "bits":
        return amounts @ column.astype(np.int64)
    present = column != MISSING
    np.add.at(totals, column[present], amounts[present])
    return totals


def _profile(view: View, fields: tuple[Field, ...], real: list[View]) -> npt.NDArray[np.int64]:
    """Describe each row by a whole number that depends on no label, no unit and no order of rows."""
    profile = np.zeros(view.rows, dtype=np.int64)
    for position, field in enumerate(fields):
        column = view.values[field.name]
        everywhere = np.concatenate([other.values[field.name] for other in real])
        if field.form == "number":
            pooled = np.sort(everywhere[~np.isnan(everywhere)])
            below = np.searchsorted(pooled, column, "left") + np.searchsorted(pooled, column, "right")
            profile += np.where(np.isnan(column), 0, below) * (position + 1)
        elif field.form == "level":
            counts = np.bincount(everywhere[everywhere != MISSING], minlength=field.levels + 1)
            profile += np.where(column == MISSING, 0, counts[column]) * (position + 1)
        else:
            profile += column.astype(np.int64) @ everywhere.sum(axis=0).astype(np.int64) * (position + 1)
    return profile
