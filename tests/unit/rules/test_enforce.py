"""Enforcement: the rules are kept, no row is lost, nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import ConfigError, DataError, RuleError
from synthetic_healthcare.rules import Enforcement, RulePack, enforce
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

NAN = float("nan")
Draw = Callable[[int], pd.DataFrame]


def pack(block: str, **more: Any) -> RulePack:
    """A pack of one rule, 'it'."""
    lines = [*block.split("; "), *(f"{key}: {value}" for key, value in more.items())]
    return RulePack.from_yaml("rules:\n  it:\n" + "".join(f"    {line}\n" for line in lines))


def refuse(n: int) -> pd.DataFrame:
    raise AssertionError(f"{n} fresh rows were asked for although repairs are enough")


def kept(
    frame: pd.DataFrame, rules: RulePack, redraw: Draw = refuse, **options: Any
) -> tuple[pd.DataFrame, Enforcement]:
    before = frame.copy(deep=True)
    result, facts = enforce(frame, rules, redraw=redraw, rng=np.random.default_rng(0), **options)
    pd.testing.assert_frame_equal(frame, before)
    assert len(result) == len(frame)
    assert result.index.equals(frame.index)
    return result, facts


def drawer(seed: int = 0) -> Draw:
    """Draws patients of whom some have their pressures the wrong way round, in dtypes of every family."""
    rng = np.random.default_rng(seed)

    def draw(n: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "low": rng.integers(40, 100, n),
                "high": rng.integers(60, 180, n).astype("int16"),
                "crp": pd.array(rng.random(n).round(2), dtype="Float32"),
                "ward": pd.Categorical(rng.choice(["north", "south"], n), ["north", "south", "east"]),
                "stage": pd.Categorical(rng.choice(["I", "II"], n), ["I", "II"], ordered=True),
                "smoker": rng.random(n) < 0.5,
                "seen": pd.Timestamp("2020-01-01", tz="Europe/Vienna")
                + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
                "note": pd.Series(rng.choice(["a", "b"], n), dtype=object),
                "dose": pd.array(rng.random(n), dtype="double[pyarrow]"),
            }
        )

    return draw


def test_rows_are_redrawn_until_all_keep_the_rules_and_no_row_is_lost() -> None:
    draw = drawer()
    frame = draw(500).set_index(np.arange(500) * 7 + 3)
    rules = RulePack.from_yaml(
        "rules:\n  pressure: {holds: low < high}\n  smokers: {when: smoker == 1, then: ward == 'north'}\n"
    )
    good = (frame["low"] < frame["high"]) & (~frame["smoker"] | (frame["ward"] == "north"))
    result, facts = kept(frame, rules, draw)
    assert (result["low"] < result["high"]).all()
    assert (result.loc[result["smoker"], "ward"] == "north").all()
    # Rows that kept the rules are untouched and in their places; dtypes are what they were.
    pd.testing.assert_frame_equal(result[good], frame[good])
    assert (result.dtypes == frame.dtypes).all()
    assert facts.redrawn == (~good).sum()
    assert facts.drawn >= facts.redrawn
    assert facts.rounds >= 1
    assert facts.before["pressure"].violating == (frame["low"] >= frame["high"]).sum()
    assert (facts.after.rate, facts.after.rows) == (0.0, 500)
    assert facts.to_dict()["redrawn"] == facts.redrawn


def test_equal_seeds_give_equal_rows() -> None:
    rules = pack("holds: low < high")
    results = [
        enforce(drawer(5)(80), rules, redraw=drawer(6), rng=np.random.default_rng(1))[0] for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*results)


def test_a_table_that_keeps_the_rules_is_given_back() -> None:
    frame = drawer()(50)
    result, facts = kept(frame, pack("holds: low >= 0"))
    pd.testing.assert_frame_equal(result, frame)
    assert (facts.redrawn, facts.drawn, facts.rounds) == (0, 0, 0)


def test_swap() -> None:
    frame = pd.DataFrame({"d": [80, 90, 70], "s": [120, 85, 100], "x": list("abc")})
    result, facts = kept(frame, pack("holds: s > d", repair="swap"))
    assert result.to_dict("list") == {"d": [80, 85, 70], "s": [120, 90, 100], "x": list("abc")}
    assert (facts.repaired, facts.redrawn) == ({"it": 1}, 0)
    assert (result.dtypes == frame.dtypes).all()


def test_sort_leaves_missing_cells_where_they_are() -> None:
    frame = pd.DataFrame(
        {"low": [3.0, NAN, 5.0, 1.0], "mean": [1.0, 9.0, NAN, 2.0], "high": [2.0, 4.0, 1.0, 3.0]},
        dtype="Float64",
    )
    result, facts = kept(frame, pack("holds: low <= mean <= high", repair="sort"))
    # In the third row the mean is missing, so that the chain says nothing of it.
    wanted = {"low": [1.0, NAN, 5.0, 1.0], "mean": [2.0, 4.0, NAN, 2.0], "high": [3.0, 9.0, 1.0, 3.0]}
    pd.testing.assert_frame_equal(result, pd.DataFrame(wanted, dtype="Float64"))
    assert facts.repaired == {"it": 2}


def test_sort_of_dates_across_dtypes_without_loss() -> None:
    frame = pd.DataFrame(
        {
            "admit": pd.to_datetime(["2020-02-01"]).as_unit("s"),
            "discharge": pd.to_datetime(["2020-01-01"]).as_unit("ns"),
        }
    )
    result, _ = kept(frame, pack("holds: discharge >= admit", repair="swap"))
    assert result["admit"][0] == pd.Timestamp("2020-01-01")
    assert (result.dtypes == frame.dtypes).all()
    mixed = pd.DataFrame({"a": [3], "b": [1.5]})
    with pytest.raises(RuleError, match=r"rule 'it': .*'a' of dtype int64 with loss"):
        kept(mixed, pack("holds: a < b", repair="swap"))


def test_equal_values_of_a_strict_comparison_are_drawn_anew() -> None:
    frame = pd.DataFrame({"a": [1, 5], "b": [1, 2]})
    result, facts = kept(
        frame, pack("holds: a < b", repair="swap"), lambda n: pd.DataFrame({"a": [3] * n, "b": [4] * n})
    )
    assert result.to_dict("list") == {"a": [3, 2], "b": [4, 5]}
    assert facts.redrawn == 1


@pytest.mark.parametrize("dtype", ["float64", "Float32", "int64", "Int16", "int64[pyarrow]"])
def test_clip(dtype: str) -> None:
    frame = pd.DataFrame({"hb": pd.Series([1, 12, 40, 40], dtype=dtype), "sex": list("FFFM")})
    block = "range: {column: hb, within: [2.5, 25.5], when: \"sex == 'F'\"}"
    result, facts = kept(frame, pack(block, repair="clip"))
    whole = "int" in dtype.lower()
    assert result["hb"].tolist() == [3 if whole else 2.5, 12, 25 if whole else 25.5, 40]
    assert str(result["hb"].dtype) == str(frame["hb"].dtype)
    assert facts.repaired == {"it": 2}
    with pytest.raises(RuleError, match="clip is for numbers"):
        kept(frame.astype({"hb": str}), pack(block, repair="clip"))


@pytest.mark.parametrize(
    ("cells", "then", "wanted"),
    [
        (pd.Series(["M", "F"]), "x == 'F'", "F"),
        (pd.Series(pd.Categorical(["M", "M"], ["F", "M"])), "x == 'F'", "F"),
        (pd.Series([True, False]), "x == False", False),
        (pd.Series([1, 0], dtype="int8"), "x == 0", 0),
        (pd.Series([1, None], dtype="boolean"), "x == 0", False),
        (pd.Series([True, False], dtype=object), "x == 0", False),
        (pd.Series(["M", "F"], dtype="string[pyarrow]"), "x == 'F'", "F"),
    ],
)
def test_set(cells: pd.Series[Any], then: str, wanted: object) -> None:
    frame = pd.DataFrame({"p": [1, 0], "x": cells})
    result, facts = kept(frame, pack(f"when: p == 1; then: {then}", repair="set"))
    assert result["x"][0] == wanted
    assert type(result["x"][0]) is type(wanted) or not isinstance(wanted, str)
    assert result["x"].dtype == cells.dtype
    assert facts.repaired == {"it": 1}


def test_set_to_a_category_that_is_not_there() -> None:
    frame = pd.DataFrame({"p": [1], "x": pd.Categorical(["M"])})
    with pytest.raises(RuleError, match="column 'x' has no such category"):
        kept(frame, pack("when: p == 1; then: x == 'Female'", repair="set"))


@pytest.mark.parametrize(
    ("cells", "after"),
    [
        (pd.Series([5.0, 6.0], dtype="float32"), "float32"),
        (pd.Series([5, 6], dtype="uint8"), "UInt8"),
        (pd.Series([True, False]), "boolean"),
        (pd.Series(["a", "b"], dtype=object), "object"),
        (pd.Series(pd.Categorical(["a", "b"])), "category"),
        (pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]).as_unit("s")), "datetime64[s]"),
        (pd.Series([5, 6], dtype="int64[pyarrow]"), "int64[pyarrow]"),
    ],
)
def test_missing(cells: pd.Series[Any], after: str) -> None:
    frame = pd.DataFrame({"ventilated": [0, 1], "x": cells})
    result, facts = kept(frame, pack("missing: x; iff: not ventilated", repair="missing"))
    assert result["x"].isna().tolist() == [True, False]
    assert result["x"][1] == cells[1]
    assert str(result["x"].dtype) == after
    assert facts.repaired == {"it": 1}


def test_missing_does_not_make_values_up_nor_gaps_that_real_rows_never_have() -> None:
    frame = pd.DataFrame({"ventilated": [1], "x": [NAN]})
    rules = pack("missing: x; iff: not ventilated", repair="missing")
    result, facts = kept(frame, rules, lambda n: pd.DataFrame({"ventilated": [0] * n, "x": [7.0] * n}))
    assert (result["ventilated"][0], facts.redrawn) == (0, 1)
    assert result["x"].isna().all()
    full = Schema((Column("ventilated", "integer"), Column("x", "numeric", nullable=False)))
    with pytest.raises(RuleError, match="'x' is never missing in the real table"):
        kept(pd.DataFrame({"ventilated": [0], "x": [1.0]}), rules, schema=full)


def test_missing_for_the_other_forms_that_it_goes_with() -> None:
    frame = pd.DataFrame({"a": [1.0, NAN, 900.0], "b": [NAN, NAN, 2.0]})
    result, _ = kept(frame, pack("missing_together: [a, b]", repair="missing"))
    assert result.isna().all(axis=1).tolist() == [True, True, False]
    result, _ = kept(frame, pack("range: {column: a, within: [0, 100]}", repair="missing"))
    assert result["a"].isna().tolist() == [False, True, True]
    result, _ = kept(frame, pack("when: b == 2; then: missing(a)", repair="missing"))
    assert result["a"].isna().tolist() == [False, True, True]


def test_what_a_repair_breaks_is_drawn_anew() -> None:
    rules = RulePack.from_yaml(
        "rules:\n  order: {holds: a <= b, repair: swap}\n  small: {holds: a + b < 10}\n  b: {holds: b < 4}\n"
    )
    frame = pd.DataFrame({"a": [5, 2], "b": [1, 3]})
    result, facts = kept(frame, rules, lambda n: pd.DataFrame({"a": [3] * n, "b": [1] * n}))
    assert result.to_dict("list") == {"a": [1, 2], "b": [3, 3]}
    # The fresh row came the wrong way round as well, and was repaired like the first.
    assert facts.repaired["order"] >= 2


def numbers(rate: float, seed: int = 0) -> Draw:
    rng = np.random.default_rng(seed)
    return lambda n: pd.DataFrame({"x": np.where(rng.random(n) < rate, 1.0, 0.0), "y": rng.random(n)})


@pytest.mark.parametrize("real", [0.0, 0.04, 0.5])
def test_as_real_tolerates_the_real_rate_and_no_more(real: float) -> None:
    rules = pack("holds: x == 0", enforce="as_real").learn(numbers(real, seed=1)(20_000))
    rate = rules["it"].real_rate
    assert rate == pytest.approx(real, abs=0.01)
    result, facts = kept(numbers(0.3)(2_000), rules, numbers(0.3, seed=2))
    assert rate is not None
    assert facts.after["it"].rate <= rate
    assert facts.after["it"].rate == pytest.approx(min(rate, 0.3), abs=0.02)
    assert facts.after["it"].violating == (result["x"] == 1).sum()


def test_two_rules_that_are_enforced_as_real_both_stay_within_their_rates() -> None:
    rules = RulePack.from_yaml(
        "enforce: as_real\nrules:\n  x: {holds: x == 0}\n  y: {holds: y < 0.8}\n  z: {holds: x + y < 1.5}\n"
    )
    real = numbers(0.05, seed=1)(10_000)
    learnt = rules.learn(real.assign(y=real["y"] * 0.9))
    _, facts = kept(numbers(0.4)(3_000), learnt, numbers(0.4, seed=2))
    for name in ("x", "y", "z"):
        allowed = learnt[name].real_rate
        assert allowed is not None
        assert facts.after[name].rate <= allowed
    with pytest.raises(RuleError, match=r"rule 'x': .*pack.learn"):
        kept(numbers(0.4)(10), rules)


def test_never_is_only_counted() -> None:
    frame = numbers(0.5)(100)
    result, facts = kept(frame, pack("holds: x == 0", enforce="never"))
    pd.testing.assert_frame_equal(result, frame)
    assert facts.after["it"].violating == (frame["x"] == 1).sum()


@pytest.mark.parametrize("rows", [3, 2_000])
def test_a_model_that_never_keeps_a_rule_is_an_error_that_names_it(rows: int) -> None:
    message = r"rule 'it': 0 of [\d,]+ generated rows keep it \(0.00%\).*enforce it as_real or never"
    with pytest.raises(RuleError, match=message):
        kept(numbers(1.0)(rows), pack("holds: x == 0"), numbers(1.0), draws_per_row=10)


def test_a_rare_but_possible_row_is_found() -> None:
    result, facts = kept(numbers(1.0)(3), pack("holds: x == 0"), numbers(0.995))
    assert (result["x"] == 0).all()
    assert facts.redrawn == 3


def test_identifiers_of_replaced_rows_stay_distinct() -> None:
    schema = Schema((Column("id", "identifier", "identifier"), Column("x", "numeric")))

    def draw(n: int) -> pd.DataFrame:
        return pd.DataFrame({"id": np.arange(n), "x": np.arange(n) % 2.0})

    result, _ = kept(draw(100), pack("holds: x == 0"), draw, schema=schema)
    assert result["id"].tolist() == list(range(100))


def test_chunks_with_other_dtypes_are_joined_in_those_of_the_table() -> None:
    frame = pd.DataFrame({"n": [1, 2], "w": pd.Categorical(["a", "b"]), "x": [1.0, 0.0]})
    fresh = pd.DataFrame({"x": [0.0], "w": pd.Categorical(["c"]), "n": pd.array([None], dtype="Int64")})

    def draw(n: int) -> pd.DataFrame:
        return pd.concat([fresh] * n, ignore_index=True)

    result, _ = kept(frame, pack("holds: x == 0"), draw)
    assert str(result["n"].dtype) == "Int64"
    assert isinstance(result["w"].dtype, pd.CategoricalDtype)
    assert result["w"].tolist() == ["c", "b"]


def test_a_redraw_that_gives_something_else_is_refused() -> None:
    frame = numbers(0.5)(10)
    for wrong in (lambda n: numbers(0.0)(n - 1), lambda n: numbers(0.0)(n)[["x"]]):
        with pytest.raises(DataError, match="redraw gave"):
            kept(frame, pack("holds: x == 0"), wrong)
    with pytest.raises(ConfigError, match="draws_per_row"):
        kept(frame, pack("holds: x == 0"), draws_per_row=0)
