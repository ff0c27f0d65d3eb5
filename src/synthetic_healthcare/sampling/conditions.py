"""Conditions as users write them, read against the schema: what is wanted of which column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConditionError
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS, Category, Column
from synthetic_healthcare.schema.derived import DerivedColumn
from synthetic_healthcare.schema.spelling import unknown
from synthetic_healthcare.transforms.cells import read_cells
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.wanted import (
    AnyOf,
    Holds,
    IsMissing,
    OneOf,
    Wanted,
    Within,
    learnt_categories,
)

#: A number or text, a collection of them, a tuple that begins with an operator, or `None` for missing.
Condition = Any

_COMPARISONS: Final = (">", ">=", "<", "<=")
_OPERATORS: Final = (*_COMPARISONS, "==", "!=", "in", "not in", "between", "missing", "not missing")
#: `--where`: a column, then "is missing", or an operator and the rest.
_MISSING: Final = re.compile(r"(?P<column>.+?)\s+is\s+(?P<no>not\s+)?missing\s*")
_COMPARED: Final = re.compile(r"(?P<column>[^<>=!]+?)\s*(?P<operator><=|>=|==|!=|<|>|=)\s*(?P<value>.*)")


@final
@dataclass(frozen=True)
class Conditions:
    """All that is wanted of the rows, column by column.

    Parameters
    ----------
    wishes : Mapping of str to tuple of Wanted
        For each column of the table, all that is wanted of it.
    columns : Mapping of str to Column
        The same columns, as the schema has them.
    """

    wishes: Mapping[str, tuple[Wanted, ...]]
    columns: Mapping[str, Column]

    @staticmethod
    def of(
        conditions: Mapping[str, Condition] | Iterable[tuple[str, Condition]], encoder: TableEncoder
    ) -> Conditions:
        """Read conditions against what was learnt.

        Parameters
        ----------
        conditions : Mapping, or pairs where a column stands in several
            Column, or derived column of the schema -> what is wanted:

            - a value: equal to it; for a set of codes: the set holds it;
            - a list: any of its values; for a set of codes: all of them;
            - `(">=", 65)`, `(">", x)`, `("<", x)`, `("<=", x)`, `("==", x)`, `("!=", x)`;
            - `("between", low, high)`, both ends included;
            - `("in", [...])`, `("not in", [...])`; for a set of codes "not in" means none of them;
            - `("missing",)` or `None`, and `("not missing",)`.
        encoder : TableEncoder
            Of the learnt table.

        Raises
        ------
        ConditionError
            A column, category or operator is unknown, or a value is not of the column's kind.
        """
        pairs = list(conditions.items() if isinstance(conditions, Mapping) else conditions)
        if not pairs:
            raise ConditionError("no condition is given. Name at least one column, or call generate")
        schema = encoder.schema
        derived = {column.name: column for column in schema.derived}
        wishes: dict[str, tuple[Wanted, ...]] = {}
        for name, condition in pairs:
            if name in derived and name not in schema.names:
                source, wish = derived[name].source, _banded(derived[name], condition)
            else:
                source, wish = name, _wish(_column(encoder, name), condition)
            wishes[source] = (*wishes.get(source, ()), wish)
        return Conditions(wishes, {name: schema[name] for name in wishes})

    def hold(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Say which rows of a table meet all of them, shape (n,)."""
        met = np.ones(len(frame), dtype=bool)
        for name, wishes in self.wishes.items():
            cells = read_cells(frame[name], self.columns[name])
            met = reduce(np.logical_and, (wish.holds(cells) for wish in wishes), met)
        return met


def parse_where(texts: Sequence[str]) -> list[tuple[str, Condition]]:
    """Read conditions as the command line has them; several on one column have to hold together.

    `age>=65`, `age=60..80`, `sex=F`, `ward=north|south`, `ward!=north`, `diagnoses=I10;E11` (all of the
    codes), `crp is missing`, `crp is not missing`.

    Raises
    ------
    ConditionError
        A text is not of this form.
    """
    return [_parse_one(text) for text in texts]


def _parse_one(text: str) -> tuple[str, Condition]:
    missing = _MISSING.fullmatch(text.strip())
    if missing:
        return str(missing["column"]).strip(), ("not missing",) if missing["no"] else ("missing",)
    found = _COMPARED.fullmatch(text.strip())
    if found is None or not found["value"]:
        raise ConditionError(
            f"condition {text!r} is not of the form column=value. Examples: age>=65, age=60..80, sex=F, "
            "ward=north|south, diagnoses=I10;E11, 'crp is missing'"
        )
    column, operator, value = found["column"], found["operator"], found["value"].strip()
    if operator in _COMPARISONS:
        return column, (operator, value)
    if operator == "!=":
        return column, ("not in", value.split("|"))
    low, dots, high = value.partition("..")
    if dots:
        return column, ("between", low, high)
    if ";" in value:
        return column, [part.strip() for part in value.split(";")]
    return column, value.split("|") if "|" in value else value


def _column(encoder: TableEncoder, name: object) -> Column:
    """The column as it was learnt: with the categories that it can come out with."""
    schema = encoder.schema
    known = (*schema.names, *(column.name for column in schema.derived))
    if name not in schema.names:
        raise ConditionError(f"conditions: {unknown('column', str(name), known)}")
    column = schema[str(name)]
    if column.kind in ("identifier", "text") or column.role in ("identifier", "group"):
        raise ConditionError(
            f"column {name!r} is an identifier: each synthetic row gets a fresh one, so nothing can be asked "
            "of it. Drop the condition"
        )
    return replace(column, categories=learnt_categories(encoder, column.name) or None)


