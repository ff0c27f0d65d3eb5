"""The judges of the benchmark give what was worked out by hand, and tell good tables from bad ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judges import c2st, pair_accuracy, tstr
from judging import Judging
from nearness import Nearness, nearest, places
from splits import Split


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


def test_pair_accuracy_keeps_rare_categories_apart() -> None:
    # No decile falls between 1 and 2, yet the rare 2 is a category of its own.
    holdout = pd.DataFrame({"a": [0] * 10 + [1] * 9 + [2], "b": [0, 1] * 10})
    assert pair_accuracy(holdout.replace({"a": {2: 1}}), holdout) == pytest.approx(0.95)


def test_leakage_of_a_copy_is_one_and_of_fresh_rows_about_nothing(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    train, holdout, fresh = tables
    nearness = Nearness.of(train, holdout)
    copied, clean = nearness.scores([train]), nearness.scores([fresh])
    assert copied["membership"] > 0.99
    assert copied["exact_excess"] == 1.0
    assert copied["near_excess"] > 0.9
    assert clean["membership"] == pytest.approx(0.5, abs=0.1)
    assert clean["exact_excess"] == 0.0
    assert abs(clean["near_excess"]) <= 0.1


def test_leakage_is_the_mean_over_releases(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    train, holdout, fresh = tables
    nearness = Nearness.of(train, holdout)
    each = [nearness.scores([rows])["membership"] for rows in (train, fresh)]
    assert nearness.scores([train, fresh])["membership"] == pytest.approx(sum(each) / 2)


def test_membership_of_a_single_synthetic_row_is_worked_out_by_hand() -> None:
    train = pd.DataFrame({"sex": [0, 1]})
    holdout = pd.DataFrame({"sex": [1, 1]})
    # Distances to the only synthetic row, a 0: train 0 and 1, hold-out 1 and 1. Of the four comparisons two
    # are won and two are drawn.
    scores = Nearness.of(train, holdout).scores([pd.DataFrame({"sex": [0]})])
    assert scores["membership"] == pytest.approx(0.75)
    assert scores["exact_excess"] == pytest.approx(0.5)


def test_distances_are_worked_out_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pd.DataFrame({"sex": [0, 1] * 6, "age": range(12)})
    rows = pd.DataFrame({"sex": [0, 7], "age": [2, 2]})
    people = pd.DataFrame({"sex": [0, 1], "age": [5, 2]})
    # Ages 2 and 5 are 3 of 12 ranks apart. An unknown sex is half a unit from each.
    expected = [0.25, 0.5]
    found = nearest(places(people, real), places(rows, real))
    np.testing.assert_allclose(found, expected)
    monkeypatch.setattr("nearness._CHUNK", 1)
    np.testing.assert_allclose(nearest(places(people, real), places(rows, real)), expected)


def test_large_tables_ask_about_fewer_patients(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, holdout, _ = tables
    nearness = Nearness.of(train, holdout)
    monkeypatch.setattr("nearness.PAIRS", 2 * 100 * len(train))
    scores = nearness.scores([train])
    assert scores["asked"] == 200
    assert scores["membership"] > 0.99


def test_the_real_rows_are_their_own_mark(tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    train, holdout, _ = tables
    scores = Judging.of(Split("patients", train, holdout, "ill")).scores([train])
    assert scores["pairs"] == pytest.approx(1.0)
    assert scores["membership"] == pytest.approx(1.0, abs=0.01)
    assert {"c2st", "tstr_trees", "tstr_logistic", "exact_excess", "near_excess"} < set(scores)
    assert "prevalence" not in scores


def test_the_report_of_the_library_is_read(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    train, holdout, fresh = tables
    told = Judging.of(Split("patients", train, holdout, "ill")).report(fresh)
    assert told["failed_metrics"] is None
    assert isinstance(told["utility"], float)
    assert told["utility"] > 0.8
    assert told["verdict"] in ("PASS", "INCONCLUSIVE")


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
        Judging.of(Split("patients", train, holdout, "ill")).scores([spoilt(fresh)])
