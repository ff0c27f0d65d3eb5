"""Two full reports on an open table: of a generator as it should be, and of one that was made to leak.

    python examples/reports.py

The table is the Diabetes Health Indicators of the CDC's telephone survey of 2015 (BRFSS, public domain),
looked for in the folder that SYNTHETIC_HEALTHCARE_DATA names (default: ../shared/data); where it is not
there, the diabetes study that ships with scikit-learn (Efron et al. 2004) takes its place. What is written to
examples/reports/ is the release view of each report: no row of the table is in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from synthetic_healthcare import EvaluationReport, SyntheticDataGenerator
from synthetic_healthcare.evaluation.comparison import Comparison, Entry

ROOT: Final = Path(__file__).resolve().parents[1]
OUT: Final = ROOT / "examples" / "reports"
_FILE: Final = Path("brfss2015") / "diabetes_binary_health_indicators_BRFSS2015.csv.gz"
_ROWS: Final = 8_000


def main() -> None:
    """Fit, draw, leak, judge, write."""
    patients, name = open_table()
    # Half is kept aside: the interval of a privacy score is as narrow as there are held-out patients.
    half = len(patients) // 2
    train, holdout = patients.iloc[:half].reset_index(drop=True), patients.iloc[half:].reset_index(drop=True)
    generator = SyntheticDataGenerator("copula", random_state=0)
    generator.fit(train, target="diabetes", holdout=holdout)
    good = generator.generate(random_state=0)
    reports = {
        "good": generator.evaluate(good, train, holdout=holdout),
        "leaking": generator.evaluate(leaking(good, train), train, holdout=holdout),
    }
    OUT.mkdir(exist_ok=True)
    for what, report in reports.items():
        write(report.release(), what)
        scores = ", ".join(f"{score} {report[f'{score}_score']:.2f}" for score in report.scores)
        print(f"{what}, {name}: {report.verdict}, {scores}")
    entries = tuple(Entry(what, report.release()) for what, report in reports.items())
    Comparison(entries).to_html(OUT / "comparison.html")


def open_table() -> tuple[pd.DataFrame, str]:
    """The table and its name."""
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", ROOT.parent / "shared" / "data"))
    if (folder / _FILE).exists():
        table = pd.read_csv(folder / _FILE).sample(_ROWS, random_state=0).reset_index(drop=True)
        table["Sex"] = np.where(table["Sex"] == 1, "male", "female")
        # Thirteen classes of age: 18 to 24, then five years each.
        table["Age"] = np.where(table["Age"] == 1, 21, 17 + 5 * table["Age"]).astype(int)
        table["diabetes"] = np.where(table.pop("Diabetes_binary") == 1, "yes", "no")
        return table, "BRFSS 2015"
    from sklearn.datasets import load_diabetes

    table = load_diabetes(as_frame=True, scaled=False).frame
    table["sex"] = np.where(table["sex"] == 1, "female", "male")
    table["diabetes"] = np.where(table.pop("target") > 140, "progressed", "stable")
    return table, "scikit-learn's diabetes study"


def leaking(good: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Give out every seventh row as it was given in: the fault that no look at distributions shows."""
    rows = good.copy()
    taken = np.arange(0, len(rows), 7)
    rows.iloc[taken] = train.sample(len(taken), random_state=1).to_numpy()
    return rows.astype(good.dtypes.to_dict())


def write(report: EvaluationReport, name: str) -> None:
    """One page, one Markdown, one JSON."""
    report.to_html(OUT / f"{name}.html")
    (OUT / f"{name}.md").write_text(report.to_markdown(), encoding="utf-8")
    (OUT / f"{name}.json").write_text(report.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
