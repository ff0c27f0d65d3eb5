"""What is known of each column before any patient is looked at: kind, role, unit, range, categories.

All of it is declared: it comes from definitions and from published ranges, so that a private run pays for
none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from synthetic_healthcare.datasets.aggregation import Statistic
from synthetic_healthcare.datasets.mimic.cohort import (
    ADMISSION_TYPES,
    CARE_UNITS,
    ETHNICITIES,
    INSURANCES,
    LANGUAGES,
    MARITAL_STATUSES,
    ORIGINS,
    SERVICES,
    TARGETS,
)
from synthetic_healthcare.datasets.mimic.comorbidities import GROUPS
from synthetic_healthcare.datasets.mimic.concepts import (
    BLOOD_GAS,
    LABORATORY,
    OXYGEN,
    SELDOM,
    VENTILATOR,
    VITALS,
    Concept,
)
from synthetic_healthcare.datasets.mimic.sofa import PARTS
from synthetic_healthcare.datasets.mimic.table import FLAGS, LIMITS, column_name
from synthetic_healthcare.schema.column import Category, Column, Role
from synthetic_healthcare.schema.schema import Schema

_QUASI: Final = {
    "gender": ("F", "M"),
    "ethnicity": ETHNICITIES,
    "language": LANGUAGES,
    "marital_status": MARITAL_STATUSES,
    "insurance": INSURANCES,
    "admission_type": ADMISSION_TYPES,
    "admission_location": ORIGINS,
}


def schema_of(table: pd.DataFrame, *, target: str) -> Schema:
    """Return the schema of a table that `build_table` gave."""
    known = {column.name: column for column in (*_columns(), _target(target))}
    return Schema(tuple(known[str(name)] for name in table.columns))


def in_dtypes(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the table with the dtypes that its schema names."""
    return table.astype({column.name: column.dtype for column in schema.columns})


def _columns() -> Iterator[Column]:
    yield _declared("subject_id", "identifier", dtype="int64", role="group", nullable=False)
    yield _declared("icustay_id", "identifier", dtype="int64", role="identifier", nullable=False)
    yield from _demographics()
    yield _number("weight", "kg", (30, 250), 1)
    yield _number("height", "cm", (100, 240), 0)
    for concept in (*VITALS, *LABORATORY, *BLOOD_GAS, *VENTILATOR, *OXYGEN):
        for statistic in concept.statistics:
            yield _of_concept(concept, statistic)
    yield _levels("gcs_eye", 1, 4)
    yield _levels("gcs_verbal", 1, 5)
    yield _levels("gcs_motor", 1, 6)
    yield _number("gcs_total", "points", (3, 15), 0)
    yield _flag("gcs_intubated")
    for concept in SELDOM:
        yield _flag(f"{concept.name}_measured")
    yield _number("pf_ratio_min", "mmHg", LIMITS["pf_ratio_min"], 0)
    yield _flag("ventilated")
    yield _number("urine_ml", "mL", LIMITS["urine_ml"], 0)
    yield _number("crystalloid_ml", "mL", LIMITS["crystalloid_ml"], 0, nullable=False)
    yield _number("fluid_in_ml", "mL", LIMITS["fluid_in_ml"], 0, nullable=False)
    for name in FLAGS:
        yield _flag(name)
    for name in GROUPS:
        yield _flag(name, role="sensitive")
    for part in PARTS:
        yield _levels(f"sofa_{part}", 0, 4, dtype="int64", nullable=False)
    yield _number("sofa", "points", (0, 24), 0, nullable=False)
    yield _declared("diagnoses", "codes", dtype="object", role="sensitive", delimiter=";")


def _demographics() -> Iterator[Column]:
    yield _number("age", "years", (0, 90), 0, role="quasi", nullable=False)
    for name, categories in _QUASI.items():
        yield _names(name, categories, role="quasi")
    yield _names("first_care_unit", CARE_UNITS)
    yield _names("first_service", SERVICES)
    yield _flag("surgical")
    yield _number("emergency_hours", "h", LIMITS["emergency_hours"], 1)
    yield _number("hours_before_unit", "h", LIMITS["hours_before_unit"], 1, nullable=False)
    yield _number("stay_number", "stays", LIMITS["stay_number"], 0, nullable=False)


def _target(name: str) -> Column:
    if name == "readmission_30_days":
        return _declared(
            name, "boolean", dtype="boolean", role="target", nullable=True, categories=(False, True)
        )
    assert name in TARGETS
    return _flag(name, role="target")


def _of_concept(concept: Concept, statistic: Statistic) -> Column:
    name = column_name(concept, statistic)
    if statistic == "count":
        return _number(name, "measurements", LIMITS["count"], 0, nullable=False)
    return _number(name, concept.unit, concept.bounds, concept.decimals)


def _number(
    name: str,
    unit: str,
    bounds: tuple[float, float],
    decimals: int,
    *,
    role: Role = "feature",
    nullable: bool = True,
) -> Column:
    whole = decimals == 0
    dtype = ("Int64" if nullable else "int64") if whole else "float64"
    kind = "integer" if whole else "numeric"
    facts = {"unit": unit, "bounds": (float(bounds[0]), float(bounds[1])), "decimals": decimals}
    return _declared(name, kind, dtype=dtype, role=role, nullable=nullable, **facts)


def _names(name: str, categories: tuple[Category, ...], *, role: Role = "feature") -> Column:
    kind = "boolean" if len(categories) == 2 else "categorical"
    return _declared(name, kind, dtype="object", role=role, nullable=True, categories=categories)


def _levels(name: str, low: int, high: int, *, dtype: str = "Int64", nullable: bool = True) -> Column:
    return _declared(
        name,
        "ordinal",
        dtype=dtype,
        nullable=nullable,
        unit="points",
        categories=tuple(range(low, high + 1)),
    )


def _flag(name: str, *, role: Role = "feature") -> Column:
    return _declared(name, "boolean", dtype="bool", role=role, nullable=False, categories=(False, True))


def _declared(name: str, kind: Any, *, dtype: str, role: Role = "feature", **facts: Any) -> Column:
    """Build a column all of whose facts are public."""
    declared = frozenset({"kind", "role", *facts})
    return Column(
        name, kind, role, dtype=dtype, declared=declared, reason="MIMIC-III cohort (docs/mimic.md)", **facts
    )
