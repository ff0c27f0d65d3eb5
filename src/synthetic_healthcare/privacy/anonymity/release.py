"""Anonymise tables on their way out, with as many rows as were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import pandas as pd

from synthetic_healthcare.errors import AnonymityError
from synthetic_healthcare.privacy.anonymity.guarantees import anonymize, suppressed
from synthetic_healthcare.privacy.anonymity.report import AnonymityReport
from synthetic_healthcare.privacy.anonymity.requirement import Requirement
from synthetic_healthcare.schema.schema import Schema

#: Fresh rows in the place of rows that were left out.
Refill = Callable[[pd.DataFrame], pd.DataFrame]

#: Rows that are anonymised at once: the more, the less has to be made coarser; so many fit any memory.
TOGETHER: Final = 131_072
#: Times that rows which were left out are drawn anew.
_MOST_ROUNDS: Final = 30


def released(
    frames: Iterable[pd.DataFrame], schema: Schema, requirement: Requirement, *, refill: Refill
) -> Iterator[tuple[pd.DataFrame, AnonymityReport]]:
    """Anonymise the tables of a draw; as many rows come out as went in.

    Tables are put together to `TOGETHER` rows or more, and each of these is anonymised by itself. What holds
    of each holds of all together: groups only grow where two tables give the same ones. The distance of
    t-closeness is to the distribution of the whole table, so there the whole draw is held.

    Parameters
    ----------
    frames : iterable of DataFrame
        Rows as they were drawn.
    schema : Schema
        Their columns.
    requirement : Requirement
        What to meet.
    refill : callable of DataFrame to DataFrame
        Takes rows that are left out and draws as many others, of the same class where classes are in balance.

    Raises
    ------
    AnonymityError
        A table cannot meet what is asked, or rows drawn anew keep having to be left out.
    """
    for batch in _batches(frames, whole=requirement.closeness is not None):
        table, lost = _refilled(batch, schema, requirement, refill)
        kept, report = anonymize(table, schema, requirement)
        yield kept, replace(report, suppressed=lost)


def _refilled(
    frame: pd.DataFrame, schema: Schema, requirement: Requirement, refill: Refill
) -> tuple[pd.DataFrame, int]:
    """Replace rows that would have to be left out, and count them."""
    lost = 0
    for _ in range(_MOST_ROUNDS):
        gone = suppressed(frame, schema, requirement)
        if not gone.any():
            return frame, lost
        lost += int(gone.sum())
        frame = pd.concat([frame[~gone], refill(frame[gone])], ignore_index=True)
    raise AnonymityError(
        f"rows had to be left out {_MOST_ROUNDS} times over, {lost:,} in all, and what was drawn in their "
        "place is still not diverse enough. Ask for a smaller l, a larger c or kind='distinct'"
    )


def _batches(frames: Iterable[pd.DataFrame], *, whole: bool) -> Iterator[pd.DataFrame]:
    """Put tables together; the last rows stay with those before them where they are few."""
    ready: pd.DataFrame | None = None
    held: list[pd.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if whole or sum(map(len, held)) < TOGETHER:
            continue
        if ready is not None:
            yield ready
        ready, held = pd.concat(held, ignore_index=True), []
    if ready is not None and 2 * sum(map(len, held)) >= TOGETHER:
        yield ready
        ready = None
    rest = held if ready is None else [ready, *held]
    if rest:
        yield pd.concat(rest, ignore_index=True)
