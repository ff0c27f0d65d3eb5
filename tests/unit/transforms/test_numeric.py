"""Numbers: precision, point masses, limits of detection, bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


def test_integers_stay_integers(learn) -> None:
    x = np.random.default_rng(0).integers(18, 90, 500)
    learnt = learn(x, "integer")
    back = learnt.back()
    assert back.dtype == np.dtype("int64")
    assert np.abs(np.sort(back) - np.sort(x)).max() <= 2
    assert [part.purpose for part in learnt.parts] == ["value"]


def test_learned_precision_is_kept(learn) -> None:
    x = np.random.default_rng(1).normal(7.4, 0.05, 400).round(2)
    back = learn(x, "numeric").back()
    np.testing.assert_array_equal(back, back.round(2))


def test_declared_decimals_win(learn) -> None:
    x = np.random.default_rng(1).normal(7.4, 0.5, 400).round(2)
    back = learn(x, "numeric", decimals=1, declared=frozenset({"decimals"})).back()
    np.testing.assert_array_equal(back, back.round(1))


def test_multiples_of_ten_stay_multiples_of_ten(learn) -> None:
    x = np.random.default_rng(2).integers(5, 300, 400) * 10
    back = learn(x, "integer", decimals=0).back()
    assert (back % 10 == 0).all()


def test_zero_inflation_is_a_state(learn) -> None:
    rng = np.random.default_rng(3)
    x = np.where(rng.random(1000) < 0.4, 0.0, rng.lognormal(3, 1, 1000).round(1))
    learnt = learn(x, "numeric")
    state, value = learnt.parts
    assert (state.purpose, state.kind, state.width) == ("state", "categorical", 2)
    assert state.marginal == pytest.approx((np.mean(x != 0), np.mean(x == 0)))
    assert value.gate == (0, 0)
    encoded = learnt.encode()
    np.testing.assert_array_equal(encoded.codes[:, state.store] == 1, x == 0)
    assert (encoded.continuous[x == 0, value.store] == 0).all()
    np.testing.assert_array_equal(learnt.back() == 0, x == 0)


def test_few_distinct_values_have_no_states(learn) -> None:
    x = np.random.default_rng(0).integers(0, 15, 600)
    learnt = learn(x, "integer")
    assert [part.purpose for part in learnt.parts] == ["value"]
    np.testing.assert_array_equal(learnt.back(), x)


def test_piles_at_both_ends_and_only_so_many(learn) -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random(2000) < 0.4, rng.integers(0, 2, 2000) * 300.0, rng.uniform(1, 299, 2000).round(1))
    state, value = learn(x, "numeric").parts
    assert state.width == 3
    assert value.gate == (0, 0)
    assert learn(x, "numeric", config={"max_spikes": 1}).parts[0].width == 2
    assert [part.purpose for part in learn(x, "numeric", config={"max_spikes": 0}).parts] == ["value"]


def test_round_readings_in_the_middle_are_heaps_unless_they_dominate(learn) -> None:
    rng = np.random.default_rng(1)
    exact = rng.normal(130, 15, 2000).round()
    for share, purposes in ((0.15, ["value"]), (0.4, ["state", "value"])):
        x = np.where(rng.random(2000) < share, 130.0, exact)
        learnt = learn(x, "integer")
        assert [part.purpose for part in learnt.parts] == purposes
        np.testing.assert_array_equal(learnt.back() == 130, x == 130)


def test_the_top_of_a_rounded_bell_is_no_point_mass(learn) -> None:
    x = np.random.default_rng(0).normal(140, 3, 2000).round()
    x[:3] = (90, 95, 170)
    assert (x == 140).mean() > 0.1
    assert [part.purpose for part in learn(x, "integer").parts] == ["value"]


def limits_table() -> list[str]:
    plain = [f"{value:.1f}" for value in np.random.default_rng(4).uniform(0.5, 9, 300)]
    return plain + ["<0.5"] * 60 + ["<0.3"] * 20 + ["<0.1"] * 2 + [">9"] * 30


def test_limits_come_back_as_limits(learn) -> None:
    cells = limits_table()
    learnt = learn(cells, "numeric")
    state, _ = learnt.parts
    assert state.width == 4
    assert state.marginal == pytest.approx(np.array([300, 20, 62, 30]) / 412)
    back = learnt.back()
    counts = back[back.str.startswith(("<", ">"))].value_counts().to_dict()
    assert counts == {"<0.5": 62, "<0.3": 20, ">9": 30}  # two rare ones took the most common limit
    assert any("2 '<' cells" in note for note in learnt.encoder.notes)
    assert back.str.fullmatch(r"[<>]?\d+(\.\d)?").all()


def test_limits_nobody_shares_become_values(learn) -> None:
    cells = [f"{value:.1f}" for value in np.linspace(1, 9, 100)] + ["<0.9", "<0.8", "<0.7"]
    learnt = learn(cells, "numeric")
    assert not learnt.back().str.startswith("<").any()
    assert any("are learnt as values" in note for note in learnt.encoder.notes)


def test_only_limits(learn) -> None:
    learnt = learn(["<1"] * 30 + [">5"] * 20, "numeric")
    assert [part.kind for part in learnt.parts] == ["categorical"]
    np.testing.assert_array_equal(learnt.back(), ["<1"] * 30 + [">5"] * 20)


def test_too_few_plain_values_beside_limits_are_resampled(learn) -> None:
    learnt = learn(["<1"] * 30 + [">5"] * 20 + ["2.123", "3.5"], "numeric")
    assert set(learnt.back()) == {"<1", ">5"}
    assert any("2 plain values" in note for note in learnt.encoder.notes)


def test_declared_bounds_hold(learn) -> None:
    x = np.concatenate([np.random.default_rng(5).normal(50, 20, 500), [-300.0, 999.0]])
    learnt = learn(x, "numeric", bounds=(0.0, 100.0), declared=frozenset({"bounds"}))
    drawn = learnt.back()
    assert drawn.between(0, 100).all()
    assert any("outside its bounds" in note for note in learnt.encoder.notes)


def test_bounds_read_from_the_data_are_not_kept(learn) -> None:
    x = np.random.default_rng(5).normal(50, 20, 500)
    learnt = learn(x, "numeric", bounds=(float(x.min()), float(x.max())))
    assert learnt.encoder.schema["x"].bounds is None
    assert learnt.back().max() < x.max()


@pytest.mark.parametrize(
    "dtype", ["int16", "uint8", "Int64", "Float32", "float32", "int64[pyarrow]", "object"]
)
def test_dtypes_come_back(learn, dtype: str) -> None:
    x = pd.Series(np.random.default_rng(6).integers(1, 200, 300)).astype(dtype)
    back = learn(x, "integer").back()
    assert str(back.dtype) == dtype


@pytest.mark.parametrize("numeric", ["quantile", "modes"])
def test_distribution_is_kept(learn, numeric: str) -> None:
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(100, 5, 900), rng.normal(180, 12, 300)]).round(1)
    learnt = learn(x, "numeric", config={"numeric": numeric})
    back = learnt.back().to_numpy()
    assert ks_2samp(back, x, method="asymp").statistic < 0.02
    assert back.max() < x.max()
    assert back.min() > x.min()
    assert np.corrcoef(back, x)[0, 1] > 0.999
