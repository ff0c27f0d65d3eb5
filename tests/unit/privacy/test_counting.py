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
