"""`generate`: write synthetic patients from a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthetic_healthcare.cli.output import Json, Seed, describe_file, print_json
from synthetic_healthcare.errors import ConfigError

if TYPE_CHECKING:
    from synthetic_healthcare.drawing import Drawn
    from synthetic_healthcare.sampling.conditional import ConditionalDraw
    from synthetic_healthcare.sampling.parity import ParityDraw


def generate(
    model: Annotated[Path, typer.Argument(help="Model file, as written by `fit`.")],
    n_samples: Annotated[int, typer.Option("-n", "--samples", help="Number of rows.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="Table: .csv, .csv.gz or .parquet")],
    seed: Seed = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Condition, may be repeated: age>=65, age=60..80, sex=F, ward=north|south, "
            "diagnoses=I10;E11 (all of them), 'crp is missing'."
        ),
    ] = None,
    balance: Annotated[str | None, typer.Option(help="Column whose classes all get the same share.")] = None,
    fairness: Annotated[
        str | None,
        typer.Option(
            help="Correct bias by resampling: demographic_parity or representation; with --attribute."
        ),
    ] = None,
    attribute: Annotated[
        str | None, typer.Option(help="Column whose groups are to be treated alike.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write synthetic patients; any number of rows in the same memory.

    Example: synthetic-healthcare generate model.shm -n 1000 -o synthetic.csv --where 'age>=65' --where sex=F
    """
    if where and balance:
        raise ConfigError("--where and --balance exclude each other: generate class by class with --where")
    if where and (fairness or attribute):
        raise ConfigError("--where and --fairness exclude each other: bias is corrected in whole tables")

    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.sampling.conditions import parse_where
    from synthetic_healthcare.tables import write_table

    generator = SyntheticDataGenerator.load(model)
    if balance or fairness or attribute:
        table = generator.generate(
            n_samples, balance=balance, fairness=fairness, attribute=attribute, random_state=seed
        )
        write_table(table, out)
    else:
        conditions = parse_where(where) if where else None
        generator.generate_to(
            out, n_samples, conditions=conditions, random_state=seed, progress=default_progress()
        )
    told = generator.last_draw
    if as_json:
        facts = {"table": str(out), "rows": n_samples, "seed": seed, **describe_file(out)}
        draws: dict[str, Any] = {"draws": [draw.to_dict() for draw in told.conditions]}
        draws["rules"] = [done.to_dict() for done in told.rules]
        draws["anonymity"] = [report.to_dict() for report in told.anonymity]
        print_json({**facts, **draws, "fairness": [done.to_dict() for done in told.fairness]})
        return
    typer.echo(f"{n_samples:,} synthetic rows written to {out}")
    _tell(told)


def _tell(told: Drawn) -> None:
    """Say how a draw went, a line a thing."""
    for draw in told.conditions:
        typer.echo(_told(draw))
    for corrected in told.fairness:
        typer.echo(_corrected(corrected))
    if told.rules:
        mended = sum(sum(done.repaired.values()) for done in told.rules)
        redrawn = sum(done.redrawn for done in told.rules)
        typer.echo(f"Clinical rules: {redrawn:,} rows drawn anew, {mended:,} repairs")
    for report in told.anonymity:
        typer.echo(f"Anonymity, {report.rows:,} rows: {report}")
    broken = sum(found.violating for found in told.anonymity_breaks)
    if broken:
        typer.echo(f"Clinical rules: {broken:,} rows break one since their quasi-identifiers are coarser")


def _told(draw: ConditionalDraw) -> str:
    how = "drawn by the model under the conditions" if draw.native else "kept of all that were drawn"
    return (
        f"{draw.what}: {draw.rows:,} rows, {how} ({draw.acceptance_rate:.1%} accepted); they rest on about "
        f"{draw.effective_patients:,.0f} real patients"
    )


def _corrected(done: ParityDraw) -> str:
    """Say what a correction of bias changed, group by group."""
    lines = [f"Fairness, {done.aim} of {done.attribute}: {done.kept:,} rows kept of {done.drawn:,} drawn"]
    for entry in done.groups:
        shares = f"share {entry['share_before']:.1%} before, {entry['share_after']:.1%} after"
        lines.append(f"  {done.attribute} {entry['group']}: {shares}")
    if done.gap_before is not None:
        lines.append(
            f"  largest gap in {done.target}: {done.gap_before:.3f} before, {done.gap_after:.3f} after"
        )
    return "\n".join(lines)
