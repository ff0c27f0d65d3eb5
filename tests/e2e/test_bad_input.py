"""What users give by mistake: each ends in an error that names the column, or in a repair that is said."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import Schema, SyntheticDataGenerator
from synthetic_healthcare.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    EvaluationError,
    NotFittedError,
    RejectColumn,
    SchemaError,
    SyntheticHealthcareError,
)
from synthetic_healthcare.fitted import Fitted

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]
ROWS = 120


@pytest.fixture
def table(plain_table: MakeTable) -> pd.DataFrame:
    return plain_table(ROWS)


@pytest.fixture(scope="module")
def generator(plain_table: MakeTable, quick_fit: Fit) -> SyntheticDataGenerator:
    return quick_fit(plain_table(ROWS))


def renamed(frame: pd.DataFrame, *names: Any) -> pd.DataFrame:
    return frame.set_axis(pd.Index(names, dtype=object, tupleize_cols=False), axis=1)


def notes(generator: SyntheticDataGenerator) -> str:
    return "\n".join(generator.describe()["notes"])


# Tables that cannot be learnt


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda t: t.iloc[:0], DataError, "no rows"),
        (lambda t: t[[]], DataError, "no columns"),
        (lambda t: t.iloc[:49], DataError, "49 rows and at least 50"),
        (lambda t: t[["age"]], DataError, "one column, 'age'"),
        (lambda t: renamed(t, "age", "age", "ward", "outcome"), SchemaError, "duplicate column names: 'age'"),
        (lambda t: renamed(t, "age", 5, "ward", "outcome"), SchemaError, "column 1 is int, not text"),
        (lambda t: renamed(t, "age", "blood\npressure", "w", "o"), SchemaError, "column 1 .* several lines"),
        (lambda t: renamed(t, "age", " ", "ward", "outcome"), SchemaError, "column 1 has a blank name"),
        (lambda t: t.mask(t.notna()), DataError, "all values of all 4 columns are missing"),
        (lambda t: t[["ward"]].assign(ward="north", site="A"), DataError, "holds anything to learn"),
        (lambda t: t.assign(dose=[np.inf, 1.5] * 60), DataError, r"infinite values in 'dose' \(60\)"),
        (lambda t: t.assign(dose=[1.7e308, 1.5] * 60), DataError, r"values beyond 1e100 in 'dose' \(60\)"),
        (lambda t: t.assign(lab=pd.Series([7, "bad"] * 60, dtype=object)), DataError, "mixed in 'lab'"),
        (lambda t: t.assign(note=[f"he said {i} is fine" for i in range(ROWS)]), RejectColumn, "'note'"),
        (lambda t: t.assign(wait=pd.to_timedelta(range(ROWS), unit="h")), RejectColumn, "'wait'.*durations"),
        (lambda t: t.assign(pair=[{"a": 1}] * ROWS), RejectColumn, "'pair'"),
        (lambda t: t.assign(z=[1 + 1j] * ROWS), RejectColumn, "'z'"),
        (lambda t: t.to_dict(), DataError, "not a dict"),
    ],
)
def test_a_table_that_cannot_be_learnt(
    spoil: Callable[[pd.DataFrame], Any],
    error: type[SyntheticHealthcareError],
    message: str,
    table: pd.DataFrame,
) -> None:
    with pytest.raises(error, match=message):
        SyntheticDataGenerator("beta-vae").fit(spoil(table), epochs=1)


def test_fifty_rows_are_enough(plain_table: MakeTable, quick_fit: Fit) -> None:
    assert len(quick_fit(plain_table(50)).generate(20)) == 20


@pytest.mark.parametrize("value", ["constant text", 7, 2.5, True, pd.Timestamp("2020-01-01"), np.nan, None])
def test_constant_and_empty_columns_come_back_as_they_are(
    value: Any, table: pd.DataFrame, quick_fit: Fit
) -> None:
    table["same"] = pd.Series([value] * ROWS)
    made = quick_fit(table).generate(30)
    assert made["same"].dtype == table["same"].dtype
    assert made["same"].equals(table["same"].head(30))


# Targets


def test_a_target_that_is_not_there(table: pd.DataFrame, quick_fit: Fit) -> None:
    with pytest.raises(SchemaError, match=r"'outcom'.*outcome"):
        quick_fit(table, target="outcom")


def test_a_target_of_one_class(table: pd.DataFrame, quick_fit: Fit) -> None:
    with pytest.raises(DataError, match="target 'outcome' has one value only"):
        quick_fit(table.assign(outcome="ill"), target="outcome")
    with pytest.raises(DataError, match="target 'outcome' has no value"):
        quick_fit(table.assign(outcome=np.nan), target="outcome")


def test_a_target_whose_rare_class_cannot_be_protected(table: pd.DataFrame, quick_fit: Fit) -> None:
    table.loc[[3, 4], "outcome"] = "transferred"
    with pytest.raises(RejectColumn, match=r"'outcome'.*classes is held by [12] rows") as caught:
        quick_fit(table, target="outcome", holdout=0)
    assert "transferred" not in str(caught.value)


# Categories


def test_more_categories_than_rows(table: pd.DataFrame, quick_fit: Fit) -> None:
    """The dtype lists a thousand wards; the rows hold three of them."""
    listed = [f"ward {number}" for number in range(1000)]
    table["ward"] = pd.Categorical([listed[number % 3] for number in range(ROWS)], categories=listed)
    made = quick_fit(table).generate(50)
    assert set(made["ward"]) <= set(listed[:3])


def test_a_category_for_every_row_is_an_identifier_or_refused(table: pd.DataFrame, quick_fit: Fit) -> None:
    table["code"] = [f"X{number:04d}" for number in range(ROWS)]
    made = quick_fit(table).generate(50)
    assert set(made["code"]).isdisjoint(table["code"])
    schema = Schema.infer(table).with_column("code", kind="categorical")
    with pytest.raises(RejectColumn, match=r"'code': only 0 of \d+ rows"):
        quick_fit(table, schema=schema)


def test_ten_thousand_categories() -> None:
    rng = np.random.default_rng(0)
    for rows, message in ((20_000, "only .* of .* rows hold a category"), (100_000, "more than 1000")):
        frame = pd.DataFrame({"place": rng.integers(0, 10_000, rows), "age": rng.integers(0, 90, rows)})
        frame["place"] = "P" + frame["place"].astype(str)
        with pytest.raises(RejectColumn, match=f"column 'place': .*{message}"):
            SyntheticDataGenerator("beta-vae").fit(frame, epochs=1)


def test_rare_categories_are_resampled_and_it_is_said(table: pd.DataFrame, quick_fit: Fit) -> None:
    table.loc[[1, 5], "ward"] = "roof"
    generator = quick_fit(table, holdout=0)
    assert "'ward': categories held by fewer than 5 rows are resampled (1 of them, in 2 rows)" in notes(
        generator
    )
    assert "roof" not in set(generator.generate(2000)["ward"])


# Numbers and dates at the edges


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "object"])
def test_integers_beyond_doubles_are_identifiers_or_refused(
    dtype: str, table: pd.DataFrame, quick_fit: Fit
) -> None:
    table["serial"] = pd.Series([2**60 + 7 * number for number in range(ROWS)], dtype=dtype)
    made = quick_fit(table).generate(40)
    assert str(made["serial"].dtype) == dtype
    assert made["serial"].is_unique
    table["serial"] = pd.Series([2**60 + number % 9 for number in range(ROWS)], dtype=dtype)
    with pytest.raises(RejectColumn, match=r"'serial': .*beyond 2\*\*53"):
        quick_fit(table)


def test_the_largest_exact_integers_stay_exact(table: pd.DataFrame, quick_fit: Fit) -> None:
    table["large"] = 2**53 - np.arange(ROWS) * 1000
    made = quick_fit(table).generate(200)["large"]
    assert made.dtype == "int64"
    assert made.between(table["large"].min(), table["large"].max()).all()


@pytest.mark.parametrize("form", ["datetime64[s]", "datetime64[us]", "text", "object"])
@pytest.mark.parametrize(("first", "years"), [("1402-05-01", 10), ("1700-01-01", 330)])
def test_dates_before_1677_and_centuries_apart(
    form: str, first: str, years: int, table: pd.DataFrame, quick_fit: Fit
) -> None:
    """Nanoseconds hold 1677 to 2262 only; other units, texts and Python's dates hold what history needs."""
    step = np.timedelta64(years * 365 // ROWS, "D")
    days = (np.datetime64(first, "s") + np.arange(ROWS) * step).astype("datetime64[s]")
    columns = {
        "text": pd.Series(days.astype("datetime64[D]").astype(str)),
        "object": pd.Series([dt.date.fromisoformat(str(day)[:10]) for day in days], dtype=object),
    }
    table["born"] = columns.get(form, pd.Series(days.astype(form) if "date" in form else days))
    made = quick_fit(table).generate(60)["born"]
    assert made.dtype == table["born"].dtype
    assert table["born"].min() <= made.min()
    assert made.max() <= table["born"].max()
    assert type(made.iloc[0]) is type(table["born"].iloc[0])


# The judgement


@pytest.fixture(scope="module")
def synthetic(generator: SyntheticDataGenerator) -> pd.DataFrame:
    made: pd.DataFrame = generator.generate(100, random_state=0)
    return made


def test_unseen_categories_are_judged_not_refused(
    generator: SyntheticDataGenerator, synthetic: pd.DataFrame, table: pd.DataFrame
) -> None:
    as_made = generator.evaluate(synthetic, table)
    changed = generator.evaluate(synthetic.assign(ward="elsewhere"), table)
    assert changed.failed == ()
    assert changed["marginals"] < as_made["marginals"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.drop(columns="ward"), r"synthetic table lacks the columns \['ward'\]"),
        (lambda s: s.assign(extra=1), r"synthetic table has the columns \['extra'\]"),
        (
            lambda s: pd.concat([s, s[["age"]]], axis=1),
            r"synthetic table has columns of the same name: \['age'\]",
        ),
        (lambda s: s.iloc[:0], "synthetic table has no rows"),
        (lambda s: s.assign(age="old"), "column 'age': 100 of 100 cells are not numbers"),
        (lambda s: s.assign(pressure=np.inf), "column 'pressure': 100 of 100 values are infinite"),
    ],
)
def test_a_synthetic_table_that_does_not_fit(
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
    generator: SyntheticDataGenerator,
    synthetic: pd.DataFrame,
    table: pd.DataFrame,
) -> None:
    with pytest.raises(EvaluationError, match=message):
        generator.evaluate(spoil(synthetic), table)


