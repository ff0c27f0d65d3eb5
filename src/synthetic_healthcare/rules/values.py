"""What an expression works with: numbers, instants, text, sets of codes and truths, one entry a row.

A comparison with a missing side is neither met nor violated, as in SQL; a `Truth` therefore says of each row
whether it holds, fails, or neither (Kleene's strong logic of three values).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.schema.instants import scan_datetimes
from synthetic_healthcare.schema.parsing import scan_numbers
from synthetic_healthcare.schema.spelling import nearest

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Relative difference below which numbers count as equal: 0.1 + 0.2 is 0.3; the second is for columns that
#: are held in single precision, whose 4.1 is 4.0999999.
EXACT: Final = 1e-9
SINGLE: Final = 1e-6
DAY_S: Final = 86_400.0

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_MIRROR: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@final
class Misfit(RuleError):
    """Things that do not go together; whoever walks the expression adds the place."""


@final
@dataclass(frozen=True, eq=False)
class Truth:
    """Whether something holds in each row; where neither flag is set, nothing can be said.

    Parameters
    ----------
    holds, fails : bool array (n,) or ()
        Never both.
    """

    holds: Flags
    fails: Flags

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.holds & other.holds, self.fails | other.fails)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.holds | other.holds, self.fails & other.fails)

    def __invert__(self) -> Truth:
        return Truth(self.fails, self.holds)

    def where(self, condition: Truth) -> Truth:
        """The same, said only of rows in which a condition holds."""
        return Truth(self.holds & condition.holds, self.fails & condition.holds)

    def over(self, rows: int) -> Truth:
        """One entry a row, where constants alone gave a single one."""
        return Truth(np.broadcast_to(self.holds, (rows,)), np.broadcast_to(self.fails, (rows,)))

    @staticmethod
    def of(holds: Flags, known: Flags) -> Truth:
        """Holds or fails where it is known."""
        return Truth(holds & known, ~holds & known)


@final
@dataclass(frozen=True, eq=False)
class Number:
    """Numbers; NaN is missing."""

    values: Floats
    tolerance: float = EXACT


@final
@dataclass(frozen=True, eq=False)
class Instant:
    """Dates and times in seconds since 1970-01-01 UTC; NaN is missing."""

    seconds: Floats


@final
@dataclass(frozen=True, eq=False)
class Text:
    """One label a row.

    Parameters
    ----------
    codes : int array (n,)
        Place of the row's label; -1 is missing.
    labels : tuple of str
        The labels, in their order where `ordered`.
    """

    codes: npt.NDArray[np.intp]
    labels: tuple[str, ...]
    ordered: bool = False

    def spread(self, flags: Flags) -> Truth:
        """A flag of each label, as a truth of each row."""
        # One more entry at the end stands for a missing cell, whose code is -1.
        return Truth.of(np.append(flags, False)[self.codes], self.codes >= 0)

    def numbers(self) -> Number | None:
        """The labels read as numbers, `None` where one is none."""
        parsed, unread = scan_numbers(pd.Series(self.labels, dtype=object))
        return None if unread else Number(np.append(parsed.values, np.nan)[self.codes])

    def instants(self) -> Instant | None:
        """The labels read as dates, `None` where one is none."""
        parsed, unread = scan_datetimes(pd.Series(self.labels, dtype=object))
        return None if unread else Instant(np.append(parsed.seconds, np.nan)[self.codes])


@final
@dataclass(frozen=True, eq=False)
class CodeSets:
    """A set of codes a row; `None` is missing."""

    sets: Sequence[frozenset[str] | None]

    def hold(self, code: str) -> Truth:
        """Whether a code is in the set; `O8*` stands for every code that begins with O8."""
        known = np.fromiter((one is not None for one in self.sets), dtype=bool, count=len(self.sets))
        if code.endswith("*"):
            begin = code[:-1]
            every = {held for one in self.sets if one for held in one}
            wanted = frozenset(held for held in every if held.startswith(begin))
            found = (one is not None and not wanted.isdisjoint(one) for one in self.sets)
            return Truth.of(np.fromiter(found, dtype=bool, count=len(self.sets)), known)
        held_by = (one is not None and code in one for one in self.sets)
        return Truth.of(np.fromiter(held_by, dtype=bool, count=len(self.sets)), known)


Value = Number | Instant | Text | CodeSets | Truth | str


def label_of(cell: object) -> str:
    """Write 1, 1.0 and True alike: a round trip through a file must not change a category."""
    if isinstance(cell, bool | np.bool_):
        return str(int(cell))
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def kind_of(value: Value) -> str:
    """Name what a value is, for messages."""
    names = {
        Number: "a number",
        Instant: "a date",
        Text: "text",
        CodeSets: "a set of codes",
        Truth: "a yes or no",
        str: "text",
    }
    return names[type(value)]


def compare(sign: str, left: Value, right: Value) -> Truth:
    """Compare row by row; `sign` is one of < <= > >= == !=.

    Raises
    ------
    Misfit
        Where the two cannot be compared.
    """
    left, right = _alike(sign, left, right)
    if isinstance(left, Number) and isinstance(right, Number):
        return _compare_numbers(sign, left, right)
    if isinstance(left, Instant) and isinstance(right, Instant):
        known = ~(np.isnan(left.seconds) | np.isnan(right.seconds))
        return Truth.of(np.asarray(_COMPARE[sign](left.seconds, right.seconds)), known)
    if isinstance(left, str) and isinstance(right, Text):
        return compare(_MIRROR[sign], right, left)
    if isinstance(left, Text) and isinstance(right, str):
        return _compare_label(sign, left, right)
    if isinstance(left, Text) and isinstance(right, Text):
        return _compare_texts(sign, left, right)
    raise Misfit(f"{kind_of(left)} cannot be compared with {kind_of(right)}")


def among(left: Value, listed: Sequence[float | str]) -> Truth:
    """Whether the value of each row is one of a list."""
    found: Truth | None = None
    if isinstance(left, Text) and all(isinstance(entry, str) for entry in listed):
        wanted = frozenset(map(str, listed))
        return left.spread(np.array([label in wanted for label in left.labels], dtype=bool))
    for entry in listed:
        other = entry if isinstance(entry, str) else Number(np.asarray(float(entry)))
        equal = compare("==", left, other)
        found = equal if found is None else found | equal
    if found is None:
        raise Misfit("the list to the right of 'in' is empty")
    return found


def calculate(sign: str, left: Value, right: Value) -> Number | Instant:
    """Add, subtract, multiply, divide or raise; what is no finite number is missing.

    The difference of two dates is a number of days, and a date plus a number is so many days later.
    """
    left, right = _countable(left), _countable(right)
    if isinstance(left, Instant) or isinstance(right, Instant):
        return _calculate_dates(sign, left, right)
    signs: dict[str, Callable[[Floats, Floats], Floats]] = {
        "+": np.add,
        "-": np.subtract,
        "*": np.multiply,
        "/": np.divide,
        "**": np.power,
    }
    with np.errstate(all="ignore"):
        values = np.asarray(signs[sign](left.values, right.values))
    tolerance = max(left.tolerance, right.tolerance)
    return Number(np.where(np.isfinite(values), values, np.nan), tolerance)


def number(value: Value) -> Number:
    """Return a value as numbers.

    Raises
    ------
    Misfit
        Where it holds something else.
    """
    found = _countable(value)
    if isinstance(found, Instant):
        raise Misfit("a date is no number; the difference of two dates is a number of days")
    return found


def yes_or_no(value: Value) -> Truth:
    """Return a truth, or a column of zeros and ones as one."""
    if isinstance(value, Truth):
        return value
    if isinstance(value, Number):
        known = ~np.isnan(value.values)
        ones = value.values == 1.0
        if bool(np.any(known & ~ones & (value.values != 0.0))):
            raise Misfit("the column is not only 0 and 1; write a comparison, such as column > 0")
        return Truth.of(np.asarray(ones), np.asarray(known))
    raise Misfit(f"this is {kind_of(value)}, not a yes or no; write a comparison, such as column == 'yes'")


def _countable(value: Value) -> Number | Instant:
    if isinstance(value, Number | Instant):
        return value
    if isinstance(value, Text):
        found = value.numbers() or value.instants()
        if found is not None:
            return found
        raise Misfit("the column holds text that is no number")
    raise Misfit(f"one cannot calculate with {kind_of(value)}")


def _calculate_dates(sign: str, left: Number | Instant, right: Number | Instant) -> Number | Instant:
    if isinstance(left, Instant) and isinstance(right, Instant) and sign == "-":
        return Number((left.seconds - right.seconds) / DAY_S)
    if isinstance(left, Instant) and isinstance(right, Number) and sign in "+-":
        days = right.values * DAY_S
        return Instant(left.seconds + days if sign == "+" else left.seconds - days)
    if isinstance(left, Number) and isinstance(right, Instant) and sign == "+":
        return Instant(right.seconds + left.values * DAY_S)
    raise Misfit("with dates one can subtract one from another, which gives days, and add or subtract days")


def _alike(sign: str, left: Value, right: Value) -> tuple[Value, Value]:
    """Read text as numbers or dates where the other side is such."""
    if isinstance(left, str) and isinstance(right, str):
        raise Misfit("two constants are compared; one side must be a column")
    for one in (left, right):
        if isinstance(one, CodeSets):
            raise Misfit("a set of codes is asked with 'in': 'O80' in diagnoses")
        if isinstance(one, Truth):
            raise Misfit("a yes or no is not compared; join it with and, or, not")
    if sign not in ("==", "!=") and not _ordered(left) and not _ordered(right):
        # Without an order of its own, text that is all dates is ordered as dates are.
        dates = [_text(one).instants() if isinstance(one, Text | str) else None for one in (left, right)]
        if dates[0] is not None and dates[1] is not None:
            return dates[0], dates[1]
    return _as(left, right), _as(right, left)


def _ordered(value: Value) -> bool:
    return isinstance(value, Text) and value.ordered


def _text(value: Text | str) -> Text:
    """One label for all rows, where it is a constant."""
    return value if isinstance(value, Text) else Text(np.zeros(1, dtype=np.intp), (value,))


def _as(value: Value, other: Value) -> Value:
    """Return a value in the form of the other, where it is text and the other is not."""
    if isinstance(other, Number) and isinstance(value, Text):
        found = value.numbers()
        if found is None:
            raise Misfit("a column of text is compared with a number; put the number in quotes")
        return found
    if isinstance(other, Number) and isinstance(value, str):
        raise Misfit("a number is compared with text; write the number without quotes")
    if isinstance(other, Instant) and isinstance(value, Text | str):
        instant = _text(value).instants()
        if instant is None:
            raise Misfit("a date is compared with text that is no ISO 8601 date, such as '2020-12-31'")
        return instant
    return value


def _compare_numbers(sign: str, left: Number, right: Number) -> Truth:
    a, b = left.values, right.values
    known = ~(np.isnan(a) | np.isnan(b))
    with np.errstate(invalid="ignore"):
        room = max(left.tolerance, right.tolerance) * np.maximum(np.abs(a), np.abs(b))
        if sign in ("==", "!="):
            equal = np.abs(a - b) <= room
            return Truth.of(np.asarray(equal if sign == "==" else ~equal), np.asarray(known))
        # What is equal is neither below nor above, whatever the last bits say.
        strict = "<" if sign in ("<", ">=") else ">"
        beyond = a < b - room if strict == "<" else a > b + room
        return Truth.of(np.asarray(beyond if sign == strict else ~beyond), np.asarray(known))


def _compare_label(sign: str, left: Text, right: str) -> Truth:
    if sign in ("==", "!="):
        equal = np.array([label == right for label in left.labels], dtype=bool)
        return left.spread(equal if sign == "==" else ~equal)
    if not left.ordered:
        raise Misfit(
            "text has no order; declare the column ordinal in the schema, its categories from low to high"
        )
    if right not in left.labels:
        raise Misfit(f"{right!r} is no level of the column; did you mean {nearest(right, left.labels)[0]!r}?")
    rank = left.labels.index(right)
    return left.spread(np.asarray(_COMPARE[sign](np.arange(len(left.labels)), rank)))


def _compare_texts(sign: str, left: Text, right: Text) -> Truth:
    known = (left.codes >= 0) & (right.codes >= 0)
    if sign not in ("==", "!="):
        if not (left.ordered and right.ordered and left.labels == right.labels):
            raise Misfit("text has no order: < and > are for numbers, dates and ordinals of equal levels")
        return Truth.of(np.asarray(_COMPARE[sign](left.codes, right.codes)), known)
    place = {label: position for position, label in enumerate(left.labels)}
    # -2 is a label that the left side does not have.
    other = np.array([*(place.get(label, -2) for label in right.labels), -1], dtype=np.intp)[right.codes]
    return Truth.of(np.asarray(_COMPARE[sign](left.codes, other)), known)
