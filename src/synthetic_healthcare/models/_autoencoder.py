"""What the autoencoders share: a decoder with learnt noise, a learnt mixture of latents, the ELBO as a phase.

Every continuous part has a learnt standard deviation, and values are drawn from it: means alone would lie too
close together, and be too sure of how columns go together.

Latents are drawn from a mixture of normals that is learnt together with the rest (Tomczak and Welling 2018,
arXiv:1705.07120, learn one through pseudo-inputs; here its parameters are free): a decoder is only good where
encodings are, and N(0, I) is not where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import ModelConfig
from synthetic_healthcare.models._conditions import ConditionTable
from synthetic_healthcare.models._draws import pick
from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.models._nets import SkipPerceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Range of the log standard deviation of an encoding: keeps its exponential finite early in training.
_SPREAD: Final = (-6.0, 2.0)
#: Logit of a part that is given: far beyond any Gumbel noise, and exact in the softmax.
_CERTAIN: Final = 1e4
#: How much faster standard deviations move than weights: at a weight's pace of some .001 an update, those of
#: columns that follow from others would still be far too large when the training of a small table ends.
_SCALE_PACE: Final = 5.0


class AutoencoderConfig(ModelConfig):
    """Settings that every autoencoder has."""

    embedding_dim: int = Field(10, ge=1, description="size of the latent")
    encoder_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the encoder")
    decoder_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the decoder")
    components: int = Field(16, ge=1, description="normals in the mixture that latents are drawn from")
    scale_floor: float = Field(0.02, gt=0, description="smallest learnt standard deviation")
    learning_rate: float = Field(2e-3, gt=0, description="Adam step size at the start")
    weight_decay: float = Field(1e-5, ge=0, description="Adam L2 penalty on the weights")


class VariationalConfig(AutoencoderConfig):
    """Settings of those that are trained on the evidence lower bound."""

    small: ClassVar[Mapping[str, Any]] = {
        "encoder_layers": (64,),
        "decoder_layers": (32,),
        "beta": 1.25,
        "components": 8,
    }
    private: ClassVar[Mapping[str, Any]] = {"learning_rate": 4e-3}

    beta: float = Field(1.0, ge=0, description="weight of the KL term")
    warm_up: float = Field(0.3, ge=0, le=1, description="share of the training in which beta grows")


@final
class Decoder(nn.Module):
    """Latents, and a condition where there is one, to the distributions of rows.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    size : int
        Of the latent.
    layers : sequence of int
        Hidden sizes.
    scale_floor : float
        Smallest standard deviation of a continuous part.
    given : Tensor of int (c,), optional
        Positions in the row that hold the condition; empty where nothing is given.
    """

    given: Tensor

    def __init__(
        self,
        layout: Layout,
        size: int,
        *,
        layers: Sequence[int],
        scale_floor: float,
        given: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.heads = Heads(layout)
        self.scale_floor = scale_floor
        given = torch.zeros(0, dtype=torch.long) if given is None else given
        self.register_buffer("given", given, persistent=False)
        self.net = SkipPerceptron(size + given.numel(), layers, layout.width)
        self.log_scale = nn.Parameter(torch.zeros(self.heads.continuous.numel()))

    def log_likelihood(
        self, z: Float[Tensor, "n size"], rows: Float[Tensor, "n width"]
    ) -> Float[Tensor, " n"]:
        """Log-likelihood of rows given their latents, (n,); what is given counts nothing."""
        raw, scale = self._distributions(z, rows[:, self.given])
        return self.heads.log_likelihood(raw, scale.log().expand(z.shape[0], -1), rows)

    def draw(
        self, z: Float[Tensor, "n size"], given: Float[Tensor, "n c"], rng: torch.Generator
    ) -> Float[Tensor, "n width"]:
        """Draw rows given their latents and the condition, which they carry exactly."""
        raw, scale = self._distributions(z, given)
        jitter = torch.randn(z.shape[0], scale.numel(), generator=rng, device=rng.device) * scale
        raw = raw.index_add(1, self.heads.continuous, jitter)
        return self.heads.choose(raw, self.heads.noise(z.shape[0], rng), temperature=1.0)

    def _distributions(self, z: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logits (n, width), and standard deviations (continuous parts,)."""
        raw = self.net(torch.cat([z, given], dim=1))
        if self.given.numel():
            raw = raw.index_copy(1, self.given, ((2 * given - 1) * _CERTAIN).to(raw.dtype))
        return raw, nn.functional.softplus(_SCALE_PACE * self.log_scale) + self.scale_floor


