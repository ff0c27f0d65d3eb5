"""What expressions say of rows: worked out by hand, and against Python row by row."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.rules.expression import Expression
from synthetic_healthcare.rules.judging import judge
from synthetic_healthcare.rules.reading import Reader
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

NAN = float("nan")


def said(text: str, table: dict[str, Any] | pd.DataFrame, *columns: Column) -> str:
    """One sign a row: + holds, - fails, ? neither."""
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    truth = judge(Expression(text), Reader(frame, Schema(columns) if columns else None))
    assert not (truth.holds & truth.fails).any()
    return "".join(
        "+" if holds else "-" if fails else "?" for holds, fails in zip(truth.holds, truth.fails, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", "+--?"),
        ("a <= b", "++-?"),
        ("b > a", "+--?"),
        ("a != b", "+-+?"),
        ("0 < a < b", "+--?"),
        ("a < b or c == 'x'", "++?+"),
        ("a < b and c == 'x'", "+--?"),
        ("not a < b", "-++?"),
        ("c == 'x'", "++?+"),
        ("c in ['x', 'y']", "++?+"),
        ("c not in ['y']", "++?+"),
        ("c != 'q' and a == 2", "-+-+"),
        ("a in [1, 3]", "+-+-"),
        ("missing(c)", "--+-"),
        ("present(b) or a == 2", "++++"),
        ("a + b == 3", "+--?"),
        ("b / (a - 2) < 0", "+?-?"),
        ("min(a, b) == 1", "+-+?"),
        ("max(a, 2) == 2", "++-+"),
        ("abs(a - 2) == 1", "+-+-"),
        ("-a < -1", "-+++"),
        ("a ** 2 == 9", "--+-"),
        ("d", "+-?-"),
        ("not d", "-+?+"),
        ("d == True", "+-?-"),
    ],
)
def test_known_answers(text: str, expected: str) -> None:
    table = pd.DataFrame(
        {
            "a": [1, 2, 3, 2],
            "b": [2.0, 2.0, 1.0, NAN],
            "c": ["x", "x", None, "x"],
            "d": pd.Series([True, False, None, False], dtype="boolean"),
        }
    )
    assert said(text, table) == expected


def test_numbers_that_differ_by_rounding_are_equal() -> None:
    table = {"a": [0.1], "b": [0.2], "c": [0.3]}
    assert said("a + b == c", table) == "+"
    assert said("a + b > c", table) == "-"
    assert said("a + b <= c", table) == "+"
    assert said("x <= 4.1 and x == 4.1", {"x": np.array([4.1], dtype="float32")}) == "+"
    assert said("x == 4.1001", {"x": np.array([4.1], dtype="float32")}) == "-"


DATES = {
    "native": pd.to_datetime(["2020-01-01", "2020-01-05", None]),
    "text": pd.Series(["2020-01-01", "2020-01-05", None], dtype=object),
    "objects": pd.Series([dt.date(2020, 1, 1), dt.date(2020, 1, 5), None], dtype=object),
    "zone": pd.to_datetime(["2020-01-01", "2020-01-05", None], utc=True),
    "arrow": pd.Series(["2020-01-01", "2020-01-05", None], dtype=object)
    .astype("datetime64[ns]")
    .astype("timestamp[us][pyarrow]"),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_of_any_dtype(kind: str) -> None:
    discharge = pd.to_datetime(["2020-01-03", "2020-01-04", "2020-01-01"])
    table = pd.DataFrame({"admit": DATES[kind], "discharge": discharge})
    assert said("discharge >= admit", table) == "+-?"
    assert said("discharge - admit == 2", table) == "+-?"
    assert said("'2020-01-02' > admit", table) == "+-?"
    known = Column("admit", "datetime"), Column("discharge", "datetime")
    assert said("admit + 2 <= discharge", table, *known) == "+-?"
    assert said("max(admit, discharge) == discharge", table, *known) == "+-?"


def test_two_columns_of_dates_in_text_compare_without_a_schema() -> None:
    assert said("a <= b", {"a": ["2020-01-31"], "b": ["2020-02-01"]}) == "+"


def test_ordinals_compare_by_their_levels() -> None:
    table = {"stage": ["II", "IV", None, "I"]}
    known = Column("stage", "ordinal", categories=("I", "II", "III", "IV"))
    assert said("stage >= 'II'", table, known) == "++?-"
    assert said("'III' < stage", table, known) == "-+?-"
    ordered = pd.DataFrame({"stage": pd.Categorical(table["stage"], ["I", "II", "III", "IV"], ordered=True)})
    assert said("stage < 'IV'", ordered) == "+-?+"
    with pytest.raises(RuleError, match="did you mean 'III'"):
        said("stage < 'IIII'", table, known)
    with pytest.raises(RuleError, match="no order"):
        said("stage < 'II'", table)


def test_codes() -> None:
    table = {"diagnoses": ["O80;I10", "I10", "", None], "n": [1, 2, 3, 4]}
    known = Column("diagnoses", "codes", delimiter=";"), Column("n", "integer")
    assert said("'O80' in diagnoses", table, *known) == "+--?"
    assert said("'O8*' in diagnoses", table, *known) == "+--?"
    assert said("'O81*' in diagnoses", table, *known) == "---?"
    assert said("'O80' not in diagnoses", table, *known) == "-++?"
    assert said("missing(diagnoses)", table, *known) == "---+"
    assert said("250 in codes", {"codes": [[250, 41401], [414], None]}) == "+-?"
    with pytest.raises(RuleError, match=r"at character 10 .*declare its kind as codes"):
        said("'O80' in diagnoses", table)
    with pytest.raises(RuleError, match="asked with 'in'"):
        said("diagnoses == 'O80'", table, *known)


def test_text_is_read_as_numbers_beside_numbers() -> None:
    table = {"crp": ["<0.5", "7.1", None, "3"]}
    assert said("crp <= 3", table) == "+-?+"
    assert said("crp + 1 > 5", table) == "-+?-"
    assert said("level == 2", {"level": pd.Categorical([1, 2, None])}) == "-+?"
    assert said("level == 2", {"level": pd.Series([1, 2, None], dtype="int64[pyarrow]")}) == "-+?"
    assert said("a == b", {"a": ["x", "y", None], "b": pd.Categorical(["x", "z", "x"])}) == "+-?"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("systolic > diastolc", 12, "did you mean 'diastolic'"),
        ("diastolic < '80'", 1, "without quotes"),
        ("sex == 1", 1, "in quotes"),
        ("sex < 'M'", 1, "no order"),
        ("sex + 1 == 2", 1, "no number"),
        ("sex", 1, "not a yes or no"),
        ("not systolic", 5, "not only 0 and 1"),
        ("admit < 3", 1, "cannot be compared"),
        ("admit * 2 == 3", 1, "with dates one can"),
        ("admit < 'last week'", 1, "ISO 8601"),
        ("abs(admit) < 3", 1, "a date is no number"),
        ("(diastolic < 3) == 1", 2, "yes or no"),
        ("'M' in sex", 8, "declare its kind as codes"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_place(text: str, place: int, problem: str) -> None:
    table = {
        "systolic": [120],
        "diastolic": [80],
        "sex": ["F"],
        "admit": [pd.Timestamp("2020-01-01")],
    }
    with pytest.raises(RuleError, match=f"^at character {place} of .*{problem}"):
        said(text, table)


NUMBERS = st.lists(
    st.tuples(*[st.one_of(st.none(), st.integers(-3, 3)) for _ in range(3)]), min_size=1, max_size=8
)
OPERANDS = st.sampled_from(["a", "b", "c", "1", "(a + b)", "(b - 2 * c)"])
PAIRS = st.tuples(OPERANDS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), OPERANDS).map(" ".join)


def by_hand(text: str, row: dict[str, float]) -> str:
    """Python's own answer for one row."""
    if any(math.isnan(row[name]) for name in "abc" if name in text):
        return "?"
    return "+" if eval(text, {}, row) else "-"


@hypothesis.settings(deadline=None, max_examples=150)
@hypothesis.given(NUMBERS, PAIRS)
def test_comparisons_agree_with_python(rows: list[tuple[int | None, ...]], text: str) -> None:
    hypothesis.assume(any(name in text for name in "abc"))
    frame = pd.DataFrame(rows, columns=list("abc"), dtype="Float64")
    plain = frame.astype(object).where(frame.notna(), NAN).to_dict("records")
    assert said(text, frame) == "".join(by_hand(text, row) for row in plain)


@pytest.mark.parametrize("left", "+-?")
@pytest.mark.parametrize("right", "+-?")
def test_three_valued_logic(left: str, right: str) -> None:
    cell = {"+": 1.0, "-": 0.0, "?": NAN}
    table = {"p": [cell[left]], "q": [cell[right]]}
    order = "-?+"
    assert said("p and q", table) == min(left, right, key=order.index)
    assert said("p or q", table) == max(left, right, key=order.index)
    assert said("not p", table) == {"+": "-", "-": "+", "?": "?"}[left]
