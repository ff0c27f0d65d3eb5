"""Wasserstein autoencoder (Tolstikhin et al. 2018, arXiv:1711.01558) for mixed tables.

The cost of a decoded row is its negative log-likelihood under learnt noise, and what keeps encodings where
latents are drawn from acts on all of them together: the maximum mean discrepancy (WAE-MMD), or a
discriminator in latent space (WAE-GAN), under which each row's loss is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._autoencoder import (
    AutoencoderConfig,
    Decoder,
    Generative,
    MixturePrior,
    NormalPrior,
)
from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.models._nets import SkipPerceptron, perceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Widths of the inverse multiquadratic kernels, as multiples of 2 d sigma^2 (Tolstikhin et al. 2018, sec. 4).
_KERNEL_SCALES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: How much faster the mixture learns than the encoder that it follows.
_MIXTURE_PACE: Final = 5.0


@final
class WAE(TrainedModel):
    """Wasserstein autoencoder with an MMD or an adversarial penalty."""

    name: ClassVar[str] = "wae"

    class Config(AutoencoderConfig):
        """Settings of the Wasserstein autoencoder."""

        small: ClassVar[Mapping[str, Any]] = {
            "encoder_layers": (64,),
            "decoder_layers": (32,),
            "components": 8,
            "encoder_noise": 0.35,
        }
        separable: ClassVar[Mapping[str, Any]] = {"penalty": "adversarial"}

        embedding_dim: int = Field(8, ge=1, description="size of the latent")
        discriminator_layers: tuple[int, ...] = Field(
            (64, 64), description="hidden sizes of the discriminator of the adversarial penalty"
        )
        penalty: Literal["mmd", "adversarial"] = Field(
            "mmd", description="what holds encodings to N(0, I): mmd mixes rows, adversarial does not"
        )
        penalty_weight: float = Field(10.0, ge=0, description="weight of the penalty (lambda)")
        slope_penalty: float = Field(
            1.0,
            ge=0,
            description="weight of the discriminator's squared slope; keeps its game from circling",
        )
        encoder_noise: float = Field(
            0.25, ge=0, lt=1, description="standard deviation of an encoding; limits what it says of its row"
        )
        latents: Literal["mixture", "normal"] = Field(
            "mixture",
            description="what latents are drawn from: a mixture fitted to the encodings, or N(0, I)",
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        settings = self.config
        size = settings.embedding_dim
        mixture = settings.latents == "mixture"
        self.generative = Generative(
            MixturePrior(size, settings.components) if mixture else NormalPrior(size),
            Decoder(layout, size, layers=settings.decoder_layers, scale_floor=settings.scale_floor),
        )
        encoder = SkipPerceptron(layout.width, settings.encoder_layers, size)
        self.net = _Autoencoder(encoder, self.generative.decoder, settings.encoder_noise)
        self.discriminator = perceptron(size, settings.discriminator_layers, 1)

    def schedule(self) -> tuple[Phase, ...]:
        """The autoencoder; before it the discriminator, and after it the mixture, where there are such."""
        adversarial = self.config.penalty == "adversarial"
        judge = self.discriminator if adversarial else None
        phases: list[Phase] = (
            [_Discriminator(self.discriminator, self.net, self.config)] if adversarial else []
        )
        phases.append(_Reconstruction(self.net, judge, self.config))
        prior = self.generative.prior
        if isinstance(prior, MixturePrior):
            phases.append(_Mixture(prior, self.net, self.config))
        return tuple(phases)

    def sampler(self) -> nn.Module:
        """Decoder and latents; the encoder, which knows the training rows best, is not kept."""
        return self.generative

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw latents, then rows from the decoder's distributions."""
        return self.generative.draw(n, rng)


def mmd_by_row(codes: Float[Tensor, "n size"], drawn: Float[Tensor, "n size"]) -> Float[Tensor, " n"]:
    """Squared maximum mean discrepancy of encodings from N(0, I), one number a row; the mean is the estimate.

    The unbiased U-statistic of Tolstikhin et al. 2018 (algorithm 2), summed over inverse multiquadratic
    kernels C / (C + |x - y|^2); each row is charged its own pairs.

    Parameters
    ----------
    codes : Tensor (n, size)
        Encodings.
    drawn : Tensor (n, size)
        Draws from N(0, I).
    """
    n, size = codes.shape
    apart = torch.ones(n, n, device=codes.device, dtype=codes.dtype).fill_diagonal_(0.0)
    pairs = max(n - 1, 1)
    within = (_kernel(codes, codes, size) * apart).sum(dim=1) / pairs
    among_draws = (_kernel(drawn, drawn, size) * apart).sum(dim=1) / pairs
    across = _kernel(codes, drawn, size).mean(dim=1)
    return within + among_draws - 2 * across


