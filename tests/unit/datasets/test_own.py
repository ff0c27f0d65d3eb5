"""A user's own tables: files, folders of Parquet, databases."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from synthetic_healthcare import datasets
from synthetic_healthcare.errors import ConfigError, DataError, SchemaError
from synthetic_healthcare.schema.schema import Schema

MakeTable = Callable[..., pd.DataFrame]


def test_a_file_with_its_schema(plain_table: MakeTable, tmp_path: Path) -> None:
    table = plain_table(60)
    table.to_csv(tmp_path / "table.csv", index=False)
    schema = Schema.infer(table).with_column("age", bounds=(18, 110), unit="years")
    schema.to_yaml(tmp_path / "schema.yaml")
    found = datasets.load(tmp_path / "table.csv", schema=tmp_path / "schema.yaml", target="outcome")
    assert found.schema["age"].bounds == (18, 110)
    assert found.schema.target == "outcome"
    pd.testing.assert_frame_equal(found.data, table, check_dtype=False)
    assert datasets.load(str(tmp_path / "table.csv")).schema.target is None
    with pytest.raises(SchemaError, match="'ward' is missing"):
        table.drop(columns="ward").to_csv(tmp_path / "less.csv", index=False)
        datasets.load(tmp_path / "less.csv", schema=schema)
    with pytest.raises(ConfigError, match=r"lists no `sources` to join"):
        datasets.load(tmp_path / "schema.yaml")


def test_a_folder_of_parquet_is_one_table(plain_table: MakeTable, tmp_path: Path) -> None:
    table = plain_table(60)
    for year, part in (("2020", table[:40]), ("2021", table[40:].assign(ward=None))):
        (tmp_path / f"year={year}").mkdir()
        part.to_parquet(tmp_path / f"year={year}" / "part.parquet", index=False)
    (tmp_path / "_SUCCESS").touch()
    found = datasets.load(tmp_path).data
    assert list(found.columns) == [*table.columns, "year"]
    assert found["age"].tolist() == table["age"].tolist()
    assert found["ward"].isna().sum() == 20
    assert found["year"].value_counts().to_dict() == {2020: 40, 2021: 20}


def test_folders_that_are_no_table(plain_table: MakeTable, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no Parquet file"):
        datasets.load(tmp_path)
    plain_table(60).to_parquet(tmp_path / "a.parquet")
    plain_table(60)[["age"]].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"1 of the 2 files .* among them 'b.parquet'"):
        datasets.load(tmp_path)
    (tmp_path / "b.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no whole Parquet file"):
        datasets.load(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> str:
    pytest.importorskip("sqlalchemy", reason="databases need SQLAlchemy")
    connection = sqlite3.connect(tmp_path / "clinic.db")
    connection.execute("CREATE TABLE visits (age INTEGER, ward TEXT, mixed, seen DATE)")
    rows = [(30, "north", 1, "2020-01-01"), (None, "south", "x", "2020-02-01"), (50, None, 2, None)]
    connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", rows)
    connection.execute('CREATE TABLE "order" (age INTEGER)')
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path}/clinic.db"


def test_a_table_or_a_select_of_a_database(database: str) -> None:
    found = datasets.load(database, query="SELECT age, ward, seen FROM visits WHERE age IS NULL OR age > 40")
    assert str(found.data["age"].dtype) == "Int64"
    assert found.data["age"].isna().tolist() == [True, False]
    assert datasets.load(f"{database}#order").data.columns.tolist() == ["age"]
    with pytest.raises(DataError, match="column 'mixed' of the database mixes types"):
        datasets.load(database, query="visits")
    with pytest.raises(DataError, match="two columns of the same name"):
        datasets.load(database, query="SELECT age, age FROM visits")


@pytest.mark.parametrize("query", [None, "DROP TABLE visits", "visits; DROP TABLE visits", "vis its"])
def test_nothing_but_a_table_or_a_select_is_sent(query: str | None, database: str) -> None:
    with pytest.raises(DataError, match="say what to read of the database"):
        datasets.load(database, query=query)
    assert len(datasets.load(database, query="SELECT age FROM visits").data) == 3


def test_what_a_select_changes_is_taken_back(database: str) -> None:
    with pytest.raises(DataError, match="does not give what was asked for"):
        datasets.load(database, query="WITH gone AS (SELECT 1) DELETE FROM visits")
    assert len(datasets.load(database, query="SELECT age FROM visits").data) == 3


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://joe:hunter2@127.0.0.1:1/clinic#visits",
        "nosuch://joe:hunter2@127.0.0.1/clinic#visits",
        "postgresql://joe:hunter2@127.0.0.1:port/clinic#visits",
    ],
)
def test_a_password_is_never_shown(address: str, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sqlalchemy", reason="databases need SQLAlchemy")
    with caplog.at_level(logging.DEBUG), pytest.raises(DataError) as raised:
        datasets.load(address)
    assert "hunter2" not in str(raised.value) + caplog.text
    assert raised.value.__suppress_context__


def test_absent_tables_and_files_are_told(database: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"names of the table"):
        datasets.load(f"{database}#visit")
    with pytest.raises(DataError, match=r"other.db' does not exist"):
        datasets.load(f"sqlite:///{tmp_path}/other.db#visits")
    assert not (tmp_path / "other.db").exists()
    with pytest.raises(DataError, match="on the web is not read"):
        datasets.load("https://example.org/table.csv")
    with pytest.raises(DataError, match="a query goes with a database"):
        datasets.load("table.csv", query="SELECT 1")


def test_without_sqlalchemy_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(DataError, match=r"pip install 'synthetic-healthcare\[sql\]'"):
        datasets.load("sqlite:///clinic.db#visits")
