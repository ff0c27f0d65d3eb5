"""A simulated hospital table with known structure, and the synthetic tables whose scores are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.schema.schema import Schema

NUMBERS = ["age", "bmi", "creatinine", "glucose", "sbp", "stay_days"]


def simulate(rows: int, *, seed: int) -> pd.DataFrame:
    """Eleven mixed columns that depend on one another, and on whether the patient died."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.normal(62, 15, rows), 18, 99).round()
    sex = rng.choice(["F", "M"], rows)
    bmi = 27 + 0.03 * (age - 60) + rng.normal(0, 4.5, rows)
    diabetic = rng.random(rows) < 1 / (1 + np.exp(-(-2.2 + 0.12 * (bmi - 27) + 0.03 * (age - 60))))
    glucose = np.exp(rng.normal(4.6, 0.15, rows) + 0.45 * diabetic)
    sbp = 120 + 0.45 * (age - 60) + 0.8 * (bmi - 27) + rng.normal(0, 12, rows)
    smoker = rng.choice(["never", "former", "current"], rows, p=[0.5, 0.3, 0.2])
    creatinine = np.exp(0.012 * (age - 60) + 0.15 * (sex == "M") + rng.normal(0, 0.25, rows))
    severity = 0.05 * (age - 60) + 1.2 * (creatinine - 1) + 0.5 * diabetic + 0.6 * (smoker == "current")
    unit = np.where(severity + rng.normal(0, 1, rows) > 1, "icu", rng.choice(["medical", "surgical"], rows))
    died = (severity + 0.9 * (unit == "icu") + rng.logistic(0, 0.8, rows)) > 1.6
    stay = np.exp(1.2 + 0.25 * severity + rng.normal(0, 0.5, rows))
    return pd.DataFrame(
        {
            "age": age,
            "sex": sex,
            "bmi": bmi,
            "diabetic": np.where(diabetic, "yes", "no"),
            "glucose": np.where(rng.random(rows) < 0.1, np.nan, glucose),
            "sbp": sbp,
            "smoker": smoker,
            "creatinine": creatinine,
            "unit": unit,
            "stay_days": stay,
            "died": np.where(died, "yes", "no"),
        }
    )


def make(kind: str, train: pd.DataFrame, *, seed: int = 7) -> pd.DataFrame:
    """One of the synthetic tables whose scores are known, as many rows as the training table."""
    rng = np.random.default_rng(seed)
    n = len(train)
    if kind.startswith("copied "):
        share = int(kind.split()[1]) / 100
        fresh = simulate(n, seed=9_000 + seed)
        taken = train.sample(n=round(share * n), random_state=seed)
        return pd.concat([taken, fresh.iloc[: n - len(taken)]], ignore_index=True)
    return {
        "copy": lambda: train.copy(),
        "shuffled copy": lambda: train.sample(frac=1, random_state=seed).reset_index(drop=True),
        "noisy copy": lambda: _noisy(train, rng, 0.2),
        "smote": lambda: _smote(train, rng),
        "replay": lambda: (
            train.sample(n=20, random_state=seed).iloc[np.arange(n) % 20].reset_index(drop=True)
        ),
        "fresh": lambda: simulate(n, seed=1_000 + seed),
        "independent": lambda: train.apply(
            lambda column: column.sample(frac=1, random_state=rng.integers(2**31)).to_numpy()
        ),
        "uniform": lambda: _uniform(train, rng),
    }[kind]()


def _noisy(train: pd.DataFrame, rng: np.random.Generator, share: float) -> pd.DataFrame:
    noisy = train.copy()
    for name in NUMBERS:
        noisy[name] = train[name] + share * train[name].std() * rng.normal(size=len(train))
    return noisy


def _smote(train: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    numbers = train[NUMBERS].fillna(train[NUMBERS].median())
    scaled = ((numbers - numbers.mean()) / numbers.std()).to_numpy()
    apart = np.abs(scaled[:, None, :] - scaled[None, :, :]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    neighbour = np.argsort(apart, axis=1)[np.arange(len(train)), rng.integers(5, size=len(train))]
    step = rng.random((len(train), 1))
    mixed = train.copy()
    mixed[NUMBERS] = train[NUMBERS].to_numpy() * (1 - step) + train[NUMBERS].to_numpy()[neighbour] * step
    return mixed


def _uniform(train: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    drawn = {}
    for name in train.columns:
        if name in NUMBERS:
            drawn[name] = rng.uniform(train[name].min(), train[name].max(), len(train))
        else:
            drawn[name] = rng.choice(train[name].unique(), len(train))
    return pd.DataFrame(drawn)


@pytest.fixture(scope="session")
def simulated() -> Callable[..., pd.DataFrame]:
    return simulate


@pytest.fixture(scope="session")
def anchor() -> Callable[..., pd.DataFrame]:
    return make


@pytest.fixture(scope="session")
def hospital() -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    """Training rows, hold-out and schema: 1,000 patients each."""
    everyone = simulate(2_000, seed=0)
    train = everyone.iloc[:1_000].reset_index(drop=True)
    holdout = everyone.iloc[1_000:].reset_index(drop=True)
    return train, holdout, Schema.infer(everyone, target="died")
