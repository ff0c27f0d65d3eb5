"""The autoregressive net: probabilities add up, draws follow them, conditions and gaps have known answers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synthetic_healthcare.models._numbers import Bins, Mixture, NumberHead, pick
from synthetic_healthcare.models._tokens import behind, see_numbers, tokens_of
from synthetic_healthcare.models.autoregressive import Autoregressive
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.threads import threads
from synthetic_healthcare.training.trainer import Trainer

#: A gate, a category behind it, a code behind that, and two codes that always exist.
DISCRETE = Layout(
    (
        Part("lab", "present", "categorical", 2, 0, 0, (0.4, 0.6)),
        Part("lab", "state", "categorical", 3, 2, 1, (0.2, 0.3, 0.5), gate=(0, 1)),
        Part("drug", "value", "bits", 1, 5, 0, (0.3,), gate=(1, 2)),
        Part("codes", "value", "bits", 2, 6, 1, (0.5, 0.2)),
    )
)
#: A number behind a gate, and one that always exists.
NUMBERS = Layout(
    (
        Part("lab", "present", "categorical", 2, 0, 0, (0.4, 0.6)),
        Part("lab", "value", "continuous", 1, 2, 0, gate=(0, 1)),
        Part("age", "value", "continuous", 1, 3, 1),
    )
)


def untrained(layout: Layout, *, seed: int = 0, **settings: object) -> Autoregressive:
    """A net whose heads are not zero, so that everything depends on everything before it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Autoregressive(layout, Autoregressive.Config.model_validate(settings))
        with torch.no_grad():
            for head in model.net.head_weight:
                head.normal_()
    return model.eval()


