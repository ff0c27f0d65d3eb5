"""The forest: exact conditions, what trees add to lines, and the floor under what it keeps."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synthetic_healthcare.models.forest import Forest
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part

GROUPS = Layout(
    (
        Part("group", "value", "categorical", 2, 0, 0, (0.7, 0.3)),
        Part("x", "value", "continuous", 1, 2, 0),
    )
)
GATED = Layout(
    (
        Part("lab", "present", "categorical", 2, 0, 0, (0.4, 0.6)),
        Part("lab", "value", "continuous", 1, 2, 0, gate=(0, 1)),
        Part("drugs", "value", "bits", 3, 3, 0, (0.5, 0.3, 0.2)),
    )
)
TWO_NUMBERS = Layout((Part("x", "value", "continuous", 1, 0, 0), Part("y", "value", "continuous", 1, 1, 1)))


def table(
    layout: Layout,
    numbers: npt.NDArray[np.floating],
    codes: npt.NDArray[np.integer] | None = None,
    bits: npt.NDArray[np.generic] | None = None,
) -> Encoded:
    n = len(numbers)
    none = np.zeros((n, 0))
    return Encoded(
        layout,
        numbers.astype(np.float32),
        (none if codes is None else codes).astype(np.int32),
        (none if bits is None else bits).astype(np.uint8),
    )


def fitted(rows: Encoded, **settings: float) -> Forest:
    model = Forest(rows.layout, Forest.Config.model_validate(settings))
    model.fit(rows, rng=np.random.default_rng(0))
    return model


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grouped(n: int) -> Encoded:
    """x is normal around -1 in a group of 70 % and around 1 in one of 30 %, with a spread of 0.5."""
    rng = np.random.default_rng(0)
    group = (rng.random(n) < 0.3).astype(int)
    return table(GROUPS, (2 * group - 1 + 0.5 * rng.normal(size=n))[:, None], group[:, None])


def gated(n: int) -> Encoded:
    rng = np.random.default_rng(0)
    present = rng.random(n) < 0.6
    value = np.where(present, rng.normal(size=n), 0.0)
    chance = np.where(present[:, None], (0.7, 0.3, 0.3), (0.2, 0.3, 0.05))
    return table(GATED, value[:, None], present[:, None].astype(int), rng.random((n, 3)) < chance)


def test_a_condition_has_the_probability_that_calculus_gives_it() -> None:
    model = fitted(grouped(4000))
    condition = EncodedCondition(categories={0: np.array([False, True])}, ranges={1: (0.5, 1.5)})
    found = model.sample_given(20_000, condition, rng=stream())
    assert condition.holds(found.rows).all()
    normal = NormalDist(1.0, 0.5)
    assert found.weight.mean() == pytest.approx(0.3 * (normal.cdf(1.5) - normal.cdf(0.5)), abs=0.012)
    # Cut at equal distances on both sides of its centre, a normal keeps its mean; its spread is 0.2698.
    x = found.rows.continuous[:, 0]
    assert np.average(x, weights=found.weight) == pytest.approx(1.0, abs=0.02)
    assert x.std() == pytest.approx(0.2698, abs=0.01)


def test_a_range_tells_the_odds_of_the_category_before_it() -> None:
    """By Bayes' rule, x > 0 makes a group of 30 % one of 0.3 c / (0.3 c + 0.7 (1 - c)), c = Phi(2)."""
    model = fitted(grouped(4000))
    found = model.sample_given(20_000, EncodedCondition(ranges={1: (0.0, np.inf)}), rng=stream())
    chance = NormalDist().cdf(2.0)
    odds = 0.3 * chance / (0.3 * chance + 0.7 * (1 - chance))
    assert np.average(found.rows.codes[:, 0], weights=found.weight) == pytest.approx(odds, abs=0.03)


def test_weights_average_to_the_share_of_free_draws_that_meet_the_condition() -> None:
    model = fitted(gated(1000))
    condition = EncodedCondition(ranges={1: (-0.2, 1.0)}, bits={2: np.array([1, -1, 0], dtype=np.int8)})
    free = model.sample(40_000, rng=stream(1))
    found = model.sample_given(40_000, condition, rng=stream(2))
    assert condition.holds(found.rows).all()
    assert found.weight.max() <= 1.0
    assert found.weight.mean() == pytest.approx(condition.holds(free).mean(), abs=0.008)
    # Where the lab is absent, its range asks for nothing, and only the codes weigh.
    absent = found.rows.codes[:, 0] == 0
    assert (found.rows.continuous[absent, 0] == 0).all()
    assert np.unique(found.weight[absent].round(9)).size <= 8


def test_what_cannot_be_has_no_weight() -> None:
    found = fitted(grouped(400)).sample_given(
        50, EncodedCondition(ranges={1: (1000.0, 1001.0)}), rng=stream()
    )
    assert (found.weight == 0).all()
    assert np.isfinite(found.rows.continuous).all()


