"""What the models with a critic share: generator, critic and the two phases in which they play.

The critic learns to score real rows above generated ones, with slopes of length one (Gulrajani et al. 2017,
arXiv:1704.00028); the generator learns to be scored as real. Nothing here mixes rows unless the model asks
for it: a row's loss is then its own, and a private training can bound it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import ModelConfig
from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.models._nets import SkipPerceptron
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Layout

#: Slope of the critic below zero (Xu et al. 2019, 4.4).
_LEAK: Final = 0.2


#: Where the critic's slope is held to one: between real and generated rows, or among generated rows, where
#: the penalty reads no real row.
PenaltyPoints = Literal["interpolates", "generated"]
#: "wasserstein", or "classic": the critic as a classifier, without a penalty (Goodfellow et al. 2014).
Game = Literal["wasserstein", "classic"]
#: Makes a network of hidden sizes: (inputs, hidden, outputs).
MakeNet = Callable[[int, Sequence[int], int], nn.Module]


class AdversarialConfig(ModelConfig):
    """Settings that every model with a critic has."""

    # Noise holds a critic back: it needs more steps than without (Bie et al. 2023, arXiv:2302.02936).
    separable: ClassVar[Mapping[str, Any]] = {"penalty_on": "generated", "critic_steps": 5}

    embedding_dim: int = Field(64, ge=1, description="size of the generator's noise")
    generator_layers: tuple[int, ...] = Field((128, 128), description="hidden sizes of the generator")
    discriminator_layers: tuple[int, ...] = Field((256, 256), description="hidden sizes of the critic")
    critic_steps: int = Field(3, ge=1, description="critic updates for each generator update")
    penalty: float = Field(10.0, ge=0, description="weight of the gradient penalty (lambda)")
    penalty_on: PenaltyPoints = Field(
        "interpolates", description="points of the penalty: real to generated, or among generated rows"
    )
    penalty_every: int = Field(1, ge=1, description="one in how many critic updates has the penalty")
    temperature: float = Field(0.5, gt=0, description="softness of the gradients through categories")
    instance_noise: float = Field(0.05, ge=0, description="noise on what the critic sees, at the start")
    learning_rate: float = Field(1e-3, gt=0, description="Adam step size of the generator")
    critic_learning_rate: float = Field(1e-3, gt=0, description="Adam step size of the critic")
    weight_decay: float = Field(0.0, ge=0, description="Adam L2 penalty on the weights")


def adversarial_phases(
    generator: Generator,
    critic: Critic,
    config: AdversarialConfig,
    *,
    game: Game = "wasserstein",
    window: tuple[float, float] = (0.0, 1.0),
) -> tuple[Phase, ...]:
    """Several critic updates, then one of the generator.

    Parameters
    ----------
    game : str
        "wasserstein", or "classic": the critic as a classifier, without a penalty (Goodfellow et al. 2014).
    window : (float, float)
        Share of the training, from and to, in which they play.
    """
    steps = range(config.critic_steps)
    penalised = [step % config.penalty_every == 0 and game == "wasserstein" for step in steps]
    # Less often but heavier is the same penalty on average (Karras et al. 2020, arXiv:1912.04958, B).
    weight = config.penalty * config.critic_steps / max(1, sum(penalised))
    with_penalty, without = (
        CriticPhase(critic, generator, config, weight=share, game=game, window=window)
        for share in (weight, 0.0)
    )
    critics = tuple(with_penalty if due else without for due in penalised)
    return (*critics, GeneratorPhase(generator, critic, config, game=game, window=window))


class Generator(nn.Module, ABC):
    """What plays against a critic.

    Called with its noise it gives generated rows as the critic sees them, (n, seen). Columns past those that
    the critic takes are losses of the generator's own, one number a row.
    """

    @abstractmethod
    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Draw the inputs of one call."""

    def shown(self, rows: Float[Tensor, "n width"], rng: torch.Generator) -> Float[Tensor, "n seen"]:
        """Say what the critic sees of real rows: the rows, unless there is more to see."""
        return rows

    def weigh(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, " n"] | None:
        """Say how often each real row is to be shown, in proportion; `None`: all alike."""
        return None


