"""Which columns contradict themselves, or each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.schema.column import (
    CONTINUOUS_KINDS,
    DISCRETE_KINDS,
    KINDS,
    ROLES,
    UNLEARNT_KINDS,
    Column,
)
from synthetic_healthcare.schema.derived import DerivedColumn
from synthetic_healthcare.schema.spelling import unknown


def check_columns(columns: Sequence[Column]) -> None:
    """Raise `SchemaError` where columns cannot stand together in a schema."""
    for column in columns:
        check_column(column)
    repeated = [name for name, times in Counter(column.name for column in columns).items() if times > 1]
    if repeated:
        raise SchemaError(
            f"duplicate column names: {', '.join(map(repr, repeated))}. Rename all but one of each"
        )
    for role in ("target", "group"):
        holders = [column.name for column in columns if column.role == role]
        if len(holders) > 1:
            named = ", ".join(map(repr, holders))
            raise SchemaError(
                f"{len(holders)} columns have the role {role!r}: {named}. Leave it to one of them"
            )


def check_derived(derived: Sequence[DerivedColumn], columns: Sequence[Column]) -> None:
    """Raise `SchemaError` where a derived column has no numeric source, or takes another one's name."""
    kinds = {column.name: column.kind for column in columns}
    for each in derived:
        if each.source not in kinds:
            raise SchemaError(f"derived column {each.name!r}: " + unknown("column", each.source, kinds))
        if kinds[each.source] not in ("numeric", "integer", "ordinal"):
            raise SchemaError(
                f"derived column {each.name!r}: {each.source!r} is of kind {kinds[each.source]!r}, and bands "
                "are for numbers"
            )
    names = [*kinds, *(each.name for each in derived)]
    repeated = [each.name for each in derived if names.count(each.name) > 1]
    if repeated:
        raise SchemaError(f"derived column {repeated[0]!r} takes the name of another column. Rename it")


def check_column(column: Column) -> None:
    """Raise `SchemaError` where a column's fields contradict each other."""
    where = f"column {column.name!r}: "
    name: object = column.name
    if not isinstance(name, str) or not name.strip():
        raise SchemaError(f"a column has no name, or one that is not text (it is {type(name).__name__})")
    if column.kind not in KINDS:
        raise SchemaError(where + unknown("kind", str(column.kind), KINDS))
    if column.role not in ROLES:
        raise SchemaError(where + unknown("role", str(column.role), ROLES))
    if column.role == "target" and column.kind in UNLEARNT_KINDS | {"codes"}:
        raise SchemaError(
            f"{where}a column of kind {column.kind!r} cannot be the target. Choose another column"
        )
    _check_bounds(column, where)
    _check_categories(column, where)
    if column.decimals is not None and not 0 <= column.decimals <= 15:
        raise SchemaError(f"{where}decimals must be a whole number from 0 to 15, not {column.decimals}")
    if column.delimiter is not None and (column.kind != "codes" or not column.delimiter):
        raise SchemaError(f"{where}a delimiter is for columns of kind 'codes' and has at least one character")


def _check_bounds(column: Column, where: str) -> None:
    if column.bounds is None:
        return
    if column.kind not in CONTINUOUS_KINDS:
        raise SchemaError(f"{where}bounds are for numbers and dates, not for kind {column.kind!r}")
    low, high = column.bounds
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise SchemaError(f"{where}bounds must be two finite numbers, the lower one first")


def _check_categories(column: Column, where: str) -> None:
    if column.categories is None:
        return
    if column.kind not in DISCRETE_KINDS | {"codes"}:
        raise SchemaError(f"{where}categories are not for kind {column.kind!r}")
    if len(set(column.categories)) != len(column.categories):
        raise SchemaError(f"{where}categories are listed twice (1, 1.0 and true count as the same)")
    if not column.categories:
        raise SchemaError(f"{where}categories are an empty list; leave them out to have them learnt")
    if column.kind == "boolean" and len(column.categories) != 2:
        raise SchemaError(f"{where}a boolean has 2 categories, not {len(column.categories)}")
