"""Are synthetic rows nearer to a training row than its own neighbours are?"""

from __future__ import annotations

from typing import Final

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import nearest, outside_share
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import wilson

#: Rows that are compared with all training rows.
_ROWS: Final = 2_000


@metric("Authenticity (alarm only)", family="privacy", better="higher", bounds=(0.0, 1.0))
def authenticity(synthetic_sample: Judged, train: Judged, holdout: Judged) -> Measure:
    """Share of synthetic rows farther from their nearest training row than that row is from its own nearest.

    An alarm where it is far below what held-out patients get (about a half, never 1); it proves nothing where
    it is not, and takes no part in the score. At most 2,000 rows are compared with all training rows.

    Source: Alaa et al. 2022, arXiv:2102.08921, section 4.3.
    """
    if len(train) < 2:
        raise NotApplicable("it needs at least two training rows")
    own = nearest(train.matrix, train.matrix, k=1, same=True)[:, 0]
    shares = [
        outside_share(table.first(_ROWS).matrix, train.matrix, radii=own)
        for table in (synthetic_sample, holdout)
    ]
    low, high = wilson(shares[0], min(_ROWS, len(synthetic_sample)))
    return Measure(shares[0], low, high, ceiling=shares[1])
