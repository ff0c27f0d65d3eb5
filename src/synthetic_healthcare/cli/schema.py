"""`schema infer`: read a schema from a table, to look at and to correct."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthetic_healthcare.cli.data import Data, read_described
from synthetic_healthcare.cli.output import EPILOG, Json, print_json

app = typer.Typer(help="Schemas: what each column of a table is.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Schemas: what each column of a table is."""


@app.command("infer", epilog=EPILOG)
def infer(
    data: Data,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write YAML here to edit by hand.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column that a user of the data would predict.")] = None,
    as_json: Json = False,
) -> None:
    """Read a schema from a table; each line says what a column was taken for, and why. A dataset has its own.

    Example: synthetic-healthcare schema infer patients.csv -o schema.yaml
    """
    from synthetic_healthcare.schema.schema import Schema

    table, declared = read_described(data)
    if declared is None:
        found = Schema.infer(table, target=target)
    else:
        found = declared if target is None else declared.with_target(target)
    if out is not None:
        found.to_yaml(out)
    if as_json:
        print_json(found.to_dict())
    elif out is not None:
        typer.echo(found.explain())
        typer.echo(f"\nWritten to {out}: correct it there and give it to fit --schema {out}", err=True)
    else:
        typer.echo(found.to_yaml(), nl=False)
