"""Domains: hand-counted cells, and transforms that follow from counts alone."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import draw_independent
from synthetic_healthcare.transforms.cells import Cells, read_cells
from synthetic_healthcare.transforms.codes import FittedCodes
from synthetic_healthcare.transforms.private._base import Domain, Marginal, on_simplex
from synthetic_healthcare.transforms.private.choices import ChoiceDomain
from synthetic_healthcare.transforms.private.numbers import (
    DAY,
    NumberDomain,
    instant_domain,
    number_domain,
)
from synthetic_healthcare.transforms.private.sets import CodesDomain, at_most
from synthetic_healthcare.transforms.quantiles import QuantileFunction

RNG = np.random.default_rng(0)


def exact(domain: Domain, series: pd.Series[Any]) -> Marginal:
    return Marginal(domain.count(series), 1.0, float(len(series)))


@settings(max_examples=50)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), st.floats(0.5, 100))
def test_estimates_are_the_nearest_on_the_simplex(counts: list[int], total: float) -> None:
    noisy = np.array(counts, dtype=float)
    held = on_simplex(noisy, total)
    assert held.min() >= 0
    assert held.sum() == pytest.approx(total)
    # Optimality: what is kept was lowered by one number, which what is cut off does not reach.
    lowered = noisy - held
    kept = held > 1e-9
    assert np.ptp(lowered[kept]) < 1e-6
    assert (noisy[~kept] <= lowered[kept].max() + 1e-6).all()


def number(bounds: tuple[float, float], decimals: int | None, **changes: Any) -> NumberDomain:
    column = Column("x", "numeric", bounds=bounds, decimals=decimals, **changes)
    return number_domain(column, precision=4.0)


def test_few_written_values_have_a_bin_each_and_come_back_exactly() -> None:
    domain = number((0, 3), 0)
    series = pd.Series([0, 1, 1, 3, 3, 3, 3, 9, -5, None, "?"], dtype=object)
    assert domain.count(series).tolist() == [2, 2, 0, 5, 2]
    fitted = domain.fit(Marginal(np.array([1, 2, 0, 5, 0]), 1.0, 8.0), with_missing=False)
    values = fitted.decode(draw_independent(fitted.spans, 40_000, RNG), RNG, first_row=0).values
    shares = np.bincount(values.astype(int), minlength=4) / len(values)
    assert shares == pytest.approx([0.125, 0.25, 0.0, 0.625], abs=0.01)
    assert fitted.grid.decimals == 0


def test_many_written_values_share_bins_that_end_between_them() -> None:
    domain = number((10, 109), 0)
    assert domain.edges.tolist() == [9.5, 34.5, 59.5, 84.5, 109.5]
    series = pd.Series([10.0, 34.4, 34.6, 59.0, 109.0, 1e9, np.nan])
    assert domain.count(series).tolist() == [2, 2, 0, 2, 1]
    fitted = domain.fit(exact(domain, pd.Series(np.arange(10, 110))), with_missing=False)
    assert isinstance(fitted.core, QuantileFunction)
    assert fitted.core.u == pytest.approx([0, 0.005, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 0.995, 1])
    assert fitted.core.q.tolist() == [10, 10, 34.5, 34.5, 59.5, 59.5, 84.5, 84.5, 109, 109]
    values = fitted.decode(draw_independent(fitted.spans, 200_000, RNG), RNG, first_row=0).values
    counts = np.bincount(values.astype(int), minlength=110)[10:]
    assert counts.min() > 1500
    assert counts.max() < 2600


def test_empty_ends_are_never_drawn_and_encode_within_the_limit() -> None:
    domain = number((0, 100), None)
    fitted = domain.fit(Marginal(np.array([0, 30, 0, -9, 0, 0]), 1.0, 30.0), with_missing=False)
    assert isinstance(fitted.core, QuantileFunction)
    assert (fitted.core.low, fitted.core.high) == (25.0, 50.0)
    block = fitted.encode(Cells(np.array([0.0, 30.0, 100.0]), np.zeros(3, dtype=bool)), RNG)
    assert np.isfinite(block.continuous).all()


def test_nothing_but_noise_is_spread_over_the_bounds() -> None:
    domain = number((0, 100), None)
    fitted = domain.fit(Marginal(np.array([-4, -1, 0, -2, -3, 50]), 1.0, 50.0), with_missing=True)
    assert isinstance(fitted.core, QuantileFunction)
    assert (fitted.core.low, fitted.core.high) == (0.0, 100.0)


def test_many_zeros_are_a_state_of_their_own() -> None:
    domain = number((0, 100), 1)
    assert domain.zero
    counts = domain.count(pd.Series([0.0] * 60 + [0.1] * 10 + [99.0] * 30))
    assert counts.tolist() == [10, 0, 0, 30, 60, 0]
    fitted = domain.fit(Marginal(counts, 2.0, 100.0), with_missing=False)
    assert fitted.probabilities == pytest.approx((0.4, 0.6))
    few = domain.fit(Marginal(np.array([60, 0, 0, 35, 5, 0]), 2.0, 100.0), with_missing=False)
    assert few.probabilities == ()
    only = domain.fit(Marginal(np.array([0, 0, 0, 0, 100, 0]), 2.0, 100.0), with_missing=False)
    assert only.core is None
    cells = only.decode(draw_independent(only.spans, 5, RNG), RNG, first_row=0)
    assert cells.values.tolist() == [0.0] * 5


@pytest.mark.parametrize("decimals", [0, 1, None])
def test_scores_of_the_counted_rows_are_standard_normal(decimals: int | None) -> None:
    values = pd.Series(np.random.default_rng(1).normal(50, 12, 4000)).round(decimals or 9)
    domain = number_domain(Column("x", "numeric", bounds=(0, 100), decimals=decimals), precision=4000.0)
    fitted = domain.fit(exact(domain, values), with_missing=False)
    scores = fitted.encode(read_cells(domain.conform(values), domain.column), RNG).continuous[:, 0]
    # Values within a bin are not even: the scores are as near to normal as 120 bins make them.
    assert stats.kstest(scores, "norm").statistic < 0.03
    assert scores.mean() == pytest.approx(0, abs=0.05)
    assert scores.std() == pytest.approx(1, abs=0.05)


def test_bounds_that_hold_one_value_or_none_that_is_written() -> None:
    for bounds, value in (((5, 5), 5.0), ((5.2, 5.4), 5.0)):
        domain = number(bounds, 0)
        fitted = domain.fit(exact(domain, pd.Series([1.0, 9.0])), with_missing=False)
        assert (
            fitted.decode(draw_independent(fitted.spans, 3, RNG), RNG, first_row=0).values.tolist()
            == [value] * 3
        )
    unrounded = number((5, 5), None)
    assert unrounded.count(pd.Series([5.0, np.nan])).tolist() == [1, 1]


def test_a_declared_dtype_bounds_what_it_can_hold() -> None:
    assert number((0, 1000), 0, dtype="int8", declared=frozenset({"dtype"})).bounds == (0.0, 127.0)
    assert number((-5, 1000), 0, dtype="UInt8", declared=frozenset({"dtype"})).bounds == (0.0, 255.0)
    assert number((0, 1000), 0, dtype="int8").bounds == (0.0, 1000.0)


def test_whole_numbers_of_a_learnt_kind_become_the_levels_that_stand_out() -> None:
    domain = replace(number((0, 31), 0), learnt=True)
    counts = np.zeros(33, dtype=np.int64)
    counts[[1, 2, 4]], counts[9] = 100, 3
    settled, marginal = domain.settle(Marginal(counts, 2.0, 303.0))
    assert settled.column.categories == (1, 2, 3, 4)
    assert marginal.counts.tolist() == [100, 100, 0, 100, 0]
    assert settled.conform(pd.Series([0, 3, 31, None])).tolist() == [1, 3, 4, None]
    assert replace(domain, learnt=False).settle(Marginal(counts, 2.0, 303.0))[0].column.kind == "numeric"


def test_dates_are_whole_steps_within_their_bounds() -> None:
    column = Column("seen", "datetime", dtype="datetime64[us]", bounds=(0.0, 9 * DAY))
    domain = instant_domain(column, DAY, precision=4.0)
    series = pd.Series(["1970-01-01", "1969-01-01", "1970-01-10T23:00", "2200-01-01", "x", None])
    assert domain.count(series).tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2]
    moved = domain.conform(series)
    assert str(moved.dtype) == "datetime64[us]"
    assert moved.dropna().between(pd.Timestamp("1970-01-01"), pd.Timestamp("1970-01-10")).all()
    fitted = domain.fit(exact(domain, series), with_missing=True)
    cells = fitted.decode(draw_independent(fitted.spans, 50, RNG), RNG, first_row=0)
    assert set(cells.values) <= {0.0, 9 * DAY}


def choice(*categories: Any, kind: Any = "categorical", learnt: bool = False) -> ChoiceDomain:
    return ChoiceDomain(Column("x", kind, categories=categories), learnt)


def test_categories_are_met_however_they_are_held() -> None:
    domain = choice(0, 1)
    for series in (
        pd.Series([0, 1, 1]),
        pd.Series([0.0, 1.0, 1.0]),
        pd.Series([False, True, True]),
        pd.Series(["0", "1.0", " 1 "]),
        pd.Series(["false", "True", True], dtype=object),
    ):
        assert domain.count(series).tolist() == [1, 2, 0]
        assert domain.conform(series).tolist() == [0, 1, 1]
        assert domain.conform(series).dtype == object


def test_what_is_not_listed_is_other_or_the_nearest_level_or_missing() -> None:
    series = pd.Series(["a", "zebra", 7, None, ["a"]], dtype=object)
    assert choice("a", "b").count(series).tolist() == [1, 0, 4]
    assert choice("a", "Other").conform(series).tolist() == ["a", "Other", "Other", None, None]
    levels = choice(1, 2, 5, kind="ordinal")
    cells = pd.Series([0, 3.4, 3.6, 99, "x", None], dtype=object)
    assert levels.conform(cells).tolist() == [1, 2, 5, 5, None, None]


def test_other_goes_where_nobody_needs_it_and_no_category_has_a_probability_of_zero() -> None:
    domain = choice("a", "b", "other", learnt=True)
    settled, marginal = domain.settle(Marginal(np.array([50, 40, 3, 0]), 2.0, 90.0))
    assert settled.column.categories == ("a", "b")
    kept, _ = domain.settle(Marginal(np.array([50, 40, 9, 0]), 2.0, 90.0))
    assert kept.column.categories == ("a", "b", "other")
    fitted = settled.fit(replace(marginal, counts=np.array([90, -8, 0])), with_missing=False)
    assert min(fitted.spans[0].marginal) > 0


def test_a_row_counts_for_a_bounded_number_of_codes() -> None:
    domain = CodesDomain(Column("x", "codes", categories=tuple("abcd")), limit=2)
    series = pd.Series([["a"], ["a", "b", "c", "d"], [], ["unlisted"], None, 3], dtype=object)
    counts = domain.count(series)
    assert counts[:4].sum() == 3
    assert counts[4:].tolist() == [2, 2]
    assert domain.most == 2
    for codes in itertools.combinations("abcdefgh", 5):
        kept = at_most(frozenset(codes), 3)
        assert len(kept) == 3
        assert set(kept) <= set(codes)
    fitted = domain.fit(Marginal(np.array([5, 90, -3, 200, 1, 0]), 2.0, 100.0), with_missing=False)
    assert isinstance(fitted, FittedCodes)
    assert fitted.prevalence == pytest.approx((0.05, 0.9, 0.005, 1.0))
    assert not fitted.has_empty


def test_sets_come_back_as_they_are_declared() -> None:
    listed = CodesDomain(Column("x", "codes", categories=("b", "a"), delimiter=";"), limit=8)
    series = pd.Series(["b;a", "q", 4, None], dtype=object)
    assert listed.conform(series).tolist() == ["a;b", "", None, None]
    nothing = CodesDomain(Column("x", "codes"), limit=8)
    fitted = nothing.fit(exact(nothing, series), with_missing=False)
    assert (
        fitted.decode(draw_independent(fitted.spans, 2, RNG), RNG, first_row=0).values.tolist()
        == [frozenset()] * 2
    )


ODD = st.one_of(st.none(), st.integers(-3, 12), st.floats(), st.text(max_size=3), st.lists(st.text()))


@settings(max_examples=40, deadline=None)
@given(st.lists(ODD, min_size=1, max_size=8))
def test_every_row_falls_into_cells_by_itself(cells: list[Any]) -> None:
    series = pd.Series(cells, dtype=object)
    domains: list[Domain] = [
        number((0, 100), 1),
        number((0, 5), 0),
        choice("a", "b", 1, "other"),
        choice(1, 2, 5, kind="ordinal"),
        CodesDomain(Column("x", "codes", categories=("a", "b", "c")), limit=2),
    ]
    for domain in domains:
        alone = [domain.count(pd.Series([cell], dtype=object)) for cell in cells]
        assert (np.sum(alone, axis=0) == domain.count(series)).all()
        assert all(count.sum() <= domain.most and count.max() <= 1 for count in alone)
        parts = [domain.conform(pd.Series([cell], dtype=object)) for cell in cells]
        together = domain.conform(series)
        assert {part.dtype for part in parts} == {together.dtype}
        assert repr([part.tolist()[0] for part in parts]) == repr(together.tolist())
