"""Categories and levels of a private run: those that were declared, or that enough people share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.schema.column import Category, Column
from synthetic_healthcare.transforms._base import FittedColumn, shares
from synthetic_healthcare.transforms.categorical import FittedCategorical
from synthetic_healthcare.transforms.ordinal import FittedOrdinal
from synthetic_healthcare.transforms.private._base import LEAST, Domain, Marginal, tally
from synthetic_healthcare.transforms.private.reading import read_spellings, spelling

#: The category that stands for all that a domain does not list, where it has one.
OTHER: Final = "other"


@final
@dataclass(frozen=True, eq=False)
class ChoiceDomain(Domain):
    """A choice among categories.

    A cell that is none of them is `OTHER` where that is among the categories (in any case of letters); for
    ordered numbers it is the nearest level; otherwise it counts as missing.

    Parameters
    ----------
    held : Column
        The column, with its categories.
    learnt : bool
        Whether the categories were learnt: `OTHER` may then go.
    """

    held: Column
    learnt: bool

    @property
    def column(self) -> Column:
        """The column."""
        return self.held

    @property
    def most(self) -> int:
        """One."""
        return 1

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories, in order."""
        assert self.held.categories is not None
        return self.held.categories

    def count(self, series: pd.Series[Any]) -> IntCounts:
        """Count rows by category, then missing cells."""
        return tally(self._places(series), len(self.categories) + 1)

    def conform(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Return objects: categories as they are listed, `None` where missing."""
        table = np.empty(len(self.categories) + 1, dtype=object)
        table[:-1] = self.categories
        return pd.Series(table[self._places(series)], name=self.held.name, dtype=object)

    def settle(self, marginal: Marginal) -> tuple[Domain, Marginal]:
        """Drop `OTHER` from learnt categories where its count is no more than noise."""
        stands_out = marginal.counts[:-1] > marginal.noise
        kept = np.array([category != OTHER for category in self.categories]) | stands_out
        if not self.learnt or kept.all() or not kept.any():
            return self, marginal
        categories = tuple(category for category, stays in zip(self.categories, kept, strict=True) if stays)
        counts = marginal.counts[np.append(kept, True)]
        return replace(self, held=replace(self.held, categories=categories)), replace(marginal, counts=counts)

    def fit(self, marginal: Marginal, *, with_missing: bool) -> FittedColumn:
        """Make the shares of the categories of the counts."""
        counts = marginal.estimates(with_missing=with_missing)[: len(self.categories)]
        probabilities = shares(np.maximum(counts, LEAST))
        ordinal = self.held.kind == "ordinal"
        made = FittedOrdinal if ordinal else FittedCategorical
        return made(self.categories, probabilities, {"ordered": ordinal})

    def _places(self, series: pd.Series[Any]) -> npt.NDArray[np.intp]:
        """Return each cell's category, and one more for a missing cell."""
        codes, distinct = pd.factorize(read_spellings(series))
        places = np.array([*map(self._place, distinct), len(self.categories)], dtype=np.intp)
        return places[codes]

    def _place(self, text: str) -> int:
        place = self._spelt.get(text)
        if place is not None:
            return place
        levels = self._levels
        if levels is None:
            return self._unlisted
        try:
            value = float(text)
        except ValueError:
            return self._unlisted
        return self._unlisted if np.isnan(value) else int(np.abs(levels - value).argmin())

    @cached_property
    def _spelt(self) -> dict[str, int]:
        """Place of each category, by the way it is spelt; the first of two that are spelt alike."""
        places: dict[str, int] = {}
        for place, category in enumerate(self.categories):
            places.setdefault(spelling(category) or "", place)
        return places

    @cached_property
    def _levels(self) -> npt.NDArray[np.float64] | None:
        """Levels of an ordered column of numbers."""
        if self.held.kind != "ordinal" or any(isinstance(level, str) for level in self.categories):
            return None
        return np.array([float(level) for level in self.categories])

    @cached_property
    def _unlisted(self) -> int:
        """Place of what is not listed."""
        for place, category in enumerate(self.categories):
            if isinstance(category, str) and category.strip().lower() == OTHER:
                return place
        return len(self.categories)
