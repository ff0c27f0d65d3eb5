"""`Alert`: one metric, its threshold and what is done when that is passed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, final
from urllib.parse import urlsplit

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring.actions import ACTIONS
from synthetic_healthcare.monitoring.measures import METRICS, Metric
from synthetic_healthcare.monitoring.records import Record
from synthetic_healthcare.schema.spelling import unknown

Callback = Callable[[Record], object]

#: What stands here can be written in a file; a callable cannot.
_IN_CODE: Final = "callback"


@final
@dataclass(frozen=True)
class Alert:
    """When to act, and how.

    Parameters
    ----------
    metric : str
        A name of `measures.METRICS`.
    threshold : float, optional
        The alert fires beyond it, in the metric's direction. Default: the metric's own, where it has one.
    action : str, default "warn"
        A name of `actions.ACTIONS`.
    every : int, optional
        Updates between two measurements. Default: the metric's own.
    cooldown : int, default 250
        Updates after a firing in which the alert goes on measuring and does not fire again.
    url : str, optional
        For the action "webhook": where to post.
    callback : callable, optional
        For the action "callback": called with the `Record`.

    Raises
    ------
    ConfigError
        A name is unknown (the nearest known one is named), a value is out of range, or one is missing.
    """

    metric: str
    threshold: float | None = None
    action: str = "warn"
    every: int | None = None
    cooldown: int = 250
    # Never shown: an address may hold a key.
    url: str | None = field(default=None, repr=False)
    callback: Callback | None = None

    def __post_init__(self) -> None:
        for what, name, known in (("metric", self.metric, METRICS), ("action", self.action, ACTIONS)):
            if name not in known:
                raise ConfigError(f"alert: {unknown(what, str(name), known)}")
        if self.threshold is not None:
            _require_threshold(self.threshold, self.measure)
        elif self.measure.threshold is None:
            raise ConfigError(f"an alert on {self.metric!r} needs a threshold ({self.measure.means})")
        if self.every is not None:
            _require_whole("every", self.every, least=1)
        _require_whole("cooldown", self.cooldown, least=0)
        self._require_target()

    @classmethod
    def of(cls, settings: Any) -> Alert:
        """Read an alert from plain data, as a YAML file gives it.

        Raises
        ------
        ConfigError
            A key is unknown, missing, or belongs to code.
        """
        if not isinstance(settings, Mapping):
            raise ConfigError(f"an alert is written as keys and values; this is a {type(settings).__name__}")
        known = tuple(one.name for one in fields(cls) if one.name != _IN_CODE)
        for name in settings:
            if name not in known:
                raise ConfigError(f"alert: {unknown('setting', str(name), known)}")
        if settings.get("action") == _IN_CODE:
            raise ConfigError("the action 'callback' calls your code: add it with PrivacyMonitor.add_alert")
        if "metric" not in settings:
            raise ConfigError(f"an alert needs a metric. Known: {', '.join(METRICS)}")
        return cls(**settings)

    @property
    def measure(self) -> Metric:
        """What is measured."""
        return METRICS[self.metric]

    @property
    def limit(self) -> float:
        """The threshold, its own or the metric's."""
        limit = self.measure.threshold if self.threshold is None else self.threshold
        assert limit is not None
        return float(limit)

    @property
    def interval(self) -> int:
        """Updates between two measurements, its own or the metric's."""
        return self.measure.every if self.every is None else self.every

    def _require_target(self) -> None:
        for action, name, target in (
            ("webhook", "url", self.url),
            ("callback", "callback", self.callback),
        ):
            if (self.action == action) != (target is not None):
                needs = "needs" if target is None else "is the only one that takes"
                raise ConfigError(f"the action {action!r} {needs} {name}=...")
        if self.url is not None and not _is_address(self.url):
            raise ConfigError("the url of a webhook must be a full http:// or https:// address")
        if self.callback is not None and not callable(self.callback):
            raise ConfigError(f"callback must be callable; this is a {type(self.callback).__name__}")


def _is_address(url: Any) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _require_threshold(threshold: Any, metric: Metric) -> None:
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not number or not math.isfinite(threshold):
        raise ConfigError(f"the threshold of {metric.name!r} must be a finite number ({metric.means})")
    low, high = metric.bounds
    if not low <= threshold <= high:
        raise ConfigError(
            f"the threshold of {metric.name!r} is {threshold:g}; its values lie from {low:g} to {high:g} "
            f"({metric.means})"
        )


def _require_whole(name: str, value: Any, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"an alert's {name} must be a whole number of updates, {least} or more")
