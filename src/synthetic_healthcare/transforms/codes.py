"""Sets of codes (diagnoses, drugs): one bit for each code that enough patients have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State, draw_categories, shares
from synthetic_healthcare.transforms.cells import Array, Cells
from synthetic_healthcare.transforms.config import TransformConfig


@final
@dataclass(frozen=True, eq=False)
class FittedCodes(FittedColumn):
    """A column of sets of codes as it was learnt; the empty set (all bits zero) is a value of its own.

    Parameters
    ----------
    kept : tuple of str
        Codes that can come out, sorted.
    prevalence : tuple of float
        Share of the patients that have each.
    form : dict
        How cells are written.
    has_empty : bool
        Whether enough patients have an empty set; where not, none is given back.
    """

    kept: tuple[str, ...]
    prevalence: tuple[float, ...]
    form: dict[str, Any]
    has_empty: bool

    @property
    def spans(self) -> tuple[Span, ...]:
        """One block of bits."""
        return (Span("value", "bits", len(self.kept), self.prevalence),)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode; codes that were not kept are left out of their sets."""
        place = {code: index for index, code in enumerate(self.kept)}
        rows, columns = [], []
        for row, held in enumerate(cells.values):
            for code in held:
                if code in place:
                    rows.append(row)
                    columns.append(place[code])
        bits = np.zeros((len(cells), len(self.kept)), dtype=np.uint8)
        bits[rows, columns] = 1
        return Block.of(len(cells), bits=bits)

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Return the sets; where no patient has an empty one, a code drawn by prevalence fills it."""
        bits = block.bits
        if not self.has_empty:
            empty = np.flatnonzero(~bits.any(axis=1))
            bits = bits.copy()
            bits[empty, draw_categories(shares(np.array(self.prevalence)), len(empty), rng)] = 1
        rows, columns = np.nonzero(bits)
        names = np.array(self.kept, dtype=object)[columns]
        ends = np.searchsorted(rows, np.arange(len(block) + 1))
        sets = np.empty(len(block), dtype=object)
        sets[:] = [frozenset(names[begin:end]) for begin, end in pairwise(ends.tolist())]
        return Cells(sets, np.zeros(len(block), dtype=bool), form=self.form)

    def to_state(self) -> State:
        """Return the codes and how many patients have each."""
        return {
            "kept": list(self.kept),
            "prevalence": list(self.prevalence),
            "form": self.form,
            "has_empty": self.has_empty,
        }, {}


def fit_codes(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedCodes, tuple[str, ...]]:
    """Learn a column of sets of codes.

    Parameters
    ----------
    cells : Cells (n,)
        None of them missing.
    column : Column
        Its entry in the schema; declared categories are the codes that are kept, however rare.
    config : TransformConfig
        `rare_floor` and `max_categories` (the most frequent codes stay where there are more).
    rng : numpy.random.Generator
        Not needed.

    Returns
    -------
    FittedCodes
    notes : tuple of str
        One line for every repair.

    Raises
    ------
    RejectColumn
        Where no code is held by enough patients, or too many are declared.
    """
    counts = Counter(code for held in cells.values for code in held)
    floor, most = config.rare_floor, config.max_categories
    if column.categories is not None and "categories" in column.declared:
        kept = sorted({str(code) for code in column.categories})
        if len(kept) > most:
            raise RejectColumn(
                column.name,
                f"it has {len(kept)} codes, more than {most}",
                "Group them, or raise max_categories",
            )
    else:
        shared = [code for code, held in counts.items() if held >= floor]
        kept = sorted(sorted(shared, key=lambda code: (-counts[code], code))[:most])
    if not kept:
        raise RejectColumn(
            column.name,
            f"none of its {len(counts)} codes is held by {floor} or more rows",
            "Group the codes (ICD chapters, drug classes), or drop the column",
        )
    dropped = len(counts.keys() - set(kept))
    reason = f"held by fewer than {floor} rows, or beyond the {most} most frequent,"
    note = f"column {column.name!r}: codes {reason} are left out of the sets ({dropped} of them)"
    prevalence = tuple(counts[code] / len(cells) for code in kept)
    has_empty = sum(not held for held in cells.values) >= floor or not sum(prevalence)
    return FittedCodes(tuple(kept), prevalence, dict(cells.form), has_empty), (note,) if dropped else ()


def restore_codes(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedCodes:
    """Rebuild what `FittedCodes.to_state` gave."""
    return FittedCodes(
        tuple(facts["kept"]), tuple(facts["prevalence"]), facts["form"], bool(facts["has_empty"])
    )
