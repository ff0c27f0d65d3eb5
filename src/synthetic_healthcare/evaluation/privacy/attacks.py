"""Eight membership attacks: each gives every candidate a score that grows with suspicion of membership."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.distances import count_within, nearest, nearest_rows
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.privacy.cohort import Cohort

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
#: Of the members and of the controls, by the attack's code.
Scores = tuple[Mapping[str, Vector], Mapping[str, Vector]]

#: What each attack is called in a report.
ATTACKS: Final[Mapping[str, str]] = {
    "A1": "near a synthetic row",
    "A2": "nearer to a synthetic row than to other patients",
    "A3": "denser in synthetic rows than in other patients",
    "A4": "share of synthetic rows in the neighbourhood",
    "A5": "taken for synthetic by a classifier",
    "A6": "number of synthetic rows close by",
    "A7": "makes the synthetic rows around more likely",
    "A8": "goes with the synthetic rows' correlations",
}
_DENSITY_K: Final = 5
_NEIGHBOURHOOD_K: Final = 20
#: Keeps the logarithm of a zero distance finite; far below any distance between different rows.
_FLOOR: Final = 1e-9
_LEAST_VARIANCE: Final = 1e-6
_TREES: Final = 60
_LEAVES: Final = 15


def attack_scores(
    cohort: Cohort, synthetic: Judged, *, seed: int
) -> tuple[Mapping[str, Vector], Mapping[str, Vector]]:
    """Score the members and the controls with every attack.

    With d the distance to the nearest row of a set, S the synthetic rows, R the reference half of the
    hold-out and S' a subset of S as large as R:

    - A1: -d(x, S)
    - A2: d(x, R) - d(x, S)
    - A3: log of the mean of the 5 smallest distances to R, less that to S
    - A4: share of S' among the 20 nearest of x in S' and R together
    - A5: probability that x is in S', by gradient boosting that tells S' from R
    - A6: number of rows of S within the median of d(r, S) over the rows r of R
    - A7: log of the likelihood ratio of the 20 rows of S' nearest to x, under a kernel density of R with and
      without x. DIFF: the paper's density is a Gaussian kernel on principal components; ours is
      exp(-distance / bandwidth) on the 20 nearest rows of R, since the columns are mixed.
    - A8: log of the ratio of two normal densities of x, one fitted to S and one to R, with covariances shrunk
      after Ledoit and Wolf. Where columns are many it sees what distances do not: that x lies in the few
      directions in which synthetic rows vary

    Returns
    -------
    members, controls : Mapping of float64 arrays
        By the attack's code.

    Sources: Chen et al. 2020, arXiv:1909.03935 (A1); Hilprecht et al. 2019, doi:10.2478/popets-2019-0067;
    van Breugel et al. 2023, "Membership inference attacks against synthetic data through overfitting
    detection", arXiv:2302.12580 (density ratios, as in A2 to A4, here by neighbours instead of kernels);
    Hilprecht et al. (A6, the Monte Carlo attack with their median radius); Ward et al. 2025, "Privacy
    auditing synthetic data release through local likelihood attacks", arXiv:2508.21146 (A7, Gen-LRA); van
    Breugel et al. again (A8, their density ratio, of normal densities); Ledoit and Wolf 2004,
    doi:10.1016/S0047-259X(03)00096-4.
    """
    size = min(len(synthetic), len(cohort.reference))
    subset, reference = synthetic.matrix[:size], cohort.reference.matrix
    classify = _classifier(subset, reference, seed)
    influence = _influence(subset, reference)
    correlated = _normal_ratio(synthetic.matrix, reference)
    radius = float(np.median(nearest(reference, synthetic.matrix, k=1)))

    def scores(rows: Matrix) -> dict[str, Vector]:
        found = _scores(rows, synthetic.matrix, subset, reference)
        found["A5"] = classify(rows)
        found["A6"] = count_within(rows, synthetic.matrix, radius=radius).astype(np.float64)
        found["A7"] = influence(rows)
        found["A8"] = correlated(rows)
        return found

    return scores(cohort.members.matrix), scores(cohort.controls.matrix)


def _scores(rows: Matrix, synthetic: Matrix, subset: Matrix, reference: Matrix) -> dict[str, Vector]:
    to_synthetic = nearest(rows, synthetic, k=_DENSITY_K)
    to_subset = nearest(rows, subset, k=_NEIGHBOURHOOD_K)
    to_reference = nearest(rows, reference, k=_NEIGHBOURHOOD_K)
    near_reference = to_reference[:, : to_synthetic.shape[1]]
    return {
        "A1": -to_synthetic[:, 0],
        "A2": to_reference[:, 0] - to_synthetic[:, 0],
        "A3": log_mean(near_reference) - log_mean(to_synthetic),
        "A4": _share(to_subset, to_reference),
    }


def log_mean(distances: Matrix) -> Vector:
    """Logarithm of each row's mean distance: how thin a set of rows is around it."""
    return np.asarray(np.log(np.maximum(distances.mean(axis=1), _FLOOR)))


