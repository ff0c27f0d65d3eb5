"""Tables that cannot be learnt from are refused in words that name the column."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import DataError, SchemaError
from synthetic_healthcare.tables import check_public, check_table, check_target

ROWS = 60


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"age": range(ROWS), "sex": ["F", "M"] * (ROWS // 2), **columns})


def test_a_sound_table_passes() -> None:
    check_table(
        table(
            constant=1,
            nothing=np.nan,
            empty=pd.Series([None] * ROWS, dtype=object),
            limits=pd.Series(["<0.5", 7, ">1000", "3.5", None, Decimal("2")] * 10, dtype=object),
            lists=pd.Series([["I10"], []] * 30, dtype=object),
        )
    )


def test_an_empty_table() -> None:
    with pytest.raises(DataError, match="no rows"):
        check_table(table().iloc[:0])
    with pytest.raises(DataError, match="no columns"):
        check_table(pd.DataFrame(index=range(ROWS)))


def test_too_few_rows() -> None:
    with pytest.raises(DataError, match="49 rows and at least 50"):
        check_table(table().iloc[:49])
    check_table(table().iloc[:50])
    check_table(table().iloc[:5], minimum_rows=5)


def test_one_column() -> None:
    with pytest.raises(DataError, match="one column, 'age'"):
        check_table(table()[["age"]])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["age", "age"], "duplicate column names: 'age'"),
        (["age", 5], "column 1 is int"),
        (["age", None], "not text"),
        (["age", ("a", "b")], "column 1 is tuple"),
        (["age", " "], "column 1 has a blank name"),
        (["age", "two\nlines"], "runs over several lines"),
        (["age", "two\rlines"], "runs over several lines"),
        (["age", "tail\n"], "runs over several lines"),
    ],
)
def test_names_that_cannot_be_used(names: list[object], message: str) -> None:
    frame = table()
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    with pytest.raises(SchemaError, match=message):
        check_table(frame)


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "double[pyarrow]", "object"])
def test_infinities_are_counted_by_column(dtype: str) -> None:
    values = pd.Series([np.inf, 1.5, -np.inf] * 20).astype(dtype)
    with pytest.raises(DataError, match=r"infinite values in 'dose' \(40\)"):
        check_table(table(dose=values))


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object"])
def test_numbers_too_large_to_compute_with_are_counted_by_column(dtype: str) -> None:
    values = pd.Series([np.finfo(float).max, 1.5, -1e99] * 20).astype(dtype)
    with pytest.raises(DataError, match=r"values beyond 1e100 in 'dose' \(20\)"):
        check_table(table(dose=values))


def test_numbers_mixed_with_text_are_named_not_quoted() -> None:
    mixed = pd.Series(["unknown", 7, "8", "<2"] * 15, dtype=object)
    with pytest.raises(DataError, match=r"'lab' \(15 numbers, 15 texts\)") as caught:
        check_table(table(lab=mixed))
    assert "unknown" not in str(caught.value)


def test_a_table_without_any_value() -> None:
    with pytest.raises(DataError, match="all values of all 2 columns are missing"):
        check_table(pd.DataFrame({"a": [np.nan] * ROWS, "b": [None] * ROWS}))


def target(name: str | None) -> SimpleNamespace:
    return SimpleNamespace(target=name)


def test_targets() -> None:
    frame = table(died=[0, 1] * 30, alive=[1] * ROWS, nothing=[np.nan] * ROWS)
    assert check_target(frame, target("died")) is None
    assert check_target(frame, target(None)) is None
    with pytest.raises(SchemaError, match="target 'dead' is missing from the table"):
        check_target(frame, target("dead"))
    with pytest.raises(DataError, match="target 'alive' has one value only"):
        check_target(frame, target("alive"))
    with pytest.raises(DataError, match="target 'nothing' has no value at all"):
        check_target(frame, target("nothing"))


def test_a_target_with_gaps_says_what_happens() -> None:
    note = check_target(table(died=[0, 1, None] * 20), target("died"))
    assert note is not None
    assert "'died' is missing in 20 of 60 rows" in note


def test_a_private_check_looks_at_no_cell() -> None:
    odd = pd.DataFrame({"a": [np.inf] * 60, "b": [1, "x"] * 30, "c": [None] * 60})
    check_public(odd)
    with pytest.raises(DataError):
        check_table(odd)
    check_public(pd.DataFrame({"a": [None] * 60, "b": [None] * 60}))
    with pytest.raises(DataError, match="60 rows"):
        check_public(odd, minimum_rows=61)
    with pytest.raises(SchemaError, match="duplicate"):
        check_public(odd.rename(columns={"a": "b"}))
    with pytest.raises(DataError, match="one column"):
        check_public(odd[["a"]])
