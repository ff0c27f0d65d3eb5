"""Files say what the table said, and a failure leaves the old file as it was."""

from __future__ import annotations

import errno
import gzip
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables import TableWriter, check_table, read_table, write_table

ENDINGS = ["csv", "csv.gz", "parquet"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_come_back(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame(
        {
            "int": [1, -2, 3],
            "float": [0.1 + 0.2, np.nan, 1e-300],
            "flag": [True, False, True],
            "text": ["a,b", 'say "no"', "zwölf\nZeilen"],
            "zip": ["00501", "01234", "90210"],
            "none": ["None", "x", "y"],
        }
    )
    path = tmp_path / f"table.{ending}"
    write_table(frame, path)
    back = read_table(path)
    pd.testing.assert_frame_equal(back, frame, check_dtype=ending == "parquet")
    assert back["float"].tolist()[0] == 0.1 + 0.2
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_keeps_pandas_dtypes(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Int": pd.Series([1, None], dtype="Int64"),
            "boolean": pd.Series([True, None], dtype="boolean"),
            "level": pd.Categorical(["low", None], ["low", "high"], ordered=True),
            "day": np.array(["1500-01-01", "NaT"], dtype="datetime64[us]"),
        }
    )
    write_table(frame, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)


def test_parquet_of_others_keeps_large_integers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [2**60 + 1, None]}), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet")
    assert frame["a"][0] == 2**60 + 1
    assert str(frame["a"].dtype) == "Int64"


def test_a_saved_index_that_has_a_name_is_a_column(tmp_path: Path) -> None:
    indexed = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="patient"))
    indexed.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").columns.tolist() == ["patient", "a"]
    indexed.rename_axis(None).to_parquet(tmp_path / "u.parquet")
    assert read_table(tmp_path / "u.parquet").columns.tolist() == ["a"]


def read_text(tmp_path: Path, text: str) -> pd.DataFrame:
    (tmp_path / "table.csv").write_bytes(text.encode())
    return read_table(tmp_path / "table.csv")


def test_csv_digits_are_kept(tmp_path: Path) -> None:
    frame = read_text(tmp_path, f"zip,big,lab,plain\n00501,{2**60 + 1},<0.5,0\n10001,,0.7,0.5\n")
    assert frame["zip"].tolist() == ["00501", "10001"]
    assert frame["big"][0] == 2**60 + 1
    assert pd.isna(frame["big"][1])
    assert frame["lab"].tolist() == ["<0.5", "0.7"]
    assert frame["plain"].tolist() == [0.0, 0.5]


def test_csv_gaps_and_words(tmp_path: Path) -> None:
    frame = read_text(tmp_path, "a,b\nNA,None\n,nan\n1,x\n")
    assert frame["a"].isna().tolist() == [True, True, False]
    assert frame["b"].isna().tolist() == [False, True, False]
    assert frame["b"][0] == "None"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_found(tmp_path: Path, separator: str) -> None:
    frame = read_text(
        tmp_path, separator.join(["\ufeffage", "codes"]) + "\n" + separator.join(["5", "I10"]) + "\n"
    )
    assert frame.to_dict("list") == {"age": [5], "codes": ["I10"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a,b,a\n1,2,3\n", "duplicate column names: 'a'"),
        ("a,b\n1,2,3\n", "rows differ in length"),
        ("a,b\n1,2\n1,2,3\n", "rows differ in length"),
        ('a,b\n1,"2\n', "rows differ in length or quoting"),
    ],
)
def test_csv_that_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_text(tmp_path, text)


