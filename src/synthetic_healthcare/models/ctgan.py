"""CTGAN (Xu et al. 2019, arXiv:1907.00503): a GAN that is asked for a category at a time.

Each generated row comes with a condition, one category of one column. Training asks for rare categories more
often than they occur and shows the critic real rows that hold them, so that they are learnt; sampling asks
for them as often as they are in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
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
from synthetic_healthcare.models._asking import Conditions, pick_weighted
from synthetic_healthcare.models._base import ConditionalModel, ModelConfig, TrainedModel, Weighted
from synthetic_healthcare.models._nets import ConcatPerceptron
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class CTGAN(TrainedModel, ConditionalModel):
    """Conditional tabular GAN."""

    name: ClassVar[str] = "ctgan"

    class Config(AdversarialConfig):
        """Settings of CTGAN."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64,),
            "discriminator_layers": (128, 128),
        }
        separable: ClassVar[Mapping[str, Any]] = {
            **AdversarialConfig.separable,
            "pack": 1,
            "training_by_sampling": False,
        }

        # DIFF: the paper packs 10; on tables of a few hundred rows that leaves the critic too few packs.
        pack: int = Field(2, ge=1, description="rows that the critic judges together (PacGAN)")
        training_by_sampling: bool = Field(
            True, description="show and ask for rare categories more often than they are"
        )
        condition_weight: float = Field(
            1.0, ge=0, description="weight of the cross-entropy between condition and generated category"
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = _ConditionalGenerator(layout, self.config)
        seen = layout.width + self.generator.conditions.size
        self.critic = Critic(seen, self.config.discriminator_layers, pack=self.config.pack)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator."""
        return adversarial_phases(self.generator, self.critic, self.config)

    def sampler(self) -> nn.Module:
        """The generator's network."""
        return self.generator.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows, asking for categories as often as they are in the table."""
        return self._answer(self.generator.conditions.draw(n, rng, training=False), rng)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows that hold to the narrowest constraint on categories; the others are left to chance.

        The weight of every row is the probability of that constraint in the table (protected, as the layout
        has it), which sampling keeps to.
        """
        wanted, share = self.generator.conditions.narrowest(condition)
        if not wanted.any():
            return Weighted(self.sample(n, rng=rng), np.ones(n))
        asked = self.generator.conditions.with_gates(pick_weighted(wanted, n, rng))
        return Weighted(self._answer(asked, rng), np.full(n, share))

    def _answer(self, asked: Tensor, rng: torch.Generator) -> Encoded:
        latent, uniform = self.generator.latent_noise(len(asked), rng)
        return self.generator.decoder.heads.compact(self.generator.answer(latent, uniform, asked))


@final
class _ConditionalGenerator(Generator):
    """Noise and a condition to a row, its condition, and the cross-entropy between the two."""

    def __init__(self, layout: Layout, config: CTGAN.Config) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.condition_weight = config.condition_weight
        categories = sum(part.width for part in layout.of_kind("categorical"))
        self.decoder = RowDecoder(
            layout,
            self.size + categories,
            config.generator_layers,
            temperature=config.temperature,
            net=ConcatPerceptron,
        )
        positions = self.decoder.heads.discrete[:categories]
        self.conditions = Conditions(layout, positions, balanced=config.training_by_sampling)

    def latent_noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latent (n, size) and uniform (n, width) noise."""
        latent = torch.randn(n, self.size, generator=rng, device=rng.device)
        return latent, self.decoder.heads.noise(n, rng)

    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latent and uniform noise, and conditions as training asks them.

        They are drawn from protected marginals, never taken from the rows of the batch: what the critic sees
        of generated rows then reads no patient.
        """
        return (*self.latent_noise(n, rng), self.conditions.draw(n, rng, training=True))

    def forward(
        self,
        latent: Float[Tensor, "n size"],
        uniform: Float[Tensor, "n width"],
        asked: Float[Tensor, "n categories"],
    ) -> Float[Tensor, "n given"]:
        """Rows, their conditions, and a last column with the generator's own loss (4.3)."""
        seed = torch.cat([latent, asked], dim=1)
        raw = self.decoder.logits(seed, uniform)
        rows = self.decoder.fill(seed, self.decoder.choose(raw, uniform))
        wanted = torch.zeros_like(uniform).index_copy(1, self.conditions.positions, asked)
        missed = -self.condition_weight * self.decoder.heads.log_share(raw, wanted)
        return torch.cat([rows, asked, missed[:, None]], dim=1)

    def answer(
        self,
        latent: Float[Tensor, "n size"],
        uniform: Float[Tensor, "n width"],
        asked: Float[Tensor, "n categories"],
    ) -> Float[Tensor, "n width"]:
        """Rows that hold to their conditions with certainty, as training only teaches them to."""
        seed = torch.cat([latent, asked], dim=1)
        raw = self.conditions.force(self.decoder.logits(seed, uniform), asked)
        return self.decoder.fill(seed, self.decoder.choose(raw, uniform))

    def shown(self, rows: Float[Tensor, "n width"], rng: torch.Generator) -> Float[Tensor, "n seen"]:
        """Real rows, each with one of its own categories as its condition."""
        return torch.cat([rows, self.conditions.of_rows(rows, rng)], dim=1)

    def weigh(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, " n"] | None:
        """Training by sampling: in proportion to how often one of the row's categories is asked for."""
        return self.conditions.weigh(rows)
