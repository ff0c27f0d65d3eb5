"""What a distribution shows, and above all what it must not show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.evaluation.page import distributions
from synthetic_healthcare.evaluation.page.distributions import FLOOR


def counts_of(shares: list[float], rows: int) -> np.ndarray:
    return np.rint(np.asarray(shares) * rows).astype(int)


def test_small_categories_are_counted_together() -> None:
    real = ["a"] * 50 + ["b"] * 30 + ["c"] * 10 + ["d"] * 10
    shown = distributions.bars(real, ["a"] * 10 + ["e"] * 10, order=None)
    assert shown["labels"] == ["a", "b", "all others"]
    assert shown["real"] == [0.5, 0.3, 0.2]
    assert shown["synthetic"] == [0.5, 0.0, 0.5]
    assert shown["merged"] == 3


def test_a_lone_small_category_takes_a_larger_one_with_it() -> None:
    # 100 - 60 - 30 would give away the 10.
    shown = distributions.bars(["a"] * 60 + ["b"] * 30 + ["c"] * 10, ["a"] * 5, order=None)
    assert shown["labels"] == ["a", "all others"]
    assert shown["real"] == [0.6, 0.4]


def test_nothing_is_shown_where_any_category_would_give_away_a_small_one() -> None:
    shown = distributions.bars(["a"] * 60 + ["c"] * 10, ["a"] * 5, order=None)
    assert shown["type"] == "suppressed"


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_category_of_one_to_ten_patients_is_shown(sizes: list[int], ordered: bool) -> None:
    real = [f"c{place}" for place, size in enumerate(sizes) for _ in range(size)]
    order = [f"c{place}" for place in range(len(sizes))] if ordered else None
    shown = distributions.bars(real, ["c0", "new"], order=order)
    if shown["type"] == "suppressed":
        return
    held = counts_of(shown["real"], len(real))
    assert not ((held > 0) & (held < FLOOR)).any()
    assert len(shown["labels"]) <= distributions.MOST_CATEGORIES
    assert sum(shown["real"]) == pytest.approx(1.0, abs=0.005)
    assert sum(shown["synthetic"]) == pytest.approx(1.0, abs=0.005)


def test_categories_keep_the_order_that_they_have() -> None:
    real = ["high"] * 40 + ["low"] * 20 + ["middle"] * 30
    ordered = distributions.bars(real, real, order=["low", "middle", "high"])
    assert ordered["labels"] == ["low", "middle", "high"]
    by_frequency = distributions.bars(real, real, order=None)
    assert by_frequency["labels"] == ["high", "middle", "low"]
    by_number = distributions.bars(["10"] * 30 + ["9"] * 20, ["9"], order=None)
    assert by_number["labels"] == ["9", "10"]


def test_codes_are_counted_by_rows() -> None:
    real = [frozenset({"I10", "E11"})] * 30 + [frozenset({"I10"})] * 30 + [frozenset({"Z99"})] * 10
    shown = distributions.code_bars(real, [frozenset({"E11"}), frozenset[str]()])
    assert shown["labels"] == ["I10", "E11"]
    assert shown["real"] == [pytest.approx(60 / 70, abs=1e-4), pytest.approx(30 / 70, abs=1e-4)]
    assert shown["synthetic"] == [0.0, 0.5]
    assert distributions.gap(shown) == pytest.approx(60 / 70, abs=1e-4)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=FLOOR, max_size=300),
    st.lists(st.floats(-2e6, 2e6), max_size=50),
    st.sampled_from(["numeric", "date"]),
)
@settings(max_examples=100, deadline=None)
def test_no_bin_holds_a_few_patients_and_no_edge_is_an_extreme(
    real: list[float], synthetic: list[float], scale: str
) -> None:
    values = np.asarray(real)
    shown = distributions.histogram(values, np.asarray(synthetic), scale=scale)
    edges = np.asarray(shown["edges"])
    assert (np.diff(edges) > 0).all()
    assert values.min() not in edges
    assert values.max() not in edges
    inside = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    held = np.bincount(inside, minlength=len(edges) - 1)
    assert not ((held > 0) & (held < FLOOR)).any()
    assert held.sum() == len(values)
    np.testing.assert_allclose(shown["real"], held / len(values), atol=6e-5)


@given(st.lists(st.integers(-1000, 1000), min_size=FLOOR, max_size=200))
@settings(max_examples=60, deadline=None)
def test_edges_of_whole_numbers_stand_between_them(real: list[int]) -> None:
    shown = distributions.histogram(np.asarray(real, float), np.zeros(3), scale="integer")
    assert all(edge % 1 == 0.5 for edge in shown["edges"])


def test_an_outlier_does_not_move_the_axis() -> None:
    values = np.concatenate([np.linspace(10, 20, 5000), [1e7]])
    shown = distributions.histogram(values, values, scale="numeric")
    far = distributions.histogram(np.concatenate([values[:-1], [3e7]]), values, scale="numeric")
    # 0.5 % of 5,001 rows stand behind each end: the outlier is one in 26 of them.
    assert shown["edges"][-1] < 1e7 / 20
    assert far["edges"][0] == shown["edges"][0]


def test_values_beyond_the_ends_are_counted_in_the_outermost_bins() -> None:
    real = np.repeat(np.arange(1.0, 5.0), 25)
    shown = distributions.histogram(real, np.asarray([-100.0, 100.0, 100.0, 100.0]), scale="integer")
    assert shown["edges"] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert shown["real"] == [0.25] * 4
    assert shown["synthetic"] == [0.25, 0.0, 0.0, 0.75]
    assert distributions.gap(shown) == 0.5


def test_few_values_and_constants() -> None:
    assert distributions.histogram(np.ones(FLOOR - 1), np.ones(5), scale="numeric")["type"] == "suppressed"
    for scale in ("numeric", "integer", "date"):
        shown = distributions.histogram(np.full(40, 7.0), np.full(5, 7.0), scale=scale)
        assert max(shown["real"]) == 1.0
        assert 7.0 not in shown["edges"]
    huge = distributions.histogram(np.full(40, 1e15), np.full(5, 1e15), scale="numeric")
    assert huge["edges"][0] < 1e15 < huge["edges"][-1]


def test_without_synthetic_values_there_is_a_picture_all_the_same() -> None:
    shown = distributions.histogram(np.arange(100.0), np.zeros(0), scale="numeric")
    assert set(shown["synthetic"]) == {0.0}


def test_a_few_missing_cells_are_not_counted_out() -> None:
    assert distributions.missing_shares(10, 200, 5, 100) == {"real": None, "synthetic": 0.05}
    assert distributions.missing_shares(11, 200, 0, 100) == {"real": 0.055, "synthetic": 0.0}
    assert distributions.missing_shares(0, 200, 0, 100)["real"] == 0.0
