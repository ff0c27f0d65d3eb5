"""Are synthetic rows as alike to real rows as real rows are among themselves?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged

Matrix = npt.NDArray[np.float64]

#: Rows of each table that are compared, all with all, and permutations behind the p-value.
_ROWS: Final = 1_000
_PERMUTATIONS: Final = 200


@metric("Kernel distance", family="fidelity", better="lower", bounds=(-1.0, 2.0))
def mmd(synthetic_sample: Judged, train_sample: Judged, holdout: Judged, rng: np.random.Generator) -> Measure:
    """Squared maximum mean discrepancy of synthetic rows and the hold-out; about 0 where they are alike.

    Unbiased, so that it falls below 0 by chance; Gaussian kernel whose width is the median distance of the
    rows of both tables. The detail gives the p-value of a permutation test. At most 1,000 rows of each.

    Source: Gretton et al. 2012, "A kernel two-sample test", JMLR 13:723-773, lemma 6.
    """
    if min(len(synthetic_sample), len(train_sample), len(holdout)) < 2:
        raise NotApplicable("it needs at least two rows in each table")
    state = int(rng.integers(2**31))
    real = holdout.first(_ROWS).matrix
    (value, p_value), (ceiling, real_p_value) = (
        discrepancy(table.first(_ROWS).matrix, real, state=state)
        for table in (synthetic_sample, train_sample)
    )
    return Measure(
        value, ceiling=ceiling, detail={"p_value": p_value, "p_value_of_a_real_sample": real_p_value}
    )


def discrepancy(
    first: Matrix, second: Matrix, *, state: int, permutations: int = _PERMUTATIONS
) -> tuple[float, float]:
    """Unbiased squared discrepancy of two tables, and the p-value of its permutation test."""
    from scipy.spatial.distance import pdist, squareform

    squares = pdist(np.concatenate([first, second]), "sqeuclidean")
    width = float(np.median(squares))
    # Where most rows are equal the median says nothing: any distance then counts as far.
    kernel = squareform(np.exp(-squares / (2.0 * width)) if width > 0 else (squares == 0).astype(np.float64))
    n, m = len(first), len(second)
    rng = np.random.default_rng(state)
    chosen = np.zeros((n + m, permutations + 1))
    chosen[:n, 0] = 1.0
    for column in range(1, permutations + 1):
        chosen[rng.permutation(n + m)[:n], column] = 1.0
    # The diagonal is 0: sums over a table's rows are already those over different ones.
    products = kernel @ chosen
    within = (chosen * products).sum(axis=0)
    touching = products.sum(axis=0)
    between = touching - within
    beyond = kernel.sum() - within - 2.0 * between
    found = within / (n * (n - 1)) + beyond / (m * (m - 1)) - 2.0 * between / (n * m)
    extreme = int((found[1:] >= found[0] - 1e-12).sum())
    return float(found[0]), (1 + extreme) / (permutations + 1)
