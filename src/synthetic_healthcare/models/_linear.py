"""Linear conditionals with shrinkage: ridge regression, and the logistic model of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from synthetic_healthcare.models._forest_settings import LEAST_PATIENTS

Floats = npt.NDArray[np.floating[Any]]

#: Penalties that ridge regression chooses from, on features of unit spread.
_PENALTIES: Final = np.geomspace(0.3, 300.0, 10)
#: A row's leverage is kept below this, so that a row alone in its direction does not blow up its residual.
_LEVERAGE: Final = 0.95
_STEPS: Final = 60
_NEWTON_STEPS: Final = 12
_TOLERANCE: Final = 1e-4
#: Spread below which a feature counts as constant.
_CONSTANT: Final = 1e-6
#: Smallest probability, and smallest curvature: keeps logarithms and solutions finite.
_LOWEST: Final = 1e-9


@final
@dataclass(frozen=True)
class Line:
    """A linear function of features.

    Parameters
    ----------
    weights : array (features, outputs)
    intercept : array (outputs,)
    """

    weights: Floats
    intercept: Floats

    def __call__(self, features: Floats) -> Floats:
        """Return the outputs, shape (n, outputs)."""
        found: Floats = features @ self.weights + self.intercept
        return found


def fit_ridge(features: Floats, values: Floats) -> tuple[Line, Floats]:
    """Fit ridge regression with the penalty that leaves the smallest left-out error.

    Parameters
    ----------
    features : array (n, features)
    values : array (n,)

    Returns
    -------
    Line
        With one output.
    residuals : array (n,)
        Of each value from the line that is fitted without it: residuals as they are for a new row.

    Notes
    -----
    Left-out residuals in closed form: r_i / (1 - h_i), Allen 1974, doi:10.1080/00401706.1974.10489157.
    """
    centre, spread = _centre_and_spread(features)
    standard = (features - centre) / spread
    level = float(values.mean())
    variances, axes = np.linalg.eigh(standard.T @ standard)
    turned = standard @ axes
    pull = turned.T @ (values - level)
    best: tuple[float, Floats, Floats] | None = None
    for penalty in _PENALTIES:
        shrunk = 1.0 / (np.maximum(variances, 0.0) + penalty)
        leverage = (turned**2) @ shrunk + 1.0 / len(values)
        residuals = (values - level - turned @ (shrunk * pull)) / (1.0 - np.minimum(leverage, _LEVERAGE))
        error = float((residuals**2).mean())
        if best is None or error < best[0]:
            best = (error, axes @ (shrunk * pull), residuals)
    assert best is not None
    weights = best[1] / spread
    return Line(weights[:, None], np.array([level - centre @ weights])), best[2]


def fit_logistic(features: Floats, classes: npt.NDArray[np.integer[Any]], width: int, penalty: float) -> Line:
    """Fit the logistic model of `width` classes, one output a class, by steps under a bound on its curvature.

    Parameters
    ----------
    features : array (n, features)
    classes : int array (n,)
        From 0 to `width` - 1; a class that no row has stays as rare as half a row.
    width : int
        Number of classes.
    penalty : float
        On half the squared weights of features of unit spread.

    Notes
    -----
    The curvature of the log-likelihood is at most X'X / 2 for every class (Boehning 1992,
    doi:10.1007/BF00048682), so that one factor serves all classes and steps, and no step overshoots. The
    intercepts are scaled so that every class keeps its share (Darroch & Ratcliff 1972).
    """
    centre, spread = _centre_and_spread(features)
    standard = (features - centre) / spread
    wanted = (classes[:, None] == np.arange(width)).astype(standard.dtype)
    shares = (wanted.sum(axis=0) + 0.5) / (len(classes) + 0.5 * width)
    intercept = np.log(shares)
    weights = np.zeros((standard.shape[1], width))
    bound = np.linalg.inv(0.5 * standard.T @ standard + penalty * np.eye(standard.shape[1]))
    for _ in range(_STEPS if standard.shape[1] else 0):
        chance = softmax(standard @ weights + intercept)
        step = bound @ (standard.T @ (wanted - chance) - penalty * weights)
        weights += step
        intercept += np.log(shares) - np.log(np.maximum(chance.mean(axis=0), _LOWEST))
        if np.abs(step).max() < _TOLERANCE:
            break
    weights /= spread[:, None]
    return Line(weights, intercept - centre @ weights)


def fit_logit(features: Floats, held: npt.NDArray[np.bool_], penalty: float) -> Line:
    """Fit the logistic model of a yes or no by Newton's steps; one output, the log-odds of yes.

    Parameters
    ----------
    features : array (n, features)
        A few, as each step solves for all of them at once.
    held : bool array (n,)
        Both answers have to occur.
    penalty : float
        On half the squared weights of features of unit spread.
    """
    centre, spread = _centre_and_spread(features)
    design = np.column_stack([(features - centre) / spread, np.ones(len(held))])
    ridge = np.full(design.shape[1], float(penalty))
    ridge[-1] = 0.0
    share = held.mean()
    weights = np.zeros(design.shape[1])
    weights[-1] = np.log(share / (1.0 - share))
    for _ in range(_NEWTON_STEPS):
        chance = expit(design @ weights)
        slope = design.T @ (held - chance) - ridge * weights
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += ridge + _LOWEST
        step = np.linalg.solve(curvature, slope)
        weights += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < _TOLERANCE:
            break
    coefficients = weights[:-1] / spread
    return Line(coefficients[:, None], np.array([weights[-1] - centre @ coefficients]))


def most_associated(features: Floats, targets: Floats, limit: int) -> npt.NDArray[np.intp]:
    """Choose the features that correlate most with any of the targets, shape (at most `limit`,), in order.

    Parameters
    ----------
    features : array (n, features)
        Those that fewer than the least number of patients have, or lack, are left out.
    targets : array (n, outputs)
    """
    if not (limit and features.shape[0] and features.shape[1]):
        return np.zeros(0, dtype=np.intp)
    centre, spread = _centre_and_spread(features)
    common = np.flatnonzero(features.var(axis=0) * len(features) >= LEAST_PATIENTS)
    if len(common) <= limit:
        return common
    around = targets - targets.mean(axis=0)
    strength = np.abs(((features - centre) / spread).T @ (around / np.maximum(around.std(axis=0), _CONSTANT)))
    best = np.argsort(-strength[common].max(axis=1), kind="stable")[:limit]
    return np.sort(common[best])


def softmax(logits: Floats) -> Floats:
    """Return probabilities, shape (n, classes)."""
    chance: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    return chance


def _centre_and_spread(features: Floats) -> tuple[Floats, Floats]:
    spread = features.std(axis=0)
    return features.mean(axis=0), np.where(spread > _CONSTANT, spread, 1.0)
