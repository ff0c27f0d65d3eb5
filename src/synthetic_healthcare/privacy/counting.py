"""`PrivateCounts`: the one door through which tables of counts of patients leave, paid for and noised."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.charges import Failure, Gaussian
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.privacy.noise import with_noise

#: Least standard deviation of the noise; a budget that asks for less is not used up.
_LEAST_DEVIATION: Final = 1.0

IntCounts = npt.NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False)
class Release:
    """Tables of noisy counts.

    Parameters
    ----------
    tables : tuple of int arrays
        In the shapes that were counted; cells may be below 0.
    deviation : float
        Standard deviation of the noise of each cell, in rows.
    """

    tables: tuple[IntCounts, ...]
    deviation: float


@final
@dataclass(frozen=True, eq=False)
class Found:
    """What enough people share of what nobody listed before.

    Parameters
    ----------
    tables : tuple of mappings of str to int
        In each table, what was found (in order) and its noisy count.
    deviation : float
        Standard deviation of the noise of each count, in rows.
    threshold : float
        Noisy count above which something is found.
    """

    tables: tuple[Mapping[str, int], ...]
    deviation: float
    threshold: float


@final
class PrivateCounts:
    """Releases counts against a ledger.

    Parameters
    ----------
    ledger : PrivacyLedger
        Pays.
    rows_per_person : int, default 1
        Most rows that one person has among those that are counted.
    failure : float, default 0
        Share of the budget's delta that `discover` may use. It is spent at once, so that all shares of the
        precision are of what the rest of delta allows.
    share : float, default 1
        Of what the ledger has left, that all releases together may spend.

    Attributes
    ----------
    precision : float
        What may be spent of what the ledger had left at the start (`PrivacyLedger.precision_left`): shares
        of releases are of this.
    """

    def __init__(
        self,
        ledger: PrivacyLedger,
        *,
        rows_per_person: int = 1,
        failure: float = 0.0,
        share: float = 1.0,
    ) -> None:
        self.ledger = ledger
        self.rows_per_person = rows_per_person
        self._failure = failure * ledger.budget.delta
        if self._failure:
            ledger.spend("thresholds below which nothing is found", Failure(self._failure))
        self.share = share
        self.precision = share * ledger.precision_left()

    def deviation(self, tables: int, share: float) -> float:
        """Return the noise that a release of so many tables would have for a share of the precision.

        Infinite where nothing is left.
        """
        if share * self.precision <= 0:
            return math.inf
        return max(_LEAST_DEVIATION, self._sensitivity(tables) / math.sqrt(share * self.precision))

    def release(
        self,
        count: Callable[[], Sequence[IntCounts]],
        *,
        tables: int,
        share: float,
        purpose: str,
        columns: Sequence[str] = (),
    ) -> Release:
        """Pay, then count, then add noise.

        Parameters
        ----------
        count : callable
            Gives the true tables. Each row may add at most 1 to at most one cell of each of them, and nothing
            else about the tables (their shapes, their number) may depend on rows.
        tables : int
            How many it gives.
        share : float
            Of `precision`, above 0.
        purpose : str
            What is counted, for the ledger.
        columns : sequence of str
            Of which columns.

        Raises
        ------
        BudgetExceededError
            The share is not left; nothing was counted.
        ConfigError
            Nothing was left when the counting began.
        """
        return self.release_sets(count, most=(1,) * tables, share=share, purpose=purpose, columns=columns)

    def release_sets(
        self,
        count: Callable[[], Sequence[IntCounts]],
        *,
        most: Sequence[int],
        share: float,
        purpose: str,
        columns: Sequence[str] = (),
    ) -> Release:
        """Pay, then count, then add noise, where a row may count in several cells of a table.

        Parameters
        ----------
        count : callable
            As in `release`, but that a row may add 1 to each of several cells of a table.
        most : sequence of int
            To how many cells of each table, at most.
        share, purpose, columns
            As in `release`, which says what is raised, too.
        """
        units = sum(most)
        deviation = self._pay(units, share, purpose, columns)
        counted = tuple(count())
        assert len(counted) == len(most)
        # All at once: a call costs as much as the noise of many cells.
        noisy = with_noise(np.concatenate([table.ravel() for table in counted]), deviation)
        parts = np.split(noisy, np.cumsum([table.size for table in counted])[:-1])
        shaped = (part.reshape(table.shape) for part, table in zip(parts, counted, strict=True))
        return Release(tuple(shaped), deviation)

    def discover(
        self,
        count: Callable[[], Sequence[Mapping[str, int]]],
        *,
        most: Sequence[int],
        share: float,
        purpose: str,
        columns: Sequence[str] = (),
    ) -> Found:
        """Pay, then find what many people share among things that nobody listed (a stability histogram).

        Counting what happens to be there would tell that it is there: a value of one patient's alone appears
        with him. So a noisy count is released only above a threshold that such a value passes with a chance
        set aside for it (`failure`); the counts that are there with and without him are a Gaussian release.
        What is set aside is used up by one call. Sources: Korolova, Kenthapadi, Mishra and Ntoulas 2009
        (doi:10.1145/1526709.1526733); Wilson et al. 2020 (arXiv:1909.01917), section 4, there with Laplace
        noise; the same with Gaussian noise in Google's differential privacy library ("Delta for
        thresholding").

        Parameters
        ----------
        count : callable
            Gives for each table how many rows hold each thing, none of them 0.
        most : sequence of int
            How many things a row may hold in each table, each counted once.
        share, purpose, columns
            As in `release`.

        Raises
        ------
        BudgetExceededError, ConfigError
            As in `release`; and where no chance of failure is set aside, or no longer.
        """
        failure, self._failure = self._failure, 0.0
        if not failure:
            raise ConfigError(
                f"{purpose}: no part of delta is set aside for it. Declare the categories, or set one aside"
            )
        units = sum(most)
        deviation = self._pay(units, share, purpose, columns)
        # All that one person may hold alone: `units` things in each of his rows. Each stays hidden unless its
        # noise passes the threshold, which is above what his rows add to it.
        alone = self.rows_per_person * units
        # The discrete Gaussian is below the continuous one's tail but for one step (Canonne, Kamath and
        # Steinke 2020, proposition 25): one more.
        threshold = self.rows_per_person + 1 - deviation * float(ndtri(failure / alone))
        return Found(tuple(_above(table, deviation, threshold) for table in count()), deviation, threshold)

    def _pay(self, units: int, share: float, purpose: str, columns: Sequence[str]) -> float:
        """Pay for a share of the precision, and return the noise that it buys."""
        if self.precision <= 0 or share <= 0:
            raise ConfigError(f"{purpose}: no budget is left for it. Give a larger epsilon")
        deviation = self.deviation(units, share)
        self.ledger.spend(purpose, Gaussian(deviation / self._sensitivity(units)), columns=columns)
        return deviation

    def _sensitivity(self, tables: int) -> float:
        """L2 sensitivity: all rows of one person may fall into the same cell of each table."""
        return self.rows_per_person * math.sqrt(tables)


def _above(table: Mapping[str, int], deviation: float, threshold: float) -> dict[str, int]:
    """Add noise and keep what passes; sorted, since the order of rows must not show."""
    names = sorted(table)
    noisy = with_noise(np.array([table[name] for name in names], dtype=np.int64), deviation)
    return {name: held for name, held in zip(names, noisy.tolist(), strict=True) if held > threshold}
