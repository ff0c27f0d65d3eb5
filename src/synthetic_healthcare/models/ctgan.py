"""CTGAN (Xu et al. 2019, arXiv:1907.00503): a conditional GAN that is shown rare categories often enough.

Each row that the critic sees comes with a condition: one column and its category. In training, conditions are
drawn so that rare categories are seen as often as the logarithm of their frequency says ("training by
sampling"); when rows are generated for use they come at the true frequencies: nothing is over-represented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, final

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
from synthetic_healthcare.models._base import ConditionalModel, ModelConfig, TrainedModel, Weighted
from synthetic_healthcare.models._nets import ConcatPerceptron
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Rows that frequencies are counted per, before their logarithm is taken.
# DIFF: the paper takes the logarithm of counts; a model here knows protected shares only.
_PER: Final = 1000.0
#: Added to the logits of categories that are not allowed.
_NEVER: Final = -1e9


@final
class CTGAN(TrainedModel, ConditionalModel):
    """Conditional GAN with training by sampling and a critic that judges packs of rows."""

    name: ClassVar[str] = "ctgan"

    class Config(AdversarialConfig):
        """Settings of CTGAN."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64, 64),
            "discriminator_layers": (128, 128),
        }
        separable: ClassVar[Mapping[str, Any]] = {"pac": 1}

        pac: int = Field(2, ge=1, description="rows that the critic judges together")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = _Generator(layout, self.config)
        seen = layout.width + self.generator.conditions.width
        self.critic = Critic(seen, self.config.discriminator_layers, pack=self.config.pac)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator."""
        return adversarial_phases(self.generator, self.critic, self.config)

    def sampler(self) -> nn.Module:
        """The generator's network."""
        return self.generator.decoder

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows, each under a condition drawn at its true frequency."""
        position = self.generator.conditions.draw(n, rng, like_training=False)
        return self._rows(position, n, rng)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows under the constrained category that is the rarest; other constraints are left to chance.

        A condition on a part behind gates takes the gates with it.
        """
        allowed = {index: torch.from_numpy(mask) for index, mask in condition.categories.items()}
        conditions = self.generator.conditions
        rarest = min(allowed, key=lambda index: conditions.mass(index, allowed[index]), default=None)
        if rarest is None:
            return Weighted(self.sample(n, rng=rng), np.ones(n))
        position = conditions.draw_within(rarest, allowed[rarest], n, rng)
        weight = conditions.mass(rarest, allowed[rarest])
        return Weighted(self._rows(position, n, rng), np.full(n, weight))

    def _rows(self, position: Tensor | None, n: int, rng: torch.Generator) -> Encoded:
        """Rows that hold the category at `position`, whatever the generator would have preferred."""
        generator = self.generator
        latent, uniform = generator.latent(n, rng)
        one_hot = generator.conditions.one_hot(position, n, rng.device)
        seed = torch.cat([latent, one_hot], dim=1)
        raw = generator.decoder.logits(seed, uniform)
        if position is not None:
            raw = raw + generator.conditions.forbidden[position] * _NEVER
        rows = generator.decoder.fill(seed, generator.decoder.choose(raw, uniform))
        return generator.decoder.heads.compact(rows)


