"""The forms of a rule: each says which rows keep it, which break it, and which it does not concern."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.rules.expression import Expression, quoted_column
from synthetic_healthcare.rules.judging import judge
from synthetic_healthcare.rules.reading import Reader
from synthetic_healthcare.rules.values import CodeSets, Floats, Instant, Number, Text, Truth

Cell = str | float

#: Combinations that one rule may list; more are no fixed set but a distribution.
MOST_COMBINATIONS: Final = 100_000


class Form(ABC):
    """What a rule asks of a row."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""

    @abstractmethod
    def judge(self, reader: Reader) -> Truth:
        """Say of each row whether it keeps the rule, breaks it, or is not concerned; shape (n,)."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it stands in a rule's block of the YAML."""


@final
@dataclass(frozen=True)
class Holds(Form):
    """A comparison that every row meets: `holds: diastolic < systolic`."""

    expression: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the expression."""
        return self.expression.columns

    def judge(self, reader: Reader) -> Truth:
        """The expression itself."""
        return judge(self.expression, reader)

    def to_dict(self) -> dict[str, Any]:
        """`holds`."""
        return {"holds": self.expression.text}


@final
@dataclass(frozen=True)
class Implies(Form):
    """What follows from what: `when: pregnant == 1`, `then: sex == 'F'`."""

    when: Expression
    then: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of both sides."""
        return tuple(dict.fromkeys((*self.when.columns, *self.then.columns)))

    def judge(self, reader: Reader) -> Truth:
        """The consequence, in rows in which the condition holds."""
        return judge(self.then, reader).where(judge(self.when, reader))

    def to_dict(self) -> dict[str, Any]:
        """`when` and `then`."""
        return {"when": self.when.text, "then": self.then.text}


@final
@dataclass(frozen=True)
class Range(Form):
    """A plausible range of a column, of a group of rows where `when` is given.

    Parameters
    ----------
    column : str
        A column of numbers or dates.
    low, high : float or str or None
        Both ends are allowed; text is an ISO date, `None` is no end.
    when : Expression or None
        The rows that it is said of.
    """

    column: str
    low: Cell | None
    high: Cell | None
    when: Expression | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column and those of the condition."""
        return tuple(dict.fromkeys((self.column, *(self.when.columns if self.when else ()))))

    def judge(self, reader: Reader) -> Truth:
        """Within the range, in the rows of the group."""
        within = judge(self._within(), reader)
        return within if self.when is None else within.where(judge(self.when, reader))

    def _within(self) -> Expression:
        column = quoted_column(self.column)
        low = "" if self.low is None else f"{self.low!r} <= "
        high = "" if self.high is None else f" <= {self.high!r}"
        return Expression(f"{low}{column}{high}")

    def to_dict(self) -> dict[str, Any]:
        """`range`."""
        when = {} if self.when is None else {"when": self.when.text}
        return {"range": {"column": self.column, "within": [self.low, self.high], **when}}


@final
@dataclass(frozen=True)
class Combination(Form):
    """Columns whose listed combinations are the only ones allowed.

    Parameters
    ----------
    names : tuple of str
        Two columns or more.
    allowed : tuple of tuple, or None
        The combinations, one entry a column; `None` where they are still to be learnt.
    observed : bool
        Whether they are learnt from the real table rather than listed by the user.
    """

    names: tuple[str, ...]
    allowed: tuple[tuple[Cell, ...], ...] | None
    observed: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are combined."""
        return self.names

    def judge(self, reader: Reader) -> Truth:
        """Whether the row's combination is listed; nothing is said where a part is missing."""
        if self.allowed is None:
            raise RuleError(
                "its combinations are those of the real table, which are not known yet. Call "
                "pack.learn(real) first, or list them under 'allowed'"
            )
        columns, known = [], np.ones(reader.rows, dtype=bool)
        possible = np.ones(len(self.allowed), dtype=bool)
        for place, name in enumerate(self.names):
            cells, values = distinct(reader, name)
            known &= cells >= 0
            position = {value: code for code, value in enumerate(values)}
            wanted = np.array([position.get(one[place], -1) for one in self.allowed], dtype=np.int64)
            possible &= wanted >= 0
            columns.append(np.concatenate([cells, wanted]))
        keys = number_jointly(columns)
        listed = keys[reader.rows :][possible]
        return Truth.of(np.isin(keys[: reader.rows], listed), known)

    def check(self, reader: Reader) -> None:
        """Raise where a column's combinations are no fixed set."""
        for name in self.names:
            distinct(reader, name)

    def to_dict(self) -> dict[str, Any]:
        """`combination` and `allowed`."""
        allowed = None if self.allowed is None else [list(one) for one in self.allowed]
        if not self.observed:
            return {"combination": list(self.names), "allowed": allowed}
        learnt = {} if allowed is None else {"learnt": allowed}
        return {"combination": list(self.names), "allowed": "observed", **learnt}


