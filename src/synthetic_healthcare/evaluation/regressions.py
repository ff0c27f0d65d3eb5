"""Linear, logistic and Cox regression by Newton's method: estimates with their covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
#: Log likelihood, its gradient and minus its second derivatives at given coefficients.
Likelihood = Callable[[Vector], tuple[float, Vector, Matrix]]

_STEPS: Final = 50
_HALVINGS: Final = 30
_CLOSE: Final = 1e-9
#: Keeps the second derivatives invertible where columns repeat each other or separate the outcome.
_JITTER: Final = 1e-8


@final
@dataclass(frozen=True)
class Estimates:
    """Coefficients with their covariance.

    Parameters
    ----------
    coefficients : float64 array (k,)
    covariance : float64 array (k, k)
    """

    coefficients: Vector
    covariance: Matrix

    @property
    def errors(self) -> Vector:
        """Standard errors, shape (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance).clip(0.0)))


def with_intercept(inputs: Matrix) -> Matrix:
    """Inputs with a first column of ones."""
    return np.column_stack([np.ones(len(inputs)), inputs])


def independent_columns(inputs: Matrix) -> npt.NDArray[np.intp]:
    """Positions of columns that span all: none of them is a combination of the others."""
    from scipy.linalg import qr

    if not inputs.size:
        return np.zeros(0, dtype=np.intp)
    _, upper, order = qr(inputs, mode="economic", pivoting=True)
    steps = np.abs(np.diag(upper))
    return np.sort(order[: int((steps > 1e-9 * max(steps[0], 1e-300)).sum())])


def linear(inputs: Matrix, outcome: Vector, *, prior_sd: Vector | None = None) -> Estimates:
    """Least squares, with the prior of `logistic` where one is given; the variance is that of the residuals.

    Parameters
    ----------
    inputs : float64 array (n, k)
        With a column of ones where an intercept is wanted.
    outcome : float64 array (n,)
    prior_sd : float64 array (k,), optional
        As for `logistic`.
    """
    products = inputs.T @ inputs
    residual = outcome - inputs @ (np.linalg.pinv(products, hermitian=True) @ (inputs.T @ outcome))
    freedom = max(1, len(inputs) - int(np.linalg.matrix_rank(inputs)))
    # A perfect fit leaves no variance: its estimates are exact to rounding.
    variance = max(float(residual @ residual) / freedom, 1e-12)
    precision = np.diag(_precision(inputs.shape[1], prior_sd))
    inverse = np.asarray(np.linalg.inv(products / variance + precision), dtype=np.float64)
    return Estimates(inverse @ (inputs.T @ outcome) / variance, inverse)


def logistic(inputs: Matrix, outcome: Vector, *, prior_sd: Vector | None = None) -> Estimates:
    """Logistic regression.

    Parameters
    ----------
    inputs : float64 array (n, k)
        With a column of ones where an intercept is wanted.
    outcome : float64 array (n,)
        0 or 1.
    prior_sd : float64 array (k,), optional
        Standard deviation of a normal prior around 0 on each coefficient, infinite for none. With it the
        estimates are finite where a column separates the outcomes.

    Source: McCullagh and Nelder 1989, "Generalized Linear Models", 4.4.
    """

    def likelihood(coefficients: Vector) -> tuple[float, Vector, Matrix]:
        linear_part = inputs @ coefficients
        chance = 1.0 / (1.0 + np.exp(-linear_part.clip(-500.0, 500.0)))
        value = float(outcome @ linear_part - np.logaddexp(0.0, linear_part).sum())
        spread = chance * (1.0 - chance)
        return value, inputs.T @ (outcome - chance), (inputs * spread[:, None]).T @ inputs

    return _maximise(likelihood, _precision(inputs.shape[1], prior_sd))


def cox(
    inputs: Matrix, time: Vector, *, event: npt.NDArray[np.bool_], prior_sd: Vector | None = None
) -> Estimates:
    """Cox's proportional hazards, ties after Efron.

    Parameters
    ----------
    inputs : float64 array (n, k)
        Without a column of ones.
    time : float64 array (n,)
    event : bool array (n,)
        Whether the event happened at that time.
    prior_sd : float64 array (k,), optional
        As for `logistic`.

    Source: Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Efron 1977, doi:10.1080/01621459.1977.10480613.
    """
    order = np.lexsort([~event, time])
    rows, happened = inputs[order], event[order]
    _, first, group = np.unique(time[order], return_index=True, return_inverse=True)
    places = np.flatnonzero(happened)
    moments = group[places]
    deaths = np.bincount(moments, minlength=len(first))
    # Within a moment, the l-th of d events leaves l/d of the weight of those that happen with it.
    turn = np.arange(len(places)) - np.concatenate([[0], np.cumsum(deaths)])[moments]
    leaving = turn / np.maximum(deaths[moments], 1)

    def likelihood(coefficients: Vector) -> tuple[float, Vector, Matrix]:
        linear_part = (rows @ coefficients).clip(-500.0, 500.0)
        shift = float(linear_part.max(initial=0.0))
        risk = np.exp(linear_part - shift)
        weighted = rows * risk[:, None]
        at_risk = np.cumsum(risk[::-1])[::-1][first][moments]
        at_risk_rows = np.cumsum(weighted[::-1], axis=0)[::-1][first][moments]
        tied = np.bincount(group, weights=risk * happened, minlength=len(first))[moments]
        tied_rows = np.zeros((len(first), rows.shape[1]))
        np.add.at(tied_rows, moments, weighted[places])
        total = at_risk - leaving * tied
        means = (at_risk_rows - leaving[:, None] * tied_rows[moments]) / total[:, None]
        value = float(linear_part[places].sum() - (np.log(total) + shift).sum())
        # Each row's weight in the sum over events of the second moments: all events up to its own moment,
        # less its share in those that happen with it.
        so_far = np.cumsum(np.bincount(moments, weights=1.0 / total, minlength=len(first)))
        less = np.bincount(moments, weights=leaving / total, minlength=len(first))
        amount = risk * (so_far[group] - less[group] * happened)
        second = (rows * amount[:, None]).T @ rows - means.T @ means
        return value, rows[places].sum(axis=0) - means.sum(axis=0), second

    return _maximise(likelihood, _precision(inputs.shape[1], prior_sd))


def _precision(size: int, prior_sd: Vector | None) -> Vector:
    return np.full(size, _JITTER) + (0.0 if prior_sd is None else 1.0 / prior_sd**2)


def _maximise(likelihood: Likelihood, precision: Vector) -> Estimates:
    """Newton's method with halved steps: every step raises the (penalised) likelihood."""
    coefficients = np.zeros(len(precision))
    value, gradient, second = likelihood(coefficients)
    for _ in range(_STEPS):
        curvature = second + np.diag(precision)
        step = np.linalg.solve(curvature, gradient - precision * coefficients)
        goal = value - 0.5 * float(precision @ coefficients**2)
        for _ in range(_HALVINGS):
            tried = coefficients + step
            found, slope, bend = likelihood(tried)
            if found - 0.5 * float(precision @ tried**2) >= goal - _CLOSE:
                break
            step = step / 2.0
        coefficients, value, gradient, second = tried, found, slope, bend
        if float(np.abs(step).max(initial=0.0)) < _CLOSE:
            break
    return Estimates(coefficients, np.asarray(np.linalg.inv(second + np.diag(precision)), dtype=np.float64))
