"""Counts leave with the noise that was paid for, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthetic_healthcare.errors import BudgetExceededError, ConfigError
from synthetic_healthcare.privacy.counting import IntCounts, PrivateCounts
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.privacy.noise import with_noise

TRUE = np.arange(4000, dtype=np.int64).reshape(40, 100)


@pytest.mark.parametrize("deviation", [1.0, 7.5, 40.0])
def test_noise_is_whole_centred_and_as_wide_as_asked_for(deviation: float) -> None:
    noise = with_noise(TRUE, deviation) - TRUE
    assert noise.dtype == np.int64
    # Two-sided at 1e-5: the sum of squares of 4,000 draws, and their mean.
    low, high = stats.chi2.ppf([5e-6, 1 - 5e-6], noise.size)
    assert low < float((noise**2).sum()) / deviation**2 < high
    assert abs(noise.mean()) < 4.5 * deviation / np.sqrt(noise.size)


def test_noise_is_fresh_each_time() -> None:
    assert (with_noise(TRUE, 10.0) != with_noise(TRUE, 10.0)).mean() > 0.9


@pytest.mark.parametrize("deviation", [0.0, 0.5, float("nan")])
def test_too_little_noise_is_refused(deviation: float) -> None:
    with pytest.raises(ConfigError, match="standard deviation"):
        with_noise(TRUE, deviation)


@pytest.mark.parametrize(("tables", "rows"), [(1, 1), (4, 1), (4, 3)])
def test_noise_grows_with_what_one_person_can_move(tables: int, rows: int) -> None:
    ledger = PrivacyLedger(Budget(1.0, 1e-5))
    counts = PrivateCounts(ledger, rows_per_person=rows)
    released = counts.release(lambda: [TRUE] * tables, tables=tables, share=1.0, purpose="counts")
    # One Gaussian release at (1, 1e-5) has 3.73 times the sensitivity.
    assert released.deviation == pytest.approx(3.7306 * rows * np.sqrt(tables), rel=2e-3)
    assert 0.998 < ledger.epsilon() <= 1.0
    assert all(table.shape == TRUE.shape for table in released.tables)


def test_what_is_not_paid_for_is_not_counted() -> None:
    def forbidden() -> list[IntCounts]:
        raise AssertionError("patients were read")

    counts = PrivateCounts(PrivacyLedger(Budget(1.0, 1e-5)))
    counts.release(lambda: [TRUE], tables=1, share=0.7, purpose="first")
    with pytest.raises(BudgetExceededError, match="second"):
        counts.release(forbidden, tables=1, share=0.5, purpose="second")
    spent = PrivacyLedger(Budget(1.0, 1e-5), entries=counts.ledger.entries)
    PrivateCounts(spent).release(lambda: [TRUE], tables=1, share=1.0, purpose="the rest")
    with pytest.raises(ConfigError, match="no budget"):
        PrivateCounts(spent).release(forbidden, tables=1, share=1.0, purpose="more")


def _discovering(failure: float = 0.1, rows: int = 1) -> PrivateCounts:
    return PrivateCounts(PrivacyLedger(Budget(1.0, 1e-5)), rows_per_person=rows, failure=failure)


def test_what_one_person_holds_is_found_with_the_chance_that_was_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = _discovering(rows=3)
    found = counts.discover(lambda: [{}, {}], most=[1, 4], share=1.0, purpose="codes")
    # Fifteen things may be his alone, three rows each: the noise has to pass threshold - 3 for one of them.
    chance = 15 * stats.norm.sf((found.threshold - 3 - 1) / found.deviation)
    assert chance == pytest.approx(1e-6, rel=1e-6)
    assert found.deviation == pytest.approx(3 * np.sqrt(5) * counts.precision**-0.5)
    monkeypatch.setattr("synthetic_healthcare.privacy.counting.with_noise", lambda table, deviation: table)
    table = {"b": int(found.threshold) + 1, "a": int(found.threshold) + 2, "c": int(found.threshold), "d": 3}
    again = _discovering(rows=3).discover(lambda: [table, {}], most=[1, 4], share=1.0, purpose="codes")
    assert [list(held) for held in again.tables] == [["a", "b"], []]


def test_the_chance_is_taken_off_delta_and_used_once() -> None:
    counts = _discovering(failure=0.5)
    assert counts.precision < PrivateCounts(PrivacyLedger(Budget(1.0, 1e-5))).precision
    counts.discover(lambda: [{"a": 1000}], most=[1], share=1.0, purpose="all")
    assert 0.99 < counts.ledger.epsilon() <= 1.0
    with pytest.raises(ConfigError, match="set aside"):
        counts.discover(lambda: [{"a": 1000}], most=[1], share=0.1, purpose="again")
    with pytest.raises(ConfigError, match="set aside"):
        _discovering(failure=0.0).discover(lambda: [{}], most=[1], share=0.1, purpose="none")


def test_a_row_that_counts_in_several_cells_costs_as_much_as_several_tables() -> None:
    counts = _discovering()
    several = counts.release_sets(lambda: [TRUE, TRUE], most=(1, 3), share=0.5, purpose="sets")
    assert several.deviation == counts.deviation(4, 0.5)
