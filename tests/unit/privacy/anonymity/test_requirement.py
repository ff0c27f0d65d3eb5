"""Which columns a demand concerns: named, or by the schema's roles; and what is refused before any work."""

from __future__ import annotations

from typing import Any

import pytest

from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.anonymity import KAnonymity, LDiversity, Requirement, TCloseness
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

COLUMNS = (
    Column("patient", "identifier", "group"),
    Column("age", "integer", "quasi"),
    Column("sex", "categorical", "quasi"),
    Column("dose", "numeric"),
    Column("died", "boolean", "target"),
)
SCHEMA = Schema(COLUMNS)
SENSITIVE = SCHEMA.with_column("dose", role="sensitive")


def of(schema: Schema = SCHEMA, **asked: Any) -> Requirement:
    found = Requirement.of(schema, **asked)
    assert found is not None
    return found


def test_nothing_is_asked_where_no_section_is_there() -> None:
    assert Requirement.of(SCHEMA) is None


def test_roles_give_the_columns() -> None:
    both = {"l_diversity": LDiversity(l=2), "t_closeness": TCloseness(t=0.2)}
    found = of(**both)
    assert (found.quasi_identifiers, found.k) == (("age", "sex"), 1)
    assert found.sensitive == ("died",)
    assert of(SENSITIVE, **both).sensitive == ("dose",)
    named = of(SENSITIVE, l_diversity=LDiversity(l=2, sensitive=("died",)), t_closeness=TCloseness(t=0.2))
    assert (named.diverse, named.close, named.sensitive) == (("died",), ("dose",), ("died", "dose"))
    assert of(k_anonymity=KAnonymity(k=3, quasi_identifiers=("dose",))).quasi_identifiers == ("dose",)


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        (COLUMNS[3:], {"k_anonymity": KAnonymity(k=2)}, "no column has the role 'quasi'.*quasi_identifiers="),
        (COLUMNS[1:4], {"l_diversity": LDiversity(l=2)}, "'sensitive' and there is no target.*sensitive="),
        (COLUMNS, {"k_anonymity": KAnonymity(k=2, quasi_identifiers=("aeg",))}, "mean 'age'"),
        (COLUMNS, {"k_anonymity": KAnonymity(k=2, quasi_identifiers=("patient",))}, "'patient' is an ident"),
        (COLUMNS, {"t_closeness": TCloseness(t=0.1, sensitive=("age",))}, "'age' is a quasi-identifier and"),
        (
            COLUMNS,
            {"k_anonymity": KAnonymity(k=2, hierarchies={"dose": {"width": [5]}})},
            "hierarchies: unknown quasi-identifier 'dose'",
        ),
    ],
)
def test_columns_that_cannot_be_are_refused(
    columns: tuple[Column, ...], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Requirement.of(Schema(columns), **asked)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k_anonymity": {"k": 1}}, r"privacy\.k_anonymity\.k"),
        ({"k_anonymity": {"k": 5, "suppresion_limit": 0.1}}, "Did you mean 'suppression_limit'"),
        ({"k_anonymity": {"k": 5, "quasi_identifiers": []}}, r"privacy\.k_anonymity\.quasi_identifiers"),
        ({"k_anonymity": {"k": 5, "quasi_identifiers": "age"}}, r"privacy\.k_anonymity\.quasi_identifiers"),
        ({"k_anonymity": {"k": 5, "hierarchies": {"age": {"widht": 5}}}}, "did you mean 'width'"),
        ({"l_diversity": {"l": 2, "c": 3}}, "c belongs to kind 'recursive'"),
        ({"l_diversity": {"l": 2, "kind": "distinkt"}}, r"privacy\.l_diversity\.kind"),
        ({"t_closeness": {"t": 0}}, r"privacy\.t_closeness\.t"),
        ({"t_closeness": {"t": 1.5}}, r"privacy\.t_closeness\.t"),
    ],
)
def test_settings_out_of_range_are_refused_with_their_place(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_mapping({"privacy": settings})


def test_settings_survive_plain_data() -> None:
    hierarchies = {"age": {"width": [5, 10]}, "sex": {"values": {1: "all", 2: ["all"]}}}
    config = RunConfig.from_mapping(
        {
            "privacy": {
                "k_anonymity": {"k": 5, "quasi_identifiers": ["age", "sex"], "hierarchies": hierarchies},
                "l_diversity": {"l": 2, "kind": "recursive"},
                "t_closeness": {"t": 0.2},
            }
        }
    )
    assert RunConfig.from_mapping(config.to_dict()) == config
    requirement = config.privacy.anonymity(SCHEMA)
    assert requirement is not None
    assert requirement.describe().startswith("Every table of synthetic rows that is given out is 5-anonymous")
    hierarchy = requirement.hierarchy("sex")
    assert hierarchy is not None
    assert hierarchy.parents == {"1": ("all",), "2": ("all",)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"privacy": {"k_anonymity": {"k": 5, "stage": "input"}, "differential_privacy": {"epsilon": 1}}},
            "cannot go with differential privacy",
        ),
        ({"privacy": {"k_anonymity": {"k": 5, "stage": "input"}, "level": "high"}}, "differential privacy"),
        ({"privacy": {"k_anonymity": {"k": 5, "stage": "input", "recode": "interval"}}}, "learnt from"),
        ({"privacy": {"k_anonymity": {"k": 5, "recode": "interval"}}, "rules": "r.yaml"}, "clinical rules"),
    ],
)
def test_what_excludes_each_other_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_mapping(settings).require_available()
