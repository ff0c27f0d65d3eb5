"""Columns whose every field is declared: known from the documents of a dataset, not from its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from synthetic_healthcare.datasets.dataset import ColumnNote
from synthetic_healthcare.schema.column import Category, Column, Kind, Role
from synthetic_healthcare.schema.public import public_dtype


@final
@dataclass(frozen=True)
class Declared:
    """A column and its note."""

    column: Column
    note: ColumnNote


def coded(
    name: str, meaning: str, codes: dict[Category, str], *, role: Role = "feature", nullable: bool = False
) -> Declared:
    """A column of two codes (boolean) or more without an order (categorical)."""
    return _declared("boolean" if len(codes) == 2 else "categorical", name, meaning, codes, role, nullable)


def graded(
    name: str, meaning: str, codes: dict[Category, str], *, role: Role = "feature", nullable: bool = False
) -> Declared:
    """A column of codes in order, lowest first."""
    return _declared("ordinal", name, meaning, codes, role, nullable)


def whole(
    name: str, meaning: str, bounds: tuple[float, float], *, role: Role = "feature", unit: str | None = None
) -> Declared:
    """A column of whole numbers; the bounds are plausible or set by the instrument, never read."""
    return _number("integer", name, meaning, bounds, role=role, unit=unit, decimals=0)


def measured(
    name: str,
    meaning: str,
    bounds: tuple[float, float],
    *,
    role: Role = "feature",
    unit: str | None = None,
    decimals: int | None = None,
) -> Declared:
    """A column of measurements."""
    return _number("numeric", name, meaning, bounds, role=role, unit=unit, decimals=decimals)


def _number(kind: Kind, name: str, meaning: str, bounds: tuple[float, float], **fields: Any) -> Declared:
    given = {key: value for key, value in fields.items() if value is not None}
    column = Column(
        name,
        kind,
        dtype=public_dtype(kind, None, nullable=False),
        nullable=False,
        bounds=bounds,
        reason=meaning,
        declared=frozenset({"kind", "dtype", "nullable", "bounds", *given}),
        **given,
    )
    return Declared(column, ColumnNote(name, meaning))


def _declared(
    kind: Kind, name: str, meaning: str, codes: dict[Category, str], role: Role, nullable: bool
) -> Declared:
    column = Column(
        name,
        kind,
        role,
        dtype=public_dtype(kind, tuple(codes), nullable=nullable),
        nullable=nullable,
        categories=tuple(codes),
        reason=meaning,
        declared=frozenset({"kind", "role", "dtype", "nullable", "categories"}),
    )
    return Declared(column, ColumnNote(name, meaning, tuple(codes.items())))
