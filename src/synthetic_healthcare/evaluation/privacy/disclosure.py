"""Membership disclosure as an adversary's F1 score."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.attacks import Scores
from synthetic_healthcare.evaluation.privacy.people import People
from synthetic_healthcare.evaluation.statistics import interval

Vector = npt.NDArray[np.float64]

_THRESHOLDS: Final = 200


@metric("Membership disclosure (F1)", family="privacy", better="lower", bounds=(0.0, 1.0))
def membership_disclosure(
    scores: Scores, people: People, options: EvaluationOptions, rng: np.random.Generator
) -> Measure:
    """F1 score of an adversary who calls whoever is near a synthetic row a member, beyond what a guess gets.

    (F1 - F1_naive) / (1 - F1_naive), where members are as frequent among the attacked as in the population
    (sampling fraction f: training rows over all real rows), F1_naive = 2 f / (1 + f) calls everybody a
    member, and the distance is the one that serves the adversary best. 0.2 is the level that its authors
    call acceptable. The ceiling is what the same adversary reads off patients that were never seen.

    Source: El Emam, Mosquera and Fang 2022, "Validating a membership disclosure metric for synthetic health
    data", doi:10.1093/jamiaopen/ooac083. DIFF: the paper fixes a Hamming distance; we take the worst case.
    """
    members, controls = (side["A1"] for side in scores)
    fraction = len(people.train_keys) / (len(people.train_keys) + len(people.holdout_keys))
    cuts = np.unique(
        np.quantile(np.concatenate([members, controls]), np.linspace(0.0, 1.0, _THRESHOLDS), method="lower")
    )
    found, alarms = (side[:, None] >= cuts for side in (members, controls))
    value = float(_relative(found.mean(axis=0), alarms.mean(axis=0), fraction).max())

    def resample(called: npt.NDArray[np.bool_]) -> Vector:
        rows = len(called)
        weights = rng.multinomial(rows, np.full(rows, 1.0 / rows), size=options.bootstrap)
        return np.asarray(weights @ called.astype(np.float64) / rows)

    others = resample(alarms)
    lower, upper = interval(_relative(resample(found), others, fraction).max(axis=-1), value)
    # Another resample of the controls plays the members.
    null = _relative(resample(alarms), others, fraction).max(axis=-1)
    detail = {"sampling_fraction": fraction, "naive_f1": 2.0 * fraction / (1.0 + fraction)}
    return Measure(value, lower, upper, float(null.mean()), detail)


def _relative(found: Vector, alarms: Vector, fraction: float) -> Vector:
    """F1 at each threshold relative to that of calling everybody a member."""
    naive = 2.0 * fraction / (1.0 + fraction)
    # F1 = 2 TP / (2 TP + FP + FN), each a share of the attacked.
    hits = 2.0 * fraction * found
    score = hits / (fraction + fraction * found + (1.0 - fraction) * alarms)
    return np.asarray(np.maximum(0.0, (score - naive) / (1.0 - naive)))
