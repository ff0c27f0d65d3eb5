"""Fingerprints and keys depend on what a table says, not on how it is held."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables import fingerprint, read_table, row_keys, write_table

SALT = b"a salt"


def one(values: object, dtype: object = None) -> np.ndarray:
    return row_keys(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}), salt=SALT)  # type: ignore


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pd.Series([1, 0]), pd.Series([1.0, -0.0])),
        (pd.Series([1, 0]), pd.Series([True, False])),
        (pd.Series([1, 0]), pd.Series(["1", "0"])),
        (pd.Series([1, 0]), pd.Series([1, 0], dtype="uint8")),
        (pd.Series([1, 0]), pd.Series([1, 0], dtype="category")),
        (pd.Series([1, 0]), pd.Series([1, 0], dtype="int64[pyarrow]")),
        (pd.Series([1, 0]), pd.Series(pd.arrays.SparseArray([1, 0]))),
        (pd.Series([2**60 + 1, -(2**60)]), pd.Series([str(2**60 + 1), str(-(2**60))])),
        (pd.Series([2**64 - 1, 5], dtype="uint64"), pd.Series([float(2**64), 5.0])),
        (pd.Series([1.5, np.nan]), pd.Series([1.5, None], dtype="Float64")),
        (pd.Series([1.5, np.nan]), pd.Series(["1.50", "NA"])),
        (pd.Series([3, None], dtype="Int64"), pd.Series([3.0, np.nan])),
        (pd.Series(["a", None]), pd.Series(["a", ""], dtype="category")),
        (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype="string")),
        (pd.Series(["True", "b"]), pd.Series([True, "b"], dtype=object)),
        (pd.Series([{"I10", "J45"}]), pd.Series([["J45", "I10"]])),
        (pd.Series([["I10", "J45"]]), pd.Series(["I10;J45"])),
        (pd.Series(["2020-01-02", None]), pd.Series([dt.date(2020, 1, 2), None], dtype=object)),
        (
            pd.Series(["2020-01-02", "2020-01-03"]),
            pd.Series(np.array(["2020-01-02", "2020-01-03"], "datetime64[ns]")),
        ),
        (
            pd.Series(["2020-01-02T03:04", "2020-01-03 00:00:00"]),
            pd.Series(np.array(["2020-01-02T03:04", "2020-01-03"], "datetime64[us]")),
        ),
        (
            pd.Series(["2020-01-02 03:04:05.25Z"]),
            pd.Series(np.array(["2020-01-02T03:04:05.250"], "datetime64[ms]")).dt.tz_localize("UTC"),
        ),
    ],
)
def test_equal_content_has_equal_keys(left: pd.Series, right: pd.Series) -> None:
    np.testing.assert_array_equal(one(left), one(right))
    assert fingerprint(left.to_frame("x")) == fingerprint(right.to_frame("x"))


def test_different_content_has_different_keys() -> None:
    cells = [0, 1, -1, 2**53, 2**53 + 1, "a", "A", "1a", None, "None", "2020-01-02", "2020-01-02 00:01"]
    assert len(set(one(cells, object).tolist())) == len(cells)
    assert len(set(one([0.1, 0.2, 1e300, -1e300, 1e-300, 0.5]).tolist())) == 6


def test_a_value_is_tied_to_its_column() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [2, 1]})
    keys = row_keys(frame, salt=SALT)
    assert keys[0] != keys[1]
    np.testing.assert_array_equal(keys, row_keys(frame[["b", "a"]], salt=SALT))
    assert fingerprint(frame) != fingerprint(frame.rename(columns={"a": "b", "b": "c"}))


def test_some_columns_make_the_key_of_a_patient() -> None:
    frame = pd.DataFrame({"patient": [7, 8, 7], "visit": [1, 1, 2]})
    keys = row_keys(frame, columns=["patient"], salt=SALT)
    assert keys[0] == keys[2] != keys[1]
    with pytest.raises(DataError, match="'doctor' are missing"):
        row_keys(frame, columns=["doctor"], salt=SALT)


def test_the_salt_decides_and_keys_are_spread_evenly() -> None:
    frame = pd.DataFrame({"x": range(20_000)})
    left = row_keys(frame, salt=b"left") < np.uint64(2**64 // 5)
    right = row_keys(frame, salt=b"right") < np.uint64(2**64 // 5)
    # Binomial(20,000, 0.2) has a standard deviation of 57 rows; five of them either way.
    assert abs(int(left.sum()) - 4000) < 285
    assert abs(int((left & right).sum()) - 800) < 140


def test_rows_and_columns_may_be_in_any_order() -> None:
    frame = pd.DataFrame({"a": [1, 2, 2, 3], "b": ["x", None, None, "y"]})
    assert fingerprint(frame) == fingerprint(frame.iloc[[3, 2, 0, 1], ::-1])
    assert fingerprint(frame) != fingerprint(frame.iloc[:3])
    assert fingerprint(frame) != fingerprint(frame.iloc[[0, 1, 3, 3]])
    assert len(fingerprint(frame)) == 64


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_a_file_changes_nothing(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame(
        {
            "int": pd.Series([1, None, 3, 2**60 + 1], dtype="Int64"),
            "float": [0.1, 1 / 3, np.nan, 1e-300],
            "flag": pd.Series([True, None, False, True], dtype="boolean"),
            "text": ["00501", "a,b", 'c"d', None],
            "day": np.array(["2020-01-01", "NaT", "1500-01-01", "9999-12-31"], "datetime64[us]"),
            "moment": np.array(["2020-01-01T00:00:01", "NaT", "1500-01-01", "2020-01-01"], "datetime64[us]"),
            "codes": pd.Series([["I10", "J45"], ["I10"], None, ["E11.9", "I10"]], dtype=object),
            "level": pd.Categorical(["low", "high", None, "low"], ["low", "high"], ordered=True),
        }
    )
    path = tmp_path / f"table.{ending}"
    write_table(frame, path)
    back = read_table(path)
    np.testing.assert_array_equal(row_keys(back, salt=SALT), row_keys(frame, salt=SALT))
    assert fingerprint(back) == fingerprint(frame)


CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_infinity=False)
    | st.text(max_size=5)
)


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_shuffled_tables_have_the_same_fingerprint(rows: list[tuple[object, object]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    frames = [pd.DataFrame(data, columns=["a", "b"], dtype=object) for data in (rows, shuffled)]
    assert fingerprint(frames[0]) == fingerprint(frames[1])
