"""Is membership easier to tell in one group of patients than in another?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.fairness.groups import Attribute
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, Scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort
from synthetic_healthcare.evaluation.privacy.exposure import MIN_PART, exposure_of

Part = tuple[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]


@metric("Membership attacks by group", family="privacy", better="lower", bounds=(0.0, 1.0))
def privacy_by_group(cohort: Cohort, scores: Scores, protected: tuple[Attribute, ...]) -> Measure:
    """Advantage of the attacks that is proven in the group of patients where it is largest.

    Each group of a protected attribute is judged alone, members against controls of the same group. The value
    is the lower end of the largest advantage after allowing for all groups and attacks that were tried
    (Bonferroni): a handful of patients gives noise, and noise is no finding. The detail holds every group's
    estimate with its interval, and the gap between the best and the worst.
    """
    parts = [part for attribute in protected for part in _parts(attribute, cohort)]
    judged = [(name, inside) for name, inside in parts if min(int(one.sum()) for one in inside) >= MIN_PART]
    if not judged:
        raise NotApplicable(
            f"no group of a protected attribute has {MIN_PART} members and {MIN_PART} controls"
        )
    found = []
    for name, inside in judged:
        members, controls = (
            {code: one[flags] for code, one in side.items()}
            for side, flags in zip(scores, inside, strict=True)
        )
        found.append((name, exposure_of(members, controls, comparisons=len(ATTACKS) * len(judged))))
    value = max(one.proven for _, one in found)
    detail: dict[str, Any] = {
        "bars": [
            {"name": name, "real": None, "synthetic": one.value, "lower": one.lower, "upper": one.upper}
            for name, one in found
        ],
        "table": {
            "columns": ["group", "members", "controls", "worst attack", "advantage", "proven"],
            "rows": [
                [name, one.members, one.controls, ATTACKS[one.attack], one.value, one.proven]
                for name, one in found
            ],
        },
        "gap": max(one.value for _, one in found) - min(one.value for _, one in found),
        "too_small": len(parts) - len(judged),
    }
    return Measure(value, value, detail=detail)


def _parts(attribute: Attribute, cohort: Cohort) -> list[Part]:
    """Name the groups of an attribute, with the members and the controls that belong to each."""
    members, controls = (attribute.codes(table.view) for table in (cohort.members, cohort.controls))
    return [
        (f"{attribute.name} {label}", (members == code, controls == code))
        for code, label in enumerate(attribute.labels)
        if (members == code).any()
    ]
