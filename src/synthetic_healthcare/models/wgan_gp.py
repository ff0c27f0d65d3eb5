"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028) for mixed tables.

The critic has no normalisation across rows, so each row's loss is its own. The generator has a linear path
beside its perceptrons and draws hard categories with straight-through gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.models._nets import SkipPerceptron, perceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class WGANGP(TrainedModel):
    """Wasserstein GAN with a gradient penalty."""

    name: ClassVar[str] = "wgan-gp"

    class Config(ModelConfig):
        """Settings of WGAN-GP."""

        small: ClassVar[Mapping[str, Any]] = {
            "generator_layers": (64,),
            "discriminator_layers": (128, 128),
        }

        embedding_dim: int = Field(64, ge=1, description="size of the generator's noise")
        generator_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the generator")
        discriminator_layers: tuple[int, ...] = Field((256, 256), description="hidden sizes of the critic")
        critic_steps: int = Field(3, ge=1, description="critic updates for each generator update")
        penalty: float = Field(10.0, ge=0, description="weight of the gradient penalty (lambda)")
        penalty_on: Literal["interpolates", "generated"] = Field(
            "interpolates", description="points of the penalty: real to generated, or among generated rows"
        )
        temperature: float = Field(0.5, gt=0, description="softness of the gradients through categories")
        instance_noise: float = Field(0.05, ge=0, description="noise on what the critic sees, at the start")
        learning_rate: float = Field(1e-3, gt=0, description="Adam step size of the generator")
        critic_learning_rate: float = Field(1e-3, gt=0, description="Adam step size of the critic")
        weight_decay: float = Field(0.0, ge=0, description="Adam L2 penalty on the weights")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.generator = _Generator(layout, self.config)
        self.critic = _critic(layout.width, self.config)

    def schedule(self) -> tuple[Phase, ...]:
        """Several critic updates, then one of the generator."""
        critic = _CriticPhase(self.critic, self.generator, self.config)
        return (critic,) * self.config.critic_steps + (
            _GeneratorPhase(self.generator, self.critic, self.config),
        )

    def sampler(self) -> nn.Module:
        """The generator."""
        return self.generator

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows from the generator."""
        return self.generator.heads.compact(self.generator(*self.generator.noise(n, rng)))


@final
class _Generator(nn.Module):
    """Noise to rows: categories and codes first, then numbers given the ones that were drawn.

    One network for both would have to make a number before its category is drawn; between two groups of
    patients it then gives the number of the one with the category of the other.
    """

    def __init__(self, layout: Layout, config: WGANGP.Config) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.temperature = config.temperature
        self.heads = Heads(layout)
        chosen, numbers = self.heads.discrete.numel(), self.heads.continuous.numel()
        self.choices = SkipPerceptron(self.size, config.generator_layers, chosen) if chosen else None
        inputs = self.size + chosen
        self.numbers = SkipPerceptron(inputs, config.generator_layers, numbers) if numbers else None

    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latent (n, size) and uniform (n, width) noise for one call."""
        latent = torch.randn(n, self.size, generator=rng, device=rng.device)
        return latent, self.heads.noise(n, rng)

    def forward(
        self, latent: Float[Tensor, "n size"], uniform: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Turn noise into hard rows with soft gradients."""
        rows = torch.zeros_like(uniform)
        if self.choices is not None:
            raw = rows.index_copy(1, self.heads.discrete, self.choices(latent).to(rows.dtype))
            rows = self.heads.choose(raw, uniform, temperature=self.temperature)
        if self.numbers is not None:
            seen = torch.cat([latent, rows[:, self.heads.discrete]], dim=1)
            rows = rows.index_copy(1, self.heads.continuous, self.numbers(seen).to(rows.dtype))
        return self.heads.close_gates(rows)


def _critic(width: int, config: WGANGP.Config) -> nn.Sequential:
    """Rows to one score each; slope of Xu et al. 2019."""
    return perceptron(width, config.discriminator_layers, 1, activation=partial(nn.LeakyReLU, 0.2))


@final
class _CriticPhase(Phase):
    """The critic learns to tell real rows (its row term) from generated ones (its free term)."""

    def __init__(self, critic: nn.Module, generator: _Generator, config: WGANGP.Config) -> None:
        self.name = "critic"
        self.module = critic
        self.reads_rows = True
        self.learning_rate = config.critic_learning_rate
        self.betas = (0.0, 0.9)
        self.weight_decay = config.weight_decay
        self._generator = generator
        self._config = config

    def draw(self, rows: Tensor | None, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        assert rows is not None
        with torch.no_grad():
            fakes = self._generator(*self._generator.noise(n, rng))
        sigma = self._config.instance_noise * (1 - progress)
        noise = torch.randn(2, n, rows.shape[1], generator=rng, device=rng.device) * sigma
        mix = torch.rand(n, 1, generator=rng, device=rng.device)
        reals = rows + noise[0]
        fakes = fakes + noise[1]
        if self._config.penalty_on == "interpolates":
            return {"row_values": reals, "row_between": mix * reals + (1 - mix) * fakes, "fakes": fakes}
        others = fakes[torch.randperm(n, generator=rng, device=rng.device)]
        return {"row_values": reals, "fakes": fakes, "between": mix * fakes + (1 - mix) * others}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Minus the score of each real row, with the penalty where its point is made from that row."""
        loss = -call(inputs["row_values"]).squeeze(1)
        if "row_between" in inputs:
            loss = loss + self._penalty(call, inputs["row_between"])
        return loss

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor:
        """Mean score of generated rows, with the penalty where its points are made of generated rows."""
        loss = call(inputs["fakes"]).mean()
        if "between" in inputs:
            loss = loss + self._penalty(call, inputs["between"]).mean()
        return loss

    def _penalty(self, call: Call, points: Tensor) -> Float[Tensor, " n"]:
        """lambda (|grad| - 1)^2 at each point (Gulrajani 2017 eq. 3)."""
        points = points.detach().requires_grad_()
        (slope,) = torch.autograd.grad(call(points).sum(), points, create_graph=True)
        norm = slope.square().sum(dim=1).add(1e-12).sqrt()
        return self._config.penalty * (norm - 1).square()


@final
class _GeneratorPhase(Phase):
    """The generator learns to be scored as real; it reads no row, so under privacy it is post-processing."""

    def __init__(self, generator: _Generator, critic: nn.Module, config: WGANGP.Config) -> None:
        self.name = "generator"
        self.module = generator
        self.reads_rows = False
        self.learning_rate = config.learning_rate
        self.betas = (0.0, 0.9)
        self.weight_decay = config.weight_decay
        self._generator = generator
        self._critic = critic
        self._config = config

    def draw(self, rows: Tensor | None, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        latent, uniform = self._generator.noise(n, rng)
        sigma = self._config.instance_noise * (1 - progress)
        noise = torch.randn(n, self._generator.heads.width, generator=rng, device=rng.device)
        return {"latent": latent, "uniform": uniform, "noise": noise * sigma}

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor:
        """Minus the mean score of generated rows."""
        fakes = call(inputs["latent"], inputs["uniform"]) + inputs["noise"]
        scores: Tensor = self._critic(fakes)
        return -scores.mean()
