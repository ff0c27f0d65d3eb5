"""Every network under differential privacy: a row moves a step by so much and no more, and all is paid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.errors import (
    BudgetExceededError,
    CheckpointError,
    ConfigError,
    NotPrivatizableError,
)
from synthetic_healthcare.models._base import FittedModel, TrainedModel
from synthetic_healthcare.phases import ROW, Phase
from synthetic_healthcare.privacy.charges import SampledGaussian
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.checkpoints import Checkpoint
from synthetic_healthcare.training.clipping import ghost_sum, written_sum
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.dpsgd import DPSGD
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.plan import PrivatePlan, PrivateTraining, noised_steps
from synthetic_healthcare.training.poisson import PoissonRows
from synthetic_healthcare.training.private import Payment
from synthetic_healthcare.training.secrets import Secrets
from synthetic_healthcare.training.separable import made_up, require_separable, rows_are_separable
from synthetic_healthcare.training.trainer import Trainer

NETWORKS = tuple(n for n in models.available() if issubclass(models.model_class(n), TrainedModel))
CPU = torch.device("cpu")
LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("lab", "present", "categorical", 2, 1, 0, (0.3, 0.7)),
        Part("lab", "state", "categorical", 3, 3, 1, (0.2, 0.3, 0.5), gate=(1, 1)),
        Part("lab", "value", "continuous", 1, 6, 1, gate=(2, 0)),
        Part("drugs", "value", "bits", 4, 7, 0, (0.5, 0.2, 0.1, 0.05)),
        Part("ward", "value", "categorical", 3, 11, 2, (0.5, 0.3, 0.2)),
    )
)
TARGET = "ward"
NARROW = {
    "autoregressive": {"hidden": 4},
    **{
        name: {"generator_layers": (8,), "discriminator_layers": (8,)}
        for name in ("wgan-gp", "ctgan", "dp-gan")
    },
    "medgan": {
        "decoder_layers": (8,),
        "discriminator_layers": (8,),
        "encoder_layers": (8,),
        "embedding_dim": 6,
    },
    **{name: {"encoder_layers": (8,), "decoder_layers": (8,)} for name in ("beta-vae", "cvae", "wae")},
}


def private_form(name: str) -> TrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.build(name, LAYOUT, models.settings(name, NARROW[name], private=True, target=TARGET))
    assert isinstance(model, TrainedModel)
    return model


def reading(model: TrainedModel) -> Iterator[Phase]:
    return (phase for phase in dict.fromkeys(model.schedule()) if phase.reads_rows)


def free_of_noise(clip_norm: float, *, rows: int, written: frozenset[Phase] = frozenset()) -> DPSGD:
    plan = PrivatePlan(rows, 1.0, 10**6, 0.0, clip_norm, 1, TrainingConfig())
    return DPSGD(plan, Secrets(0), device=CPU, written=written)


def inputs_of(phase: Phase, rows: Tensor, *, fakes: int = 6, seed: int = 1) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    free = phase.draw(fakes, 0.5, rng)
    return {**free, **phase.draw_rows(rows, free, 0.5, rng)}


def matrix(n: int) -> Tensor:
    return Rows(made_up(LAYOUT, n), CPU).take(torch.arange(n))


@pytest.mark.parametrize("way", ["quick", "written out"])
@pytest.mark.parametrize("name", NETWORKS)
def test_without_noise_and_bound_it_is_the_plain_gradient(name: str, way: str) -> None:
    model = private_form(name)
    schedule = model.schedule()
    needs = require_separable(model, schedule)
    phases = list(dict.fromkeys(schedule))
    inputs = [inputs_of(phase, matrix(9)) for phase in phases]
    model.double()
    written = frozenset(phases) if way == "written out" else needs
    for phase, given in zip(phases, inputs, strict=True):
        doubled = {
            name: value.double() if value.is_floating_point() else value for name, value in given.items()
        }
        plain = PlainGradient()(phase, doubled)
        private = free_of_noise(math.inf, rows=9, written=written)(phase, doubled)
        assert (private.loss is None) == phase.reads_rows
        for a, b in zip(private.values, plain.values, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_ways_give_the_same_clipped_sum(name: str) -> None:
    model = private_form(name)
    written = require_separable(model, model.schedule())
    assert bool(written) == (name == "autoregressive")
    for phase in reading(model):
        if name == "autoregressive":
            continue
        given = inputs_of(phase, matrix(9))
        for clip_norm in (0.01, 1.0, 100.0):
            quick, slow = (
                way(phase.module, phase.row_loss, given, prefix=ROW, clip_norm=clip_norm)
                for way in (ghost_sum, written_sum)
            )
            for a, b in zip(quick, slow, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * clip_norm)


def one_more(kind: str) -> Tensor:
    """A row that no encoder would make, and some that it would."""
    rng = torch.Generator().manual_seed(3)
    row = matrix(40)[39:]
    return {
        "huge": torch.full_like(row, 1e6),
        "huge, below zero": torch.full_like(row, -1e6),
        "beyond numbers": torch.full_like(row, 3e38),
        "tiny": torch.full_like(row, 1e-9),
        "like others": row,
        "random": torch.randn(row.shape, generator=rng) * 10,
    }[kind]


KINDS = ("huge", "huge, below zero", "beyond numbers", "tiny", "like others", "random")


@pytest.mark.parametrize("name", NETWORKS)
def test_one_row_moves_the_sum_by_the_bound_at_most(name: str) -> None:
    """T1, through the call that training makes, with a bound that clips nearly all rows and a wide one."""
    model = private_form(name)
    schedule = model.schedule()
    written = require_separable(model, schedule)
    for phase in (p for p in dict.fromkeys(schedule) if p.reads_rows):
        for kind in KINDS:
            given = inputs_of(phase, torch.cat([matrix(12), one_more(kind)]))
            fewer = {k: v[:-1] if k.startswith(ROW) else v for k, v in given.items()}
            for clip_norm in (0.05, 50.0):
                computer = free_of_noise(clip_norm, rows=13, written=written)
                with_, without = (computer.clipped_sum(phase, each) for each in (given, fewer))
                moved = torch.stack(
                    [(a - b).double().square().sum() for a, b in zip(with_, without, strict=True)]
                )
                # Sums of a dozen rows in float32 differ by their own rounding as well.
                assert float(moved.sum().sqrt()) <= clip_norm * (1 + 1e-5), (phase.name, kind)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sample_of_nobody_is_noised_and_counted_like_any_other(name: str) -> None:
    model = private_form(name)
    schedule = model.schedule()
    plan = PrivatePlan(100, 0.05, 100, 2.0, 1.0, 1, TrainingConfig())
    computer = DPSGD(plan, Secrets(), device=CPU, written=require_separable(model, schedule))
    for count, phase in enumerate((p for p in dict.fromkeys(schedule) if p.reads_rows), start=1):
        given = inputs_of(phase, matrix(4)[:0])
        assert all(not torch.any(value) for value in computer.clipped_sum(phase, given))
        values = computer(phase, given).values
        assert computer.steps == count
        spread = torch.cat([value.flatten() for value in values]).std()
        assert all(bool(torch.isfinite(value).all()) for value in values)
        # Noise of 2 on a sum of 5 rows that were expected; the fake term adds at most its bound.
        assert float(spread) > 0.9 * 2.0 / 5


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ctgan", {"pack": 2}),
        ("medgan", {"averages": True}),
        ("wae", {"penalty": "mmd"}),
    ],
)
def test_models_that_mix_rows_are_refused(name: str, settings: dict[str, object]) -> None:
    config = models.settings(name, {**NARROW[name], **settings}, private=True)
    model = models.build(name, LAYOUT, config)
    assert isinstance(model, TrainedModel)
    assert not rows_are_separable(model, made_up(LAYOUT, 6))
    ledger = PrivacyLedger(Budget(1.0, 1e-5))
    with pytest.raises(NotPrivatizableError, match=f"Set .*{next(iter(settings))}="):
        train(name, ledger, settings=settings)
    assert ledger.entries == ()


class Normalised(nn.Module):
    """A critic whose batch normalisation couples rows: no setting takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = LAYOUT.width
        self.net = nn.Sequential(nn.Linear(self.seen, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def forward(self, rows: Tensor, wanted: str = "score") -> Tensor:
        return torch.as_tensor(self.net(rows)).squeeze(1)


def test_batch_normalisation_of_rows_is_refused() -> None:
    model = private_form("wgan-gp")
    schedule = model.schedule()
    schedule[0].module = Normalised()
    with pytest.raises(NotPrivatizableError, match="changes with the other rows"):
        require_separable(model, schedule)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_private_form_is_separable_whatever_the_plain_one_is(name: str) -> None:
    assert rows_are_separable(private_form(name), made_up(LAYOUT, 6))


def train(
    name: str,
    ledger: PrivacyLedger,
    *,
    updates: int = 20,
    settings: dict[str, object] | None = None,
    testing: bool = False,
    rows: Encoded | None = None,
) -> pipeline.Trained:
    return pipeline.train_privately(
        made_up(LAYOUT, 120) if rows is None else rows,
        name,
        models.settings(name, {**NARROW.get(name, {}), **(settings or {})}, private=True, target=TARGET),
        training=TrainingConfig(threads=1),
        payment=Payment(ledger, PrivateTraining(updates=updates, batch_size=24, testing=testing)),
        seed=0,
        progress=Silent(),
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_every_noised_step_is_paid_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4: steps counted where noise is added and where rows are sampled; the ledger was told before each."""
    noised, samples = [], []
    add_noise, sample = DPSGD._noised, PoissonRows.sample

    def counted(self: DPSGD, total: list[Tensor]) -> list[Tensor]:
        noised.append(len(total))
        return add_noise(self, total)

    def watched(self: PoissonRows) -> npt.NDArray[np.int64]:
        samples.append(ledger.entries)
        return sample(self)

    monkeypatch.setattr(DPSGD, "_noised", counted)
    monkeypatch.setattr(PoissonRows, "sample", watched)
    ledger = PrivacyLedger(Budget(2.0, 1e-5))
    trained = train(name, ledger)
    (entry,) = ledger.entries
    assert isinstance(entry.charge, SampledGaussian)
    assert entry.charge.times == len(noised) == trained.facts["noised_steps"]
    assert entry.charge.times == noised_steps(private_form(name).schedule(), 20)
    assert samples == [ledger.entries] * entry.charge.times
    assert entry.charge.probability == pytest.approx(24 / 120)
    assert 1.99 < ledger.epsilon() <= 2.0
    names = {phase.name for phase in reading(private_form(name))}
    assert not names & set(trained.history.curves)
    with pytest.raises(BudgetExceededError):
        train(name, ledger)


@pytest.mark.parametrize("name", ["beta-vae", "wgan-gp"])
def test_equal_seeds_share_no_noise_unless_it_is_a_test(name: str) -> None:
    def weights(*, testing: bool) -> npt.NDArray[np.float32]:
        found = train(name, PrivacyLedger(Budget(2.0, 1e-5)), updates=3, testing=testing)
        assert found.facts["private"] == (not testing)
        return np.concatenate([value.ravel() for value in found.model.to_state().values()])

    assert not np.array_equal(weights(testing=False), weights(testing=False))
    np.testing.assert_array_equal(weights(testing=True), weights(testing=True))


def test_nothing_is_read_where_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    ledger = PrivacyLedger(Budget(2.0, 1e-5))
    train("beta-vae", ledger)
    monkeypatch.setattr("synthetic_healthcare.training.private.PoissonRows", never)
    with pytest.raises(BudgetExceededError):
        train("beta-vae", ledger)


def test_models_that_learn_by_themselves_are_refused() -> None:
    name = next(n for n in models.available() if issubclass(models.model_class(n), FittedModel))
    with pytest.raises(NotPrivatizableError, match="learns by itself"):
        train(name, PrivacyLedger(Budget(1.0, 1e-5)))


def test_the_pre_training_of_medgan_is_counted_with_its_window() -> None:
    model = private_form("medgan")
    steps = noised_steps(model.schedule(), 50)
    # A fifth of 50 updates for the autoencoder, five critic steps in each of the others.
    assert steps == 10 + 40 * 5


def test_a_private_training_is_neither_scored_nor_gone_on_with(tmp_path: Path) -> None:
    model = private_form("beta-vae")
    plan = PrivatePlan(20, 0.5, 5, 1.0, 1.0, 1, TrainingConfig(updates=5, batch_size=10))
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=PoissonRows(made_up(LAYOUT, 20), plan, Secrets(), device=CPU),
        config=plan.training,
        gradient=DPSGD(plan, Secrets(), device=CPU),
        rng=torch.Generator().manual_seed(0),
    )
    with pytest.raises(CheckpointError, match="private training"):
        trainer.run(None, checkpoint=Checkpoint(tmp_path, {}, seed=0), progress=Silent())
    with pytest.raises(ConfigError, match="takes no score"):
        trainer.run(lambda: np.ones(3), checkpoint=None, progress=Silent())