def test_columns_in_another_order_are_the_same_table(
    generator: SyntheticDataGenerator, synthetic: pd.DataFrame, table: pd.DataFrame
) -> None:
    turned = generator.evaluate(synthetic[synthetic.columns[::-1]], table)
    assert turned["utility_score"] == generator.evaluate(synthetic, table)["utility_score"]


def test_the_order_of_arguments(
    generator: SyntheticDataGenerator, synthetic: pd.DataFrame, table: pd.DataFrame
) -> None:
    with pytest.raises(EvaluationError, match=r"swapped.*evaluate\(synthetic, real\)"):
        generator.evaluate(table, synthetic)


# Asking for rows


@pytest.mark.parametrize("rows", [0, -1, -(10**7), 2.5, "10", float("nan")])
def test_numbers_of_rows_that_are_none(rows: Any, generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="n_samples must be"):
        generator.generate(rows)
    with pytest.raises(ConfigError, match="n_samples must be"):
        generator.generate_to(tmp_path / "rows.csv", rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"epochs": -3}, {"max_seconds": 0}])
def test_lengths_of_training_that_are_none(
    settings: dict[str, Any], table: pd.DataFrame, quick_fit: Fit
) -> None:
    with pytest.raises(ConfigError, match=rf"model\.training\.{next(iter(settings))}"):
        quick_fit(table, **settings)


