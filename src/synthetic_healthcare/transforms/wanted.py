"""What is wanted of a column's cells, and what that asks of encoded rows.

A wish is a test of cells, the same for cells that were drawn and for those that an encoder can make. What it
asks of the encoded row is found by trying: every state of the column is decoded, with a fine grid of numbers
where it has one, and what passes the test is what is allowed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConditionError
from synthetic_healthcare.schema.column import Category
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span
from synthetic_healthcare.transforms.categorical import FittedCategorical
from synthetic_healthcare.transforms.cells import Cells
from synthetic_healthcare.transforms.codes import FittedCodes
from synthetic_healthcare.transforms.constant import FittedConstant
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.ordinal import FittedOrdinal
from synthetic_healthcare.transforms.places import ABSENT, PRESENT
from synthetic_healthcare.transforms.quantiles import SCORE_LIMIT

Mask = npt.NDArray[np.bool_]

#: Scores at which a number's decoding is tried.
_SCORES: Final = np.linspace(-SCORE_LIMIT, SCORE_LIMIT, 4097, dtype=np.float32)


class Wanted(ABC):
    """A test of one column's cells."""

    @abstractmethod
    def holds(self, cells: Cells) -> Mask:
        """Say which of the cells (n,) pass; a missing cell passes only where missing ones are wanted."""


@final
@dataclass(frozen=True)
class AnyOf(Wanted):
    """One of several wishes, or (`negated`) a present cell that meets none of them."""

    wishes: tuple[Wanted, ...]
    negated: bool = False

    def holds(self, cells: Cells) -> Mask:
        """Join the wishes' answers."""
        met = np.zeros(len(cells), dtype=bool)
        for wish in self.wishes:
            met |= wish.holds(cells)
        return ~met & ~cells.missing if self.negated else met


@final
@dataclass(frozen=True)
class IsMissing(Wanted):
    """The cell is missing, or (`missing` false) it is not."""

    missing: bool

    def holds(self, cells: Cells) -> Mask:
        """Compare with what is missing."""
        met: Mask = cells.missing == self.missing
        return met


@final
@dataclass(frozen=True)
class Within(Wanted):
    """A number, a date (seconds since 1970) or a category that is a number lies in an interval.

    Parameters
    ----------
    low, high : float
        Its ends; infinite where there is none.
    without_low, without_high : bool
        Whether the end itself is left out.
    """

    low: float = -np.inf
    high: float = np.inf
    without_low: bool = False
    without_high: bool = False

    def holds(self, cells: Cells) -> Mask:
        """Compare the numbers; the limit of detection "<0.5" counts as 0.5."""
        if cells.table:
            return _look_up(self.contains(np.array([_number(value) for value in cells.table])), cells)
        met: Mask = self.contains(cells.values.astype(np.float64)) & ~cells.missing
        return met

    def contains(self, values: npt.NDArray[np.float64]) -> Mask:
        """Say which numbers lie in it."""
        above = values > self.low if self.without_low else values >= self.low
        below = values < self.high if self.without_high else values <= self.high
        return above & below


@final
@dataclass(frozen=True)
class OneOf(Wanted):
    """The category is one of those named."""

    categories: frozenset[Category]

    def holds(self, cells: Cells) -> Mask:
        """Look the categories up."""
        return _look_up(np.array([value in self.categories for value in cells.table], dtype=bool), cells)


@final
@dataclass(frozen=True)
class Holds(Wanted):
    """The set holds all the codes of one list and none of another."""

    codes: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def holds(self, cells: Cells) -> Mask:
        """Compare the sets."""
        met = [
            not gone and self.codes <= held and not self.without & held
            for held, gone in zip(cells.values, cells.missing, strict=True)
        ]
        return np.array(met, dtype=bool)


def learnt_categories(encoder: TableEncoder, name: str) -> tuple[Category, ...]:
    """Return the categories that a column can come out with; empty for numbers, dates and codes."""
    fitted = encoder.fitted[encoder.schema.names.index(name)]
    if isinstance(fitted, FittedCategorical | FittedOrdinal):
        return fitted.kept
    return fitted.cell.table if isinstance(fitted, FittedConstant) else ()


def constrain(encoder: TableEncoder, wishes: Mapping[str, tuple[Wanted, ...]]) -> EncodedCondition:
    """Find what wishes ask of encoded rows.

    Parameters
    ----------
    encoder : TableEncoder
        Of the learnt table.
    wishes : Mapping of str to tuple of Wanted
        For each column, all that is wanted of it.

    Raises
    ------
    ConditionError
        No row that the encoder can decode meets the wishes for a column.
    """
    categories: dict[int, Mask] = {}
    ranges: dict[int, tuple[float, float]] = {}
    bits: dict[int, npt.NDArray[np.int8]] = {}
    panel_of = {column: panel for panel, columns in enumerate(encoder.panels) for column in columns}
    for index, (name, fitted) in enumerate(zip(encoder.schema.names, encoder.fitted, strict=True)):
        if name not in wishes:
            continue
        present = _presence(encoder, panel_of.get(index), wishes[name])
        if present is not None:
            part, wanted = present
            held = categories.get(part, np.ones(2, dtype=bool)) & wanted
            if not held.any():
                raise ConditionError(
                    f"column {name!r} and columns that are missing together with it are asked to be missing "
                    "and present at once. Drop one of the conditions"
                )
            categories[part] = held
            if wanted[ABSENT]:
                continue
        allowed = _allowed(fitted, wishes[name], name)
        own = [
            place
            for place, part in enumerate(encoder.layout.parts)
            if part.column == name and part.purpose != "present"
        ]
        categories |= {own[span]: mask for span, mask in allowed.categories.items()}
        ranges |= {own[span]: ends for span, ends in allowed.ranges.items()}
        bits |= {own[span]: wanted for span, wanted in allowed.bits.items()}
    return EncodedCondition(categories, ranges, bits)


