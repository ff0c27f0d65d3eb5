"""Areas under the curve, their errors, intervals of proportions, and the bootstrap of the hold-out."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: 97.5 % point of the normal distribution: intervals are 95 %.
Z: Final = 1.959963984540054


def z_of_several(tries: int) -> float:
    """Standard errors below the largest of several figures at which its lower end lies.

    The largest of so many figures is large by luck too: its lower end allows for all of them (Bonferroni),
    and for one figure it is that of a 95 % interval.
    """
    return NormalDist().inv_cdf(1.0 - 0.025 / max(1, tries))


def bootstrap_weights(rows: int, *, replicates: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Multiplicities of the rows in `replicates` resamples with replacement, shape (replicates, rows)."""
    return rng.multinomial(rows, np.full(rows, 1.0 / rows), size=replicates).astype(np.float64)


def placements(scores: Vector, others: Vector) -> Vector:
    """Share of `others` below each score, ties counted half; shape of `scores`.

    Their mean is the area under the curve that tells `scores` (positive) from `others`.
    """
    ordered = np.sort(others)
    doubled = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(doubled / (2.0 * len(others)))


@final
@dataclass(frozen=True)
class Auc:
    """An area under the curve with its standard error."""

    value: float
    error: float


def auc(positives: Vector, negatives: Vector) -> Auc:
    """Area under the ROC curve with the standard error of DeLong.

    Source: DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595 (the error from placement values).
    """
    above = placements(positives, negatives)
    below = placements(negatives, positives)
    variance = 0.0
    if len(positives) > 1:
        variance += float(above.var(ddof=1)) / len(positives)
    if len(negatives) > 1:
        variance += float(below.var(ddof=1)) / len(negatives)
    return Auc(float(above.mean()), float(np.sqrt(variance)))


def weighted_auc(scores: Vector, positive: npt.NDArray[np.bool_], *, weights: Vector) -> Vector:
    """Area under the ROC curve under each of B row weightings.

    Parameters
    ----------
    scores : float64 array (n,)
    positive : bool array (n,)
    weights : float64 array (B, n)

    Returns
    -------
    float64 array (B,)
        NaN where a weighting leaves one class empty.
    """
    _, tied = np.unique(scores, return_inverse=True)
    levels = int(tied.max()) + 1
    sums = np.zeros((2, levels, len(weights)))
    for side, chosen in enumerate((~positive, positive)):
        np.add.at(sums[side], tied[chosen], weights[:, chosen].T)
    negatives, positives = sums
    below = np.cumsum(negatives, axis=0) - negatives / 2.0
    pairs = positives.sum(axis=0) * negatives.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray((positives * below).sum(axis=0) / np.where(pairs > 0, pairs, np.nan))


def true_positive_rate(positives: Vector, negatives: Vector, *, false_positive_rate: float) -> float:
    """Read the ROC curve at one false positive rate, straight lines between its points.

    Ties are crossed by a straight line, so that a score that says nothing reads `false_positive_rate`.
    """
    cuts = np.unique(np.concatenate([positives, negatives]))[::-1]
    ordered_positives, ordered_negatives = np.sort(positives), np.sort(negatives)
    hits = 1.0 - np.searchsorted(ordered_positives, cuts, "left") / len(positives)
    alarms = 1.0 - np.searchsorted(ordered_negatives, cuts, "left") / len(negatives)
    # At one alarm rate the curve may climb: its highest point counts (interp takes the last of equal ones).
    alarms, hits = np.concatenate([[0.0], alarms]), np.concatenate([[0.0], hits])
    last = np.flatnonzero(np.concatenate([alarms[1:] > alarms[:-1], [True]]))
    return float(np.interp(false_positive_rate, alarms[last], hits[last]))


def wilson(share: float, rows: float) -> tuple[float, float]:
    """95 % interval of a proportion.

    Parameters
    ----------
    share : float
        Observed proportion.
    rows : float
        Number of independent observations (may be an effective number).

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if rows <= 0:
        return 0.0, 1.0
    centre = (share + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    half = Z / (1 + Z**2 / rows) * np.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2))
    # The clip undoes rounding: the interval always holds what was observed.
    return min(share, max(0.0, float(centre - half))), max(share, min(1.0, float(centre + half)))


def proportion_bounds(
    successes: npt.NDArray[np.int64] | int, rows: int, *, error: float = 0.025
) -> tuple[Vector, Vector]:
    """Exact one-sided bounds of proportions, each wrong with probability at most `error`.

    Source: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    from scipy.special import betaincinv

    found = np.asarray(successes)
    lower = np.where(found > 0, betaincinv(np.maximum(found, 1), rows - found + 1, error), 0.0)
    upper = np.where(found < rows, betaincinv(found + 1, np.maximum(rows - found, 1), 1.0 - error), 1.0)
    return lower, upper


def difference_interval(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """95 % interval of a difference of proportions, from (share, rows) of each.

    Source: Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10.
    """
    low_1, high_1 = wilson(*first)
    low_2, high_2 = wilson(*second)
    difference = first[0] - second[0]
    below = np.hypot(first[0] - low_1, high_2 - second[0])
    above = np.hypot(high_1 - first[0], second[0] - low_2)
    return float(difference - below), float(difference + above)


def residual(taken: tuple[float, float], held: tuple[float, float]) -> tuple[float, float, float]:
    """Success on members beyond that on controls: (p_T - p_C) / (1 - p_C), with its 95 % interval.

    Parameters
    ----------
    taken, held : (float, float)
        Share of successes and number of tries, on members and on controls.

    Returns
    -------
    value, lower, upper : float
        Not cut off at 0. The errors of the shares come from their Wilson intervals and are carried over by
        the delta method. Where controls always succeed nothing is left to gain, and the residual is 0.

    Source: Giomi, Boenisch, Wehmeyer and Tasnadi 2023, "A unified framework for quantifying privacy risk in
    synthetic data", doi:10.56553/popets-2023-0055 (Eq. 4 and its interval).
    """
    (rate, _), (control, _) = taken, held
    if control >= 1.0:
        return 0.0, 0.0, 0.0
    value = (rate - control) / (1.0 - control)
    halves = [(high - low) / 2.0 for low, high in (wilson(*taken), wilson(*held))]
    # d/dp_T = 1 / (1 - p_C); d/dp_C = (p_T - 1) / (1 - p_C)^2.
    half = float(np.hypot(halves[0] / (1.0 - control), halves[1] * (1.0 - rate) / (1.0 - control) ** 2))
    return value, max(-1.0, value - half), min(1.0, value + half)


def interval(
    replicates: Vector, value: float, *, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """95 % percentile interval of bootstrap replicates, moved to lie around the value.

    A distance to a resample is larger than to the sample that it was drawn from, always in one direction; the
    spread of the replicates is what is wanted, not that shift. Ends stay within the bounds.
    """
    usable = replicates[~np.isnan(replicates)]
    if not len(usable):
        return value, value
    low, high = np.quantile(usable, [0.025, 0.975]) - usable.mean() + value
    return min(value, max(bounds[0], float(low))), max(value, min(bounds[1], float(high)))
