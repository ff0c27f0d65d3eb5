"""How far apart are the histograms of single columns?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.bins import mentions, pooled_cells, shares
from synthetic_healthcare.evaluation.fidelity.by_column import mean_over_columns
from synthetic_healthcare.evaluation.views import Array, Field

Weights = npt.NDArray[np.float64]

#: Codes of a set that have a cell of their own, commonest first; the others share one.
_MAX_CODES: Final = 200


@metric("Distance of histograms", family="fidelity", better="lower", bounds=(0.0, 1.0))
def jensen_shannon(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Weights,
) -> Measure:
    """Mean over the columns of the Jensen-Shannon distance to the hold-out: 0 alike, 1 nothing in common.

    Base 2, on cells common to both tables, missing as a cell of its own. Codes: shares of all mentions, rows
    without a code as one more.

    Source: Lin 1991, doi:10.1109/18.61115 (the divergence); Endres and Schindelin 2003,
    doi:10.1109/TIT.2003.813506 (its root is a distance).
    """
    tables = (synthetic_sample, train_sample, holdout)
    return mean_over_columns(histogram_distance, tables, fields=fields, weights=weights, bounds=(0.0, 1.0))


def histogram_distance(field: Field, values: Array, real: Array, weights: Weights) -> Weights:
    """Distance of one column under each of B weightings of the real values; shape (B,)."""
    if field.form == "bits":
        held, known = (_mentions(one) for one in (values, real))
        generated, found = held.sum(axis=0, keepdims=True), weights @ known
        # Every row counts at least once: no total is zero.
        return divergence_root(generated / generated.sum(), found / found.sum(axis=1, keepdims=True))
    codes, known_codes, cells = pooled_cells(field, values, real)
    once = np.ones((1, len(codes)))
    return divergence_root(shares(codes, cells, weights=once), shares(known_codes, cells, weights=weights))


def _mentions(bits: Array) -> Weights:
    """What each row counts for: no code, each of the commonest codes, all other codes."""
    named = mentions(bits, _MAX_CODES)
    return np.concatenate([~bits.any(axis=1, keepdims=True), named], axis=1, dtype=np.float64)


def divergence_root(first: Weights, second: Weights) -> Weights:
    """Root of the base-2 divergence of distributions in rows, shapes (1 or B, k); shape (B,)."""
    middle = (first + second) / 2.0
    found = _entropy(middle) - (_entropy(first) + _entropy(second)) / 2.0
    return np.asarray(np.sqrt(found.clip(0.0, 1.0)))


def _entropy(shares_: Weights) -> Weights:
    logs = np.log2(np.where(shares_ > 0, shares_, 1.0))
    return np.asarray(-(shares_ * logs).sum(axis=1))
