"""`MarginalCounts`: noisy tables of the variables of an encoded table, for models that see nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.charges import Concentrated
from synthetic_healthcare.privacy.counting import IntCounts, PrivateCounts, Release
from synthetic_healthcare.privacy.noise import noisy_largest
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.schema.variables import Domain, States


class Candidate(Protocol):
    """A table that may be worth its measurement; see `synthetic_healthcare.models._base.Candidate`."""

    @property
    def table(self) -> tuple[int, ...]:
        """Variables."""

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """Counts that are expected without it."""

    @property
    def weight(self) -> int:
        """How much its error counts."""

    @property
    def penalty(self) -> float:
        """Taken off its error."""


@final
class MarginalCounts:
    """Answers for the rows of an encoded table, against a ledger.

    Parameters
    ----------
    encoded : Encoded (n,)
        The rows; how they were encoded must be public, or paid for already.
    counts : PrivateCounts
        Pays and adds noise.
    rows : int
        Public number of rows.
    """

    def __init__(self, encoded: Encoded, counts: PrivateCounts, *, rows: int) -> None:
        if rows < 1:
            raise ConfigError(f"the public number of rows must be at least 1; this is {rows}")
        self.rows = rows
        self._encoded = encoded
        self._counts = counts
        self._read: tuple[Domain, States] | None = None
        self._tables: dict[tuple[int, ...], IntCounts] = {}

    def adaptive_share(self) -> float:
        """Return the share that may be used where the exponential mechanism chooses tables.

        Of what is left before anything is asked for. The mechanism has no privacy loss distribution, so
        that a looser accountant decides over all that is spent.
        """
        if self._counts.precision <= 0:
            return 0.0
        left = self._counts.share * self._counts.ledger.concentrated_left()
        return min(1.0, 2 * left / self._counts.precision)

    def deviation(self, tables: int, share: float) -> float:
        """Return the noise that so many tables, measured together, would have for a share."""
        return self._counts.deviation(tables, share)

    def measure(
        self, domain: Domain, tables: Sequence[tuple[int, ...]], *, share: float, purpose: str
    ) -> Release:
        """Measure tables of variables.

        Parameters
        ----------
        domain : Domain
            Whose variables.
        tables : sequence of tuples of int
            Indices of the variables of each; a row adds 1 to one cell of each of them.
        share : float
            Of the whole precision.
        purpose : str
            For the ledger.

        Raises
        ------
        BudgetExceededError
            The share is not left; nothing was counted.
        """
        asked = tuple(tables)
        columns = domain.columns(sorted({index for table in asked for index in table}))
        return self._counts.release(
            lambda: [self._count(domain, table) for table in asked],
            tables=len(asked),
            share=share,
            purpose=purpose,
            columns=columns,
        )

    def choose(self, domain: Domain, candidates: Sequence[Candidate], *, share: float, purpose: str) -> int:
        """Choose, by the exponential mechanism, a candidate whose expected table is far from the counts.

        The score of a candidate is its weight times (L1 distance of the expected table from the counts, less
        the penalty), in whole rows. One person moves it by at most its weight times their rows.

        Parameters
        ----------
        domain : Domain
            Whose variables.
        candidates : sequence of Candidate
            At least one; they may depend on earlier answers.
        share : float
            Of the whole precision; with a precision of `2 rho`, the mechanism has an epsilon of sqrt(8 rho).
        purpose : str
            For the ledger.

        Returns
        -------
        int
            Place of the one that was chosen.

        Raises
        ------
        BudgetExceededError
            The share is not left; nothing was counted.
        """
        rho = share * self._counts.precision / 2
        widths = {index for candidate in candidates for index in candidate.table}
        self._counts.ledger.spend(purpose, Concentrated(rho), columns=domain.columns(sorted(widths)))
        scores = [self._score(domain, candidate) for candidate in candidates]
        sensitivity = max(candidate.weight for candidate in candidates) * self._counts.rows_per_person
        return noisy_largest(np.array(scores, dtype=np.int64), scale=2 * sensitivity / math.sqrt(8 * rho))

    def _score(self, domain: Domain, candidate: Candidate) -> int:
        expected = np.rint(candidate.expected).astype(np.int64)
        distance = int(np.abs(self._count(domain, candidate.table) - expected).sum())
        return candidate.weight * (distance - round(candidate.penalty))

    def _count(self, domain: Domain, table: tuple[int, ...]) -> IntCounts:
        """True counts; kept, since a selection asks for the same tables again and again."""
        if self._read is None or self._read[0] != domain:
            self._read = (domain, domain.read(self._encoded))
            self._tables = {}
        if table not in self._tables:
            states = self._read[1]
            shape = tuple(domain.variables[index].states for index in table)
            place = np.zeros(len(self._encoded), dtype=np.int32)
            for index, size in zip(table, shape, strict=True):
                place = place * np.int32(size) + states[index]
            self._tables[table] = np.bincount(place, minlength=math.prod(shape)).reshape(shape)
        return self._tables[table]


def noise_note(domain: Domain, counts: PrivateCounts, *, rows: int, target: str | None) -> str:
    """Say in a sentence what the noise of a budget leaves to be learnt of a table; reads no row.

    A table of two variables can be learnt where the rows of its average cell stand out of the noise that it
    would have if the whole budget went to tables of its kind.

    Parameters
    ----------
    domain : Domain
        The variables.
    counts : PrivateCounts
        Whose budget.
    rows : int
        Public number of rows.
    target : str or None
        Column that the others are counted with.
    """
    states = np.array([variable.states for variable in domain.variables])
    width = len(states)
    single = counts.deviation(width if target is None else max(width - 1, 1), 1.0)
    budget = counts.ledger.budget.epsilon
    counted = "column" if target is None else f"column with {target!r}"
    beyond = "together" if target is None else "together beyond the target"
    note = f"noise of about {_written(single)} patients in each count of a {counted}"
    if width < 3:
        return f"{note}, at epsilon {budget:g} with {rows:,} patients."
    pairs = width * (width - 1) // 2
    cells = float((states.sum() ** 2 - (states**2).sum()) / (width * (width - 1)))
    noise, average = counts.deviation(pairs, 1.0), rows / cells
    found = (
        f"what goes {beyond} cannot be learnt"
        if average < noise
        else f"what goes {beyond} can be learnt where it is strong"
        if average < 10 * noise
        else f"what goes {beyond} can be learnt"
    )
    return (
        f"{note}, and {_written(noise)} in one of any two columns, where the average count is {average:.0f}: "
        f"with {rows:,} patients at epsilon {budget:g}, {found}."
    )


def _written(deviation: float) -> str:
    return f"{deviation:.0f}" if deviation >= 10 else f"{deviation:.1f}"
