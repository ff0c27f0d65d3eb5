"""beta-VAE (Higgins et al. 2017; Burgess et al. 2018) for mixed tables.

Encoder and decoder are perceptrons with a linear path beside them. Every continuous part has a learnt
standard deviation, and values are drawn from it. The latent is drawn from a mixture of normals that is learnt
together with the rest: a decoder is only good where encodings are, and N(0, I) is not where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.models._nets import SkipPerceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Range of the log standard deviation of an encoding: keeps its exponential finite early in training.
_SPREAD: Final = (-6.0, 2.0)


@final
class BetaVAE(TrainedModel):
    """Variational autoencoder whose KL term is weighted by beta."""

    name: ClassVar[str] = "beta-vae"

    class Config(ModelConfig):
        """Settings of the beta-VAE."""

        small: ClassVar[Mapping[str, Any]] = {
            "encoder_layers": (64,),
            "decoder_layers": (32,),
            "beta": 1.25,
            "components": 8,
        }

        embedding_dim: int = Field(10, ge=1, description="size of the latent")
        encoder_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the encoder")
        decoder_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the decoder")
        beta: float = Field(1.0, ge=0, description="weight of the KL term")
        capacity: float = Field(0.0, ge=0, description="nats that the KL term is drawn to at the end")
        warm_up: float = Field(0.3, ge=0, le=1, description="share of the training in which beta grows")
        free_bits: float = Field(0.0, ge=0, description="nats a row below which the KL term is not pressed")
        prior: Literal["mixture", "normal"] = Field(
            "mixture", description="what latents are drawn from: a learnt mixture, or N(0, I)"
        )
        components: int = Field(16, ge=1, description="normals in the prior mixture")
        scale_floor: float = Field(0.02, gt=0, description="smallest learnt standard deviation")
        learning_rate: float = Field(2e-3, gt=0, description="Adam step size at the start")
        weight_decay: float = Field(1e-5, ge=0, description="Adam L2 penalty on the weights")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.decoder = _Decoder(layout, self.config)
        self.net = _Autoencoder(self.decoder, layout, self.config)

    def schedule(self) -> tuple[Phase, ...]:
        """One phase: the whole autoencoder."""
        return (_Elbo(self.net, self.config),)

    def sampler(self) -> nn.Module:
        """Decoder and prior; the encoder, which knows the training rows best, is not kept."""
        return self.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw latents from the prior, then rows from the decoder's distributions."""
        heads = self.decoder.heads
        raw, log_scale = self.decoder(self.decoder.prior.draw(n, rng))
        jitter = torch.randn(log_scale.shape, generator=rng, device=rng.device) * log_scale.exp()
        raw = raw.index_add(1, heads.continuous, jitter)
        return heads.compact(heads.choose(raw, heads.noise(n, rng), temperature=1.0))


@final
class _Decoder(nn.Module):
    """Prior and decoder: all that sampling needs, so all of the model that is kept."""

    def __init__(self, layout: Layout, config: BetaVAE.Config) -> None:
        super().__init__()
        self.heads = Heads(layout)
        self.scale_floor = config.scale_floor
        self.net = SkipPerceptron(config.embedding_dim, config.decoder_layers, layout.width)
        self.log_scale = nn.Parameter(torch.zeros(self.heads.continuous.numel()))
        components = config.components if config.prior == "mixture" else 1
        self.prior = _MixturePrior(config.embedding_dim, components, learnt=config.prior == "mixture")

    def forward(self, z: Float[Tensor, "n size"]) -> tuple[Tensor, Tensor]:
        """Means and logits (n, width), and log standard deviations (n, continuous parts)."""
        scale = nn.functional.softplus(self.log_scale) + self.scale_floor
        return self.net(z), scale.log().expand(z.shape[0], -1)


@final
class _Autoencoder(nn.Module):
    """Encoder and decoder; called with rows and noise, it gives the two terms of the ELBO, (n, 2)."""

    def __init__(self, decoder: _Decoder, layout: Layout, config: BetaVAE.Config) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.encoder = SkipPerceptron(layout.width, config.encoder_layers, 2 * self.size)
        self.decoder = decoder

    def forward(self, rows: Float[Tensor, "n width"], noise: Float[Tensor, "n size"]) -> Float[Tensor, "n 2"]:
        mean, spread = self.encoder(rows).split(self.size, dim=1)
        log_sigma = spread.clamp(*_SPREAD)
        z = mean + noise * log_sigma.exp()
        raw, log_scale = self.decoder(z)
        fit = self.decoder.heads.log_likelihood(raw, log_scale, rows)
        # One draw of log q(z given x) - log p(z): a mixture has no closed form of the divergence.
        posterior = (-0.5 * noise.square() - log_sigma).sum(dim=1)
        return torch.stack([fit, posterior - self.decoder.prior.log_density(z)], dim=1)


@final
class _MixturePrior(nn.Module):
    """A mixture of diagonal normals, up to the constant that it shares with the posterior."""

    mean: Tensor
    log_sigma: Tensor
    weight: Tensor

    def __init__(self, size: int, components: int, *, learnt: bool) -> None:
        super().__init__()
        values = {
            "mean": torch.randn(components, size) if learnt else torch.zeros(components, size),
            "log_sigma": torch.zeros(components, size),
            "weight": torch.zeros(components),
        }
        for name, value in values.items():
            if learnt:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def log_density(self, z: Float[Tensor, "n size"]) -> Float[Tensor, " n"]:
        distance = (z[:, None, :] - self.mean) * torch.exp(-self.log_sigma)
        each = (-0.5 * distance.square() - self.log_sigma).sum(dim=2)
        return torch.logsumexp(each + self.weight.log_softmax(dim=0), dim=1)

    def draw(self, n: int, rng: torch.Generator) -> Float[Tensor, "n size"]:
        chosen = torch.multinomial(self.weight.softmax(dim=0), n, replacement=True, generator=rng)
        noise = torch.randn(n, self.mean.shape[1], generator=rng, device=rng.device)
        return self.mean[chosen] + noise * self.log_sigma[chosen].exp()


@final
class _Elbo(Phase):
    """One step on the evidence lower bound, all of it a term of real rows."""

    def __init__(self, net: _Autoencoder, config: BetaVAE.Config) -> None:
        self.name = "vae"
        self.module = net
        self.reads_rows = True
        self.learning_rate = config.learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = config.weight_decay
        self._config = config
        self._size = net.size

    def draw(self, rows: Tensor | None, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        assert rows is not None
        warm = min(1.0, progress / self._config.warm_up) if self._config.warm_up else 1.0
        return {
            "row_values": rows,
            "row_noise": torch.randn(n, self._size, generator=rng, device=rng.device),
            "row_warm": torch.full((n,), warm, device=rng.device),
        }

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative ELBO a row, KL weighted (Higgins 2017 eq. 4) or drawn to C (Burgess 2018 eq. 8)."""
        fit, kl = call(inputs["row_values"], inputs["row_noise"]).unbind(dim=1)
        warm = inputs["row_warm"]
        if self._config.capacity:
            pressed = (kl - warm * self._config.capacity).abs()
        else:
            pressed = warm * kl.clamp(min=self._config.free_bits) if self._config.free_bits else warm * kl
        return self._config.beta * pressed - fit