@final
class MixturePrior(nn.Module):
    """A mixture of diagonal normals, up to the constant that it shares with the posterior.

    Parameters
    ----------
    size : int
        Of the latent.
    components : int
        Normals in the mixture.
    given : int
        Size of the condition: the weights of the components and the place of all of them move with it.
    """

    def __init__(self, size: int, components: int, *, given: int = 0) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.randn(components, size))
        self.log_sigma = nn.Parameter(torch.zeros(components, size))
        self.weight = nn.Parameter(torch.zeros(components))
        self.moved = nn.Linear(given, components + size, bias=False) if given else None

    def forward(self, z: Float[Tensor, "n size"], given: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
        """Log-density of latents, (n,)."""
        log_weight, shift = self._under(given)
        # Parameters may come once for each row, (n, *shape): gradients of single rows are had like that.
        distance = ((z - shift)[:, None, :] - self.mean) * torch.exp(-self.log_sigma)
        each = (-0.5 * distance.square() - self.log_sigma).sum(dim=2)
        return torch.logsumexp(each + log_weight, dim=1)

    def draw(self, given: Float[Tensor, "n c"], rng: torch.Generator) -> Float[Tensor, "n size"]:
        """Draw one latent for each condition; without a condition, `given` is (n, 0)."""
        n = given.shape[0]
        log_weight, shift = self._under(given)
        chosen = pick(log_weight.exp().cumsum(dim=-1).expand(n, -1), rng)
        noise = torch.randn(n, self.mean.shape[1], generator=rng, device=rng.device)
        return self.mean[chosen] + shift + noise * self.log_sigma[chosen].exp()

    def _under(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Log-weights (n or none, components), and shift of all components (n or none, size)."""
        if self.moved is None:
            return self.weight.log_softmax(dim=-1), self.mean.new_zeros(self.mean.shape[-1])
        reweigh, shift = self.moved(given).split([self.weight.shape[-1], self.mean.shape[-1]], dim=1)
        return (self.weight + reweigh).log_softmax(dim=1), shift


@final
class NormalPrior(nn.Module):
    """N(0, I), up to the constant that it shares with the posterior."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def expected_log_density(
        self, mean: Float[Tensor, "n size"], log_sigma: Float[Tensor, "n size"]
    ) -> Float[Tensor, " n"]:
        """Expectation of the log-density under each encoding, (n,)."""
        return -0.5 * (mean.square() + (2 * log_sigma).exp()).sum(dim=1)

    def draw(self, given: Float[Tensor, "n c"], rng: torch.Generator) -> Float[Tensor, "n size"]:
        """Draw one latent for each row of `given`."""
        return torch.randn(given.shape[0], self.size, generator=rng, device=rng.device)


@final
class Encoder(nn.Module):
    """Rows to normals over latents."""

    def __init__(self, width: int, layers: Sequence[int], size: int) -> None:
        super().__init__()
        self.size = size
        self.net = SkipPerceptron(width, layers, 2 * size)

    def forward(self, rows: Float[Tensor, "n width"]) -> tuple[Tensor, Tensor]:
        """Means and log standard deviations, (n, size) each."""
        mean, spread = self.net(rows).split(self.size, dim=1)
        return mean, spread.clamp(*_SPREAD)


@final
class Generative(nn.Module):
    """Conditions, prior and decoder: all that sampling needs, so all of the model that is kept."""

    def __init__(
        self, prior: MixturePrior | NormalPrior, decoder: Decoder, table: ConditionTable | None = None
    ) -> None:
        super().__init__()
        self.prior = prior
        self.decoder = decoder
        self.table = table

    def draw(self, n: int, rng: torch.Generator) -> Encoded:
        """Draw `n` rows, whatever their condition."""
        return self.draw_given(n, {}, rng)[0]

    def draw_given(
        self, n: int, allowed: Mapping[int, npt.NDArray[np.bool_]], rng: torch.Generator
    ) -> tuple[Encoded, Float[Tensor, " n"]]:
        """Draw `n` rows under what is allowed in the condition, and their weights (`ConditionTable.draw`)."""
        if self.table is None:
            given, weight = torch.zeros(n, 0, device=rng.device), torch.ones(n, dtype=torch.float64)
        else:
            given, weight = self.table.draw(n, allowed, rng)
        rows = self.decoder.draw(self.prior.draw(given, rng), given, rng)
        return self.decoder.heads.compact(rows), weight


@final
class VariationalNet(nn.Module):
    """Encoder, prior and decoder; called with rows and noise, it gives the two terms of the ELBO, (n, 2)."""

    def __init__(self, encoder: Encoder, generative: Generative) -> None:
        super().__init__()
        self.encoder = encoder
        self.generative = generative

    def forward(self, rows: Float[Tensor, "n width"], noise: Float[Tensor, "n size"]) -> Float[Tensor, "n 2"]:
        """Log-likelihood given one latent of each row, and the divergence of encoding from prior."""
        mean, log_sigma = self.encoder(rows)
        z = mean + noise * log_sigma.exp()
        part = self.generative
        given = rows[:, part.decoder.given]
        fit = part.decoder.log_likelihood(z, rows)
        if part.table is not None:
            fit = fit + part.table.log_likelihood(given)
        if isinstance(part.prior, NormalPrior):
            expected = part.prior.expected_log_density(mean, log_sigma)
        else:
            # A mixture has no closed form: its density at one draw stands for the expectation.
            expected = part.prior(z, given)
        negative_entropy = -(log_sigma + 0.5).sum(dim=1)
        return torch.stack([fit, negative_entropy - expected], dim=1)


@dataclass(frozen=True)
class Pressure:
    """How the KL term counts in the loss, over the training.

    Parameters
    ----------
    beta : float
        Its weight (Higgins et al. 2017, eq. 4).
    warm_up : float
        Share of the training over which the weight grows from 0, or the capacity does.
    capacity : float
        Where above 0: nats that a row's KL term is drawn to at the end of the warm-up (Burgess et al. 2018,
        arXiv:1804.03599, eq. 8).
    free_bits : float
        Nats below which a row's KL term is not pressed.
    """

    beta: float
    warm_up: float
    capacity: float = 0.0
    free_bits: float = 0.0

    def warm(self, progress: float) -> float:
        """Share of the warm-up that is done, 0 to 1."""
        return min(1.0, progress / self.warm_up) if self.warm_up else 1.0

    def __call__(self, kl: Float[Tensor, " n"], warm: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Weigh the KL term of each row."""
        if self.capacity:
            return self.beta * (kl - warm * self.capacity).abs()
        # DIFF: Kingma et al. 2016 (arXiv:1606.04934, eq. 15) clamp the batch's mean of each group of latents;
        # a row's own sum is clamped here, so that rows do not mix.
        pressed = kl.clamp(min=self.free_bits) if self.free_bits else kl
        return self.beta * warm * pressed


@final
class Elbo(Phase):
    """One step on the evidence lower bound, all of it a term of real rows."""

    def __init__(
        self, net: VariationalNet, pressure: Pressure, *, learning_rate: float, weight_decay: float
    ) -> None:
        self.name = "vae"
        self.module = net
        self.reads_rows = True
        self.learning_rate = learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = weight_decay
        self._pressure = pressure
        self._size = net.encoder.size

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        n = rows.shape[0]
        return {
            "row_values": rows,
            "row_noise": torch.randn(n, self._size, generator=rng, device=rng.device),
            "row_warm": torch.full((n,), self._pressure.warm(progress), device=rng.device),
        }

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative log-likelihood and pressed KL term of each row."""
        fit, kl = call(inputs["row_values"], inputs["row_noise"]).unbind(dim=1)
        return self._pressure(kl, inputs["row_warm"]) - fit
