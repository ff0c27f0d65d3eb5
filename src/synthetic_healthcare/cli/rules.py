"""`rules check`: how often a table breaks clinical rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthetic_healthcare.cli.data import Data, read_described
from synthetic_healthcare.cli.output import EPILOG, Json, console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from synthetic_healthcare.rules import Violations

app = typer.Typer(help="Clinical rules: what no patient's row may contradict.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Clinical rules: what no patient's row may contradict."""


@app.command("check", epilog=EPILOG)
def check(
    data: Data,
    rules: Annotated[Path, typer.Argument(help="YAML file of rules; docs/rules.md says how to write one.")],
    schema: Annotated[
        Path | None, typer.Option(help="Schema file; says which text is a date or a set of codes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count how often a table breaks each rule; counts only, no rows.

    Example: synthetic-healthcare rules check patients.csv rules.yaml
    """
    from synthetic_healthcare.rules import RulePack
    from synthetic_healthcare.schema.schema import Schema

    pack = RulePack.from_yaml(rules)
    table, declared = read_described(data, schema)
    known = Schema.infer(table) if declared is None else declared
    known.check(table)
    pack.check_columns(known)
    # Observed combinations are those that five patients of this very table share: the others show.
    learnt = pack.learn(table, schema=known)
    found = learnt.violations(table, known)
    if as_json:
        print_json(found.to_dict())
        return
    console().print(_table(found))
    typer.echo(f"{found.violating:,} of {found.rows:,} rows break a rule ({found.rate:.2%})")


def _table(found: Violations) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Rule", ratio=1)
    for heading in ("Rows concerned", "Breaking it", "Rate"):
        table.add_column(heading, justify="right")
    for one in found.values():
        rate = f"{one.rate:.2%}" if one.concerned else "-"
        table.add_row(escape(one.name), f"{one.concerned:,}", f"{one.violating:,}", rate)
    return table
