"""What was not declared of columns, learnt of noisy counts: kinds and decimals, ranges, categories.

Three releases, each of all the columns that need it, on tables that are the same for every data set:

1. *Kinds*: what the cells are, ten sorts of them. The commonest family is the column's kind; a decimal is
   written where more cells need it than noise explains.
2. *Ranges*: numbers by sign and power of two from 2^-20 to 2^30, dates by half-decades from 1900 to 2200. The
   range is the stretch of cells that holds more than noise; what lies outside is moved to its ends.
3. *Categories*: those that enough people share (`PrivateCounts.discover`).

What is read off released counts costs nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts, PrivateCounts
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS, Category, Column, Kind
from synthetic_healthcare.schema.public import is_learnt, kind_is_open
from synthetic_healthcare.transforms.private._base import noise_floor, tally
from synthetic_healthcare.transforms.private.choices import OTHER
from synthetic_healthcare.transforms.private.numbers import DAY, MINUTE, Shape
from synthetic_healthcare.transforms.private.ranges import (
    count_instants,
    count_numbers,
    range_of_instants,
    range_of_numbers,
)
from synthetic_healthcare.transforms.private.reading import (
    BOOLEAN,
    COLLECTION,
    DATE,
    INSTANT,
    MORE_DECIMALS,
    NUMBER,
    SORTS,
    TEXT,
    read_sets,
    read_sorts,
    read_spellings,
    spelling,
)
from synthetic_healthcare.transforms.private.sets import at_most
from synthetic_healthcare.transforms.private.shares import CODES_PER_ROW, Shares

#: Share of the rows that finer decimals, or times of day, must be held by.
_FEW: Final = 0.01


@final
@dataclass(frozen=True, eq=False)
class Open:
    """A column on its way from what was declared to a domain.

    Parameters
    ----------
    column : Column
        What is known by now.
    step : float
        Seconds that dates are multiples of.
    shape : (edges, masses) or None
        The coarse histogram of a range that was learnt.
    learnt : bool
        Whether its categories were learnt.
    """

    column: Column
    step: float
    shape: Shape | None = None
    learnt: bool = False


@final
class Discovery:
    """Learns step by step, and remembers what it spent.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    counts : PrivateCounts
        The door.
    shares : Shares
        Of the budget.
    learnt : int
        Columns of the table that models see.
    rows : int
        A public number of rows, which thresholds are shares of.

    Attributes
    ----------
    spent : float
        Share of the precision.
    """

    def __init__(
        self, frame: pd.DataFrame, counts: PrivateCounts, *, shares: Shares, learnt: int, rows: int
    ) -> None:
        self.spent = 0.0
        self._frame = frame
        self._counts = counts
        self._shares = shares
        self._learnt = learnt
        self._rows = rows

    def kinds(self, columns: Sequence[Open]) -> tuple[Open, ...]:
        """Learn kinds, decimals and steps of dates where they are needed."""

        def needs(column: Column) -> bool:
            ranged = column.kind in ("numeric", "datetime") and column.bounds is None
            return kind_is_open(column) or ranged

        return self._learn(columns, needs, self._shares.kinds, "sorts of cells", _sorts, self._kind)

    def ranges(self, columns: Sequence[Open]) -> tuple[Open, ...]:
        """Learn the ranges of numbers and dates."""

        def needs(column: Column) -> bool:
            return column.kind in CONTINUOUS_KINDS and column.bounds is None

        return self._learn(columns, needs, self._shares.ranges, "ranges", _magnitudes, _range)

    def categories(self, columns: Sequence[Open], *, most: int) -> tuple[Open, ...]:
        """Learn categories and codes, at most so many of a column."""

        def needs(column: Column) -> bool:
            return column.kind not in CONTINUOUS_KINDS and column.categories is None

        places = [place for place, held in enumerate(columns) if _needed(held.column, needs)]
        if not places:
            return tuple(columns)
        chosen = [columns[place].column for place in places]
        share = self._spend(self._shares.categories, len(places))
        found = self._counts.discover(
            lambda: [_things(self._frame[column.name], column) for column in chosen],
            most=[CODES_PER_ROW if column.kind == "codes" else 1 for column in chosen],
            share=share,
            purpose="categories that enough share",
            columns=[column.name for column in chosen],
        )
        opened = list(columns)
        for place, table in zip(places, found.tables, strict=True):
            opened[place] = replace(
                opened[place], column=_listed(opened[place].column, table, most), learnt=True
            )
        return tuple(opened)

    def _learn(
        self,
        columns: Sequence[Open],
        needs: Callable[[Column], bool],
        share: float,
        purpose: str,
        count: Callable[[pd.Series[Any], Column], IntCounts],
        read: Callable[[Open, IntCounts, float], Open],
    ) -> tuple[Open, ...]:
        """Release a table of each column that needs it, and read it."""
        places = [place for place, held in enumerate(columns) if _needed(held.column, needs)]
        if not places:
            return tuple(columns)
        chosen = [columns[place].column for place in places]
        released = self._counts.release(
            lambda: [count(self._frame[column.name], column) for column in chosen],
            tables=len(places),
            share=self._spend(share, len(places)),
            purpose=purpose,
            columns=[column.name for column in chosen],
        )
        opened = list(columns)
        for place, table in zip(places, released.tables, strict=True):
            opened[place] = read(opened[place], table, released.deviation)
        return tuple(opened)

    def _spend(self, share: float, columns: int) -> float:
        part = share * columns / self._learnt
        self.spent += part
        return part

    def _kind(self, held: Open, sorts: IntCounts, deviation: float) -> Open:
        floor = max(_FEW * self._rows, noise_floor(deviation, self._rows))
        column = held.column
        kind = _commonest(sorts, column) if kind_is_open(column) else column.kind
        # Times of day are written in minutes: seconds say little of a patient.
        step = MINUTE if sorts[INSTANT] > floor else DAY
        if kind == "numeric" and column.decimals is None:
            finer = np.flatnonzero(sorts[NUMBER + 1 : MORE_DECIMALS + 1] > floor)
            needed = 1 + int(finer[-1]) if len(finer) else 0
            column = replace(column, decimals=None if needed == MORE_DECIMALS else needed)
        if kind == "boolean" and kind_is_open(column):
            column = replace(column, categories=(False, True))
        return replace(held, column=replace(column, kind=kind), step=step)


def _needed(column: Column, needs: Callable[[Column], bool]) -> bool:
    return is_learnt(column) and needs(column)


def _sorts(series: pd.Series[Any], column: Column) -> IntCounts:
    return tally(read_sorts(series), SORTS)


def _commonest(sorts: IntCounts, column: Column) -> Kind:
    families: dict[Kind, int] = {
        "numeric": int(sorts[NUMBER : MORE_DECIMALS + 1].sum()),
        "boolean": int(sorts[BOOLEAN]),
        "datetime": int(sorts[DATE] + sorts[INSTANT]),
        "codes": int(sorts[COLLECTION]),
        "categorical": int(sorts[TEXT]),
    }
    if column.role == "target":
        # Sets of codes cannot be predicted.
        del families["codes"]
    return max(families, key=lambda kind: families[kind])


def _magnitudes(series: pd.Series[Any], column: Column) -> IntCounts:
    return count_instants(series) if column.kind == "datetime" else count_numbers(series)


def _range(held: Open, counts: IntCounts, deviation: float) -> Open:
    column = held.column
    if column.kind == "datetime":
        bounds, shape = range_of_instants(counts, deviation)
        return replace(held, column=replace(column, bounds=bounds), shape=shape)
    bounds, shape = range_of_numbers(counts, deviation, column.decimals)
    return replace(held, column=replace(column, bounds=bounds), shape=shape)


def _things(series: pd.Series[Any], column: Column) -> Mapping[str, int]:
    """Count categories by their spelling, or codes, of which each row counts for a few."""
    if column.kind == "codes":
        sets = read_sets(series, column.delimiter)
        return Counter(code for held in sets if held for code in at_most(held, CODES_PER_ROW))
    return Counter(text for text in read_spellings(series) if text is not None)


def _listed(column: Column, found: Mapping[str, int], most: int) -> Column:
    """List what was found in a column, the most frequent of it where it is too much."""
    most = 2 if column.kind == "boolean" else most
    found = {name: held for name, held in found.items() if _fits(name, column)}
    names = sorted(sorted(found, key=lambda name: (-found[name], name))[:most])
    if column.kind == "codes":
        return replace(column, categories=tuple(names) or None)
    categories = _typed(names)
    if not _fits(OTHER, column):
        # A dtype of numbers has no place for "other"; where nothing was found, any number will do.
        return replace(column, kind="categorical", categories=categories or (0,))
    if column.kind == "boolean" and len(categories) == 2:
        return replace(column, categories=categories)
    kind: Kind = "ordinal" if column.kind == "ordinal" and categories else "categorical"
    if kind == "categorical" and all(isinstance(category, str) for category in categories):
        categories = (*(name for name in categories if name != OTHER), OTHER)
    return replace(column, kind=kind, categories=categories)


def _fits(name: str, column: Column) -> bool:
    """Whether a declared dtype can hold a category."""
    dtype = column.dtype.lower() if "dtype" in column.declared else "object"
    value = _number(name)
    if dtype.startswith("bool"):
        return value in (0, 1)
    if dtype.startswith(("int", "uint")):
        limits = np.iinfo(dtype)
        return value is not None and value.is_integer() and limits.min <= value <= limits.max
    return value is not None or not dtype.startswith("float")


def _typed(names: Sequence[str]) -> tuple[Category, ...]:
    """Read spellings as numbers where all of them are, rising."""
    if any(_number(name) is None for name in names):
        return tuple(names)
    values = sorted(value for value in map(_number, names) if value is not None)
    return tuple(int(value) if value.is_integer() else value for value in values)


def _number(name: str) -> float | None:
    """Read a spelling as the number that it is the shortest text of."""
    try:
        value = float(name)
    except ValueError:
        return None
    return value if np.isfinite(value) and spelling(value) == name else None