def test_a_header_over_two_lines_and_a_blank_one_are_named_by_the_check(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row % 7}\n" for row in range(60))
    with pytest.raises(ValueError, match="column 1 runs over several lines"):
        check_table(read_text(tmp_path, f'a,"b\nc"\n{rows}'))
    with pytest.raises(ValueError, match="column 0 has a blank name"):
        check_table(read_text(tmp_path, f",b\n{rows}"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="none of the endings"):
        read_table(tmp_path / "table.xlsx")
    (tmp_path / "latin.csv").write_bytes("größe,a\n1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_table(tmp_path / "latin.csv")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read_table(tmp_path / "cut.parquet")
    (tmp_path / "plain.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_table(tmp_path / "plain.csv.gz")
    whole = gzip.compress(b"a,b\n" + os.urandom(4000).hex().encode() + b",2\n")
    (tmp_path / "cut.csv.gz").write_bytes(whole[:2000])
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_table(tmp_path / "cut.csv.gz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_chunks_make_the_same_table_as_the_whole(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame(
        {
            "a": range(10),
            "b": pd.Series([1, None] * 5, dtype="Int64"),
            "late": pd.Series([None] * 5 + ["x"] * 5, dtype=object),
            "level": pd.Categorical(list("aabbccddee")),
        }
    )
    with TableWriter(tmp_path / f"t.{ending}") as writer:
        for start in range(0, 10, 5):
            chunk = frame.iloc[start : start + 5].copy()
            chunk["level"] = chunk["level"].cat.remove_unused_categories()
            writer.write(chunk)
        assert writer.rows == 10
    back = read_table(tmp_path / f"t.{ending}")
    for name in frame.columns:
        assert [None if pd.isna(cell) else cell for cell in back[name]] == [
            None if pd.isna(cell) else cell for cell in frame[name]
        ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_equal_tables_give_equal_bytes(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame({"a": range(100)})
    for name in ("one", "two"):
        write_table(frame, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_sets_of_codes_are_joined_in_csv_and_lists_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"codes": pd.Series([{"J45", "I10"}, None, []], dtype=object), "n": [1, 2, 3]})
    write_table(frame, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "codes,n\nI10;J45,1\n,2\n,3\n"
    write_table(frame, tmp_path / "t.parquet")
    cells = read_table(tmp_path / "t.parquet")["codes"].tolist()
    assert [None if cell is None else list(cell) for cell in cells] == [["I10", "J45"], None, []]
    assert frame["codes"][0] == {"J45", "I10"}


def test_chunks_must_agree(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with pytest.raises(DataError, match="columns differ"), TableWriter(path) as writer:
        writer.write(pd.DataFrame({"a": [1]}))
        writer.write(pd.DataFrame({"b": [1]}))
    with (
        pytest.raises(DataError, match="cannot be written as Parquet"),
        TableWriter(tmp_path / "t.parquet") as writer,
    ):
        writer.write(pd.DataFrame({"a": [1]}))
        writer.write(pd.DataFrame({"a": ["x"]}))
    with pytest.raises(DataError, match="no chunk was written"), TableWriter(path):
        pass
    with pytest.raises(DataError, match="inside a `with` block"):
        TableWriter(path).write(pd.DataFrame({"a": [1]}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_half_way_keeps_the_old_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), TableWriter(path) as writer:
        writer.write(pd.DataFrame({"a": range(1000)}))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("size", [0, 4096, 65_536])
def test_a_full_disk_keeps_the_old_file(tmp_path: Path, ending: str, size: int) -> None:
    path = tmp_path / f"t.{ending}"
    path.write_bytes(b"old")
    noise = pd.DataFrame({"a": np.random.default_rng(0).normal(size=100_000)})
    with pytest.raises(OSError, match="the old file is unchanged") as caught, full_disk(size):
        write_table(noise, path)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_at_the_last_moment_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left on device; the old file is unchanged"):
        write_table(pd.DataFrame({"a": [1]}), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match=r"could not write .*absent.*No such file or directory; no file was left"
    ):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "absent" / "t.csv")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_infinity=False),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=6).map(
                lambda text: f"x{text}"
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(ENDINGS),
)
def test_any_text_and_float_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str]], ending: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"t.{ending}"
    frame = pd.DataFrame(rows, columns=["number", "text"])
    write_table(frame, path)
    back = read_table(path)
    np.testing.assert_array_equal(back["number"].astype(float), frame["number"])
    assert back["text"].tolist() == frame["text"].tolist()


def test_large_floats_in_csv_stay_floats(tmp_path: Path) -> None:
    frame = read_text(tmp_path, "a,b\n7740099957375215.0,x\n9007199254740992.0,y\n,z\n")
    assert str(frame["a"].dtype) == "float64"
    assert frame["a"].tolist()[:2] == [7740099957375215.0, 9007199254740992.0]


def test_gaps_beside_integers_of_more_than_63_bits_are_missing(tmp_path: Path) -> None:
    frame = read_text(tmp_path, f"a,b\n{2**64 - 1},1\n,2\n")
    assert frame["a"].isna().tolist() == [False, True]
    assert int(frame["a"][0]) == 2**64 - 1
