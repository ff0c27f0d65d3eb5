"""Whatever the table, what comes back meets what was asked when it is counted cell by cell; or it raises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import AnonymityError, DataError
from synthetic_healthcare.privacy.anonymity import (
    KAnonymity,
    LDiversity,
    Requirement,
    TCloseness,
    anonymize,
    check_anonymity,
)
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

SCHEMA = Schema(
    (
        Column("age", "integer", "quasi", dtype="Int64"),
        Column("ward", "categorical", "quasi"),
        Column("admitted", "datetime", "quasi", dtype="datetime64[s]"),
        Column("stage", "ordinal", "quasi", categories=("I", "II", "III")),
        Column("dose", "numeric"),
        Column("illness", "categorical", "sensitive"),
        Column("score", "integer"),
    )
)
CELLS = st.tuples(
    st.one_of(st.none(), st.integers(20, 26)),
    st.sampled_from([None, "north", "south", "east"]),
    st.integers(0, 40),
    st.sampled_from(["I", "II", "III", None]),
    st.sampled_from([0.1, 0.25, 7.5]),
    st.sampled_from(["flu", "flu", "flu", "cancer", "none", None]),
    st.integers(0, 5),
)


def table(rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=SCHEMA.names)
    frame["age"] = frame["age"].astype("Int64")
    frame["admitted"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["admitted"], unit="D")).astype(
        "datetime64[s]"
    )
    frame["stage"] = pd.Categorical(frame["stage"], ["I", "II", "III"], ordered=True)
    return frame.set_index(np.arange(len(frame)) * 3 + 1)


def asked(
    k: int = 2, *, schema: Schema = SCHEMA, how: dict[str, Any] | None = None, **others: Any
) -> Requirement:
    found = Requirement.of(schema, k_anonymity=KAnonymity(k=k, **(how or {})), **others)
    assert found is not None
    return found


def meets(recount: SimpleNamespace, frame: pd.DataFrame, requirement: Requirement) -> bool:
    """Count by the definitions, cell by cell."""
    quasi = requirement.quasi_identifiers
    fine = recount.smallest(frame, quasi) >= requirement.k
    want = requirement.diversity
    for name in requirement.diverse:
        for values in recount.groups(frame, quasi, name):
            fine &= {
                "distinct": lambda held: recount.distinct(held) >= want.l,
                "entropy": lambda held: recount.effective(held) >= want.l - 1e-9,
                "recursive": lambda held: recount.dominance(held, want.l) < want.most_common_share,
            }[want.kind](values)
    for name in requirement.close:
        whole = [recount.cell(value) for value in frame[name].tolist()]
        measure = recount.ordered_distance if name == "score" else recount.variation
        for values in recount.groups(frame, quasi, name):
            fine &= measure(values, whole) <= requirement.closeness.t + 1e-9
    return bool(fine)


DIVERSITIES = st.one_of(
    st.none(),
    st.builds(
        LDiversity,
        l=st.integers(2, 3),
        kind=st.sampled_from(["distinct", "entropy", "recursive"]),
        sensitive=st.just(("illness",)),
    ),
)
CLOSENESS = st.one_of(
    st.none(),
    st.builds(lambda t: TCloseness(t=t, sensitive=("illness", "score")), st.sampled_from([0.1, 0.3])),
)


@settings(max_examples=250, deadline=None)
@given(
    rows=st.lists(CELLS, min_size=1, max_size=60),
    k=st.integers(2, 6),
    diversity=DIVERSITIES,
    closeness=CLOSENESS,
    recode=st.sampled_from(["value", "interval"]),
    limit=st.sampled_from([0.0, 0.05, 0.4]),
)
def test_what_comes_back_meets_what_was_asked(
    recount: SimpleNamespace,
    rows: list[Any],
    k: int,
    diversity: LDiversity | None,
    closeness: TCloseness | None,
    recode: str,
    limit: float,
) -> None:
    frame = table(rows)
    requirement = asked(
        k,
        how={"recode": recode, "suppression_limit": limit},
        l_diversity=diversity,
        t_closeness=closeness,
    )
    before = frame.copy(deep=True)
    try:
        released, report = anonymize(frame, SCHEMA, requirement)
    except AnonymityError:
        # Only where the table as one group does not meet it either, which no smaller groups can mend.
        assert not meets(recount, frame.assign(age=0, ward=0, admitted=0, stage=0), requirement)
        return
    finally:
        pd.testing.assert_frame_equal(frame, before)
    assert meets(recount, released, requirement)
    assert report.k == recount.smallest(released, requirement.quasi_identifiers)
    assert report.classes == len(recount.groups(released, requirement.quasi_identifiers))
    # No row is lost that is not reported, and rows stay where they were.
    assert report.rows == len(released) == len(frame) - report.suppressed
    assert report.suppressed <= limit * len(frame)
    kept = frame.loc[released.index]
    others = [name for name in SCHEMA.names if name not in requirement.quasi_identifiers]
    pd.testing.assert_frame_equal(released[others], kept[others])
    assert all(0.0 <= value <= 1.0 for value in report.loss.values())
    again, _ = anonymize(frame, SCHEMA, requirement)
    pd.testing.assert_frame_equal(again, released)
    if recode == "value":
        assert released.dtypes.equals(frame.dtypes)
        twice, second = anonymize(released, SCHEMA, requirement)
        pd.testing.assert_frame_equal(twice, released)
        assert second.suppressed == 0
        assert set(second.loss.values()) == {0.0}


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(CELLS, min_size=2, max_size=40), k=st.integers(2, 5))
def test_each_cell_is_one_that_a_row_of_the_group_holds(rows: list[Any], k: int) -> None:
    frame = table(rows)
    requirement = asked(k)
    if len(frame) < k:
        return
    released, _ = anonymize(frame, SCHEMA, requirement)
    quasi = list(requirement.quasi_identifiers)
    for _, group in released.groupby(quasi, dropna=False, observed=True):
        originals = frame.loc[group.index]
        for name in quasi:
            cell = group[name].iloc[0]
            held = originals[name]
            assert held.isna().any() if pd.isna(cell) else (held == cell).any()


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(CELLS, min_size=3, max_size=40), shuffle=st.randoms(use_true_random=False))
def test_what_a_row_becomes_does_not_depend_on_the_order_of_rows(rows: list[Any], shuffle: Any) -> None:
    frame, requirement = table(rows), asked(3)
    order = list(range(len(frame)))
    shuffle.shuffle(order)
    straight, _ = anonymize(frame, SCHEMA, requirement)
    mixed, _ = anonymize(frame.iloc[order], SCHEMA, requirement)
    pd.testing.assert_frame_equal(mixed.sort_index(), straight)


def numbers(ages: list[int], ill: list[Any] | None = None) -> tuple[pd.DataFrame, Schema]:
    schema = Schema(
        (Column("age", "integer", "quasi", dtype="int64"), Column("ill", "categorical", "target"))
    )
    return pd.DataFrame(
        {"age": ages, "ill": ["yes", "no"] * (len(ages) // 2) if ill is None else ill}
    ), schema


def test_ties_stay_together_and_cuts_lie_where_values_part() -> None:
    frame, schema = numbers([20, 20, 20, 20, 20, 90])
    released, report = anonymize(frame, schema, asked(2, schema=schema))
    # The only cut would leave one row alone.
    assert released["age"].tolist() == [20] * 6
    assert (report.classes, report.k, report.loss) == (1, 6, {"age": 1.0})


def test_the_median_cut_of_a_worked_table() -> None:
    frame, schema = numbers([1, 2, 3, 4, 10, 11, 12, 13])
    released, report = anonymize(frame, schema, asked(2, schema=schema))
    assert released["age"].tolist() == [1, 1, 3, 3, 10, 10, 12, 12]
    assert report.loss == {"age": pytest.approx(1 / 12)}
    released, _ = anonymize(frame, schema, asked(2, schema=schema, how={"recode": "interval"}))
    assert released["age"].tolist() == ["1-2"] * 2 + ["3-4"] * 2 + ["10-11"] * 2 + ["12-13"] * 2


def test_diversity_stops_a_cut_that_k_allows() -> None:
    frame, schema = numbers([1, 1, 9, 9], ["yes", "yes", "no", "no"])
    _, free = anonymize(frame, schema, asked(2, schema=schema))
    _, diverse = anonymize(frame, schema, asked(2, schema=schema, l_diversity=LDiversity(l=2)))
    assert (free.classes, diverse.classes) == (2, 1)
    assert diverse.diversity == {"ill": 2.0}
    _, close = anonymize(frame, schema, asked(2, schema=schema, t_closeness=TCloseness(t=0.4)))
    assert (close.classes, close.closeness) == (1, {"ill": 0.0})


def test_missing_is_a_value_of_its_own() -> None:
    frame, schema = numbers([1, 2, 3, 4])
    frame["age"] = pd.array([30, 30, None, None], dtype="Int64")
    released, report = anonymize(frame, schema, asked(2, schema=schema))
    assert released["age"].isna().tolist() == [False, False, True, True]
    assert report.loss == {"age": 0.0}
    frame["age"] = pd.array([30, 30, 31, None], dtype="Int64")
    released, report = anonymize(frame, schema, asked(2, schema=schema, how={"recode": "interval"}))
    assert released["age"].tolist() == ["30", "30", "31 or missing", "31 or missing"]
    assert report.loss == {"age": 0.5}


def test_an_impossible_demand_says_what_is_wrong() -> None:
    frame, schema = numbers([1, 2, 3, 4])
    with pytest.raises(AnonymityError, match=r"4 rows cannot be shared by k=5"):
        anonymize(frame, schema, asked(5, schema=schema))
    with pytest.raises(AnonymityError, match=r"'ill' has 2 different values .* 3-diverse \(distinct\)"):
        anonymize(frame, schema, asked(2, schema=schema, l_diversity=LDiversity(l=3)))
    with pytest.raises(DataError, match="'age' is integer, and 4 of its different cells are not numbers"):
        anonymize(frame.assign(age=list("abcd")), schema, asked(2, schema=schema))
    with pytest.raises(DataError, match="'age' are missing from the table"):
        check_anonymity(frame[["ill"]], schema, asked(2, schema=schema))
    with pytest.raises(AnonymityError, match="0 rows"):
        anonymize(frame.head(0), schema, asked(2, schema=schema))


def test_rows_are_left_out_only_where_the_table_cannot_do_without() -> None:
    # Entropy 2 of two values asks for equal shares: two of the twelve must go, the last ones.
    frame, schema = numbers([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], ["yes"] * 7 + ["no"] * 5)
    strict = LDiversity(l=2, kind="entropy")
    with pytest.raises(AnonymityError, match="2 of 12 rows would have to be left out so that 'ill'"):
        anonymize(frame, schema, asked(2, schema=schema, l_diversity=strict))
    how = {"suppression_limit": 0.2}
    released, report = anonymize(frame, schema, asked(2, schema=schema, how=how, l_diversity=strict))
    assert released.index.tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert (report.suppressed, report.diversity) == (2, {"ill": pytest.approx(2.0)})


def test_a_table_that_fails_the_count_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(axes: list[Any], demands: list[Any], k: int) -> Any:
        return axes[0].codes

    monkeypatch.setattr("synthetic_healthcare.privacy.anonymity.guarantees.partition", alone)
    frame, schema = numbers([1, 1, 2, 2])
    anonymize(frame, schema, asked(2, schema=schema))
    with pytest.raises(AnonymityError, match=r"not given out: a group has 2 rows, fewer than k=3"):
        anonymize(frame, schema, asked(3, schema=schema))
    frame["ill"] = ["yes", "yes", "no", "no"]
    with pytest.raises(AnonymityError, match=r"'ill' is not 2-diverse \(distinct\) in every group"):
        anonymize(frame, schema, asked(2, schema=schema, l_diversity=LDiversity(l=2)))
    with pytest.raises(AnonymityError, match=r"'ill' is farther than t=0.2 from the table"):
        anonymize(frame, schema, asked(2, schema=schema, t_closeness=TCloseness(t=0.2)))


def test_the_check_counts_what_others_made() -> None:
    frame, schema = numbers([1, 1, 1, 2, 2, 3], ["yes", "no", "no", "yes", "yes", "no"])
    requirement = asked(
        2, schema=schema, l_diversity=LDiversity(l=2, kind="recursive"), t_closeness=TCloseness(t=0.2)
    )
    report = check_anonymity(frame, schema, requirement)
    assert (report.rows, report.classes, report.k) == (6, 3, 1)
    assert report.diversity == {"ill": float("inf")}
    assert report.closeness == {"ill": pytest.approx(0.5)}
    assert len(report.shortfalls(requirement)) == 3
    assert report.to_dict()["diversity"] == {"ill": None}


@pytest.mark.parametrize(
    ("dtype", "cells"),
    [
        ("float32", [1.5, 2.5, 7.5, 8.5]),
        ("int16", [1, 2, 7, 8]),
        ("object", ["<0.5", "0.5", "0.7", ">9"]),
        ("double[pyarrow]", [1.5, 2.5, 7.5, 8.5]),
        ("datetime64[us, Europe/Vienna]", ["2020-01-01", "2020-01-02", "2020-02-01", "2020-02-02"]),
        ("bool", [True, True, False, False]),
        ("category", ["a", "b", "c", "d"]),
    ],
)
def test_dtypes_are_kept(dtype: str, cells: list[Any]) -> None:
    kind: Any = (
        "datetime" if "Vienna" in dtype else "categorical" if dtype in ("bool", "category") else "numeric"
    )
    schema = Schema((Column("x", kind, "quasi"), Column("y", "integer")))
    frame = pd.DataFrame({"x": pd.Series(cells).astype(dtype), "y": range(4)})
    released, report = anonymize(frame, schema, asked(2, schema=schema))
    assert released["x"].dtype == frame["x"].dtype
    assert report.classes == 2
    assert released["x"].iloc[0] == released["x"].iloc[1] != released["x"].iloc[2]


def test_sets_of_codes_are_compared_as_sets() -> None:
    schema = Schema((Column("codes", "codes", "quasi"), Column("y", "integer")))
    frame = pd.DataFrame({"codes": [["I10", "E11"], ["E11", "I10"], ["N18"], ["N18"]], "y": range(4)})
    released, report = anonymize(frame, schema, asked(2, schema=schema))
    assert report.loss == {"codes": 0.0}
    assert [set(one) for one in released["codes"]] == [{"I10", "E11"}] * 2 + [{"N18"}] * 2
