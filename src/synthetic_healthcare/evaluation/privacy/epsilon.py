"""Which epsilon do the attacks refute?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, Scores
from synthetic_healthcare.evaluation.statistics import proportion_bounds

Vector = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Counted = tuple[int, int]

DELTA: Final = 1e-5
#: Thresholds that are tried on the first half.
_CUTS: Final = 200
_MIN_ROWS: Final = 40


@metric("Membership attacks: refuted epsilon", family="privacy", better="lower", bounds=(0.0, math.inf))
def membership_epsilon(scores: Scores) -> Measure:
    """Largest epsilon that the attacks refute at 95 %: a generator that leaks nothing gets 0.

    The attack and its threshold are chosen on one half of the members and controls and judged on the other,
    so that choosing costs nothing. A value above a claimed epsilon would contradict the claim; a value of 0
    proves nothing.
    """
    members, controls = scores
    if min(len(members["A1"]), len(controls["A1"])) < _MIN_ROWS:
        raise NotApplicable(f"it takes {_MIN_ROWS} members and {_MIN_ROWS} controls")
    first, second = (
        [{code: one[half::2] for code, one in side.items()} for side in (members, controls)]
        for half in (0, 1)
    )
    attack, cut = _choose(first[0], first[1])
    hits, alarms = (int((side[attack] >= cut).sum()) for side in second)
    rows = [len(side[attack]) for side in second]
    value = epsilon_lower((hits, rows[0]), (alarms, rows[1]), delta=DELTA)
    detail = {
        "attack": ATTACKS[attack],
        "true_positive_rate": hits / rows[0],
        "false_positive_rate": alarms / rows[1],
        "delta": DELTA,
    }
    return Measure(value, value, None, 0.0, detail)


def epsilon_lower(hits: Counted, alarms: Counted, *, delta: float) -> float:
    """Lower 95 % bound of epsilon from the hits and the false alarms of one test.

    Parameters
    ----------
    hits : (int, int)
        Members that were called members, of how many.
    alarms : (int, int)
        Non-members that were called members, of how many.
    delta : float
        The delta of the guarantee.

    Returns
    -------
    float
        max(0, ln((TPR_lo - delta) / FPR_hi)): under (epsilon, delta)-differential privacy
        TPR <= e^epsilon FPR + delta, and so for the answers turned round; the larger counts. Both need only
        the lower bound of the one rate and the upper bound of the other, each wrong with 2.5 %.

    Source: Jagielski, Ullman and Oprea 2020, "Auditing differentially private machine learning",
    arXiv:2006.07709 (Clopper-Pearson bounds on both rates).
    """
    return float(_bounds(np.array(hits[0]), hits[1], np.array(alarms[0]), alarms[1], delta))


def _bounds(hits: Counts, members: int, alarms: Counts, controls: int, delta: float) -> Vector:
    """The same for many thresholds at once."""
    caught, _ = proportion_bounds(hits, members)
    _, wrong = proportion_bounds(alarms, controls)
    found = np.zeros(np.shape(caught))
    for more, less in ((caught, wrong), (1.0 - wrong, 1.0 - caught)):
        with np.errstate(divide="ignore"):
            found = np.maximum(found, np.log(np.maximum(more - delta, 0.0)) - np.log(less))
    return found


def _choose(members: Mapping[str, Vector], controls: Mapping[str, Vector]) -> tuple[str, float]:
    """The attack and the threshold at which the bound is largest."""
    best = (-1.0, "", 0.0)
    for code in ATTACKS:
        one, other = np.sort(members[code]), np.sort(controls[code])
        both = np.concatenate([one, other])
        cuts = np.unique(np.quantile(both, np.linspace(0.0, 1.0, _CUTS), method="lower"))
        hits = len(one) - np.searchsorted(one, cuts, "left")
        alarms = len(other) - np.searchsorted(other, cuts, "left")
        bounds = _bounds(hits, len(one), alarms, len(other), DELTA)
        place = int(bounds.argmax())
        best = max(best, (float(bounds[place]), code, float(cuts[place])))
    return best[1], best[2]
