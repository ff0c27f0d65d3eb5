"""Gaussian copula: exact marginals, and one matrix of correlations for how everything goes together.

The classical baseline beyond marginals. What is not monotone between two columns, or differs between groups,
is out of its reach.

Every number, category and code has a standard normal latent. A number is encoded as its own latent. A
category cuts its latent's axis into intervals of its probabilities, and a code cuts it in two. Where a
category or a code stands for a whole interval, the mean of the normal distribution within it takes the
latent's place, and the correlation is read back through what that does to it.

Sources: Nelsen 2006 (copulas, doi:10.1007/0-387-28678-0); Ledoit and Wolf 2004 (shrinkage,
doi:10.1016/S0047-259X(03)00096-4); Pearson 1900 (the tetrachoric series, doi:10.1098/rsta.1900.0022).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from numpy.polynomial.hermite_e import hermeval
from scipy.special import ndtr, ndtri
from sklearn.covariance import ledoit_wolf_shrinkage

from synthetic_healthcare.models._base import Arrays, FittedModel, ModelConfig, numpy_stream
from synthetic_healthcare.models._design import blank_rows
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, part_exists

Floats = npt.NDArray[np.float64]

#: Added to every category's and every code's count: none is certain.
_PSEUDO_COUNT: Final = 0.5
#: Patients from whom a correlation is kept: who hold a code, and who have both parts. Below, it is zero.
_LEAST_PATIENTS: Final = 10
#: Largest correlation in size: one of 1 would make a column the copy of another.
_MOST: Final = 0.995
#: Terms of the tetrachoric series.
_TERMS: Final = 8
#: Halvings by which the series is inverted: to a correlation within 1e-4.
_HALVINGS: Final = 14
_LEAST_VARIANCE: Final = 1e-6
#: Rows drawn at a time: bounds the memory of a large draw.
_PORTION: Final = 20_000


@final
class Copula(FittedModel):
    """Gaussian copula over numbers, categories and codes."""

    name: ClassVar[str] = "copula"

    class Config(ModelConfig):
        """It has no settings: marginals are exact, and the shrinkage follows from the data."""

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self._spans = _spans(layout)
        self._rates: Arrays = {}
        self._root: Floats = np.zeros((0, 0))

    def fit(self, rows: Encoded, *, rng: np.random.Generator) -> None:
        """Learn rates, and correlations of latents."""
        width = self._spans[-1].stop
        latents, known = np.zeros((len(rows), width)), np.zeros((len(rows), width), dtype=bool)
        series = np.zeros((_TERMS, width))
        series[0] = 1.0
        rates: Arrays = {}
        for index, (part, span) in enumerate(zip(self.layout.parts, self._spans, strict=True)):
            exists = part_exists(rows, index)
            known[:, span] = exists[:, None]
            if part.kind == "continuous":
                latents[:, span.start] = rows.continuous[:, part.store]
                continue
            rate = _rates(rows, part, exists)
            rates[str(index)] = rate
            if part.kind == "categorical":
                means, series[:, span.start] = _intervals(np.cumsum(rate)[:-1])
                # A category of -1 stands where the part does not exist; what it reads is masked.
                latents[:, span.start] = means[rows.codes[:, part.store]]
            else:
                held = rows.bits[:, part.store : part.store + part.width]
                found = [_intervals(np.array([1.0 - chance])) for chance in rate]
                pairs = np.array([means for means, _ in found])
                series[:, span] = np.transpose([terms for _, terms in found])
                # A code that few patients hold goes with no other: their rows would be told by it.
                count = held.sum(axis=0, dtype=np.int64)
                common = np.minimum(count, exists.sum() - count) >= _LEAST_PATIENTS
                latents[:, span] = np.where(held, pairs[:, 1], pairs[:, 0]) * common
        self._rates = rates
        correlation = _latent_correlations(_correlations(latents, known), series)
        self._root = _root(_supported(correlation, len(rows)))

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw latents, and read every part off its own."""
        draws = numpy_stream(rng)
        rows = blank_rows(self.layout, n)
        for start in range(0, n, _PORTION):
            portion = slice(start, start + _PORTION)
            some = Encoded(self.layout, rows.continuous[portion], rows.codes[portion], rows.bits[portion])
            self._read(some, draws.standard_normal((len(some), len(self._root))) @ self._root.T)
        return rows

    def to_state(self) -> Arrays:
        """Return the rates and a root of the matrix of correlations."""
        return {"root": self._root, **self._rates}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take them in."""
        self._root = np.asarray(arrays["root"])
        self._rates = {name: np.asarray(value) for name, value in arrays.items() if name != "root"}

    def _read(self, rows: Encoded, latents: Floats) -> None:
        """Fill blank rows in."""
        for index, (part, span) in enumerate(zip(self.layout.parts, self._spans, strict=True)):
            exists = part_exists(rows, index)
            if part.kind == "continuous":
                rows.continuous[:, part.store] = np.where(exists, latents[:, span.start], 0.0)
            elif part.kind == "categorical":
                cuts = ndtri(np.cumsum(self._rates[str(index)])[:-1])
                places = np.searchsorted(cuts, latents[:, span.start], side="right")
                rows.codes[:, part.store] = np.where(exists, places, -1)
            else:
                held = ndtr(latents[:, span]) > 1.0 - self._rates[str(index)]
                rows.bits[:, part.store : part.store + part.width] = held & exists[:, None]


def _spans(layout: Layout) -> tuple[slice, ...]:
    """Latents of each part: one, or one a code."""
    spans, start = [], 0
    for part in layout.parts:
        stop = start + (part.width if part.kind == "bits" else 1)
        spans.append(slice(start, stop))
        start = stop
    return tuple(spans)


def _rates(rows: Encoded, part: Part, exists: npt.NDArray[np.bool_]) -> Floats:
    """Probabilities of the categories, or of each code, where the part exists."""
    if part.kind == "bits":
        held = rows.bits[exists, part.store : part.store + part.width].sum(axis=0, dtype=np.int64)
        rates: Floats = (held + _PSEUDO_COUNT) / (exists.sum() + 2 * _PSEUDO_COUNT)
        return rates
    counts = np.bincount(rows.codes[exists, part.store], minlength=part.width) + _PSEUDO_COUNT
    shares: Floats = counts / counts.sum()
    return shares


def _intervals(cuts: Floats) -> tuple[Floats, Floats]:
    """Cut the normal distribution at probabilities; return the intervals' means, and their series.

    Returns
    -------
    means : array (intervals,)
        (phi(a) - phi(b)) / (Phi(b) - Phi(a)) within (a, b).
    series : array (terms,)
        Coefficients of the means, as a function of the latent and brought to a variance of 1, on normed
        Hermite polynomials He_k, k = 1, 2, ... The integral of He_k phi over (a, b) is He_{k-1} phi at a less
        the same at b.
    """
    inner = ndtri(cuts)
    density = np.exp(-0.5 * inner**2) / np.sqrt(2 * np.pi)
    chances = np.diff(np.concatenate([[0.0], cuts, [1.0]]))
    means = -np.diff(np.concatenate([[0.0], density, [0.0]])) / np.maximum(chances, _LEAST_VARIANCE)
    deviation = np.sqrt(max(float(chances @ means**2), _LEAST_VARIANCE))
    polynomial = np.array([hermeval(inner, np.eye(_TERMS)[k]) for k in range(_TERMS)])
    jumps = np.diff(means) / deviation
    norms = np.sqrt([float(factorial(k + 1)) for k in range(_TERMS)])
    return means, (polynomial * density) @ jumps / norms


def _latent_correlations(seen: Floats, series: Floats) -> Floats:
    """Invert the tetrachoric series: two latents that correlate r are seen to correlate sum of a_k b_k r^k.

    Parameters
    ----------
    seen : array (width, width)
    series : array (terms, width)
    """
    low, high = np.full(seen.shape, -_MOST), np.full(seen.shape, _MOST)
    products = [terms[:, None] * terms for terms in series]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        value = np.zeros(seen.shape)
        for product in reversed(products):
            value = (value + product) * middle
        less = value < seen
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    found: Floats = 0.5 * (low + high)
    np.fill_diagonal(found, 1.0)
    return found


def _correlations(latents: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Correlations (width, width) over the rows in which both exist, shrunk towards none.

    Parameters
    ----------
    latents, known : arrays (n, width)
    """
    n = len(latents)
    seen = known.astype(np.float64)
    count = seen.sum(axis=0)
    centre = np.where(count > 0, (latents * seen).sum(axis=0) / np.maximum(count, 1), 0.0)
    around = (latents - centre) * seen
    pairs = seen.T @ seen
    # Means are taken over the rows in which both exist: within one group another's mean may lie elsewhere.
    enough = np.maximum(pairs, 1)
    sums = around.T @ seen
    covariance = around.T @ around / enough - sums * sums.T / enough**2
    squares = (around**2).T @ seen / enough - (sums / enough) ** 2
    deviations = np.sqrt(np.maximum(squares * squares.T, _LEAST_VARIANCE))
    correlation = np.where(pairs >= _LEAST_PATIENTS, covariance / deviations, 0.0)
    # The share of zero, over all rows and columns, that Ledoit and Wolf's estimator would mix in. Where parts
    # do not exist, zeros stand for them: less is known, and the share is no smaller for it.
    own = np.sqrt(np.maximum((around**2).sum(axis=0) / max(n, 1), _LEAST_VARIANCE))
    shrinkage = ledoit_wolf_shrinkage(around / own, assume_centered=True) if around.shape[1] > 1 else 0.0
    correlation *= 1.0 - shrinkage
    found: Floats = correlation
    return found


