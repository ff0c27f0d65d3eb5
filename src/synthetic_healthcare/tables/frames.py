"""pandas, polars and Arrow tables in, pandas inside, the same kind of table out."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.tables.arrow import arrow_to_pandas
from synthetic_healthcare.tables.dtypes import cast, to_arrow_array
from synthetic_healthcare.tables.reading import read_table

TableKind = Literal["pandas", "polars", "polars-lazy", "arrow", "arrow-batch"]


@dataclass(frozen=True)
class TableFormat:
    """How a table was held, so that another one can be given back in kind. It holds no values.

    Parameters
    ----------
    kind : TableKind
        The library and class; a file counts as pandas.
    names : tuple of str
        Columns in order.
    dtypes : tuple of str
        pandas dtypes of the columns, as `to_pandas` made them.
    levels : mapping of str to tuple
        Levels of ordered Categoricals, lowest first.
    arrow_schema : bytes or None
        Serialised Arrow schema of a polars or Arrow table; `None`: types follow from the dtypes.
    """

    kind: TableKind
    names: tuple[str, ...]
    dtypes: tuple[str, ...]
    levels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    arrow_schema: bytes | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        schema = None if self.arrow_schema is None else base64.b64encode(self.arrow_schema).decode("ascii")
        return {
            "kind": self.kind,
            "names": list(self.names),
            "dtypes": list(self.dtypes),
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "arrow_schema": schema,
        }

    def with_text(self, names: Sequence[str]) -> TableFormat:
        """The same format with text in some columns."""
        schema = self.arrow_schema
        if schema is not None:
            import pyarrow as pa

            fields = pa.ipc.read_schema(pa.py_buffer(schema))
            texts = [
                pa.field(field_.name, pa.string()) if field_.name in names else field_ for field_ in fields
            ]
            schema = pa.schema(texts).serialize().to_pybytes()
        return replace(
            self,
            dtypes=tuple(
                "object" if name in names else dtype
                for name, dtype in zip(self.names, self.dtypes, strict=True)
            ),
            levels={name: levels for name, levels in self.levels.items() if name not in names},
            arrow_schema=schema,
        )

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TableFormat:
        """Rebuild what `to_dict` gave."""
        schema = data["arrow_schema"]
        return TableFormat(
            kind=data["kind"],
            names=tuple(data["names"]),
            dtypes=tuple(data["dtypes"]),
            levels={name: tuple(levels) for name, levels in data["levels"].items()},
            arrow_schema=None if schema is None else base64.b64decode(schema),
        )


def to_pandas(data: object) -> tuple[pd.DataFrame, TableFormat]:
    """Return any accepted table as a pandas DataFrame, and how it was held.

    Parameters
    ----------
    data : pandas DataFrame, polars DataFrame or LazyFrame, pyarrow Table or RecordBatch, str or Path
        A path names a file that `read_table` reads. The table itself is never changed.

    Returns
    -------
    (DataFrame, TableFormat)
        The frame has a fresh row index, and shares memory with `data` where it can. Integers with missing
        values keep an integer dtype ("Int64"); Arrow dates become datetime64[s]; sparse columns dense.

    Raises
    ------
    DataError
        Where `data` is no table.
    """
    if isinstance(data, str | Path):
        frame = read_table(data)
        return frame, _pandas_format(frame)
    if isinstance(data, pd.DataFrame):
        return _dense(data), _pandas_format(data)
    library = type(data).__module__.partition(".")[0]
    if library == "polars":
        return _from_polars(data)
    if library == "pyarrow":
        import pyarrow as pa

        if isinstance(data, pa.Table):
            return _from_arrow(data, "arrow")
        if isinstance(data, pa.RecordBatch):
            return _from_arrow(pa.Table.from_batches([data]), "arrow-batch")
    raise DataError(
        f"a table is a pandas or polars DataFrame, a pyarrow Table or the path of a CSV or Parquet file, not "
        f"a {type(data).__name__}. Wrap columns with pandas.DataFrame(...)"
    )


def restore(frame: pd.DataFrame, table_format: TableFormat) -> Any:
    """Return a table of the kind, column order and dtypes that `table_format` describes.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        Values for every column that the format names; other columns are left out.
    table_format : TableFormat
        As `to_pandas` gave it.

    Raises
    ------
    DataError
        Where a column is missing, or its values do not fit the dtype.
    """
    absent = [name for name in table_format.names if name not in frame.columns]
    if absent:
        raise DataError(f"cannot restore the table: columns {', '.join(map(repr, absent))} are missing")
    if table_format.kind == "pandas":
        columns = {
            name: cast(frame[name], dtype, categories=table_format.levels.get(name))
            for name, dtype in zip(table_format.names, table_format.dtypes, strict=True)
        }
        return pd.DataFrame(columns, index=frame.index, columns=list(table_format.names))
    import pyarrow as pa

    table = _to_arrow(frame, table_format)
    if table_format.kind == "arrow":
        return table
    if table_format.kind == "arrow-batch":
        batches = table.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
    import polars as pl

    restored = pl.from_arrow(table)
    return restored.lazy() if table_format.kind == "polars-lazy" else restored  # type: ignore[union-attr]


def _dense(data: pd.DataFrame) -> pd.DataFrame:
    frame = data.reset_index(drop=True)
    sparse = [place for place, dtype in enumerate(frame.dtypes) if isinstance(dtype, pd.SparseDtype)]
    for place in sparse:
        frame.isetitem(place, frame.iloc[:, place].to_numpy())
    return frame


def _pandas_format(frame: pd.DataFrame) -> TableFormat:
    dtypes = list(frame.dtypes)
    levels = {
        str(name): tuple(_plain(level) for level in dtype.categories)
        for name, dtype in zip(frame.columns, dtypes, strict=True)
        if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered
    }
    return TableFormat("pandas", tuple(map(str, frame.columns)), tuple(map(str, dtypes)), levels)


def _plain(level: Any) -> Any:
    return level.item() if isinstance(level, np.generic) else level


def _from_polars(data: Any) -> tuple[pd.DataFrame, TableFormat]:
    import polars as pl

    if isinstance(data, pl.LazyFrame):
        return _from_arrow(data.collect().to_arrow(), "polars-lazy")
    if isinstance(data, pl.DataFrame):
        return _from_arrow(data.to_arrow(), "polars")
    raise DataError(f"a polars {type(data).__name__} is no table. Use its DataFrame")


def _from_arrow(table: Any, kind: TableKind) -> tuple[pd.DataFrame, TableFormat]:
    frame = arrow_to_pandas(table)
    names, dtypes = tuple(map(str, frame.columns)), tuple(map(str, frame.dtypes))
    # Metadata that pandas left in the schema would contradict the table that is given back.
    fields = table.schema.remove_metadata().serialize().to_pybytes()
    return frame, TableFormat(kind, names, dtypes, arrow_schema=fields)


def _to_arrow(frame: pd.DataFrame, table_format: TableFormat) -> Any:
    import pyarrow as pa

    if table_format.arrow_schema is None:
        # A private fit knows no more of the table's types than the dtypes of its columns.
        typed = restore(frame, replace(table_format, kind="pandas"))
        return pa.Table.from_pandas(typed, preserve_index=False).replace_schema_metadata(None)
    schema = pa.ipc.read_schema(pa.py_buffer(table_format.arrow_schema))
    arrays = []
    for field_ in schema:
        try:
            arrays.append(to_arrow_array(frame[field_.name], field_.type))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise DataError(
                f"column {field_.name!r} of dtype {str(frame[field_.name].dtype)!r} does not fit the type "
                f"{str(field_.type)!r} of the original table"
            ) from error
    return pa.Table.from_arrays(arrays, schema=schema)
