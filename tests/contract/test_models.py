"""Every model, over the same checks: adding a file to `models` adds it here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from synthetic_healthcare import models
from synthetic_healthcare.models._base import (
    ConditionalModel,
    FittedModel,
    GenerativeModel,
    MarginalModel,
    TrainedModel,
)
from synthetic_healthcare.phases import Inputs, Phase
from synthetic_healthcare.privacy.counting import IntCounts, Release
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.privacy.marginals import MarginalCounts
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.sampling.draw import ready_to_sample
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, expand
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import GradientComputer, PlainGradient, StepGradients
from synthetic_healthcare.training.trainer import Trainer

NAMES = models.available()
#: Those that the trainer drives.
NETWORKS = tuple(name for name in NAMES if issubclass(models.model_class(name), TrainedModel))
#: Those that learn from counts.
MARGINAL = tuple(name for name in NAMES if issubclass(models.model_class(name), MarginalModel))
#: Those that learn how columns go together whatever way they do. The baselines do not: marginals alone, and
#: one correlation for all rows, which cannot be different between and within two groups. Nor do models of
#: counts, which see a number in bins that are wider than the groups of that test.
JOINT = tuple(name for name in NAMES if name not in ("independent", "copula", *MARGINAL))


def mixed_layout() -> Layout:
    """A number, a gate with a number and a category behind it, a category behind that, and a set of codes."""
    return Layout(
        (
            Part("age", "value", "continuous", 1, 0, 0),
            Part("lab", "present", "categorical", 2, 1, 0, (0.3, 0.7)),
            Part("lab", "state", "categorical", 3, 3, 1, (0.2, 0.3, 0.5), gate=(1, 1)),
            Part("lab", "value", "continuous", 1, 6, 1, gate=(2, 0)),
            Part("drugs", "value", "bits", 4, 7, 0, (0.5, 0.2, 0.1, 0.05)),
        )
    )


def mixed_rows(n: int, *, seed: int = 0) -> Encoded:
    rng = np.random.default_rng(seed)
    layout = mixed_layout()
    present = rng.integers(0, 2, n)
    state = np.where(present == 1, rng.integers(0, 3, n), -1)
    value = np.where(state == 0, rng.normal(size=n), 0.0)
    return Encoded(
        layout,
        np.stack([rng.normal(size=n), value], axis=1).astype(np.float32),
        np.stack([present, state], axis=1).astype(np.int32),
        (rng.random((n, 4)) < 0.3).astype(np.uint8),
    )


def built(name: str, layout: Layout, *, seed: int = 0) -> GenerativeModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return models.build(name, layout, models.config_class(name)())


def separable_network(name: str, layout: Layout) -> TrainedModel:
    """The form of a network in which rows do not mix: what a private training needs."""
    config = models.config_class(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.build(name, layout, config.model_validate(config.separable))
    assert isinstance(model, TrainedModel)
    return model


def trained(
    name: str, rows: Encoded, *, epochs: int = 2, gradient: GradientComputer | None = None
) -> GenerativeModel:
    model = built(name, rows.layout)
    if isinstance(model, FittedModel):
        model.fit(rows, rng=np.random.default_rng(0))
        return model
    if isinstance(model, MarginalModel):
        still: Any = StillCounts()
        if "iterations" in type(model.config).model_fields:
            model.config = model.config.model_copy(update={"iterations": 10 * epochs})
        model.fit(MarginalCounts(rows, still, rows=len(rows)), rng=np.random.default_rng(0))
        return model
    assert isinstance(model, TrainedModel)
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=Rows(rows, torch.device("cpu")),
        config=TrainingConfig(epochs=epochs),
        gradient=gradient or PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    trainer.run(None, checkpoint=None, progress=Silent())
    return model.eval()


class StillCounts:
    """Counts without noise, which say that theirs is 1: what is learnt from them is the same each time."""

    precision = 1e6
    share = 1.0
    rows_per_person = 1

    def __init__(self) -> None:
        self.ledger = PrivacyLedger(Budget(1000.0, 1e-5))

    def deviation(self, tables: int, share: float) -> float:
        return 1.0

    def release(self, count: Callable[[], Sequence[IntCounts]], **asked: Any) -> Release:
        return Release(tuple(count()), 1.0)


def sampled(model: GenerativeModel, n: int, *, seed: int = 0) -> Encoded:
    ready_to_sample(model)
    with torch.inference_mode():
        return model.sample(n, rng=torch.Generator().manual_seed(seed))


class OneRowAtATime:
    """Gradients row by row with other parameters than the module's own: what a private twin has to do."""

    def __call__(self, phase: Phase, inputs: Inputs) -> StepGradients:
        module = phase.module
        values = dict(module.named_parameters())
        names = list(values)

        def call(*args: Tensor) -> Tensor:
            found: Tensor = torch.func.functional_call(module, values, args)
            return found

        n = next((value.shape[0] for name, value in inputs.items() if name.startswith("row_")), 0)
        total = [torch.zeros_like(value) for value in values.values()]
        for row in range(n):
            one = {k: v[row : row + 1] if k.startswith("row_") else v for k, v in inputs.items()}
            loss = phase.row_loss(call, one)
            if loss is None:
                break
            assert loss.shape == (1,)
            for sum_, value in zip(total, _gradient(loss.sum(), values, names), strict=True):
                sum_ += value / n
        fakes = phase.fake_loss(call, inputs)
        free = phase.free_loss(call, inputs)
        for term in (None if fakes is None else fakes.mean(), free):
            if term is not None:
                for sum_, value in zip(total, _gradient(term, values, names), strict=True):
                    sum_ += value
        return StepGradients(tuple(total), None)


