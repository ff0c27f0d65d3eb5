"""Named datasets: their facts agree with the files, and with what is declared of their columns."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator, datasets
from synthetic_healthcare.datasets import About, Dataset, cache, heart
from synthetic_healthcare.datasets.dataset import content_digest
from synthetic_healthcare.datasets.describing import describe
from synthetic_healthcare.datasets.registry import MIMIC
from synthetic_healthcare.errors import DataError, SchemaError
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.public import private_schema, require_declared
from synthetic_healthcare.schema.schema import Schema

FILES = tuple(name for name in datasets.available() if name != MIMIC)
REPEATED = r"302 distinct rows repeated .* meaningless until it is de-duplicated"


@pytest.fixture
def at_home(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real tables are found, and nothing can be fetched."""
    monkeypatch.setenv(cache.LOCAL, str(real_data))
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("synthetic_healthcare.datasets.loading.download", None)
    return real_data


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No real table is on this machine, and nothing can be fetched."""
    monkeypatch.setenv(cache.LOCAL, str(tmp_path / "local"))
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("synthetic_healthcare.datasets.loading.download", None)
    return tmp_path / "local"


def _cleveland(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Made-up patients in the columns and codes of Heart Disease."""
    schema = datasets.recipe("uci-heart").schema
    assert schema is not None
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            column.name: rng.choice(column.categories, rows)
            if column.categories
            else np.round(rng.uniform(*(column.bounds or (0, 1)), rows), column.decimals or 0)
            for column in schema.columns
        }
    )


@pytest.mark.filterwarnings("ignore:uci-heart-1025")
@pytest.mark.parametrize("name", FILES)
def test_every_table_is_what_its_facts_and_its_schema_say(name: str, at_home: Path) -> None:
    found = datasets.load(name)
    facts = datasets.recipe(name)
    assert found.data.shape == (facts.rows, len(facts.columns))
    assert tuple(found.data.columns) == facts.columns == found.schema.names
    for column in found.schema.columns:
        present = found.data[column.name].dropna()
        assert str(found.data[column.name].dtype) == column.dtype, column.name
        assert column.nullable or len(present) == len(found.data), column.name
        assert column.categories is None or set(present) <= set(column.categories), column.name
        assert column.bounds is None or present.between(*column.bounds).all(), column.name
    assert found.schema.target == found.schema.names[{"cdc-diabetes": 0}.get(name, -1)]


@pytest.mark.parametrize("name", FILES)
def test_the_whole_domain_is_declared_so_that_a_private_fit_reads_counts_only(name: str) -> None:
    schema = datasets.recipe(name).schema
    assert schema is not None
    nothing = pd.DataFrame(columns=list(schema.names))
    require_declared(private_schema(nothing, schema, None))
    assert Schema.from_yaml(schema.to_yaml()) == schema


@pytest.mark.parametrize("name", datasets.available())
def test_every_dataset_says_its_licence_citation_and_columns(name: str) -> None:
    facts = describe(name)
    assert all(facts[key] for key in ("title", "licence", "citation", "source"))
    if name == MIMIC:
        return
    official = datasets.recipe(name)
    assert [each["column"] for each in facts["columns"]] == list(official.columns)
    assert [note.name for note in official.about.dictionary] == list(official.columns)
    assert all(each["meaning"] and each["values"] for each in facts["columns"])
    assert official.remote is None or official.remote.url.startswith("https://")


def test_heart_disease_counts(at_home: Path) -> None:
    table = datasets.load("uci-heart").data
    assert table.isna().sum().to_dict() | {"ca": 0, "thal": 0} == dict.fromkeys(table.columns, 0)
    assert (table["ca"].isna().sum(), table["thal"].isna().sum()) == (4, 2)
    assert table["num"].value_counts().sort_index().tolist() == [164, 55, 36, 35, 13]
    assert (table["sex"].sum(), table["fbs"].sum(), table["exang"].sum()) == (206, 45, 99)


def test_the_copies_are_told_by_their_header_and_rows_and_warned_of(at_home: Path) -> None:
    with pytest.warns(UserWarning, match=REPEATED):
        found = datasets.load("uci-heart", path=at_home / "heart" / "heart_kaggle_1025.csv")
    assert found.name == "uci-heart-1025"
    assert (len(found.data), len(found.data.drop_duplicates())) == (1025, 302)
    assert any(re.search(REPEATED, text) for text in found.about.warnings)
    small = datasets.load("uci-heart-1025", path=at_home / "heart" / "heart_kaggle_303.csv")
    assert (small.name, len(small.data.drop_duplicates())) == ("uci-heart-303", 302)
    official = datasets.load("uci-heart", path=at_home / "heart" / "processed.cleveland.data")
    assert official.data.equals(datasets.load("uci-heart").data)


def test_the_copies_codes_turned_back_are_the_official_rows(at_home: Path) -> None:
    official = datasets.load("uci-heart").data
    copy = datasets.load("uci-heart-303").data
    back = heart.kaggle_as_uci(copy)
    assert set(back["ca"].dropna()) <= {0, 1, 2, 3}
    assert set(back["thal"].dropna()) == {3, 6, 7}
    shared = list(official.columns[:-1])
    keys = {tuple(row) for row in official[shared].astype(object).fillna("gap").to_numpy()}
    held = [tuple(row) in keys for row in back[shared].astype(object).fillna("gap").to_numpy()]
    assert sum(held) == 303
    assert (back["target"] == 0).sum() == 138