@final
@dataclass(frozen=True)
class MissingExactly(Form):
    """Columns missing where something holds, and only there: `missing: peep`, `iff: not ventilated`."""

    names: tuple[str, ...]
    iff: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns and those of the condition."""
        return tuple(dict.fromkeys((*self.names, *self.iff.columns)))

    def judge(self, reader: Reader) -> Truth:
        """Missing where the condition holds, present where it fails."""
        condition = judge(self.iff, reader)
        absent = [reader.missing(name) for name in self.names]
        kept = [np.where(condition.holds, one, ~one) for one in absent]
        return Truth.of(reduce(np.logical_and, kept), condition.holds | condition.fails)

    def to_dict(self) -> dict[str, Any]:
        """`missing` and `iff`."""
        return {"missing": list(self.names), "iff": self.iff.text}


@final
@dataclass(frozen=True)
class MissingTogether(Form):
    """Columns that are all missing or all present, as a panel of one blood sample is."""

    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns."""
        return self.names

    def judge(self, reader: Reader) -> Truth:
        """All or none."""
        count = _count_missing(reader, self.names)
        return Truth.of((count == 0) | (count == len(self.names)), np.ones(reader.rows, dtype=bool))

    def to_dict(self) -> dict[str, Any]:
        """`missing_together`."""
        return {"missing_together": list(self.names)}


@final
@dataclass(frozen=True)
class NotMissingTogether(Form):
    """Columns of which at least one is present."""

    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns."""
        return self.names

    def judge(self, reader: Reader) -> Truth:
        """Not all missing."""
        count = _count_missing(reader, self.names)
        return Truth.of(count < len(self.names), np.ones(reader.rows, dtype=bool))

    def to_dict(self) -> dict[str, Any]:
        """`not_missing_together`."""
        return {"not_missing_together": list(self.names)}


def distinct(reader: Reader, name: str) -> tuple[npt.NDArray[np.int64], list[Cell]]:
    """Number the values of a column, -1 where missing, as numbers or text that stand in a YAML file.

    Raises
    ------
    RuleError
        For a column of dates or codes: their combinations are no fixed set.
    """
    held = reader.value(name)
    if isinstance(held, Number):
        present = ~np.isnan(held.values)
        values, places = np.unique(held.values[present], return_inverse=True)
        codes = np.full(len(held.values), -1, dtype=np.int64)
        codes[present] = places
        return codes, list(map(plain_number, values.tolist()))
    if isinstance(held, Text):
        return np.asarray(held.codes, dtype=np.int64), list(held.labels)
    assert isinstance(held, Instant | CodeSets)
    what = "dates" if isinstance(held, Instant) else "sets of codes"
    raise RuleError(f"column {name!r} holds {what}, whose combinations are no fixed set. Leave it out")


def number_jointly(columns: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Number the distinct rows of columns of codes from -1 on, in the order of the columns."""
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        # Numbered anew after each column: the product of many columns would overflow.
        pairs = keys * (int(codes.max(initial=-1)) + 2) + codes + 1
        keys = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return keys


def plain_number(value: float) -> float:
    """Write a whole number without a point."""
    return int(value) if float(value).is_integer() else float(value)


def matrix(reader: Reader, names: Sequence[str]) -> Floats:
    """Columns of numbers, or of dates, side by side; shape (n, columns), NaN where missing.

    Raises
    ------
    RuleError
        Where a column is neither.
    """
    arrays = []
    for name in names:
        held = reader.value(name)
        if not isinstance(held, Number | Instant):
            raise RuleError(f"column {name!r} holds neither numbers nor dates")
        arrays.append(held.values if isinstance(held, Number) else held.seconds)
    return np.stack(arrays, axis=1)


def _count_missing(reader: Reader, names: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.asarray(np.sum([reader.missing(name) for name in names], axis=0, dtype=np.int64))
