"""`PrivacyLedger`: a budget, and every read of patients that it paid for, before the read happened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, final

import pandas as pd

from synthetic_healthcare.errors import BudgetExceededError, ConfigError
from synthetic_healthcare.files import replacing
from synthetic_healthcare.privacy.accounting import (
    calibrate,
    decided_epsilon,
    delta_left,
    epsilon_of,
    precision_for,
)
from synthetic_healthcare.privacy.charges import (
    Charge,
    Concentrated,
    Failure,
    Gaussian,
    SampledGaussian,
    from_dict,
    to_dict,
)

Unit = Literal["row", "patient"]

_VERSION: Final = 1
#: Share of epsilon that plans leave to an accountant's rounding: a plan that is followed always fits.
_ROUNDING: Final = 1e-3


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """An (epsilon, delta) that must not be passed.

    Parameters
    ----------
    epsilon : float
        Privacy loss, above 0.
    delta : float
        Probability with which it may be passed, above 0 and below 1.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < float("inf"):
            raise ConfigError(f"epsilon must be a number above 0; this is {self.epsilon}")
        if not 0 < self.delta < 1:
            raise ConfigError(f"delta must lie between 0 and 1; this is {self.delta}")


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Parameters
    ----------
    purpose : str
        What was read, in a few words.
    columns : tuple of str
        Of which columns; empty: of all.
    charge : Charge
        What it cost.
    """

    purpose: str
    columns: tuple[str, ...]
    charge: Charge


@final
class PrivacyLedger:
    """What was released of some people, and what may still be.

    Neighbours differ by one person, added or removed: by one row, or, where a column names the patients, by
    all rows of one patient. The names of the columns, what was declared of them and the number of rows (of
    patients) are public.

    Parameters
    ----------
    budget : Budget
        Not to be passed by all entries together.
    unit : {"row", "patient"}
        Who a person is.
    entries : iterable of Entry
        What was spent before, on the same people.

    Raises
    ------
    BudgetExceededError
        The earlier entries pass the budget already.

    Examples
    --------
    >>> from synthetic_healthcare.privacy.charges import Gaussian
    >>> ledger = PrivacyLedger(Budget(epsilon=1.0, delta=1e-5))
    >>> ledger.spend("counts of the diagnosis", Gaussian(multiplier=5.0), columns=["diagnosis"])
    >>> ledger.epsilon() < 1.0
    True
    """

    def __init__(self, budget: Budget, *, unit: Unit = "row", entries: Iterable[Entry] = ()) -> None:
        self.budget = budget
        self.unit = unit
        self._entries: list[Entry] = []
        earlier = list(entries)
        if earlier:
            self._require_room([entry.charge for entry in earlier], "what was spent before")
        self._entries = earlier

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that was spent, in order."""
        return tuple(self._entries)

    @property
    def _charges(self) -> list[Charge]:
        return [entry.charge for entry in self._entries]

    def spend(self, purpose: str, charge: Charge, *, columns: Sequence[str] = ()) -> None:
        """Write down a read, before it happens.

        Raises
        ------
        BudgetExceededError
            It does not fit; nothing is written, and the caller must not read.
        """
        self._require_room([*self._charges, charge], purpose)
        self._entries.append(Entry(purpose, tuple(columns), charge))

    def epsilon(self) -> float:
        """Return what was spent, at the budget's delta."""
        return decided_epsilon(self._charges, self.budget.delta)

    def precision_left(self) -> float:
        """Return the sum of 1 / multiplier^2 that Gaussian releases may still have.

        Shares of it add up: releases that get 0.2, 0.3 and 0.5 of it spend the budget.
        """
        epsilon, delta = self.budget.epsilon * (1 - _ROUNDING), self.budget.delta
        if all(isinstance(charge, Gaussian | Failure) for charge in self._charges):
            used = sum(c.times / c.multiplier**2 for c in self._charges if isinstance(c, Gaussian))
            whole = precision_for(epsilon, delta_left(self._charges, delta))
            # What plans leave to rounding is no budget to plan with.
            return whole - used if whole - used > _ROUNDING * whole else 0.0
        least = calibrate(self._charges, Gaussian, epsilon, delta)
        return 0.0 if least == float("inf") else least**-2

    def concentrated_left(self) -> float:
        """Return the rho of concentrated privacy that is left where not all releases are Gaussian ones.

        A Gaussian release with a multiplier m uses 1 / (2 m^2) of it. It is less than what `precision_left`
        leaves, since a looser accountant decides where anything but Gaussian noise is used.
        """
        epsilon, delta = self.budget.epsilon * (1 - _ROUNDING), self.budget.delta
        least = calibrate(self._charges, lambda m: Concentrated(0.5 / m**2), epsilon, delta)
        return 0.0 if least == float("inf") else 0.5 / least**2

    def calibrate_sampled(self, probability: float, times: int, *, share: float = 1.0) -> float:
        """Return the noise multiplier with which `times` releases of Poisson samples spend what is left.

        Parameters
        ----------
        probability : float
            With which each person is in a sample.
        times : int
            Releases.
        share : float, default 1.0
            Of `precision_left` that is spent; what is not stays for Gaussian releases.

        Raises
        ------
        BudgetExceededError
            Nothing is left.
        """

        def charge(multiplier: float) -> Charge:
            return SampledGaussian(multiplier, probability, times)

        spent = self._charges
        if not 0 < share <= 1:
            raise ConfigError(f"a share of the budget is above 0 and at most 1; this is {share}")
        kept = (1 - share) * self.precision_left() if share < 1 else 0.0
        if kept > 0:
            spent = [*spent, Gaussian(kept**-0.5)]
        multiplier = calibrate(spent, charge, self.budget.epsilon, self.budget.delta)
        if multiplier == float("inf"):
            raise BudgetExceededError(
                f"nothing is left of epsilon {self.budget.epsilon:g} (delta {self.budget.delta:g}): "
                f"{self.epsilon():.4g} is spent. Give a larger epsilon, or spend less before the training"
            )
        return multiplier

    def totals(self) -> dict[str, float | None]:
        """Return epsilon by each accountant; `None` where one has no account of an entry."""
        return {
            "pld": epsilon_of(self._charges, self.budget.delta, by="pld"),
            "rdp": epsilon_of(self._charges, self.budget.delta, by="rdp"),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the entries as a table: purpose, columns, mechanism, noise multiplier, sampling, times."""
        lines = [
            {
                "purpose": entry.purpose,
                "columns": ", ".join(entry.columns) or "all",
                **to_dict(entry.charge),
            }
            for entry in self._entries
        ]
        return pd.DataFrame(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` undoes it."""
        return {
            "version": _VERSION,
            "epsilon": self.budget.epsilon,
            "delta": self.budget.delta,
            "unit": self.unit,
            "neighbours": f"add or remove one {self.unit}",
            "totals": self.totals(),
            "entries": [
                {"purpose": e.purpose, "columns": list(e.columns), "charge": to_dict(e.charge)}
                for e in self._entries
            ],
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> PrivacyLedger:
        """Rebuild what `to_dict` gave.

        Raises
        ------
        ConfigError
            It was written by a release with another format.
        """
        if data.get("version") != _VERSION:
            raise ConfigError(
                f"a privacy ledger of version {data.get('version')!r}; this release reads {_VERSION}"
            )
        entries = (
            Entry(line["purpose"], tuple(line["columns"]), from_dict(line["charge"]))
            for line in data["entries"]
        )
        return PrivacyLedger(Budget(data["epsilon"], data["delta"]), unit=data["unit"], entries=entries)

    def write(self, path: str | Path) -> None:
        """Write the ledger to a JSON file, at once or not at all: another fit of the same people goes on."""
        with replacing(path) as file:
            file.write(json.dumps(self.to_dict(), indent=1).encode("utf-8"))

    @staticmethod
    def read(path: str | Path) -> PrivacyLedger:
        """Read what `write` wrote.

        Raises
        ------
        ConfigError
            The file is missing or holds no ledger.
        """
        try:
            return PrivacyLedger.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ConfigError(f"{str(path)!r} cannot be read as a privacy ledger: {problem}") from problem

    def _require_room(self, charges: Sequence[Charge], purpose: str) -> None:
        would = decided_epsilon(charges, self.budget.delta)
        if would > self.budget.epsilon:
            raise BudgetExceededError(
                f"{purpose}: epsilon {self.epsilon():.4g} is spent, this would bring it to {would:.4g}; the "
                f"budget is {self.budget.epsilon:g} (delta {self.budget.delta:g}); no patient was read. "
                "Give a larger epsilon, or ask for less"
            )