def _wish(column: Column, condition: Condition) -> Wanted:
    operator, values = _spelled_out(column.name, condition)
    if operator in ("missing", "not missing"):
        return IsMissing(operator == "missing")
    if column.kind == "codes":
        return _codes(column, operator, values)
    if operator in _COMPARISONS or operator == "between":
        return _interval(column, operator, values)
    wish = _equal(column, values)
    return AnyOf((wish,), negated=True) if operator == "not in" else wish


def _spelled_out(name: str, condition: Condition) -> tuple[str, tuple[Any, ...]]:
    """Any spelling as an operator and its values; equality becomes "in"."""
    if condition is None:
        return "missing", ()
    if isinstance(condition, list | set | frozenset | np.ndarray):
        return "in", tuple(condition)
    if not isinstance(condition, tuple):
        return "in", (condition,)
    operator, *values = condition or ("",)
    operator = str(operator)
    if operator not in _OPERATORS:
        raise ConditionError(
            f"column {name!r}: a tuple begins with an operator; known: {', '.join(_OPERATORS)}. "
            "For any of several values, give a list"
        )
    needed = {"between": 2, "missing": 0, "not missing": 0}.get(operator, 1)
    if len(values) != needed:
        raise ConditionError(f"column {name!r}: {operator!r} needs {needed} values; it has {len(values)}")
    if operator in ("in", "not in"):
        values = list(values[0]) if isinstance(values[0], list | tuple | set | frozenset) else values
    aliases = {"==": "in", "!=": "not in"}
    return aliases.get(operator, operator), tuple(values)


def _codes(column: Column, operator: str, values: tuple[Any, ...]) -> Wanted:
    codes = frozenset(map(str, values))
    if operator == "in":
        return Holds(codes=codes)
    if operator == "not in":
        return Holds(without=codes)
    raise ConditionError(
        f"column {column.name!r} holds sets of codes: give codes that a set must hold, or ('not in', [...])"
    )


def _interval(column: Column, operator: str, values: tuple[Any, ...]) -> Wanted:
    levels = column.categories or ()
    ordered = column.kind == "ordinal" and any(isinstance(level, str) for level in levels)
    if ordered:
        # Text has no size: the places of the levels are compared.
        ends = [float(levels.index(_category(column, value))) for value in values]
    else:
        ends = [_end(column, value) for value in values]
    if ends[0] > ends[-1]:
        raise ConditionError(f"column {column.name!r}: 'between' needs its lower end first")
    interval = {
        "between": Within(ends[0], ends[-1]),
        ">": Within(low=ends[0], without_low=True),
        ">=": Within(low=ends[0]),
        "<": Within(high=ends[0], without_high=True),
        "<=": Within(high=ends[0]),
    }[operator]
    if not ordered:
        return interval
    inside = interval.contains(np.arange(len(levels), dtype=np.float64))
    return OneOf(frozenset(level for level, held in zip(levels, inside, strict=True) if held))


def _equal(column: Column, values: tuple[Any, ...]) -> Wanted:
    if not values:
        raise ConditionError(f"column {column.name!r}: the list of values is empty")
    if column.kind in CONTINUOUS_KINDS:
        return AnyOf(tuple(Within(end, end) for end in (_end(column, value) for value in values)))
    return OneOf(frozenset(_category(column, value) for value in values))


def _category(column: Column, value: Any) -> Category:
    """The learnt category that a value names, whatever type it is written in."""
    for category in column.categories or ():
        if category == value and isinstance(category, bool) == isinstance(value, bool):
            return category
    spelled = {str(category): category for category in column.categories or ()}
    numbers = {
        f"{float(category):g}": category for category in spelled.values() if not isinstance(category, str)
    }
    text = str(value.item() if isinstance(value, np.generic) else value)
    found = spelled.get(text, numbers.get(_as_number(text)))
    if found is None:
        raise ConditionError(f"column {column.name!r}: {unknown('category', text, spelled)}")
    return found


def _as_number(text: str) -> str:
    lowered = {"true": "1", "false": "0"}.get(text.lower(), text)
    try:
        return f"{float(lowered):g}"
    except ValueError:
        return text


def _end(column: Column, value: Any) -> float:
    """A bound as the column's cells are held: a number, or seconds of a date."""
    try:
        if column.kind == "datetime":
            moment = pd.Timestamp(value)
            moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
            end = moment.timestamp()
        else:
            end = float(value)
    except (TypeError, ValueError) as problem:
        wanted = "dates" if column.kind == "datetime" else "numbers"
        raise ConditionError(f"column {column.name!r} is compared with {wanted}") from problem
    if np.isnan(end):
        raise ConditionError(f"column {column.name!r}: NaN is no bound; ask for ('missing',)")
    return end


def _banded(derived: DerivedColumn, condition: Condition) -> Wanted:
    operator, labels = _spelled_out(derived.name, condition)
    if operator not in ("in", "not in"):
        raise ConditionError(f"column {derived.name!r} is derived: ask for its labels")
    bands = dict(derived.bands)
    for label in labels:
        if str(label) not in bands:
            raise ConditionError(f"column {derived.name!r}: {unknown('label', str(label), bands)}")
    ends = [bands[str(label)] for label in labels]
    wishes = tuple(
        Within(-np.inf if low is None else low, np.inf if high is None else high) for low, high in ends
    )
    return AnyOf(wishes, negated=operator == "not in")
