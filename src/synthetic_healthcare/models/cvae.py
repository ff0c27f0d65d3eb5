"""Conditional VAE (Sohn, Lee and Yan 2015) for mixed tables.

The categories of the condition columns stand beside the latent: the decoder is p(x given z, c), the prior is
p(z given c), a mixture whose weights and place depend on c, and the encoder reads whole rows, c among them.
How often each condition occurs is learnt as well, in the same loss, so that no table of counts has to be kept
and a private training pays for it like for all else.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from pydantic import Field
from torch import nn

from synthetic_healthcare.models._autoencoder import (
    Decoder,
    Elbo,
    Encoder,
    Generative,
    MixturePrior,
    Pressure,
    VariationalConfig,
    VariationalNet,
)
from synthetic_healthcare.models._base import ConditionalModel, ModelConfig, TrainedModel, Weighted
from synthetic_healthcare.models._conditions import ConditionTable, condition_parts
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class CVAE(TrainedModel, ConditionalModel):
    """Variational autoencoder that is exact in its condition columns.

    Asked for a condition on these columns it draws nothing else, and every row carries the condition that it
    was drawn for. Without any condition column (none named, and no target) it is a plain VAE.
    """

    name: ClassVar[str] = "cvae"

    class Config(VariationalConfig):
        """Settings of the conditional VAE."""

        conditions: tuple[str, ...] = Field(
            (), description="columns of categories to condition on; where it is not set: the target"
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        settings = self.config
        size = settings.embedding_dim
        parts = condition_parts(layout, settings.conditions)
        table = ConditionTable(layout, parts) if parts else None
        given = table.positions if table is not None else torch.zeros(0, dtype=torch.long)
        self.generative = Generative(
            MixturePrior(size, settings.components, given=given.numel()),
            Decoder(
                layout,
                size,
                layers=settings.decoder_layers,
                scale_floor=settings.scale_floor,
                given=given,
            ),
            table,
        )
        self.net = VariationalNet(Encoder(layout.width, settings.encoder_layers, size), self.generative)

    def schedule(self) -> tuple[Phase, ...]:
        """One phase: the whole autoencoder, and the frequencies of the conditions."""
        settings = self.config
        return (
            Elbo(
                self.net,
                Pressure(settings.beta, settings.warm_up),
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
            ),
        )

    def sampler(self) -> nn.Module:
        """Conditions, prior and decoder; the encoder, which knows the training rows best, is not kept."""
        return self.generative

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw conditions, latents given them, then rows from the decoder's distributions."""
        return self.generative.draw(n, rng)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows that hold to what is asked of the condition columns; the weights are exact.

        What is asked of other columns is left to chance.
        """
        rows, weight = self.generative.draw_given(n, condition.categories, rng)
        return Weighted(rows, weight.cpu().numpy())
