"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028) for mixed tables.

The critic has no normalisation across rows, so each row's loss is its own. The generator has a linear path
beside its perceptrons and draws hard categories with straight-through gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import nn

from synthetic_healthcare.models._adversarial import (
    AdversarialConfig,
    Critic,
    LatentGenerator,
    adversarial_phases,
)
from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class WGANGP(TrainedModel):
    """Wasserstein GAN with a gradient penalty."""

    name: ClassVar[str] = "wgan-gp"

    class Config(AdversarialConfig):
        """Settings of WGAN-GP."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64,),
            "discriminator_layers": (128, 128),
        }

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = LatentGenerator(layout, self.config)
        self.critic = Critic(layout.width, self.config.discriminator_layers)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator."""
        return adversarial_phases(self.generator, self.critic, self.config)

    def sampler(self) -> nn.Module:
        """The generator's network."""
        return self.generator.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows from the generator."""
        return self.generator.decoder.heads.compact(self.generator(*self.generator.noise(n, rng)))
