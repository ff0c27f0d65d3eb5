"""`Record` and `Journal`: what was measured and what was done about it, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, final

#: Stands in place of a metric's name where an alert itself went wrong.
FAILED: Final = "alert_failed"


@final
@dataclass(frozen=True)
class Record:
    """One measurement of one alert, or the failure of one.

    Parameters
    ----------
    update : int
        Updates done when it was taken; 0 before the first, and for models that learn in one go.
    metric : str
        What was measured; "alert_failed" where an alert went wrong.
    value : float or None
        The figure; `None` where there is none, and `note` says why.
    standard_error : float or None
        Of the figure, where it comes from a sample.
    threshold : float or None
        What the figure was held against.
    fired : bool
        Whether the action was taken.
    action : str
        The alert's action.
    note : str
        What else is to be said.
    """

    update: int
    metric: str
    value: float | None
    standard_error: float | None
    threshold: float | None
    fired: bool
    action: str
    note: str = ""

    @property
    def text(self) -> str:
        """One sentence for a reader; it holds figures only, no values of patients."""
        if self.value is None:
            return f"{self.metric} at update {self.update}: {self.note}"
        error = "" if self.standard_error is None else f" (standard error {self.standard_error:.2g})"
        limit = "" if self.threshold is None else f", threshold {self.threshold:g}"
        note = f" ({self.note})" if self.note else ""
        return f"{self.metric} is {self.value:.4g}{error} at update {self.update}{limit}: {self.action}{note}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@final
class Journal:
    """The records of one fit, in order."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them."""
        return tuple(self._records)

    def add(self, record: Record) -> None:
        """Write one down."""
        self._records.append(record)

    def replace(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Begin anew with the records that an earlier attempt wrote."""
        self._records = [Record(**entry) for entry in state]

    def to_state(self) -> list[dict[str, Any]]:
        """Plain data for a checkpoint."""
        return [record.to_dict() for record in self._records]

    def last_fired(self, metric: str, threshold: float | None, *, action: str) -> int | None:
        """Update at which this alert was last acted on."""
        for record in reversed(self._records):
            same = (record.metric, record.threshold, record.action) == (metric, threshold, action)
            if record.fired and same:
                return record.update
        return None


def marks(state: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a model keeps of the alerts of its fit; nothing where none fired.

    Parameters
    ----------
    state : sequence of Mapping
        From `Journal.to_state`.

    Returns
    -------
    dict
        "alerts": a sentence for each that fired; "alert": that of the first which ended the training;
        "release_blocked": that of the first which keeps the model from being released. `None` for none.
    """
    fired = [record for record in (Record(**entry) for entry in state) if record.fired]
    if not fired:
        return {}

    def first(action: str) -> str | None:
        return next((record.text for record in fired if record.action == action), None)

    return {
        "alerts": [record.text for record in fired],
        "alert": first("stop_training"),
        "release_blocked": first("block_release"),
    }