def _kernel(x: Tensor, y: Tensor, size: int) -> Float[Tensor, "n m"]:
    """Sum of the inverse multiquadratic kernels of all scales; sigma is 1."""
    squared = (x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * x @ y.T).clamp(min=0)
    scales = [2.0 * size * scale for scale in _KERNEL_SCALES]
    return torch.stack([scale / (scale + squared) for scale in scales]).sum(dim=0)


@final
class _Autoencoder(nn.Module):
    """Called with rows and noise: their log-likelihood, and after it their encodings, (n, 1 + size)."""

    def __init__(self, encoder: SkipPerceptron, decoder: Decoder, noise: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.noise = noise

    def encode(
        self, rows: Float[Tensor, "n width"], noise: Float[Tensor, "n size"]
    ) -> Float[Tensor, "n size"]:
        """Encodings, of a fixed spread: with none, the decoder could learn rows by heart."""
        return torch.as_tensor(self.encoder(rows) + self.noise * noise)

    def forward(
        self, rows: Float[Tensor, "n width"], noise: Float[Tensor, "n size"]
    ) -> Float[Tensor, "n outputs"]:
        codes = self.encode(rows, noise)
        fit = self.decoder.log_likelihood(codes, rows)
        return torch.cat([fit[:, None], codes.to(fit.dtype)], dim=1)


@final
class _Reconstruction(Phase):
    """The autoencoder learns to give rows back from encodings that lie as N(0, I) does."""

    def __init__(self, net: _Autoencoder, discriminator: nn.Module | None, config: WAE.Config) -> None:
        self.name = "autoencoder"
        self.module = net
        self.reads_rows = True
        self.learning_rate = config.learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = config.weight_decay
        self._discriminator = discriminator
        self._config = config

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        size = (2, rows.shape[0], self._config.embedding_dim)
        noise = torch.randn(size, generator=rng, device=rng.device)
        return {"row_values": rows, "row_noise": noise[0], "row_drawn": noise[1]}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative log-likelihood and penalty of each row."""
        fit, codes = call(inputs["row_values"], inputs["row_noise"]).tensor_split([1], dim=1)
        if self._discriminator is None:
            penalty = mmd_by_row(codes, inputs["row_drawn"])
        else:
            penalty = nn.functional.softplus(-self._discriminator(codes)).squeeze(1)
        return self._config.penalty_weight * penalty - fit.squeeze(1)


@final
class _Discriminator(Phase):
    """The discriminator learns to tell draws from N(0, I), its fake term, from encodings, its row term."""

    def __init__(self, discriminator: nn.Module, net: _Autoencoder, config: WAE.Config) -> None:
        self.name = "discriminator"
        self.module = discriminator
        self.reads_rows = True
        self.learning_rate = config.learning_rate
        self.betas = (0.5, 0.9)
        self.weight_decay = config.weight_decay
        self._net = net
        self._config = config

    def draw(self, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        return {"fake_codes": torch.randn(n, self._config.embedding_dim, generator=rng, device=rng.device)}

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        size = (rows.shape[0], self._config.embedding_dim)
        noise = torch.randn(size, generator=rng, device=rng.device)
        with torch.no_grad():
            return {"row_codes": self._net.encode(rows, noise)}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Cross-entropy of each encoding as an encoding."""
        return nn.functional.softplus(call(inputs["row_codes"])).squeeze(1)

    def fake_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Cross-entropy of each draw as a draw."""
        return nn.functional.softplus(-call(inputs["fake_codes"])).squeeze(1)

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor:
        """Mean penalty on the slope at the draws, where it reads no row (Mescheder et al. 2018, R2)."""
        draws = inputs["fake_codes"].detach().requires_grad_()
        (slope,) = torch.autograd.grad(call(draws).sum(), draws, create_graph=True)
        return 0.5 * self._config.slope_penalty * slope.square().sum(dim=1).mean()


@final
class _Mixture(Phase):
    """The mixture that latents are drawn from learns where encodings are; it moves nothing else."""

    def __init__(self, prior: MixturePrior, net: _Autoencoder, config: WAE.Config) -> None:
        self.name = "mixture"
        self.module = prior
        self.reads_rows = True
        self.learning_rate = _MIXTURE_PACE * config.learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = config.weight_decay
        self._net = net
        self._config = config

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        size = (rows.shape[0], self._config.embedding_dim)
        noise = torch.randn(size, generator=rng, device=rng.device)
        with torch.no_grad():
            return {"row_codes": self._net.encode(rows, noise)}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative log-density of each encoding."""
        codes = inputs["row_codes"]
        return -call(codes, codes[:, :0])
