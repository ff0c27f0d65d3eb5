"""Ten ways to get private training wrong, planted one by one: each is caught where the right way passes.

The checks see what anybody outside can see: sums of clipped gradients, gradients, samples. They are the
library's own calls, on a phase whose gradients are known by hand: that of a row is a number times the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from synthetic_healthcare.phases import ROW, Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.clipping import Term, entries, ghost_sum
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.dpsgd import DPSGD
from synthetic_healthcare.training.plan import PrivatePlan
from synthetic_healthcare.training.poisson import PoissonRows
from synthetic_healthcare.training.secrets import Secrets

CPU = torch.device("cpu")
WIDTH = 6
CLIP = 0.5
SIGMA = 1.0
EXPECTED = 4.0


class Slope(Phase):
    """The gradient of a row is its last entry times (the row before that, 1)."""

    name = "slope"
    reads_rows = True
    learning_rate = 0.1
    betas = (0.9, 0.99)
    weight_decay = 0.0

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        return {"row_values": rows}

    def row_loss(self, call: Call, inputs: Inputs) -> Tensor:
        rows = inputs["row_values"]
        return rows[:, -1] * call(rows[:, :-1]).squeeze(1)


class Coupled(nn.Module):
    """Rows in the light of their batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(WIDTH, affine=False)
        self.net = nn.Linear(WIDTH, 1)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.as_tensor(self.net(self.norm(rows)))


def phase_of() -> Slope:
    return Slope(nn.Linear(WIDTH, 1))


def computer(seed: int, *, multiplier: float = SIGMA) -> DPSGD:
    plan = PrivatePlan(8, EXPECTED / 8, 10**6, multiplier, CLIP, 1, TrainingConfig())
    return DPSGD(plan, Secrets(seed), device=CPU)


