"""Are the patients that resemble nobody easier to find?"""

from __future__ import annotations

from typing import Final

import numpy as np

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import nearest
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, Scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort
from synthetic_healthcare.evaluation.privacy.exposure import MIN_PART, exposure_of

_ISOLATED: Final = 0.05
_NEIGHBOURS: Final = 5


@metric("Membership attacks on isolated patients", family="privacy", better="lower", bounds=(0.0, 1.0))
def membership_isolated(cohort: Cohort, scores: Scores) -> Measure:
    """Advantage of the attacks that is proven on the 5 % of members that stand farthest from other patients.

    They are compared with controls that stand as far away: beyond the same mean distance to the 5 nearest
    rows of the reference half. The value is the lower end of the advantage after allowing for the number of
    attacks, since so few patients give noise; the detail holds the estimate with its interval.

    Source: Meeus, Guepin, Cretu and de Montjoye 2023, "Achilles' heels: vulnerable record identification in
    synthetic data publishing", arXiv:2306.10308.
    """
    apart = [
        nearest(table.matrix, cohort.reference.matrix, k=_NEIGHBOURS).mean(axis=1)
        for table in (cohort.members, cohort.controls)
    ]
    edge = np.quantile(apart[0], 1.0 - _ISOLATED)
    chosen = [distances >= edge for distances in apart]
    if min(int(flags.sum()) for flags in chosen) < MIN_PART:
        raise NotApplicable(
            f"fewer than {MIN_PART} members or controls are isolated; it takes about "
            f"{round(2 * MIN_PART / _ISOLATED)} held-out rows"
        )
    members, controls = (
        {code: one[flags] for code, one in side.items()} for side, flags in zip(scores, chosen, strict=True)
    )
    found = exposure_of(members, controls, comparisons=len(ATTACKS))
    detail = {
        "attack": found.attack,
        "advantage": found.value,
        "advantage_lower": found.lower,
        "advantage_upper": found.upper,
        "members": found.members,
        "controls": found.controls,
    }
    return Measure(found.proven, found.proven, detail=detail)
