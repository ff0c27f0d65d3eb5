"""Tables that tests of several folders fit: made here, row by row, of nobody's data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

MakeTable = Callable[..., pd.DataFrame]

CODES = ("I10", "E11.9", "N18.3", "J44.1")


def _plain(rows: int = 120, *, seed: int = 0) -> pd.DataFrame:
    """Four columns that any model learns at once: a count, a measurement, a category and an outcome."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, rows)
    pressure = np.round(90 + 0.6 * age + rng.normal(0, 8, rows), 1)
    return pd.DataFrame(
        {
            "age": age,
            "pressure": pressure,
            "ward": rng.choice(["north", "south", "east"], rows, p=[0.5, 0.3, 0.2]),
            "outcome": np.where(pressure + rng.normal(0, 10, rows) > 125, "ill", "well"),
        }
    )


def _clinical(rows: int = 260, *, seed: int = 0) -> pd.DataFrame:
    """Visits as clinics hold them: every kind of column, dtypes of every family, a laboratory panel."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(1, 1 + rows * 2 // 3, rows)
    drawn = rng.random(rows) < 0.7
    sodium = np.where(drawn, np.round(rng.normal(139, 3, rows)), np.nan)
    crp = np.round(rng.lognormal(1, 1, rows), 1)
    admitted = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D")
    seen = admitted.tz_localize("Europe/Vienna") + pd.to_timedelta(rng.integers(8 * 60, 1080, rows), unit="min")
    age = rng.integers(18, 95, rows)
    return pd.DataFrame(
        {
            "patient_id": patient,
            "visit_id": [f"V{number:05d}" for number in rng.permutation(rows)],
            "age": pd.array(np.where(rng.random(rows) < 0.1, -1, age), dtype="Int64"),
            "sex": pd.Categorical(rng.choice(["F", "M"], rows)),
            "ward": rng.choice(["north", "south", "east"], rows),
            "stage": pd.Categorical(rng.choice(["I", "II", "III"], rows), ["I", "II", "III"], ordered=True),
            "smoker": rng.random(rows) < 0.3,
            "admitted": admitted.as_unit("s"),
            "seen": seen.as_unit("us"),
            "sodium": sodium,
            "potassium": np.where(drawn, np.round(rng.normal(4.1, 0.4, rows), 1), np.nan).astype("float32"),
            "crp": pd.Series(["<0.5" if value < 0.5 else f"{value:.1f}" for value in crp], dtype=object),
            "diagnoses": [";".join(code for code in CODES if rng.random() < 0.4) for _ in range(rows)],
            "dose": pd.array(np.round(rng.gamma(2, 20, rows), 1), dtype="double[pyarrow]"),
            "nights": np.where(rng.random(rows) < 0.5, 0, rng.poisson(6, rows) + 1).astype("int16"),
            "died": np.where(age + rng.normal(0, 15, rows) > 75, 1, 0),
        }
    ).assign(age=lambda frame: frame["age"].mask(frame["age"] < 0), diagnoses=lambda f: f["diagnoses"].replace("", "Z00"))


@pytest.fixture(scope="session")
def plain_table() -> MakeTable:
    """Return a maker of small tables: `plain_table(rows, seed=0)`."""
    return _plain


@pytest.fixture(scope="session")
def clinical_table() -> MakeTable:
    """Return a maker of tables with every kind of column: `clinical_table(rows, seed=0)`."""
    return _clinical


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real tables; tests that need one are skipped where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real tables in {folder}; set SYNTHETIC_HEALTHCARE_DATA to their folder")
    return folder
