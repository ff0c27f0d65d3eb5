"""A set of codes given the parts before it: code after code, each by a logistic model of few features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from synthetic_healthcare.models._base import Arrays
from synthetic_healthcare.models._forest_settings import LEAST_PATIENTS
from synthetic_healthcare.models._linear import Floats, fit_logit

#: Most features of a code.
_FEATURES: Final = 8
#: Smallest correlation of a feature with a code, in standard errors of none.
_STANDARD_ERRORS: Final = 2.0
#: Added to the patients with and without a code: no code is certain.
_PSEUDO_COUNT: Final = 0.5


@final
@dataclass(frozen=True)
class CodesGiven:
    """Distribution of a set of codes given features.

    Parameters
    ----------
    chosen : int array (codes, features)
        Features of each code; where a code has fewer, the first feature with a weight of zero.
    weights : array (codes, features)
    intercept : array (codes,)
        Log-odds of each code: intercept + weights times features.
    """

    chosen: npt.NDArray[np.integer[Any]]
    weights: Floats
    intercept: Floats

    def draw(
        self,
        features: npt.NDArray[np.float32],
        start: int,
        wanted: npt.NDArray[np.integer[Any]] | None,
        exists: npt.NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> Floats:
        """Draw the codes into their own features, from `start` on, where the part exists.

        Parameters
        ----------
        wanted : int array (codes,) or None
            1 or 0 where a code must be so, -1 where either will do.

        Returns
        -------
        array (n,)
            Probability of what is wanted, for each row.
        """
        n = features.shape[0]
        mass = np.ones(n)
        for code, chosen in enumerate(self.chosen):
            told = np.flatnonzero(self.weights[code])
            raw = features[:, chosen[told]] @ self.weights[code, told] + self.intercept[code]
            chance = expit(raw)
            held = rng.random(n) < chance
            if wanted is not None and wanted[code] >= 0:
                held = np.full(n, wanted[code] == 1)
                mass *= chance if wanted[code] == 1 else 1.0 - chance
            features[:, start + code] = held & exists
        return mass

    def arrays(self) -> Arrays:
        """Return all that drawing needs, by name."""
        return {"chosen": self.chosen, "weights": self.weights, "intercept": self.intercept}

    @staticmethod
    def of(arrays: Mapping[str, npt.NDArray[Any]]) -> CodesGiven:
        """Rebuild what `arrays` gave."""
        return CodesGiven(*(np.asarray(arrays[name]) for name in ("chosen", "weights", "intercept")))


def fit_codes(features: Floats, start: int, width: int, penalty: float) -> CodesGiven:
    """Learn a set's distribution given features.

    Parameters
    ----------
    features : array (n, all features)
        Of rows in which the part exists; its own stand from `start` on.
    width : int
        Number of codes.
    penalty : float
        Of the logistic models.
    """
    chosen = np.zeros((width, _FEATURES), dtype=np.int32)
    weights = np.zeros((width, _FEATURES))
    n = features.shape[0]
    count = features[:, start : start + width].sum(axis=0, dtype=np.float64)
    intercept = np.log(count + _PSEUDO_COUNT) - np.log(n - count + _PSEUDO_COUNT)
    strengths = _correlations(features[:, : start + width], start)
    for code in np.flatnonzero(np.minimum(count, n - count) >= LEAST_PATIENTS):
        strength = strengths[code, : start + code]
        best = np.argsort(-strength, kind="stable")[:_FEATURES]
        best = np.sort(best[strength[best] * np.sqrt(n) > _STANDARD_ERRORS])
        if len(best):
            line = fit_logit(features[:, best], features[:, start + code] > 0, penalty)
            chosen[code, : len(best)] = best
            weights[code, : len(best)] = line.weights[:, 0]
            intercept[code] = line.intercept[0]
    return CodesGiven(chosen, weights, intercept)


def _correlations(features: Floats, start: int) -> Floats:
    """Absolute correlations (codes, features) of the codes, from `start` on, with everything up to them.

    Features that fewer than the least number of patients have, or lack, count as unrelated.
    """
    n = features.shape[0]
    if n == 0:
        return np.zeros((features.shape[1] - start, features.shape[1]))
    standard = features - features.mean(axis=0)
    spread = np.sqrt((standard**2).mean(axis=0))
    common = spread**2 * n >= LEAST_PATIENTS
    standard /= np.where(common, spread, 1.0)
    standard[:, ~common] = 0.0
    found: Floats = np.abs(standard[:, start:].T @ standard) / n
    return found