def _supported(correlation: Floats, rows: int) -> Floats:
    """Keep the common factors that the rows bear out; the rest of each latent is its own.

    With more columns than a tenth of the rows most directions in which the latents vary are those of a few
    patients, and rows drawn along them tell who was there. Kept are at most as many factors as there are
    groups of ten patients, and only those that vary more than independent columns would by chance (Marchenko
    and Pastur 1967, doi:10.1070/SM1967v001n04ABEH001994: up to (1 + sqrt(columns / rows))^2).
    """
    columns = len(correlation)
    most = max(1, rows // _LEAST_PATIENTS)
    if most >= columns:
        return correlation
    variances, axes = np.linalg.eigh(correlation)
    chance = (1.0 + np.sqrt(columns / rows)) ** 2
    factors = int(np.clip((variances > chance).sum(), 1, most))
    loadings = axes[:, -factors:] * np.sqrt(np.maximum(variances[-factors:], 0.0))
    kept: Floats = loadings @ loadings.T
    np.fill_diagonal(kept, np.maximum(np.diag(kept), 1.0))
    return kept


def _root(correlation: Floats) -> Floats:
    """Return a root of a matrix of correlations near this one: no negative variance, ones on the diagonal."""
    variances, axes = np.linalg.eigh(correlation)
    root = axes * np.sqrt(np.maximum(variances, _LEAST_VARIANCE))
    scaled: Floats = root / np.sqrt((root**2).sum(axis=1, keepdims=True))
    return scaled
