"""Do synthetic rows stand nearer to training rows than to unseen ones?"""

from __future__ import annotations

import numpy as np

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.distances import Ownership
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.statistics import wilson


@metric("Synthetic rows nearest to training rows", family="privacy", better="lower", bounds=(0.0, 1.0))
def closeness(owned: Ownership, nulls: Nulls) -> Measure:
    """Share of synthetic rows whose nearest real row is a training row, beyond the share that chance gives.

    (share - p) / (1 - p) with p = n_T / (n_T + n_H), ties split: for tables of equal size 2 share - 1. It
    sees what attacks on the average member miss, such as a few training rows replayed many times. It is an
    alarm: it may lower a score and never raises one.

    Source: Platzer and Reutterer 2021, "Holdout-based empirical assessment of mixed-type synthetic data",
    doi:10.3389/fdata.2021.679939. DIFF: the paper takes equal sizes; we correct for unequal ones. The
    interval uses the effective number of real rows that are nearest to any synthetic one: these vary.
    """
    chance = owned.chance
    effective = 1.0 / float((owned.weights**2).sum())
    low, high = wilson(min(1.0, owned.share), effective)
    value, low, high = ((one - chance) / (1.0 - chance) for one in (min(1.0, owned.share), low, high))
    error = np.sqrt(chance * (1.0 - chance) / effective)
    detail = {
        "share": owned.share,
        "chance": chance,
        "effective_rows": round(effective, 1),
        # Far below zero where the hold-out was not unseen.
        "z": float((owned.share - chance) / error),
        # One-sided: that training rows are no nearer than others.
        "p_value": _p_value(owned.share, chance, effective),
    }
    # A share below chance by luck does not make the upper end smaller.
    upper = min(1.0, high + max(0.0, -value))
    return Measure(max(0.0, value), max(0.0, low), upper, ceiling=nulls.mean("closeness"), detail=detail)


def _p_value(share: float, chance: float, rows: float) -> float:
    """Binomial probability of a share as large, among so many rows that each have this chance."""
    from scipy.stats import binom

    tried = max(1, round(rows))
    return float(binom.sf(round(min(1.0, share) * tried) - 1, tried, chance))
