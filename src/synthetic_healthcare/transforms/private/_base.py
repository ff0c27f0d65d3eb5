"""`Domain`: what a column of a private run may hold, fixed before its rows are counted, and what follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import FittedColumn
from synthetic_healthcare.transforms.grid import Floats

#: Standard deviations from which a count is more than noise: where they are few rows, more of them, since a
#: table has many counts that could be taken for something; where they are many, fewer, or nothing is seen.
_UNSURE, _SURE = 2.5, 4.0
#: Share of the rows that counts as few.
_FEW_ROWS: Final = 0.1
#: Rows that a category counts for at least, so that none of a domain has a probability of 0.
LEAST: Final = 0.5


@final
@dataclass(frozen=True, eq=False)
class Marginal:
    """The noisy counts of one column.

    Parameters
    ----------
    counts : int array (cells,)
        As released: one for each cell of the column's domain, missing cells last; may be below 0.
    deviation : float
        Standard deviation of the noise of each.
    rows : float
        Rows of the table: public, or estimated from all counts where persons have several.
    """

    counts: IntCounts
    deviation: float
    rows: float

    @property
    def has_missing(self) -> bool:
        """Whether more cells are missing than noise explains."""
        return bool(self.counts[-1] > self.noise)

    @property
    def noise(self) -> float:
        """Count up to which a cell may be noise."""
        return noise_floor(self.deviation, self.rows)

    def estimates(self, *, with_missing: bool) -> Floats:
        """Return counts that are nowhere below 0 and add up to the rows, missing cells among them or not."""
        held = self.counts if with_missing else self.counts[:-1]
        return on_simplex(held.astype(np.float64), self.rows)


class Domain(ABC):
    """What a column may hold.

    Each row falls into cells of it by itself: whatever else stands in the table, and in what dtype.
    """

    @property
    @abstractmethod
    def column(self) -> Column:
        """The column, with all that is known of it; nothing of it was read from rows for free."""

    @property
    @abstractmethod
    def most(self) -> int:
        """Most cells that one row counts in."""

    @abstractmethod
    def count(self, series: pd.Series[Any]) -> IntCounts:
        """Count the true rows in each cell, missing ones last; for `PrivateCounts` only."""

    @abstractmethod
    def conform(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Return the cells moved into the domain, in a dtype that does not depend on them."""

    @abstractmethod
    def settle(self, marginal: Marginal) -> tuple[Domain, Marginal]:
        """Leave out what the noisy counts show to be empty."""

    @abstractmethod
    def fit(self, marginal: Marginal, *, with_missing: bool) -> FittedColumn:
        """Make the column's transform of noisy counts."""


def noise_floor(deviation: float, rows: float) -> float:
    """Return the count up to which a noisy one may be noise and nothing else."""
    return max(_UNSURE * deviation, min(_SURE * deviation, _FEW_ROWS * rows))


def on_simplex(counts: Floats, total: float) -> Floats:
    """Return the nearest counts (least squares) that are not negative and add up to `total`.

    Source: Held, Wolfe and Crowder 1974 (doi:10.1007/BF01580223); under Gaussian noise it is the most likely
    table with that total.
    """
    ordered = np.sort(counts)[::-1]
    excess = np.cumsum(ordered) - total
    places = np.arange(1, len(counts) + 1)
    last = np.flatnonzero(ordered - excess / places > 0)[-1]
    held: Floats = np.maximum(counts - excess[last] / places[last], 0.0)
    return held


def tally(places: npt.NDArray[np.intp], cells: int) -> IntCounts:
    """Count rows by the place of their cell."""
    return np.bincount(places, minlength=cells).astype(np.int64)