def trained(rows: Encoded, *, epochs: int, **settings: object) -> Autoregressive:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Autoregressive(rows.layout, Autoregressive.Config.model_validate(settings))
    trainer = Trainer(
        model.schedule(),
        model.sampler(),
        rows=Rows(rows, torch.device("cpu")),
        config=TrainingConfig(epochs=epochs),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    with threads(1):
        trainer.run(None, checkpoint=None, progress=Silent())
    return model.eval()


def every_row() -> Encoded:
    """All rows that `DISCRETE` allows."""
    found = []
    for present, state, drug, *codes in itertools.product((0, 1), (0, 1, 2), (0, 1), (0, 1), (0, 1)):
        row = (present, state if present else -1, drug if present and state == 2 else 0, *codes)
        if row not in found:
            found.append(row)
    table = np.array(found)
    return Encoded(
        DISCRETE,
        np.zeros((len(table), 0), np.float32),
        table[:, :2].astype(np.int32),
        table[:, 2:].astype(np.uint8),
    )


def as_numbers(rows: Encoded) -> npt.NDArray[np.int64]:
    """One number for each different row of `DISCRETE`."""
    columns = np.concatenate([rows.codes + 1, rows.bits], axis=1)
    return columns @ (4 ** np.arange(columns.shape[1]))


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_probabilities_of_all_rows_add_up_to_one() -> None:
    rows = every_row()
    assert len(rows) == (1 + 2 + 2) * 4
    assert np.exp(untrained(DISCRETE).log_likelihood(rows)).sum() == pytest.approx(1, abs=1e-5)


def test_rows_are_drawn_as_often_as_their_likelihood_says() -> None:
    model = untrained(DISCRETE)
    rows, n = every_row(), 40_000
    with torch.inference_mode():
        drawn = model.sample(n, rng=stream())
    expected = np.exp(model.log_likelihood(rows))
    counts = np.array([(as_numbers(drawn) == row).sum() for row in as_numbers(rows)])
    assert counts.sum() == n
    error = np.sqrt(expected * (1 - expected) / n)
    np.testing.assert_array_less(np.abs(counts / n - expected), 4.5 * error + 1e-9)


def test_an_untrained_net_is_independent_columns_at_the_marginals() -> None:
    model = Autoregressive(DISCRETE, Autoregressive.Config())
    rows = Encoded(
        DISCRETE, np.zeros((1, 0), np.float32), np.array([[1, 2]], np.int32), np.array([[1, 0, 1]], np.uint8)
    )
    by_hand = math.log(0.6 * 0.5 * 0.3 * 0.5 * 0.2)
    assert model.log_likelihood(rows)[0] == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("numbers", ["bins", "mixture"])
def test_numbers_are_drawn_as_their_density_says(numbers: str) -> None:
    """The density of the last number, integrated over a range, is the share of the draws in it."""
    model = untrained(NUMBERS, numbers=numbers, seed=3)
    grid = np.linspace(-8, 8, 4001, dtype=np.float32)
    still = np.zeros_like(grid)
    rows = Encoded(
        NUMBERS,
        np.stack([still, grid], axis=1),
        np.zeros((len(grid), 1), np.int32),
        np.zeros((len(grid), 0), np.uint8),
    )
    density = np.exp(model.log_likelihood(rows))
    absent = density.sum() * (grid[1] - grid[0])
    with torch.inference_mode():
        drawn = model.sample(40_000, rng=stream())
    alone = drawn.codes[:, 0] == 0
    assert alone.mean() == pytest.approx(absent, abs=0.012)
    below = density[grid < 0.3].sum() * (grid[1] - grid[0]) / absent
    assert (drawn.continuous[alone, 1] < 0.3).mean() == pytest.approx(below, abs=0.02)


@pytest.mark.parametrize("head", [Bins(32), Mixture(1, 0.0), Mixture(5, 0.0)])
def test_number_heads_start_as_the_standard_normal(head: NumberHead) -> None:
    raw = head.start()[:, None].expand(-1, 20_000)
    drawn = head.draw(raw, stream())
    assert float(drawn.mean()) == pytest.approx(0, abs=0.03)
    assert float(drawn.std()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("head", [Bins(32), Mixture(1, 0.0)])
def test_numbers_within_limits_have_the_normal_probability(head: NumberHead) -> None:
    raw = head.start()[:, None].expand(-1, 20_000)
    drawn, mass = head.draw_between(raw, (0.2, 1.1), stream())
    assert float(drawn.min()) >= 0.2
    assert float(drawn.max()) <= 1.1
    by_hand = 0.5 * (math.erf(1.1 / math.sqrt(2)) - math.erf(0.2 / math.sqrt(2)))
    np.testing.assert_allclose(mass.numpy(), by_hand, atol=1e-5)
    # Mean of a truncated normal variable: (phi(a) - phi(b)) / P.
    mean = (math.exp(-0.02) - math.exp(-0.605)) / math.sqrt(2 * math.pi) / by_hand
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.01)


def test_a_choice_is_drawn_by_inversion() -> None:
    weights = torch.tensor([[1.0], [0.0], [3.0]]).expand(-1, 4)
    chosen = pick(weights, torch.tensor([0.0, 0.2, 0.26, 0.999])).sum(dim=0)
    assert chosen.tolist() == [0, 0, 2, 2]


def test_tents_add_up_to_one_and_know_the_place() -> None:
    centres = torch.linspace(-2.4, 2.4, 9)
    seen = see_numbers(torch.tensor([-9.0, 0.0, 0.3, 9.0]), centres)
    np.testing.assert_allclose(seen[:, 1:].sum(dim=1).numpy(), 1, atol=1e-6)
    np.testing.assert_allclose(seen[2, 1:].numpy(), [0, 0, 0, 0, 0.5, 0.5, 0, 0, 0], atol=1e-6)


def test_nothing_behind_a_gate_gives_the_gate_away() -> None:
    found = behind(tokens_of(DISCRETE, tents=9))
    assert found.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_a_condition_is_met_and_its_probability_is_the_weight() -> None:
    """The lab is there and its state is 2: by enumeration of the rows that meet it."""
    model = untrained(DISCRETE)
    condition = EncodedCondition(
        categories={0: np.array([False, True]), 1: np.array([False, False, True])},
    )
    with torch.inference_mode():
        drawn = model.sample_given(500, condition, rng=stream())
    assert (drawn.rows.codes == [1, 2]).all()
    rows = every_row()
    share = np.exp(model.log_likelihood(rows))[(rows.codes == [1, 2]).all(axis=1)].sum()
    # Nothing is drawn freely before them, so every row has the same weight.
    np.testing.assert_allclose(drawn.weight, share, rtol=1e-4)


def test_the_mean_weight_of_a_late_condition_is_its_probability() -> None:
    model = untrained(DISCRETE)
    with torch.inference_mode():
        drawn = model.sample_given(
            20_000, EncodedCondition(bits={3: np.array([-1, 1], np.int8)}), rng=stream()
        )
    assert (drawn.rows.bits[:, 2] == 1).all()
    rows = every_row()
    share = np.exp(model.log_likelihood(rows))[rows.bits[:, 2] == 1].sum()
    assert 0.02 < share < 0.98
    error = drawn.weight.std() / math.sqrt(20_000)
    assert abs(drawn.weight.mean() - share) < 4.5 * error


def test_a_constraint_counts_only_where_its_part_exists() -> None:
    model = untrained(DISCRETE)
    condition = EncodedCondition(categories={1: np.array([True, False, False])})
    with torch.inference_mode():
        drawn = model.sample_given(2000, condition, rng=stream())
    absent = drawn.rows.codes[:, 0] == 0
    assert 0 < absent.mean() < 1
    assert set(drawn.rows.codes[~absent, 1]) == {0}
    assert (drawn.weight[absent] == 1).all()
    assert (drawn.weight[~absent] < 1).all()


def chain(n: int) -> Encoded:
    """A fair group; a code that follows the group in 9 of 10 rows; a number at -1 or 1 by the code."""
    rng = np.random.default_rng(0)
    layout = Layout(
        (
            Part("group", "value", "categorical", 2, 0, 0, (0.5, 0.5)),
            Part("code", "value", "bits", 1, 2, 0, (0.5,)),
            Part("x", "value", "continuous", 1, 3, 0),
        )
    )
    group = rng.integers(0, 2, n)
    code = np.where(rng.random(n) < 0.9, group, 1 - group)
    x = np.where(code == 1, 1.0, -1.0) + 0.3 * rng.normal(size=n)
    return Encoded(
        layout, x[:, None].astype(np.float32), group[:, None].astype(np.int32), code[:, None].astype(np.uint8)
    )


@pytest.fixture(scope="module")
def learnt() -> Autoregressive:
    return trained(chain(2000), epochs=40, any_order=0.6, learning_rate=0.01)


def mean(values: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]) -> float:
    return float(np.average(values, weights=weight))


