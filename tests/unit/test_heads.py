"""The heads: draws at the right rates, likelihoods by hand, gates."""

from __future__ import annotations

import math

import numpy as np
import torch

from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.schema.layout import Layout, Part

LAYOUT = Layout(
    (
        Part("present", "present", "categorical", 2, 0, 0),
        Part("x", "value", "continuous", 1, 2, 0, gate=(0, 1)),
        Part("c", "value", "categorical", 3, 3, 1),
        Part("b", "value", "bits", 1, 6, 0),
    )
)


def test_draws_have_the_rates_of_the_logits() -> None:
    heads = Heads(LAYOUT)
    shares = torch.tensor([0.25, 0.75, 0.0, 0.6, 0.3, 0.1, 0.0])
    raw = shares.log().clamp(min=-20).expand(40_000, -1).clone()
    raw[:, 2] = 1.5
    raw[:, 6] = math.log(0.05 / 0.95)
    rng = torch.Generator().manual_seed(0)
    rows = heads.choose(raw, heads.noise(40_000, rng), temperature=0.5)
    means = rows.mean(dim=0).numpy()
    np.testing.assert_allclose(means[[0, 1, 3, 4, 5, 6]], [0.25, 0.75, 0.6, 0.3, 0.1, 0.05], atol=0.01)
    assert set(rows[:, 2].unique().tolist()) == {0.0, 1.5}
    assert torch.equal(rows[:, 2] != 0, rows[:, 1] > 0.5)


def test_hard_rows_carry_soft_gradients() -> None:
    heads = Heads(LAYOUT)
    raw = torch.zeros(8, 7, requires_grad=True)
    rows = heads.choose(raw, heads.noise(8, torch.Generator().manual_seed(0)), temperature=0.5)
    rows[:, [1, 4, 6]].sum().backward()
    assert raw.grad is not None
    assert (raw.grad[:, [1, 4, 6]] != 0).all()


def test_likelihood_by_hand() -> None:
    heads = Heads(LAYOUT)
    raw = torch.tensor([[0.0, math.log(3.0), 2.0, 0.0, 0.0, math.log(2.0), 0.0]])
    log_scale = torch.tensor([[math.log(0.5)]])
    open_row = torch.tensor([[0.0, 1.0, 3.0, 0.0, 0.0, 1.0, 1.0]])
    # log 3/4, then -(1 / 0.5)^2 / 2 - log 0.5, then log 2/4, then log 1/2.
    expected = math.log(0.75) - 2.0 - math.log(0.5) + math.log(0.5) + math.log(0.5)
    assert math.isclose(float(heads.log_likelihood(raw, log_scale, open_row)), expected, rel_tol=1e-6)
    shut_row = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]])
    expected = math.log(0.25) + math.log(0.5) + math.log(0.5)
    assert math.isclose(float(heads.log_likelihood(raw, log_scale, shut_row)), expected, rel_tol=1e-6)
