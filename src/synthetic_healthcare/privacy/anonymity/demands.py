"""`Demand`: what is asked of one sensitive column in every group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import AnonymityError
from synthetic_healthcare.privacy.anonymity import measures
from synthetic_healthcare.privacy.anonymity.axes import Axis, Floats, Ints, read_axis
from synthetic_healthcare.privacy.anonymity.measures import Tally
from synthetic_healthcare.privacy.anonymity.requirement import Requirement
from synthetic_healthcare.privacy.anonymity.settings import LDiversity
from synthetic_healthcare.schema.schema import Schema

Flags = npt.NDArray[np.bool_]

#: Rounding of entropies and distances that is let pass.
SLACK: Final = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Demand:
    """What is asked of a sensitive column, with its codes.

    Parameters
    ----------
    name : str
        The column.
    codes : int array (n,)
        Its values; a missing one is a value of its own, past the highest.
    size : int
        Number of different values in the table.
    shares : float array (size,)
        Share of each in the table.
    ordered : bool
        Whether the values have an order, for the distance.
    diversity : LDiversity or None
        What has to hold of each group.
    t : float or None
        Largest distance of a group from the table.
    """

    name: str
    codes: Ints
    size: int
    shares: Floats
    ordered: bool
    diversity: LDiversity | None
    t: float | None

    def of_rows(self, rows: Ints) -> Demand:
        """The same demand of some rows; shares stay those of the table."""
        return replace(self, codes=self.codes[rows])

    def met(self, groups: Ints, weights: Ints) -> Flags:
        """Whether each group meets the demand, shape (g,)."""
        tally = Tally.of(groups, self.codes, weights)
        fine = np.ones(len(tally.starts), dtype=bool)
        if self.diversity is not None:
            fine &= is_diverse(tally, self.diversity)
        if self.t is not None:
            fine &= self.distances(tally) <= self.t + SLACK
        return fine

    def distances(self, tally: Tally) -> Floats:
        """Distance of each group from the table, shape (g,)."""
        measure = measures.ordered_distance if self.ordered else measures.variation
        return measure(tally, self.shares)


def demands_of(frame: pd.DataFrame, schema: Schema, requirement: Requirement) -> list[Demand]:
    """Read the sensitive columns of a table."""
    return [
        _demand(read_axis(frame[name], schema[name]), schema, requirement) for name in requirement.sensitive
    ]


def _demand(axis: Axis, schema: Schema, requirement: Requirement) -> Demand:
    closeness = requirement.closeness
    return Demand(
        name=axis.name,
        codes=axis.codes,
        size=axis.size,
        shares=np.bincount(axis.codes, minlength=axis.size) / max(len(axis.codes), 1),
        ordered=axis.ordered,
        diversity=requirement.diversity if axis.name in requirement.diverse else None,
        t=closeness.t if closeness is not None and axis.name in requirement.close else None,
    )


def is_diverse(tally: Tally, asked: LDiversity) -> Flags:
    """Whether each group is l-diverse in the kind that is asked for, shape (g,)."""
    if asked.kind == "distinct":
        return measures.distinct(tally) >= asked.l
    if asked.kind == "entropy":
        return measures.effective(tally) >= asked.l - SLACK
    return measures.dominance(tally, asked.l) < asked.most_common_share


def superfluous(demands: Sequence[Demand], rows: int, limit: float) -> Flags:
    """Rows that have to go so that the table as a whole can meet what is asked, shape (n,).

    A value that is too common is cut down to a level that makes the table diverse, its last rows first; so
    cut, no fewer rows would do. What the whole table cannot meet no part of it can.

    Raises
    ------
    AnonymityError
        No such level exists, or more rows would have to go than the limit allows.
    """
    gone = np.zeros(rows, dtype=bool)
    # Rows that go for one column may make another one less diverse: each pass may undo another.
    for _ in range(2 * len(demands)):
        before = int(gone.sum())
        for demand in demands:
            if demand.diversity is not None:
                gone[_too_common(demand, demand.diversity, gone)] = True
        if int(gone.sum()) == before:
            break
    count = int(gone.sum())
    if count > limit * rows:
        named = ", ".join(repr(demand.name) for demand in demands if demand.diversity is not None)
        raise AnonymityError(
            f"{count:,} of {rows:,} rows would have to be left out so that {named} is diverse enough, more "
            f"than suppression_limit {limit:g} allows: one value is too common. Ask for a smaller l, a "
            "larger c or kind='distinct', or raise the limit"
        )
    return gone


def _too_common(demand: Demand, asked: LDiversity, gone: Flags) -> Ints:
    """Rows of values that are too common for the whole table to be diverse."""
    kept = np.flatnonzero(~gone)
    counts = np.bincount(demand.codes[kept], minlength=demand.size)
    if _is_enough(counts, asked):
        return kept[:0]
    if not _is_enough(np.minimum(counts, 1), asked):
        raise AnonymityError(_impossible(demand, asked, int((counts > 0).sum())))
    # Cutting to a lower level only makes shares more equal: the highest level that is enough is found by
    # bisection.
    low, high = 1, int(counts.max())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _is_enough(np.minimum(counts, middle), asked) else (low, middle)
    codes = demand.codes[kept]
    order = np.argsort(codes, kind="stable")
    place = np.empty(len(codes), dtype=np.intp)
    place[order] = np.arange(len(codes)) - (np.cumsum(counts) - counts)[codes[order]]
    return kept[place >= low]


def _is_enough(counts: npt.NDArray[Any], asked: LDiversity) -> bool:
    values = np.flatnonzero(counts)
    if not len(values):
        return False
    tally = Tally.of(np.zeros(len(values), dtype=np.intp), values, counts[values])
    return bool(is_diverse(tally, asked)[0])


def _impossible(demand: Demand, asked: LDiversity, found: int) -> str:
    c = f" with c={asked.most_common_share:g}" if asked.kind == "recursive" else ""
    return (
        f"column {demand.name!r} has {found} different values in the table, so no group of rows can be "
        f"{asked.l}-diverse ({asked.kind}){c} in it. Ask for a smaller l, or name another sensitive column"
    )