def test_conditions_on_what_comes_last_reach_what_comes_first(learnt: Autoregressive) -> None:
    with torch.inference_mode():
        drawn = learnt.sample_given(8000, EncodedCondition(ranges={2: (0.5, 3.0)}), rng=stream())
    assert ((drawn.rows.continuous >= 0.5) & (drawn.rows.continuous <= 3.0)).all()
    assert (drawn.weight <= 1).all()
    # The code is set in half of the rows, and x is above 0.5 in Phi(5/3) of those.
    assert drawn.weight.mean() == pytest.approx(0.5 * 0.952, abs=0.03)
    assert mean(drawn.rows.bits[:, 0] == 1, drawn.weight) == pytest.approx(1, abs=0.03)
    assert mean(drawn.rows.codes[:, 0] == 1, drawn.weight) == pytest.approx(0.9, abs=0.03)


def test_a_code_can_be_asked_for_or_ruled_out(learnt: Autoregressive) -> None:
    for wanted in (0, 1):
        condition = EncodedCondition(bits={1: np.array([wanted], dtype=np.int8)})
        with torch.inference_mode():
            drawn = learnt.sample_given(8000, condition, rng=stream())
        assert (drawn.rows.bits == wanted).all()
        assert drawn.weight.mean() == pytest.approx(0.5, abs=0.03)
        assert mean(drawn.rows.codes[:, 0] == wanted, drawn.weight) == pytest.approx(0.9, abs=0.03)


