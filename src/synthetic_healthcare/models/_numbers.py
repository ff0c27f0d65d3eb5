"""Distributions of one number given the raw outputs of a net: bins of equal probability, or a mixture.

Numbers are encoded as normal scores, so the bins' edges are known beforehand and read no data.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from statistics import NormalDist
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor

_LOG_ROOT: Final = 0.5 * math.log(2 * math.pi)
#: Probabilities are held this far from 0 and 1, so that their scores stay within 4.8 in float32.
_EDGE: Final = 1e-6
#: Largest log standard deviation of a component: keeps its exponential finite early in training.
_WIDEST: Final = 3.0

Raw = Float[Tensor, "outputs n"]
Numbers = Float[Tensor, " n"]


def pick(weights: Float[Tensor, "k n"], uniform: Float[Tensor, " n"]) -> Float[Tensor, "steps n"]:
    """Draw one of `k` choices in proportion to its weight, by inversion.

    Parameters
    ----------
    weights : Tensor (k, n)
        Not negative; they need not add up to one.
    uniform : Tensor (n,)
        Uniform draws.

    Returns
    -------
    Tensor (k - 1, n)
        1 where the choice lies beyond a step, else 0: the sum over the steps is the choice itself, and the
        differences between steps are its one-hot block.
    """
    k = weights.shape[0]
    # A product with a triangle adds up along the first axis in a fraction of the time of `cumsum`.
    edges = torch.ones(k, k, dtype=weights.dtype, device=weights.device).tril() @ weights
    return (edges[:-1] <= uniform * edges[-1]).to(weights.dtype)


class NumberHead(ABC):
    """A family of distributions of a number."""

    #: Raw outputs that it reads.
    outputs: int

    @abstractmethod
    def start(self) -> Float[Tensor, " outputs"]:
        """Raw outputs of about the standard normal distribution."""

    @abstractmethod
    def log_density(
        self, raw: Float[Tensor, "n tokens outputs"], z: Float[Tensor, "n tokens"]
    ) -> Float[Tensor, "n tokens"]:
        """Log-density of numbers."""

    @abstractmethod
    def draw(self, raw: Raw, rng: torch.Generator) -> Numbers:
        """Draw a number for each column of `raw`."""

    @abstractmethod
    def draw_between(
        self, raw: Raw, limits: tuple[float, float], rng: torch.Generator
    ) -> tuple[Numbers, Numbers]:
        """Draw numbers given that they lie within the limits, and say how probable that was."""


@final
class Bins(NumberHead):
    """Bins of equal probability under the normal distribution, uniform in probability inside."""

    def __init__(self, number: int) -> None:
        self.outputs = number

    def start(self) -> Float[Tensor, " outputs"]:
        """All bins alike: exactly the standard normal distribution."""
        return torch.zeros(self.outputs)

    def log_density(
        self, raw: Float[Tensor, "n tokens outputs"], z: Float[Tensor, "n tokens"]
    ) -> Float[Tensor, "n tokens"]:
        """Log-density of numbers."""
        place = (torch.special.ndtr(z) * self.outputs).long().clamp(0, self.outputs - 1)
        log_p = raw.log_softmax(dim=-1).gather(-1, place[..., None])[..., 0]
        return log_p + (math.log(self.outputs) - _LOG_ROOT) - 0.5 * z.square()

    def draw(self, raw: Raw, rng: torch.Generator) -> Numbers:
        """Draw a number for each column of `raw`."""
        choice, inside = torch.rand(2, raw.shape[1], generator=rng, device=rng.device)
        weights = (raw - raw.amax(dim=0)).exp()
        return _score((pick(weights, choice).sum(dim=0) + inside) / self.outputs)

    def draw_between(
        self, raw: Raw, limits: tuple[float, float], rng: torch.Generator
    ) -> tuple[Numbers, Numbers]:
        """Draw numbers given that they lie within the limits, and say how probable that was."""
        first, last = (NormalDist().cdf(end) * self.outputs for end in limits)
        place = torch.arange(self.outputs, device=raw.device, dtype=raw.dtype)
        lower, upper = place.clamp(min=first), (place + 1).clamp(max=last)
        weights = raw.softmax(dim=0) * (upper - lower).clamp(min=0)[:, None]
        choice, inside = torch.rand(2, raw.shape[1], generator=rng, device=rng.device)
        chosen = pick(weights, choice).sum(dim=0).long()
        u = lower[chosen] + (upper - lower)[chosen] * inside
        return _score(u / self.outputs).clamp(*limits), weights.sum(dim=0)


@final
class Mixture(NumberHead):
    """A mixture of normals."""

    def __init__(self, components: int, floor: float) -> None:
        self._components = components
        self._floor = floor
        self.outputs = 3 * components

    def start(self) -> Float[Tensor, " outputs"]:
        """Means at normal quantiles and one spread, so that mean and variance are 0 and 1."""
        k = self._components
        means = torch.tensor([NormalDist().inv_cdf((i + 0.5) / k) for i in range(k)])
        spread = float((1 - means.square().mean()).sqrt())
        return torch.cat([torch.zeros(k), means, torch.full((k,), math.log(spread))])

    def log_density(
        self, raw: Float[Tensor, "n tokens outputs"], z: Float[Tensor, "n tokens"]
    ) -> Float[Tensor, "n tokens"]:
        """Log-density of numbers."""
        weight, mean, sigma = self._read(raw, dim=-1)
        each = -0.5 * ((z[..., None] - mean) / sigma).square() - sigma.log() - _LOG_ROOT
        return torch.logsumexp(weight.log_softmax(dim=-1) + each, dim=-1)

    def draw(self, raw: Raw, rng: torch.Generator) -> Numbers:
        """Draw a number for each column of `raw`."""
        weight, mean, sigma = self._read(raw, dim=0)
        uniform = torch.rand(raw.shape[1], generator=rng, device=rng.device)
        noise = torch.randn(raw.shape[1], generator=rng, device=rng.device)
        chosen = pick(weight.softmax(dim=0), uniform).sum(dim=0, keepdim=True).long()
        return (mean.gather(0, chosen) + sigma.gather(0, chosen) * noise)[0]

    def draw_between(
        self, raw: Raw, limits: tuple[float, float], rng: torch.Generator
    ) -> tuple[Numbers, Numbers]:
        """Draw numbers given that they lie within the limits, and say how probable that was."""
        weight, mean, sigma = (value.double() for value in self._read(raw, dim=0))
        first, last = (torch.special.ndtr((end - mean) / sigma) for end in limits)
        weights = weight.softmax(dim=0) * (last - first)
        choice, inside = torch.rand(2, raw.shape[1], generator=rng, device=rng.device).double()
        chosen = pick(weights, choice).sum(dim=0, keepdim=True).long()
        first, last, mean, sigma = (value.gather(0, chosen)[0] for value in (first, last, mean, sigma))
        z = mean + sigma * torch.special.ndtri(first + (last - first) * inside)
        return z.clamp(*limits).to(raw.dtype), weights.sum(dim=0).to(raw.dtype)

    def _read(self, raw: Tensor, *, dim: int) -> tuple[Tensor, Tensor, Tensor]:
        """Unnormalised log-weights, means and standard deviations."""
        weight, mean, spread = torch.split(raw, self._components, dim=dim)
        return weight, mean, self._floor + spread.clamp(max=_WIDEST).exp()


def _score(u: Tensor) -> Tensor:
    """Normal score of probabilities."""
    scores: Tensor = torch.special.ndtri(u.clamp(_EDGE, 1 - _EDGE))
    return scores
