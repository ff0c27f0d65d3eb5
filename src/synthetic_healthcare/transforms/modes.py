"""`Mixture`: numbers as a mode of a Gaussian mixture and a score within it ("mode-specific normalisation").

The idea is that of Xu, Skoularidou, Cuesta-Infante and Veeramachaneni (2019, arXiv:1907.00503, section 4.2):
a variational mixture finds the modes of a column, and a number becomes the mode that it is drawn to belong to
and its distance from that mode's mean.

# DIFF: the paper scales by 4 sigma and clips to -1..1; we scale by sigma, so that the score has unit variance
as every other continuous part has.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from synthetic_healthcare.transforms.grid import Floats, Grid
from synthetic_healthcare.transforms.quantiles import SCORE_LIMIT, protected_ends

if TYPE_CHECKING:
    from sklearn.mixture import BayesianGaussianMixture

#: Modes with less than this share of the mixture are dropped.
_LEAST_WEIGHT: Final = 0.005
#: Weight concentration prior: small, so that modes that are not needed get no weight.
_CONCENTRATION: Final = 1e-3


@final
@dataclass(frozen=True, eq=False)
class Mixture:
    """A Gaussian mixture over one column.

    Parameters
    ----------
    weights, means, deviations : float arrays (modes,)
        Of the modes, by rising mean; weights sum to one and deviations are above zero.
    low, high : float
        Protected ends; nothing outside is ever drawn.
    grid : Grid
        How values are written.
    """

    weights: Floats
    means: Floats
    deviations: Floats
    low: float
    high: float
    grid: Grid

    def encode(
        self, values: Floats, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Draw each value's mode from its responsibilities, and return the score within that mode.

        Parameters
        ----------
        values : float array (n,)
            Finite numbers.
        rng : numpy.random.Generator
            Draws the modes, and the place within a rounding cell.

        Returns
        -------
        modes : int32 array (n,)
        scores : float32 array (n,), within -SCORE_LIMIT..SCORE_LIMIT
        """
        spread = values + self.grid.half_step * rng.uniform(-1.0, 1.0, len(values))
        scores = (spread[:, None] - self.means) / self.deviations
        fit = np.log(self.weights) - np.log(self.deviations) - 0.5 * scores**2
        edges = np.cumsum(softmax(fit, axis=1), axis=1)
        drawn = rng.random((len(values), 1)) * edges[:, -1:]
        modes = (drawn >= edges).sum(axis=1).astype(np.int32)
        chosen = np.take_along_axis(scores, modes[:, None], axis=1)[:, 0]
        return modes, np.clip(chosen, -SCORE_LIMIT, SCORE_LIMIT).astype(np.float32)

    def decode(self, modes: npt.NDArray[np.int32], scores: npt.NDArray[np.float32]) -> Floats:
        """Return the values of scores within modes, rounded as the column is written, within the ends."""
        held = np.clip(scores, -SCORE_LIMIT, SCORE_LIMIT).astype(np.float64)
        values = self.grid.round(self.means[modes] + self.deviations[modes] * held)
        return np.clip(values, self.low, self.high)


def fit_mixture(
    values: Floats,
    grid: Grid,
    *,
    floor: int,
    most_modes: int,
    most_rows: int,
    rng: np.random.Generator,
) -> Mixture:
    """Learn the modes of `values`.

    Parameters
    ----------
    values : float array (n,), n >= floor
        Finite numbers.
    grid : Grid
        How they are written.
    floor : int
        Patients that a mode must stand for.
    most_modes, most_rows : int
        Limits of the mixture, and of the random subsample that it is fitted on.
    rng : numpy.random.Generator
        Draws the subsample and seeds the fit.
    """
    # Imported here: scikit-learn takes half a second, and only this choice of transform needs it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    low, high = protected_ends(np.sort(grid.round(values)), grid, floor=floor)
    sample = values if len(values) <= most_rows else rng.choice(values, most_rows, replace=False)
    centre, spread = float(sample.mean()), max(float(sample.std()), grid.half_step, 1e-9)
    scaled = ((sample - centre) / spread)[:, None]
    mixture = BayesianGaussianMixture(
        n_components=max(1, min(most_modes, len(np.unique(sample)), len(sample) // floor)),
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=_CONCENTRATION,
        max_iter=100,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        # A mixture that still moves a little after 100 rounds is as good an encoding as any.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(scaled)
    weights, means, variances = _moments(mixture, scaled, max(_LEAST_WEIGHT, floor / len(sample)))
    # A mode narrower than a rounding cell would turn the spread within the cell into extreme scores.
    narrowest = max(grid.half_step / np.sqrt(3.0) / spread, 1e-6)
    deviations = np.maximum(np.sqrt(variances), narrowest)
    order = np.argsort(means, kind="stable")
    return Mixture(
        weights=weights[order] / weights.sum(),
        means=means[order] * spread + centre,
        deviations=deviations[order] * spread,
        low=low,
        high=high,
        grid=grid,
    )


def _moments(mixture: BayesianGaussianMixture, scaled: Floats, least: float) -> tuple[Floats, Floats, Floats]:
    """Return weight, mean and variance of what each mode of at least the `least` weight is responsible for.

    The variational posterior widens small modes towards its prior; these give scores of unit variance.
    """
    kept = mixture.weights_ >= least
    kept |= mixture.weights_ == mixture.weights_.max()
    shares = mixture.predict_proba(scaled)[:, kept]
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    weights = shares.sum(axis=0)
    means = shares.T @ scaled[:, 0] / weights
    variances = np.einsum("nk,nk->k", shares, (scaled - means) ** 2) / weights
    return weights, means, variances