@final
class _Generator(Generator):
    """Noise and a condition to rows; it also says how far its choice is from the condition."""

    def __init__(self, layout: Layout, config: CTGAN.Config) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.conditions = _Conditions(layout)
        self.decoder = RowDecoder(
            layout,
            self.size + self.conditions.width,
            config.generator_layers,
            temperature=config.temperature,
            net=ConcatPerceptron,
        )

    def latent(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latent (n, size) and uniform (n, width) noise."""
        return torch.randn(n, self.size, generator=rng, device=rng.device), self.decoder.heads.noise(n, rng)

    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """The noise, and a condition drawn as in training."""
        position = self.conditions.draw(n, rng, like_training=True)
        return (*self.latent(n, rng), self.conditions.one_hot(position, n, rng.device))

    def shown(self, rows: Float[Tensor, "n width"], rng: torch.Generator) -> Float[Tensor, "n seen"]:
        """Rows beside a condition that they meet: their own category of one column."""
        position = self.conditions.own(rows, rng)
        return torch.cat([rows, self.conditions.one_hot(position, len(rows), rng.device)], dim=1)

    def weigh(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, " n"] | None:
        """Rows of rare categories more often, as training by sampling asks."""
        return self.conditions.weigh(rows)

    def forward(
        self,
        latent: Float[Tensor, "n size"],
        uniform: Float[Tensor, "n width"],
        condition: Float[Tensor, "n conditions"],
    ) -> Float[Tensor, "n seen_and_loss"]:
        """Rows, their condition, and the cross-entropy of the generator's choice (Xu 2019, 4.3)."""
        seed = torch.cat([latent, condition], dim=1)
        raw = self.decoder.logits(seed, uniform)
        rows = self.decoder.fill(seed, self.decoder.choose(raw, uniform))
        asked = self.conditions.as_row(condition)
        missed = -self.decoder.heads.log_share(raw, asked)
        return torch.cat([rows, condition, missed[:, None]], dim=1)


@final
class _Conditions(nn.Module):
    """Conditions: one category of one part. They are numbered by the categories' positions, part after part.

    The paper draws a column evenly, a category of it by log-frequency, and a row that holds it. A row is then
    drawn in proportion to the sum over its columns of (probability of its category) / (rows that hold it),
    and, given the row, the column in proportion to its term of the sum. Drawn in this order it is the same
    joint distribution without a list of rows for every category, and the condition is the row's own value.
    """

    positions: Tensor
    shown_odds: Tensor
    true_odds: Tensor
    ratio: Tensor
    forbidden: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout_width = layout.width
        self.starts: dict[int, int] = {}
        positions: list[int] = []
        shown: list[float] = []
        true: list[float] = []
        held: list[float] = []
        self.share: dict[int, Tensor] = {}
        for index, part in enumerate(layout.parts):
            if part.kind != "categorical":
                continue
            self.starts[index] = len(positions)
            marginal = torch.tensor(part.marginal, dtype=torch.float64).clamp(min=1e-9)
            logarithm = torch.log1p(_PER * marginal)
            positions += range(part.start, part.stop)
            shown += (logarithm / logarithm.sum()).tolist()
            # A column behind a gate is not drawn for use: its rows would come too often.
            true += (marginal * (part.gate is None)).tolist()
            self.share[index] = marginal * _existence(layout, index)
            held += self.share[index].tolist()
        self.width = len(positions)
        columns = max(1, len(self.starts))
        self.register_buffer("positions", torch.tensor(positions, dtype=torch.long), persistent=False)
        self.register_buffer("shown_odds", torch.tensor(shown) / columns, persistent=False)
        self.register_buffer("true_odds", torch.tensor(true), persistent=False)
        ratio = torch.tensor(shown) / torch.tensor(held).clamp(min=1e-9)
        self.register_buffer("ratio", ratio, persistent=False)
        self.register_buffer("forbidden", _forbidden(layout, self.starts, self.width), persistent=False)

    def draw(self, n: int, rng: torch.Generator, *, like_training: bool) -> Tensor | None:
        """Draw conditions (n,), evenly over columns; `None` where the table has no categories."""
        if not self.width:
            return None
        odds = self.shown_odds if like_training else self.true_odds
        return torch.multinomial(odds, n, replacement=True, generator=rng)

    def draw_within(self, index: int, allowed: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Draw conditions (n,) on one part, at the true frequencies of its allowed categories."""
        odds = (self.share[index] * allowed).to(rng.device)
        drawn = torch.multinomial(odds, n, replacement=True, generator=rng)
        return drawn + self.starts[index]

    def mass(self, index: int, allowed: Tensor) -> float:
        """Share of the patients who hold one of a part's allowed categories."""
        return float((self.share[index] * allowed).sum())

    def own(self, rows: Float[Tensor, "n width"], rng: torch.Generator) -> Tensor | None:
        """Pick a column for each row, and return the condition that the row's own category is."""
        if not self.width:
            return None
        odds = rows.index_select(1, self.positions) * self.ratio
        return torch.multinomial(odds, 1, generator=rng)[:, 0]

    def weigh(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, " n"] | None:
        """How often training by sampling draws each row, in proportion."""
        if not self.width:
            return None
        return rows.index_select(1, self.positions) @ self.ratio

    def one_hot(self, position: Tensor | None, n: int, device: torch.device) -> Float[Tensor, "n conditions"]:
        """Conditions as the networks see them."""
        vector = torch.zeros(n, self.width, device=device)
        return vector if position is None else vector.scatter_(1, position[:, None], 1.0)

    def as_row(self, condition: Float[Tensor, "n conditions"]) -> Float[Tensor, "n width"]:
        """Conditions at their positions in an encoded row."""
        row = condition.new_zeros(condition.shape[0], self.layout_width)
        return row.index_copy(1, self.positions, condition)


def _existence(layout: Layout, index: int) -> float:
    """Share of the patients for whom a part exists: its gates are open."""
    share, gate = 1.0, layout.parts[index].gate
    while gate is not None:
        opener = layout.parts[gate[0]]
        share, gate = share * opener.marginal[gate[1]], opener.gate
    return share


def _forbidden(layout: Layout, starts: Mapping[int, int], width: int) -> Float[Tensor, "conditions width"]:
    """1 where a condition rules a position out: the part's other categories, and those that shut its gate."""
    ruled_out = torch.zeros(width, layout.width)
    for index, start in starts.items():
        for category in range(layout.parts[index].width):
            held: tuple[int, int] | None = (index, category)
            while held is not None:
                part = layout.parts[held[0]]
                ruled_out[start + category, part.start : part.stop] = 1.0
                ruled_out[start + category, part.start + held[1]] = 0.0
                held = part.gate
    return ruled_out
