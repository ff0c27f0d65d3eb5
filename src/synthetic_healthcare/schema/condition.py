"""`EncodedCondition`: which encoded rows are asked for, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.layout import Encoded, part_exists


@final
@dataclass(frozen=True, eq=False)
class EncodedCondition:
    """Constraints on the parts of an encoded row; all of them have to hold.

    A constraint on a gated part says nothing where the gate is shut: who wants the part to exist constrains
    the part that gates it as well. A row that violates a constraint cannot meet what was asked for; one that
    holds to all of them may still fail to (a range is cut between two written values), so the decoded table
    has the last word.

    Parameters
    ----------
    categories : Mapping of int to bool array (width,)
        Index of a categorical part -> its allowed categories.
    ranges : Mapping of int to (float, float)
        Index of a continuous part -> lowest and highest allowed number, both included.
    bits : Mapping of int to int8 array (width,)
        Index of a bits part -> 1 where the bit must be set, 0 where it must not, -1 where either will do.
    """

    categories: Mapping[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    ranges: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    bits: Mapping[int, npt.NDArray[np.int8]] = field(default_factory=dict)

    @property
    def parts(self) -> frozenset[int]:
        """Indices of the parts that are constrained."""
        return frozenset((*self.categories, *self.ranges, *self.bits))

    def holds(self, rows: Encoded) -> npt.NDArray[np.bool_]:
        """Say which rows hold to every constraint, shape (n,)."""
        parts = rows.layout.parts
        met = np.ones(len(rows), dtype=bool)
        for index, allowed in self.categories.items():
            chosen = rows.codes[:, parts[index].store]
            met &= (chosen < 0) | allowed[chosen]
        for index, (low, high) in self.ranges.items():
            values = rows.continuous[:, parts[index].store]
            met &= ~part_exists(rows, index) | ((values >= low) & (values <= high))
        for index, wanted in self.bits.items():
            part = parts[index]
            held = rows.bits[:, part.store : part.store + part.width]
            met &= ~part_exists(rows, index) | ((wanted < 0) | (held == wanted)).all(axis=1)
        return met
