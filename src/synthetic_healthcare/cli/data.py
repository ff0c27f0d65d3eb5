"""DATA, wherever a command takes it: a file, a folder, a database, joined files, or a dataset's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.schema.schema import Schema

DATA_HELP: Final = (
    "Table: .csv, .csv.gz, .parquet, a folder of Parquet, sqlite:///FILE#TABLE, a YAML file that joins "
    "files, a dataset's name (see `datasets list`), or NAME=PATH for your own copy of it."
)
AcceptTerms = Annotated[
    bool,
    typer.Option("--accept-terms", help="You hold to the dataset's terms of use; see `datasets describe`."),
]
Data = Annotated[str, typer.Argument(help=DATA_HELP)]


def read_data(data: str) -> pd.DataFrame:
    """Read a table, and say where its file goes where it has to be fetched."""
    return read_described(data)[0]


def read_described(
    data: str, schema: Path | None = None, *, accept_terms: bool = False
) -> tuple[pd.DataFrame, Schema | None]:
    """Read a table and its schema: the one that is given, else the dataset's own; `None`: to be inferred."""
    from synthetic_healthcare.datasets import available, load
    from synthetic_healthcare.datasets.own import read_files
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.schema.schema import Schema

    given = None if schema is None else Schema.from_yaml(schema)
    name, _, place = data.partition("=")
    if name in available():
        if not place:
            tell_fetch(name)
        found = load(
            name,
            path=place or None,
            schema=given,
            accept_terms=accept_terms,
            progress=default_progress(),
        )
        return found.data, found.schema
    if "://" not in data and not data.lower().endswith((".yaml", ".yml")):
        # A plain table is inferred by whoever uses it, which knows the target.
        return read_files(Path(data))[0], given
    found = load(data, schema=given)
    declared = any(column.declared for column in found.schema.columns)
    return found.data, found.schema if declared else None


def tell_fetch(name: str) -> None:
    """Say on standard error what will be downloaded, and to where."""
    from synthetic_healthcare.datasets import located, recipe
    from synthetic_healthcare.datasets.cache import cache_folder
    from synthetic_healthcare.datasets.registry import MIMIC

    if name == MIMIC or located(name) is not None:
        return
    remote = recipe(name).remote
    if remote is not None:
        typer.echo(f"Fetching {name} from {remote.url} into {cache_folder() / name}", err=True)
