"""`batches`: a file of any size, as Arrow batches of the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.spelling import unknown
from synthetic_healthcare.tables.reading import MISSING_TEXTS, file_kind, read_header

_BLOCK: Final = 1 << 22
_ROWS: Final = 1 << 16


def batches(path: Path, needed: Sequence[str]) -> Iterator[Any]:
    """Give the columns `needed` of a file in parts; cells of CSV come as text, those of Parquet as they are.

    Raises
    ------
    DataError
        The file is absent, damaged, or lacks a column.
    """
    import pyarrow as pa

    if not path.exists():
        raise DataError(f"file {str(path)!r} does not exist")
    try:
        yield from (
            _parquet(path, needed) if path.is_dir() or file_kind(path) == "parquet" else _csv(path, needed)
        )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"file {str(path)!r} cannot be read: it is damaged, no UTF-8, or its rows differ in length"
        ) from error


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[Any]:
    import pyarrow.dataset as ds

    parts = ds.dataset(str(path), format="parquet", partitioning="hive")
    _require(path, needed, parts.schema.names)
    yield from parts.to_batches(columns=list(needed), batch_size=_ROWS)


def _csv(path: Path, needed: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    names, separator = read_header(path)
    _require(path, needed, names)
    compression = "gzip" if path.name.lower().endswith(".gz") else None
    with pa.input_stream(str(path), compression=compression) as stream:
        yield from csv.open_csv(
            stream,
            read_options=csv.ReadOptions(block_size=_BLOCK),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=list(needed),
                column_types=dict.fromkeys(needed, pa.string()),
                null_values=sorted(MISSING_TEXTS),
                strings_can_be_null=True,
            ),
        )


def _require(path: Path, needed: Sequence[str], names: Sequence[str]) -> None:
    for name in needed:
        if name not in names:
            raise DataError(f"file {path.name!r}: " + unknown("column", name, names))
