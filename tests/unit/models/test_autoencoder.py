"""The shared parts of the autoencoders and the beta-VAE's schedules, against answers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from synthetic_healthcare import models
from synthetic_healthcare.models._autoencoder import (
    Decoder,
    Elbo,
    Encoder,
    Generative,
    MixturePrior,
    NormalPrior,
    Pressure,
    VariationalNet,
)
from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.trainer import Trainer

LAYOUT = Layout(
    (
        Part("x", "value", "continuous", 1, 0, 0),
        Part("y", "value", "continuous", 1, 1, 1),
        Part("side", "value", "categorical", 2, 2, 0, (0.5, 0.5)),
    )
)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def correlated_rows(n: int = 400) -> Encoded:
    """Two numbers that are nearly the same (standard deviation of the difference .1), and a fair coin."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    values = np.stack([x, x + 0.1 * rng.normal(size=n)], axis=1).astype(np.float32)
    return Encoded(LAYOUT, values, rng.integers(0, 2, (n, 1)).astype(np.int32), np.zeros((n, 0), np.uint8))


def trained(rows: Encoded, updates: int, **architecture: object) -> TrainedModel:
    torch.manual_seed(0)
    settings = {"encoder_layers": (16,), "decoder_layers": (16,), "components": 2, **architecture}
    model = models.build("beta-vae", rows.layout, models.settings("beta-vae", settings))
    assert isinstance(model, TrainedModel)
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=Rows(rows, torch.device("cpu")),
        config=TrainingConfig(epochs=updates // 15),
        gradient=PlainGradient(),
        rng=stream(),
    )
    trainer.run(None, checkpoint=None, progress=Silent())
    return model


def mean_divergence(model: TrainedModel, rows: Encoded) -> float:
    """Mean KL term of all rows, over many draws of the latent."""
    (phase,) = model.schedule()
    batch = Rows(rows, torch.device("cpu")).take(torch.arange(len(rows)))
    rng = stream(1)
    with torch.no_grad():
        found = [phase.module(batch, torch.randn(len(rows), 10, generator=rng))[:, 1] for _ in range(20)]
    return float(torch.stack(found).mean())


def test_the_weight_of_the_kl_term_grows_to_beta_over_the_warm_up() -> None:
    pressure = Pressure(beta=4.0, warm_up=0.2)
    kl = torch.tensor([3.0, -1.0])
    for progress, weight in ((0.0, 0.0), (0.1, 2.0), (0.2, 4.0), (0.9, 4.0)):
        warm = torch.full((2,), pressure.warm(progress))
        torch.testing.assert_close(pressure(kl, warm), weight * kl)
    assert Pressure(beta=1.0, warm_up=0.0).warm(0.0) == 1.0


def test_the_capacity_rises_in_a_line_and_draws_the_kl_term_from_either_side() -> None:
    """Burgess et al. 2018, eq. 8: gamma |KL - C|, with C from 0 to its end."""
    pressure = Pressure(beta=10.0, warm_up=0.5, capacity=8.0)
    kl = torch.tensor([6.0])
    for progress, capacity in ((0.0, 0.0), (0.125, 2.0), (0.25, 4.0), (0.5, 8.0), (1.0, 8.0)):
        warm = torch.tensor([pressure.warm(progress)])
        torch.testing.assert_close(pressure(kl, warm), torch.tensor([10.0 * abs(6.0 - capacity)]))


def test_free_bits_leave_rows_below_them_alone() -> None:
    pressure = Pressure(beta=2.0, warm_up=0.0, free_bits=3.0)
    kl = torch.tensor([1.0, 5.0], requires_grad=True)
    loss = pressure(kl, torch.ones(2))
    torch.testing.assert_close(loss, torch.tensor([6.0, 10.0]))
    (slope,) = torch.autograd.grad(loss.sum(), kl)
    torch.testing.assert_close(slope, torch.tensor([0.0, 2.0]))


def test_a_phase_tells_every_row_how_far_the_warm_up_is() -> None:
    generative = Generative(NormalPrior(3), Decoder(LAYOUT, 3, layers=(4,), scale_floor=0.1))
    net = VariationalNet(Encoder(LAYOUT.width, (4,), 3), generative)
    phase = Elbo(net, Pressure(1.0, 0.5, capacity=2.0), learning_rate=1e-3, weight_decay=0.0)
    inputs = phase.draw_rows(torch.zeros(6, 4), {}, 0.25, stream())
    torch.testing.assert_close(inputs["row_warm"], torch.full((6,), 0.5))