def _gradient(loss: Tensor, values: dict[str, Tensor], names: list[str]) -> list[Tensor]:
    found = torch.autograd.grad(loss, [values[name] for name in names], allow_unused=True)
    return [torch.zeros_like(values[n]) if g is None else g for n, g in zip(names, found, strict=True)]


def drawn(phase: Phase, rows: Encoded, n: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(1)
    free = phase.draw(n, 0.5, rng)
    if not phase.reads_rows:
        return free
    return {**free, **Rows(rows, torch.device("cpu")).show(phase, free, n=n, progress=0.5, rng=rng)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_computer_of_single_rows_gives_the_plain_gradient(name: str) -> None:
    model = separable_network(name, mixed_layout())
    phases = list(dict.fromkeys(model.schedule()))
    batches = [drawn(phase, mixed_rows(64), 16) for phase in phases]
    model.double()
    for phase, batch in zip(phases, batches, strict=True):
        inputs = {k: v.double() for k, v in batch.items()}
        plain = PlainGradient()(phase, inputs).values
        single = OneRowAtATime()(phase, inputs).values
        for a, b in zip(plain, single, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rows_loss_does_not_change_with_its_neighbours(name: str) -> None:
    model = separable_network(name, mixed_layout())
    for phase in dict.fromkeys(model.schedule()):
        if not phase.reads_rows:
            continue
        inputs = drawn(phase, mixed_rows(64), 8)
        loss = phase.row_loss(phase.module, inputs)
        assert loss is not None
        assert loss.shape == (8,)
        changed = dict(inputs)
        for key, value in inputs.items():
            if key.startswith("row_"):
                changed[key] = torch.cat([value[:1], torch.flip(value[1:], dims=[0])])
        again = phase.row_loss(phase.module, changed)
        assert again is not None
        torch.testing.assert_close(again[0], loss[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_only_row_inputs_hold_real_rows(name: str) -> None:
    """The free term must not move when the real rows do: under privacy it is post-processing."""
    model = separable_network(name, mixed_layout())
    for phase in dict.fromkeys(model.schedule()):
        first, second = (drawn(phase, mixed_rows(64, seed=seed), 8) for seed in (0, 1))
        for key in first:
            if not key.startswith("row_"):
                assert torch.equal(first[key], second[key]), f"{phase.name}: {key}"


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_hard_rows_whose_gates_hold(name: str) -> None:
    encoded = sampled(trained(name, mixed_rows(100), epochs=1), 500)
    present, state = encoded.codes.T
    assert set(present) == {0, 1}
    assert ((state == -1) == (present == 0)).all()
    assert ((encoded.continuous[:, 1] != 0) == (state == 0)).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_weights_and_rows(name: str) -> None:
    first, second = (trained(name, mixed_rows(100)) for _ in range(2))
    again = second.to_state()
    for key, value in first.to_state().items():
        np.testing.assert_array_equal(value, again[key], err_msg=key)
    a, b, c = sampled(first, 50), sampled(second, 50), sampled(first, 50, seed=1)
    np.testing.assert_array_equal(expand(a), expand(b))
    assert not np.array_equal(expand(a), expand(c))


@pytest.mark.parametrize("name", NAMES)
def test_categories_and_codes_are_drawn_at_their_rates(name: str) -> None:
    """A category of 8 % and a code of 5 % must not vanish, as they do under an argmax or a threshold."""
    rng = np.random.default_rng(0)
    layout = Layout(
        (
            Part("group", "value", "categorical", 3, 0, 0, (0.62, 0.3, 0.08)),
            Part("codes", "value", "bits", 3, 3, 0, (0.5, 0.2, 0.05)),
        )
    )
    n = 800
    rows = Encoded(
        layout,
        np.zeros((n, 0), np.float32),
        rng.choice(3, (n, 1), p=(0.62, 0.3, 0.08)).astype(np.int32),
        (rng.random((n, 3)) < np.array([0.5, 0.2, 0.05])).astype(np.uint8),
    )
    drawn_rows = sampled(trained(name, rows, epochs=60), 20_000)
    shares = np.bincount(drawn_rows.codes[:, 0], minlength=3) / 20_000
    np.testing.assert_allclose(shares, np.bincount(rows.codes[:, 0]) / n, atol=0.05)
    np.testing.assert_allclose(drawn_rows.bits.mean(axis=0), rows.bits.mean(axis=0), atol=0.05)


@pytest.mark.parametrize(
    # dp-gan is wgan-gp's game with its penalty elsewhere, and takes twice as long to play.
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name == "dp-gan" else []) for name in JOINT],
)
def test_a_mixture_with_known_answer_is_learnt(name: str) -> None:
    """Two normals at (-1.2, -1.2) and (1.2, 1.2), told apart by a category with 70 % and 30 %."""
    rng = np.random.default_rng(0)
    n = 1000
    side = (rng.random(n) < 0.3).astype(np.int32)
    values = np.where(side[:, None] == 1, 1.2, -1.2) + 0.3 * rng.normal(size=(n, 2))
    layout = Layout(
        (
            Part("x", "value", "continuous", 1, 0, 0),
            Part("y", "value", "continuous", 1, 1, 1),
            Part("side", "value", "categorical", 2, 2, 0, (0.7, 0.3)),
        )
    )
    rows = Encoded(layout, values.astype(np.float32), side[:, None], np.zeros((n, 0), np.uint8))
    found = sampled(trained(name, rows, epochs=80), 5000)
    chosen = found.codes[:, 0]
    assert abs((chosen == 1).mean() - side.mean()) < 0.06
    for category, centre in ((0, -1.2), (1, 1.2)):
        points = found.continuous[chosen == category]
        np.testing.assert_allclose(points.mean(axis=0), centre, atol=0.15)
        np.testing.assert_allclose(points.std(axis=0), 0.3, atol=0.15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", ["two columns", "200 columns", "1,000 codes"])
def test_narrow_wide_and_code_tables_train(name: str, shape: str) -> None:
    rng = np.random.default_rng(0)
    n = 80
    columns, codes = {"two columns": (2, 0), "200 columns": (200, 0), "1,000 codes": (0, 1000)}[shape]
    parts = [Part(f"c{i}", "value", "continuous", 1, i, i) for i in range(columns)]
    if codes:
        parts.append(Part("codes", "value", "bits", codes, columns, 0, (0.02,) * codes))
    rows = Encoded(
        Layout(tuple(parts)),
        rng.normal(size=(n, columns)).astype(np.float32),
        np.zeros((n, 0), np.int32),
        (rng.random((n, codes)) < 0.02).astype(np.uint8),
    )
    found = sampled(trained(name, rows, epochs=1), 40)
    assert np.isfinite(found.continuous).all()
    assert found.bits.shape == (40, codes)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_does_not_grow_with_the_rows(name: str) -> None:
    sizes = {
        sum(value.size for value in trained(name, mixed_rows(n), epochs=1).to_state().values())
        for n in (60, 600)
    }
    assert len(sizes) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_was_kept_draws_the_same_rows_in_another_process(name: str) -> None:
    model = trained(name, mixed_rows(100), epochs=1)
    again = built(name, mixed_layout(), seed=1)
    again.load_state(model.to_state())
    np.testing.assert_array_equal(expand(sampled(model, 50)), expand(sampled(again, 50)))


@pytest.mark.parametrize("name", MARGINAL)
def test_conditions_are_met_and_weighed_as_often_as_they_are_met_by_chance(name: str) -> None:
    model = trained(name, mixed_rows(2000))
    assert isinstance(model, ConditionalModel)
    condition = EncodedCondition(
        categories={1: np.array([False, True]), 2: np.array([True, False, True])},
        ranges={0: (-0.3, 1.1), 3: (-1.0, 0.2)},
        bits={4: np.array([1, -1, 0, -1], dtype=np.int8)},
    )
    n = 40_000
    free = sampled(model, n)
    met = free.take(np.flatnonzero(condition.holds(free)))
    with torch.inference_mode():
        given = model.sample_given(n, condition, rng=torch.Generator().manual_seed(1))
    assert condition.holds(given.rows).all()
    chance = len(met) / n
    assert given.weight.mean() == pytest.approx(chance, abs=5 * np.sqrt(chance / n))
    # What is drawn is distributed as what happens to meet the condition.
    error = 5 * np.sqrt(0.25 / len(met))
    assert abs((given.rows.codes[:, 1] == 0).mean() - (met.codes[:, 1] == 0).mean()) < error
    np.testing.assert_allclose(given.rows.bits.mean(axis=0), met.bits.mean(axis=0), atol=error)
    np.testing.assert_allclose(
        given.rows.continuous.mean(axis=0), met.continuous.mean(axis=0), atol=2 * error
    )
    impossible = EncodedCondition(categories={1: np.array([False, False])})
    with torch.inference_mode():
        assert not model.sample_given(10, impossible, rng=torch.Generator().manual_seed(1)).weight.any()


@pytest.mark.parametrize("name", NETWORKS)
def test_bf16_trains(name: str) -> None:
    model = trained(name, mixed_rows(100), epochs=1, gradient=PlainGradient("bf16"))
    assert np.isfinite(sampled(model, 20).continuous).all()


@pytest.mark.parametrize("name", [name for name in NAMES if models.config_class(name).small])
def test_small_tables_have_defaults_of_their_own_which_the_user_can_set(name: str) -> None:
    small, large = (models.settings(name, {}, rows=rows) for rows in (100, 10_000))
    assert large == models.config_class(name)()
    assert small == models.config_class(name).model_validate(models.config_class(name).small)
    field = next(iter(models.config_class(name).small))
    assert getattr(models.settings(name, {field: getattr(large, field)}, rows=100), field) == getattr(
        large, field
    )