def _share(to_synthetic: Matrix, to_reference: Matrix) -> Vector:
    """Share of synthetic rows among the nearest of both sets, ties at the edge counted by halves."""
    both = np.concatenate([to_synthetic, to_reference], axis=1)
    # Never more than half of both sets: the share would be a constant.
    k = max(1, min(_NEIGHBOURHOOD_K, both.shape[1] // 2))
    edge = np.sort(both, axis=1)[:, k - 1 : k]
    inside = (to_synthetic < edge).sum(axis=1) + 0.5 * (to_synthetic == edge).sum(axis=1)
    outside = (to_reference < edge).sum(axis=1) + 0.5 * (to_reference == edge).sum(axis=1)
    return np.asarray(inside / (inside + outside))


def _influence(synthetic: Matrix, reference: Matrix) -> Callable[[Matrix], Vector]:
    """How much more likely a row makes the synthetic rows around it, added to the reference."""
    from scipy.special import logsumexp

    if len(reference) > 1:
        bandwidth = max(_FLOOR, float(np.median(nearest(reference, reference, k=1, same=True))))
    else:
        bandwidth = 1.0
    # log of the summed kernels at each synthetic row; the constants are the same for every candidate.
    density = logsumexp(-nearest(synthetic, reference, k=_NEIGHBOURHOOD_K) / bandwidth, axis=1)

    def influence(rows: Matrix) -> Vector:
        distances, positions = nearest_rows(rows, synthetic, k=_NEIGHBOURHOOD_K)
        gain = np.logaddexp(0.0, -distances / bandwidth - density[positions])
        return np.asarray(gain.sum(axis=1))

    return influence


def _normal_ratio(synthetic: Matrix, reference: Matrix) -> Callable[[Matrix], Vector]:
    """How much better a row goes with a normal distribution of the synthetic rows than of the reference."""
    densities = [_normal(rows) for rows in (synthetic, reference)]
    return lambda candidates: densities[0](candidates) - densities[1](candidates)


def _normal(rows: Matrix) -> Callable[[Matrix], Vector]:
    """Logarithm of a fitted normal density, up to a constant."""
    from sklearn.covariance import ledoit_wolf

    centre = rows.mean(axis=0)
    if len(rows) < 2:
        # One row has no directions: what is far from it is unlikely.
        return lambda candidates: -0.5 * ((candidates - centre) ** 2).sum(axis=1)
    covariance, _ = ledoit_wolf(rows - centre, assume_centered=True)
    variances, axes = np.linalg.eigh(np.atleast_2d(covariance))
    # Of columns that never vary, nothing is known but that.
    scales = np.sqrt(np.maximum(variances, _LEAST_VARIANCE))
    return lambda candidates: -0.5 * (((candidates - centre) @ axes / scales) ** 2).sum(axis=1)


def _classifier(synthetic: Matrix, reference: Matrix, seed: int) -> Callable[[Matrix], Vector]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=_TREES, max_leaf_nodes=_LEAVES, early_stopping=False, random_state=seed
    )
    rows = np.concatenate([synthetic, reference])
    model.fit(rows, np.concatenate([np.ones(len(synthetic)), np.zeros(len(reference))]))
    return lambda candidates: np.asarray(model.predict_proba(candidates)[:, 1], dtype=np.float64)
