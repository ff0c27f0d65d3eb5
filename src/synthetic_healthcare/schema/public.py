"""The schema of a private run: what was declared, and nothing that was read.

Under differential privacy the rows speak only through the ledger. Public are the names of the columns, in
order, and every field of a `Column` that the user declared. Nothing else is: not even the dtype that a column
was handed over in, since a first missing value turns "int64" into "float64", and one odd cell a column of
numbers into one of objects. So no kind, bound, category, number of decimals or dtype is taken from the table
here; what was not declared stays open, to be paid for and learnt, or to be refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from synthetic_healthcare.errors import RejectColumn, SchemaError
from synthetic_healthcare.schema import vocabulary
from synthetic_healthcare.schema.column import (
    CONTINUOUS_KINDS,
    UNLEARNT_KINDS,
    Category,
    Column,
    Kind,
)
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

#: Fields of a column that count where they were declared.
_FIELDS: Final = (
    "kind",
    "role",
    "dtype",
    "nullable",
    "unit",
    "bounds",
    "categories",
    "decimals",
    "delimiter",
)


def private_schema(frame: pd.DataFrame, declared: Schema | None, target: str | None) -> Schema:
    """Return the schema that a private run starts from.

    A kind that was not declared follows from what was: categories make a column categorical, a delimiter
    makes it codes, bounds or decimals make it numeric. Otherwise it is open (`kind_is_open`) and stands as
    "numeric" until it is learnt. A name such as "patient_id", "ssn" or "last_name" makes an open column an
    identifier, since a name is public and such a column must never be learnt. `nullable` is true unless it
    was declared false, or a dtype that cannot hold a missing value was.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table; only the names of its columns are read.
    declared : Schema or None
        What the user declared; fields that `Column.declared` does not name are left out of it.
    target : str or None
        Column to predict, where not declared by its role.

    Raises
    ------
    SchemaError
        The table's columns are not those of the declared schema, or there is no such target.
    RejectColumn
        A column is declared as text.
    """
    if declared is not None:
        declared.check(frame)
    known = {} if declared is None else {column.name: column for column in declared.columns}
    names = [str(name) for name in frame.columns]
    columns = tuple(_public_column(known.get(name, Column(name, "numeric"))) for name in names)
    schema = (
        Schema(columns) if declared is None else Schema(columns, declared.derived, declared.time_to_event)
    )
    schema = schema if target is None else schema.with_target(target)
    told = (
        replace(column, reason="not declared" if kind_is_open(column) else "declared")
        for column in schema.columns
    )
    return replace(schema, columns=tuple(told))


def kind_is_open(column: Column) -> bool:
    """Whether the kind of a private schema's column is still to be learnt."""
    return "kind" not in column.declared


def is_learnt(column: Column) -> bool:
    """Whether models see the column: identifiers are made afresh."""
    return column.kind not in UNLEARNT_KINDS and column.role not in ("identifier", "group")


def lacking(column: Column) -> tuple[str, ...]:
    """Return the fields that a private schema's column lacks for nothing to be learnt but its counts."""
    if not is_learnt(column):
        return ()
    if kind_is_open(column):
        return ("kind",)
    if column.kind in CONTINUOUS_KINDS:
        return () if column.bounds is not None else ("bounds",)
    return () if column.categories is not None else ("categories",)


def require_declared(schema: Schema) -> None:
    """Refuse a private schema in which anything is left to learn but counts.

    Raises
    ------
    SchemaError
        Naming each column, with the line of the schema that declares it.
    """
    open_columns = [column for column in schema.columns if lacking(column)]
    if open_columns:
        lines = "\n".join(f"  {_cure(column)}" for column in open_columns)
        raise SchemaError(
            f"strict_domain: {len(open_columns)} of {len(schema.columns)} columns are not declared. Their "
            "values may not be looked at for free: put these lines under 'columns' of the schema, with what "
            f"is known of the columns from elsewhere than this table:\n{lines}"
        )


def public_dtype(kind: Kind, categories: Sequence[Category] | None, *, nullable: bool) -> str:
    """Return the dtype of a column that declared none: by its kind and categories, never by its rows."""
    if kind == "numeric":
        return "float64"
    if kind == "integer":
        return "Int64" if nullable else "int64"
    if kind == "datetime":
        return "datetime64[us]"
    types = {type(category) for category in categories or ()}
    if types == {bool}:
        return "boolean" if nullable else "bool"
    if types == {int}:
        return "Int64" if nullable else "int64"
    return "float64" if types and types <= {int, float} else "object"


def _public_column(column: Column) -> Column:
    """Keep what was declared of a column, and what follows from it."""
    fields = [name for name in _FIELDS if name in column.declared]
    held: dict[str, Any] = {name: getattr(column, name) for name in fields}
    kind = held.pop("kind", None) or _implied_kind(column.name, held)
    if kind == "text":
        raise RejectColumn(
            column.name,
            "free text is not learnt",
            "Drop the column, or declare it in the schema as categorical, codes or identifier",
        )
    if held.get("dtype", "").startswith(("int", "uint", "bool")) and held.get("dtype") != "boolean":
        # Such a dtype has no place for a missing value.
        held.setdefault("nullable", False)
    known = frozenset(fields) | ({"kind"} if kind is not None else set())
    if kind == "identifier":
        held.setdefault("role", "identifier")
    if kind == "integer" or (kind == "numeric" and "int" in held.get("dtype", "").lower()):
        held["decimals"] = 0
    return replace(Column(column.name, kind or "numeric", **held), declared=known)


def _implied_kind(name: str, held: dict[str, Any]) -> Kind | None:
    if held.get("categories") is not None:
        return "categorical"
    if held.get("delimiter") is not None:
        return "codes"
    if held.get("bounds") is not None or held.get("decimals") is not None:
        return "numeric"
    if held.get("role") in ("identifier", "group"):
        return "identifier"
    return "identifier" if vocabulary.names_person(name) or vocabulary.names_patient(name) else None


def _cure(column: Column) -> str:
    """The line that declares a column; words in capitals are for the user to replace."""
    (field,) = lacking(column)
    # In double quotes a name means itself in YAML, be it "no", "1" or "a: b".
    name = json.dumps(column.name, ensure_ascii=False)
    if field == "bounds":
        return f"{name}: {{kind: {column.kind}, bounds: [LOWEST, HIGHEST]}}"
    if field == "categories":
        return f"{name}: {{kind: {column.kind}, categories: [FIRST, SECOND]}}"
    return (
        f"{name}: {{kind: numeric, bounds: [LOWEST, HIGHEST]}}"
        f"  # or: {{kind: categorical, categories: [FIRST, SECOND]}}"
    )
