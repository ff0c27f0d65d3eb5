"""The hold-out and what is judged against it: nobody is on both sides, and the sides are found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from synthetic_healthcare import Schema, SyntheticDataGenerator
from synthetic_healthcare.errors import ConfigError, DataError, EvaluationError
from synthetic_healthcare.fitted import Fitted
from synthetic_healthcare.judged import JudgedTables
from synthetic_healthcare.tables import fingerprint

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]


@pytest.fixture(scope="module")
def table(plain_table: MakeTable) -> pd.DataFrame:
    return plain_table(240)


@pytest.fixture(scope="module")
def generator(table: pd.DataFrame, quick_fit: Fit) -> SyntheticDataGenerator:
    return quick_fit(table, target="outcome")


@pytest.fixture(scope="module")
def synthetic(generator: SyntheticDataGenerator) -> pd.DataFrame:
    made: pd.DataFrame = generator.generate(200, random_state=0)
    return made


def split(generator: SyntheticDataGenerator, real: pd.DataFrame, path: Path) -> tuple[set[int], set[int]]:
    """Ages tell the rows apart: those that were learnt, and those that were not, read from a saved model."""
    generator.save(path)
    made = generator.generate(10, random_state=0)
    judged = JudgedTables.of(Fitted.read(path), made, real, holdout=None)
    assert judged.holdout is not None
    assert len(judged.train) + len(judged.holdout) == len(real)
    return set(judged.train["age"]), set(judged.holdout["age"])


def numbered(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"age": np.arange(1000, 1000 + 2 * rows, 2)[rng.permutation(rows)], "x": rng.random(rows)}
    )


def test_the_holdout_is_about_its_share_and_was_not_learnt(quick_fit: Fit, tmp_path: Path) -> None:
    frame = numbered(500)
    generator = quick_fit(frame)
    learnt, aside = split(generator, frame, tmp_path / "model.shm")
    assert learnt.isdisjoint(aside)
    assert 60 <= len(aside) <= 140
    assert generator.describe()["rows"] == {"table": 500, "train": len(learnt), "holdout": len(aside)}


def test_the_model_depends_on_the_learnt_rows_only(quick_fit: Fit, tmp_path: Path) -> None:
    """Fitted to the learnt rows alone, the encoder and the networks come out the same."""
    frame = numbered(300)
    generator = quick_fit(frame)
    learnt, _ = split(generator, frame, tmp_path / "model.shm")
    alone = quick_fit(frame[frame["age"].isin(learnt)].reset_index(drop=True), holdout=0)
    assert alone.generate(100, random_state=1).equals(generator.generate(100, random_state=1))


def test_equal_rows_stay_on_one_side(quick_fit: Fit, tmp_path: Path) -> None:
    frame = pd.concat([numbered(100)] * 3, ignore_index=True)
    learnt, aside = split(quick_fit(frame), frame, tmp_path / "model.shm")
    assert learnt.isdisjoint(aside)
    assert aside


def test_a_patients_rows_stay_on_one_side(quick_fit: Fit, tmp_path: Path) -> None:
    frame = numbered(300).assign(patient_id=np.repeat(np.arange(100), 3))
    learnt, aside = split(quick_fit(frame), frame, tmp_path / "model.shm")
    patient = dict(zip(frame["age"], frame["patient_id"], strict=True))
    assert {patient[age] for age in learnt}.isdisjoint({patient[age] for age in aside})
    assert aside


def test_the_sides_are_found_again_in_another_order_and_kind(quick_fit: Fit, tmp_path: Path) -> None:
    frame = numbered(200)
    generator = quick_fit(frame)
    sides = split(generator, frame, tmp_path / "model.shm")
    shuffled = frame.sample(frac=1, random_state=3)[["x", "age"]]
    assert split(generator, shuffled, tmp_path / "model.shm") == sides
    frame.to_csv(tmp_path / "patients.csv", index=False)
    assert split(generator, pd.read_csv(tmp_path / "patients.csv"), tmp_path / "model.shm") == sides


def test_another_seed_is_another_split(quick_fit: Fit, tmp_path: Path) -> None:
    frame = numbered(200)
    first, second = (split(quick_fit(frame, seed=seed), frame, tmp_path / "m.shm") for seed in (0, 1))
    assert first != second


def test_evaluate_finds_the_holdout_again_after_load(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame, tmp_path: Path
) -> None:
    report = generator.evaluate(synthetic, table)
    generator.save(tmp_path / "model.shm")
    again = SyntheticDataGenerator.load(tmp_path / "model.shm").evaluate(synthetic, pl.from_pandas(table))
    assert again.to_json() == report.to_json()
    assert report["privacy_score"] is not None
    assert report.context["notes"][0].startswith("No formal guarantee")
    assert report.figures


def test_a_large_tables_report_says_that_rows_were_chosen(plain_table: MakeTable, quick_fit: Fit) -> None:
    """The generator's notes are added to those of the judge; they do not take their place."""
    frame = plain_table(500)
    generator = quick_fit(frame)
    report = generator.evaluate(generator.generate(5200), frame)
    assert any("5,200 rows, of which 5,000 were judged" in note for note in report.context["notes"])
    assert any("No formal guarantee" in note for note in report.context["notes"])


