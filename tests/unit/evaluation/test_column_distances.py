"""Distances of single columns and of their gaps, on tables small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged, arrange, fit_encoder
from synthetic_healthcare.evaluation.fidelity.bins import pooled_cells
from synthetic_healthcare.evaluation.fidelity.chi_square import chi_square, dependence
from synthetic_healthcare.evaluation.fidelity.jensen_shannon import histogram_distance, jensen_shannon
from synthetic_healthcare.evaluation.fidelity.missingness import missingness, phi, similarity
from synthetic_healthcare.evaluation.fidelity.wasserstein import moved, wasserstein
from synthetic_healthcare.evaluation.small_cells import is_small, shown_parts, shown_share
from synthetic_healthcare.evaluation.statistics import bootstrap_weights
from synthetic_healthcare.evaluation.views import Field, read_tables
from synthetic_healthcare.schema.schema import Schema

NUMBER = Field("x", "number")
BINARY = Field("sex", "level", 2, 2)


def once(rows: int) -> np.ndarray:
    return np.ones((1, rows))


def judged(*frames: pd.DataFrame) -> tuple[tuple[Field, ...], list[Judged]]:
    schema = Schema.infer(pd.concat(frames[1:], ignore_index=True))
    fields, views = read_tables(frames, schema)
    encoder = fit_encoder(fields, views[1:])
    return fields, [arrange(view, encoder, seed=0, table=i, rows=5_000)[0] for i, view in enumerate(views)]


def test_moved_by_hand() -> None:
    real = np.array([1.0, 2.0, 3.0, 4.0])
    assert moved(NUMBER, real + 1, real, once(4))[0] == pytest.approx(1.0 / math.sqrt(1.25))
    # Half of the values move by 4.
    assert moved(NUMBER, np.array([1.0, 2.0, 7.0, 8.0]), real, once(4))[0] == pytest.approx(
        2 / math.sqrt(1.25)
    )
    assert moved(NUMBER, real, real, once(4))[0] == 0.0
    # Other numbers of rows, and gaps, change nothing.
    doubled = np.concatenate([real, real, [np.nan]])
    assert moved(NUMBER, doubled, real, once(4))[0] == pytest.approx(0.0)


def test_moved_against_scipy_under_weights() -> None:
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(0)
    values, real = rng.normal(size=30), rng.exponential(size=20)
    weights = bootstrap_weights(20, replicates=4, rng=rng)
    found = moved(NUMBER, values, real, weights)
    expected = [wasserstein_distance(values, real, v_weights=one) / real.std() for one in weights]
    assert found == pytest.approx(expected)


def test_moved_where_nothing_is_there_or_nothing_varies() -> None:
    nothing, real = np.full(3, np.nan), np.array([0.0, 0.0, 0.0, 4.0])
    # All real values to the farther end, 4: three of four move by 4.
    assert moved(NUMBER, nothing, real, once(4))[0] == pytest.approx(3.0 / real.std())
    assert moved(NUMBER, nothing, nothing, once(3))[0] == 0.0
    assert moved(NUMBER, np.full(4, 5.0), np.full(4, 5.0), once(4))[0] == 0.0
    # A real constant and another one: 1 apart, in the deviation of both together, 1/2.
    assert moved(NUMBER, np.full(4, 6.0), np.full(4, 5.0), once(4))[0] == pytest.approx(2.0)


def test_histograms_without_a_common_value_are_one_apart() -> None:
    assert histogram_distance(BINARY, np.zeros(4, int), np.ones(9, int), once(9))[0] == 1.0
    low, high = np.random.default_rng(0).random((2, 500))
    for values, real in ((low, high + 1), (low + 1, high), (low[:7], high[:200] + 1)):
        assert histogram_distance(NUMBER, values, real, once(len(real)))[0] == pytest.approx(1.0)
    # Values between one another.
    odd, even = np.arange(10) * 2 + 1.0, np.arange(10) * 2.0
    assert histogram_distance(NUMBER, odd, even, once(10))[0] == pytest.approx(1.0)


def test_histogram_distance_by_hand() -> None:
    # Shares 1, 0 against 1/2, 1/2: entropy of their middle is H(3/4) = .8113, of the parts 0 and 1.
    expected = math.sqrt(-0.75 * math.log2(0.75) - 0.25 * math.log2(0.25) - 0.5)
    found = histogram_distance(BINARY, np.zeros(2, int), np.array([0, 1]), once(2))
    assert found[0] == pytest.approx(expected)
    real = np.array([0, 1, -1, 1])
    assert histogram_distance(BINARY, real, real, once(4))[0] == 0.0
    codes = Field("codes", "bits", 2, 2)
    bits = np.array([[True, False], [False, False]])
    assert histogram_distance(codes, bits, bits, once(2))[0] == 0.0
    assert histogram_distance(codes, bits[:1], bits[1:], once(1))[0] == 1.0


def test_cells_are_common_and_hold_every_row() -> None:
    rng = np.random.default_rng(1)
    values, real = rng.normal(size=200), np.where(np.arange(300) < 30, np.nan, rng.normal(size=300))
    codes, real_codes, cells = pooled_cells(NUMBER, values, real)
    assert (real_codes == 0).sum() == 30
    assert 0 < codes.min() <= codes.max() < cells
    assert real_codes.max() < cells


def test_chi_square_by_hand() -> None:
    # 30 and 10 against 20 and 20: expected 25 and 15, chi-square 1 + 1 + 5/3 + 5/3.
    synthetic, real = np.repeat([0, 1], [30, 10]), np.repeat([0, 1], 20)
    strength, statistic, freedom, p_value = dependence(BINARY, synthetic, real)
    assert (statistic, freedom) == (pytest.approx(16 / 3), 1)
    assert strength == pytest.approx(math.sqrt(16 / 3 / 80))
    assert p_value == pytest.approx(0.0209, abs=1e-4)


def test_more_rows_shrink_p_and_not_v() -> None:
    synthetic, real = np.repeat([0, 1], [30, 10]), np.repeat([0, 1], 20)
    few = dependence(BINARY, synthetic, real)
    many = dependence(BINARY, np.tile(synthetic, 10), np.tile(real, 10))
    assert many[0] == pytest.approx(few[0])
    assert many[3] < 1e-6 < few[3]
    assert dependence(BINARY, np.zeros(5, int), np.ones(7, int))[0] == pytest.approx(1.0)
    assert dependence(BINARY, np.zeros(5, int), np.zeros(7, int)) == (0.0, 0.0, 0, 1.0)


def test_means_over_columns() -> None:
    real = pd.DataFrame({"a": np.arange(100.0) / 3, "b": ["x", "y"] * 50})
    fields, tables = judged(real.assign(b="x"), real, real)
    weights = np.ones((3, 100))
    distance = jensen_shannon.compute(*tables, fields, weights)
    assert distance.detail["columns"]["a"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert distance.value == pytest.approx(distance.detail["columns"]["b"]["value"] / 2)
    assert distance.ceiling == pytest.approx(0.0)
    assert wasserstein.compute(*tables, fields, weights).value == pytest.approx(0.0)
    test = chi_square.compute(*tables, fields)
    assert test.value == pytest.approx(test.detail["table"]["rows"][1][1] / 2)
    with pytest.raises(NotApplicable, match="numeric"):
        wasserstein.compute(*tables, fields[1:], weights)


def test_gaps_that_come_together_and_gaps_that_do_not() -> None:
    together = np.array([[1, 1], [1, 1], [0, 0], [0, 0]], dtype=float)
    apart = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=float)
    assert phi(together, np.ones(4))[0, 1] == pytest.approx(1.0)
    assert phi(apart, np.ones(4))[0, 1] == pytest.approx(-1.0)
    # The shares are the same: one half of the figure is kept.
    assert similarity(apart, together, once(4))[0] == pytest.approx(0.5)
    assert similarity(together, together, once(4))[0] == pytest.approx(1.0)
    # Nothing is missing: nothing of the shares is kept, and the correlation is 0 in place of 1.
    assert similarity(np.zeros((4, 2)), together, once(4))[0] == pytest.approx(0.0)


def test_missingness_shows_no_small_cell() -> None:
    number = np.arange(200.0) / 7
    real = pd.DataFrame(
        {"a": np.where(np.arange(200) < 5, np.nan, number), "b": np.where(number < 9, np.nan, number)}
    )
    fields, tables = judged(real, real, real)
    found = missingness.compute(*tables, fields, np.ones((2, 200)))
    assert found.value == pytest.approx(1.0)
    shown = {row[0]: row[1] for row in found.detail["table"]["rows"]}
    assert shown["a"] is None
    assert shown["b"] == pytest.approx(63 / 200)
    whole = real.fillna(0.0)
    fields, tables = judged(whole, whole, whole)
    with pytest.raises(NotApplicable, match="no value is missing"):
        missingness.compute(*tables, fields, np.ones((2, 200)))


def test_small_cells() -> None:
    assert [is_small(count) for count in (0, 1, 10, 11)] == [False, True, True, False]
    # One hidden part would follow from the total: the next smallest is hidden too.
    assert shown_parts([5, 20, 100]) == [None, None, 100]
    assert shown_parts([5, 3, 100]) == [None, None, 100]
    assert shown_parts([0, 20, 100]) == [0, 20, 100]
    assert shown_parts([0, 7]) == [0, None]
    assert shown_share(50, 100) == 0.5
    assert [shown_share(*one) for one in ((5, 100), (95, 100), (0, 0))] == [None, None, None]