def flat(values: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
    return torch.cat([value.flatten() for value in values])


def pulling(*strengths: float) -> Tensor:
    """Rows whose gradients all point one way, with lengths that are told."""
    rows = torch.zeros(len(strengths), WIDTH + 1)
    rows[:, 0] = math.sqrt(3.0)
    rows[:, -1] = torch.tensor(strengths) / 2.0
    return rows


def sensitivity_holds() -> bool:
    """T1: one row more moves the clipped sum by the bound at most, whatever that row is."""
    rng = torch.Generator().manual_seed(0)
    phase = phase_of()
    asked = computer(0, multiplier=0.0)
    rows = torch.cat([torch.randn(6, WIDTH + 1, generator=rng), pulling(-0.9 * CLIP)])
    extra = [*(torch.randn(5, WIDTH + 1, generator=rng) * torch.tensor([1e-6, 0.1, 1.0, 30.0, 1e4])[:, None])]
    for row in [*extra, -extra[-1], *pulling(1e3, -1e3)]:
        with_, without = (
            flat(asked.clipped_sum(phase, {"row_values": each}))
            for each in (torch.cat([rows, row[None]]), rows)
        )
        if float((with_ - without).norm()) > CLIP * (1 + 1e-5):
            return False
    return True


def noise_is_right() -> bool:
    """T2: over rows without gradients, noise has the right size and is new at every step and in every run."""
    phase = phase_of()
    sizes = (1, 2, 4, 7, 11)
    runs = [computer(seed) for seed in (1, 2)]
    drawn = []
    for run in runs:
        steps = [
            flat(run(phase, {"row_values": torch.zeros(sizes[step % 5], WIDTH + 1)}).values)
            for step in range(60)
        ]
        drawn.append(torch.stack(steps) * EXPECTED / (SIGMA * CLIP))
    for noise in drawn:
        square = float(noise.double().square().sum())
        chance = stats.chi2(noise.numel())
        if min(chance.cdf(square), chance.sf(square)) < 1e-4:
            return False
    first, second = drawn
    pairs = [(first[:-1], first[1:]), (first, second)]
    return all(abs(float(np.corrcoef(a.flatten(), b.flatten())[0, 1])) < 0.4 for a, b in pairs)


def sampler_is_poisson() -> bool:
    """T3: sizes of samples have the mean and the variance of independent choices; some samples are empty."""
    n, probability, draws = 60, 0.05, 3000
    layout = Layout((Part("x", "value", "continuous", 1, 0, 0),))
    zeros = (np.zeros((n, 1), np.float32), np.zeros((n, 0), np.int32), np.zeros((n, 0), np.uint8))
    plan = PrivatePlan(n, probability, 1, SIGMA, CLIP, 1, TrainingConfig())
    rows = PoissonRows(Encoded(layout, *zeros), plan, Secrets(0), device=CPU)
    samples = [rows.sample() for _ in range(draws)]
    sizes = np.array([len(sample) for sample in samples])
    variance = n * probability * (1 - probability)
    mean_error = abs(sizes.mean() - n * probability) / math.sqrt(variance / draws)
    # The variance of a sample variance of near-normal numbers is 2 v^2 / draws.
    variance_error = abs(sizes.var() - variance) / (variance * math.sqrt(2.5 / draws))
    each = np.bincount(np.concatenate(samples), minlength=n)
    even = stats.chisquare(each).pvalue > 1e-6
    nobody = (sizes == 0).mean()
    return bool(mean_error < 6 and variance_error < 6 and even and 0.01 < nobody < 0.1)


def epsilon_audit_passes(trials: int = 2500) -> bool:
    """T6: the best test of one more row is no better than the claim, with 99 % certainty.

    One step is a Gaussian release: its whole trade-off is that of two normals 1 / SIGMA apart (Dong, Roth and
    Su 2019, arXiv:1905.02383). D is a row that pulls one way, D' has one more that pulls the other.
    """
    phase, run = phase_of(), computer(5)
    along = flat(computer(0, multiplier=0.0).clipped_sum(phase, {"row_values": pulling(1e6)})) / CLIP
    scores = [
        np.array([float(flat(run(phase, {"row_values": rows}).values) @ along) for _ in range(trials)])
        for rows in (pulling(-0.9 * CLIP), pulling(-0.9 * CLIP, 1e6))
    ]
    half = trials // 2
    # The threshold is chosen on one half, and judged on the other.
    cuts = np.unique(np.concatenate(scores))
    parts = [
        [1 - np.searchsorted(np.sort(score[:half]), cuts, side="left") / half for score in scores],
        [score[half:] for score in scores],
    ]
    best = cuts[np.argmax(parts[0][1] - parts[0][0])]
    false, true = (int((part >= best).sum()) for part in parts[1])
    left = trials - half
    highest_false = stats.beta.ppf(0.995, false + 1, left - false) if false < left else 1.0
    lowest_true = stats.beta.ppf(0.005, true, left - true + 1) if true else 0.0
    quantile = NormalDist().inv_cdf
    apart = quantile(min(max(lowest_true, 1e-9), 1 - 1e-9)) - quantile(
        min(max(highest_false, 1e-9), 1 - 1e-9)
    )
    return apart <= 1 / SIGMA


CHECKS: dict[str, Callable[[], bool]] = {
    "T1": sensitivity_holds,
    "T2": noise_is_right,
    "T3": sampler_is_poisson,
    "T6": epsilon_audit_passes,
}

Patch = pytest.MonkeyPatch


def _noise(scale: float) -> Callable[[Patch], None]:
    """Noise of another size."""

    def plant(patch: Patch) -> None:
        real = DPSGD._noised

        def wrong(self: DPSGD, total: list[Tensor]) -> list[Tensor]:
            before = [value.clone() for value in total]
            return [old + scale * (new - old) for old, new in zip(before, real(self, total), strict=True)]

        patch.setattr(DPSGD, "_noised", wrong)

    return plant


def _same_noise(patch: Patch) -> None:
    real = DPSGD._noised

    def wrong(self: DPSGD, total: list[Tensor]) -> list[Tensor]:
        self._rng.manual_seed(0)
        return real(self, total)

    patch.setattr(DPSGD, "_noised", wrong)


def _clip(found: Callable[[list[Tensor]], list[Tensor]]) -> Callable[[Patch], None]:
    """Clip something else than rows."""

    def plant(patch: Patch) -> None:
        def wrong(self: DPSGD, phase: Phase, term: Term, inputs: Inputs, prefix: str) -> list[Tensor]:
            return found(ghost_sum(phase.module, term, inputs, prefix=prefix, clip_norm=math.inf))

        patch.setattr(DPSGD, "_clipped", wrong)

    return plant


def _clip_batch(total: list[Tensor]) -> list[Tensor]:
    return [value * min(1.0, CLIP / float(flat(total).norm())) for value in total]


def _clip_layers(patch: Patch) -> None:
    def wrong(self: DPSGD, phase: Phase, term: Term, inputs: Inputs, prefix: str) -> list[Tensor]:
        total = [torch.zeros_like(p, requires_grad=False) for p in phase.module.parameters()]
        for row in range(entries(inputs, prefix)):
            one = {name: value[row : row + 1] for name, value in inputs.items()}
            each = ghost_sum(phase.module, term, one, prefix=prefix, clip_norm=math.inf)
            for sum_, value in zip(total, each, strict=True):
                sum_ += value * min(1.0, CLIP / max(float(value.norm()), 1e-12))
        return total

    patch.setattr(DPSGD, "_clipped", wrong)


def _fixed_size(patch: Patch) -> None:
    def wrong(self: PoissonRows) -> np.ndarray:
        size = round(self._probability * self._people)
        return np.sort(self._chance.choice(self._people, size, replace=False))

    patch.setattr(PoissonRows, "sample", wrong)


def _actual_size(patch: Patch) -> None:
    real = DPSGD.__call__

    def wrong(self: DPSGD, phase: Phase, inputs: Inputs) -> object:
        found = real(self, phase, inputs)
        for value in found.values:
            value *= EXPECTED / entries(inputs, ROW)
        return found

    patch.setattr(DPSGD, "__call__", wrong)


def _coupled(patch: Patch) -> None:
    patch.setitem(globals(), "phase_of", lambda: Slope(Coupled()))


BUGS: dict[str, tuple[Callable[[Patch], None], set[str]]] = {
    "no noise": (_noise(0.0), {"T2", "T6"}),
    "noise over the batch size": (_noise(1 / EXPECTED), {"T2", "T6"}),
    "half the noise": (_noise(0.5), {"T2", "T6"}),
    "the same noise at each step": (_same_noise, {"T2", "T6"}),
    "the batch is clipped, not its rows": (_clip(_clip_batch), {"T1", "T6"}),
    "each layer is clipped by itself": (_clip_layers, {"T1", "T6"}),
    "nothing is clipped": (_clip(lambda total: total), {"T1", "T6"}),
    "samples of one size": (_fixed_size, {"T3"}),
    "divided by the size of the sample": (_actual_size, {"T2"}),
    "rows are normalised over their batch": (_coupled, {"T1"}),
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_right_way_passes(check: str) -> None:
    assert CHECKS[check]()


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, catching = BUGS[bug]
    plant(monkeypatch)
    assert {name for name in catching if not CHECKS[name]()} == catching


def test_a_gradient_known_by_hand() -> None:
    """Gradients of 0.2 and 10 at a bound of 0.5: one stays, one is cut to 0.5, both are divided by 4."""
    found = computer(0, multiplier=0.0)(phase_of(), {"row_values": pulling(0.2, 10.0)}).values
    direction = torch.tensor([math.sqrt(3.0), 0, 0, 0, 0, 0, 1.0]) / 2
    torch.testing.assert_close(flat(found), 0.7 / EXPECTED * direction, rtol=1e-5, atol=1e-7)
