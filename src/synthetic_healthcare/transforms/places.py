"""Where each column's spans stand in an encoded row, and in the arrays of `Encoded`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from synthetic_healthcare.schema.layout import Layout, Part, PartKind
from synthetic_healthcare.transforms._base import FittedColumn, Span

ABSENT: Final = 0
PRESENT: Final = 1


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Slices of the arrays of `Encoded` that belong to one column."""

    continuous: slice
    codes: slice
    bits: slice


@final
@dataclass(frozen=True, slots=True)
class Places:
    """All places of a table.

    Parameters
    ----------
    columns : tuple of Place
        One a column.
    present : tuple of int
        Position in `Encoded.codes` of each panel's presence.
    continuous, codes, bits : int
        Widths of the arrays of `Encoded`.
    """

    columns: tuple[Place, ...]
    present: tuple[int, ...]
    continuous: int
    codes: int
    bits: int


@final
class _Row:
    """An encoded row as it grows, part by part."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.stored: dict[PartKind, int] = {"continuous": 0, "categorical": 0, "bits": 0}
        self._width = 0

    def add(self, column: str, span: Span, gate: tuple[int, int] | None) -> int:
        """Append a span, and return the index of its part."""
        store = self.stored[span.kind]
        self.parts.append(
            Part(
                column,
                span.purpose,
                span.kind,
                span.width,
                self._width,
                store,
                marginal=span.marginal,
                gate=gate,
            )
        )
        self._width += span.width
        # The array of bits has one column a bit, the others one column a part.
        self.stored[span.kind] += span.width if span.kind == "bits" else 1
        return len(self.parts) - 1


def lay_out(
    names: Sequence[str],
    fitted: Sequence[FittedColumn],
    panels: Sequence[tuple[int, ...]],
    present: Sequence[float],
) -> tuple[Layout, Places]:
    """Set the parts of all columns side by side, each panel's presence before its first column.

    Parameters
    ----------
    names, fitted : sequences (columns,)
        The columns.
    panels : sequence of tuples of int
        Positions of the columns that are present together.
    present : sequence of float (panels,)
        Share of the rows in which each panel is present.
    """
    row = _Row()
    panel_of = {column: panel for panel, columns in enumerate(panels) for column in columns}
    presence: dict[int, int] = {}
    places = []
    for index, (name, column) in enumerate(zip(names, fitted, strict=True)):
        panel = panel_of.get(index)
        if panel is not None and panel not in presence:
            share = present[panel]
            presence[panel] = row.add(name, Span("present", "categorical", 2, (1.0 - share, share)), None)
        outer = None if panel is None else (presence[panel], PRESENT)
        before = dict(row.stored)
        first = len(row.parts)
        for span in column.spans:
            inner = None if span.gate is None else (first + span.gate[0], span.gate[1])
            row.add(name, replace(span, gate=None), inner or outer)
        places.append(
            Place(
                slice(before["continuous"], row.stored["continuous"]),
                slice(before["categorical"], row.stored["categorical"]),
                slice(before["bits"], row.stored["bits"]),
            )
        )
    stores = tuple(row.parts[presence[panel]].store for panel in range(len(panels)))
    return Layout(tuple(row.parts)), Places(
        tuple(places), stores, row.stored["continuous"], row.stored["categorical"], row.stored["bits"]
    )
