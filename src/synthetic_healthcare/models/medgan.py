"""medGAN (Choi et al. 2017, arXiv:1703.06490): a GAN that plays in the code of an autoencoder.

First an autoencoder learns to write rows down as short codes of real numbers and to read them back. Then a
generator makes codes, and a critic judges the rows that the decoder, which goes on learning, reads from them.
A set of diagnoses or drugs, a thousand bits of which a dozen are set, becomes a smooth thing to generate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._adversarial import (
    AdversarialConfig,
    Critic,
    Generator,
    RowDecoder,
    adversarial_phases,
)
from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.models._nets import ShortcutPerceptron, SkipPerceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Smallest learnt standard deviation of a number that is read back.
_SCALE_FLOOR: Final = 0.05
#: Noise on the code of a row while it is read back.
_CODE_NOISE: Final = 0.1


@final
class MedGAN(TrainedModel):
    """Autoencoder, and a GAN in its code."""

    name: ClassVar[str] = "medgan"

    class Config(AdversarialConfig):
        """Settings of medGAN."""

        small: ClassVar[Mapping[str, Any]] = {
            "decoder_layers": (32,),
            "discriminator_layers": (128, 128),
        }
        separable: ClassVar[Mapping[str, Any]] = {**AdversarialConfig.separable, "averages": False}

        critic: Literal["wgan-gp", "classic"] = Field(
            "wgan-gp", description="Wasserstein critic with a gradient penalty, or the paper's classifier"
        )
        averages: bool = Field(True, description="judge each row beside the mean of its batch")
        generator_layers: tuple[int, ...] = Field(
            (64, 64), description="shortcut layers, each as wide as the code"
        )
        encoder_layers: tuple[int, ...] = Field((128,), description="hidden sizes of the encoder")
        decoder_layers: tuple[int, ...] = Field((64,), description="hidden sizes of the decoder")
        pretraining: float = Field(
            0.2, ge=0, le=0.25, description="share of the training that goes to the autoencoder alone"
        )
        autoencoder_learning_rate: float = Field(2e-3, gt=0, description="Adam step size of the autoencoder")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = _Generator(layout, self.config)
        self.autoencoder = _Autoencoder(self.generator.decoder, layout, self.config)
        hidden, averages = self.config.discriminator_layers, self.config.averages
        self.critic = Critic(layout.width, hidden, averages=averages)

    def schedule(self) -> tuple[Phase, ...]:
        """The autoencoder first; then critic and generator."""
        begin = self.config.pretraining
        game: Literal["wasserstein", "classic"] = (
            "wasserstein" if self.config.critic == "wgan-gp" else "classic"
        )
        play = adversarial_phases(self.generator, self.critic, self.config, game=game, window=(begin, 1.0))
        return (_Reconstruction(self.autoencoder, self.config), *play)

    def sampler(self) -> nn.Module:
        """Generator and decoder."""
        return self.generator

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw codes, and read rows out of them."""
        return self.generator.decoder.heads.compact(self.generator(*self.generator.noise(n, rng)))


@final
class _Generator(Generator):
    """Normal noise to a code of the autoencoder, and on to a row."""

    def __init__(self, layout: Layout, config: MedGAN.Config) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.net = ShortcutPerceptron(self.size, len(config.generator_layers))
        self.last = nn.Linear(self.size, self.size)
        self.decoder = RowDecoder(layout, self.size, config.decoder_layers, temperature=config.temperature)

    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latent (n, size) and uniform (n, width) noise."""
        latent = torch.randn(n, self.size, generator=rng, device=rng.device)
        return latent, self.decoder.heads.noise(n, rng)

    def forward(
        self, latent: Float[Tensor, "n size"], uniform: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Turn noise into hard rows with soft gradients."""
        rows: Tensor = self.decoder(self.last(self.net(latent)), uniform)
        return rows


@final
class _Autoencoder(nn.Module):
    """Rows to codes and back; called with rows, it gives the log-likelihood of reading them back, (n,)."""

    def __init__(self, decoder: RowDecoder, layout: Layout, config: MedGAN.Config) -> None:
        super().__init__()
        self.encoder = SkipPerceptron(layout.width, config.encoder_layers, config.embedding_dim)
        self.decoder = decoder
        self.log_scale = nn.Parameter(torch.zeros(decoder.heads.continuous.numel()))

    def forward(self, rows: Float[Tensor, "n width"], noise: Float[Tensor, "n size"]) -> Float[Tensor, " n"]:
        # DIFF: the paper's code is bare; with a little noise, codes that lie close together stay readable.
        code = self.encoder(rows) + noise
        heads = self.decoder.heads
        numbers = self.decoder.fill(code, rows).index_select(1, heads.continuous)
        raw = self.decoder.logits(code, rows).index_copy(1, heads.continuous, numbers)
        scale = nn.functional.softplus(self.log_scale) + _SCALE_FLOOR
        return heads.log_likelihood(raw, scale.log().expand(rows.shape[0], -1), rows)


@final
class _Reconstruction(Phase):
    """The autoencoder learns to read rows back, all of it a term of real rows."""

    def __init__(self, autoencoder: _Autoencoder, config: MedGAN.Config) -> None:
        self.name = "autoencoder"
        self.module = autoencoder
        self.reads_rows = True
        self.learning_rate = config.autoencoder_learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = config.weight_decay
        self.window = (0.0, config.pretraining)
        self._size = config.embedding_dim

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        noise = torch.randn(rows.shape[0], self._size, generator=rng, device=rng.device) * _CODE_NOISE
        return {"row_values": rows, "row_noise": noise}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative log-likelihood of each row given its code."""
        return -call(inputs["row_values"], inputs["row_noise"])
