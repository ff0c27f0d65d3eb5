"""Schemas are changed, checked, written and read without losing anything."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.schema import Column, Schema

PATIENTS = Schema(
    (
        Column("patient_id", "identifier", "group", dtype="int64", nullable=False),
        Column("age", "integer", "quasi", dtype="int64", decimals=0, reason="whole numbers"),
        Column("creatinine", "numeric", dtype="float64", unit="mg/dL", bounds=(0.1, 25.0), decimals=2),
        Column("seen", "datetime", dtype="datetime64[us]", bounds=(-86_400.0, 946_684_800.0)),
        Column("smoker", "boolean", dtype="str", categories=("no", "yes")),
        Column("drugs", "codes", dtype="str", delimiter=";"),
        Column("died", "boolean", "target", dtype="int64", categories=(0, 1), declared=frozenset({"role"})),
    )
)


def test_names_target_and_group_are_read_from_the_columns() -> None:
    assert PATIENTS.names == ("patient_id", "age", "creatinine", "seen", "smoker", "drugs", "died")
    assert PATIENTS.target == "died"
    assert PATIENTS.group == "patient_id"
    assert PATIENTS["age"].role == "quasi"
    assert [column.name for column in PATIENTS.of_kind("boolean", "codes")] == ["smoker", "drugs", "died"]
    assert [column.name for column in PATIENTS.of_role("quasi")] == ["age"]


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(SchemaError, match="unknown column 'creatinin': did you mean 'creatinine'"):
        PATIENTS["creatinin"]
    with pytest.raises(SchemaError, match="did you mean 'died'"):
        PATIENTS.with_target("dead")


def test_a_new_target_leaves_the_old_one_a_feature() -> None:
    changed = PATIENTS.with_target("smoker")
    assert changed.target == "smoker"
    assert changed["died"].role == "feature"
    assert changed["smoker"].declared == {"role"}
    assert PATIENTS.target == "died"


@pytest.mark.parametrize("name", ["patient_id", "drugs"])
def test_some_columns_cannot_be_predicted(name: str) -> None:
    with pytest.raises(SchemaError, match="cannot be the target"):
        PATIENTS.with_target(name)


def test_declared_fields_are_marked() -> None:
    changed = PATIENTS.with_column("age", unit="years", bounds=(0, 120))["age"]
    assert (changed.unit, changed.bounds, changed.declared) == ("years", (0, 120), {"unit", "bounds"})


def test_a_new_kind_forgets_what_was_read_for_the_old_one() -> None:
    numeric = PATIENTS.with_column("smoker", kind="numeric")["smoker"]
    assert numeric.categories is None
    assert PATIENTS.with_column("creatinine", kind="integer")["creatinine"].decimals == 0
    learnt = PATIENTS.with_column("patient_id", kind="categorical")["patient_id"]
    assert (learnt.role, learnt.declared) == ("feature", {"kind"})
    assert PATIENTS.with_column("drugs", kind="identifier")["drugs"].role == "identifier"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unitt": "years"}, "did you mean 'unit'"),
        ({"kind": "intger"}, "did you mean 'integer'"),
        ({"role": "quazi"}, "did you mean 'quasi'"),
        ({"bounds": (9, 1)}, "the lower one first"),
        ({"bounds": (0, float("inf"))}, "two finite numbers"),
        ({"categories": (1, 2)}, "categories are not for kind 'integer'"),
        ({"delimiter": ";"}, "a delimiter is for columns of kind 'codes'"),
        ({"decimals": 99}, "decimals must be"),
        ({"kind": "categorical", "categories": ("a", "a")}, "listed twice"),
        ({"kind": "categorical", "categories": ()}, "empty list"),
        ({"kind": "boolean", "categories": (1, 2, 3)}, "2 categories, not 3"),
        ({"kind": "categorical", "bounds": (0, 1)}, "bounds are for numbers and dates"),
        ({"role": "target"}, "2 columns have the role 'target'"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        PATIENTS.with_column("age", **changes)  # type: ignore[arg-type]
    assert "'age'" in str(caught.value)


def test_names_are_unique_texts() -> None:
    with pytest.raises(SchemaError, match="duplicate column names: 'a'"):
        Schema((Column("a", "numeric"), Column("a", "text")))
    for name in ("", "  ", 7):
        with pytest.raises(SchemaError, match="has no name"):
            Schema((Column(name, "numeric"),))  # type: ignore[arg-type]


def test_a_table_is_compared_by_names_only() -> None:
    Schema((Column("a", "numeric"), Column("b", "text"))).check(pd.DataFrame({"b": ["x"], "a": [1.0]}))


def test_missing_and_extra_columns_are_all_named() -> None:
    schema = Schema((Column("age", "integer"), Column("weight", "numeric")))
    with pytest.raises(SchemaError) as caught:
        schema.check(pd.DataFrame({"Age": [1], "height": [1.0]}))
    message = str(caught.value)
    assert "'age' is missing (is it 'Age'?)" in message
    assert "'weight' is missing (is it 'height'?)" in message
    assert "'height' is not in the schema" in message


def test_explain_gives_a_line_a_column() -> None:
    lines = PATIENTS.explain().splitlines()
    assert len(lines) == 7
    assert lines[1].split() == ["age", "integer,", "quasi", "whole", "numbers"]
    assert lines[6].endswith("[declared: role]")


def test_yaml_is_readable() -> None:
    text = PATIENTS.to_yaml()
    assert "  creatinine:\n    kind: numeric\n    role: feature\n    unit: mg/dL\n" in text
    assert "    bounds: [0.1, 25.0]\n" in text
    assert "    bounds: ['1969-12-31', '2000-01-01']\n" in text
    assert "    categories: ['no', 'yes']\n" in text
    assert ": null" not in text


def test_yaml_and_dict_come_back(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    text = PATIENTS.to_yaml(path)
    for source in (text, path, str(path)):
        assert Schema.from_yaml(source) == PATIENTS
    assert Schema.from_dict(PATIENTS.to_dict()) == PATIENTS


def test_a_block_written_by_hand_is_declared() -> None:
    schema = Schema.from_yaml(
        """
        columns:
          age: {kind: integer, bounds: [0, 120], unit: years}
          tiny: {kind: numeric, bounds: [1e-6, 1e-3]}
          seen: {kind: datetime, bounds: [2000-01-01, 2001-01-01T12:00:00]}
          id: {kind: identifier}
          died: {kind: boolean, role: target, categories: [false, true], declared: [role]}
        """
    )
    assert schema["age"].declared == {"kind", "bounds", "unit"}
    assert schema["tiny"].bounds == (1e-6, 1e-3)
    assert schema["seen"].bounds == (946_684_800.0, 978_350_400.0)
    assert schema["id"].role == "identifier"
    assert schema["died"].categories == (False, True)
    assert schema["died"].declared == {"role"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns:\n  age: {kindd: integer}", "column 'age': unknown field 'kindd': did you mean 'kind'"),
        ("columns:\n  age: {kind: intger}", "did you mean 'integer'"),
        ("columns:\n  age: {unit: years}", "column 'age': 'kind' is missing"),
        ("columns:\n  age: {kind: integer, nullable: maybe}", "'nullable' must be true or false, not str"),
        ("columns:\n  age: {kind: integer, unit: 5}", r"'unit' must be text \(in quotes\), not int"),
        ("columns:\n  age: {kind: numeric, decimals: true}", "'decimals' must be a whole number"),
        ("columns:\n  age: {kind: integer, bounds: 5}", "must be two values"),
        ("columns:\n  age: {kind: integer, bounds: [low, 5]}", "neither a number nor an ISO date"),
        ("columns:\n  age: {kind: integer, bounds: [true, 5]}", "neither a number nor an ISO date"),
        ("columns:\n  a: {kind: categorical, categories: x}", "'categories' must be a list"),
        ("columns:\n  a: {kind: categorical, categories: [2020-01-01]}", "put dates in quotes"),
        ("columns:\n  a: {kind: integer, declared: [bonds]}", "did you mean 'bounds'"),
        ("columns:\n  a: {kind: integer, declared: kind}", "'declared' must be a list"),
        ("columns:\n  no: {kind: integer}", "YAML reads as bool. Put it in quotes"),
        ("columns:\n  a: integer", "must hold fields such as"),
        ("columns:\n  - a\n", "one block a column"),
        ("colums:\n  a: {kind: integer}", "unknown key 'colums': did you mean 'columns'"),
        ("version: 1\n", "has no 'columns'"),
        ("version: 2\ncolumns: {}\n", "version other than 1"),
        ("- a\n- b\n", "with the keys 'version' and 'columns'"),
        ("columns:\n  a: {kind: integer\n", "not valid YAML at line"),
        ("columns:\n  a: {kind: integer}\n  a: {kind: text}\n", "'a' stands twice"),
        ("columns:\n  a: {kind: integer, kind: text}\n", "'kind' stands twice"),
        ("columns:\n  a: !!python/object:os.system {}\n", "not valid YAML"),
    ],
)
def test_mistakes_in_a_file_are_named(text: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.from_yaml(text + "\n")


def test_files_that_are_absent_or_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="does not exist"):
        Schema.from_yaml(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SchemaError, match="not a text file"):
        Schema.from_yaml(tmp_path / "binary.yaml")
    with pytest.raises(SchemaError, match="not a text file"):
        Schema.from_yaml(tmp_path)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
).filter(str.strip)
FLOATS = st.floats(-1e12, 1e12)


@st.composite
def columns(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(["numeric", "integer", "categorical", "datetime", "text"]))
    continuous = kind in ("numeric", "integer")
    low, high = sorted((draw(FLOATS), draw(FLOATS)))
    categories = draw(st.none() | st.lists(NAMES, min_size=1, max_size=4, unique=True).map(tuple))
    return Column(
        name=draw(NAMES),
        kind=kind,
        dtype=draw(st.sampled_from(["float64", "str", "datetime64[ns, UTC]"])),
        nullable=draw(st.booleans()),
        unit=draw(st.none() | NAMES),
        bounds=(low, high) if continuous and draw(st.booleans()) else None,
        categories=categories if kind == "categorical" else None,
        decimals=0 if kind == "integer" else draw(st.integers(0, 9)) if kind == "numeric" else None,
        declared=draw(st.frozensets(st.sampled_from(["kind", "unit", "bounds", "nullable"]))),
        reason=draw(st.just("") | NAMES),
    )


@settings(deadline=None)
@given(st.lists(columns(), min_size=1, max_size=5, unique_by=lambda column: column.name))
def test_any_schema_survives_yaml_and_json(made: list[Column]) -> None:
    schema = Schema(tuple(made))
    assert Schema.from_yaml(schema.to_yaml()) == schema
    assert Schema.from_dict(schema.to_dict()) == schema
