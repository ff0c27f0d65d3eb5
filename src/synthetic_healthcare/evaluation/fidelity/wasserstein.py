"""How far do the values of numbers have to be moved?"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.by_column import mean_over_columns
from synthetic_healthcare.evaluation.fidelity.marginals import cumulative
from synthetic_healthcare.evaluation.views import Array, Field

Weights = npt.NDArray[np.float64]


@metric("Distance of values", family="fidelity", better="lower", bounds=(0.0, math.inf))
def wasserstein(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Weights,
) -> Measure:
    """How far the values of a number must be moved, on average, to become the hold-out's, in its SDs.

    The Wasserstein-1 distance, the area between the two distribution functions, over the standard deviation
    of the hold-out; mean over the numeric columns. Missing values take no part.

    Source: Ramdas, Garcia Trillos and Cuturi 2017, doi:10.3390/e19020047 (the one-dimensional distance).
    """
    numbers = tuple(field for field in fields if field.form == "number")
    if not numbers:
        raise NotApplicable("there is no numeric column")
    tables = (synthetic_sample, train_sample, holdout)
    return mean_over_columns(moved, tables, fields=numbers, weights=weights, bounds=(0.0, math.inf))


def moved(field: Field, values: Array, real: Array, weights: Weights) -> Weights:
    """Scaled distance of one column under each of B weightings of the real values; shape (B,).

    A column without a single value stands for a lump at the farther end of the other's range. A constant real
    column is measured in the standard deviation of both together.
    """
    there = ~np.isnan(real)
    here, kept, used = values[~np.isnan(values)], real[there], weights[:, there]
    pooled = np.concatenate([here, kept])
    if not len(pooled):
        return np.zeros(len(weights))
    scale = float(kept.std()) if len(kept) and np.ptp(kept) > 0 else float(pooled.std())
    if np.ptp(pooled) == 0 or scale == 0:
        return np.zeros(len(weights))
    if not len(here):
        totals = np.maximum(used.sum(axis=1), 1.0)
        apart = [used @ np.abs(kept - end) / totals for end in (kept.min(), kept.max())]
        return np.asarray(np.maximum(*apart) / scale)
    if not len(kept):
        farther = max(float(np.abs(here - end).mean()) for end in (here.min(), here.max()))
        return np.full(len(weights), farther / scale)
    points, generated, reached = cumulative(here, kept, used)
    return np.asarray(np.abs(reached - generated)[:, :-1] @ np.diff(points) / scale)
