"""What a certification found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, final


@final
@dataclass(frozen=True)
class Audit:
    """The audit in one run.

    Parameters
    ----------
    canaries : int
        Invented rows.
    guesses, correct : int
        How many were guessed, and guessed right.
    attack : str
        The score that refutes most: A1 (distance) or A3 (density).
    epsilon_lower : float
        Largest epsilon that is refuted at 95 %; 0 where none is.
    delta : float
        The delta of the guarantee that was tried.
    """

    canaries: int
    guesses: int
    correct: int
    attack: str
    epsilon_lower: float
    delta: float


@final
@dataclass(frozen=True)
class RecordRisk:
    """Shadow attacks on one isolated patient.

    Parameters
    ----------
    hits, with_record, alarms, without_record : int
        Generators called trained on the patient: of those that were, and of those that were not.
    true_positive_rate, false_positive_rate : (float, float, float)
        Estimate with its one-sided exact bounds (97.5 % each).
    epsilon_lower : float
        Epsilon that this patient's attack refutes at 95 % after allowing for the number of patients.
    """

    hits: int
    with_record: int
    alarms: int
    without_record: int
    true_positive_rate: tuple[float, float, float]
    false_positive_rate: tuple[float, float, float]
    epsilon_lower: float


@final
@dataclass(frozen=True)
class Certificate:
    """What a certification found; it is computed from real rows and confidential.

    Parameters
    ----------
    audit : Audit or None
        The audit in one run.
    records : tuple of RecordRisk
        The shadow attacks, by patient (in the table's order, unnamed).
    trainings : int
        Generators that were trained for the shadow attacks.
    claimed_epsilon : float or None
        What the generator claims.
    """

    audit: Audit | None
    records: tuple[RecordRisk, ...]
    trainings: int
    claimed_epsilon: float | None = None

    @property
    def epsilon_lower(self) -> float:
        """Largest epsilon that any part refutes. 0 means that these attacks found nothing, not anonymity."""
        found = [one.epsilon_lower for one in self.records]
        return max(0.0, *found, 0.0 if self.audit is None else self.audit.epsilon_lower)

    @property
    def refuted(self) -> bool | None:
        """Whether the claimed epsilon is refuted; `None` where nothing is claimed."""
        return None if self.claimed_epsilon is None else self.epsilon_lower > self.claimed_epsilon

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"epsilon_lower": self.epsilon_lower, "refuted": self.refuted}

    def summary(self) -> str:
        """The result in a few sentences."""
        parts = []
        if self.audit is not None:
            one = self.audit
            parts.append(
                f"One-run audit: {one.correct} of {one.guesses} guesses about {one.canaries} invented "
                f"patients were right; this refutes epsilon up to {one.epsilon_lower:.2f} "
                f"(delta {one.delta:g})."
            )
        if self.records:
            worst = max(self.records, key=lambda one: one.epsilon_lower)
            parts.append(
                f"Shadow attacks on {len(self.records)} isolated patients with {self.trainings} trainings: "
                f"the worst finds {worst.hits} of {worst.with_record} generators that saw the patient, with "
                f"{worst.alarms} of {worst.without_record} false alarms; this refutes epsilon up to "
                f"{worst.epsilon_lower:.2f}."
            )
        if self.refuted is not None:
            parts.append(
                f"The claimed epsilon of {self.claimed_epsilon:g} is "
                + ("REFUTED." if self.refuted else "not refuted.")
            )
        parts.append("That nothing was refuted means that these attacks found nothing, not anonymity.")
        return "\n".join(parts)
