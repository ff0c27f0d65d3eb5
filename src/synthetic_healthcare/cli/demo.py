"""`demo`: the whole way on a real table, in about a minute."""

from __future__ import annotations

import datetime as dt
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from synthetic_healthcare.cli.output import METRIC_FAILED, Json, console, describe_file, print_json
from synthetic_healthcare.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.evaluation.report import EvaluationReport, Score
    from synthetic_healthcare.generator import SyntheticDataGenerator

ROWS: Final = 1000
MODEL: Final = "wgan-gp"
TARGET: Final = "diagnosis"
#: In the order in which they are written; the manifest lists them all and comes last.
FILES: Final = ("synthetic.csv", "synthetic.parquet", "model.shm", "report.html")
MANIFEST: Final = "manifest.json"
LIBRARIES: Final = ("torch", "numpy", "pandas", "scipy", "scikit-learn", "pyarrow")


def demo(
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path(
        "demo-output"
    ),
    seed: Annotated[int, typer.Option(help="Same seed, same files.", min=0)] = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the rows; default: the model's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit, generate and judge on the Breast Cancer table that ships with scikit-learn.

    Example: synthetic-healthcare demo
    """
    from synthetic_healthcare.evaluation.terminal import render_terminal
    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.tables import write_table

    progress = default_progress()
    patients = breast_cancer()
    out.mkdir(parents=True, exist_ok=True)
    _say(f"Breast Cancer Wisconsin: {len(patients)} patients, {patients.shape[1]} columns", quiet=as_json)
    generator = SyntheticDataGenerator(MODEL, random_state=seed)
    generator.fit(patients, epochs=epochs, target=TARGET, progress=progress)
    synthetic = generator.generate(ROWS, random_state=seed)
    report = generator.evaluate(synthetic, patients, seed=seed, progress=progress)

    write_table(synthetic, out / "synthetic.csv")
    write_table(synthetic, out / "synthetic.parquet")
    generator.save(out / "model.shm")
    report.to_html(out / "report.html")
    manifest = _manifest(out, generator, report, {"seed": seed, "epochs": epochs})
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    if as_json:
        print_json(manifest)
    else:
        render_terminal(report, console())
        _say(f"\n{ROWS:,} synthetic patients, the model and the report are in {out}/:", quiet=False)
        for name in (*FILES, MANIFEST):
            _say(f"  {name:<18} {(out / name).stat().st_size:>10,} bytes", quiet=False)
    if report.failed:
        raise typer.Exit(METRIC_FAILED)


def breast_cancer() -> pd.DataFrame:
    """Breast Cancer Wisconsin (Diagnostic), 569 rows: 30 measurements and the diagnosis.

    Source: Street, Wolberg, Mangasarian 1993, doi:10.1117/12.148698; UCI 17, as scikit-learn ships it.
    """
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer(as_frame=True)
    names = dict(enumerate(loaded.target_names))
    patients: pd.DataFrame = loaded.data.assign(**{TARGET: loaded.target.map(names).astype("str")})
    return patients


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)


def _manifest(
    folder: Path, generator: SyntheticDataGenerator, report: EvaluationReport, settings: dict[str, Any]
) -> dict[str, Any]:
    """Everything needed to make the files again, and to see that they are the same."""
    arguments = [f"--{name} {value}" for name, value in settings.items() if value is not None]
    return {
        # The only entry that two equal runs do not share.
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["synthetic-healthcare demo", *arguments]),
        "data": {
            "name": "Breast Cancer Wisconsin (Diagnostic)",
            "source": "sklearn.datasets.load_breast_cancer",
        },
        "settings": {"model": MODEL, "rows": ROWS, "target": TARGET, **settings},
        "versions": {
            "synthetic-healthcare": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
        "scores": {
            "utility": _interval(report.utility),
            "privacy": _interval(report.privacy),
            "verdict": report.verdict,
            "verdict_reason": report.verdict_reason,
        },
        "model": generator.describe(),
        "files": {name: describe_file(folder / name) for name in FILES},
    }


def _interval(score: Score) -> dict[str, Any]:
    return {"value": score.value, "lower": score.lower, "upper": score.upper, "reason": score.reason}