@pytest.mark.parametrize("capacity", [1.0, 4.0])
def test_training_ends_at_the_capacity_that_was_set(capacity: float) -> None:
    rows = correlated_rows()
    model = trained(rows, 450, prior="normal", capacity=capacity, beta=20.0, learning_rate=5e-3)
    assert abs(mean_divergence(model, rows) - capacity) < 0.25 * capacity


def test_free_bits_keep_the_latent_in_use_under_a_beta_that_empties_it() -> None:
    rows = correlated_rows()
    emptied, kept = (
        mean_divergence(trained(rows, 450, prior="normal", beta=20.0, free_bits=bits), rows)
        for bits in (0.0, 2.0)
    )
    assert emptied < 0.2
    assert kept > 1.0


def test_the_divergence_from_a_standard_normal_is_its_closed_form() -> None:
    torch.manual_seed(0)
    generative = Generative(NormalPrior(3), Decoder(LAYOUT, 3, layers=(4,), scale_floor=0.1))
    net = VariationalNet(Encoder(LAYOUT.width, (4,), 3), generative)
    row = torch.tensor([[0.5, -1.0, 1.0, 0.0]])
    with torch.no_grad():
        mean, log_sigma = net.encoder(row)
        expected = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum()
        found = net(row, torch.randn(1, 3, generator=stream()))[0, 1]
    torch.testing.assert_close(found, expected)


def _reference(prior: MixturePrior, shift: Tensor, log_weight: Tensor) -> torch.distributions.Distribution:
    each = torch.distributions.Independent(
        torch.distributions.Normal(prior.mean + shift, prior.log_sigma.exp()), 1
    )
    return torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=log_weight), each)


def test_the_mixtures_density_and_draws_are_those_of_a_mixture_that_moves_with_the_condition() -> None:
    torch.manual_seed(1)
    prior = MixturePrior(2, 3, given=2)
    assert prior.moved is not None
    prior.log_sigma.data.normal_(std=0.3)
    prior.weight.data.normal_()
    prior.moved.weight.data.normal_()
    for given in (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])):
        reweigh, shift = prior.moved(given).split([3, 2])
        reference = _reference(prior, shift, prior.weight + reweigh)
        z = torch.randn(50, 2, generator=stream())
        # Up to the normal's constant, which the posterior has as well.
        expected = reference.log_prob(z) + math.log(2 * math.pi)
        torch.testing.assert_close(prior(z, given.expand(50, -1)), expected)
        drawn = prior.draw(given.expand(20_000, -1), stream())
        torch.testing.assert_close(drawn.mean(dim=0), reference.mean, atol=0.05, rtol=0)
        torch.testing.assert_close(drawn.std(dim=0), reference.variance.sqrt(), atol=0.05, rtol=0)


def test_a_row_carries_what_it_was_given_and_its_likelihood_is_of_the_rest_alone() -> None:
    torch.manual_seed(0)
    given = torch.tensor([2, 3])
    decoder = Decoder(LAYOUT, 3, layers=(4,), scale_floor=0.1, given=given)
    one_hot = torch.nn.functional.one_hot(torch.arange(200) % 2, 2).float()
    with torch.no_grad():
        rows = decoder.draw(torch.randn(200, 3, generator=stream()), one_hot, stream())
        assert torch.equal(rows[:, given], one_hot)
        bare = torch.zeros(4, 3)
        row = torch.tensor([[0.3, -0.2, 1.0, 0.0]]).expand(4, -1)
        raw, scale = decoder._distributions(bare, row[:, given])
        numbers = torch.distributions.Normal(raw[:, :2], scale).log_prob(row[:, :2]).sum(dim=1)
        expected = numbers + math.log(2 * math.pi)
        torch.testing.assert_close(decoder.log_likelihood(bare, row), expected)


def test_the_noise_between_two_columns_that_follow_each_other_is_learnt_and_drawn() -> None:
    model = trained(correlated_rows(), 1500)
    with torch.inference_mode():
        found = model.sample(4000, rng=stream()).continuous
    apart = found[:, 1] - found[:, 0]
    assert 0.05 < apart.std() < 0.25
    assert np.corrcoef(found.T)[0, 1] > 0.96
