"""`PrivacyMonitor`: the public face. It holds alerts and the record of what they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, final

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring.alerts import Alert, Callback
from synthetic_healthcare.monitoring.records import Journal, Record

if TYPE_CHECKING:
    import pandas as pd


@final
class PrivacyMonitor:
    """Watches a training for signs of leakage and of going wrong.

    Given to `SyntheticDataGenerator(monitor=...)` or `fit(monitor=...)`. It watches one fit at a time; the
    history starts anew with each, and goes on where a fit goes on from its checkpoint.

    Examples
    --------
    >>> from synthetic_healthcare import PrivacyMonitor
    >>> monitor = PrivacyMonitor()
    >>> monitor.add_alert("membership_inference_attack_success", 0.6, action="stop_training").alerts[0].metric
    'membership_inference_attack_success'
    """

    def __init__(self) -> None:
        self._alerts: tuple[Alert, ...] = ()
        self._journal = Journal()

    @classmethod
    def from_settings(cls, alerts: Sequence[Mapping[str, Any]]) -> PrivacyMonitor:
        """Build a monitor from plain data: a list of alerts, each with the arguments of `add_alert`.

        Raises
        ------
        ConfigError
            See `Alert`.
        """
        monitor = cls()
        monitor._alerts = tuple(Alert.of(settings) for settings in alerts)
        return monitor

    def add_alert(
        self,
        metric: str,
        threshold: float | None = None,
        *,
        action: str = "warn",
        every: int | None = None,
        cooldown: int = 250,
        url: str | None = None,
        callback: Callback | None = None,
    ) -> PrivacyMonitor:
        """Add an alert; the monitor itself comes back.

        Parameters
        ----------
        metric : str
            "membership_inference_attack_success", "nearest_neighbor_copies", "epsilon", "loss_nan",
            "gradient_explosion" (all fire above the threshold) or "utility" (fires below it); see
            docs/monitoring.md.
        threshold : float, optional
            Beyond which it fires; only "loss_nan" has one of its own (0).
        action : str, default "warn"
            "stop_training", "pause", "warn", "webhook" (with `url`), "callback" (with `callback`) or
            "block_release".
        every : int, optional
            Updates between two measurements; default: the metric's own.
        cooldown : int, default 250
            Updates after a firing in which it does not fire again; it goes on measuring.
        url : str, optional
            Where a webhook posts.
        callback : callable, optional
            Called with the `Record` of the firing.

        Raises
        ------
        ConfigError
            A name is unknown (the nearest known one is named), or a value is missing or out of range.
        """
        self._alerts += (Alert(metric, threshold, action, every, cooldown, url, callback),)
        return self

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts, in the order in which they were added."""
        return self._alerts

    @property
    def history(self) -> tuple[Record, ...]:
        """Every measurement and every firing of the last fit, in order."""
        return self._journal.records

    @property
    def journal(self) -> Journal:
        """Where a fit that is watched writes its records."""
        return self._journal

    def to_frame(self) -> pd.DataFrame:
        """Return the history as a table, one row a record."""
        import pandas as pd

        names = [field.name for field in fields(Record)]
        return pd.DataFrame([record.to_dict() for record in self.history], columns=names)

    def require_allowed(self, private: bool) -> None:
        """Refuse alerts that a run cannot have.

        Parameters
        ----------
        private : bool
            Whether the run is under differential privacy. Then a figure made from real rows would be a
            release outside of the budget: whether a training was stopped tells something of the rows.

        Raises
        ------
        ConfigError
            The alert and the remedy are named.
        """
        for alert in self._alerts:
            if private and alert.measure.reads_real_rows:
                raise ConfigError(
                    f"the alert on {alert.metric!r} compares with real rows, and under differential privacy "
                    "what is done about it would be a release that no budget pays for. Leave it out (an "
                    "alert on 'epsilon', 'loss_nan' or 'gradient_explosion' reads none), or judge the "
                    "finished table with evaluate, whose report stays with you"
                )
            if not private and alert.metric == "epsilon":
                raise ConfigError(
                    "the alert on 'epsilon' needs a run under differential privacy, and this one has no "
                    "privacy budget to watch. Set a privacy level with an epsilon, or leave the alert out"
                )

    def require_resumable(self, checkpoint: bool) -> None:
        """Refuse to pause a training that could not go on; `checkpoint`: whether it has one.

        Raises
        ------
        ConfigError
            An alert pauses and there is no checkpoint.
        """
        for alert in self._alerts:
            if alert.action == "pause" and not checkpoint:
                raise ConfigError(
                    f"the alert on {alert.metric!r} pauses the training, and without a checkpoint it could "
                    "not go on. Give fit(checkpoint=FOLDER), or choose the action 'stop_training'"
                )
