"""Tables of every accepted kind come back in kind, with the same columns, dtypes and values."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables import TableFormat, restore, to_pandas, write_table

pl = pytest.importorskip("polars", reason="polars is an optional extra")


def pandas_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "int": [1, 2, 2**60 + 1],
            "Int": pd.Series([1, None, 2**60 + 1], dtype="Int64"),
            "small": pd.Series([1, 2, 3], dtype="uint8"),
            "float": [0.5, np.nan, 1 / 3],
            "Float": pd.Series([0.5, None, 2.0], dtype="Float32"),
            "bool": [True, False, True],
            "boolean": pd.Series([True, None, False], dtype="boolean"),
            "text": ["a", None, "c"],
            "string": pd.Series(["a", None, "c"], dtype="string"),
            "category": pd.Categorical(["x", None, "y"]),
            "ordered": pd.Categorical(["low", "high", None], ["low", "mid", "high"], ordered=True),
            "day": np.array(["2020-01-01", "NaT", "1500-01-01"], dtype="datetime64[us]"),
            "zone": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"])).dt.tz_localize(
                "Europe/Vienna"
            ),
            "arrow": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
            "arrow text": pd.Series(["a", None, "c"], dtype=pd.ArrowDtype(pa.string())),
            "arrow time": pd.Series(np.array(["2020-01-01", "NaT", "1500-01-01"], "datetime64[us]")).astype(
                "timestamp[us][pyarrow]"
            ),
            "sparse": pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.0], fill_value=0.0)),
            "lists": pd.Series([["I10"], [], None], dtype=object),
            "object": pd.Series([1, "<0.5", None], dtype=object),
        }
    )


def arrow_table() -> pa.Table:
    return pa.table(
        {
            "int": pa.array([1, None, 2**60 + 1], pa.int64()),
            "small": pa.array([1, None, 3], pa.uint8()),
            "float": pa.array([0.5, None, 2.0], pa.float32()),
            "bool": pa.array([True, None, False]),
            "text": pa.array(["a", None, "c"]),
            "large": pa.array(["a", None, "c"], pa.large_string()),
            "dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
            "day": pa.array([dt.date(1500, 1, 1), None, dt.date(2020, 1, 1)]),
            "time": pa.array([dt.datetime(2020, 1, 1), None, dt.datetime(1500, 1, 1)], pa.timestamp("us")),
            "zone": pa.array([dt.datetime(2020, 1, 1), None, None], pa.timestamp("ms", tz="Europe/Vienna")),
            "decimal": pa.array([Decimal("1.25"), None, Decimal("-3.10")], pa.decimal128(10, 2)),
            "codes": pa.array([["I10", "J45"], None, []], pa.list_(pa.string())),
        }
    )


def polars_table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "int": pl.Series([1, None, 2**60 + 1], dtype=pl.Int64),
            "small": pl.Series([1, 2, 3], dtype=pl.UInt8),
            "float": [0.5, None, 2.0],
            "bool": [True, None, False],
            "text": ["a", None, "c"],
            "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "enum": pl.Series(["low", None, "high"], dtype=pl.Enum(["low", "mid", "high"])),
            "day": [dt.date(1500, 1, 1), None, dt.date(2020, 1, 1)],
            "time": [dt.datetime(1500, 1, 1, 1), None, dt.datetime(2020, 1, 1)],
            "codes": [["I10", "J45"], None, []],
        }
    )


def test_pandas_comes_back() -> None:
    table = pandas_table()
    before = table.copy(deep=True)
    frame, table_format = to_pandas(table)
    pd.testing.assert_frame_equal(restore(frame[frame.columns[::-1]], table_format), table)
    pd.testing.assert_frame_equal(table, before)


def test_the_row_index_is_made_afresh() -> None:
    frame, _ = to_pandas(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))
    assert frame.index.tolist() == [0, 1]


def test_arrow_comes_back() -> None:
    table = arrow_table()
    frame, table_format = to_pandas(table)
    assert frame["int"].tolist()[2] == 2**60 + 1
    assert str(frame["small"].dtype) == "UInt8"
    assert str(frame["day"].dtype) == "datetime64[s]"
    assert restore(frame, table_format).equals(table)
    assert restore(frame, table_format).schema == table.schema


def test_record_batches_come_back() -> None:
    batch = arrow_table().to_batches()[0]
    restored = restore(*to_pandas(batch))
    assert isinstance(restored, pa.RecordBatch)
    assert restored.equals(batch)
    empty = restore(to_pandas(batch)[0].iloc[:0], to_pandas(batch)[1])
    assert empty.num_rows == 0


def test_polars_comes_back() -> None:
    table = polars_table()
    restored = restore(*to_pandas(table))
    assert restored.schema == table.schema
    assert restored.equals(table)
    lazy = restore(*to_pandas(table.lazy()))
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(table)


def test_a_path_is_read(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"a": [1, 2]}), tmp_path / "table.csv")
    for source in (tmp_path / "table.csv", str(tmp_path / "table.csv")):
        frame, table_format = to_pandas(source)
        assert table_format.kind == "pandas"
        assert frame["a"].tolist() == [1, 2]


@pytest.mark.parametrize("table", [pandas_table(), arrow_table(), polars_table()])
def test_the_format_survives_json(table: object) -> None:
    _, table_format = to_pandas(table)
    assert TableFormat.from_dict(json.loads(json.dumps(table_format.to_dict()))) == table_format


def test_values_of_unordered_categories_are_not_kept() -> None:
    _, table_format = to_pandas(pd.DataFrame({"a": pd.Categorical(["rare disease", "b"]), "b": [1, 2]}))
    assert "rare disease" not in json.dumps(table_format.to_dict())


@pytest.mark.parametrize("data", [{"a": [1]}, [[1]], np.ones((2, 2)), pd.Series([1]), pl.Series([1]), None])
def test_other_things_are_refused(data: object) -> None:
    with pytest.raises(DataError, match=type(data).__name__):
        to_pandas(data)


def test_missing_columns_are_named() -> None:
    frame, table_format = to_pandas(pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(DataError, match="columns 'b' are missing"):
        restore(frame[["a"]], table_format)


def test_values_that_do_not_fit_are_named() -> None:
    frame, table_format = to_pandas(pa.table({"a": pa.array([1, 2], pa.uint8())}))
    with pytest.raises(DataError, match="column 'a' of dtype 'float64' does not fit the type 'uint8'"):
        restore(frame.assign(a=[1.5, 2.0]), table_format)
    with pytest.raises(DataError, match="column 'a'"):
        restore(frame.assign(a=[300, 2]), table_format)


def test_generated_floats_fill_integer_and_date_columns() -> None:
    frame, table_format = to_pandas(arrow_table().select(["int", "decimal", "day"]))
    made = pd.DataFrame(
        {
            "int": [5.0, np.nan],
            "decimal": [2.5, np.nan],
            "day": np.array(["1999-12-31", "NaT"], dtype="datetime64[us]"),
        }
    )
    restored = restore(made, table_format).to_pylist()
    assert restored[0] == {"int": 5, "decimal": Decimal("2.50"), "day": dt.date(1999, 12, 31)}
    assert restored[1] == {"int": None, "decimal": None, "day": None}
    assert list(frame.columns) == ["int", "decimal", "day"]


CELLS = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "UInt16": st.none() | st.integers(0, 2**16 - 1),
    "float64": st.floats(),
    "boolean": st.none() | st.booleans(),
    "string": st.none() | st.text(st.characters(codec="utf-8"), max_size=4),
    "category": st.none() | st.sampled_from("abc"),
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    dtypes = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    rows = draw(st.integers(1, 6))
    columns = {
        f"c{place}": pd.Series(draw(st.lists(CELLS[dtype], min_size=rows, max_size=rows)), dtype=dtype)
        for place, dtype in enumerate(dtypes)
    }
    return pd.DataFrame(columns)


@settings(deadline=None)
@given(tables())
def test_any_table_comes_back(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(restore(*to_pandas(table)), table)
    through_arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    restored = restore(*to_pandas(through_arrow))
    assert restored.schema == through_arrow.schema
    assert restored.to_pandas().equals(through_arrow.to_pandas())
