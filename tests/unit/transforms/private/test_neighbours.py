"""One patient changes nothing but the counts that were paid for: T5 of the design, through the real path."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.privacy import counting
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.private import encoder as private_encoder
from synthetic_healthcare.transforms.private.numbers import NumberDomain

Same = Callable[[pd.DataFrame, pd.DataFrame, Schema | None], bool]


def _with(column: str, cell: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The table with another cell in its first row, in the dtype that pandas then takes."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        cells = table[column].astype(object).tolist()
        cells[0] = cell
        return table.assign(**{column: pd.Series(cells).infer_objects()})

    return change


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it comes from a file in which every number column has one odd cell: all text."""
    plain = table.drop(columns="diagnoses").astype(object)
    plain.loc[0, ["age", "crp", "stage", "smoker", "site", "died"]] = np.nan
    read = pd.read_csv(io.StringIO(plain.to_csv(index=False, na_rep="odd")), dtype=str)
    return read.assign(diagnoses=table["diagnoses"])[list(table.columns)]


CHANGES = {
    "a value out of bounds": _with("age", 10**12),
    "an infinite value": _with("crp", np.inf),
    "a negative value": _with("crp", -1e7),
    "a new category": _with("ward", "the west wing"),
    "a new level": _with("stage", 17),
    "a first missing number": _with("age", np.nan),
    "a first missing category": _with("ward", None),
    "a constant broken": _with("site", 3),
    "an integer column with a fraction": _with("age", 44.123456),
    "text among numbers": _with("age", "forty"),
    "text among truth values": _with("smoker", "sometimes"),
    "a limit of detection": _with("crp", "<0.5"),
    "a number beyond doubles": _with("age", 10**400),
    "a far date": _with("admitted", pd.Timestamp("2250-01-01 12:34")),
    "text among dates": _with("admitted", "soon"),
    "a new code": _with("diagnoses", ["Q99", "I10"]),
    "many codes": _with("diagnoses", [f"X{number}" for number in range(50)]),
    "a code that is no set": _with("diagnoses", 3),
    "another class of the target": _with("died", 2),
    "text everywhere": _as_text,
}


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_kept_of_one_patient_but_counts(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    is_declared: bool,
    table: pd.DataFrame,
    declared: Schema,
    same_state: Same,
) -> None:
    assert same_state(table, change(table), declared if is_declared else None)


@pytest.mark.usefixtures("no_noise")
@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize("change", list(CHANGES.values())[:-1], ids=list(CHANGES)[:-1])
def test_one_patient_changes_no_domain(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    is_declared: bool,
    table: pd.DataFrame,
    declared: Schema,
    prepare: Callable[..., Any],
) -> None:
    known = declared if is_declared else None
    one, other = prepare(table, known), prepare(change(table), known)
    assert one.schema == other.schema
    assert one.notes == other.notes
    assert one.encoder.panels == other.encoder.panels
    assert [part.width for part in one.encoder.layout.parts] == [
        part.width for part in other.encoder.layout.parts
    ]
    for name, domain in one.domain.domains.items():
        # Bins of a learnt range hold equal counts, and move with these.
        if is_declared and isinstance(domain, NumberDomain):
            assert np.array_equal(domain.edges, other.domain.domains[name].edges), name  # type: ignore[attr-defined]


def test_the_order_of_rows_changes_nothing(table: pd.DataFrame, same_state: Same) -> None:
    assert same_state(table, table.sample(frac=1, random_state=1).reset_index(drop=True), None)


def _found_unpaid(table: Any, deviation: float, threshold: float) -> Any:
    return dict(sorted(table.items()))


def _bound_of_data(frame: pd.DataFrame, *rest: Any, **named: Any) -> Any:
    opened, spent = _CLOSE(frame, *rest, **named)
    numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in ("age", "crp")}
    return tuple(
        replace(held, column=replace(held.column, bounds=(0.0, float(numbers[held.column.name].max()))))
        if held.column.name in numbers
        else held
        for held in opened
    ), spent


def _fill_of_a_record(frame: pd.DataFrame, *rest: Any, **named: Any) -> Any:
    domains, marginals = _MEASURE(frame, *rest, **named)
    age = domains["age"]
    fill = replace(age, held=replace(age.held, unit=f"filled with {frame['age'].iloc[0]}"))
    return domains | {"age": fill}, marginals


def _missing_where_seen(frame: pd.DataFrame, *rest: Any, **named: Any) -> Any:
    domains, marginals = _MEASURE(frame, *rest, **named)
    return {
        name: replace(domain, held=replace(domain.held, nullable=bool(frame[name].isna().any())))
        for name, domain in domains.items()
    }, marginals


_CLOSE, _MEASURE = private_encoder._close, private_encoder._measure
BUGS = {
    "a category list that was not noised": (counting, "_above", _found_unpaid, "a new category"),
    "a bound read from the data": (private_encoder, "_close", _bound_of_data, "a value out of bounds"),
    "a fill value of a record": (private_encoder, "_measure", _fill_of_a_record, "text among numbers"),
    "a missing state where one is seen": (
        private_encoder,
        "_measure",
        _missing_where_seen,
        "a first missing number",
    ),
}


@pytest.mark.parametrize(("module", "name", "bug", "change"), BUGS.values(), ids=BUGS)
def test_planted_bugs_are_found(
    module: Any,
    name: str,
    bug: Any,
    change: str,
    table: pd.DataFrame,
    same_state: Same,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, bug)
    assert not same_state(table, CHANGES[change](table), None)
