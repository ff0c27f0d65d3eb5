"""`PrivateCounts`: the one door through which tables of counts of patients leave, paid for and noised."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.charges import Gaussian
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
class PrivateCounts:
    """Releases counts against a ledger.

    Parameters
    ----------
    ledger : PrivacyLedger
        Pays.
    rows_per_person : int, default 1
        Most rows that one person has among those that are counted.

    Attributes
    ----------
    precision : float
        What the ledger had left at the start (`PrivacyLedger.precision_left`): shares are of this.
    """

    def __init__(self, ledger: PrivacyLedger, *, rows_per_person: int = 1) -> None:
        self.ledger = ledger
        self.rows_per_person = rows_per_person
        self.precision = ledger.precision_left()

    def deviation(self, tables: int, share: float) -> float:
        """Return the noise that a release of so many tables would have for a share of the precision."""
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
        if self.precision <= 0 or share <= 0:
            raise ConfigError(f"{purpose}: no budget is left for it. Give a larger epsilon")
        deviation = self.deviation(tables, share)
        self.ledger.spend(purpose, Gaussian(deviation / self._sensitivity(tables)), columns=columns)
        counted = tuple(count())
        assert len(counted) == tables
        return Release(tuple(with_noise(table, deviation) for table in counted), deviation)

    def _sensitivity(self, tables: int) -> float:
        """L2 sensitivity: all rows of one person may fall into the same cell of each table."""
        return self.rows_per_person * math.sqrt(tables)
