"""Cells are read and written back without loss."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.parsing import (
    CodesForm,
    codes_form,
    count_decimals,
    format_codes,
    format_numbers,
    parse_codes,
    parse_numbers,
)

NUMBER_COLUMNS = {
    "float64": pd.Series([1.0, 2.5, np.nan]),
    "Float64": pd.Series([1.0, 2.5, None], dtype="Float64"),
    "float32": pd.Series([1.0, 2.5, np.nan], dtype="float32"),
    "strings": pd.Series(["1", " 2.5 ", None]),
    "objects": pd.Series([1, Decimal("2.5"), None], dtype=object),
    "blank": pd.Series(["1.0", "2.5e0", "  "], dtype=object),
    "arrow": pd.Series([1.0, 2.5, None], dtype=pd.ArrowDtype(pa.float64())),
    "arrow decimal": pd.Series(
        [Decimal("1.0"), Decimal("2.5"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 1))
    ),
    "arrow string": pd.Series(["1", "2.5", None], dtype=pd.ArrowDtype(pa.string())),
    "category": pd.Series([1.0, 2.5, None], dtype="category"),
    "string category": pd.Series(["1", "2.5", None], dtype="category"),
    "sparse": pd.Series(pd.arrays.SparseArray([1.0, 2.5, np.nan])),
}


@pytest.mark.parametrize("name", NUMBER_COLUMNS)
def test_numbers_of_every_dtype_are_the_same_numbers(name: str) -> None:
    parsed = parse_numbers(NUMBER_COLUMNS[name])
    np.testing.assert_array_equal(parsed.values, [1.0, 2.5, np.nan])
    assert parsed.values.dtype == np.float64
    assert parsed.limits.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int32", "bool", "boolean", "int64[pyarrow]"])
def test_whole_numbers_and_booleans_are_numbers(dtype: str) -> None:
    assert parse_numbers(pd.Series([0, 1, 1]).astype(dtype)).values.tolist() == [0.0, 1.0, 1.0]


def test_limits_of_detection_become_a_value_and_a_flag() -> None:
    cells = ["<0.5", "> 1000", "≤2", ">=3", "7.25", None]
    parsed = parse_numbers(pd.Series(cells, dtype=object))
    np.testing.assert_array_equal(parsed.values, [0.5, 1000.0, 2.0, 3.0, 7.25, np.nan])
    assert parsed.limits.tolist() == [-1, 1, -1, 1, 0, 0]
    assert parsed.text
    written = format_numbers(parsed.values, parsed.limits, decimals=2)
    assert written.tolist() == ["<0.5", ">1000", "<2", ">3", "7.25", None]


def test_limits_among_floats_come_back_among_floats() -> None:
    series = pd.Series([1.5, "<0.5", np.nan], dtype=object)
    parsed = parse_numbers(series)
    assert not parsed.text
    assert format_numbers(parsed.values, parsed.limits, text=parsed.text).tolist() == [1.5, "<0.5", None]


@pytest.mark.parametrize("cell", ["positive", "1,5", "inf", "nan?", "--1", "1 2", "<", "0x10"])
def test_text_that_is_no_number_is_rejected_without_being_quoted(cell: str) -> None:
    with pytest.raises(RejectColumn, match="1 of 2 cells are not numbers") as caught:
        parse_numbers(pd.Series(["1", cell], name="lab", dtype=object))
    assert caught.value.column == "lab"
    assert cell not in str(caught.value).replace("'lab'", "")


def test_infinite_and_complex_numbers_are_rejected() -> None:
    with pytest.raises(RejectColumn, match="1 of 2 values are infinite"):
        parse_numbers(pd.Series([1.0, np.inf]))
    with pytest.raises(RejectColumn, match="2 of 2 cells"):
        parse_numbers(pd.Series([1j, 2j]))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 10**9), st.sampled_from([-1, 0, 1])) | st.none(),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 4),
)
def test_written_numbers_are_read_back_exactly(cells: list[tuple[int, int] | None], decimals: int) -> None:
    values = np.array([np.nan if cell is None else cell[0] / 10**decimals for cell in cells])
    limits = np.array([0 if cell is None else cell[1] for cell in cells], dtype=np.int8)
    written = format_numbers(values, limits, decimals=decimals)
    parsed = parse_numbers(pd.Series(written, dtype=object))
    np.testing.assert_array_equal(parsed.values, values)
    np.testing.assert_array_equal(parsed.limits, limits)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_full_floats_survive_being_text(values: list[float]) -> None:
    written = format_numbers(np.array(values))
    assert parse_numbers(pd.Series(written, dtype=object)).values.tolist() == values


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([1.0, 2.0, 30.0], 0),
        ([0.1, 2.0, 3.7], 1),
        ([0.1, 2.25], 2),
        ([0.006399, 17.99, 1001.0], 6),
        ([-0.125, np.nan], 3),
        ([1 / 3, 2 / 7], None),
        ([1e8 / 3, 0.5], None),
        ([1e-12 / 3], None),
        ([np.nan], None),
        ([0.0], 0),
    ],
)
def test_decimals_are_counted(values: list[float], decimals: int | None) -> None:
    assert count_decimals(np.array(values)) == decimals


def test_one_stray_value_in_a_thousand_does_not_change_the_decimals() -> None:
    values = np.round(np.arange(2000) * 0.1, 1)
    values[7] = 1 / 3
    assert count_decimals(values) == 1


def test_decimals_of_single_precision_are_those_that_were_written() -> None:
    values = np.array([0.1, 2.3, 97.8], dtype=np.float32).astype(np.float64)
    assert count_decimals(values, dtype="float32") == 1
    assert count_decimals(values) is None


def test_codes_are_read_from_every_container() -> None:
    wanted = [frozenset({"I10", "E11.9"}), frozenset(), None]
    for maker in (list, tuple, set, frozenset, np.array):
        cells = pd.Series([maker(["I10", "E11.9"]), maker([]), None], dtype=object)
        assert parse_codes(cells) == wanted
    assert parse_codes(pd.Series(["I10; E11.9;", "", None], dtype=object), ";") == wanted


def test_cells_that_hold_no_codes_are_rejected() -> None:
    with pytest.raises(RejectColumn, match="'icd': 1 of 2 cells are not lists or sets"):
        parse_codes(pd.Series([["I10"], "I10"], name="icd", dtype=object))
    with pytest.raises(RejectColumn, match="1 of 2 cells are not strings separated by ';'"):
        parse_codes(pd.Series(["I10;E11", 7], name="icd", dtype=object), ";")


def test_the_form_of_codes_is_learnt() -> None:
    assert codes_form(pd.Series(["a; b", "c"]), ";") == CodesForm("text", ";", spaced=True)
    assert codes_form(pd.Series(["a|b", None]), "|") == CodesForm("text", "|")
    assert codes_form(pd.Series([{1, 2}, {3}])) == CodesForm("set", integers=True)
    assert codes_form(pd.Series([["a"], None])) == CodesForm("list")


CODE_SETS = st.lists(
    st.none() | st.frozensets(st.integers(0, 999).map(str), min_size=1, max_size=4), min_size=1, max_size=10
)


@settings(deadline=None)
@given(CODE_SETS, st.sampled_from(["text", "list", "tuple", "set", "frozenset"]), st.booleans())
def test_codes_come_back_as_they_were(sets: list[frozenset[str] | None], container: str, flag: bool) -> None:
    is_text = container == "text"
    form = CodesForm(
        container,  # type: ignore[arg-type]
        ";" if is_text else None,
        spaced=flag and is_text,
        integers=flag and not is_text,
    )
    cells = pd.Series(format_codes(sets, form), dtype=object)
    assert parse_codes(cells, form.delimiter) == sets
    written_again = format_codes(sets, codes_form(cells, form.delimiter))
    if any(sets) and not (is_text and all(len(codes or ()) < 2 for codes in sets)):
        assert written_again.tolist() == cells.tolist()
