"""Are values missing as often, and together, as in the hold-out?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.small_cells import shown_share
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import MISSING, Field

Matrix = npt.NDArray[np.float64]

#: Pairs listed in the report: those whose gaps go together most strongly in the hold-out.
_LISTED: Final = 10


@metric("Missing values", family="fidelity", better="higher", bounds=(0.0, 1.0))
def missingness(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Matrix,
) -> Measure:
    """How well the shares of missing values, and which columns lack them together, match the hold-out.

    Shares: 1 - the total difference over the columns as a share of their total. Together: 1 - the mean
    difference of the correlations of being missing (phi), at most 1 a pair. The figure is the mean of both,
    or the first alone where one column only has gaps.
    """
    tables = (synthetic_sample, train_sample, holdout)
    single = [field for field in fields if field.form != "bits"]
    flags = [
        np.array([_missing(table, field) for field in single], dtype=np.float64).reshape(len(single), -1).T
        for table in tables
    ]
    holed = np.flatnonzero(np.any([one.any(axis=0) for one in flags], axis=0))
    if not len(holed):
        raise NotApplicable("no value is missing in any table")
    names = [single[place].name for place in holed]
    gaps = [one[:, holed] for one in flags]
    used = np.concatenate([np.ones((1, len(holdout))), weights])
    values, ceilings = (similarity(one, gaps[2], used) for one in gaps[:2])
    low, high = interval(values[1:], float(values[0]))
    shares = [
        [
            name,
            shown_share(int(gaps[2][:, place].sum()), len(holdout)),
            float(gaps[0][:, place].mean()),
        ]
        for place, name in enumerate(names)
    ]
    detail = {
        "table": {"columns": ["Column", "Missing, real", "Missing, synthetic"], "rows": shares},
        "together": _together(names, gaps),
    }
    replicates = np.stack([values[1:], ceilings[1:]])
    return Measure(
        float(values[0]), low, high, ceiling=float(ceilings[0]), detail=detail, replicates=replicates
    )


def similarity(gaps: Matrix, real: Matrix, weights: Matrix) -> Matrix:
    """Similarity of two tables of missing flags, the second under each of B weightings; shape (B,)."""
    shares = weights @ real / weights.sum(axis=1, keepdims=True)
    total = (shares + gaps.mean(axis=0)).sum(axis=1)
    apart = np.abs(shares - gaps.mean(axis=0)).sum(axis=1)
    alike = 1.0 - apart / np.where(total > 0, total, 1.0)
    upper = np.triu_indices(gaps.shape[1], 1)
    if not len(upper[0]):
        return np.asarray(alike)
    generated = phi(gaps, np.ones(len(gaps)))[upper]
    differences = [np.abs(phi(real, weight)[upper] - generated).clip(0.0, 1.0).mean() for weight in weights]
    return np.asarray((alike + 1.0 - np.array(differences)) / 2.0)


def phi(flags: Matrix, weight: Matrix) -> Matrix:
    """Correlations of flags (n, k) under one row weighting; 0 where a flag is constant."""
    total = weight.sum()
    mean = weight @ flags / total
    covariance = (flags * weight[:, None]).T @ flags / total - np.outer(mean, mean)
    variance = np.diag(covariance).clip(0.0)
    scale = np.sqrt(np.outer(variance, variance))
    varied = scale > 1e-12
    return np.asarray(np.where(varied, covariance / np.where(varied, scale, 1.0), 0.0).clip(-1.0, 1.0))


def _missing(table: Judged, field: Field) -> npt.NDArray[np.bool_]:
    values = table.view.values[field.name]
    return np.isnan(values) if field.form == "number" else values == MISSING


def _together(names: list[str], gaps: list[Matrix]) -> list[dict[str, object]]:
    generated, real = (phi(gaps[place], np.ones(len(gaps[place]))) for place in (0, 2))
    left, right = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(real[left, right]), kind="stable")[:_LISTED]
    return [
        {
            "columns": [names[left[pair]], names[right[pair]]],
            "real": float(real[left[pair], right[pair]]),
            "synthetic": float(generated[left[pair], right[pair]]),
        }
        for pair in order
    ]
