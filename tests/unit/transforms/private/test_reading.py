"""Each cell is read by itself, in whatever dtype, and never raises."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.transforms.private.reading import (
    BOOLEAN,
    COLLECTION,
    DATE,
    INSTANT,
    MORE_DECIMALS,
    NOTHING,
    TEXT,
    read_instants,
    read_numbers,
    read_sets,
    read_sorts,
    read_spellings,
)

CELLS: list[tuple[Any, float, str | None, int]] = [
    (1, 1.0, "1", 0),
    (2.5, 2.5, "2.5", 1),
    (" 3.0 ", 3.0, "3", 0),
    ("x ", math.nan, "x", TEXT),
    ("<0.5", 0.5, "<0.5", 1),
    ("00501", 501.0, "00501", TEXT),
    (True, 1.0, "1", BOOLEAN),
    ("False", 0.0, "0", BOOLEAN),
    (None, math.nan, None, NOTHING),
    (np.nan, math.nan, None, NOTHING),
    (pd.NaT, math.nan, None, NOTHING),
    ("", math.nan, None, NOTHING),
    ([1, "a"], math.nan, None, COLLECTION),
    (dt.date(2020, 1, 1), math.nan, "2020-01-01", DATE),
    ("2020-01-01 10:00", math.nan, "2020-01-01 10:00", INSTANT),
    (np.inf, 1e300, "inf", MORE_DECIMALS),
    (10**400, math.nan, None, NOTHING),
    (Decimal("sNaN"), math.nan, None, NOTHING),
    (3 + 1j, math.nan, None, NOTHING),
    (np.float32(0.1), float(np.float32(0.1)), repr(float(np.float32(0.1))), 1),
]


def test_cells_of_every_sort() -> None:
    series = pd.Series([cell for cell, *_ in CELLS], dtype=object)
    assert np.array_equal(read_numbers(series), [number for _, number, _, _ in CELLS], equal_nan=True)
    assert read_spellings(series).tolist() == [text for _, _, text, _ in CELLS]
    assert read_sorts(series).tolist() == [sort for *_, sort in CELLS]
    sets = read_sets(series, None)
    assert sets[12] == {"1", "a"}
    assert [held for held in sets if held is not None] == [{"1", "a"}]
    assert np.isfinite(read_instants(series)).sum() == 2


def test_text_holds_codes_only_where_a_delimiter_is_declared() -> None:
    series = pd.Series(["I10; E11", "I10", None, ["I10", "a;b"]], dtype=object)
    assert read_sets(series, None) == [None, None, None, {"I10", "a;b"}]
    assert read_sets(series, ";") == [{"I10", "E11"}, {"I10"}, None, {"I10"}]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([0, 1, 7], dtype="int8"),
        pd.Series([0.25, np.nan, -3.0]),
        pd.Series([True, False, True]),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-01 10:00"], format="ISO8601")),
        pd.Series(pd.to_datetime(["2020-01-01 10:00"]).tz_localize("Europe/Vienna")),
        pd.Series(["a", "b"], dtype="category"),
        pd.Series([1.5, 2.5], dtype="double[pyarrow]"),
    ],
    ids=lambda series: str(series.dtype),
)
def test_the_dtype_changes_nothing(series: pd.Series[Any]) -> None:
    loose = series.astype(object)
    readers: tuple[Callable[[pd.Series[Any]], Any], ...] = (read_numbers, read_instants, read_sorts)
    for read in readers:
        assert np.array_equal(read(series), read(loose), equal_nan=True), read.__name__
    if series.dtype.kind != "M":
        assert read_spellings(series).tolist() == read_spellings(loose).tolist()


CELL = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.booleans(),
    st.dates(),
    st.lists(st.text(max_size=3), max_size=3),
    st.sampled_from(["1", "1.0", "True", "2020-01-01", "<3", "007"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=8))
def test_a_cell_reads_the_same_alone_and_among_others(cells: list[Any]) -> None:
    together = pd.Series(cells, dtype=object)
    guessed = pd.Series(cells).infer_objects()
    for read in (read_numbers, read_instants, read_sorts):
        whole = read(together)
        assert np.array_equal(whole, read(guessed), equal_nan=True)
        alone = np.concatenate([read(pd.Series([cell], dtype=object)) for cell in cells])
        assert np.array_equal(whole, alone, equal_nan=True)
    alone_texts = [read_spellings(pd.Series([cell], dtype=object))[0] for cell in cells]
    assert read_spellings(together).tolist() == read_spellings(guessed).tolist() == alone_texts
