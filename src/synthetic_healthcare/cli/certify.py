"""`certify`: attack a model by training it again, with and without patients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthetic_healthcare.cli.output import Json, print_json

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.config import RunConfig
    from synthetic_healthcare.schema.schema import Schema


def certify(
    data: Annotated[Path, typer.Argument(help="Table of patients: .csv, .csv.gz or .parquet")],
    model: Annotated[str | None, typer.Option(help="Name of the model; see `models`. Default: auto.")] = None,
    privacy_level: Annotated[str | None, typer.Option(help="none, low, medium, high or maximum.")] = None,
    claimed_epsilon: Annotated[
        float | None, typer.Option(help="Epsilon to try to refute. Default: that of the settings.", min=0.0)
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column that a user of the data would predict.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Schema file; see `schema infer`.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of settings; flags override it.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="One setting: model.training.epochs=20")
    ] = None,
    rows: Annotated[int, typer.Option(help="Synthetic rows a training. 0: as many as it learnt.", min=0)] = 0,
    canaries: Annotated[int, typer.Option(help="Invented patients of the audit. 0: no audit.")] = 1000,
    records: Annotated[int, typer.Option(help="Isolated patients under shadow attack. 0: none.")] = 10,
    trainings: Annotated[int, typer.Option(help="Trainings for the shadow attacks.")] = 100,
    state: Annotated[Path | None, typer.Option(help="File to go on from after a stop.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of canaries, attacks and trainings.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Train a model again and again, and try to tell whom it saw. It takes minutes to hours.

    Example: synthetic-healthcare certify patients.csv --model star --privacy-level high --state star.json
    """
    from synthetic_healthcare.evaluation.certify import CertifyOptions
    from synthetic_healthcare.evaluation.certify import certify as attack
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.schema.schema import Schema
    from synthetic_healthcare.tables import read_table

    flags = {"model.type": model, "privacy.level": privacy_level}
    settings = _settings(config, flags, override or [])
    budget = settings.privacy.protection
    claim = claimed_epsilon if claimed_epsilon is not None or budget is None else budget.epsilon
    options = CertifyOptions(
        canaries=canaries, records=records, trainings=trainings, claimed_epsilon=claim, seed=seed
    )
    if budget is not None:
        options = replace(options, delta=budget.delta)
    table = read_table(data)
    known = Schema.infer(table, target=target) if schema is None else Schema.from_yaml(schema)
    known = known if target is None else known.with_target(target)
    found = attack(
        table,
        lambda patients, number: _train(patients, number, settings=settings, schema=known, rows=rows),
        schema=known,
        generator=f"{settings.model_dump_json()} {rows}",
        options=options,
        state=state,
        progress=default_progress(),
    )
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.summary())


def _settings(file: Path | None, flags: Mapping[str, str | None], overrides: list[str]) -> RunConfig:
    """Put together file, flags and `--set`: the later wins."""
    from synthetic_healthcare.config import RunConfig

    settings = RunConfig() if file is None else RunConfig.from_yaml(file)
    given = [f"{path}={json.dumps(value)}" for path, value in flags.items() if value is not None]
    return settings.with_overrides([*given, *overrides])


def _train(
    patients: pd.DataFrame, seed: int, *, settings: RunConfig, schema: Schema, rows: int
) -> pd.DataFrame:
    """Fit the model from nothing on these patients, and draw."""
    from synthetic_healthcare.generator import SyntheticDataGenerator

    generator = SyntheticDataGenerator.from_config(settings, random_state=seed)
    generator.fit(
        patients,
        epochs=settings.model.training.epochs,
        schema=schema,
        holdout=0,
        max_seconds=settings.model.training.max_seconds,
    )
    drawn: pd.DataFrame = generator.generate(rows or None)
    return drawn
