"""Tables that tests of several folders fit: made here, row by row, of nobody's data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

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
    age = rng.integers(18, 95, rows)
    drawn = rng.random(rows) < 0.7
    crp = np.round(rng.lognormal(1, 1, rows), 1)
    admitted = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D")
    seen = admitted.tz_localize("Europe/Vienna") + pd.to_timedelta(rng.integers(480, 1080, rows), unit="min")
    sets = [";".join(code for code in CODES if rng.random() < 0.4) or "Z00" for _ in range(rows)]
    return pd.DataFrame(
        {
            "patient_id": rng.integers(1, 1 + rows * 2 // 3, rows),
            "visit_id": [f"V{number:05d}" for number in rng.permutation(rows)],
            "age": pd.Series(age, dtype="Int64").mask(rng.random(rows) < 0.1),
            "sex": pd.Categorical(rng.choice(["F", "M"], rows)),
            "ward": rng.choice(["north", "south", "east"], rows),
            "stage": pd.Categorical(rng.choice(["I", "II", "III"], rows), ["I", "II", "III"], ordered=True),
            "smoker": rng.random(rows) < 0.3,
            "admitted": admitted.as_unit("s"),
            "seen": seen.as_unit("us"),
            "sodium": np.where(drawn, np.round(rng.normal(139, 3, rows)), np.nan),
            "potassium": np.where(drawn, np.round(rng.normal(4.1, 0.4, rows), 1), np.nan).astype("float32"),
            "crp": pd.Series(["<0.5" if value < 0.5 else f"{value:.1f}" for value in crp], dtype=object),
            "diagnoses": sets,
            "dose": pd.array(np.round(rng.gamma(2, 20, rows), 1), dtype="double[pyarrow]"),
            "nights": np.where(rng.random(rows) < 0.5, 0, rng.poisson(6, rows) + 1).astype("int16"),
            "died": np.where(age + rng.normal(0, 15, rows) > 75, 1, 0),
        }
    )


def _fitted(
    table: object, model: str = "beta-vae", *, seed: int | None = 0, **options: Any
) -> SyntheticDataGenerator:
    """A generator with small networks, fitted for as short a time as it goes."""
    layers = {
        "wgan-gp": {"generator_layers": [16], "discriminator_layers": [16]},
        "ctgan": {"generator_layers": [16], "discriminator_layers": [16]},
        "medgan": {"decoder_layers": [16], "discriminator_layers": [16]},
        **{name: {"encoder_layers": [16], "decoder_layers": [16]} for name in ("beta-vae", "cvae", "wae")},
    }
    generator = SyntheticDataGenerator(model, random_state=seed, architecture=layers.get(model))
    return generator.fit(table, **{"epochs": 1, **options})


@pytest.fixture(scope="session")
def plain_table() -> MakeTable:
    """Return a maker of small tables: `plain_table(rows, seed=0)`."""
    return _plain


@pytest.fixture(scope="session")
def clinical_table() -> MakeTable:
    """Return a maker of tables with every kind of column: `clinical_table(rows, seed=0)`."""
    return _clinical


@pytest.fixture(scope="session")
def quick_fit() -> Fit:
    """Return `fit(table, model="beta-vae", seed=0, **options)`: the shortest fit that is a fit."""
    return _fitted


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real tables; tests that need one are skipped where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real tables in {folder}; set SYNTHETIC_HEALTHCARE_DATA to their folder")
    return folder