def test_with_no_holdout_there_is_no_privacy_score_but_a_reason(table: pd.DataFrame, quick_fit: Fit) -> None:
    generator = quick_fit(table, holdout=0)
    assert generator.describe()["rows"] == {"table": 240, "train": 240, "holdout": 0}
    report = generator.evaluate(generator.generate(100), table)
    assert report["privacy_score"] is None
    assert "no hold-out" in report["privacy_reason"]
    assert report["verdict"] == "NOT AVAILABLE"
    assert report.failed == ()


def test_a_table_of_other_patients_is_a_holdout(
    table: pd.DataFrame, plain_table: MakeTable, quick_fit: Fit
) -> None:
    others = plain_table(80, seed=5)
    generator = quick_fit(table, holdout=others)
    assert generator.describe()["rows"] == {"table": 240, "train": 240, "holdout": 80}
    made = generator.generate(100)
    assert generator.evaluate(made, table, holdout=others)["privacy_score"] is not None
    assert generator.evaluate(made, table)["privacy_score"] is None


@pytest.mark.parametrize(
    ("holdout", "message"),
    [
        (1.0, "from 0 to below 1"),
        (-0.1, "from 0 to below 1"),
        (float("nan"), "from 0 to below 1"),
        (None, "0: none"),
        (True, "0: none"),
    ],
)
def test_shares_that_are_none(holdout: Any, message: str, table: pd.DataFrame, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match=message):
        quick_fit(table, holdout=holdout)


def test_a_holdout_that_leaves_too_little_to_learn_is_refused(plain_table: MakeTable, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match=r"hold-out of 0\.9 leaves \d+ rows.*at least 30"):
        quick_fit(plain_table(60), holdout=0.9)


def test_too_few_patients_are_refused_however_many_rows_they_have(
    plain_table: MakeTable, quick_fit: Fit
) -> None:
    frame = plain_table(240).assign(patient_id=np.arange(240) // 12)
    with pytest.raises(DataError, match=r"'patient_id' names \d+ patients.*at least 30"):
        quick_fit(frame)
    schema = Schema.infer(frame).with_column("patient_id", role="identifier")
    assert len(quick_fit(frame, schema=schema).generate(20)) == 20


def test_a_holdout_of_other_columns_is_refused_before_training(table: pd.DataFrame, quick_fit: Fit) -> None:
    with pytest.raises(DataError, match=r"hold-out table lacks the columns \['ward'\]"):
        quick_fit(table, holdout=table.drop(columns="ward").head(60))


def test_the_learnt_rows_are_no_holdout(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame, quick_fit: Fit
) -> None:
    """Members judged as if they were strangers would look perfectly private."""
    with pytest.raises(DataError, match="hold-out is the table to learn"):
        quick_fit(table, holdout=table.sample(frac=1, random_state=0))
    with pytest.raises(EvaluationError, match="hold-out is the table that was learnt"):
        generator.evaluate(synthetic, table, holdout=table)


def test_swapped_arguments_are_refused(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame
) -> None:
    with pytest.raises(EvaluationError, match="may be swapped"):
        generator.evaluate(table, synthetic)
    with pytest.raises(EvaluationError, match="may be swapped"):
        generator.evaluate(table.sample(frac=1, random_state=0), table)


def test_a_foreign_table_is_refused(
    generator: SyntheticDataGenerator,
    table: pd.DataFrame,
    synthetic: pd.DataFrame,
    plain_table: MakeTable,
) -> None:
    changed = table.copy()
    changed.loc[0, "pressure"] += 0.1
    for foreign in (plain_table(240, seed=9), table.iloc[1:], changed):
        with pytest.raises(EvaluationError, match="not the one given to fit"):
            generator.evaluate(synthetic, foreign)


def test_the_learnt_rows_alone_have_no_holdout(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame, tmp_path: Path
) -> None:
    generator.save(tmp_path / "model.shm")
    fitted = Fitted.read(tmp_path / "model.shm")
    learnt = JudgedTables.of(fitted, synthetic, table, holdout=None).train
    alone = JudgedTables.of(fitted, synthetic, learnt, holdout=None)
    assert alone.holdout is None
    assert fingerprint(alone.train) == fingerprint(learnt)


def test_keywords_name_the_tables(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame
) -> None:
    report = generator.evaluate(real=table, synthetic=synthetic, seed=3)
    assert report.context["options"]["seed"] == 3


def test_a_target_given_to_fit_is_what_utility_predicts(
    generator: SyntheticDataGenerator, table: pd.DataFrame, synthetic: pd.DataFrame, quick_fit: Fit
) -> None:
    assert generator.evaluate(synthetic, table)["tstr"] is not None
    untargeted = quick_fit(table, schema=Schema.infer(table))
    results = {one.name: one for one in untargeted.evaluate(untargeted.generate(100), table).results}
    assert results["tstr"].status == "not_applicable"
    assert "target" in results["tstr"].reason
