"""Do counts depend on which table a row is from?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.bins import pooled_cells
from synthetic_healthcare.evaluation.views import Array, Field


@metric("Dependence on the table", family="fidelity", better="lower", bounds=(0.0, 1.0))
def chi_square(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, fields: tuple[Field, ...]
) -> Measure:
    """Mean over the columns of Cramer's V between a column's value and the table that a row is from.

    The chi-square test is done on counts, and the detail gives its p-values; they shrink with the number of
    rows however small the difference, which is why V, that does not, is the figure. Numbers are counted in
    cells, missing as one of them; sets of codes are left to their own figure.

    Source: Cramer 1946, "Mathematical Methods of Statistics", 21.9 and 30.1.
    """
    single = [field for field in fields if field.form != "bits"]
    if not single:
        raise NotApplicable("all columns are sets of codes")
    rows, found = [], []
    for field in single:
        real = holdout.view.values[field.name]
        tests = [
            dependence(field, one.view.values[field.name], real) for one in (synthetic_sample, train_sample)
        ]
        found.append([one[0] for one in tests])
        strength, statistic, freedom, p_value = tests[0]
        rows.append([field.name, strength, statistic, freedom, p_value, tests[1][0]])
    value, ceiling = np.mean(found, axis=0)
    headings = ["Column", "Cramer's V", "Chi-square", "Degrees of freedom", "p", "V of a real sample"]
    return Measure(
        float(value), ceiling=float(ceiling), detail={"table": {"columns": headings, "rows": rows}}
    )


def dependence(field: Field, values: Array, real: Array) -> tuple[float, float, int, float]:
    """Cramer's V of table by cell, with the chi-square statistic, its degrees of freedom and its p-value."""
    from scipy.stats import chi2

    codes, real_codes, cells = pooled_cells(field, values, real)
    counts: npt.NDArray[np.float64] = np.stack(
        [np.bincount(one, minlength=cells) for one in (codes, real_codes)]
    ).astype(np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    total = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = counts.shape[1] - 1
    p_value = float(chi2.sf(statistic, freedom)) if freedom else 1.0
    return min(1.0, float(np.sqrt(statistic / total))), statistic, freedom, p_value
