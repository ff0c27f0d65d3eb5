"""Anonymity goes with a generator: asked for before fit, kept by every table it gives, stored in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.errors import AnonymityError, ConfigError
from synthetic_healthcare.privacy.anonymity import release

MakeTable = Callable[..., pd.DataFrame]

QUASI = ["age", "ward"]
RULES = """
version: 1
rules:
  pressure in range: {range: {column: pressure, within: [95, 150]}}
  the old: {when: age >= 50, then: pressure >= 120}
  the young: {when: age < 50, then: pressure < 130}
"""


def asked(model: str = "independent", *, rules: Path | None = None, **how: Any) -> SyntheticDataGenerator:
    generator = SyntheticDataGenerator(model, random_state=0, rules=rules)
    generator.add_privacy_mechanism(mechanism="k_anonymity", k=5, quasi_identifiers=QUASI, **how)
    return generator.add_privacy_mechanism("l_diversity", l=2, sensitive=["outcome"])


def smallest(rows: pd.DataFrame, names: list[str] = QUASI) -> int:
    return int(rows.groupby(names, dropna=False, observed=True).size().min())


def least_diverse(rows: pd.DataFrame) -> int:
    return int(rows.groupby(QUASI, dropna=False, observed=True)["outcome"].nunique(dropna=False).min())


def is_anonymous(rows: pd.DataFrame) -> bool:
    return smallest(rows) >= 5 and least_diverse(rows) >= 2


@pytest.fixture(scope="module")
def table(plain_table: MakeTable) -> pd.DataFrame:
    return plain_table(400)


@pytest.fixture(scope="module")
def generator(table: pd.DataFrame) -> SyntheticDataGenerator:
    return asked().fit(table)


def test_every_way_out_is_anonymous(
    generator: SyntheticDataGenerator, table: pd.DataFrame, tmp_path: Path
) -> None:
    rows = generator.generate(300, augmentation_factor=1.5)
    assert len(rows) == 450
    assert rows.dtypes.equals(table.dtypes)
    assert is_anonymous(rows)
    (report,) = generator.last_draw.anonymity
    assert (report.rows, report.k) == (450, smallest(rows))
    # Without it the same model gives rows that stand alone.
    assert smallest(SyntheticDataGenerator("independent", random_state=0).fit(table).generate(450)) == 1

    even = generator.generate(200, balance="outcome")
    assert even["outcome"].value_counts().tolist() == [100, 100]
    assert is_anonymous(even)

    for name in ("rows.csv", "rows.parquet"):
        generator.generate_to(tmp_path / name, 300, random_state=3)
        read = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
        assert is_anonymous(read)
        pd.testing.assert_frame_equal(read, generator.generate(300, random_state=3), check_dtype=False)


def test_equal_seeds_give_equal_rows(generator: SyntheticDataGenerator) -> None:
    one, other = (generator.generate(120, random_state=7) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_conditions_on_quasi_identifiers_still_hold(
    generator: SyntheticDataGenerator, tmp_path: Path
) -> None:
    wanted: dict[str, Any] = {"age": ("between", 40, 70), "ward": ["north", "south"]}
    rows = generator.generate_conditional(wanted, 150)
    assert len(rows) == 150
    assert rows["age"].between(40, 70).all()
    assert set(rows["ward"]) <= {"north", "south"}
    assert is_anonymous(rows)
    generator.generate_to(tmp_path / "rows.parquet", 150, conditions=wanted)
    assert is_anonymous(pd.read_parquet(tmp_path / "rows.parquet"))


def test_it_is_in_the_model_file_and_in_the_report(
    generator: SyntheticDataGenerator, table: pd.DataFrame, tmp_path: Path
) -> None:
    generator.save(tmp_path / "model.shm")
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    assert is_anonymous(loaded.generate(200))
    told = loaded.describe()["anonymity"]
    assert "5-anonymous, 2-diverse (distinct) in 'outcome'" in told
    assert "not a bound" in told
    assert told in loaded.evaluate(loaded.generate(200), table).context["notes"]
    assert SyntheticDataGenerator("independent").fit(table).describe()["anonymity"] is None


def test_a_large_file_is_anonymised_in_parts(
    generator: SyntheticDataGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "TOGETHER", 1000)
    monkeypatch.setattr("synthetic_healthcare.sampling.levers.CHUNK", 300)
    generator.generate_to(tmp_path / "many.parquet", 3500)
    assert [report.rows for report in generator.last_draw.anonymity] == [1200, 1200, 1100]
    rows = pd.read_parquet(tmp_path / "many.parquet")
    assert len(rows) == 3500
    assert is_anonymous(rows)


def test_too_few_rows_are_refused(generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    with pytest.raises(AnonymityError, match="3 rows cannot be shared by k=5"):
        generator.generate(3)
    with pytest.raises(AnonymityError):
        generator.generate_to(tmp_path / "rows.csv", 4)
    assert list(tmp_path.iterdir()) == []


def test_left_out_rows_are_drawn_anew(table: pd.DataFrame) -> None:
    outcome = np.where(np.arange(len(table)) % 5 < 2, "ill", "well")
    table = table.assign(patient=[f"P{number}" for number in range(len(table))], outcome=outcome)
    generator = SyntheticDataGenerator("independent", random_state=1)
    generator.add_privacy_mechanism("k_anonymity", k=2, quasi_identifiers=["ward"], suppression_limit=0.5)
    generator.add_privacy_mechanism("l_diversity", l=2, sensitive=["outcome"], kind="entropy")
    generator.fit(table)
    for rows in (generator.generate(200), generator.generate_conditional({"age": (">=", 40)}, 200)):
        assert len(rows) == 200
        (report,) = generator.last_draw.anonymity
        assert report.suppressed > 0
        assert rows["patient"].is_unique
        assert (rows.groupby(["ward", "outcome"]).size().unstack().diff(axis=1).iloc[:, 1] == 0).all()


def test_intervals_are_text_in_every_kind_of_table(table: pd.DataFrame, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    for given in (table, polars.from_pandas(table)):
        generator = asked(recode="interval", hierarchies={"age": {"width": [10, 20]}}).fit(given)
        rows = generator.generate(300)
        assert type(rows) is type(given)
        rows = rows if isinstance(rows, pd.DataFrame) else rows.to_pandas()
        assert rows["age"].str.fullmatch(r"\d+(-\d+)?|\*").all()
        assert rows["pressure"].dtype == table["pressure"].dtype
        assert is_anonymous(rows)
    generator.generate_to(tmp_path / "rows.parquet", 300)
    assert is_anonymous(pd.read_parquet(tmp_path / "rows.parquet"))


def test_the_rows_to_learn_can_be_anonymised_instead(table: pd.DataFrame) -> None:
    generator = asked(stage="input").fit(table)
    # The model has seen one age a group, and gives no other one.
    assert generator.generate(500)["age"].nunique() < table["age"].nunique() / 2
    assert generator.last_draw.anonymity == []
    told = generator.describe()
    assert told["anonymity"].startswith("The rows that were learnt had been made 5-anonymous")
    assert any("were anonymised before: " in note for note in told["notes"])
    assert generator.evaluate(generator.generate(200), table)["utility_score"] is not None


def test_what_anonymity_does_to_clinical_rules_is_told(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    generator = SyntheticDataGenerator("independent", random_state=0, rules=path)
    generator.add_privacy_mechanism("k_anonymity", k=200, quasi_identifiers=["age"]).fit(table)
    rows = generator.generate(300)
    # All of one age now: those who had another one break the rule of that age.
    assert rows["age"].nunique() == 1
    (broken,) = generator.last_draw.anonymity_breaks
    assert broken["pressure in range"].violating == 0
    old, low, high = rows["age"] >= 50, rows["pressure"] < 120, rows["pressure"] >= 130
    assert broken.violating == int(((old & low) | (~old & high)).sum()) > 0
    assert generator.last_draw.rules[0].after.violating == 0


def test_what_would_give_out_more_is_refused(generator: SyntheticDataGenerator, table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="impute gives back the rows that it is given"):
        generator.impute(table)
    with pytest.raises(ConfigError, match=r"'ward' is a quasi-identifier: .* cannot be kept in balance"):
        generator.generate(90, balance="ward")
    with pytest.raises(ConfigError, match="a mechanism is asked for before fit"):
        generator.add_privacy_mechanism("t_closeness", t=0.2)


def test_unknown_columns_are_found_before_the_training(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthetic_healthcare.pipeline.train", None)
    generator = SyntheticDataGenerator("independent")
    generator.add_privacy_mechanism("k_anonymity", k=5, quasi_identifiers=["agee"])
    with pytest.raises(ConfigError, match="unknown column 'agee': did you mean 'age'"):
        generator.fit(table)


def test_roles_of_the_schema_and_the_target_are_the_defaults(table: pd.DataFrame) -> None:
    generator = SyntheticDataGenerator("independent", random_state=0)
    generator.add_privacy_mechanism("k_anonymity", k=4)
    generator.add_privacy_mechanism("t_closeness", t=0.2)
    rows = generator.fit(table, target="outcome").generate(200)
    told = generator.describe()["anonymity"]
    assert "0.2-close in 'outcome'" in told
    quasi = [name for name in table.columns if f"'{name}'" in told.partition("quasi-identifiers:")[2]]
    assert "age" in quasi
    assert smallest(rows, quasi) >= 4
    shares = rows["outcome"].value_counts(normalize=True)
    for _, group in rows.groupby(quasi):
        here = group["outcome"].value_counts(normalize=True).reindex(shares.index, fill_value=0.0)
        assert np.abs(here - shares).sum() / 2 <= 0.2 + 1e-9


@pytest.mark.parametrize(
    ("mechanism", "told", "message"),
    [
        ("k_anonymity", {}, "'k_anonymity' needs 'k', for example k=5"),
        ("k_anonymity", {"k": 5, "l": 2}, "takes no 'l'; it takes quasi_identifiers, .*k"),
        ("k_anonymity", {"k": 5, "quasi_identifier": ["age"]}, "takes no 'quasi_identifier'"),
        ("k_anonymity", {"k": 1}, r"privacy\.k_anonymity\.k"),
        ("k_anonymity", {"k": 5, "quasi_identifiers": "age"}, r"privacy\.k_anonymity\.quasi_identifiers"),
        ("l_diversity", {"l": 2, "k": 5}, "takes no 'k'; it takes l, sensitive, kind, c"),
        ("l_diversity", {"l": 2, "kind": "distinkt"}, r"privacy\.l_diversity\.kind"),
        ("t_closeness", {"t": 2.0}, r"privacy\.t_closeness\.t"),
        ("differential_privacy", {"epsilon": 1.0, "k": 5}, "takes no 'k'; it takes epsilon, delta"),
        ("differential_privacy", {"delta": 1e-5}, "needs 'epsilon'"),
        ("k_anonimity", {"k": 5}, "known: differential_privacy, k_anonymity, l_diversity, t_closeness"),
    ],
)
def test_a_mechanism_that_is_told_wrongly(mechanism: Any, told: dict[str, Any], message: str) -> None:
    generator = SyntheticDataGenerator()
    with pytest.raises(ConfigError, match=message):
        generator.add_privacy_mechanism(mechanism, **told)


def test_a_mechanism_asked_for_twice_is_the_last_one(table: pd.DataFrame) -> None:
    generator = SyntheticDataGenerator("independent", random_state=0)
    generator.add_privacy_mechanism("k_anonymity", k=50, quasi_identifiers=["ward"])
    generator.add_privacy_mechanism("k_anonymity", k=3, quasi_identifiers=["age"])
    assert "3-anonymous; quasi-identifiers: 'age'" in generator.fit(table).describe()["anonymity"]
