"""Do models learnt from synthetic rows treat protected groups as those learnt from real rows do?

The definitions are those of fairlearn (`demographic_parity_difference`, `equalized_odds_difference`,
`equal_opportunity_difference`): the largest less the smallest rate over the groups.
"""

from __future__ import annotations

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.fairness.groups import Grouping
from synthetic_healthcare.evaluation.fairness.outcomes import (
    Mask,
    Matrix,
    Outcome,
    Outcomes,
    Side,
    group_means,
    measured,
    spread,
)


@metric("Demographic parity gap", family="fairness", better="lower", bounds=(0.0, 1.0))
def demographic_parity(groupings: tuple[Grouping, ...], outcomes: Outcomes, weights: Matrix) -> Measure:
    """Largest difference between groups in how often a model trained on synthetic rows predicts the outcome.

    Its ceiling is the same of a model trained on real rows; `change` is the difference of the two. Judged on
    held-out patients, of whom each model calls as many positive as are.

    Source: Dwork et al. 2012, doi:10.1145/2090236.2090255 (statistical parity).
    """
    return measured(groupings, outcomes, weights, called, spread)


@metric("Equalized odds gap", family="fairness", better="lower", bounds=(0.0, 1.0))
def equalized_odds(groupings: tuple[Grouping, ...], outcomes: Outcomes, weights: Matrix) -> Measure:
    """Largest difference between groups in how often patients with, or without, the outcome are called
    positive.

    The larger of the gaps of the true and of the false positive rate.

    Source: Hardt, Price and Srebro 2016, arXiv:1610.02413, definition 2.1.
    """
    return measured(groupings, outcomes, weights, hits_and_alarms, spread)


@metric("Equal opportunity gap", family="fairness", better="lower", bounds=(0.0, 1.0))
def equal_opportunity(groupings: tuple[Grouping, ...], outcomes: Outcomes, weights: Matrix) -> Measure:
    """Largest difference between groups in how often patients who have the outcome are found.

    Source: Hardt, Price and Srebro 2016, arXiv:1610.02413, definition 2.2.
    """
    return measured(groupings, outcomes, weights, hits, spread)


def called(outcome: Outcome, side: Side, members: Mask, weights: Matrix) -> dict[str, Matrix]:
    """Share of each group that is called positive."""
    return {"called positive": group_means(outcome.decisions(side), members, weights)}


def hits(outcome: Outcome, side: Side, members: Mask, weights: Matrix) -> dict[str, Matrix]:
    """True positive rate of each group."""
    among = members & outcome.truth[:, None]
    return {"true positive rate": group_means(outcome.decisions(side), among, weights)}


def hits_and_alarms(outcome: Outcome, side: Side, members: Mask, weights: Matrix) -> dict[str, Matrix]:
    """True and false positive rate of each group."""
    among = members & ~outcome.truth[:, None]
    alarms = {"false positive rate": group_means(outcome.decisions(side), among, weights)}
    return hits(outcome, side, members, weights) | alarms