def test_nothing_is_done_before_fit(table: pd.DataFrame, tmp_path: Path) -> None:
    generator = SyntheticDataGenerator()
    for purpose, ask in {
        "generate": lambda: generator.generate(5),
        "generate_to": lambda: generator.generate_to(tmp_path / "rows.csv", 5),
        "save": lambda: generator.save(tmp_path / "model.shm"),
        "evaluate": lambda: generator.evaluate(table, table),
        "describe": generator.describe,
    }.items():
        with pytest.raises(NotFittedError, match=rf"{purpose} needs a fitted generator: call fit"):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_a_fit_that_fails_leaves_the_last_one(plain_table: MakeTable, quick_fit: Fit) -> None:
    generator = quick_fit(plain_table())
    with pytest.raises(DataError):
        generator.fit(plain_table(10))
    assert len(generator.generate(5)) == 5


# Files


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1])
def test_a_truncated_model_file(keep: float, generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    path = tmp_path / "model.shm"
    generator.save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if 0 < keep < 1 else int(keep)])
    with pytest.raises(ArtifactError, match=re.escape(str(path))):
        SyntheticDataGenerator.load(path)


def test_a_checkpoint_is_no_model(table: pd.DataFrame, quick_fit: Fit, tmp_path: Path) -> None:
    quick_fit(table, checkpoint=tmp_path)
    (file,) = tmp_path.iterdir()
    with pytest.raises(ArtifactError, match="holds no fitted model"):
        SyntheticDataGenerator.load(file)


_FULL_DISK = """
import resource, sys
from synthetic_healthcare import SyntheticDataGenerator
generator = SyntheticDataGenerator.load(sys.argv[1])
soft = 5_000
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for write in (
    lambda: generator.save("old.shm"),
    lambda: generator.generate_to("old.csv", 50_000),
    lambda: generator.generate_to("old.parquet", 50_000),
    lambda: generator.generate_to("new.csv.gz", 50_000),
):
    try:
        write()
    except (OSError, ValueError) as problem:
        print(type(problem).__name__, problem)
    else:
        print("written?")
"""


def test_a_full_disk_keeps_the_old_files(generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a disk without room: writing fails half way."""
    generator.save(tmp_path / "model.shm")
    old = [tmp_path / f"old{ending}" for ending in (".shm", ".csv", ".parquet")]
    for path in old:
        path.write_text("as it was")
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, "model.shm"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["ArtifactError", "OSError", "OSError", "OSError"], told
    assert all("File too large" in line for line in told)
    assert "unchanged" in told[0]
    assert [path.read_text() for path in old] == ["as it was"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["model.shm", *(p.name for p in old)])
    assert Fitted.read(tmp_path / "model.shm").schema.names
