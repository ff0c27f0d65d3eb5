"""`cast` gives the dtype that was asked for, or says that it cannot; nothing changes in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables import cast

NUMERIC_DTYPES = [
    *[f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)],
    *[f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)],
    *["float32", "float64", "Float32", "Float64"],
    *["int64[pyarrow]", "uint8[pyarrow]", "double[pyarrow]", "float[pyarrow]", "decimal128(10, 2)[pyarrow]"],
    *["object", "category", "Sparse[float64, nan]", "Sparse[int64, 0]"],
]


@pytest.mark.parametrize("dtype", NUMERIC_DTYPES)
def test_floats_become_any_numeric_dtype(dtype: str) -> None:
    series = pd.Series([0.0, 1.0, 100.0], name="x", index=[5, 6, 7])
    result = cast(series, dtype)
    assert str(result.dtype) == dtype
    assert result.astype(float).tolist() == [0.0, 1.0, 100.0]
    assert result.name == "x"
    assert result.index.tolist() == [5, 6, 7]


@pytest.mark.parametrize("source", NUMERIC_DTYPES)
@pytest.mark.parametrize(
    "dtype", ["int64", "Int16", "float64", "Float64", "object", "int8[pyarrow]", "boolean"]
)
def test_any_numeric_dtype_becomes_any_other(source: str, dtype: str) -> None:
    result = cast(cast(pd.Series([0.0, 1.0, 1.0]), source), dtype)
    assert str(result.dtype) == dtype
    assert result.astype(float).tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("dtype", "widened"),
    [("int64", "Int64"), ("uint8", "UInt8"), ("bool", "boolean"), ("Int32", "Int32"), ("float32", "float32")],
)
def test_gaps_widen_what_cannot_hold_them(dtype: str, widened: str) -> None:
    result = cast(pd.Series([0.0, 1.0, np.nan]), dtype)
    assert str(result.dtype) == widened
    assert result.isna().tolist() == [False, False, True]
    assert result[:2].astype(float).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.5], "int64"),
        ([1.5], "Int64"),
        ([1.5], "int64[pyarrow]"),
        ([300.0], "uint8"),
        ([300], "Int8"),
        ([-1.0], "uint64"),
        ([float(2**63)], "int64"),
        ([2**63], "int64"),
        ([float(2**64)], "uint64"),
        ([2**64], "uint64"),
        ([np.inf], "int64"),
        ([1e300], "float32"),
        ([0.5], "bool"),
        ([2.0], "boolean"),
        (["yes"], "bool"),
        (["yes"], "int64"),
        (["7"], "int64"),
        (["a"], "float64"),
        ([1.0], "datetime64[us]"),
        ([1.0], "int65"),
        ([1.0], "strange[pyarrow]"),
    ],
)
def test_loss_is_refused(values: list[object], dtype: str) -> None:
    with pytest.raises(DataError, match=r"column 'x' of dtype .* cannot be given the dtype"):
        cast(pd.Series(values, name="x"), dtype)


def test_the_largest_integers_survive() -> None:
    values = [2**63 - 1, -(2**63), 2**53 + 1]
    for series in (pd.Series(values, dtype=object), pd.Series(values), pd.Series(values, dtype="Int64")):
        for dtype in ("int64", "Int64", "object", "int64[pyarrow]"):
            assert [int(value) for value in cast(series, dtype)] == values
    assert cast(pd.Series([2**64 - 1], dtype=object), "uint64").tolist() == [2**64 - 1]


@pytest.mark.parametrize(
    "dtype", ["object", "str", "string", "category", "string[pyarrow]", "large_string[pyarrow]"]
)
def test_texts(dtype: str) -> None:
    result = cast(pd.Series(["a", None, "c"], dtype=object), dtype)
    expected = "object" if dtype == "str" and pd.__version__ < "3" else dtype
    assert str(result.dtype) == expected
    assert result.isna().tolist() == [False, True, False]
    assert result[[0, 2]].tolist() == ["a", "c"]


def test_ordered_categories() -> None:
    result = cast(pd.Series(["low", None, "high"]), "category", categories=("low", "mid", "high"))
    assert result.cat.ordered
    assert result.cat.categories.tolist() == ["low", "mid", "high"]
    assert result.isna().tolist() == [False, True, False]
    with pytest.raises(DataError):
        cast(pd.Series(["lower"]), "category", categories=("low", "high"))


def test_arrow_dictionaries_and_lists() -> None:
    dictionary = "dictionary<values=string, indices=int32, ordered=0>[pyarrow]"
    result = cast(pd.Series(["a", None, "a"], dtype=object), dictionary)
    assert str(result.dtype) == dictionary
    assert result.tolist()[::2] == ["a", "a"]
    lists = "list<item: string>[pyarrow]"
    result = cast(pd.Series([{"b", "a"}, None, ["c"]], dtype=object), lists)
    assert str(result.dtype) == lists
    assert [
        None if cell is None else list(cell) for cell in result.astype(object).where(result.notna(), None)
    ] == [
        ["a", "b"],
        None,
        ["c"],
    ]


@pytest.mark.parametrize(
    "dtype",
    ["datetime64[s]", "datetime64[ns]", "datetime64[us, UTC]", "datetime64[ns, Europe/Vienna]", "object"],
)
def test_instants(dtype: str) -> None:
    series = pd.Series(np.array(["2020-01-02T03:04:05", "NaT"], dtype="datetime64[us]"))
    result = cast(series, dtype)
    assert str(result.dtype) == dtype
    assert result.isna().tolist() == [False, True]
    assert pd.Timestamp(result[0]).tz_localize(None) != pd.Timestamp(0) if result.dtype == object else True


@pytest.mark.parametrize(
    "dtype", ["timestamp[us][pyarrow]", "timestamp[ns, tz=UTC][pyarrow]", "date32[day][pyarrow]"]
)
def test_arrow_instants(dtype: str) -> None:
    series = pd.Series(np.array(["2020-01-02", "NaT"], dtype="datetime64[us]"))
    result = cast(series, dtype)
    assert str(result.dtype) == dtype
    assert str(result[0]).startswith("2020-01-02")
    assert result.isna().tolist() == [False, True]


def test_instants_are_not_cut_off() -> None:
    with pytest.raises(DataError):
        cast(pd.Series(np.array(["1500-01-01"], dtype="datetime64[us]")), "datetime64[ns]")
    with pytest.raises(DataError):
        cast(pd.Series(np.array(["2020-01-01T00:00:00.5"], dtype="datetime64[us]")), "datetime64[s]")
    with pytest.raises(DataError):
        cast(pd.Series(pd.to_datetime(["2020-01-01"])).dt.tz_localize("UTC"), "datetime64[us]")


@settings(deadline=None)
@given(
    st.lists(st.none() | st.integers(-128, 127), min_size=1, max_size=12),
    st.sampled_from(
        ["int8", "Int64", "float64", "Float32", "object", "int16[pyarrow]", "double[pyarrow]", "category"]
    ),
    st.sampled_from(["int8", "Int16", "float32", "Float64", "object", "int64[pyarrow]"]),
)
def test_two_casts_lose_nothing(values: list[int | None], through: str, dtype: str) -> None:
    series = pd.Series([np.nan if value is None else float(value) for value in values])
    result = cast(cast(series, through), dtype)
    assert [None if lost else int(cell) for cell, lost in zip(result, result.isna(), strict=True)] == values
