"""The folder of a user's MIMIC-III CSV files: found, and streamed by the columns that are needed."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.progress import Progress, phase
from synthetic_healthcare.schema.spelling import unknown

ID: Final = pa.int32()
INSTANT: Final = pa.timestamp("s")
NUMBER: Final = pa.float64()
TEXT: Final = pa.string()

#: Bytes of text that are parsed at a time; a batch of CHARTEVENTS is some 80,000 rows.
_BLOCK_BYTES: Final = 8 * 2**20


@final
@dataclass(frozen=True)
class MimicFolder:
    """CSV files of MIMIC-III 1.4 in one folder.

    Names of files and columns count in upper and lower case alike; a file may be gzipped.

    Parameters
    ----------
    path : Path
        The folder.
    progress : Progress
        Is told how far each file is read, in bytes of the file.
    """

    path: Path
    progress: Progress

    def file(self, table: str) -> Path:
        """Path of one table's file; raises `DataError` where there is none."""
        if not self.path.is_dir():
            raise DataError(f"folder {str(self.path)!r} does not exist. Name the folder of the CSV files")
        wanted = (f"{table.lower()}.csv", f"{table.lower()}.csv.gz")
        found = [entry for entry in sorted(self.path.iterdir()) if entry.name.lower() in wanted]
        if not found:
            raise DataError(
                f"folder {str(self.path)!r} has no {table}.csv or {table}.csv.gz. It must hold the files of "
                "MIMIC-III 1.4 as PhysioNet gives them"
            )
        return found[0]

    def stream(self, table: str, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Give a table batch by batch: the columns asked for, under lower-case names, in that order.

        Raises
        ------
        DataError
            The file is absent, cut off or no CSV table, lacks a column, or has a cell of another type.
        """
        path = self.file(table)
        names = _names(path, columns)
        raw = pa.OSFile(str(path), mode="rb")
        source = pa.CompressedInputStream(raw, "gzip") if path.suffix.lower() == ".gz" else raw
        options = pa_csv.ConvertOptions(
            include_columns=list(names.values()),
            column_types={names[name]: kind for name, kind in columns.items()},
            strings_can_be_null=True,
            # The release holds a few damaged letters ("?F" for degrees); no text that counts has any.
            check_utf8=False,
        )
        reading = pa_csv.ReadOptions(block_size=_BLOCK_BYTES)
        with phase(self.progress, table, raw.size()):
            try:
                reader = pa_csv.open_csv(source, read_options=reading, convert_options=options)
                for batch in reader:
                    self.progress.advance(raw.tell())
                    yield pa.RecordBatch.from_arrays(batch.columns, names=list(names))
            except (pa.ArrowInvalid, OSError):
                # Arrow's message quotes the cell.
                raise DataError(
                    f"file {path.name!r} cannot be read as a table of MIMIC-III 1.4: it is damaged or cut "
                    f"off, or a cell of {', '.join(columns)} is not of its type. Download it again"
                ) from None
            finally:
                raw.close()

    def read(self, table: str, columns: Mapping[str, pa.DataType]) -> pd.DataFrame:
        """Read a small table whole; instants become seconds since 1970 (float, NaN where missing)."""
        batches = list(self.stream(table, columns))
        whole = pa.Table.from_batches(batches) if batches else pa.schema(list(columns.items())).empty_table()
        return pd.DataFrame({name: _series(whole.column(name)) for name in columns})


def texts(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Return the cells of a column of text, damaged letters replaced."""
    cells = column.cast(pa.binary()).to_pylist()
    return [None if cell is None else cell.decode("utf-8", errors="replace") for cell in cells]


def _names(path: Path, columns: Mapping[str, pa.DataType]) -> dict[str, str]:
    """Return the file's own spelling of each column."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as stream:
            header = next(csv.reader(stream), [])
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"file {path.name!r} is not a whole gzip file. Download it again") from error
    spelled = {name.strip().lower(): name for name in header}
    for name in columns:
        if name not in spelled:
            raise DataError(f"file {path.name!r}: " + unknown("column", name, list(spelled)))
    return {name: spelled[name] for name in columns}


def _series(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Read one column; dates around the years 1800 and 2200 are numbers of seconds: they fit everywhere."""
    if column.type == INSTANT:
        return pd.Series(column.cast(pa.int64()).cast(pa.float64()).to_numpy(), dtype="float64")
    if column.type == TEXT:
        return pd.Series(texts(column), dtype=object)
    return pd.Series(column.to_pandas())
