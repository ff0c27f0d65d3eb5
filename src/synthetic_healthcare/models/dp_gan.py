"""DP-GAN (Xie et al. 2018, arXiv:1802.06739): a Wasserstein GAN whose critic is trained privately.

Only the critic's term of real rows reads patients, and it is one number a row: a private training bounds and
noises its gradients, and all else, the generator included, is post-processing.

# DIFF: the paper clips the critic's weights to hold its slope; we penalise slopes among generated rows
(Gulrajani et al. 2017), which reads no patient either and lets the critic use its capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, final

import torch
from pydantic import Field
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
class DPGAN(TrainedModel):
    """Wasserstein GAN made for private training."""

    name: ClassVar[str] = "dp-gan"
    requires_privacy: ClassVar[bool] = True

    class Config(AdversarialConfig):
        """Settings of DP-GAN."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64,),
            "discriminator_layers": (128, 128),
        }

        penalty_on: Literal["generated"] = Field(
            "generated", description="points of the penalty: among generated rows"
        )
        critic_steps: int = Field(5, ge=5, description="critic updates for each generator update")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = LatentGenerator(layout, self.config)
        self.critic = Critic(layout.width, self.config.discriminator_layers)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator; the penalty reads no real row."""
        return adversarial_phases(self.generator, self.critic, self.config)

    def sampler(self) -> nn.Module:
        """The generator's network."""
        return self.generator.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows from the generator."""
        return self.generator.decoder.heads.compact(self.generator(*self.generator.noise(n, rng)))
