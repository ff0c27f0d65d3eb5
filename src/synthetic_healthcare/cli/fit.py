"""`fit`: learn a table and write the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthetic_healthcare.cli.data import AcceptTerms, Data, read_data, read_described
from synthetic_healthcare.cli.output import Json, Seed, describe_file, print_json
from synthetic_healthcare.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.config import RunConfig


def fit(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the model.")],
    model: Annotated[
        str | None,
        typer.Option(help="Name of the model; see `models`. Default: auto."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column that a user of the data would predict.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Schema file; see `schema infer`.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of settings; flags override it.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="One setting: model.architecture.embedding_dim=32")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the rows.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Stop training after this long.")] = None,
    holdout: Annotated[str, typer.Option(help="Share of the rows kept aside, or a table. 0: none.")] = "0.2",
    seed: Seed = None,
    privacy_level: Annotated[str | None, typer.Option(help="none, low, medium, high or maximum.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="YAML file of clinical rules that generated rows have to keep.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder to resume from after a kill.")] = None,
    accept_terms: AcceptTerms = False,
    as_json: Json = False,
) -> None:
    """Learn a table of patients and write the model.

    Example: synthetic-healthcare fit patients.csv -o model.shm --target outcome --seed 0
    """
    flags = {
        "model.type": model,
        "model.training.epochs": epochs,
        "model.training.max_seconds": max_seconds,
        "privacy.level": privacy_level,
        "rules": None if rules is None else str(rules),
    }
    settings = _settings(config, flags, override or [])

    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.progress import default_progress

    generator = SyntheticDataGenerator.from_config(settings, random_state=seed)
    patients, known = read_described(data, schema, accept_terms=accept_terms)
    generator.fit(
        patients,
        epochs=settings.model.training.epochs,
        schema=known,
        target=target,
        holdout=read_holdout(holdout),
        max_seconds=settings.model.training.max_seconds,
        checkpoint=checkpoint,
        progress=default_progress(),
    )
    training = generator.describe()["training"]
    if not as_json:
        _tell_alerts(training)
    generator.save(out)
    written = describe_file(out)
    if as_json:
        print_json({"model": str(out), **written, "description": generator.describe()})
    else:
        typer.echo(f"{training['chosen_model']}: {training['chosen_because']}")
        typer.echo(f"Model written to {out} ({written['bytes']:,} bytes)")


def _tell_alerts(training: dict[str, Any]) -> None:
    """Say which alerts fired, and how to go on where one paused the training."""
    for text in training.get("alerts", ()):
        typer.echo(f"Alert: {text}")
    if training["ended"] == "paused":
        typer.echo("The training is paused. The same command, with the same checkpoint, goes on.")


def _settings(file: Path | None, flags: dict[str, Any], overrides: list[str]) -> RunConfig:
    """Put together file, flags and `--set`: the later wins."""
    from synthetic_healthcare.config import RunConfig

    settings = RunConfig() if file is None else RunConfig.from_yaml(file)
    given = [f"{path}={json.dumps(value)}" for path, value in flags.items() if value is not None]
    return settings.with_overrides([*given, *overrides])


def read_holdout(text: str) -> float | pd.DataFrame:
    """Read `--holdout`: a number is a share, anything else a table."""
    try:
        share = float(text)
    except ValueError:
        return read_data(text)
    # Written so that nan is refused too.
    if not 0 <= share < 1:
        raise ConfigError(f"--holdout {text} is not a share from 0 to below 1, nor the name of a table")
    return share
