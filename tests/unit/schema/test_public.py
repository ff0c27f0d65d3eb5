"""The schema of a private run holds what was declared, and nothing of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import RejectColumn, SchemaError
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.public import (
    is_learnt,
    kind_is_open,
    lacking,
    private_schema,
    public_dtype,
    require_declared,
)
from synthetic_healthcare.schema.schema import Schema

FRAME = pd.DataFrame(
    {
        "subject_id": [7, 8, 9] * 20,
        "age": np.arange(60.0) * 7 % 60,
        "ward": ["north", "south"] * 30,
        "died": [0, 1, 1] * 20,
    }
)


def test_nothing_that_was_read_is_taken_over() -> None:
    read = Schema.infer(FRAME, target="died")
    assert private_schema(FRAME, read, None) == private_schema(FRAME, None, "died")
    schema = private_schema(FRAME, read.with_column("age", bounds=(0, 120), unit="years"), None)
    assert schema["age"] == Column(
        "age",
        "numeric",
        unit="years",
        bounds=(0, 120),
        declared=frozenset({"bounds", "unit", "kind"}),
        reason="declared",
    )
    assert schema["ward"] == Column("ward", "numeric", reason="not declared")
    assert schema.target == "died"


def test_only_names_are_read() -> None:
    other = FRAME.astype(object).assign(age="x", ward=[["a"]] * 60, died=None)
    assert private_schema(other, None, "died") == private_schema(FRAME, None, "died")


@pytest.mark.parametrize(
    ("changes", "kind", "open_kind"),
    [
        ({}, "numeric", True),
        ({"nullable": False}, "numeric", True),
        ({"categories": ("a", "b")}, "categorical", False),
        ({"kind": "categorical", "categories": ("a", "b")}, "categorical", False),
        ({"decimals": 1}, "numeric", False),
        ({"role": "identifier"}, "identifier", False),
    ],
)
def test_a_kind_follows_from_what_was_declared(
    changes: dict[str, object], kind: str, open_kind: bool
) -> None:
    base = Column("x", "text" if "categories" not in changes else "categorical")
    schema = Schema((base, Column("y", "numeric"))).with_column("x", **changes)  # type: ignore[arg-type]
    frame = pd.DataFrame({"x": [1], "y": [2]})
    column = private_schema(frame, schema, None)["x"]
    assert (column.kind, kind_is_open(column)) == (kind, open_kind)
    assert is_learnt(column) == (kind != "identifier")


def test_names_of_persons_make_identifiers_unless_declared_otherwise() -> None:
    assert private_schema(FRAME, None, None)["subject_id"].role == "identifier"
    learnt = Schema.infer(FRAME).with_column("subject_id", kind="integer", bounds=(0, 9))
    assert is_learnt(private_schema(FRAME, learnt, None)["subject_id"])


def test_text_and_foreign_columns_are_refused() -> None:
    text = Schema.infer(FRAME).with_column("ward", kind="text")
    with pytest.raises(RejectColumn, match="free text"):
        private_schema(FRAME, text, None)
    with pytest.raises(SchemaError, match="differ"):
        private_schema(FRAME.drop(columns="age"), text, None)
    with pytest.raises(SchemaError, match="dies"):
        private_schema(FRAME, None, "dies")


def test_what_is_lacking_is_named() -> None:
    declared = frozenset({"kind"})
    assert lacking(Column("x", "numeric")) == ("kind",)
    assert lacking(Column("x", "datetime", declared=declared)) == ("bounds",)
    assert lacking(Column("x", "codes", declared=declared)) == ("categories",)
    assert lacking(Column("x", "identifier", "identifier", declared=declared)) == ()
    with pytest.raises(SchemaError) as problem:
        require_declared(Schema((Column("no", "numeric"), Column('a "b": c', "codes", declared=declared))))
    lines = str(problem.value).splitlines()[1:]
    filled = "\n".join(lines).replace("LOWEST", "0").replace("HIGHEST", "1")
    assert Schema.from_yaml(f"version: 1\ncolumns:\n{filled}\n").names == ("no", 'a "b": c')


def test_dtypes_follow_from_declarations() -> None:
    assert public_dtype("numeric", None, nullable=True) == "float64"
    assert public_dtype("integer", None, nullable=True) == "Int64"
    assert public_dtype("integer", None, nullable=False) == "int64"
    assert public_dtype("datetime", None, nullable=True) == "datetime64[us]"
    assert public_dtype("boolean", (False, True), nullable=True) == "boolean"
    assert public_dtype("categorical", (0, 1), nullable=False) == "int64"
    assert public_dtype("ordinal", (0.5, 1), nullable=False) == "float64"
    assert public_dtype("categorical", ("a", 1), nullable=True) == "object"
    integers = Schema.infer(FRAME).with_column("age", kind="numeric", dtype="int64")
    age = private_schema(FRAME, integers, None)["age"]
    assert (age.decimals, age.nullable) == (0, False)
    assert private_schema(FRAME, integers.with_column("age", dtype="Int64"), None)["age"].nullable
