"""What was not declared is found where enough patients hold it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.private.discovery import _listed, _typed
from synthetic_healthcare.transforms.private.prepare import PrivatelyPrepared
from synthetic_healthcare.transforms.private.ranges import (
    count_instants,
    count_numbers,
    range_of_instants,
    range_of_numbers,
)


def test_numbers_are_counted_by_power_of_two() -> None:
    counts = count_numbers(pd.Series([0, 1e-9, 1, 1.99, 2, -3, 1e300, np.inf, None, "x"], dtype=object))
    places = {int(place): int(counts[place]) for place in np.flatnonzero(counts)}
    # Fifty powers a side: 2^0 is the 21st of the positive ones, -2^1 the 22nd of the negative ones.
    assert places == {50: 2, 50 + 21: 2, 50 + 22: 1, 50 - 22: 1, 100: 2, 101: 2}


@pytest.mark.parametrize(
    ("values", "decimals", "bounds"),
    [
        (np.arange(20, 90), 0, (16.0, 127.0)),
        (np.array([0, 1]), 0, (0.0, 1.0)),
        (np.array([1, 2, 3, 4, 5]), 0, (1.0, 7.0)),
        (np.linspace(0.5, 7.9, 60), 1, (0.5, 7.9)),
        (np.linspace(-40, 40, 81), None, (-64.0, 64.0)),
        (np.array([0.0]), 0, (0.0, 0.0)),
    ],
)
def test_the_range_is_the_stretch_that_holds_rows(
    values: np.ndarray, decimals: int | None, bounds: tuple[float, float]
) -> None:
    counts = count_numbers(pd.Series(np.resize(values, 5000).astype(float)))
    assert range_of_numbers(counts, 5.0, decimals)[0] == pytest.approx(bounds)


def test_a_few_far_values_do_not_move_the_range() -> None:
    values = pd.Series(np.concatenate([np.linspace(20, 90, 5000), [1e6] * 4, [-1e6] * 4]))
    assert range_of_numbers(count_numbers(values), 5.0, 0)[0] == (16.0, 127.0)


def test_noise_alone_makes_no_range() -> None:
    rng = np.random.default_rng(0)
    found = [
        range_of_numbers(np.rint(rng.normal(0, 20, 102)).astype(np.int64), 20.0, 0)[0] for _ in range(300)
    ]
    assert np.mean([bounds == (0.0, 0.0) for bounds in found]) > 0.7
    assert np.mean([bounds[0] < 0 for bounds in found]) < 0.05


def test_dates_are_found_within_half_decades() -> None:
    dates = pd.Series(pd.date_range("2101-03-01", "2110-01-01", 3000))
    (low, high), (edges, masses) = range_of_instants(count_instants(dates), 10.0)
    assert pd.Timestamp(low, unit="s") <= dates.min() < pd.Timestamp(low, unit="s") + pd.Timedelta("1830D")
    assert pd.Timestamp(high, unit="s") >= dates.max() > pd.Timestamp(high, unit="s") - pd.Timedelta("1830D")
    assert len(edges) == len(masses) + 1


def test_spellings_that_are_all_numbers_are_numbers() -> None:
    assert _typed(["10", "2", "2.5"]) == (2, 2.5, 10)
    assert _typed(["10", "007"]) == ("10", "007")
    assert _typed([]) == ()


@pytest.mark.parametrize(
    ("kind", "found", "most", "categories", "becomes"),
    [
        ("categorical", {"b": 9, "a": 8}, 5, ("a", "b", "other"), "categorical"),
        ("categorical", {"b": 9, "a": 8, "c": 7}, 2, ("a", "b", "other"), "categorical"),
        ("categorical", {"1": 9, "3": 8}, 5, (1, 3), "categorical"),
        ("categorical", {}, 5, ("other",), "categorical"),
        ("boolean", {"F": 9, "M": 8, "x": 1}, 5, ("F", "M"), "boolean"),
        ("boolean", {"F": 9}, 5, ("F", "other"), "categorical"),
        ("ordinal", {"3": 9, "1": 8}, 5, (1, 3), "ordinal"),
        ("codes", {"I10": 9}, 5, ("I10",), "codes"),
        ("codes", {}, 5, None, "codes"),
    ],
)
def test_what_was_found_is_listed(
    kind: str, found: dict[str, int], most: int, categories: tuple[object, ...] | None, becomes: str
) -> None:
    listed = _listed(Column("x", kind), found, most)  # type: ignore[arg-type]
    assert (listed.categories, listed.kind) == (categories, becomes)


@pytest.mark.parametrize(
    ("dtype", "categories"),
    [
        ("int8", (0, 3)),
        ("float64", (0, 0.5, 3, 300)),
        ("boolean", (0,)),
        ("str", ("0", "0.5", "3", "300", "a")),
    ],
)
def test_what_a_declared_dtype_cannot_hold_is_not_listed(dtype: str, categories: tuple[object, ...]) -> None:
    column = Column("x", "categorical", dtype=dtype, declared=frozenset({"kind", "dtype"}))
    listed = _listed(column, {"a": 9, "3": 9, "0.5": 9, "300": 9, "0": 9}, 9).categories or ()
    assert tuple(category for category in listed if category != "other") == categories
    assert ("other" in listed) == (dtype == "str")
    assert _listed(column, {}, 9).categories == (("other",) if dtype == "str" else (0,))


@pytest.mark.usefixtures("no_noise")
def test_everything_undeclared_is_found_in_a_table_of_everything(
    table: pd.DataFrame, prepare: Callable[..., PrivatelyPrepared]
) -> None:
    schema = prepare(table).schema
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "age": "numeric",
        "crp": "numeric",
        "ward": "categorical",
        "stage": "ordinal",
        "smoker": "boolean",
        "admitted": "datetime",
        "diagnoses": "codes",
        "site": "ordinal",
        "died": "ordinal",
    }
    assert schema["age"].bounds == (16.0, 127.0)
    assert schema["age"].decimals == 0
    assert schema["crp"].decimals == 1
    assert schema["ward"].categories == ("east", "north", "south")
    assert schema["stage"].categories == (1, 2, 3, 4)
    assert schema["site"].categories == (7,)
    assert schema["diagnoses"].categories == ("E11", "I10", "J44", "N18")
    assert {column.dtype for column in schema.columns} == {"float64", "object", "boolean", "datetime64[us]"}


def test_a_category_of_one_patient_is_never_found(
    table: pd.DataFrame, prepare: Callable[..., PrivatelyPrepared]
) -> None:
    table.loc[0, "ward"] = "the west wing"
    for _ in range(5):
        assert "the west wing" not in (prepare(table, epsilon=10.0).schema["ward"].categories or ())


@pytest.mark.usefixtures("no_noise")
def test_declared_fields_are_never_learnt(
    table: pd.DataFrame, prepare: Callable[..., PrivatelyPrepared]
) -> None:
    read = Schema.infer(table, target="died")
    partly = read.with_column("age", bounds=(0, 200)).with_column("ward", categories=("north", "south"))
    prepared = prepare(table, partly.with_column("stage", kind="integer", bounds=(0, 9)))
    assert prepared.schema["age"].bounds == (0.0, 200.0)
    assert prepared.schema["ward"].categories == ("north", "south")
    assert prepared.schema["stage"].kind == "integer"
