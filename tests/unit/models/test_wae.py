"""The Wasserstein autoencoder: the MMD estimate by hand, and both penalties against a known answer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from synthetic_healthcare import models
from synthetic_healthcare.models.wae import WAE, mmd_by_row
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.trainer import Trainer

LAYOUT = Layout(
    (
        *(Part(f"x{i}", "value", "continuous", 1, i, i) for i in range(4)),
        Part("side", "value", "categorical", 2, 4, 0, (0.5, 0.5)),
    )
)


def rows_of_two_groups(n: int = 400) -> Encoded:
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, n)
    values = (2 * side[:, None] - 1) + 0.4 * rng.normal(size=(n, 4))
    return Encoded(
        LAYOUT, values.astype(np.float32), side[:, None].astype(np.int32), np.zeros((n, 0), np.uint8)
    )


def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
    """Inverse multiquadratic kernels in two dimensions, summed over their scales."""
    squared = float((x - y).square().sum())
    return sum(2 * 2 * scale / (2 * 2 * scale + squared) for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10))


def test_the_mean_over_rows_is_the_unbiased_statistic() -> None:
    rng = torch.Generator().manual_seed(0)
    codes = torch.randn(5, 2, generator=rng, dtype=torch.float64) + 1
    drawn = torch.randn(5, 2, generator=rng, dtype=torch.float64)
    pairs = list(itertools.permutations(range(5), 2))
    within = sum(kernel(codes[i], codes[j]) for i, j in pairs) / 20
    among = sum(kernel(drawn[i], drawn[j]) for i, j in pairs) / 20
    across = sum(kernel(codes[i], drawn[j]) for i, j in itertools.product(range(5), repeat=2)) / 25
    found = mmd_by_row(codes, drawn)
    assert found.shape == (5,)
    assert float(found.mean()) == pytest.approx(within + among - 2 * across)


def test_the_statistic_is_zero_on_average_where_encodings_are_normal_and_positive_elsewhere() -> None:
    rng = torch.Generator().manual_seed(0)
    draws = torch.randn(300, 2, 32, 4, generator=rng)
    same = torch.stack([mmd_by_row(a, b).mean() for a, b in draws])
    assert abs(float(same.mean())) < 3 * float(same.std()) / 300**0.5
    shifted = torch.stack([mmd_by_row(a + 1, b).mean() for a, b in draws])
    assert float(shifted.mean()) > 10 * float(same.std()) / 300**0.5


def test_each_penalty_has_the_phases_that_it_needs_and_each_moves_its_own_part() -> None:
    for penalty, latents, names in (
        ("mmd", "normal", ("autoencoder",)),
        ("mmd", "mixture", ("autoencoder", "mixture")),
        ("adversarial", "normal", ("discriminator", "autoencoder")),
        ("adversarial", "mixture", ("discriminator", "autoencoder", "mixture")),
    ):
        model = models.build("wae", LAYOUT, WAE.Config(penalty=penalty, latents=latents))
        assert isinstance(model, WAE)
        phases = model.schedule()
        assert tuple(phase.name for phase in phases) == names
        moved = [id(p) for phase in phases for p in phase.module.parameters()]
        assert len(moved) == len(set(moved))


def trained(**settings: object) -> WAE:
    torch.manual_seed(0)
    small = {"embedding_dim": 2, "encoder_layers": (32,), "decoder_layers": (16,), **settings}
    model = models.build("wae", LAYOUT, models.settings("wae", small))
    assert isinstance(model, WAE)
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=Rows(rows_of_two_groups(), torch.device("cpu")),
        config=TrainingConfig(epochs=40),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    trainer.run(None, checkpoint=None, progress=Silent())
    return model


@torch.no_grad()
def discrepancy(model: WAE) -> float:
    """MMD of the encodings of all rows from N(0, I)."""
    rows = Rows(rows_of_two_groups(), torch.device("cpu")).take(torch.arange(400))
    noise = torch.randn(2, 400, 2, generator=torch.Generator().manual_seed(1))
    return float(mmd_by_row(model.net.encode(rows, noise[0]), noise[1]).mean())


def test_either_penalty_holds_the_encodings_of_two_groups_to_a_standard_normal() -> None:
    free = discrepancy(trained(penalty_weight=0.0))
    assert free > 0.3
    # A discriminator is told by a batch at a time what the mean discrepancy says at once.
    for penalty, left in (("mmd", 0.1), ("adversarial", 0.25)):
        assert discrepancy(trained(penalty=penalty)) < left * free, penalty


@pytest.mark.parametrize(("latents", "off"), [("mixture", 0.25), ("normal", 0.4)])
def test_rows_of_either_group_are_drawn_from_either_kind_of_latents(latents: str, off: float) -> None:
    model = trained(latents=latents)
    with torch.inference_mode():
        found = model.sample(2000, rng=torch.Generator().manual_seed(1))
    side = found.codes[:, 0]
    assert side.mean() == pytest.approx(0.5, abs=0.1)
    for group, centre in ((0, -1.0), (1, 1.0)):
        assert found.continuous[side == group].mean() == pytest.approx(centre, abs=off)
