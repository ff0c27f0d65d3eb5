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


@pytest.mark.parametrize("penalty", ["mmd", "adversarial"])
def test_encodings_of_two_groups_end_up_as_a_standard_normal(penalty: str) -> None:
    rows = rows_of_two_groups()
    torch.manual_seed(0)
    settings = {"embedding_dim": 2, "encoder_layers": (32,), "decoder_layers": (16,), "penalty": penalty}
    model = models.build("wae", LAYOUT, models.settings("wae", settings))
    assert isinstance(model, WAE)
    every = Rows(rows, torch.device("cpu"))
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=every,
        config=TrainingConfig(epochs=60),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    trainer.run(None, checkpoint=None, progress=Silent())
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        codes = model.net.encode(every.take(torch.arange(400)), torch.randn(400, 2, generator=rng))
        found = model.sample(2000, rng=rng)
    np.testing.assert_allclose(codes.mean(dim=0), 0.0, atol=0.3)
    np.testing.assert_allclose(codes.std(dim=0), 1.0, atol=0.25)
    side = found.codes[:, 0]
    assert side.mean() == pytest.approx(0.5, abs=0.1)
    assert found.continuous[side == 1].mean() == pytest.approx(1.0, abs=0.15)
    assert found.continuous[side == 0].mean() == pytest.approx(-1.0, abs=0.15)
