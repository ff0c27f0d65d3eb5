"""Ordered levels: as categories, but a rare level joins the nearest one that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.column import Category, Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State, draw_categories, shares
from synthetic_healthcare.transforms.categorical import (
    category_block,
    category_cells,
    category_spans,
    common_categories,
    positions,
)
from synthetic_healthcare.transforms.cells import Array, Cells
from synthetic_healthcare.transforms.config import TransformConfig


@final
@dataclass(frozen=True, eq=False)
class FittedOrdinal(FittedColumn):
    """A column of ordered levels as it was learnt.

    Parameters
    ----------
    kept : tuple of Category
        Levels that can come out, lowest first.
    probabilities : tuple of float
        Their shares, those of the levels that joined them included.
    form : dict
        How cells are written.
    """

    kept: tuple[Category, ...]
    probabilities: tuple[float, ...]
    form: dict[str, Any]

    @property
    def spans(self) -> tuple[Span, ...]:
        """One choice; none where a single level is left."""
        return category_spans(self.probabilities)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode; a level that was not kept joins the nearest, or is drawn where none is known to be near."""
        codes = nearest_levels(cells.table, self.kept)[cells.values]
        lost = np.flatnonzero(codes < 0)
        codes[lost] = draw_categories(self.probabilities, len(lost), rng)
        return category_block(codes, len(self.kept))

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Return the levels; `rng` and `first_row` are not needed."""
        return category_cells(block, self.kept, self.form)

    def to_state(self) -> State:
        """Return the levels and their shares."""
        return {"kept": list(self.kept), "probabilities": list(self.probabilities), "form": self.form}, {}


def fit_ordinal(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedOrdinal, tuple[str, ...]]:
    """Learn a column of ordered levels; parameters, returns and raises as `categorical.fit_categorical`."""
    kept, counts, notes = common_categories(cells, column, config, "joined to the nearest level")
    counts = counts.copy()
    joins = nearest_levels(cells.table, kept)
    rare = np.flatnonzero((positions(cells.table, kept) < 0) & (joins >= 0))
    np.add.at(counts, joins[rare], np.bincount(cells.values, minlength=len(cells.table))[rare])
    return FittedOrdinal(kept, shares(np.maximum(counts, 1)), dict(cells.form)), notes


def restore_ordinal(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedOrdinal:
    """Rebuild what `FittedOrdinal.to_state` gave."""
    return FittedOrdinal(tuple(facts["kept"]), tuple(facts["probabilities"]), facts["form"])


def nearest_levels(table: tuple[Category, ...], kept: tuple[Category, ...]) -> npt.NDArray[np.int32]:
    """Return for each level of a table its place in `kept`, or that of the nearest kept one.

    Nearest by value where all levels are numbers. Otherwise by rank in the table, where the table (an ordered
    Categorical) has the kept levels in the order in which they are kept; where it has not, -1. The lower of
    two equally near levels is taken. No level that was not kept has to be remembered for this.
    """
    found = positions(table, kept)
    lost = np.flatnonzero(found < 0)
    if not len(lost):
        return found
    if not any(isinstance(level, str) for level in table + kept):
        levels = np.array([float(level) for level in kept])
        values = np.array([float(table[place]) for place in lost])
        found[lost] = np.abs(values[:, None] - levels).argmin(axis=1)
        return found
    held = np.flatnonzero(found >= 0)
    if len(held) and np.all(np.diff(found[held]) > 0):
        found[lost] = found[held[np.abs(lost[:, None] - held).argmin(axis=1)]]
    return found
