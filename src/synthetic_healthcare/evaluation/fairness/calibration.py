"""Do predicted risks mean the same in every protected group?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.fairness.groups import NAMED, Grouping
from synthetic_healthcare.evaluation.fairness.outcomes import (
    SIDES,
    Mask,
    Matrix,
    Outcome,
    Outcomes,
    Side,
    measured,
)

#: Bins of equal numbers of patients.
_BINS: Final = 10


@metric("Calibration error of the worst group", family="fairness", better="lower", bounds=(0.0, 1.0))
def group_calibration(groupings: tuple[Grouping, ...], outcomes: Outcomes, weights: Matrix) -> Measure:
    """Largest calibration error, over groups, of the risks that a model trained on synthetic rows predicts.

    The expected calibration error: in ten bins of equally many patients of the group, the mean distance
    between predicted and observed risk.

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI.
    """
    measure = measured(groupings, outcomes, weights, errors, lambda found: found.max(axis=1))
    drawn = [
        {"name": f"trained on {side}", "side": side, "lower": None, "upper": None, **_curve(outcome, side)}
        for outcome in outcomes.classes[:1]
        for side in SIDES
    ]
    curves = {"curves": drawn, "x_title": "Predicted risk", "y_title": "Observed share"}
    return replace(measure, detail={**measure.detail, **curves})


def errors(outcome: Outcome, side: Side, members: Mask, weights: Matrix) -> dict[str, Matrix]:
    """Calibration error of each group under each weighting; shape (B, groups)."""
    found = [
        calibration_error(outcome.scores[side][rows], outcome.truth[rows], weights[:, rows])
        for rows in (np.flatnonzero(inside) for inside in members.T)
    ]
    return {"calibration error": np.stack(found, axis=1)}


def calibration_error(scores: Matrix, truth: Mask, weights: Matrix) -> Matrix:
    """Expected calibration error under each of B row weightings; shape (B,), 0 where nothing has weight."""
    bins = equal_bins(scores)
    inside = np.eye(int(bins.max()) + 1)[bins]
    apart = np.abs((weights * (truth - scores)) @ inside).sum(axis=1)
    return np.asarray(apart / np.maximum(weights.sum(axis=1), 1e-12))


def equal_bins(scores: Matrix) -> npt.NDArray[np.intp]:
    """Bin of each score, ten of equally many; ties stay together."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:-1], method="higher"))
    return np.searchsorted(edges, scores, "right")


def _curve(outcome: Outcome, side: Side) -> dict[str, Any]:
    """Predicted and observed risk, bins joined with their neighbours until no cell holds 1 to 10 patients."""
    scores = outcome.scores[side]
    bins = equal_bins(scores)
    predicted, observed = [], []
    joined = np.zeros(len(scores), dtype=bool)
    for place in np.unique(bins):
        joined |= bins == place
        cells = (int(outcome.truth[joined].sum()), int((~outcome.truth[joined]).sum()))
        if all(cell == 0 or cell >= NAMED for cell in cells):
            predicted.append(round(float(scores[joined].mean()), 4))
            observed.append(round(float(outcome.truth[joined].mean()), 4))
            joined[:] = False
    return {"x": predicted, "y": observed}
