"""Derived columns: names for bands of a column ("65+" for an age), to ask for without storing them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from synthetic_healthcare.errors import SchemaError

#: Lowest and highest value of a band, both included; `None` where it has no end.
Band = tuple[float | None, float | None]


@final
@dataclass(frozen=True)
class DerivedColumn:
    """Labels for bands of a numeric column.

    The table does not hold it; conditions may name it as if it did.

    Parameters
    ----------
    name : str
        What conditions call it ("age_group").
    source : str
        The column that it is read from ("age").
    bands : tuple of (str, (low, high))
        Label and band, both ends included, `None` for no end: `("65+", (65, None))`.

    Raises
    ------
    SchemaError
        It has no bands, a label twice, or a band whose ends are not numbers in order.
    """

    name: str
    source: str
    bands: tuple[tuple[str, Band], ...]

    def __post_init__(self) -> None:
        labels = [label for label, _ in self.bands]
        if not labels or len(set(labels)) != len(labels):
            raise SchemaError(f"derived column {self.name!r}: it needs bands, each with a label of its own")
        for label, (low, high) in self.bands:
            ends = (-math.inf if low is None else low, math.inf if high is None else high)
            if not ends[0] <= ends[1]:
                raise SchemaError(
                    f"derived column {self.name!r}: the ends of band {label!r} must be numbers in order"
                )


def derived_from_dict(entries: object) -> tuple[DerivedColumn, ...]:
    """Read the block `derived` of a schema file: name -> {from: column, bands: {label: [low, high]}}.

    Raises
    ------
    SchemaError
        The block is not of that form.
    """
    if entries is None:
        return ()
    if not isinstance(entries, Mapping):
        raise SchemaError("'derived' of the schema must hold one block a derived column, under its name")
    found = []
    for name, block in entries.items():
        if not isinstance(block, Mapping) or set(block) != {"from", "bands"}:
            raise SchemaError(
                f"derived column {name!r} must hold 'from: COLUMN' and 'bands: {{label: [low, high]}}'"
            )
        bands = block["bands"]
        if not isinstance(bands, Mapping):
            raise SchemaError(f"derived column {name!r}: 'bands' must map each label to [low, high]")
        read = tuple((str(label), _band(ends, str(name))) for label, ends in bands.items())
        found.append(DerivedColumn(str(name), str(block["from"]), read))
    return tuple(found)


def derived_to_dict(columns: tuple[DerivedColumn, ...]) -> dict[str, Any]:
    """Return plain data; `derived_from_dict` undoes it."""
    return {
        column.name: {"from": column.source, "bands": {label: list(band) for label, band in column.bands}}
        for column in columns
    }


def _band(ends: object, name: str) -> Band:
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise SchemaError(f"derived column {name!r}: a band is [low, high], with null for no end")
    for end in ends:
        if end is not None and (isinstance(end, bool) or not isinstance(end, int | float)):
            raise SchemaError(f"derived column {name!r}: the ends of a band are numbers, or null for none")
    return (ends[0], ends[1])
