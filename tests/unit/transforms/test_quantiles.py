"""The quantile function: exact where it must be, protected at its ends, small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import ks_2samp, kstest

from synthetic_healthcare.transforms.grid import Grid
from synthetic_healthcare.transforms.quantiles import (
    SCORE_LIMIT,
    QuantileFunction,
    _cuts,
    fit_quantiles,
    protected_end,
)

WHOLE, FREE = Grid(0), Grid(None)


def distance(left: np.ndarray, right: np.ndarray) -> float:
    return float(ks_2samp(left, right, method="asymp").statistic)


def test_two_heaps_by_hand() -> None:
    fitted = fit_quantiles(np.array([1.0] * 6 + [3.0] * 2 * 3), WHOLE, floor=5, knots=16)
    np.testing.assert_allclose(fitted.u, [0.0, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(fitted.q, [1.0, 1.0, 3.0, 3.0])
    scores = ndtri(np.array([0.01, 0.49, 0.51, 0.99])).astype(np.float32)
    np.testing.assert_array_equal(fitted.decode(scores), [1.0, 1.0, 3.0, 3.0])


def test_knots_are_means_of_adjacent_values_by_hand() -> None:
    # Ten distinct values, floor 5: two groups with means 3 and 8 at u = 1/4 and 3/4. Either end is the mean
    # of the five outermost values and 1.5 = 3/4 of their uniform half-width sqrt(3) * sqrt(2) beyond it: the
    # whole of it would be 0.55, below the real minimum, and three quarters are 1.163.
    fitted = fit_quantiles(np.arange(1.0, 11.0), FREE, floor=5, knots=64)
    np.testing.assert_allclose(fitted.u, [0.0, 0.25, 0.75, 1.0])
    reach = 0.75 * np.sqrt(6.0)
    np.testing.assert_allclose(fitted.q, [3.0 - reach, 3.0, 8.0, 8.0 + reach])


def test_a_heap_among_other_values_by_hand() -> None:
    # 2 patients below a heap of 6 at 10, 2 above: each side has too few for a knot, and is one straight piece
    # from the protected end to the edge of the heap's rounding cell.
    fitted = fit_quantiles(np.array([2.0, 4.0] + [10.0] * 6 + [16.0, 18.0]), WHOLE, floor=5, knots=16)
    np.testing.assert_allclose(fitted.u, [0.0, 0.2, 0.2, 0.8, 0.8, 1.0])
    # mean of (2, 4, 10, 10, 10) is 7.2 and its half-width 6.05: all of it would be 1.15, three quarters 2.66
    np.testing.assert_allclose(fitted.q, [3.0, 9.5, 10.0, 10.0, 10.5, 17.0])


@pytest.mark.parametrize(
    ("ordered", "grid", "end"),
    [
        ([5.0] * 5 + [9.0], WHOLE, 5.0),  # the minimum is held by five
        ([1.0, 2.0, 3.0, 4.0, 5.0], WHOLE, 2.0),  # 3 - 0.75 * 2.45 = 1.16, next whole number
        ([4.0, 5.0, 5.0, 5.0, 5.0, 9.0], WHOLE, 5.0),  # nothing whole between 4 and 5
        ([0.0, 100.0, 100.0, 100.0, 100.0], WHOLE, 11.0),  # 80 - 69.28 = 10.7
    ],
)
def test_protected_end_by_hand(ordered: list[float], grid: Grid, end: float) -> None:
    assert protected_end(np.array(ordered), grid, floor=5) == end


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.integers(-50, 50), min_size=5, max_size=120),
    decimals=st.sampled_from([0, 1, None]),
    knots=st.sampled_from([8, 32, 256]),
    seed=st.integers(0, 5),
)
def test_whatever_the_values(values: list[int], decimals: int | None, knots: int, seed: int) -> None:
    x = np.array(values, dtype=float) / (1.0 if decimals == 0 else 10.0)
    fitted = fit_quantiles(x, Grid(decimals), floor=5, knots=knots)
    assert fitted.u[0] == 0.0
    assert fitted.u[-1] == 1.0
    assert np.all(np.diff(fitted.u) >= 0)
    assert np.all(np.diff(fitted.q) >= 0)
    rng = np.random.default_rng(seed)
    scores = fitted.encode(x, rng)
    assert np.all(np.abs(scores) <= SCORE_LIMIT)
    drawn = fitted.decode(np.concatenate([scores, rng.normal(0, 3, 500).astype(np.float32)]))
    np.testing.assert_array_equal(drawn, Grid(decimals).round(drawn))
    for sign in (-1.0, 1.0):
        extreme = (sign * x).max()
        if np.sum(sign * x == extreme) >= 5:
            assert (sign * drawn).max() <= extreme
        elif extreme > (sign * x).min() + 1:
            assert (sign * drawn).max() < extreme


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=30, max_size=200), st.integers(0, 3))
def test_heaps_come_back_exactly(values: list[int], seed: int) -> None:
    x = np.repeat(np.array(values, dtype=float), 5)  # every value is held by at least five
    fitted = fit_quantiles(x, WHOLE, floor=5, knots=64)
    np.testing.assert_array_equal(fitted.decode(fitted.encode(x, np.random.default_rng(seed))), x)


@pytest.mark.parametrize(
    ("name", "grid"), [("normal", FREE), ("normal", Grid(1)), ("lognormal", Grid(2)), ("cauchy", FREE)]
)
def test_distribution_is_kept_and_scores_are_normal(name: str, grid: Grid) -> None:
    rng = np.random.default_rng(3)
    x = {
        "normal": rng.normal(50, 9, 4000),
        "lognormal": rng.lognormal(0, 1, 4000),
        "cauchy": rng.standard_cauchy(4000),
    }[name]
    x = grid.round(x)
    fitted = fit_quantiles(x, grid, floor=5, knots=256)
    scores = fitted.encode(x, rng)
    assert kstest(scores, "norm").statistic < 0.015
    assert distance(fitted.decode(scores), x) < 0.01
    fresh = fitted.decode(rng.standard_normal(20_000).astype(np.float32))
    assert distance(fresh, x) < 0.02


def test_heaping_survives_fresh_draws() -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(130, 20, 3000).round()
    x = np.where(rng.random(3000) < 0.4, np.round(exact, -1), exact)
    fitted = fit_quantiles(x, WHOLE, floor=5, knots=64)  # fewer knots than distinct values
    fresh = fitted.decode(rng.standard_normal(30_000).astype(np.float32))
    assert np.mean(fresh % 10 == 0) == pytest.approx(np.mean(x % 10 == 0), abs=0.02)


def test_more_frequent_values_than_knots() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 1000, 20_000).astype(float)  # a thousand values, each held by about twenty
    fitted = fit_quantiles(x, WHOLE, floor=5, knots=64)
    assert len(fitted.u) <= 6 * 64 + 8
    fresh = fitted.decode(rng.standard_normal(20_000).astype(np.float32))
    assert distance(fresh, x) < 0.02


def test_state_does_not_grow_with_the_rows() -> None:
    sizes = []
    for n in (2_000, 20_000):
        x = np.random.default_rng(n).normal(size=n)
        sizes.append(fit_quantiles(x, FREE, floor=5, knots=256).u.size)
    assert sizes[0] == sizes[1] == 258


def test_no_knot_is_a_value_that_one_patient_holds() -> None:
    x = np.random.default_rng(5).normal(size=333)
    fitted = fit_quantiles(x, FREE, floor=5, knots=256)
    assert not np.isin(fitted.q, x).any()


def test_a_gap_in_the_data_stays_a_gap() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([np.full(300, 5.0), rng.uniform(100, 200, 300).round(1)])
    fitted = fit_quantiles(x, Grid(1), floor=5, knots=64)
    fresh = fitted.decode(rng.standard_normal(5000).astype(np.float32))
    assert np.mean((fresh > 5.0) & (fresh < 95.0)) == 0.0


def test_table_of_cells_agrees_with_direct_interpolation() -> None:
    x = np.random.default_rng(8).gamma(2.0, 3.0, 900)
    fitted = fit_quantiles(x, FREE, floor=5, knots=256)
    scores = np.concatenate([np.linspace(-6, 6, 5001), fitted.encode(x, np.random.default_rng(0))]).astype(
        np.float32
    )
    direct = np.interp(ndtr(scores.astype(float)), fitted.u, fitted.q)
    np.testing.assert_allclose(fitted.decode(scores), direct, rtol=0, atol=2e-5)


def test_values_beyond_the_ends_do_not_pile_up() -> None:
    x = np.random.default_rng(4).normal(size=500)
    fitted = fit_quantiles(x, FREE, floor=5, knots=256)
    outside = np.full(200, x.max() + 100.0)
    scores = fitted.encode(outside, np.random.default_rng(0))
    assert len(np.unique(scores)) > 150
    assert scores.min() > 2.0


def test_nothing_whole_between_two_rare_extremes() -> None:
    fitted = fit_quantiles(np.array([4.0, 4.0, 4.0, 5.0, 5.0, 5.0]), WHOLE, floor=5, knots=8)
    assert isinstance(fitted, QuantileFunction)
    assert fitted.low == fitted.high == 4.0  # one value for all: the mean, 4.5, as it rounds


@settings(max_examples=200, deadline=None)
@given(
    floor=st.integers(1, 7),
    groups=st.integers(1, 60),
    spare=st.integers(0, 500),
    outer=st.tuples(st.booleans(), st.booleans()),
)
def test_every_group_holds_the_floor(floor: int, groups: int, spare: int, outer: tuple[bool, bool]) -> None:
    rows = floor * groups + spare
    sizes = np.diff(_cuts(rows, groups, floor, outer))
    assert sizes.sum() == rows
    assert len(sizes) == groups
    assert sizes.min() >= floor


def test_groups_are_finer_towards_an_outer_end() -> None:
    sizes = np.diff(_cuts(1000, 20, 5, (True, False)))
    np.testing.assert_array_equal(sizes[:5], [5, 5, 10, 20, 40])
    assert sizes[5:].min() >= 50


def test_thin_tail_keeps_its_shape() -> None:
    x = np.random.default_rng(6).lognormal(0, 1.5, 20_000)
    fitted = fit_quantiles(x, FREE, floor=5, knots=256)
    fresh = fitted.decode(np.random.default_rng(7).standard_normal(200_000).astype(np.float32))
    for level in (0.99, 0.999):
        assert np.quantile(fresh, level) == pytest.approx(np.quantile(x, level), rel=0.07)
    assert fresh.mean() == pytest.approx(x.mean(), rel=0.1)