def test_trees_learn_what_lines_cannot() -> None:
    """y is |x| with noise: no line tells anything of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    y = 2 * (np.abs(x) - 0.8) + 0.2 * rng.normal(size=1500)
    rows = table(TWO_NUMBERS, np.stack([x, y], axis=1))

    def association(model: Forest) -> float:
        first, second = model.sample(5000, rng=stream()).continuous.T
        return float(np.corrcoef(np.abs(first), second)[0, 1])

    assert abs(association(fitted(rows, trees=0))) < 0.1
    assert association(fitted(rows)) > 0.8 * np.corrcoef(np.abs(x), y)[0, 1]


def test_trees_learn_where_a_number_spreads() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 1500)
    rows = table(GROUPS, (np.where(group == 1, 1.4, 0.2) * rng.normal(size=1500))[:, None], group[:, None])
    found = fitted(rows).sample(5000, rng=stream())
    spreads = [float(found.continuous[found.codes[:, 0] == g, 0].std()) for g in (0, 1)]
    np.testing.assert_allclose(spreads, [0.2, 1.4], rtol=0.15)


def test_the_shape_of_what_a_line_leaves_is_kept() -> None:
    """Residuals of an exponential distribution: skewed by 2, and never far below their mean."""
    rng = np.random.default_rng(0)
    rest = rng.exponential(size=2000) - 1
    x = rng.normal(size=2000)
    found = fitted(table(TWO_NUMBERS, np.stack([x, x + rest], axis=1)), trees=0).sample(20_000, rng=stream())
    drawn = found.continuous[:, 1] - found.continuous[:, 0]
    assert drawn.mean() == pytest.approx(rest.mean(), abs=0.03)
    assert drawn.std() == pytest.approx(rest.std(), abs=0.03)
    assert ((drawn / drawn.std()) ** 3).mean() == pytest.approx(2.0, abs=0.6)
    assert (drawn < -1.3).mean() < 0.02


def test_noise_grows_no_trees() -> None:
    """A tree that does not tell new rows better is not kept."""
    rng = np.random.default_rng(0)
    state = fitted(table(TWO_NUMBERS, rng.normal(size=(400, 2)))).to_state()
    trees = len(state["1.roots"])
    assert len(state["1.feature"]) < 0.3 * trees * 2 * (200 / 10)
    spread = state["1.leaves"][:, 1]
    np.testing.assert_allclose(spread[np.isfinite(state["1.threshold"])], 1.0, atol=0.6)


def test_codes_keep_their_rates_and_go_together() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    codes = rng.random((n, 40)) < 0.1
    codes[:, 1] = np.where(codes[:, 0], rng.random(n) < 0.8, rng.random(n) < 0.05)
    codes[:, 2] = rng.random(n) < 0.002
    layout = Layout((Part("codes", "value", "bits", 40, 0, 0, (0.1,) * 40),))
    found = fitted(table(layout, np.zeros((n, 0)), bits=codes)).sample(20_000, rng=stream()).bits == 1
    np.testing.assert_allclose(found.mean(axis=0), codes.mean(axis=0), atol=0.012)
    assert found[found[:, 0], 1].mean() == pytest.approx(codes[codes[:, 0], 1].mean(), abs=0.04)
    assert found[~found[:, 0], 1].mean() == pytest.approx(codes[~codes[:, 0], 1].mean(), abs=0.02)


def test_no_patient_is_found_in_what_is_kept() -> None:
    """A patient far out of all others leaves no number of theirs behind, nor a leaf of their own."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(300, 4))
    numbers[17] = (3.14159, -2.71828, 3.33333, 2.99792)
    parts = tuple(Part(f"c{i}", "value", "continuous", 1, i, i) for i in range(4))
    state = fitted(table(Layout(parts), numbers)).to_state()
    kept = np.concatenate([array.ravel().astype(np.float64) for array in state.values()])
    for value in numbers[17]:
        assert np.abs(kept - value).min() > 1e-6
    assert all(array.dtype.kind in "fiu" for array in state.values())
    assert all(300 not in array.shape for array in state.values())


def test_too_few_rows_of_a_part_leave_it_as_it_is_encoded() -> None:
    """Five patients' labs are no ground to learn from: the lab is standard normal, as its encoding says."""
    rng = np.random.default_rng(0)
    present = np.arange(200) < 5
    value = np.where(present, 3.0, 0.0)[:, None]
    rows = table(GATED, value, present[:, None].astype(int), rng.random((200, 3)) < 0.3)
    found = fitted(rows).sample_given(
        4000, EncodedCondition(categories={0: np.array([False, True])}), rng=stream()
    )
    assert found.rows.continuous[:, 0].mean() == pytest.approx(0.0, abs=0.06)
    assert found.rows.continuous[:, 0].std() == pytest.approx(1.0, abs=0.05)


def test_large_tables_are_learnt_from_a_choice_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthetic_healthcare.models.forest._MOST_ROWS", 500)
    monkeypatch.setattr("synthetic_healthcare.models.forest._PORTION", 300)
    found = fitted(grouped(2000)).sample(1000, rng=stream())
    group = found.codes[:, 0]
    assert group.mean() == pytest.approx(0.3, abs=0.06)
    centres = [found.continuous[group == g, 0].mean() for g in (0, 1)]
    np.testing.assert_allclose(centres, [-1.0, 1.0], atol=0.1)