def test_where_weights_would_leave_few_rows_what_is_constrained_is_drawn_first(
    learnt: Autoregressive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthetic_healthcare.models.autoregressive._FEWEST_KEPT", 1.1)
    with torch.inference_mode():
        drawn = learnt.sample_given(8000, EncodedCondition(ranges={2: (0.5, 3.0)}), rng=stream())
    assert ((drawn.rows.continuous >= 0.5) & (drawn.rows.continuous <= 3.0)).all()
    # One constraint that is reached with nothing decided has one probability, that of the condition.
    np.testing.assert_allclose(drawn.weight, 0.5 * 0.952, atol=0.05)
    assert (drawn.rows.bits == 1).mean() == pytest.approx(1, abs=0.03)
    # Another order than the table's is learnt in part of the updates only, and less sharply.
    assert (drawn.rows.codes == 1).mean() == pytest.approx(0.9, abs=0.08)


def test_gaps_of_any_pattern_are_filled_given_the_rest(learnt: Autoregressive) -> None:
    rows = chain(4000)
    rng = np.random.default_rng(1)
    known = rng.random((len(rows), 3)) < 0.5
    # What stands in unknown parts must not matter: it is overwritten with the opposite.
    spoilt = Encoded(
        rows.layout,
        np.where(known[:, [2]], rows.continuous, -rows.continuous),
        np.where(known[:, [0]], rows.codes, 1 - rows.codes).astype(np.int32),
        np.where(known[:, [1]], rows.bits, 1 - rows.bits).astype(np.uint8),
    )
    with torch.inference_mode():
        filled = learnt.complete(spoilt, known, rng=stream())
    for part, (given, found) in enumerate(
        ((rows.codes, filled.codes), (rows.bits, filled.bits), (rows.continuous, filled.continuous))
    ):
        np.testing.assert_array_equal(given[known[:, part]], found[known[:, part]])
    group, code = filled.codes[:, 0], filled.bits[:, 0]
    only_x = ~known[:, 0] & ~known[:, 1] & known[:, 2]
    assert (code == (rows.continuous[:, 0] > 0))[only_x].mean() == pytest.approx(1, abs=0.03)
    assert (group == code)[only_x].mean() == pytest.approx(0.9, abs=0.08)
    nothing = ~known.any(axis=1)
    assert (group == code)[nothing].mean() == pytest.approx(0.9, abs=0.07)


def test_a_gap_behind_a_gate_that_is_drawn_shut_stays_empty() -> None:
    model = untrained(NUMBERS)
    n = 400
    rows = Encoded(
        NUMBERS, np.full((n, 2), 0.7, np.float32), np.ones((n, 1), np.int32), np.zeros((n, 0), np.uint8)
    )
    known = np.tile([False, True, True], (n, 1))
    with torch.inference_mode():
        filled = model.complete(rows, known, rng=stream())
    shut = filled.codes[:, 0] == 0
    assert 0 < shut.mean() < 1
    np.testing.assert_array_equal(filled.continuous[:, 0] == 0, shut)
    np.testing.assert_array_equal(filled.continuous[:, 1], np.float32(0.7))


def test_very_wide_tables_get_narrow_nets() -> None:
    codes = Layout((Part("codes", "value", "bits", 800, 0, 0, (0.02,) * 800),))
    assert Autoregressive(codes, Autoregressive.Config()).net.bias.shape == (800, 8)
