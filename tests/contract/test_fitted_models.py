"""Every model behind the facade: a table with all that clinics hold, conditions on it, and its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator, models
from synthetic_healthcare.models._base import ConditionalModel, ImputingModel

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

FITTABLE = tuple(name for name in models.available() if not models.model_class(name).requires_privacy)
IMPUTING = tuple(name for name in FITTABLE if issubclass(models.model_class(name), ImputingModel))
#: CTGAN is asked for a category at a time, and what it draws for one column is not what it draws for another.
EXACT = tuple(
    name for name in FITTABLE if issubclass(models.model_class(name), ConditionalModel) and name != "ctgan"
)
CONDITIONS = {"sex": "F", "age": (">=", 50), "sodium": ("not missing",), "diagnoses": "I10"}


@pytest.fixture(scope="module", params=FITTABLE)
def generator(
    request: pytest.FixtureRequest, clinical_table: MakeTable, quick_fit: Fit
) -> SyntheticDataGenerator:
    table = clinical_table(400).assign(site="Vienna", never=np.nan)
    return quick_fit(table, request.param, target="died", epochs=2)


def test_conditions_are_met_by_every_row(generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    rows = generator.generate_conditional(CONDITIONS, 60, random_state=0)
    assert len(rows) == 60
    assert (rows["sex"] == "F").all()
    assert (rows["age"] >= 50).all()
    assert rows["sodium"].notna().all()
    assert rows["diagnoses"].str.split(";").map(lambda codes: "I10" in codes).all()
    (told,) = generator.last_draw.conditions
    assert 0 < told.effective_patients < 400
    generator.save(tmp_path / "model.shm")
    again = SyntheticDataGenerator.load(tmp_path / "model.shm")
    pd.testing.assert_frame_equal(again.generate_conditional(CONDITIONS, 60, random_state=0), rows)


def test_missing_and_constant_columns_come_back_as_they_are(generator: SyntheticDataGenerator) -> None:
    rows = generator.generate(2000, random_state=0)
    assert set(rows["site"]) == {"Vienna"}
    assert rows["never"].isna().all()
    gone = rows["sodium"].isna()
    pd.testing.assert_series_equal(gone, rows["potassium"].isna(), check_names=False)
    assert 0.1 < gone.mean() < 0.6
    assert rows["age"].isna().any()
    assert rows["ward"].notna().all()


@pytest.mark.parametrize("name", EXACT)
def test_rows_drawn_under_conditions_are_distributed_as_those_that_happen_to_meet_them(
    name: str, plain_table: MakeTable, quick_fit: Fit
) -> None:
    generator = quick_fit(plain_table(400), name, target="outcome", epochs=15)
    wanted = {"ward": ["north", "east"], "age": (">=", 60)}
    drawn = generator.generate_conditional(wanted, 3000, random_state=0)
    told = generator.last_draw.conditions[0]
    every = generator.generate(30_000, random_state=1)
    met = every[every["ward"].isin(["north", "east"]) & (every["age"] >= 60)]
    # The learnt probability, and what goes with the conditions, by either way.
    assert told.probability == pytest.approx(len(met) / len(every), rel=0.15)
    for column in ("age", "pressure"):
        scatter = met[column].std()
        assert abs(drawn[column].mean() - met[column].mean()) < 0.15 * scatter, column
    assert (drawn["ward"] == "north").mean() == pytest.approx((met["ward"] == "north").mean(), abs=0.06)
    assert (drawn["outcome"] == "ill").mean() == pytest.approx((met["outcome"] == "ill").mean(), abs=0.08)


@pytest.mark.parametrize("name", IMPUTING)
def test_gaps_are_filled_given_what_is_there(name: str, plain_table: MakeTable, quick_fit: Fit) -> None:
    table = plain_table(600)
    generator = quick_fit(table, name, epochs=30)
    rng = np.random.default_rng(0)
    holes = table.copy()
    for column in ("age", "pressure", "ward"):
        holes[column] = holes[column].mask(rng.random(len(table)) < 0.3)
    filled = generator.impute(holes, random_state=0)
    assert not filled.isna().any(axis=None)
    for column in table:
        kept = holes[column].notna()
        assert (filled.loc[kept, column] == holes.loc[kept, column]).all(), column
    # Pressure follows age in this table: a gap in one is filled by what the other says.
    gap = holes["pressure"].isna() & holes["age"].notna()
    assert np.corrcoef(filled.loc[gap, "pressure"], table.loc[gap, "age"])[0, 1] > 0.5
    pd.testing.assert_frame_equal(generator.impute(holes, random_state=0), filled)
