"""`SyntheticDataGenerator` as its user meets it: tables in and out, seeds, the hold-out, the judgement."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from synthetic_healthcare import Schema, SyntheticDataGenerator, models
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.sampling.draw import CHUNK
from synthetic_healthcare.tables import read_table, write_table

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

#: Models that can be fitted without a budget.
FITTABLE = tuple(name for name in models.available() if not models.model_class(name).requires_privacy)


def same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    return first.equals(second) and list(first.columns) == list(second.columns)


def saved(generator: SyntheticDataGenerator, path: Path) -> bytes:
    generator.save(path)
    return path.read_bytes()


# Tables of every kind


@pytest.mark.parametrize("name", FITTABLE)
def test_a_clinical_table_goes_all_the_way(
    name: str, clinical_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    patients = clinical_table()
    untouched = patients.copy(deep=True)
    generator = quick_fit(patients, name, target="died", epochs=3)
    first = generator.generate(300)
    generator.save(tmp_path / "model.shm")
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    again = loaded.generate(300)
    assert same(first, again)
    assert dict(again.dtypes.astype(str)) == dict(patients.dtypes.astype(str))
    assert again["stage"].dtype == patients["stage"].dtype
    assert again["visit_id"].is_unique
    assert set(again["visit_id"]).isdisjoint(patients["visit_id"])
    assert (again["sodium"].isna() == again["potassium"].isna()).all()
    assert again["crp"].str.fullmatch(r"<0\.5|\d+(\.\d)?").all()
    codes = {code for cell in again["diagnoses"] for code in cell.split(";") if code}
    assert codes <= {"I10", "E11.9", "N18.3", "J44.1", "Z00"}
    assert again["seen"].dt.tz == patients["seen"].dt.tz
    pd.testing.assert_frame_equal(patients, untouched)
    report = loaded.evaluate(again, patients)
    assert [result.name for result in report.failed] == []
    assert 0 <= report["utility_score"] <= 1
    assert 0 <= report["privacy_score"] <= 1
    assert report.context["model"] == name
    assert report.context["rows"]["train"] + report.context["rows"]["holdout"] == len(patients)


def _numpy(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "count": rng.integers(0, 100, rows),
        "dose": np.round(rng.gamma(2, 5, rows), 2),
        "site": rng.choice(["a", "b", "c"], rows),
        "ill": rng.random(rows) < 0.5,
    }


PANDAS = {
    "numpy": {"count": "int64", "dose": "float64", "ill": "bool"},
    "small": {"count": "uint8", "dose": "float32", "site": "category"},
    "nullable": {"count": "Int32", "dose": "Float64", "site": "string", "ill": "boolean"},
    "pyarrow": {
        "count": "int64[pyarrow]",
        "dose": "double[pyarrow]",
        "site": "string[pyarrow]",
        "ill": "bool[pyarrow]",
    },
    "object": {"site": "object", "ill": "object"},
}


@pytest.mark.parametrize("dtypes", PANDAS.values(), ids=PANDAS.keys())
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_pandas_columns_keep_their_order_and_dtypes(
    dtypes: dict[str, str], gaps: bool, quick_fit: Fit
) -> None:
    frame = pd.DataFrame(_numpy(120)).astype(dtypes)
    if gaps:
        # Where the dtype cannot hold a gap, the column stays whole.
        gapped = [name for name in frame if str(frame[name].dtype) not in ("int64", "uint8", "bool")]
        for place, name in enumerate(gapped):
            frame.loc[frame.index % 4 == place, name] = None
    made = quick_fit(frame).generate(80)
    assert isinstance(made, pd.DataFrame)
    assert list(made.columns) == list(frame.columns)
    assert made.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    for name in frame:
        assert made[name].isna().any() == frame[name].isna().any()


@pytest.mark.parametrize(
    "dtype", ["datetime64[s]", "datetime64[ns]", "datetime64[us, UTC]", "date32[day][pyarrow]"]
)
def test_instants_keep_their_dtype_and_whole_days(dtype: str, quick_fit: Fit) -> None:
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(
        np.random.default_rng(0).integers(0, 400, 100), unit="D"
    )
    column = pd.Series(days.as_unit("s"))
    if "UTC" in dtype:
        column = column.dt.tz_localize("UTC")
    frame = pd.DataFrame({"seen": column.astype(dtype), "count": range(5, 105)})
    made = quick_fit(frame).generate(60)
    assert str(made["seen"].dtype) == str(frame["seen"].dtype)
    assert (pd.to_datetime(made["seen"]).dt.strftime("%H:%M:%S") == "00:00:00").all()
    assert frame["seen"].min() <= made["seen"].min()
    assert made["seen"].max() <= frame["seen"].max()


@pytest.mark.parametrize("kind", ["polars", "polars-lazy", "arrow", "arrow-batch"])
def test_other_libraries_tables_come_back_in_kind(kind: str, quick_fit: Fit, tmp_path: Path) -> None:
    columns = _numpy(120)
    columns["seen"] = np.datetime64("2021-03-01", "us") + columns["count"] * np.timedelta64(1, "D")
    table = pl.DataFrame(columns).with_columns(pl.col("site").cast(pl.Categorical))
    given: Any = {
        "polars": table,
        "polars-lazy": table.lazy(),
        "arrow": table.to_arrow(),
        "arrow-batch": table.to_arrow().combine_chunks().to_batches()[0],
    }[kind]
    generator = quick_fit(given)
    generator.save(tmp_path / "model.shm")
    made = SyntheticDataGenerator.load(tmp_path / "model.shm").generate(50)
    assert type(made) is type(given)
    if isinstance(made, pl.DataFrame | pl.LazyFrame):
        assert made.collect_schema() == given.collect_schema()
    else:
        assert made.schema.remove_metadata() == given.schema.remove_metadata()
    synthetic = made.collect() if isinstance(made, pl.LazyFrame) else made
    assert (synthetic.height if isinstance(synthetic, pl.DataFrame) else synthetic.num_rows) == 50
    assert isinstance(generator.evaluate(made, given), EvaluationReport)


def test_a_file_is_a_table_too(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    plain_table().to_csv(tmp_path / "patients.csv.gz", index=False)
    generator = quick_fit(tmp_path / "patients.csv.gz")
    assert same(generator.generate(20), quick_fit(plain_table()).generate(20))


def test_a_schema_read_from_a_file_fits_the_table_in_memory(
    clinical_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    """A schema made from the CSV knows other dtypes, and may list the columns in another order."""
    patients = clinical_table()
    patients.to_csv(tmp_path / "patients.csv", index=False)
    schema = Schema.infer(read_table(tmp_path / "patients.csv"), target="died")
    Schema(tuple(reversed(schema.columns))).to_yaml(tmp_path / "schema.yaml")
    generator = quick_fit(patients, schema=tmp_path / "schema.yaml")
    generator.generate_to(tmp_path / "made.parquet", 40, random_state=1)
    for made in (generator.generate(40), read_table(tmp_path / "made.parquet")):
        assert list(made.columns) == list(patients.columns)
    assert generator.generate(40).dtypes.astype(str).to_dict() == patients.dtypes.astype(str).to_dict()


def test_a_declared_schema_is_kept(plain_table: MakeTable, quick_fit: Fit) -> None:
    frame = plain_table()
    schema = Schema.infer(frame).with_column("age", bounds=(40, 60)).with_column("ward", kind="identifier")
    made = quick_fit(frame, schema=schema).generate(500)
    assert made["age"].between(40, 60).all()
    assert made["ward"].is_unique


# Seeds


@pytest.mark.parametrize("name", FITTABLE)
def test_the_same_seed_gives_the_same_bytes(
    name: str, plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    first, second, other = (quick_fit(plain_table(), name, seed=seed) for seed in (3, np.int64(3), 4))
    files = [saved(one, tmp_path / "model.shm") for one in (first, second, other)]
    assert files[0] == files[1]
    assert files[0] != files[2]
    tables = [one.generate(50) for one in (first, second, other)]
    assert same(tables[0], tables[1])
    assert not same(tables[0], tables[2])


def test_without_a_seed_every_fit_is_another_and_remembers_its_own(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    first, second = (quick_fit(plain_table(), seed=None) for _ in range(2))
    made = first.generate(50)
    assert not same(made, second.generate(50))
    first.save(tmp_path / "model.shm")
    assert same(made, SyntheticDataGenerator.load(tmp_path / "model.shm").generate(50))


def test_draws_go_on_from_call_to_call_and_start_again_after_load_and_fit(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    frame = plain_table()
    generator = quick_fit(frame)
    generator.save(tmp_path / "model.shm")
    first, second = generator.generate(50), generator.generate(50)
    assert not same(first, second)
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    assert same(loaded.generate(50), first)
    assert same(loaded.generate(50), second)
    assert same(generator.fit(frame, epochs=1).generate(50), first)


def test_a_draws_own_seed_leaves_the_stream_alone(plain_table: MakeTable, quick_fit: Fit) -> None:
    first, second = (quick_fit(plain_table()) for _ in range(2))
    seeded = first.generate(50, random_state=9)
    assert same(seeded, first.generate(50, random_state=9))
    assert not same(seeded, first.generate(50, random_state=10))
    assert same(first.generate(50), second.generate(50))


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_seeds_that_are_none(seed: Any, plain_table: MakeTable, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match="random_state must be"):
        SyntheticDataGenerator(random_state=seed)
    with pytest.raises(ConfigError, match="random_state must be"):
        quick_fit(plain_table()).generate(5, random_state=seed)


# Numbers of rows, and streams


def test_how_many_rows_come_out(plain_table: MakeTable, quick_fit: Fit) -> None:
    generator = quick_fit(plain_table())
    learnt = generator.describe()["rows"]["train"]
    assert len(generator.generate()) == learnt
    assert len(generator.generate(augmentation_factor=2)) == 2 * learnt
    assert len(generator.generate(10, augmentation_factor=1.5)) == 15
    assert len(generator.generate(np.int64(1), augmentation_factor=0.1)) == 1
    for factor in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="augmentation_factor"):
            generator.generate(10, augmentation_factor=factor)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_streamed_file_holds_what_generate_gives(
    ending: str, clinical_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    generator = quick_fit(clinical_table())
    rows = 300 if ending != ".parquet" else CHUNK + 300
    generator.generate_to(tmp_path / f"streamed{ending}", rows, random_state=2)
    write_table(generator.generate(rows, random_state=2), tmp_path / f"whole{ending}")
    streamed, whole = (read_table(tmp_path / f"{name}{ending}") for name in ("streamed", "whole"))
    assert len(streamed) == rows
    pd.testing.assert_frame_equal(streamed, whole)


def test_a_stream_holds_one_chunk_at_a_time(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthetic_healthcare.tables.writing import TableWriter

    write, seen, most = TableWriter.write, [], 0

    def watched(self: TableWriter, frame: pd.DataFrame) -> None:
        nonlocal most
        seen.append(weakref.ref(frame))
        assert len(frame) <= CHUNK
        most = max(most, sum(one() is not None for one in seen))
        write(self, frame)

    monkeypatch.setattr(TableWriter, "write", watched)
    rows = 8 * CHUNK + 1
    quick_fit(plain_table()).generate_to(tmp_path / "many.parquet", rows)
    assert pa.parquet.read_metadata(tmp_path / "many.parquet").num_rows == rows
    # Where the levers leave rows out, chunks are smaller and there are more of them.
    assert len(seen) >= 9
    assert most <= 2


_ELSEWHERE = """
from synthetic_healthcare import SyntheticDataGenerator
generator = SyntheticDataGenerator("beta-vae", random_state=0)
generator.fit("patients.csv", epochs=1).save("model.shm")
generator.generate_to("made.csv", 100)
"""


def test_another_process_gives_the_same_bytes(
    clinical_table: MakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets of codes are hashed differently in every process; nothing may depend on their order."""
    clinical_table().to_csv(tmp_path / "patients.csv", index=False)
    monkeypatch.chdir(tmp_path)
    exec(compile(_ELSEWHERE, "here", "exec"), {})
    here = [Path(name).read_bytes() for name in ("model.shm", "made.csv")]
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", _ELSEWHERE], env=environment, check=True, timeout=300)
    assert [Path(name).read_bytes() for name in ("model.shm", "made.csv")] == here
