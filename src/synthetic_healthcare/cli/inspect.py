"""`inspect`: what a model file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthetic_healthcare.cli.output import Json, describe_file, print_json


def inspect(
    model: Annotated[Path, typer.Argument(help="Model file, as written by `fit`.")], as_json: Json = False
) -> None:
    """Say what a model is, what it was trained on and what is promised about privacy.

    Example: synthetic-healthcare inspect model.shm
    """
    from synthetic_healthcare.generator import SyntheticDataGenerator

    description = {"file": {"path": str(model), **describe_file(model)}}
    description |= SyntheticDataGenerator.load(model).describe()
    if as_json:
        print_json(description)
        return

    import yaml

    typer.echo(yaml.safe_dump(description, sort_keys=False, allow_unicode=True), nl=False)
