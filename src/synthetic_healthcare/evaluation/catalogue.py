"""Every metric, by family: adding one is a function in its folder and a line here."""

from __future__ import annotations

from typing import Final

from synthetic_healthcare.evaluation._base import Metric
from synthetic_healthcare.evaluation.fairness.calibration import group_calibration
from synthetic_healthcare.evaluation.fairness.parity import (
    demographic_parity,
    equal_opportunity,
    equalized_odds,
)
from synthetic_healthcare.evaluation.fairness.representation import representation
from synthetic_healthcare.evaluation.fairness.subgroups import subgroup_fidelity
from synthetic_healthcare.evaluation.fidelity.c2st import c2st
from synthetic_healthcare.evaluation.fidelity.coverage import coverage
from synthetic_healthcare.evaluation.fidelity.marginals import marginals
from synthetic_healthcare.evaluation.fidelity.pairs import pair_accuracy, pairs
from synthetic_healthcare.evaluation.fidelity.rules import rule_violations
from synthetic_healthcare.evaluation.privacy.closeness import closeness
from synthetic_healthcare.evaluation.privacy.copies import copies, member_copies
from synthetic_healthcare.evaluation.privacy.membership import membership, membership_hits
from synthetic_healthcare.evaluation.utility.importance import importance
from synthetic_healthcare.evaluation.utility.tstr import tstr

FIDELITY: Final[tuple[Metric, ...]] = (
    marginals,
    pairs,
    c2st,
    coverage,
    pair_accuracy,
    rule_violations,
)
UTILITY: Final[tuple[Metric, ...]] = (
    tstr,
    importance,
)
PRIVACY: Final[tuple[Metric, ...]] = (
    membership,
    membership_hits,
    member_copies,
    closeness,
    copies,
)
FAIRNESS: Final[tuple[Metric, ...]] = (
    representation,
    demographic_parity,
    equalized_odds,
    equal_opportunity,
    group_calibration,
    subgroup_fidelity,
)
#: Every metric, in the order of the report.
METRICS: Final[tuple[Metric, ...]] = (*FIDELITY, *UTILITY, *PRIVACY, *FAIRNESS)


def metrics_of(suite: str) -> tuple[Metric, ...]:
    """Metrics of a suite: `full` holds those of `standard`."""
    return tuple(one for one in METRICS if suite == "full" or one.suite == "standard")
