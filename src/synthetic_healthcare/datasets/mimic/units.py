"""Itemids turned into concepts, and charted numbers into one unit, within what a patient can have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.datasets.mimic.concepts import Concept

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

#: A "Celsius" temperature above this is Fahrenheit (mimic3-benchmarks; Harutyunyan et al. 2019,
#: doi:10.1038/s41597-019-0103-9).
_FAHRENHEIT_FROM: Final = 79.0
#: Nobody is 244 cm tall and no adult 96 cm: a height "in inches" above it was charted in centimetres.
_INCHES_TO: Final = 96.0


@final
class Dictionary:
    """Where each itemid belongs, by arrays that are looked up for millions of events at a time.

    Parameters
    ----------
    concepts : sequence of Concept
        What is read; the position in it is the concept's number.
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        self.concepts = tuple(concepts)
        largest = max(item for concept in concepts for item in concept.itemids)
        self._places = np.full(largest + 2, -1, dtype=np.int64)
        self._factors = np.ones(largest + 2)
        self._offsets = np.zeros(largest + 2)
        for place, concept in enumerate(concepts):
            self._places[list(concept.itemids)] = place
            for item, factor, offset in concept.scaled:
                self._factors[item], self._offsets[item] = factor, offset

    def places(self, itemids: Positions) -> Positions:
        """The concept of each itemid, -1 where it has none; shape (n,)."""
        return self._places[self._within(itemids)]

    def values(self, itemids: Positions, values: Numbers) -> Numbers:
        """Numbers in their concept's unit, missing where they are no measurement; shape (n,).

        Parameters
        ----------
        itemids : int array (n,)
            All of them have a concept.
        values : float array (n,)
            As charted.
        """
        rows = self._within(itemids)
        places = self._places[rows]
        found = np.where(self._offsets[rows] == 0, values * self._factors[rows], np.nan)
        moved = self._offsets[rows] != 0
        found[moved] = values[moved] * self._factors[rows][moved] + self._offsets[rows][moved]
        for place in np.unique(places):
            mine = places == place
            found[mine] = in_range(
                charted_as(self.concepts[place], values[mine], found[mine]), self.concepts[place]
            )
        return found

    def _within(self, itemids: Positions) -> Positions:
        last = len(self._places) - 1
        return np.where((itemids >= 0) & (itemids < last), itemids, last)


def charted_as(concept: Concept, charted: Numbers, converted: Numbers) -> Numbers:
    """Undo ways of charting that an itemid does not tell; both arrays and the result have shape (n,)."""
    if concept.quirk == "percent":
        # A fraction in an item of percentages. No patient lives on 1 % of oxygen.
        return np.where(converted <= 1, converted * 100, converted)
    if concept.quirk == "celsius":
        return np.where(converted > _FAHRENHEIT_FROM, (converted - 32) / 1.8, converted)
    if concept.quirk == "height":
        return np.where(charted > _INCHES_TO, charted, converted)
    return converted


def in_range(values: Numbers, concept: Concept) -> Numbers:
    """Drop what is outside the gate, move the rest into the plausible range, round; shape (n,).

    The rule of MIMIC-Extract (Wang et al. 2020, doi:10.1145/3368555.3384469) with its table of ranges.
    """
    low, high = concept.gate
    with np.errstate(invalid="ignore"):
        real = (values > low) & (values <= high)
    return np.where(real, np.clip(np.round(values, concept.decimals), *concept.bounds), np.nan)
