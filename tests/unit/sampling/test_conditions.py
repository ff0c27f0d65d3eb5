"""Conditions are met by every row that comes back, and refused by name where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import Schema, SyntheticDataGenerator
from synthetic_healthcare.errors import ConditionError, ConfigError, SchemaError
from synthetic_healthcare.sampling.conditions import Conditions, parse_where

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]


@pytest.fixture(scope="module")
def generator(clinical_table: MakeTable, quick_fit: Fit) -> SyntheticDataGenerator:
    table = clinical_table(400)
    bands = {"<65": (None, 64), "65+": (65, None)}
    schema = Schema.infer(table, target="died").with_derived("age_group", source="age", bands=bands)
    return quick_fit(table, schema=schema, epochs=6)


def codes(cell: str) -> set[str]:
    return set(cell.split(";"))


#: Conditions, and what every row that meets them has to pass.
MET: list[tuple[dict[str, Any], Callable[[pd.DataFrame], Any]]] = [
    ({"ward": "north"}, lambda t: t["ward"] == "north"),
    (
        {"ward": ["north", "south"], "sex": "F"},
        lambda t: t["ward"].isin(["north", "south"]) & (t["sex"] == "F"),
    ),
    ({"ward": ("not in", ["north"])}, lambda t: t["ward"] != "north"),
    ({"age": (">=", 65)}, lambda t: t["age"] >= 65),
    ({"age": (">", 60), "smoker": True}, lambda t: (t["age"] > 60) & t["smoker"]),
    ({"age_group": "65+"}, lambda t: t["age"] >= 65),
    ({"age_group": ["<65"]}, lambda t: t["age"] <= 64),
    ({"potassium": ("between", 3.5, 4.5)}, lambda t: t["potassium"].between(3.4999, 4.5001)),
    ({"sodium": None}, lambda t: t["sodium"].isna() & t["potassium"].isna()),
    ({"sodium": ("not missing",)}, lambda t: t["sodium"].notna() & t["potassium"].notna()),
    ({"nights": 0}, lambda t: t["nights"] == 0),
    ({"nights": (">", 0)}, lambda t: t["nights"] > 0),
    ({"stage": (">=", "II")}, lambda t: t["stage"].isin(["II", "III"])),
    ({"stage": ("<", "II")}, lambda t: t["stage"] == "I"),
    ({"diagnoses": ["I10", "E11.9"]}, lambda t: t["diagnoses"].map(lambda c: {"I10", "E11.9"} <= codes(c))),
    ({"diagnoses": "I10"}, lambda t: t["diagnoses"].map(lambda c: "I10" in codes(c))),
    ({"diagnoses": ("not in", ["I10"])}, lambda t: t["diagnoses"].map(lambda c: "I10" not in codes(c))),
    ({"admitted": (">=", "2020-01-01")}, lambda t: t["admitted"] >= pd.Timestamp("2020-01-01")),
    ({"died": "1"}, lambda t: t["died"] == 1),
]


@pytest.mark.parametrize(("conditions", "passes"), MET, ids=[str(each) for each, _ in MET])
def test_every_row_meets_the_conditions(
    generator: SyntheticDataGenerator, conditions: dict[str, Any], passes: Callable[[pd.DataFrame], Any]
) -> None:
    drawn = generator.generate_conditional(conditions, 60, random_state=0)
    (told,) = generator.last_draw.conditions
    assert len(drawn) == 60
    assert passes(drawn).all()
    assert list(drawn.columns) == list(generator.generate(1).columns)
    assert drawn["visit_id"].is_unique
    assert 0 < told.acceptance_rate <= 1
    assert told.rows == 60
    # How many patients stand behind the rows does not grow with the rows.
    generator.generate_conditional(conditions, 600, random_state=0)
    assert generator.last_draw.conditions[0].effective_patients == pytest.approx(
        told.effective_patients, rel=0.5
    )


def test_the_patients_behind_a_condition_are_those_that_there_are(generator: SyntheticDataGenerator) -> None:
    rows = generator.describe()["rows"]["train"]
    share = (generator.generate(20_000, random_state=1)["ward"] == "north").mean()
    generator.generate_conditional({"ward": "north"}, 10)
    assert generator.last_draw.conditions[0].effective_patients == pytest.approx(share * rows, rel=0.1)


def test_equal_seeds_give_equal_rows(generator: SyntheticDataGenerator, tmp_path: Path) -> None:
    asked = {"age": (">=", 50), "ward": ["north", "east"]}
    first, second, other = (generator.generate_conditional(asked, 300, random_state=s) for s in (3, 3, 4))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)
    generator.generate_to(tmp_path / "old.parquet", 300, conditions=asked, random_state=3)
    pd.testing.assert_series_equal(
        pd.read_parquet(tmp_path / "old.parquet")["age"], first["age"], check_dtype=False
    )


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ({}, "no condition is given"),
        ({"wrad": "north"}, "unknown column 'wrad': did you mean 'ward'"),
        ({"ward": "nort"}, "column 'ward': unknown category 'nort': did you mean 'north'"),
        ({"age": ("~", 3)}, "column 'age': a tuple begins with an operator"),
        ({"age": ("between", 3)}, "'between' needs 2 values"),
        ({"age": ("between", 80, 60)}, "'between' needs its lower end first"),
        ({"age": (">", 300)}, "column 'age': none of the values that the model can draw"),
        ({"age": "old"}, "column 'age' is compared with numbers"),
        ({"admitted": (">", "soon")}, "column 'admitted' is compared with dates"),
        ({"ward": []}, "the list of values is empty"),
        ({"ward": None}, "column 'ward': none of the values"),
        ({"visit_id": "V00001"}, "column 'visit_id' is an identifier"),
        ({"diagnoses": "Q99"}, "1 of the codes asked for are not among"),
        ({"diagnoses": (">", "I10")}, "holds sets of codes"),
        ({"sodium": None, "potassium": ("not missing",)}, "missing and present at once"),
        ({"age_group": "70+"}, "unknown label '70\\+'"),
        ({"age_group": (">", 3)}, "is derived: ask for its labels"),
        ([("ward", "north"), ("ward", "south")], "column 'ward': none of the values"),
    ],
)
def test_what_cannot_be_met_is_refused_by_name(
    generator: SyntheticDataGenerator, conditions: Any, problem: str
) -> None:
    with pytest.raises(ConditionError, match=problem):
        generator.generate_conditional(conditions, 10)


def test_a_condition_that_too_few_patients_meet_is_refused_or_warned_of(
    generator: SyntheticDataGenerator, caplog: pytest.LogCaptureFixture
) -> None:
    rare = {"age": (">=", 85), "diagnoses": ["I10", "E11.9", "N18.3"], "sex": "F", "stage": "III"}
    with pytest.raises(ConditionError, match=r"met by about \d\.\d of the \d+ patients .*fewer than 5"):
        generator.generate_conditional(rare, 10, random_state=0)
    drawn = generator.generate_conditional(rare, 10, random_state=0, on_rare="warn")
    assert len(drawn) == 10
    assert "fewer than 5" in caplog.text
    assert generator.last_draw.conditions[0].effective_patients < 5
    with pytest.raises(ConfigError, match="on_rare is 'ignore'"):
        generator.generate_conditional(rare, 10, on_rare="ignore")  # type: ignore[arg-type]


def test_classes_in_balance(generator: SyntheticDataGenerator) -> None:
    drawn = generator.generate(101, balance="target", random_state=0)
    assert drawn["died"].value_counts().to_dict() == {0: 51, 1: 50}
    assert drawn["died"].is_monotonic_increasing is False
    assert [draw.rows for draw in generator.last_draw.conditions] == [51, 50]
    assert drawn["visit_id"].is_unique
    behind = sum(draw.effective_patients for draw in generator.last_draw.conditions)
    assert behind == pytest.approx(generator.describe()["rows"]["train"], rel=0.1)
    assert generator.generate(99, balance="ward")["ward"].value_counts().tolist() == [33, 33, 33]
    with pytest.raises(ConfigError, match="only classes can be balanced"):
        generator.generate(100, balance="age")
    with pytest.raises(ConfigError, match="has 2 classes, more than the 1 rows"):
        generator.generate(1, balance="died")


def test_conditions_of_the_command_line() -> None:
    texts = ["age>=65", "age=60..80", "sex = F", "ward=north|south", "ward!=north", "diagnoses=I10;E11.9"]
    assert parse_where([*texts, "crp is missing", "crp is not missing"]) == [
        ("age", (">=", "65")),
        ("age", ("between", "60", "80")),
        ("sex", "F"),
        ("ward", ["north", "south"]),
        ("ward", ("not in", ["north"])),
        ("diagnoses", ["I10", "E11.9"]),
        ("crp", ("missing",)),
        ("crp", ("not missing",)),
    ]
    for text in ("age", "age=", "=65"):
        with pytest.raises(ConditionError, match="is not of the form column=value"):
            parse_where([text])


def test_a_table_is_tested_as_it_is_written(
    generator: SyntheticDataGenerator, clinical_table: MakeTable
) -> None:
    """The test of decoded rows is the one that counts; here it is given a real table with known cells."""
    assert generator._fitted is not None
    table = clinical_table(400)
    wanted = Conditions.of({"crp": ("<=", 0.5), "age": ("<", 40)}, generator._fitted.encoder)
    low = table["crp"].isin(["<0.5", "0.5"])
    np.testing.assert_array_equal(
        wanted.hold(table), (low & (table["age"] < 40).fillna(False)).to_numpy(bool)
    )


def test_derived_columns_survive_their_file_and_are_checked(clinical_table: MakeTable) -> None:
    schema = Schema.infer(clinical_table())
    bands = {"<65": (None, 64), "65+": (65, None)}
    held = schema.with_derived("age_group", source="age", bands=bands)
    assert Schema.from_yaml(held.to_yaml()).derived == held.derived
    assert Schema.from_dict(held.to_dict()) == held
    assert held.with_target("died").derived == held.derived
    for name, source, problem in (
        ("age_group", "agee", "unknown column 'agee'"),
        ("age_group", "ward", "bands are for numbers"),
        ("ward", "age", "takes the name of another column"),
    ):
        with pytest.raises(SchemaError, match=problem):
            schema.with_derived(name, source=source, bands=bands)
    with pytest.raises(SchemaError, match="must be numbers in order"):
        schema.with_derived("age_group", source="age", bands={"none": (65, 18)})
