"""`generate`: write synthetic patients from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthetic_healthcare.cli.output import Json, Seed, describe_file, print_json
from synthetic_healthcare.errors import NotYetAvailableError


def generate(
    model: Annotated[Path, typer.Argument(help="Model file, as written by `fit`.")],
    n_samples: Annotated[int, typer.Option("-n", "--samples", help="Number of rows.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="Table: .csv, .csv.gz or .parquet")],
    seed: Seed = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Condition such as age=60..80 or sex=F (not in this release).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write synthetic patients; any number of rows in the same memory.

    Example: synthetic-healthcare generate model.shm -n 1000 -o synthetic.csv --seed 0
    """
    if where:
        raise NotYetAvailableError(
            "conditional generation (--where)",
            "It arrives with the further models; until then generate more rows and filter them.",
        )

    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.progress import default_progress

    generator = SyntheticDataGenerator.load(model)
    generator.generate_to(out, n_samples, random_state=seed, progress=default_progress())
    if as_json:
        print_json({"table": str(out), "rows": n_samples, "seed": seed, **describe_file(out)})
    else:
        typer.echo(f"{n_samples:,} synthetic rows written to {out}")
