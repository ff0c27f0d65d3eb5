"""Would a study on the synthetic table find the effects that it finds in real patients?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.survival import FollowUp
from synthetic_healthcare.evaluation.regressions import Estimates, cox, linear, logistic, with_intercept
from synthetic_healthcare.evaluation.statistics import Z
from synthetic_healthcare.evaluation.utility.learners import Task
from synthetic_healthcare.evaluation.utility.terms import Term, design_of, terms_of
from synthetic_healthcare.evaluation.utility.trained import tested_rows
from synthetic_healthcare.evaluation.views import Field
from synthetic_healthcare.schema.time_to_event import TimeToEvent

Vector = npt.NDArray[np.float64]

#: Standard deviation of the prior on each effect (on the log scale, a number per SD): so weak that it only
#: keeps estimates finite where a column separates the outcomes.
# DIFF: Gelman et al. 2008, doi:10.1214/08-AOAS191, take a Cauchy prior of this scale; a normal one has a
# closed-form curvature, and what is compared is the same model on two tables.
_PRIOR_SD: Final = 2.5
#: Hold-out rows for each term below which estimates are noise.
_ROWS_A_TERM: Final = 3


@metric("Effects on the target", family="utility", better="higher", bounds=(0.0, 1.0))
def effects(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    task: Task,
) -> Measure:
    """Mean overlap of the confidence intervals of all columns' effects on the target, synthetic and real.

    Odds ratios by logistic regression where the target has two values, standardised coefficients by linear
    regression where it is a number. The detail sets them side by side, and says how many of the effects that
    are clear in the hold-out have the same sign.

    Source: Karr et al. 2006, doi:10.1198/000313006X124640, equation 2 (overlap).
    """
    if task.classes > 2:
        raise NotApplicable(f"the target {task.name!r} has more than two classes: no single model of effects")
    tested = holdout.take(tested_rows(task, holdout))
    terms = _terms(tuple(field for field in fields if field.name != task.name), tested)
    known = tested.view.values[task.name]
    centre, scale = (0.0, 1.0) if task.classes else (float(known.mean()), float(known.std()))

    def fit(table: Judged) -> Estimates | None:
        rows = task.usable(table)
        outcome = (task.target(rows) - centre) / scale
        if len(np.unique(outcome)) < 2:
            return None
        inputs = with_intercept(design_of(terms, rows))
        prior = np.array([np.inf] + [_PRIOR_SD] * len(terms))
        model = logistic if task.classes else linear
        found = model(inputs, outcome.astype(np.float64), prior_sd=prior)
        return Estimates(found.coefficients[1:], found.covariance[1:, 1:])

    synthetic, train, real = (fit(table) for table in (synthetic_sample, train_sample, tested))
    found = _compared((synthetic, train, real), terms, kind="Odds ratio" if task.classes else "")
    labels = next(field.labels for field in fields if field.name == task.name)
    outcome = f"{task.name}: {labels[1]}" if task.classes and labels else task.name
    return replace(found, detail={**found.detail, "outcome": outcome})


@metric("Hazard ratios", family="utility", better="higher", bounds=(0.0, 1.0))
def hazard_ratios(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    follow_up: tuple[FollowUp, FollowUp, FollowUp],
    time_to_event: TimeToEvent,
) -> Measure:
    """Mean overlap of the confidence intervals of all columns' log hazard ratios, synthetic and real.

    Cox regression of the time to the event that the schema or the options name, ties after Efron. The detail
    sets the hazard ratios side by side.

    Source: Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Karr et al. 2006,
    doi:10.1198/000313006X124640, equation 2 (overlap).
    """
    told = (time_to_event.time, time_to_event.event)
    others = tuple(field for field in fields if field.name not in told)
    terms = _terms(others, holdout.take(follow_up[2].rows))

    def fit(table: Judged, one: FollowUp) -> Estimates | None:
        if not one.event.any():
            return None
        inputs = design_of(terms, table.take(one.rows))
        prior = np.full(len(terms), _PRIOR_SD)
        return cox(inputs, one.time, event=one.event, prior_sd=prior)

    synthetic, train, real = (
        fit(table, one)
        for table, one in zip((synthetic_sample, train_sample, holdout), follow_up, strict=True)
    )
    return _compared((synthetic, train, real), terms, kind="Hazard ratio")


def _terms(fields: tuple[Field, ...], real: Judged) -> tuple[Term, ...]:
    terms = terms_of(fields, real)
    if not terms:
        raise NotApplicable("no other column varies enough to have an effect")
    if len(real) < _ROWS_A_TERM * len(terms):
        raise NotApplicable(f"{len(real)} hold-out rows are too few for the effects of {len(terms)} terms")
    return terms


def _compared(
    fits: tuple[Estimates | None, Estimates | None, Estimates | None], terms: tuple[Term, ...], *, kind: str
) -> Measure:
    """Overlap of synthetic and training estimates with those of the hold-out; without any there is none."""
    synthetic, train, real = fits
    if real is None:
        raise NotApplicable("the outcome has one value in the hold-out")
    overlaps, ceilings = (
        np.zeros(len(terms)) if one is None else overlap(one, real) for one in (synthetic, train)
    )
    clear = np.abs(real.coefficients) > Z * real.errors
    agree = None
    if synthetic is not None and clear.any():
        agree = float((np.sign(synthetic.coefficients) == np.sign(real.coefficients))[clear].mean())
    shown = math.exp if kind else float
    rows = [
        [
            term.name,
            *_ends(real, place, shown),
            *((None, None, None) if synthetic is None else _ends(synthetic, place, shown)),
            float(overlaps[place]),
        ]
        for place, term in enumerate(terms)
    ]
    name = kind or "Coefficient (SDs of the target)"
    sides = [f"{word}, {side}" for side in ("real", "synthetic") for word in (name, "from", "to")]
    detail: dict[str, Any] = {
        "table": {"columns": ["Term", *sides, "Overlap"], "rows": rows},
        "sign_agreement": agree,
        "clear_effects": int(clear.sum()),
    }
    return Measure(float(overlaps.mean()), ceiling=float(ceilings.mean()), detail=detail)


def overlap(first: Estimates, second: Estimates) -> Vector:
    """Common part of the 95 % intervals, as the mean of its shares of both; 0 where they are apart."""
    ends = [(one.coefficients - Z * one.errors, one.coefficients + Z * one.errors) for one in (first, second)]
    common = (np.minimum(ends[0][1], ends[1][1]) - np.maximum(ends[0][0], ends[1][0])).clip(0.0)
    return np.asarray(np.mean([common / np.maximum(high - low, 1e-12) for low, high in ends], axis=0))


def _ends(estimates: Estimates, place: int, shown: Callable[[float], float]) -> tuple[float, float, float]:
    """The effect and its 95 % interval, as shown; kept where a number can be written."""
    value, half = float(estimates.coefficients[place]), Z * float(estimates.errors[place])
    low, middle, high = (shown(max(-50.0, min(50.0, one))) for one in (value - half, value, value + half))
    return middle, low, high
