"""One column at a time: does the synthetic table have the hold-out's distributions?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import MISSING, Array, Field

Weights = npt.NDArray[np.float64]


@metric("Single columns", family="fidelity", better="higher", bounds=(0.0, 1.0))
def marginals(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Weights,
) -> Measure:
    """Mean over the columns of 1 - the distance between synthetic and hold-out distributions.

    Numbers: Kolmogorov-Smirnov distance of the values that are there, or the difference in the share of
    missing ones where that is larger. Levels: total variation distance with missing as a level of its own.
    Codes: total difference of prevalences over their total.
    """
    everyone = np.ones((1, len(holdout)))
    all_weights = np.concatenate([everyone, weights])
    values, ceilings = [], []
    for field in fields:
        real = holdout.view.values[field.name]
        values.append(similarity(field, synthetic_sample.view.values[field.name], real, all_weights))
        ceilings.append(similarity(field, train_sample.view.values[field.name], real, all_weights))
    table, ceiling = np.array(values), np.array(ceilings)
    columns = {
        field.name: {"value": float(table[row, 0]), "ceiling": float(ceiling[row, 0])}
        for row, field in enumerate(fields)
    }
    replicates = np.stack([table.mean(axis=0), ceiling.mean(axis=0)])
    value = float(replicates[0, 0])
    low, high = interval(replicates[0, 1:], value)
    return Measure(
        value,
        low,
        high,
        ceiling=float(replicates[1, 0]),
        detail={"columns": columns},
        replicates=replicates[:, 1:],
    )


def similarity(field: Field, values: Array, real: Array, weights: Weights) -> Weights:
    """1 - distance between two columns, the second one under each of B weightings; shape (B,)."""
    if field.form == "number":
        return 1.0 - number_distance(values, real, weights)
    if field.form == "level":
        return 1.0 - level_distance(values, real, weights)
    return 1.0 - bits_distance(values, real, weights)


def number_distance(values: Array, real: Array, weights: Weights) -> Weights:
    """Larger of the Kolmogorov-Smirnov distance and the difference in missing shares; shape (B,)."""
    here, there = ~np.isnan(values), ~np.isnan(real)
    total = weights.sum(axis=1)
    present = weights[:, there].sum(axis=1)
    missing = np.abs((1.0 - present / total) - (1.0 - here.mean()))
    if not here.any():
        # Nothing was generated: as far apart as can be from any resample that holds a value.
        return np.where(present > 0, 1.0, missing)
    _, generated, reached = cumulative(values[here], real[there], weights[:, there])
    apart = np.abs(reached - generated).max(axis=1)
    return np.asarray(np.maximum(np.where(present > 0, apart, 1.0), missing))


def cumulative(values: Array, real: Array, weights: Weights) -> tuple[Weights, Weights, Weights]:
    """Both distribution functions at every value of either column.

    Parameters
    ----------
    values : float64 array (n,), n > 0
    real : float64 array (m,)
    weights : float64 array (B, m)

    Returns
    -------
    points : float64 array (p,)
        The distinct values, sorted.
    generated : float64 array (p,)
        Share of `values` up to each point.
    reached : float64 array (B, p)
        The same of `real` under each weighting; zeros where a weighting leaves nothing.
    """
    order = np.argsort(real, kind="stable")
    steps, ordered = np.cumsum(weights[:, order], axis=1), real[order]
    points = np.unique(np.concatenate([values, ordered]))
    generated = np.searchsorted(np.sort(values), points, "right") / len(values)
    padded = np.concatenate([np.zeros((len(weights), 1)), steps], axis=1)
    reached = padded[:, np.searchsorted(ordered, points, "right")]
    return points, generated, reached / np.maximum(weights.sum(axis=1), 1.0)[:, None]


def level_distance(values: Array, real: Array, weights: Weights) -> Weights:
    """Total variation distance, missing as a level; shape (B,)."""
    levels = int(max(values.max(), real.max())) + 2
    generated = np.bincount(values - MISSING, minlength=levels) / len(values)
    onehot = np.zeros((len(real), levels))
    onehot[np.arange(len(real)), real - MISSING] = 1.0
    shares = weights @ onehot / weights.sum(axis=1, keepdims=True)
    return np.asarray(0.5 * np.abs(shares - generated).sum(axis=1))


def bits_distance(values: Array, real: Array, weights: Weights) -> Weights:
    """Total difference of the codes' prevalences over their total (Bray-Curtis); shape (B,)."""
    generated = values.mean(axis=0)
    shares = weights @ real.astype(np.float64) / weights.sum(axis=1, keepdims=True)
    total = (shares + generated).sum(axis=1)
    return np.asarray(np.abs(shares - generated).sum(axis=1) / np.where(total > 0, total, 1.0))
