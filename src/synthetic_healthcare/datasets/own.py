"""A user's own table: a file, a folder of Parquet files, a database, or files that are joined."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from synthetic_healthcare.datasets.dataset import About
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.spelling import unknown

if TYPE_CHECKING:
    import pandas as pd

_TABLE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?")
_QUERY: Final = re.compile(r"\s*(select|with)\b", flags=re.IGNORECASE)
_ROWS_AT_ONCE: Final = 10_000
_OWN: Final = "not known: ask whoever gave you the table"


def read_files(path: Path) -> tuple[pd.DataFrame, About]:
    """Read one file, or all Parquet files of a folder.

    Raises
    ------
    DataError
        It does not exist, or is no table; the datasets' names are given where it may have been one.
    """
    from synthetic_healthcare.datasets.registry import available
    from synthetic_healthcare.tables import read_table

    if path.is_dir():
        return read_folder(path), _about(path.name, str(path))
    if not path.exists() and not path.suffix and path.parent == Path("."):
        raise DataError(f"{unknown('dataset', str(path), available())}. There is no file of that name either")
    return read_table(path), _about(path.name, str(path))


def read_folder(folder: Path) -> pd.DataFrame:
    """Read the Parquet files of a folder, and of folders in it named `column=value`, as one table.

    Raises
    ------
    DataError
        There is none, one is damaged, or their columns differ.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    from synthetic_healthcare.tables.arrow import arrow_to_pandas

    files = sorted(
        path for path in folder.rglob("*") if path.suffix in (".parquet", ".pq") and path.is_file()
    )
    files = [path for path in files if not any(part[0] in "._" for part in path.relative_to(folder).parts)]
    if not files:
        raise DataError(f"folder {str(folder)!r} holds no Parquet file (.parquet)")
    try:
        schemas = [pq.read_schema(path) for path in files]
        odd = [path for path, found in zip(files, schemas, strict=True) if found.names != schemas[0].names]
        if odd:
            raise DataError(
                f"{len(odd)} of the {len(files)} files in {str(folder)!r} have other columns than the first, "
                f"among them {odd[0].name!r}. A folder is one table in parts"
            )
        parts = ds.dataset(
            [str(path) for path in files],
            format="parquet",
            partitioning=ds.partitioning(flavor="hive"),
            partition_base_dir=str(folder),
        )
        added = [field for field in parts.schema if field.name not in schemas[0].names]
        # A column that is empty in one file has no type there; the others give it one.
        table = parts.replace_schema(pa.unify_schemas([*schemas, pa.schema(added)])).to_table()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"folder {str(folder)!r} cannot be read: a file is no whole Parquet file, or a column has "
            "another "
            "type in another file"
        ) from error
    return arrow_to_pandas(table)


def read_database(url: str, query: str | None) -> tuple[pd.DataFrame, About]:
    """Read one table, or the rows of one SELECT, from a database.

    SQLite and PostgreSQL are opened for reading only; elsewhere what a statement changes is rolled back.

    Parameters
    ----------
    url : str
        As SQLAlchemy writes it, with the table after a `#` where `query` is left out:
        `sqlite:///clinic.db#visits`, `postgresql://user@host/clinic#visits`.
    query : str or None
        A table's name, or a SELECT statement, which is sent as it is.

    Raises
    ------
    DataError
        SQLAlchemy or the database's driver is not installed, the database is not reached, or has no such
        table. No message holds the address: it may hold a password.
    """
    address, _, fragment = url.partition("#")
    wanted = query or fragment
    if address.startswith(("http://", "https://", "ftp://")):
        raise DataError("an address on the web is not read: download the file, and give its path")
    if not (_TABLE.fullmatch(wanted) or _QUERY.match(wanted)):
        raise DataError(
            "say what to read of the database: a table (sqlite:///clinic.db#visits), or query= with "
            "a table's "
            "name or one SELECT"
        )
    sql = _sqlalchemy()
    try:
        parsed = sql.engine.make_url(address)
    except (sql.exc.SQLAlchemyError, ValueError):
        # Not chained: their texts may quote the address, and with it a password.
        raise DataError(
            "the database's address cannot be read. It is written as postgresql://user:password@host/name"
        ) from None
    kind, name = parsed.get_backend_name(), parsed.database
    if kind == "sqlite" and not Path(str(name)).is_file():
        raise DataError(f"file {str(name)!r} does not exist")
    where = f"database {name!r} ({kind})"
    try:
        engine = sql.create_engine(parsed, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise DataError(f"the driver of this database is not installed: pip install {error.name}") from None
    except sql.exc.SQLAlchemyError:
        raise DataError(
            f"SQLAlchemy knows no database of the kind {kind!r}, or its driver is absent"
        ) from None
    try:
        names, rows = _rows(sql, engine, wanted)
    except (sql.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        raise DataError(
            f"{where} does not give what was asked for ({type(error).__name__}): check that it is "
            "reached, that "
            "you may read it, and the names of the table and its columns"
        ) from None
    finally:
        engine.dispose()
    return _frame(names, rows), _about(wanted if _TABLE.fullmatch(wanted) else "query", where)


def _sqlalchemy() -> Any:
    try:
        return importlib.import_module("sqlalchemy")
    except ModuleNotFoundError as error:
        raise DataError(
            "reading a database needs SQLAlchemy: pip install 'synthetic-healthcare[sql]'"
        ) from error


def _rows(sql: Any, engine: Any, wanted: str) -> tuple[list[str], list[Any]]:
    """The names and cells of what is wanted; a table's name is quoted by SQLAlchemy, never put into text."""
    if _QUERY.match(wanted):
        statement = sql.text(wanted)
    else:
        schema, _, table = wanted.rpartition(".")
        statement = sql.select(sql.Table(table, sql.MetaData(), schema=schema or None, autoload_with=engine))
    # Read only where the database knows how to be; everywhere, what a statement changed is taken back.
    options = {"stream_results": True, "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        result = connection.execute(statement)
        names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result of rows, not a mapping
        rows: list[Any] = []
        while block := result.fetchmany(_ROWS_AT_ONCE):
            rows.extend(tuple(row) for row in block)
        connection.rollback()
    return names, rows


def _frame(names: list[str], rows: list[Any]) -> pd.DataFrame:
    import pyarrow as pa

    from synthetic_healthcare.tables.arrow import arrow_to_pandas

    if len(set(names)) < len(names):
        raise DataError("the query gives two columns of the same name. Name them apart with AS")
    columns = []
    for place, name in enumerate(names):
        try:
            columns.append(pa.array([row[place] for row in rows]))
        except (pa.ArrowException, OverflowError) as error:
            raise DataError(
                f"column {name!r} of the database mixes types: write it with CAST(... AS ...) in a query"
            ) from error
    return arrow_to_pandas(pa.table(columns, names=names))


def read_joined(path: Path) -> tuple[pd.DataFrame, About, Schema | None]:
    """Join the files that a YAML file lists; see `joining`."""
    from synthetic_healthcare.datasets.joining import join

    frame, declared = join(path)
    return frame, _about(path.name, f"the files that {str(path)!r} lists"), declared


def _about(title: str, source: str) -> About:
    return About(title, licence=_OWN, citation="", source=source)
