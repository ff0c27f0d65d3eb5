"""Categories: each held by enough patients, or declared; the cells of rarer ones are resampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.column import Category, Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State, draw_categories, shares
from synthetic_healthcare.transforms.cells import Array, Cells
from synthetic_healthcare.transforms.config import TransformConfig


@final
@dataclass(frozen=True, eq=False)
class FittedCategorical(FittedColumn):
    """A column of categories as it was learnt.

    Parameters
    ----------
    kept : tuple of Category
        Categories that can come out, in their order.
    probabilities : tuple of float
        Their shares among each other.
    form : dict
        How cells are written.
    """

    kept: tuple[Category, ...]
    probabilities: tuple[float, ...]
    form: dict[str, Any]

    @property
    def spans(self) -> tuple[Span, ...]:
        """One choice; none where a single category is left."""
        return category_spans(self.probabilities)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode; a category that was not kept is drawn anew at the kept ones' frequencies."""
        codes = positions(cells.table, self.kept)[cells.values]
        lost = np.flatnonzero(codes < 0)
        codes[lost] = draw_categories(self.probabilities, len(lost), rng)
        return category_block(codes, len(self.kept))

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Return the categories; `rng` and `first_row` are not needed."""
        return category_cells(block, self.kept, self.form)

    def to_state(self) -> State:
        """Return the categories and their shares."""
        return {"kept": list(self.kept), "probabilities": list(self.probabilities), "form": self.form}, {}


def fit_categorical(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedCategorical, tuple[str, ...]]:
    """Learn a column of categories.

    Parameters
    ----------
    cells : Cells (n,)
        None of them missing.
    column : Column
        Its entry in the schema; categories count as declared only where the user declared them.
    config : TransformConfig
        `rare_floor` and `max_categories`.
    rng : numpy.random.Generator
        Not needed.

    Returns
    -------
    FittedCategorical
    notes : tuple of str
        One line for every repair.

    Raises
    ------
    RejectColumn
        Where fewer than half of the rows hold a common category, there are too many categories, or a class
        of the target is rare.
    """
    kept, counts, notes = common_categories(cells, column, config, "resampled")
    return FittedCategorical(kept, shares(np.maximum(counts, 1)), dict(cells.form)), notes


def restore_categorical(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedCategorical:
    """Rebuild what `FittedCategorical.to_state` gave."""
    return FittedCategorical(tuple(facts["kept"]), tuple(facts["probabilities"]), facts["form"])


def common_categories(
    cells: Cells, column: Column, config: TransformConfig, repair: str
) -> tuple[tuple[Category, ...], npt.NDArray[np.intp], tuple[str, ...]]:
    """Return the categories that can be kept, the rows that hold each, and a note on the others."""
    counts = np.bincount(cells.values, minlength=len(cells.table))
    declared = column.categories is not None and "categories" in column.declared
    floor = config.rare_floor
    if declared and column.categories is not None:
        kept = column.categories
        held = np.zeros(len(kept), dtype=np.intp)
        places = positions(cells.table, kept)
        np.add.at(held, places[places >= 0], counts[places >= 0])
    else:
        order = _listed_order(cells.table, column.categories)
        kept = tuple(cells.table[place] for place in order if counts[place] >= floor)
        held = counts[[place for place in order if counts[place] >= floor]]
    places = positions(cells.table, kept)
    rare = counts[(places < 0) & (counts > 0)]
    if column.role == "target" and len(rare):
        least = int(rare.min())
        raise RejectColumn(
            column.name,
            f"one of the target's {int((counts > 0).sum())} classes is held by {least} "
            + (f"rows, fewer than {floor}" if not declared else "rows and is not among its categories"),
            "Join it with another class, declare the categories, or leave its rows out",
        )
    if held.sum() * 2 < len(cells) or not len(kept):
        raise RejectColumn(
            column.name,
            f"only {int(held.sum())} of {len(cells)} rows hold a "
            + ("declared category" if declared else f"category that {floor} or more rows share"),
            "Group its categories, or declare it as identifier, text or codes",
        )
    if len(kept) > config.max_categories:
        raise RejectColumn(
            column.name,
            f"it has {len(kept)} categories, more than {config.max_categories}",
            "Group them, declare the column as identifier, or raise max_categories",
        )
    if not len(rare):
        return kept, held, ()
    named = "categories that are not declared" if declared else f"categories held by fewer than {floor} rows"
    note = f"column {column.name!r}: {named} are {repair} ({len(rare)} of them, in {int(rare.sum())} rows)"
    return kept, held, (note,)


def _listed_order(table: tuple[Category, ...], listed: tuple[Category, ...] | None) -> list[int]:
    """Return positions of `table` in the order of the schema's list; others follow in their own order."""
    if listed is None:
        return list(range(len(table)))
    rank = {category: place for place, category in enumerate(listed)}
    return sorted(range(len(table)), key=lambda place: rank.get(table[place], len(rank)))


def positions(table: tuple[Category, ...], kept: tuple[Category, ...]) -> npt.NDArray[np.int32]:
    """Return each category's place in `kept`, -1 where it is not there."""
    place = {category: index for index, category in enumerate(kept)}
    return np.array([place.get(category, -1) for category in table], dtype=np.int32)


def category_spans(probabilities: tuple[float, ...]) -> tuple[Span, ...]:
    """Return the span of a choice; a single category needs none."""
    if len(probabilities) < 2:
        return ()
    return (Span("value", "categorical", len(probabilities), probabilities),)


def category_block(codes: npt.NDArray[np.int32], width: int) -> Block:
    """Return the encoded rows of a choice."""
    return Block.of(len(codes), codes=codes[:, None] if width > 1 else None)


def category_cells(block: Block, kept: tuple[Category, ...], form: dict[str, Any]) -> Cells:
    """Return the cells that a choice stands for."""
    n = len(block)
    codes = np.maximum(block.codes[:, 0], 0) if len(kept) > 1 else np.zeros(n, dtype=np.int32)
    return Cells(codes, np.zeros(n, dtype=bool), table=kept, form=form)
