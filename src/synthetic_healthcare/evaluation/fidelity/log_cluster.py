"""Do clusters hold synthetic and real rows in the same proportion?"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged

Matrix = npt.NDArray[np.float64]

_CLUSTERS: Final = 20
#: Below this the proportions are equal as far as can be told; its logarithm is the lowest figure.
_LEAST: Final = 1e-9


@metric("Clusters", family="fidelity", better="lower", bounds=(math.log(_LEAST), 0.0))
def log_cluster(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, rng: np.random.Generator
) -> Measure:
    """Logarithm of how unequally 20 clusters of all rows divide synthetic rows and the hold-out.

    log of the mean over the clusters of (share of hold-out rows - its share overall)^2; clusters by k-means.

    Source: Goncalves et al. 2020, doi:10.1186/s12874-020-00977-1, equation 4.
    """
    if min(len(synthetic_sample), len(train_sample)) + len(holdout) < 2 * _CLUSTERS:
        raise NotApplicable(f"it needs at least {2 * _CLUSTERS} rows in two tables together")
    seed = int(rng.integers(2**31))
    value, ceiling = (
        inequality(table.matrix, holdout.matrix, seed=seed) for table in (synthetic_sample, train_sample)
    )
    return Measure(value, ceiling=ceiling)


def inequality(synthetic: Matrix, real: Matrix, *, seed: int) -> float:
    """Log of the mean squared deviation of the clusters' real shares."""
    from sklearn.cluster import KMeans

    rows = np.concatenate([synthetic, real])
    clusters = min(_CLUSTERS, len(np.unique(rows, axis=0)))
    member = KMeans(clusters, n_init=1, random_state=seed).fit_predict(rows)
    sizes = np.bincount(member, minlength=clusters)
    reals = np.bincount(member[len(synthetic) :], minlength=clusters)
    shares = reals[sizes > 0] / sizes[sizes > 0]
    return max(math.log(_LEAST), math.log(max(_LEAST, float(((shares - len(real) / len(rows)) ** 2).mean()))))
