"""`impute`: fill the missing cells of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthetic_healthcare.cli.data import Data, read_data
from synthetic_healthcare.cli.output import Json, Seed, describe_file, print_json


def impute(
    model: Annotated[Path, typer.Argument(help="Model file, as written by `fit --model autoregressive`.")],
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--output", help="Table: .csv, .csv.gz or .parquet")],
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Draw the missing cells of a table given the cells that are there, which stay as they are.

    Example: synthetic-healthcare impute model.shm patients.csv -o filled.csv --seed 0
    """
    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.tables import write_table

    generator = SyntheticDataGenerator.load(model)
    frame = read_data(data)
    filled = generator.impute(frame, random_state=seed)
    write_table(filled, out)
    cells = int(frame.isna().to_numpy().sum() - filled.isna().to_numpy().sum())
    if as_json:
        print_json({"table": str(out), "rows": len(filled), "filled": cells, **describe_file(out)})
    else:
        typer.echo(f"{cells:,} missing cells filled; {len(filled):,} rows written to {out}")
