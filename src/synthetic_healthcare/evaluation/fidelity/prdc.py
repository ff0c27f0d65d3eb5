"""Do synthetic rows lie where real rows lie, and the other way round?

Precision and density judge the synthetic rows, recall the real ones; coverage, part of the score, has a
file of its own. All use balls around rows that reach to their fifth neighbour, and at most 2,000 rows of each
table: all rows are compared with all.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import count_balls, nearest
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import Z, wilson

_K: Final = 5
#: Rows of each table that are compared, all with all.
_ROWS: Final = 2_000

Counts = npt.NDArray[np.int64]


def real_balls(synthetic_sample: Judged, train_sample: Judged, holdout: Judged) -> tuple[Counts, Counts]:
    """Count the hold-out's balls that hold each synthetic and each training row.

    Raises
    ------
    NotApplicable
        Where the hold-out has too few rows.
    """
    if len(holdout) <= _K:
        raise NotApplicable(f"it needs more than {_K} hold-out rows")
    real = holdout.first(_ROWS).matrix
    radii = nearest(real, real, k=_K, same=True)[:, -1]
    synthetic, train = (
        count_balls(table.first(_ROWS).matrix, real, radii=radii)
        for table in (synthetic_sample, train_sample)
    )
    return synthetic, train


@metric("Precision", family="fidelity", better="higher", bounds=(0.0, 1.0))
def precision(in_real_balls: tuple[Counts, Counts]) -> Measure:
    """Share of synthetic rows within reach of a hold-out row, which reaches to its fifth neighbour.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 2.
    """
    synthetic, train = in_real_balls
    value = float((synthetic > 0).mean())
    low, high = wilson(value, len(synthetic))
    return Measure(value, low, high, ceiling=float((train > 0).mean()))


@metric("Density", family="fidelity", better="higher", bounds=(0.0, math.inf))
def density(in_real_balls: tuple[Counts, Counts]) -> Measure:
    """Mean number of hold-out rows within whose reach a synthetic row lies, over five; about 1 for real rows.

    Above 1 the synthetic rows crowd where real rows are densest.

    Source: Naeem et al. 2020, arXiv:2002.09797, equation 8.
    """
    synthetic, train = (one / _K for one in in_real_balls)
    value = float(synthetic.mean())
    half = Z * float(synthetic.std(ddof=1)) / math.sqrt(len(synthetic)) if len(synthetic) > 1 else value
    return Measure(value, max(0.0, value - half), value + half, ceiling=float(train.mean()))


@metric("Recall", family="fidelity", better="higher", bounds=(0.0, 1.0))
def recall(synthetic_sample: Judged, train_sample: Judged, holdout: Judged) -> Measure:
    """Share of hold-out rows within reach of a synthetic row, which reaches to its fifth neighbour.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 2.
    """
    if min(len(synthetic_sample), len(train_sample)) <= _K:
        raise NotApplicable(f"it needs more than {_K} synthetic rows")
    shares, real = [], holdout.first(_ROWS).matrix
    for table in (synthetic_sample, train_sample):
        rows = table.first(_ROWS).matrix
        radii = nearest(rows, rows, k=_K, same=True)[:, -1]
        shares.append(float((count_balls(real, rows, radii=radii) > 0).mean()))
    low, high = wilson(shares[0], len(real))
    return Measure(shares[0], low, high, ceiling=shares[1])
