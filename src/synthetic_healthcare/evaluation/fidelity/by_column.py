"""A figure for every column, its mean over the columns, and both for a real sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import Array, Field

Weights = npt.NDArray[np.float64]
#: Maps a field, its synthetic and its real values and B weightings of the latter to B figures.
Comparison = Callable[[Field, Array, Array, Weights], Weights]


def mean_over_columns(
    compare: Comparison,
    tables: tuple[Judged, Judged, Judged],
    *,
    fields: tuple[Field, ...],
    weights: Weights,
    bounds: tuple[float, float],
) -> Measure:
    """Compare column by column with the hold-out, and average.

    Parameters
    ----------
    compare : callable
        The comparison of one column.
    tables : tuple of Judged
        Synthetic rows, training rows, hold-out.
    fields : tuple of Field
        The columns that take part.
    weights : float64 array (B, m)
        Bootstrap weights of the hold-out.
    bounds : (float, float)
        Those of the figure: its interval stays within.
    """
    synthetic, train, holdout = tables
    used = np.concatenate([np.ones((1, len(holdout))), weights])
    found = np.array(
        [
            compare(field, synthetic.view.values[field.name], holdout.view.values[field.name], used)
            for field in fields
        ]
    )
    ceilings = np.array(
        [
            compare(field, train.view.values[field.name], holdout.view.values[field.name], used[:1])[0]
            for field in fields
        ]
    )
    means = found.mean(axis=0)
    low, high = interval(means[1:], float(means[0]), bounds=bounds)
    rows = [
        [field.name, float(one), float(ceiling)]
        for field, one, ceiling in zip(fields, found[:, 0], ceilings, strict=True)
    ]
    detail = {
        "columns": {name: {"value": value, "ceiling": ceiling} for name, value, ceiling in rows},
        "table": {"columns": ["Column", "Synthetic", "Real sample"], "rows": rows},
    }
    return Measure(float(means[0]), low, high, ceiling=float(ceilings.mean()), detail=detail)
