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
from synthetic_healthcare.evaluation.fidelity.alpha_beta import alpha_precision, beta_recall
from synthetic_healthcare.evaluation.fidelity.association_errors import (
    association_errors,
    mutual_information,
)
from synthetic_healthcare.evaluation.fidelity.c2st import c2st, c2st_logistic
from synthetic_healthcare.evaluation.fidelity.chi_square import chi_square
from synthetic_healthcare.evaluation.fidelity.code_sets import code_sets
from synthetic_healthcare.evaluation.fidelity.coverage import coverage
from synthetic_healthcare.evaluation.fidelity.jensen_shannon import jensen_shannon
from synthetic_healthcare.evaluation.fidelity.log_cluster import log_cluster
from synthetic_healthcare.evaluation.fidelity.marginals import marginals
from synthetic_healthcare.evaluation.fidelity.missingness import missingness
from synthetic_healthcare.evaluation.fidelity.mmd import mmd
from synthetic_healthcare.evaluation.fidelity.pairs import pair_accuracy, pairs
from synthetic_healthcare.evaluation.fidelity.pmse import pmse, pmse_trees
from synthetic_healthcare.evaluation.fidelity.prdc import density, precision, recall
from synthetic_healthcare.evaluation.fidelity.rules import rule_violations
from synthetic_healthcare.evaluation.fidelity.survival import survival
from synthetic_healthcare.evaluation.fidelity.wasserstein import wasserstein
from synthetic_healthcare.evaluation.privacy.authenticity import authenticity
from synthetic_healthcare.evaluation.privacy.by_group import privacy_by_group
from synthetic_healthcare.evaluation.privacy.closeness import closeness
from synthetic_healthcare.evaluation.privacy.copies import copies, member_copies
from synthetic_healthcare.evaluation.privacy.disclosure import membership_disclosure
from synthetic_healthcare.evaluation.privacy.epsilon import membership_epsilon
from synthetic_healthcare.evaluation.privacy.inference import attribute_inference
from synthetic_healthcare.evaluation.privacy.isolated import membership_isolated
from synthetic_healthcare.evaluation.privacy.linking import linkability
from synthetic_healthcare.evaluation.privacy.membership import membership, membership_hits
from synthetic_healthcare.evaluation.privacy.release import release_anonymity, release_risk
from synthetic_healthcare.evaluation.privacy.singling import singling_out
from synthetic_healthcare.evaluation.privacy.uniques import extremes_reused, replicated_uniques
from synthetic_healthcare.evaluation.utility.crossings import augmentation, trtr, trts, tsts
from synthetic_healthcare.evaluation.utility.effects import effects, hazard_ratios
from synthetic_healthcare.evaluation.utility.importance import importance
from synthetic_healthcare.evaluation.utility.predictions import brier, calibration, macro_f1
from synthetic_healthcare.evaluation.utility.table_one import table_one
from synthetic_healthcare.evaluation.utility.tstr import tstr

FIDELITY: Final[tuple[Metric, ...]] = (
    marginals,
    pairs,
    c2st,
    coverage,
    pair_accuracy,
    rule_violations,
    wasserstein,
    jensen_shannon,
    chi_square,
    missingness,
    association_errors,
    mutual_information,
    c2st_logistic,
    pmse,
    pmse_trees,
    mmd,
    precision,
    recall,
    density,
    alpha_precision,
    beta_recall,
    log_cluster,
    code_sets,
    survival,
)
UTILITY: Final[tuple[Metric, ...]] = (
    tstr,
    importance,
    trtr,
    trts,
    tsts,
    augmentation,
    macro_f1,
    brier,
    calibration,
    effects,
    hazard_ratios,
    table_one,
)
PRIVACY: Final[tuple[Metric, ...]] = (
    membership,
    membership_hits,
    member_copies,
    closeness,
    copies,
    authenticity,
    singling_out,
    linkability,
    attribute_inference,
    membership_isolated,
    privacy_by_group,
    membership_epsilon,
    membership_disclosure,
    replicated_uniques,
    extremes_reused,
    release_anonymity,
    release_risk,
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
