"""Arrow tables as pandas frames that hold every value exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def arrow_to_pandas(table: Any) -> pd.DataFrame:
    """Return a pyarrow Table as a DataFrame whose dtypes hold every value exactly."""
    series = [_arrow_column(column) for column in table.columns]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(table.num_rows))
    frame.columns = pd.Index(table.column_names)
    return frame


def _arrow_column(column: Any) -> pd.Series[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) and column.null_count:
        dtype = {"u": "UInt", "i": "Int"}[str(kind)[0]] + str(kind.bit_width)
        nullable: Any = pd.api.types.pandas_dtype(dtype)
        return pd.Series(nullable.__from_arrow__(column))
    if pa.types.is_boolean(kind) and column.null_count:
        boolean: Any = pd.BooleanDtype()
        return pd.Series(boolean.__from_arrow__(column))
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        cells = np.empty(len(column), dtype=object)
        cells[:] = column.to_pylist()
        return pd.Series(cells)
    return pd.Series(column.to_pandas())