@final
class RowDecoder(nn.Module):
    """A vector to a row: categories and codes first, then numbers given the ones that were drawn.

    One network for both would have to make a number before its category is drawn; between two groups of
    patients it then gives the number of the one with the category of the other.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    inputs : int
        Size of the vector.
    hidden : sequence of int
        Hidden sizes of either network.
    temperature : float
        Softness of the gradients through categories.
    net : callable
        Makes the two networks.
    """

    def __init__(
        self,
        layout: Layout,
        inputs: int,
        hidden: Sequence[int],
        *,
        temperature: float,
        net: MakeNet = SkipPerceptron,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.heads = Heads(layout)
        chosen, numbers = self.heads.discrete.numel(), self.heads.continuous.numel()
        self.choices = net(inputs, hidden, chosen) if chosen else None
        self.numbers = net(inputs + chosen, hidden, numbers) if numbers else None

    def forward(
        self, seed: Float[Tensor, "n inputs"], uniform: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Turn vectors and uniform noise into hard rows with soft gradients."""
        return self.fill(seed, self.choose(self.logits(seed, uniform), uniform))

    def logits(
        self, seed: Float[Tensor, "n inputs"], like: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Logits of categories and codes at their positions, zeros at those of numbers."""
        raw = torch.zeros_like(like)
        if self.choices is None:
            return raw
        return raw.index_copy(1, self.heads.discrete, self.choices(seed).to(raw.dtype))

    def choose(
        self, raw: Float[Tensor, "n width"], uniform: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Draw categories and codes from their logits."""
        return self.heads.choose(raw, uniform, temperature=self.temperature)

    def fill(
        self, seed: Float[Tensor, "n inputs"], rows: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        """Put numbers into rows whose categories and codes stand."""
        if self.numbers is None:
            return rows
        seen = torch.cat([seed, rows.index_select(1, self.heads.discrete)], dim=1)
        rows = rows.index_copy(1, self.heads.continuous, self.numbers(seen).to(rows.dtype))
        return self.heads.close_gates(rows)


@final
class LatentGenerator(Generator):
    """Normal noise through a `RowDecoder`."""

    def __init__(self, layout: Layout, config: AdversarialConfig) -> None:
        super().__init__()
        self.size = config.embedding_dim
        self.decoder = RowDecoder(layout, self.size, config.generator_layers, temperature=config.temperature)

    def noise(self, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latent (n, size) and uniform (n, width) noise."""
        latent = torch.randn(n, self.size, generator=rng, device=rng.device)
        return latent, self.decoder.heads.noise(n, rng)

    def forward(
        self, latent: Float[Tensor, "n size"], uniform: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n width"]:
        rows: Tensor = self.decoder(latent, uniform)
        return rows


@final
class Critic(nn.Module):
    """Rows to scores; no normalisation, so that a row's score is its own unless packs or averages are asked.

    Parameters
    ----------
    seen : int
        Columns of what it is shown.
    hidden : sequence of int
        Hidden sizes.
    pack : int
        Rows that are judged together (Lin et al. 2018, arXiv:1712.04086); they share their score.
    averages : bool
        Whether each row is judged beside the mean of its batch (Choi et al. 2017, 3.3).
    """

    def __init__(self, seen: int, hidden: Sequence[int], *, pack: int = 1, averages: bool = False) -> None:
        super().__init__()
        self.seen = seen
        self.pack = pack
        self.averages = averages
        widths = [seen * pack * (2 if averages else 1), *hidden]
        self.hidden = nn.ModuleList(
            [nn.Linear(width, size) for width, size in zip(widths, hidden, strict=False)]
        )
        self.last = nn.Linear(widths[-1], 1)

    def forward(
        self, shown: Float[Tensor, "n seen"], wanted: Literal["score", "slope"] = "score"
    ) -> Float[Tensor, " n"]:
        """Give each row's score, or the length of the score's gradient there."""
        packs = self._packs(shown)
        found = self._score(packs) if wanted == "score" else self._slope(packs)
        return found.repeat_interleave(self.pack)[: shown.shape[0]] if self.pack > 1 else found

    def _packs(self, shown: Tensor) -> Tensor:
        """What is judged at once, one a row; a last pack that is not full takes rows from the front."""
        if self.averages:
            shown = torch.cat([shown, shown.mean(dim=0, keepdim=True).expand_as(shown)], dim=1)
        if self.pack == 1:
            return shown
        missing = -shown.shape[0] % self.pack
        order = torch.arange(shown.shape[0] + missing, device=shown.device) % shown.shape[0]
        return shown[order].reshape(-1, self.pack * shown.shape[1])

    def _score(self, packs: Tensor) -> Tensor:
        x = packs
        for layer in self.hidden:
            x = nn.functional.leaky_relu(layer(x), _LEAK)
        return torch.as_tensor(self.last(x)).squeeze(1)

    def _slope(self, packs: Tensor) -> Tensor:
        """Length of the gradient, written out: products of the weights with the leaks that are active.

        A network of LeakyReLU is linear piece by piece, so this is exact; the leaks themselves have no
        gradient. It costs half of differentiating twice, and can be differentiated row by row.
        """
        leaks = []
        with torch.no_grad():
            x = packs
            for layer in self.hidden:
                x = layer(x)
                leaks.append(torch.where(x > 0, 1.0, _LEAK))
                x = x * leaks[-1]
        found = self.last.weight.expand(packs.shape[0], -1)
        for layer, leak in zip(reversed(self.hidden), reversed(leaks), strict=True):
            found = (found * leak) @ torch.as_tensor(layer.weight)
        return found.square().sum(dim=1).add(1e-12).sqrt()


@final
class CriticPhase(Phase):
    """The critic learns to tell real rows (its row term) from generated ones (its fake term)."""

    def __init__(
        self,
        critic: Critic,
        generator: Generator,
        config: AdversarialConfig,
        *,
        weight: float,
        game: Game,
        window: tuple[float, float],
    ) -> None:
        self.name = "critic"
        self.module = critic
        self.reads_rows = True
        self.learning_rate = config.critic_learning_rate
        self.betas = _betas(game)
        self.weight_decay = config.weight_decay
        self.window = window
        self._seen = critic.seen
        self._generator = generator
        self._config = config
        self._weight = weight
        self._penalty_on = config.penalty_on
        self._game = game

    def weigh(self, rows: Tensor) -> Tensor | None:
        """As the generator wants them shown."""
        return self._generator.weigh(rows)

    def draw(self, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        with torch.no_grad():
            fakes = self._generator(*self._generator.noise(n, rng))[:, : self._seen]
            fakes = self._blurred(fakes, progress, rng)
            if not self._weight or self._penalty_on == "interpolates":
                return {"fake_values": fakes}
            mix = torch.rand(n, 1, generator=rng, device=rng.device)
            others = fakes[torch.randperm(n, generator=rng, device=rng.device)]
            return {"fake_values": fakes, "between": torch.lerp(fakes, others, mix)}

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            reals = self._blurred(self._generator.shown(rows, rng), progress, rng)
            if not self._weight or self._penalty_on == "generated":
                return {"row_values": reals}
            fakes, n = free["fake_values"], rows.shape[0]
            # By chance and not by place: under privacy there are not as many fakes as rows.
            chosen = torch.randint(fakes.shape[0], (n,), generator=rng, device=rng.device)
            mix = torch.rand(n, 1, generator=rng, device=rng.device)
            return {"row_values": reals, "row_between": torch.lerp(fakes[chosen], reals, mix)}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Loss of each real row, with the penalty where its point is made from that row."""
        score = call(inputs["row_values"])
        loss = -score if self._game == "wasserstein" else nn.functional.softplus(-score)
        if "row_between" in inputs:
            loss = loss + self._penalty(call, inputs["row_between"])
        return loss

    def fake_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Loss of each generated row."""
        score = call(inputs["fake_values"])
        return score if self._game == "wasserstein" else nn.functional.softplus(score)

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Mean penalty, where its points are made of generated rows."""
        return self._penalty(call, inputs["between"]).mean() if "between" in inputs else None

    def _blurred(self, values: Tensor, progress: float, rng: torch.Generator) -> Tensor:
        sigma = self._config.instance_noise * (1 - progress)
        return values + torch.randn(values.shape, generator=rng, device=rng.device) * sigma

    def _penalty(self, call: Call, points: Tensor) -> Float[Tensor, " n"]:
        """lambda (|grad| - 1)^2 at each point (Gulrajani 2017 eq. 3)."""
        return self._weight * (call(points, "slope") - 1).square()


@final
class GeneratorPhase(Phase):
    """The generator learns to be scored as real; it reads no row, so under privacy it is post-processing."""

    def __init__(
        self,
        generator: Generator,
        critic: Critic,
        config: AdversarialConfig,
        *,
        game: Game,
        window: tuple[float, float],
    ) -> None:
        self.name = "generator"
        self.module = generator
        self.reads_rows = False
        self.learning_rate = config.learning_rate
        self.betas = _betas(game)
        self.weight_decay = config.weight_decay
        self.window = window
        self._generator = generator
        self._critic = critic
        self._config = config
        self._game = game

    def draw(self, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        noise = {f"noise{i}": value for i, value in enumerate(self._generator.noise(n, rng))}
        sigma = self._config.instance_noise * (1 - progress)
        blur = torch.randn(n, self._critic.seen, generator=rng, device=rng.device)
        return {**noise, "blur": blur * sigma}

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor:
        """Mean loss of generated rows: to be scored as real, and what the generator asks of itself."""
        given = call(*(inputs[f"noise{i}"] for i in range(len(inputs) - 1)))
        seen = self._critic.seen
        score: Tensor = self._critic(given[:, :seen] + inputs["blur"])
        loss = -score if self._game == "wasserstein" else nn.functional.softplus(-score)
        return (loss + given[:, seen:].sum(dim=1)).mean()


def _betas(game: Game) -> tuple[float, float]:
    """Adam's betas: of Gulrajani 2017 (algorithm 1), or of Radford 2016 (arXiv:1511.06434, 4)."""
    return (0.0, 0.9) if game == "wasserstein" else (0.5, 0.999)
