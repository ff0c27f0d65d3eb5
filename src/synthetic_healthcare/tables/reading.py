"""`read_table`: CSV and Parquet files, read without losing what their text says."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables.arrow import arrow_to_pandas

FileKind = Literal["csv", "csv.gz", "parquet"]

#: What a CSV file may write for a missing value. "None" is not among them: in a medical table it is more
#: often an answer ("no treatment") than a gap.
MISSING_TEXTS: Final[frozenset[str]] = frozenset(
    {"", "NA", "N/A", "n/a", "NaN", "nan", "NaT", "<NA>", "NULL", "null", "#N/A"}
)
_ROWS_LOOKED_AT: Final = 10_000
_EXACT_INTEGERS: Final = 2.0**53


def file_kind(path: str | Path) -> FileKind:
    """Return what a path's ending says; raises `DataError` for another than .csv, .csv.gz and .parquet."""
    name = Path(path).name.lower()
    endings: tuple[tuple[str, FileKind], ...] = (
        (".csv", "csv"),
        (".csv.gz", "csv.gz"),
        (".parquet", "parquet"),
        (".pq", "parquet"),
    )
    for ending, kind in endings:
        if name.endswith(ending):
            return kind
    raise DataError(f"file {str(path)!r} has none of the endings .csv, .csv.gz and .parquet")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV (also gzipped) or Parquet file.

    In a CSV file, numbers are read to the last bit; digits with a leading zero ("00501") stay text; integers
    with gaps stay integers; the separator is the comma, or the semicolon or tab where the header has no
    comma. Missing values are blank cells and those in `MISSING_TEXTS`.

    Raises
    ------
    DataError
        Where the file is absent, empty, not a table, or repeats a column name.
    """
    source = Path(path)
    kind = file_kind(source)
    if not source.is_file():
        raise DataError(f"file {str(source)!r} does not exist")
    if kind == "parquet":
        return _read_parquet(source)
    try:
        return _read_csv(source)
    except UnicodeDecodeError as error:
        raise DataError(f"file {str(source)!r} is not UTF-8 text. Save it as UTF-8") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, csv.Error) as error:
        raise DataError(
            f"file {str(source)!r} is not a CSV table: it is empty, or its rows differ in length or quoting"
        ) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"file {str(source)!r} is not a whole gzip file") from error


def _read_csv(source: Path) -> pd.DataFrame:
    header, separator = read_header(source)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(
            f"file {str(source)!r} has duplicate column names: {', '.join(map(repr, repeated))}. Rename them"
        )
    options: dict[str, Any] = {
        "sep": separator,
        "index_col": False,
        "names": header,
        "header": 0,
        "keep_default_na": False,
        "na_values": sorted(MISSING_TEXTS),
        "encoding": "utf-8",
        "low_memory": False,
    }
    if _pandas_version() < (3, 1):
        # From 3.1 on every number is read to the last bit, and the option is deprecated.
        options["float_precision"] = "round_trip"
    with warnings.catch_warnings():
        # A row longer than the header would lose its last cells with no more than this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        head = pd.read_csv(source, dtype=str, nrows=_ROWS_LOOKED_AT, **options)
        # "00501" and "0123" are codes, "0.5" and "0" are numbers.
        coded = [name for name in header if head[name].str.match(r"[+-]?0\d").any()]
        dtypes: dict[str, Any] = dict.fromkeys(coded, str)
        frame: pd.DataFrame = pd.read_csv(source, dtype=dtypes, **options)
        large = [name for name in header if _lost_digits(frame[name])]
        if large:
            texts = pd.read_csv(source, dtype=str, usecols=large, **options)
            for name in large:
                frame[name] = _exact(texts[name], frame[name])
    for name in header:
        # Beside integers beyond 64 bits pandas leaves blank cells blank instead of missing.
        blank = frame[name].isin([""])
        if blank.any():
            frame[name] = frame[name].where(~blank, None)
    return frame


def _pandas_version() -> tuple[int, int]:
    major, minor = pd.__version__.split(".")[:2]
    return int(major), int(minor)


def read_header(source: Path) -> tuple[list[str], str]:
    """Return the column names and the separator of a CSV file."""
    opener = gzip.open if source.name.lower().endswith(".gz") else open
    with opener(source, "rt", encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
        if not first.strip():
            raise DataError(f"file {str(source)!r} is empty, or starts with a blank line")
        separator = next((sign for sign in (",", ";", "\t") if sign in first), ",")
        # A name in quotes may run over several lines.
        rest = io.StringIO(first + stream.read(1_000_000) if first.count('"') % 2 else first)
    return next(csv.reader(rest, delimiter=separator)), separator


def _lost_digits(series: pd.Series[Any]) -> bool:
    """Whether a float column may hold integers, turned into floats by gaps and too large for them."""
    if not pd.api.types.is_float_dtype(series.dtype):
        return False
    present = series.dropna()
    largest = float(present.abs().max()) if len(present) else 0.0
    return _EXACT_INTEGERS <= largest < 2.0**63 and bool((present % 1 == 0).all())


def _exact(texts: pd.Series[Any], floats: pd.Series[Any]) -> pd.Series[Any]:
    """Return the integers that the texts are, the floats where they are written with a point."""
    present = texts.dropna()
    if not bool(present.str.fullmatch(r"[+-]?\d+").all()):
        return floats
    integers = texts.astype(object).where(texts.notna(), "0").map(int).astype("Int64")
    return integers.where(texts.notna(), pd.NA)


def _read_parquet(source: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(source).read()
    except pa.ArrowException as error:
        raise DataError(f"file {str(source)!r} is not a whole Parquet file") from error
    if b"pandas" not in (table.schema.metadata or {}):
        return arrow_to_pandas(table)
    frame = table.to_pandas()
    if isinstance(frame.index, pd.RangeIndex):
        return frame.reset_index(drop=True)  # type: ignore[no-any-return]
    unnamed = all(name is None for name in frame.index.names)
    return frame.reset_index(drop=unnamed)  # type: ignore[no-any-return]
