"""What a metric is, and what comes out of one.

A metric is a plain function whose parameter names say what it needs. The runner hands it those inputs, times
it and wraps what it returns; a missing input gives `not_applicable` with the reason, an exception gives
`failed` with the reason. An error is never a score.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Family = Literal["fidelity", "utility", "privacy", "fairness"]
Better = Literal["higher", "lower"]
Status = Literal["ok", "not_applicable", "failed"]
#: `standard` metrics run in every evaluation; `full` ones take minutes and run on request.
Suite = Literal["standard", "full"]


class NotApplicable(Exception):
    """A metric, or an input of one, has no meaning for these tables; the message is the reason shown."""


@dataclass(frozen=True)
class Measure:
    """What a metric function returns.

    Parameters
    ----------
    value : float
        The figure, within the metric's bounds.
    lower, upper : float or None
        Its 95 % interval, where the metric can give one.
    ceiling : float or None
        The value that a real sample of the same size gets (training rows judged as if they were synthetic,
        against the same hold-out), where that is meaningful.
    detail : Mapping
        Plain data for JSON: per column, per pair, per attack.
    replicates : float array (2, B) or None
        Value and ceiling under each bootstrap resample of the hold-out. The scores' intervals are made from
        them; they are not kept in the report.
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    ceiling: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    replicates: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class MetricResult:
    """One metric's outcome, as a report holds it."""

    name: str
    title: str
    family: Family
    better: Better
    bounds: tuple[float, float]
    status: Status
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    ceiling: float | None = None
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON (without the run time, so that equal runs give equal bytes)."""
        data = asdict(self)
        del data["seconds"]
        # JSON has no infinity: an end that is not there is null.
        data["bounds"] = [end if math.isfinite(end) else None for end in self.bounds]
        return data


@dataclass(frozen=True)
class Metric:
    """A metric function and what it says of itself."""

    name: str
    title: str
    family: Family
    better: Better
    bounds: tuple[float, float]
    suite: Suite
    needs: tuple[str, ...]
    compute: Callable[..., Measure]

    @property
    def about(self) -> str:
        """One sentence on what it measures: the first of its docstring."""
        return " ".join((inspect.getdoc(self.compute) or "").split("\n\n")[0].split())


def metric(
    title: str, *, family: Family, better: Better, bounds: tuple[float, float], suite: Suite = "standard"
) -> Callable[[Callable[..., Measure]], Metric]:
    """Turn a function into a `Metric`; its parameter names are the inputs that it needs."""

    def wrap(compute: Callable[..., Measure]) -> Metric:
        needs = tuple(inspect.signature(compute).parameters)
        return Metric(compute.__name__, title, family, better, bounds, suite, needs, compute)

    return wrap
