"""Do synthetic patients reach the event as late as real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN, is_small, shown_share
from synthetic_healthcare.evaluation.statistics import Z, interval
from synthetic_healthcare.evaluation.views import MISSING, Field, label_of
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.time_to_event import TimeToEvent

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Points at which the curves are drawn.
_POINTS: Final = 51


@final
@dataclass(frozen=True)
class FollowUp:
    """Times of follow-up, and whether the event ended them.

    Parameters
    ----------
    time : float64 array (n,)
        From 0 on; a negative synthetic one counts as 0.
    event : bool array (n,)
    rows : int array (n,)
        Positions in the table: rows without a time, or of which the event is missing, are left out.
    """

    time: Vector
    event: Flags
    rows: npt.NDArray[np.intp]


def declared_times(schema: Schema, options: EvaluationOptions) -> TimeToEvent:
    """Say which columns hold the time and the event.

    Raises
    ------
    NotApplicable
        Where neither the options nor the schema name them.
    """
    declared = options.time_to_event or schema.time_to_event
    if declared is None:
        raise NotApplicable(
            "the schema names no time and event (Schema.with_time_to_event, or time_to_event in its file)"
        )
    return declared


def follow_up(
    time_to_event: TimeToEvent,
    fields: tuple[Field, ...],
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
) -> tuple[FollowUp, FollowUp, FollowUp]:
    """Read the follow-up of synthetic rows, training rows and hold-out.

    Raises
    ------
    NotApplicable
        Where the columns cannot be read as a time and an event.
    """
    declared = time_to_event
    by_name = {field.name: field for field in fields}
    for name in (declared.time, declared.event):
        if name not in by_name:
            raise NotApplicable(f"the column {name!r} of the time to an event is not judged")
    event, wanted = by_name[declared.event], label_of(declared.happened)
    if event.form == "number":
        try:
            sought = float(wanted)
        except ValueError:
            raise NotApplicable(f"the event {event.name!r} is a number, and `happened` is not") from None
    elif wanted in event.labels:
        sought = float(event.labels.index(wanted))
    else:
        raise NotApplicable(
            f"no value of the event {event.name!r} is the one that says that it happened; set `happened` of "
            "time_to_event in the schema"
        )
    synthetic, train, real = (
        _read(table, declared.time, event=event, sought=sought)
        for table in (synthetic_sample, train_sample, holdout)
    )
    return synthetic, train, real


def _read(table: Judged, time: str, *, event: Field, sought: float) -> FollowUp:
    times, events = table.view.values[time], table.view.values[event.name]
    known = ~np.isnan(events) if event.form == "number" else events != MISSING
    rows = np.flatnonzero(known & ~np.isnan(times))
    return FollowUp(np.maximum(times[rows], 0.0), events[rows] == sought, rows)


@metric("Survival curves", family="fidelity", better="lower", bounds=(0.0, 1.0))
def survival(follow_up: tuple[FollowUp, FollowUp, FollowUp], weights: Matrix) -> Measure:
    """Mean gap between the survival curves (Kaplan-Meier) of synthetic rows and the hold-out.

    The area between the curves up to tau, over tau; tau is the last time at which eleven hold-out patients
    are still followed. The detail gives the difference in restricted mean survival time, the log-rank test
    and the shares of patients whose follow-up ended before the event.

    Source: Kaplan and Meier 1958, doi:10.1080/01621459.1958.10501452; Royston and Parmar 2013,
    doi:10.1186/1471-2288-13-152 (restricted mean).
    """
    synthetic, train, real = follow_up
    if len(real.time) < LEAST_SHOWN or not len(synthetic.time) or not len(train.time):
        raise NotApplicable("too few patients have a time and an event")
    horizon = float(np.sort(real.time)[-LEAST_SHOWN])
    if horizon <= 0:
        raise NotApplicable("the follow-up of nearly all real patients is 0")
    used = np.concatenate([np.ones((1, len(real.time))), weights[:, real.rows]])
    gaps, ceilings = (curve_gap(one, real, horizon=horizon, weights=used) for one in (synthetic, train))
    low, high = interval(gaps[1:], float(gaps[0]))
    means = [restricted_mean(one, horizon) for one in (real, synthetic)]
    statistic, p_value = log_rank(real, synthetic)
    censored = shown_share(int((~real.event).sum()), len(real.event))
    generated = float((~synthetic.event).mean())
    apart = None if censored is None else generated - censored
    rows = [
        ["Restricted mean time to the event", means[0], means[1], means[1] - means[0]],
        ["Share without the event", censored, generated, apart],
    ]
    # A curve with fewer than eleven steps would show when single patients had the event.
    drawn = [] if is_small(int(real.event.sum())) else [_drawn("Real", real, horizon)]
    detail = {
        "tau": horizon,
        "log_rank": statistic,
        "log_rank_p": p_value,
        "table": {"columns": ["", "Real", "Synthetic", "Difference"], "rows": rows},
        "curves": [*drawn, _drawn("Synthetic", synthetic, horizon)],
        "x_title": "Time",
        "y_title": "Share without the event",
    }
    return Measure(float(gaps[0]), low, high, ceiling=float(ceilings[0]), detail=detail)


def kaplan_meier(of: FollowUp, at: Vector, *, weights: Matrix) -> Matrix:
    """Share without the event after each time `at` (p,) under B row weightings; shape (B, p)."""
    order = np.argsort(of.time, kind="stable")
    moments, starts = np.unique(of.time[order], return_index=True)
    leaving, deaths = (
        np.add.reduceat(amounts[:, order], starts, axis=1) for amounts in (weights, weights * of.event)
    )
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    kept = 1.0 - deaths / np.where(at_risk > 0, at_risk, 1.0)
    curve = np.concatenate([np.ones((len(weights), 1)), np.cumprod(kept, axis=1)], axis=1)
    return np.asarray(curve[:, np.searchsorted(moments, at, "right")])


def curve_gap(one: FollowUp, real: FollowUp, *, horizon: float, weights: Matrix) -> Vector:
    """Area between two survival curves up to the horizon, over the horizon; shape (B,)."""
    steps = np.unique(np.concatenate([[0.0], one.time, real.time]))
    steps = steps[steps < horizon]
    widths = np.diff(np.append(steps, horizon))
    generated = kaplan_meier(one, steps, weights=np.ones((1, len(one.time))))
    return np.asarray(np.abs(kaplan_meier(real, steps, weights=weights) - generated) @ widths / horizon)


def restricted_mean(of: FollowUp, horizon: float) -> float:
    """Area under the survival curve up to the horizon, in units of time."""
    steps = np.unique(np.concatenate([[0.0], of.time]))
    steps = steps[steps < horizon]
    curve = kaplan_meier(of, steps, weights=np.ones((1, len(of.time))))[0]
    return float(curve @ np.diff(np.append(steps, horizon)))


def log_rank(first: FollowUp, second: FollowUp) -> tuple[float, float]:
    """Chi-square statistic of the log-rank test with one degree of freedom, and its p-value.

    Source: Mantel 1966, "Evaluation of survival data and two new rank order statistics", Cancer
    Chemotherapy Reports 50:163-170.
    """
    from scipy.stats import chi2

    moments = np.unique(np.concatenate([first.time[first.event], second.time[second.event]]))
    at_risk, deaths = (
        np.array([count(one, moments) for one in (first, second)], dtype=np.float64)
        for count in (_followed, _died)
    )
    total, died = at_risk.sum(axis=0), deaths.sum(axis=0)
    share = at_risk[0] / np.maximum(total, 1.0)
    spread = share * (1.0 - share) * died * (total - died) / np.maximum(total - 1.0, 1.0)
    variance = float(spread.sum())
    if variance <= 0:
        return 0.0, 1.0
    statistic = float((deaths[0] - share * died).sum()) ** 2 / variance
    return statistic, float(chi2.sf(statistic, 1))


def _followed(of: FollowUp, moments: Vector) -> npt.NDArray[np.intp]:
    return np.asarray(len(of.time) - np.searchsorted(np.sort(of.time), moments, "left"))


def _died(of: FollowUp, moments: Vector) -> npt.NDArray[np.intp]:
    times = np.sort(of.time[of.event])
    return np.asarray(np.searchsorted(times, moments, "right") - np.searchsorted(times, moments, "left"))


def _drawn(name: str, of: FollowUp, horizon: float) -> dict[str, Any]:
    """A curve with its 95 % band (Greenwood 1926) at evenly spaced times."""
    at = np.linspace(0.0, horizon, _POINTS)
    curve = kaplan_meier(of, at, weights=np.ones((1, len(of.time))))[0]
    moments = np.unique(of.time[of.event])
    at_risk, died = _followed(of, moments).astype(float), _died(of, moments).astype(float)
    left = np.maximum(at_risk - died, 1.0)
    sums = np.concatenate([[0.0], np.cumsum(died / (at_risk * left))])
    half = Z * curve * np.sqrt(sums[np.searchsorted(moments, at, "right")])
    return {
        "name": name,
        "x": at.tolist(),
        "y": curve.tolist(),
        "lower": (curve - half).clip(0.0, 1.0).tolist(),
        "upper": (curve + half).clip(0.0, 1.0).tolist(),
        "side": name.lower(),
    }
