"""`compare`: several models, or several finished tables, judged side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthetic_healthcare.cli.data import DATA_HELP, read_described
from synthetic_healthcare.cli.evaluate import read_judged
from synthetic_healthcare.cli.output import METRIC_FAILED, REFUSED
from synthetic_healthcare.errors import ConfigError

if TYPE_CHECKING:
    from synthetic_healthcare.config import RunConfig
    from synthetic_healthcare.evaluation.comparison import Comparison, Entry


def compare(
    data: Annotated[str | None, typer.Argument(help=f"What --models are fitted to. {DATA_HELP}")] = None,
    models: Annotated[str | None, typer.Option(help="Names with commas: copula,forest,star")] = None,
    synthetic: Annotated[
        list[str] | None, typer.Option(help="A finished table, may be repeated; the first is `before`.")
    ] = None,
    train: Annotated[str | None, typer.Option(help="With --synthetic: the rows that were learnt.")] = None,
    holdout: Annotated[
        str, typer.Option(help="With --models: share kept aside, or a table. With --synthetic: a table.")
    ] = "0.2",
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for pages and JSON.")] = Path(
        "comparison"
    ),
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Schema file; see `schema infer`.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file; its evaluation weights order.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="One setting: evaluation.privacy_weight=0.7")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of split, fits, draws and judges.", min=0)] = 0,
) -> None:
    """Judge several models or tables on the same split. The outcome is computed from real rows: confidential.

    Writes comparison.json and comparison.html (utility against privacy, every metric beside the first), and a
    full report for each.

    Example: synthetic-healthcare compare patients.csv --models copula,forest --target outcome -o comparison
    """
    from synthetic_healthcare.config import RunConfig

    settings = RunConfig() if config is None else RunConfig.from_yaml(config)
    settings = settings.with_overrides(override or [])
    if (data is None) == (not synthetic) or (data is None) != (models is None):
        raise ConfigError(
            "give a table with --models, or finished tables with --synthetic, --train, --holdout"
        )
    if data is not None and models is not None:
        names = [name.strip() for name in models.split(",") if name.strip()]
        found = _fitted(data, names, settings, holdout=holdout, target=target, schema=schema, seed=seed)
    else:
        found = _finished(synthetic or [], train, holdout, settings, target=target, schema=schema, seed=seed)
    _write(found, out)
    for place, entry in enumerate(found.ranking(), start=1):
        typer.echo(f"{place}. {entry.name}: {_told(found, entry)}")
    typer.echo(f"The mean is {found.label}. Written to {out}")
    if any(entry.report is None for entry in found.entries):
        raise typer.Exit(REFUSED)
    if any(entry.report is not None and entry.report.failed for entry in found.entries):
        raise typer.Exit(METRIC_FAILED)


def _fitted(
    data: str,
    names: list[str],
    settings: RunConfig,
    *,
    holdout: str,
    target: str | None,
    schema: Path | None,
    seed: int,
) -> Comparison:
    from synthetic_healthcare.cli.fit import read_holdout
    from synthetic_healthcare.comparing import compare_models
    from synthetic_healthcare.progress import default_progress

    patients, known = read_described(data, schema)
    return compare_models(
        patients,
        names,
        config=settings,
        schema=known,
        target=target,
        holdout=read_holdout(holdout),
        random_state=seed,
        progress=default_progress(),
    )


def _finished(
    synthetic: list[str],
    train: str | None,
    holdout: str,
    settings: RunConfig,
    *,
    target: str | None,
    schema: Path | None,
    seed: int,
) -> Comparison:
    from synthetic_healthcare.comparing import compare_tables
    from synthetic_healthcare.evaluation.options import EvaluationOptions
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.rules import RulePack
    from synthetic_healthcare.schema.schema import Schema

    if train is None or holdout == "0.2":
        raise ConfigError("--synthetic needs --train, the learnt rows, and --holdout, a table of others")
    read = [read_judged(path, train, holdout, schema) for path in synthetic]
    (seen, declared), unseen = read[0][1:]
    names = [Path(path).stem for path in synthetic]
    if len(set(names)) < len(names):
        names = synthetic
    known = Schema.infer(seen, target=target) if declared is None else declared
    return compare_tables(
        {name: tables[0] for name, tables in zip(names, read, strict=True)},
        train=seen,
        holdout=unseen,
        schema=known if target is None else known.with_target(target),
        options=EvaluationOptions(
            seed=seed, rules=None if settings.rules is None else RulePack.from_yaml(settings.rules)
        ),
        config=settings,
        progress=default_progress(),
    )


def _write(found: Comparison, out: Path) -> None:
    """One page and one JSON for all, and the full page of each."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.json").write_text(found.to_json() + "\n", encoding="utf-8")
    found.to_html(out / "comparison.html")
    for place, entry in enumerate(found.entries, start=1):
        if entry.report is not None:
            entry.report.to_html(out / f"{place:02d}-{Path(entry.name).stem}.html")


def _told(found: Comparison, entry: Entry) -> str:
    mean = found.mean(entry)
    if entry.report is None:
        return f"no table. {entry.problem}"
    pair = ", ".join(f"{name} {_short(entry.report[f'{name}_score'])}" for name in ("utility", "privacy"))
    return f"{entry.report.verdict}, {pair}" + ("" if mean is None else f", mean {mean[0]:.2f}")


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
