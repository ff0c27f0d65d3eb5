"""`evaluate`: judge a synthetic table against the real one, without a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthetic_healthcare.cli.data import read_data, read_described
from synthetic_healthcare.cli.output import METRIC_FAILED, console
from synthetic_healthcare.errors import EvaluationError

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.schema.schema import Schema


def evaluate(
    synthetic: Annotated[str, typer.Option(help="The generated table.")],
    train: Annotated[
        str, typer.Option(help="The real rows that the generator saw; a table or a dataset's name.")
    ],
    holdout: Annotated[
        str | None, typer.Option(help="Real rows that it never saw; without them, no scores.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Schema file; see `schema infer`.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Clinical rules to count in both tables; see `rules check`.")
    ] = None,
    protected: Annotated[
        list[str] | None,
        typer.Option(
            help="Column whose groups are to be treated alike, may be repeated. Default: the schema's."
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Run the metrics that take long, too.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - for standard output.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of resampling and of the judges.", min=0)] = 0,
) -> None:
    """Judge a synthetic table. The report is computed from real rows: treat it as confidential.

    Example: synthetic-healthcare evaluate --synthetic s.csv --train t.csv --holdout h.csv --html report.html
    """
    from synthetic_healthcare.evaluation.options import EvaluationOptions
    from synthetic_healthcare.evaluation.runner import evaluate as judge
    from synthetic_healthcare.evaluation.terminal import render_terminal
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.rules import RulePack
    from synthetic_healthcare.schema.schema import Schema

    generated, (seen, declared), unseen = read_judged(synthetic, train, holdout, schema)
    known = Schema.infer(seen, target=target) if declared is None else declared
    report = judge(
        generated,
        train=seen,
        holdout=unseen,
        schema=known if target is None else known.with_target(target),
        options=EvaluationOptions(
            seed=seed,
            rules=None if rules is None else RulePack.from_yaml(rules),
            protected=tuple(protected) if protected else None,
            suite="full" if full else "standard",
        ),
        progress=default_progress(),
    )
    if html is not None:
        report.to_html(html)
    if as_json is not None and str(as_json) != "-":
        as_json.write_text(report.to_json() + "\n", encoding="utf-8")
    if str(as_json) == "-":
        typer.echo(report.to_json())
    else:
        render_terminal(report, console())
    if report.failed:
        raise typer.Exit(METRIC_FAILED)


def read_judged(
    synthetic: str, train: str, holdout: str | None, schema: Path | None
) -> tuple[pd.DataFrame, tuple[pd.DataFrame, Schema | None], pd.DataFrame | None]:
    """Read the tables of an evaluation, the learnt one with its schema; refuse files that were exchanged."""
    from synthetic_healthcare.evaluation.runner import looks_swapped

    generated = read_data(synthetic)
    seen, declared = read_described(train, schema)
    if looks_swapped(generated, seen):
        raise EvaluationError("--synthetic and --train hold the same rows: were the two files exchanged?")
    unseen = None if holdout is None else read_data(holdout)
    if unseen is not None and looks_swapped(unseen, seen):
        raise EvaluationError(
            "--holdout and --train hold the same rows: give patients that were never learnt"
        )
    return generated, (seen, declared), unseen
