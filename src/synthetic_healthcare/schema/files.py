"""Schemas as plain data and as YAML that a person can read and edit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.plain_yaml import EXPONENTS, load_plain
from synthetic_healthcare.schema.column import KINDS, ROLES, Column
from synthetic_healthcare.schema.derived import DerivedColumn, derived_from_dict, derived_to_dict
from synthetic_healthcare.schema.spelling import unknown
from synthetic_healthcare.schema.time_to_event import (
    TimeToEvent,
    time_to_event_from_dict,
    time_to_event_to_dict,
)

_VERSION: Final = 1
_KEYS: Final = ("version", "columns", "derived", "time_to_event")
_FIELDS: Final[tuple[str, ...]] = (
    "kind",
    "role",
    "unit",
    "bounds",
    "categories",
    "decimals",
    "delimiter",
    "nullable",
    "dtype",
    "declared",
    "reason",
)
#: Fields that describe the file's origin, not the domain: they are never "declared".
_PROVENANCE: Final[frozenset[str]] = frozenset({"dtype", "declared", "reason"})
_HEADER: Final = """\
# What is known of each column. Read it, change what is wrong, and pass the file to fit.
#   kind:  {kinds}
#   role:  {roles}
#   also:  unit, bounds: [low, high], categories: [...], decimals, delimiter (codes in one string), nullable
# Fields under `declared` are stated by you, from public knowledge; the others were read from the data. Add a
# field's name there when you change it. In a block without a `declared` list, all fields count as declared.
# A block `derived` names bands to generate by: age_group: {{from: age, bands: {{65+: [65, null]}}}}
# A block `time_to_event` names what survival is judged by: {{time: days, event: died, happened: "yes"}}
"""


def schema_to_dict(
    columns: Sequence[Column], derived: tuple[DerivedColumn, ...], *, time_to_event: TimeToEvent | None = None
) -> dict[str, Any]:
    """Return plain data for JSON: every field of every column."""
    data = {
        "version": _VERSION,
        "columns": [_column_to_dict(column) for column in columns],
        "derived": derived_to_dict(derived),
    }
    # Left out where it is not declared, so that the schemas of older model files come out as they went in.
    return data if time_to_event is None else data | {"time_to_event": time_to_event_to_dict(time_to_event)}


def columns_from_dict(data: Mapping[str, Any]) -> tuple[Column, ...]:
    """Rebuild the columns that `schema_to_dict` gave."""
    _check_top(data)
    columns = data["columns"]
    if not isinstance(columns, list | tuple):
        raise SchemaError("'columns' of the schema must be a list")
    return tuple(_column_from_dict(str(entry.get("name")), entry, ("name", *_FIELDS)) for entry in columns)


def schema_to_yaml(
    columns: Sequence[Column], derived: tuple[DerivedColumn, ...], *, time_to_event: TimeToEvent | None = None
) -> str:
    """Return YAML with one block a column, holding only the fields that say something."""
    blocks = {column.name: _block(column) for column in columns}
    header = _HEADER.format(kinds=", ".join(KINDS), roles=", ".join(ROLES))
    parts = [header, f"version: {_VERSION}\ncolumns:\n"]
    for name, block in blocks.items():
        dumped = yaml.dump(
            {name: block},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=100,
            default_flow_style=False,
        )
        parts.append("".join(f"  {line}\n" if line else "\n" for line in dumped.splitlines()) + "\n")
    if derived:
        parts.append(yaml.dump({"derived": derived_to_dict(derived)}, Dumper=_Dumper, sort_keys=False))
    if time_to_event is not None:
        block = {"time_to_event": time_to_event_to_dict(time_to_event)}
        parts.append(yaml.dump(block, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    return "".join(parts).rstrip("\n") + "\n"


def schema_from_yaml(
    source: str | Path,
) -> tuple[tuple[Column, ...], tuple[DerivedColumn, ...], TimeToEvent | None]:
    """Read the blocks of a YAML file, or of YAML text of more than one line."""
    is_text = isinstance(source, str) and "\n" in source
    if is_text:
        text = str(source)
    else:
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise SchemaError(f"schema file {str(path)!r} does not exist") from error
        except (UnicodeDecodeError, IsADirectoryError) as error:
            raise SchemaError(f"schema file {str(path)!r} is not a text file") from error
    try:
        data = load_plain(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None)
        raise SchemaError(
            f"the schema is not valid YAML{place}: {problem}. Check indentation, colons and quotes"
        ) from error
    if not isinstance(data, dict):
        raise SchemaError("the schema must be YAML with the keys 'version' and 'columns'")
    _check_top(data)
    if not isinstance(data["columns"], dict):
        raise SchemaError("'columns' of the schema must hold one block a column, under the column's name")
    columns = tuple(_column_from_block(name, block) for name, block in data["columns"].items())
    declared = time_to_event_from_dict(data.get("time_to_event"))
    return columns, derived_from_dict(data.get("derived")), declared


class _Dumper(yaml.SafeDumper):
    """Safe dumper that writes tuples as lists on one line."""


def _flow_list(dumper: yaml.SafeDumper, values: tuple[Any, ...]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.add_representer(tuple, _flow_list)
_Dumper.add_implicit_resolver(*EXPONENTS)


def _check_top(data: Mapping[str, Any]) -> None:
    for key in data:
        if key not in _KEYS:
            raise SchemaError("the schema: " + unknown("key", str(key), _KEYS))
    if data.get("version", _VERSION) != _VERSION:
        raise SchemaError(
            f"the schema has a version other than {_VERSION}, the only one that this release reads"
        )
    if "columns" not in data:
        raise SchemaError("the schema has no 'columns'")


def _column_to_dict(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "kind": column.kind,
        "role": column.role,
        "dtype": column.dtype,
        "nullable": column.nullable,
        "unit": column.unit,
        "bounds": None if column.bounds is None else list(column.bounds),
        "categories": None if column.categories is None else list(column.categories),
        "decimals": column.decimals,
        "delimiter": column.delimiter,
        "declared": sorted(column.declared),
        "reason": column.reason,
    }


def _block(column: Column) -> dict[str, Any]:
    """Return a column's meaningful fields in the order that a reader wants them."""
    bounds: tuple[Any, ...] | None = column.bounds
    if bounds is not None and column.kind == "datetime":
        bounds = tuple(_iso(bound) for bound in bounds)
    block = {
        "kind": column.kind,
        "role": column.role,
        "unit": column.unit,
        "bounds": bounds,
        "categories": column.categories,
        "decimals": column.decimals if column.kind == "numeric" else None,
        "delimiter": column.delimiter,
        "nullable": column.nullable,
        "dtype": column.dtype,
        "declared": tuple(sorted(column.declared)),
        "reason": column.reason or None,
    }
    return {name: value for name, value in block.items() if value is not None}