def test_diabetes_counts_and_the_copy_with_an_id(at_home: Path, tmp_path: Path) -> None:
    found = datasets.load("cdc-diabetes")
    assert int(found.data.duplicated().sum()) == 24_206
    assert found.data["Diabetes_binary"].mean() == pytest.approx(0.1393, abs=5e-5)
    assert int((found.data["Education"] == 1).sum()) == 174
    # As UCI writes it: an ID first, whole numbers, columns in another order.
    other = found.data.iloc[::-1, ::-1].reset_index(names="ID")
    other.to_parquet(tmp_path / "data.parquet")
    again = datasets.load("cdc-diabetes", path=tmp_path / "data.parquet")
    assert again.about.warnings == ()
    assert content_digest(again.data) == datasets.recipe("cdc-diabetes").content


def test_breast_cancer_needs_no_file(nowhere: Path) -> None:
    found = datasets.load("breast-cancer")
    assert found.data.shape == (569, 31)
    assert found.data["diagnosis"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert int((found.data["mean concavity"] == 0).sum()) == 13
    assert datasets.fetch("breast-cancer") is None
    with pytest.raises(DataError, match="ships with scikit-learn"):
        datasets.recipe("breast-cancer").read(Path("x.csv"))


def test_the_digest_knows_the_numbers_and_not_how_they_lie() -> None:
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, -0.0]})
    moved = table.iloc[[2, 0, 1]].astype({"a": "Float64"})
    assert content_digest(moved) == content_digest(table.assign(b=table["b"] + 0.0))
    assert content_digest(table.assign(a=[1, 2, 4])) != content_digest(table)
    assert content_digest(table.rename(columns={"a": "c"})) != content_digest(table)


def test_a_local_file_that_is_not_the_dataset_is_refused_by_name_and_warned_of_by_path(nowhere: Path) -> None:
    (nowhere / "heart").mkdir(parents=True)
    place = nowhere / "heart" / "processed.cleveland.data"
    _cleveland(303).to_csv(place, index=False, header=False)
    with pytest.raises(DataError, match=r"does not hold the numbers of 'uci-heart'.*path="):
        datasets.load("uci-heart")
    with pytest.warns(UserWarning, match=r"differs from the 303 rows"):
        found = datasets.load("uci-heart", path=place, target="exang")
    assert (found.schema.target, found.schema["num"].role) == ("exang", "feature")
    _cleveland(300).to_csv(place, index=False, header=False)
    with pytest.raises(DataError, match="has 300 rows and 14 columns, and 'uci-heart' has 303"):
        datasets.load("uci-heart")
    place.write_text("1,2\n3,4\n")
    with pytest.raises(DataError, match="has other columns than age, sex"):
        datasets.load("uci-heart", path=place)


def test_a_dataset_is_fitted_with_its_schema(tmp_path: Path) -> None:
    place = tmp_path / "patients.data"
    _cleveland(80).to_csv(place, index=False, header=False)
    with pytest.warns(UserWarning, match="differs"):
        found = datasets.load("uci-heart", path=place)
    generator = SyntheticDataGenerator("independent", random_state=0)
    made = generator.fit(found.data, schema=found.schema).generate(20)
    assert made.dtypes.equals(found.data.dtypes)


def test_what_cannot_be_had_says_how_it_can(nowhere: Path) -> None:
    with pytest.raises(DataError, match=r"needs an account.*path=.*heart/heart_kaggle_1025.csv"):
        datasets.load("uci-heart-1025")
    with pytest.raises(DataError, match=r"did you mean 'uci-heart'.*no file of that name"):
        datasets.load("uci-hart")
    with pytest.raises(DataError, match=r"'absent.csv' does not exist"):
        datasets.load("uci-heart", path="absent.csv")
    with pytest.raises(DataError, match="path= goes with a dataset's name"):
        datasets.load("table.csv", path="x")
    with pytest.raises(DataError, match="did you mean"):
        datasets.recipe("diabetes")
    with pytest.raises(DataError, match="is no database"):
        datasets.load("breast-cancer", query="SELECT 1")
    with pytest.raises(SchemaError, match="did you mean 'diagnosis'"):
        datasets.load("breast-cancer", target="diagnoses")


def test_mimic_is_bound_in_one_place_and_loaded_only_when_asked(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert MIMIC in datasets.available()
    with pytest.raises(DataError, match=r"path=FOLDER.*mimiciii-demo"):
        datasets.load(MIMIC)
    with pytest.raises(DataError, match="is not fetched"):
        datasets.fetch(MIMIC)
    asked = {}

    def build(path: Path, **options: object) -> Dataset:
        asked.update(path=path, **options)
        table = pd.DataFrame({"died": [0, 1]})
        return Dataset(MIMIC, table, Schema((Column("died", "boolean"),)), About("", "", "", ""))

    module = ModuleType("mimic3")
    module.load_mimic3 = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "synthetic_healthcare.datasets.mimic3", module)
    found = datasets.load(MIMIC, path=str(tmp_path), target="died", accept_terms=True)
    assert found.name == MIMIC
    assert asked == {"path": tmp_path, "target": "died", "accept_terms": True, "progress": None}
    (nowhere / "mimic3_demo").mkdir(parents=True)
    datasets.load(MIMIC)
    assert asked["path"] == nowhere / "mimic3_demo"