def _presence(
    encoder: TableEncoder, panel: int | None, wishes: tuple[Wanted, ...]
) -> tuple[int, Mask] | None:
    """Part that says whether the column exists, and which of its two states is wanted."""
    empty = Cells(np.zeros(1, dtype=np.int32), np.ones(1, dtype=bool), table=("",))
    missing = all(bool(wish.holds(empty)[0]) for wish in wishes)
    if panel is None:
        return None
    first = encoder.schema.names[encoder.panels[panel][0]]
    (part,) = (
        place
        for place, each in enumerate(encoder.layout.parts)
        if each.column == first and each.purpose == "present"
    )
    state = np.zeros(2, dtype=bool)
    state[ABSENT if missing else PRESENT] = True
    return part, state


def _allowed(fitted: FittedColumn, wishes: tuple[Wanted, ...], name: str) -> EncodedCondition:
    """What the wishes ask of a column's own spans, which take the place of parts here."""
    if isinstance(fitted, FittedCodes):
        return _allowed_codes(fitted, wishes, name)
    spans = fitted.spans
    masks = {place: np.zeros(span.width, dtype=bool) for place, span in enumerate(spans) if _chosen(span)}
    numbers = [place for place, span in enumerate(spans) if span.kind == "continuous"]
    reached: list[np.float32] = []
    for choice, block in _tries(spans):
        cells = fitted.decode(block, np.random.default_rng(0), first_row=0)
        passed = np.logical_and.reduce([wish.holds(cells) for wish in wishes])
        if not passed.any():
            continue
        for place, category in choice.items():
            if category >= 0:
                masks[place][category] = True
        if len(block) > 1:
            reached += [_SCORES[passed].min(), _SCORES[passed].max()]
        elif not masks and not numbers:
            return EncodedCondition()
    if not any(mask.any() for mask in masks.values()) and not reached:
        raise ConditionError(
            f"column {name!r}: none of the values that the model can draw meets the condition. Widen it; the "
            "schema says what was learnt, and a column in which few cells are missing never comes out missing"
        )
    ranges = {place: _stretch(min(reached), max(reached)) for place in numbers if reached}
    return EncodedCondition(
        {place: mask for place, mask in masks.items() if mask.any() and not mask.all()},
        {place: ends for place, ends in ranges.items() if ends != (-np.inf, np.inf)},
    )


def _allowed_codes(fitted: FittedCodes, wishes: tuple[Wanted, ...], name: str) -> EncodedCondition:
    sets = [wish for wish in wishes if isinstance(wish, Holds)]
    asked = frozenset[str]().union(*(wish.codes for wish in sets))
    without = frozenset[str]().union(*(wish.without for wish in sets))
    unknown = asked - set(fitted.kept)
    if unknown:
        raise ConditionError(
            f"column {name!r}: {len(unknown)} of the codes asked for are not among the "
            f"{len(fitted.kept)} that were learnt (rarer ones are left out). Ask for others"
        )
    if asked & without:
        raise ConditionError(f"column {name!r}: a code is asked to be there and not to be there. Drop one")
    wanted = [1 if code in asked else 0 if code in without else -1 for code in fitted.kept]
    return EncodedCondition({}, {}, {0: np.array(wanted, dtype=np.int8)})


def _tries(spans: tuple[Span, ...]) -> Iterator[tuple[dict[int, int], Block]]:
    """Every combination of a column's categories, with the scores to try where it has a number."""
    chosen = [place for place, span in enumerate(spans) if _chosen(span)]
    for drawn in product(*(range(spans[place].width) for place in chosen)):
        choice: dict[int, int] = {}
        for place, category in zip(chosen, drawn, strict=True):
            choice[place] = category if _open(spans[place], choice) else -1
        # A category behind a shut gate is tried once, not once for each of its values.
        if any(shut < 0 and category for (_, shut), category in zip(choice.items(), drawn, strict=True)):
            continue
        number = any(span.kind == "continuous" and _open(span, choice) for span in spans)
        scores = _SCORES if number else np.zeros(1, dtype=np.float32)
        codes = np.tile(np.array(list(choice.values()), dtype=np.int32), (len(scores), 1))
        has_number = any(span.kind == "continuous" for span in spans)
        yield (
            choice,
            Block.of(
                len(scores),
                continuous=scores[:, None] if has_number else None,
                codes=codes if chosen else None,
            ),
        )


def _chosen(span: Span) -> bool:
    return span.kind == "categorical"


def _open(span: Span, choice: Mapping[int, int]) -> bool:
    return span.gate is None or choice[span.gate[0]] == span.gate[1]


def _stretch(low: np.float32, high: np.float32) -> tuple[float, float]:
    """Widen a range by the step of the grid, so that nothing between two tries is lost."""
    step = float(_SCORES[1] - _SCORES[0])
    return (
        -np.inf if low <= _SCORES[0] else float(low) - step,
        np.inf if high >= _SCORES[-1] else float(high) + step,
    )


def _look_up(allowed: Mask, cells: Cells) -> Mask:
    met: Mask = np.append(allowed, False)[np.where(cells.missing, len(allowed), cells.values)]
    return met


def _number(value: Category) -> float:
    return float(value) if not isinstance(value, str) else np.nan
