"""Can it be told who was in the training table?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS
from synthetic_healthcare.evaluation.privacy.nulls import FALSE_POSITIVE_RATE, Nulls, excess_hits, hit_rates
from synthetic_healthcare.evaluation.statistics import Z, auc, true_positive_rate

Vector = npt.NDArray[np.float64]
Scores = tuple[Mapping[str, Vector], Mapping[str, Vector]]


@metric("Membership attacks: advantage", family="privacy", better="lower", bounds=(0.0, 1.0))
def membership(scores: Scores, nulls: Nulls) -> Measure:
    """Largest advantage (2 AUC - 1) over the attacks A1 to A5, on training rows against unseen ones.

    The interval's ends are the largest of the attacks' ends. An attack that does worse than guessing by luck
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
        }
        ends.append((2.0 * area.value - 1.0, 2.0 * Z * area.error))
    value = max(0.0, *(one for one, _ in ends))
    lower = max(0.0, *(one - half for one, half in ends))
    upper = min(1.0, max(max(0.0, one) + half for one, half in ends))
    detail = {"attacks": attacks, "members": len(members["A1"]), "controls": len(controls["A1"])}
    return Measure(value, lower, upper, ceiling=nulls.mean("membership"), detail=detail)


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
            lower, upper = max(lower, value - Z * error), max(upper, max(0.0, value) + Z * error)
    ceiling = nulls.mean("membership_hits")
    return Measure(best, min(best, lower), min(1.0, upper), ceiling=ceiling, detail={"attacks": found})
