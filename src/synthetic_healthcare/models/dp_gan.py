"""DP-GAN (Xie et al. 2018, arXiv:1802.06739): a Wasserstein GAN that trains under differential privacy only.

It is the plain game of `_adversarial` in the form that can be made private: each row's loss is its own, the
penalty is taken among generated rows and reads no real one, and the critic makes many updates for each of the
generator's, since its noisy gradients have to add up. The noise is the trainer's; the model cannot tell.

# DIFF: the paper clips weights to bound the critic's slope; a penalty on generated rows bounds it as well and
leaves the critic its capacity (Gulrajani et al. 2017, arXiv:1704.00028).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

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
    """Wasserstein GAN in its private form."""

    name: ClassVar[str] = "dp-gan"
    requires_privacy: ClassVar[bool] = True

    class Config(AdversarialConfig):
        """Settings of DP-GAN."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64,),
            "discriminator_layers": (128, 128),
        }

        critic_steps: int = Field(5, ge=5, description="critic updates for each generator update")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = LatentGenerator(layout, self.config)
        self.critic = Critic(layout.width, self.config.discriminator_layers)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator."""
        return adversarial_phases(self.generator, self.critic, self.config, penalty_on="generated")

    def sampler(self) -> nn.Module:
        """The generator's network."""
        return self.generator.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows from the generator."""
        return self.generator.decoder.heads.compact(self.generator(*self.generator.noise(n, rng)))