def _column_from_block(name: object, block: object) -> Column:
    if not isinstance(name, str):
        raise SchemaError(
            f"the schema has a column name that YAML reads as {type(name).__name__}. Put it in quotes"
        )
    if not isinstance(block, dict):
        raise SchemaError(f"column {name!r}: its block must hold fields such as 'kind: integer'")
    entry = dict(block)
    if "declared" not in entry:
        entry["declared"] = [key for key in entry if key not in _PROVENANCE]
    return _column_from_dict(name, entry, _FIELDS)


def _column_from_dict(name: str, entry: Mapping[str, Any], allowed: tuple[str, ...]) -> Column:
    where = f"column {name!r}: "
    for key in entry:
        if key not in allowed:
            raise SchemaError(where + unknown("field", str(key), allowed))
    if "kind" not in entry:
        raise SchemaError(f"{where}'kind' is missing; it is one of {', '.join(KINDS)}")
    decimals = _typed(entry, "decimals", int, where)
    if entry["kind"] == "integer":
        decimals = 0
    nullable = _typed(entry, "nullable", bool, where)
    declared = entry.get("declared", [])
    if not isinstance(declared, list | tuple):
        raise SchemaError(f"{where}'declared' must be a list of field names")
    for key in declared:
        if key not in _FIELDS or key in _PROVENANCE - {"dtype"}:
            raise SchemaError(where + "under 'declared', " + unknown("field", str(key), _FIELDS))
    return Column(
        name=name,
        kind=entry["kind"],
        role=entry.get("role", "identifier" if entry["kind"] == "identifier" else "feature"),
        dtype=_typed(entry, "dtype", str, where) or "object",
        nullable=True if nullable is None else nullable,
        unit=_typed(entry, "unit", str, where),
        bounds=_bounds(entry.get("bounds"), where),
        categories=_categories(entry.get("categories"), where),
        decimals=decimals,
        delimiter=_typed(entry, "delimiter", str, where),
        declared=frozenset(declared),
        reason=_typed(entry, "reason", str, where) or "",
    )


def _typed(entry: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """Return a field that must be of one type, `None` where it is not given."""
    value = entry.get(key)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        expected = {"int": "a whole number", "bool": "true or false", "str": "text (in quotes)"}[
            kind.__name__
        ]
        raise SchemaError(f"{where}{key!r} must be {expected}, not {type(value).__name__}")
    return value


def _bounds(value: object, where: str) -> tuple[float, float] | None:
    """Read two numbers, or two dates (as seconds since 1970-01-01 UTC)."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise SchemaError(f"{where}'bounds' must be two values, such as [0, 120]")
    low, high = (_bound(entry, where) for entry in value)
    return (low, high)


def _bound(value: object, where: str) -> float:
    if isinstance(value, str):
        # YAML 1.1 reads 1e-6 as a string; ISO dates in quotes are strings as well.
        try:
            return float(value)
        except ValueError:
            pass
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise SchemaError(f"{where}a bound is neither a number nor an ISO date (2020-12-31)") from error
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SchemaError(f"{where}a bound is neither a number nor an ISO date (2020-12-31)")
    return float(value)


def _categories(value: object, where: str) -> tuple[Any, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise SchemaError(f"{where}'categories' must be a list, such as [low, medium, high]")
    if not all(isinstance(category, str | int | float | bool) for category in value):
        raise SchemaError(f"{where}categories must be text, numbers or true/false; put dates in quotes")
    return tuple(value)


def _iso(seconds: float) -> str:
    """Write seconds since 1970 as an ISO date, with the time of day where there is one."""
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat()
