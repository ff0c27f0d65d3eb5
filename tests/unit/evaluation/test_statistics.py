"""Areas, errors and intervals against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_healthcare.evaluation.statistics import (
    auc,
    bootstrap_weights,
    difference_interval,
    interval,
    placements,
    true_positive_rate,
    weighted_auc,
    wilson,
)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_placements_count_ties_by_halves() -> None:
    assert placements(array(1, 2, 3), array(1, 2)).tolist() == [0.25, 0.75, 1.0]


def test_auc_and_its_error_by_hand() -> None:
    found = auc(array(1, 2, 3), array(1, 2))
    # Pairs won: 0.5 + 0 | 1 + 0.5 | 1 + 1 = 4 of 6.
    assert found.value == pytest.approx(4 / 6)
    # Placements .25 .75 1 (variance 7/48) over 3, and those of the negatives: (1 + 1 + .5)/3 and (1 + .5)/3.
    negatives = np.var([2.5 / 3, 1.5 / 3], ddof=1)
    assert found.error == pytest.approx(np.sqrt((7 / 48) / 3 + negatives / 2))


def test_auc_error_matches_repeated_sampling() -> None:
    rng = np.random.default_rng(0)
    drawn = [auc(rng.normal(1, 1, 60), rng.normal(0, 1, 40)) for _ in range(400)]
    assert np.mean([one.error for one in drawn]) == pytest.approx(
        np.std([one.value for one in drawn]), rel=0.1
    )


def test_weighted_auc_equals_auc_of_repeated_rows() -> None:
    scores, positive = array(1, 2, 2, 3, 0), np.array([False, True, False, True, True])
    weights = np.array([[1, 1, 1, 1, 1], [2, 0, 1, 3, 1]], dtype=float)
    found = weighted_auc(scores, positive, weights=weights)
    for row, weight in enumerate(weights.astype(int)):
        repeated, labels = np.repeat(scores, weight), np.repeat(positive, weight)
        assert found[row] == pytest.approx(auc(repeated[labels], repeated[~labels]).value)


def test_weighted_auc_without_a_class_is_no_number() -> None:
    found = weighted_auc(array(1, 2), np.array([True, False]), weights=array(1, 0)[None])
    assert np.isnan(found).all()


def test_true_positive_rate_by_hand() -> None:
    members, others = array(5, 4, 1, 0), array(3, 2, 1, 0)
    # Two members stand above all others: half are caught with no false alarm.
    assert true_positive_rate(members, others, false_positive_rate=0.05) == pytest.approx(0.5)
    # From 2 alarms of 4 (0.5, 0.5) the curve runs straight through the tie at 1 to (0.75, 0.75).
    assert true_positive_rate(members, others, false_positive_rate=0.625) == pytest.approx(0.625)


def test_a_score_that_says_nothing_hits_as_often_as_it_errs() -> None:
    same = np.zeros(50)
    assert true_positive_rate(same, same, false_positive_rate=0.05) == pytest.approx(0.05)


def test_wilson_against_its_closed_form() -> None:
    low, high = wilson(0.5, 10)
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == 1.0
    assert wilson(0.3, 0) == (0.0, 1.0)


def test_difference_interval_against_newcombe_1998() -> None:
    # Table II of the paper, method 10: 56/70 against 48/80.
    low, high = difference_interval((56 / 70, 70), (48 / 80, 80))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_bootstrap_weights_are_multiplicities() -> None:
    weights = bootstrap_weights(30, replicates=50, rng=np.random.default_rng(0))
    assert weights.shape == (50, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean() == 1.0


def test_interval_is_moved_to_the_value_and_kept_in_bounds() -> None:
    replicates = np.linspace(0.5, 0.7, 101)
    assert interval(replicates, 0.8) == pytest.approx((0.705, 0.895))
    assert interval(replicates, 0.98)[1] == 1.0
    assert interval(array(np.nan), 0.4) == (0.4, 0.4)
