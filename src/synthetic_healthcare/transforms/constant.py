"""Columns that say nothing: one value everywhere, or nothing at all. They are given back as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State
from synthetic_healthcare.transforms.cells import Array, Cells


@final
@dataclass(frozen=True, eq=False)
class FittedConstant(FittedColumn):
    """The one cell that a column holds.

    Parameters
    ----------
    cell : Cells (1,)
        The value, or a missing cell.
    """

    cell: Cells

    @property
    def spans(self) -> tuple[Span, ...]:
        """None: there is nothing to learn."""
        return ()

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Return rows of nothing."""
        return Block.of(len(cells))

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Repeat the cell."""
        return self.cell.take(np.zeros(len(block), dtype=np.intp))

    def to_state(self) -> State:
        """Return the cell as plain facts."""
        value = self.cell.values[0]
        if isinstance(value, frozenset):
            held: Any = sorted(value)
        else:
            held = None if self.cell.missing[0] else value.item()
        facts = {
            "value": held,
            "missing": bool(self.cell.missing[0]),
            "limit": None if self.cell.limits is None else int(self.cell.limits[0]),
            "table": list(self.cell.table),
            "form": dict(self.cell.form),
        }
        return facts, {}


def fit_constant(cells: Cells) -> FittedConstant:
    """Keep the one value of cells, none of them missing, that are all alike."""
    cell = cells.take(np.zeros(1, dtype=np.intp))
    if not cell.table:
        return FittedConstant(cell)
    # Other categories of the table (of a pandas Categorical) are in no row.
    only = (cell.table[int(cell.values[0])],)
    return FittedConstant(Cells(np.zeros(1, dtype=np.int32), cell.missing, table=only, form=cell.form))


def fit_empty(cells: Cells, column: Column) -> FittedConstant:
    """Keep a missing cell of the column's kind."""
    nothing = np.ones(1, dtype=bool)
    if column.kind == "codes":
        sets = np.empty(1, dtype=object)
        sets[0] = frozenset()
        return FittedConstant(Cells(sets, nothing, form=cells.form))
    if cells.values.dtype == np.float64:
        return FittedConstant(Cells(np.zeros(1), nothing, form=cells.form))
    return FittedConstant(Cells(np.zeros(1, dtype=np.int32), nothing))


def restore_constant(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedConstant:
    """Rebuild what `FittedConstant.to_state` gave."""
    value, table = facts["value"], tuple(facts["table"])
    if isinstance(value, list):
        values: Array = np.empty(1, dtype=object)
        values[0] = frozenset(value)
    else:
        values = np.array([0 if value is None else value])
    limits = None if facts["limit"] is None else np.array([facts["limit"]], dtype=np.int8)
    return FittedConstant(Cells(values, np.array([facts["missing"]]), limits, table, facts["form"]))
