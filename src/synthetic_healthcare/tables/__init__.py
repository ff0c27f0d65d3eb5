"""Tables at the border: read and written whole, streamed, cast, fingerprinted and checked."""

from synthetic_healthcare.tables.checks import check_public, check_table, check_target
from synthetic_healthcare.tables.dtypes import cast
from synthetic_healthcare.tables.frames import TableFormat, restore, to_pandas
from synthetic_healthcare.tables.keys import fingerprint, row_keys
from synthetic_healthcare.tables.reading import read_table
from synthetic_healthcare.tables.writing import TableWriter, write_table

__all__ = [
    "TableFormat",
    "TableWriter",
    "cast",
    "check_public",
    "check_table",
    "check_target",
    "fingerprint",
    "read_table",
    "restore",
    "row_keys",
    "to_pandas",
    "write_table",
]
