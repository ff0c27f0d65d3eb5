"""Real patients: every model learns them, and every figure of the judgement comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator, models
from synthetic_healthcare.evaluation.privacy.nulls import PARTS
from synthetic_healthcare.evaluation.scores import UTILITY_WEIGHTS

Fit = Callable[..., SyntheticDataGenerator]

#: Models that can be fitted without a budget.
FITTABLE = tuple(name for name in models.available() if not models.model_class(name).requires_privacy)


@pytest.fixture(scope="module")
def heart(real_data: Path) -> pd.DataFrame:
    return pd.read_csv(real_data / "heart" / "heart_kaggle_303.csv")


@pytest.fixture(scope="module")
def diabetes(real_data: Path) -> pd.DataFrame:
    whole = pd.read_csv(real_data / "brfss2015" / "diabetes_binary_health_indicators_BRFSS2015.csv.gz")
    return whole.sample(3000, random_state=0).reset_index(drop=True)


def drawn(table: pd.DataFrame, generator: SyntheticDataGenerator) -> pd.DataFrame:
    made = generator.generate()
    assert list(made.columns) == list(table.columns)
    assert made.dtypes.equals(table.dtypes)
    assert not made.isna().any(axis=None)
    for name in table:
        assert made[name].between(table[name].min(), table[name].max()).all(), name
    return made


def judge(table: pd.DataFrame, generator: SyntheticDataGenerator) -> None:
    made = drawn(table, generator)
    report = generator.evaluate(made, table)
    assert report.failed == ()
    # What needs rules, more patients or finer columns than these does not apply; all that is scored does.
    scored = {*UTILITY_WEIGHTS, *PARTS, "copies"}
    assert {one.status for one in report.results if one.name in scored} == {"ok"}
    assert {one.status for one in report.results} <= {"ok", "not_applicable"}
    assert 0 < report["utility_score"] <= 1
    assert 0 < report["privacy_score"] <= 1
    assert report["verdict"] in ("PASS", "FAIL", "INCONCLUSIVE")
    report.to_json()


@pytest.mark.parametrize("name", FITTABLE)
def test_heart_disease(name: str, heart: pd.DataFrame) -> None:
    judge(heart, SyntheticDataGenerator(name, random_state=0).fit(heart, epochs=5, target="target"))


@pytest.mark.parametrize("name", FITTABLE)
def test_diabetes_indicators(name: str, diabetes: pd.DataFrame, quick_fit: Fit) -> None:
    generator = quick_fit(diabetes, name, target="Diabetes_binary")
    # The report is the same work whatever made the rows: once is enough on the larger table.
    (judge if name == "autoregressive" else drawn)(diabetes, generator)
