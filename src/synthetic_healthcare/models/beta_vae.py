"""beta-VAE (Higgins et al. 2017; Burgess et al. 2018, arXiv:1804.03599) for mixed tables.

Encoder and decoder are perceptrons with a linear path beside them; see `_autoencoder` for the decoder and the
mixture that latents are drawn from.
"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import torch
from pydantic import Field
from torch import nn

from synthetic_healthcare.models._autoencoder import (
    Decoder,
    Elbo,
    Encoder,
    Generative,
    MixturePrior,
    NormalPrior,
    Pressure,
    VariationalConfig,
    VariationalNet,
)
from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class BetaVAE(TrainedModel):
    """Variational autoencoder whose KL term is weighted by beta."""

    name: ClassVar[str] = "beta-vae"

    class Config(VariationalConfig):
        """Settings of the beta-VAE."""

        capacity: float = Field(
            0.0, ge=0, description="nats that the KL term is drawn to at the end; 0: none"
        )
        free_bits: float = Field(0.0, ge=0, description="nats a row below which the KL term is not pressed")
        prior: Literal["mixture", "normal"] = Field(
            "mixture", description="what latents are drawn from: a learnt mixture, or N(0, I)"
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        settings = self.config
        size = settings.embedding_dim
        mixture = settings.prior == "mixture"
        self.generative = Generative(
            MixturePrior(size, settings.components) if mixture else NormalPrior(size),
            Decoder(layout, size, layers=settings.decoder_layers, scale_floor=settings.scale_floor),
        )
        self.net = VariationalNet(Encoder(layout.width, settings.encoder_layers, size), self.generative)

    def schedule(self) -> tuple[Phase, ...]:
        """One phase: the whole autoencoder."""
        settings = self.config
        pressure = Pressure(settings.beta, settings.warm_up, settings.capacity, settings.free_bits)
        return (
            Elbo(
                self.net,
                pressure,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
            ),
        )

    def sampler(self) -> nn.Module:
        """Decoder and prior; the encoder, which knows the training rows best, is not kept."""
        return self.generative

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw latents from the prior, then rows from the decoder's distributions."""
        return self.generative.draw(n, rng)
