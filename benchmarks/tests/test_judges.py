"""The judges of the benchmark give what was worked out by hand, and tell good tables from bad ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judges import c2st, judge, membership, pair_accuracy, tstr


def _patients(rng: np.random.Generator, n: int) -> pd.DataFrame:
    age = rng.normal(60, 10, n)
    pressure = age + rng.normal(0, 5, n)
    ill = (pressure + rng.normal(0, 5, n) > 60).astype(int)
    return pd.DataFrame({"age": age, "pressure": pressure, "ill": ill})


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    return _patients(rng, 300), _patients(rng, 300), _patients(rng, 300)


def test_pair_accuracy_of_two_binary_columns_is_worked_out_by_hand() -> None:
    holdout = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]})
    rows = pd.DataFrame({"a": [0, 0, 0, 1], "b": [0, 0, 0, 1]})
    # Cells (0,0) (0,1) (1,0) (1,1): .75 0 0 .25 against .25 each; half the sum of differences is .5.
    assert pair_accuracy(rows, holdout) == pytest.approx(0.5)


def test_pair_accuracy_averages_the_pairs() -> None:
    holdout = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "c": [0, 1, 1, 0]})
    rows = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "c": [0, 0, 0, 0]})
    # (a, b) agree; (a, c) and (b, c) each put .5 .5 where the hold-out has .25 in all four cells.
    assert pair_accuracy(rows, holdout) == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_pair_accuracy_does_not_mind_the_order_of_columns_or_rows() -> None:
    rng = np.random.default_rng(1)
    holdout = _patients(rng, 50)
    assert pair_accuracy(holdout[["ill", "age", "pressure"]][::-1], holdout) == pytest.approx(1.0)


def test_pair_accuracy_sees_a_lost_association(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    _, holdout, fresh = tables
    torn = fresh.assign(age=fresh["age"].to_numpy()[::-1])
    assert pair_accuracy(torn, holdout) < pair_accuracy(fresh, holdout) - 0.1


def test_c2st_cannot_tell_real_rows_and_always_tells_others(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    _, holdout, fresh = tables
    assert c2st(fresh, holdout) == pytest.approx(0.5, abs=0.1)
    assert c2st(fresh.assign(age=fresh["age"] + 1000), holdout) > 0.99


@pytest.mark.parametrize("learner", ["trees", "logistic"])
def test_tstr_is_high_where_the_target_follows_and_low_where_it_is_turned(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], learner: str
) -> None:
    _, holdout, fresh = tables
    good = tstr(fresh, holdout, target="ill", learner=learner)
    turned = tstr(fresh.assign(ill=1 - fresh["ill"]), holdout, target="ill", learner=learner)
    assert good is not None
    assert turned is not None
    assert good > 0.8
    assert turned == pytest.approx(1 - good, abs=0.02)


def test_tstr_of_one_class_has_no_value(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    _, holdout, fresh = tables
    assert tstr(fresh.assign(ill=1), holdout, target="ill", learner="logistic") is None


def test_membership_of_a_copy_is_one_and_of_fresh_rows_about_a_half(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    train, holdout, fresh = tables
    assert membership(train, train, holdout) > 0.99
    assert membership(fresh, train, holdout) == pytest.approx(0.5, abs=0.1)


def test_membership_of_a_single_synthetic_row_is_worked_out_by_hand() -> None:
    train = pd.DataFrame({"sex": [0, 1]})
    holdout = pd.DataFrame({"sex": [1, 1]})
    # Distances to the only synthetic row, a 0: train 0 and 1, hold-out 1 and 1. Of the four comparisons two
    # are won and two are drawn.
    assert membership(pd.DataFrame({"sex": [0]}), train, holdout) == pytest.approx(0.75)


def test_the_real_rows_are_their_own_mark(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    train, holdout, _ = tables
    scores = judge(train, train=train, holdout=holdout, target="ill")
    assert scores["pairs"] == pytest.approx(1.0)
    assert set(scores) == {"c2st", "pairs", "tstr_trees", "tstr_logistic", "membership"}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda table: table.drop(columns="age"), "lacks the columns age"),
        (lambda table: table.assign(pressure=np.nan), "missing values, the real one none: pressure"),
    ],
)
def test_a_table_that_cannot_be_judged_is_an_error(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], spoilt: object, said: str
) -> None:
    train, holdout, fresh = tables
    assert callable(spoilt)
    with pytest.raises(ValueError, match=said):
        judge(spoilt(fresh), train=train, holdout=holdout, target="ill")
