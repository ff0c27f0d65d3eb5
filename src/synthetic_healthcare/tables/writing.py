"""Write tables, whole or in a stream, so that a failure never costs the old file.

A table is written beside its destination and moved over it at the end, when all bytes are on the disk. If
anything fails before that, the disk being full included, the old file is as it was.

Cells are written as they are: a spreadsheet program may take a text that starts with "=" for a formula.
"""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, final

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.files import open_draft, put_in_place
from synthetic_healthcare.tables.dtypes import to_arrow_array
from synthetic_healthcare.tables.reading import FileKind, file_kind

_CODES_SEPARATOR: Final = ";"


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table to a CSV, CSV.gz or Parquet file, replacing the old one only when all is written.

    Sets of codes become "I10;E11.9" in CSV and lists in Parquet.

    Raises
    ------
    DataError
        Where the path's ending is not known or a column cannot be written.
    OSError
        Where the disk is full or the folder cannot be written to; the old file is as it was.
    """
    with TableWriter(path) as writer:
        writer.write(frame)


@final
class TableWriter:
    """Stream a table to a file, chunk by chunk, in constant memory.

    Parameters
    ----------
    path : str or Path
        Ends in .csv, .csv.gz or .parquet. The file appears when the `with` block ends without an error.

    Raises
    ------
    DataError
        Where chunks differ in their columns, or no chunk was written.
    OSError
        Where the disk is full or the folder cannot be written to; the old file is as it was.

    Examples
    --------
    >>> import tempfile, pandas
    >>> folder = tempfile.mkdtemp()
    >>> with TableWriter(f"{folder}/table.csv") as writer:
    ...     for age in (40, 50):
    ...         writer.write(pandas.DataFrame({"age": [age]}))
    >>> Path(f"{folder}/table.csv").read_text()
    'age\\n40\\n50\\n'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.rows = 0
        self._kind: FileKind = file_kind(self.path)
        self._columns: tuple[str, ...] | None = None
        self._raw: IO[bytes] | None = None
        self._text: io.TextIOWrapper | None = None
        self._parquet: Any = None
        self._draft = self.path

    def __enter__(self) -> Self:
        try:
            self._raw, self._draft = open_draft(self.path)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Append the rows of a chunk; its columns are those of the first chunk, in the same order."""
        if self._raw is None:
            raise DataError("TableWriter writes inside a `with` block only")
        names = tuple(map(str, frame.columns))
        first = self._columns is None
        if not first and names != self._columns:
            raise DataError("a chunk's columns differ from those of the first chunk. Give all the same ones")
        self._columns = names
        try:
            if self._kind == "parquet":
                self._write_parquet(frame)
            else:
                self._write_csv(frame, header=first)
        except OSError as error:
            raise self._refused(error) from error
        self.rows += len(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
            return
        try:
            if self._columns is None:
                raise DataError(f"no chunk was written to {str(self.path)!r}; the old file, if any, is kept")
            self._finish()
        except OSError as failure:
            self._discard()
            raise self._refused(failure) from failure
        except BaseException:
            self._discard()
            raise

    def _write_csv(self, frame: pd.DataFrame, *, header: bool) -> None:
        assert self._raw is not None
        if self._text is None:
            # No file name and no time stamp in the gzip header: equal tables give equal bytes.
            stream: Any = self._raw
            if self._kind == "csv.gz":
                stream = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, compresslevel=6, mtime=0)
            self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        written = frame.copy(deep=False)
        for name in frame.columns:
            if _holds_collections(frame[name]):
                written[name] = [_joined(cell) for cell in frame[name]]
        written.to_csv(self._text, index=False, header=header, lineterminator="\n")

    def _write_parquet(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        prepared = frame.reset_index(drop=True)
        for name in frame.columns:
            if _holds_collections(frame[name]):
                lists = np.empty(len(frame), dtype=object)
                lists[:] = [_sorted_list(cell) for cell in frame[name]]
                prepared[name] = lists
        try:
            if self._parquet is None:
                table = pa.Table.from_pandas(prepared, preserve_index=False)
                schema = pa.schema([_known(field) for field in table.schema], metadata=table.schema.metadata)
                self._parquet = pq.ParquetWriter(self._raw, schema, compression="zstd")
            arrays = [to_arrow_array(prepared[field.name], field.type) for field in self._parquet.schema]
            self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._parquet.schema))
        except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                "the table cannot be written as Parquet: a column mixes types, or a chunk's types differ "
                "from those of the first chunk. Write CSV, or give each column one type"
            ) from error

    def _finish(self) -> None:
        """Bring every byte to the disk, then put the new file in the old one's place."""
        assert self._raw is not None
        if self._parquet is not None:
            self._parquet.close()
        if self._text is not None:
            self._text.flush()
            stream, self._text = self._text.detach(), None
            if isinstance(stream, gzip.GzipFile):
                stream.close()
        put_in_place(self._raw, self._draft, self.path)
        self._raw.close()

    def _discard(self) -> None:
        """Remove what was written so far."""
        raw, text, parquet = self._raw, self._text, self._parquet
        self._raw, self._text, self._parquet = None, None, None
        if raw is not None and not raw.closed:
            # What still stands in buffers would meet the same full disk again: let it flow to nowhere.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), raw.fileno())
            for stream in (parquet, text, raw):
                if stream is not None:
                    stream.close()
            self._draft.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> OSError:
        reason = error.strerror or str(error)
        kept = "the old file is unchanged" if self.path.exists() else "no file was left behind"
        return OSError(error.errno or 0, f"could not write {str(self.path)!r}: {reason}; {kept}")


def _holds_collections(series: pd.Series[Any]) -> bool:
    """Whether a column holds lists or sets."""
    if series.dtype != np.dtype(object):
        return False
    return any(isinstance(cell, list | tuple | set | frozenset | np.ndarray) for cell in series.to_numpy())


def _sorted_list(cell: Any) -> list[Any] | None:
    return sorted(cell, key=str) if isinstance(cell, list | tuple | set | frozenset | np.ndarray) else None


def _joined(cell: Any) -> Any:
    parts = _sorted_list(cell)
    return cell if parts is None else _CODES_SEPARATOR.join(map(str, parts))


def _known(field: Any) -> Any:
    """Return a Parquet field; one that the first chunk left all missing holds text."""
    import pyarrow as pa

    return field.with_type(pa.string()) if pa.types.is_null(field.type) else field
