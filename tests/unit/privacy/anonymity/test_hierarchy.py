"""Declared hierarchies: labels level by level, groups that follow them, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import ConfigError, DataError
from synthetic_healthcare.privacy.anonymity import KAnonymity, Requirement, anonymize
from synthetic_healthcare.privacy.anonymity.hierarchy import Hierarchy
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

ICD = {
    "values": {
        "I10": ["I", "circulation"],
        "I21": ["I", "circulation"],
        "E11": ["E", "hormones"],
        "E66": ["E", "hormones"],
    }
}


def labels(settings_: dict[str, Any], texts: list[str], numbers: list[float] | None = None) -> list[Any]:
    held = None if numbers is None else np.array(numbers)
    return Hierarchy.read("x", settings_).ancestors("x", texts, held)


def test_labels_from_the_coarsest_down() -> None:
    assert labels({"prefix": [3, 1]}, ["12345"]) == [("1*", "123*")]
    assert labels({"width": [5, 10]}, ["67", "-1"], [67, -1]) == [
        ("60-69", "65-69"),
        ("-10 to -1", "-5 to -1"),
    ]
    assert labels({"width": 0.5}, ["0.3"], [0.3]) == [("0-0.5",)]
    day = pd.Timestamp("2020-08-03").timestamp()
    assert labels({"calendar": ["day", "quarter", "year"]}, [""], [day]) == [
        ("2020", "2020-Q3", "2020-08-03")
    ]
    assert labels(ICD, ["I10", "E66"]) == [("circulation", "I"), ("hormones", "E")]
    assert labels({"values": {1: "low", 2.0: "low", "3": "high"}}, ["1", "2", "3"]) == [
        ("low",),
        ("low",),
        ("high",),
    ]


@pytest.mark.parametrize(
    "settings_", [ICD, {"width": [5, 10]}, {"prefix": [3, 1]}, {"calendar": ["day", "year"]}]
)
def test_plain_data_gives_the_same_hierarchy(settings_: dict[str, Any]) -> None:
    read = Hierarchy.read("x", settings_)
    assert Hierarchy.read("x", read.to_dict()) == read


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"widht": [5]}, "did you mean 'width'"),
        ({"width": [5], "prefix": [1]}, "one of values, prefix"),
        ({"width": [5, 7]}, "multiple"),
        ({"width": [0]}, "above 0"),
        ({"width": []}, "at least one level"),
        ({"prefix": [1, 3]}, "longest to the shortest"),
        ({"calendar": ["year", "day"]}, "finest to the coarsest"),
        ({"calendar": ["week"]}, "unit 'week'"),
        ({"values": {}}, "maps each value"),
        ({"values": {"a": ["x"], "b": ["x", "y"]}}, "equally many parents"),
        ({"values": {"a": ["x", "p"], "b": ["x", "q"]}}, "'x' has two different parents"),
    ],
)
def test_what_is_no_hierarchy_is_refused(settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Hierarchy.read("x", settings_)


def made(name: str, kind: Any, cells: list[Any], k: int, **how: Any) -> tuple[pd.DataFrame, Any]:
    schema = Schema((Column(name, kind, "quasi"), Column("y", "integer")))
    frame = pd.DataFrame({name: cells, "y": range(len(cells))})
    requirement = Requirement.of(schema, k_anonymity=KAnonymity(k=k, **how))
    assert requirement is not None
    return anonymize(frame, schema, requirement)


def test_cuts_follow_the_hierarchy() -> None:
    # Sorted as text the two nodes would be mixed.
    tree = {"values": {"a": "odd", "b": "even", "c": "odd", "d": "even"}}
    cells = ["a", "b", "c", "d", "a", "b", "c", "d"]
    released, _ = made("x", "categorical", cells, 4, recode="interval", hierarchies={"x": tree})
    assert released["x"].tolist() == ["odd", "even"] * 4
    released, _ = made("x", "categorical", cells, 2, recode="interval", hierarchies={"x": tree})
    assert released["x"].tolist() == cells
    released, _ = made("x", "categorical", cells, 5, recode="interval", hierarchies={"x": tree})
    assert set(released["x"]) == {"*"}
    released, _ = made("x", "categorical", cells, 4, hierarchies={"x": tree})
    assert released["x"].tolist() == ["a", "b"] * 4


def test_a_cut_between_nodes_goes_before_a_more_even_one() -> None:
    tree = {"values": {"a": "one", "b": "one", "c": "one", "d": "other"}}
    cells = ["a"] * 2 + ["b"] * 4 + ["c"] * 2 + ["d"] * 4
    released, _ = made("x", "categorical", cells, 4, recode="interval", hierarchies={"x": tree})
    assert released["x"].tolist() == ["one"] * 8 + ["d"] * 4


def test_bands_prefixes_and_calendars_as_labels() -> None:
    released, _ = made(
        "age", "integer", [21, 29, 32, 38], 2, recode="interval", hierarchies={"age": {"width": [10]}}
    )
    assert released["age"].tolist() == ["20-29"] * 2 + ["30-39"] * 2
    how: dict[str, Any] = {"recode": "interval", "hierarchies": {"zip": {"prefix": [3]}}}
    released, _ = made("zip", "categorical", ["10115", "10117", "80331", "80333"], 2, **how)
    assert released["zip"].tolist() == ["101*"] * 2 + ["803*"] * 2
    how = {"recode": "interval", "hierarchies": {"day": {"calendar": ["month", "year"]}}}
    days = ["2020-01-03", "2020-01-09", "2020-02-01", "2020-02-02"]
    released, _ = made("day", "datetime", days, 2, **how)
    assert released["day"].tolist() == ["2020-01"] * 2 + ["2020-02"] * 2


def test_a_small_child_does_not_keep_the_others_together() -> None:
    tree = {"values": {"a": "one", "b": "one", "z": "other"}}
    cells = ["a"] * 4 + ["b"] * 4 + ["z"]
    released, report = made("x", "categorical", cells, 3, recode="interval", hierarchies={"x": tree})
    assert report.classes == 2
    assert released["x"].tolist() == ["a"] * 4 + ["*"] * 5


def test_a_value_without_a_place_is_an_error_without_the_value() -> None:
    with pytest.raises(DataError, match="1 of its 2 values have no parents") as caught:
        made("x", "categorical", ["I10", "secret"], 2, hierarchies={"x": ICD})
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError, match="needs a number"):
        made("x", "categorical", ["a", "b"], 2, hierarchies={"x": {"width": [5]}})


@settings(max_examples=80, deadline=None)
@given(ages=st.lists(st.one_of(st.none(), st.integers(0, 99)), min_size=4, max_size=80), k=st.integers(2, 4))
def test_every_band_covers_its_rows(recount: SimpleNamespace, ages: list[int | None], k: int) -> None:
    cells = pd.array(ages, dtype="Int64")
    how: dict[str, Any] = {"recode": "interval", "hierarchies": {"age": {"width": [5, 20]}}}
    released, _ = made("age", "integer", cells, k, **how)  # type: ignore[arg-type]
    assert recount.smallest(released, ["age"]) >= k
    for age, label in zip(ages, released["age"], strict=True):
        if age is None:
            assert label is None or label.endswith("or missing")
        elif not label.startswith("*"):
            low, _, high = label.removesuffix(" or missing").partition("-")
            assert int(low) <= age <= int(high or low)
