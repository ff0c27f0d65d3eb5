"""Can it be told who was in the training table?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, Scores
from synthetic_healthcare.evaluation.privacy.nulls import (
    FALSE_POSITIVE_RATE,
    LOW_FALSE_POSITIVE_RATE,
    Nulls,
    excess_hits,
    hit_rates,
)
from synthetic_healthcare.evaluation.statistics import Z, auc, true_positive_rate, wilson, z_of_several

Vector = npt.NDArray[np.float64]

#: False positive rates at which the ROC curves are drawn.
_GRID: Final = (
    0.0,
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    *(step / 20 for step in range(2, 21)),
)


@metric("Membership attacks: advantage", family="privacy", better="lower", bounds=(0.0, 1.0))
def membership(scores: Scores, nulls: Nulls) -> Measure:
    """Largest advantage (2 AUC - 1) over the attacks A1 to A8, on training rows against unseen ones.

    The interval's ends are the largest of the attacks' ends, the lower one after allowing for the number of
    attacks. An attack that does worse than guessing by luck
    counts as a guess with its error: a small sample must not look safer for it. The ceiling is what a table
    that leaks nothing gets on average.
    """
    members, controls = scores
    attacks: dict[str, dict[str, Any]] = {}
    ends: list[tuple[float, float]] = []
    for code, title in ATTACKS.items():
        area = auc(members[code], controls[code])
        attacks[code] = {
            "title": title,
            "auc": area.value,
            "auc_lower": max(0.0, area.value - Z * area.error),
            "auc_upper": min(1.0, area.value + Z * area.error),
            "tpr_at_5": true_positive_rate(
                members[code], controls[code], false_positive_rate=FALSE_POSITIVE_RATE
            ),
            "tpr_at_1": true_positive_rate(
                members[code], controls[code], false_positive_rate=LOW_FALSE_POSITIVE_RATE
            ),
        }
        ends.append((2.0 * area.value - 1.0, 2.0 * area.error))
    value = max(0.0, *(one for one, _ in ends))
    lower = max(0.0, *(one - z_of_several(len(ends)) * error for one, error in ends))
    upper = min(1.0, max(max(0.0, one) + Z * error for one, error in ends))
    detail = {
        "attacks": attacks,
        "members": len(members["A1"]),
        "controls": len(controls["A1"]),
        "curves": [_curve(title, members[code], controls[code]) for code, title in ATTACKS.items()],
        "x_title": "share of non-members called members",
        "y_title": "share of members found",
    }
    return Measure(value, lower, upper, ceiling=nulls.mean("membership"), detail=detail)


def _curve(title: str, members: Vector, controls: Vector) -> dict[str, Any]:
    """The ROC curve of an attack, with the members' Wilson intervals."""
    caught = [true_positive_rate(members, controls, false_positive_rate=rate) for rate in _GRID]
    ends = [wilson(min(1.0, one), len(members)) for one in caught]
    return {
        "name": title,
        "x": list(_GRID),
        "y": caught,
        "lower": [low for low, _ in ends],
        "upper": [high for _, high in ends],
        "side": None,
    }


@metric("Membership attacks: sure hits", family="privacy", better="lower", bounds=(0.0, 1.0))
def membership_hits(scores: Scores, nulls: Nulls) -> Measure:
    """Largest share of members caught at few false alarms, beyond what guessing catches.

    (TPR - FPR) / (1 - FPR) at a false positive rate of 5 %, and of 1 % where there are 1,000 controls.

    Source: Carlini et al. 2022, "Membership inference attacks from first principles", arXiv:2112.03570 (the
    true positive rate at low false positive rates as the measure).
    """
    members, controls = scores
    rates = hit_rates(len(controls["A1"]))
    found: dict[str, dict[str, float]] = {}
    best, lower, upper = 0.0, 0.0, 0.0
    for code in ATTACKS:
        found[code] = {}
        for rate in rates:
            value = excess_hits(members[code], controls[code], false_positive_rate=rate)
            caught = value * (1.0 - rate) + rate
            # The members' share at a fixed threshold, and the threshold's own error through the controls.
            likely = max(caught, rate)
            variance = likely * (1 - likely) / len(members[code]) + rate * (1 - rate) / len(controls[code])
            # Where all are caught the threshold stands clear of them: its error no longer moves the share.
            error = float(np.sqrt(variance)) / (1.0 - rate) * (caught < 1.0)
            found[code][f"tpr_at_{rate * 100:g}"] = caught
            best = max(best, value)
            below = z_of_several(len(ATTACKS) * len(rates)) * error
            lower, upper = max(lower, value - below), max(upper, max(0.0, value) + Z * error)
    ceiling = nulls.mean("membership_hits")
    return Measure(best, min(best, lower), min(1.0, upper), ceiling=ceiling, detail={"attacks": found})
