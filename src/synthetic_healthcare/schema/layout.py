"""`Layout`: the spans of an encoded table, and `Encoded`: the table held compactly.

An encoded row is a vector of `layout.width` floats, made of parts that stand side by side:

- a *continuous* part is one standard-normal-like number;
- a *categorical* part is a one-hot block;
- a *bits* part is a block of zeros and ones (a set of codes).

A part may have a *gate*: it exists only in rows where another part, which stands before it, holds a given
category ("the value of a lab exists only where the lab is present"). Where its gate is shut, a part is all
zeros, in real rows and in generated ones alike.

Tables are held as small integers and float32 (`Encoded`); one-hot blocks exist only inside a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

PartKind = Literal["continuous", "categorical", "bits"]


@dataclass(frozen=True, slots=True)
class Part:
    """One span of the encoded row.

    Parameters
    ----------
    column : str
        The column that it encodes; for the presence of several columns at once, the first of them.
    purpose : str
        What the part says of the column: "value", "state" (which point mass, mode or plain value) or
        "present" (1) against missing (0).
    kind : PartKind
        How its numbers behave.
    width : int
        Number of floats in the encoded row.
    start : int
        First position in the encoded row.
    store : int
        First position in the `Encoded` array of its kind.
    marginal : tuple of float
        Protected marginal: probabilities of the categories, given that the part exists; probability of each
        bit; empty for a continuous part.
    gate : (int, int) or None
        (index of a part, category): the part exists only where that part holds that category.
    """

    column: str
    purpose: str
    kind: PartKind
    width: int
    start: int
    store: int
    marginal: tuple[float, ...] = ()
    gate: tuple[int, int] | None = None

    @property
    def stop(self) -> int:
        """Position after the last."""
        return self.start + self.width


@dataclass(frozen=True)
class Layout:
    """The parts of an encoded row, gates before what they gate."""

    parts: tuple[Part, ...]

    @cached_property
    def width(self) -> int:
        """Number of floats in an encoded row."""
        return sum(part.width for part in self.parts)

    def of_kind(self, kind: PartKind) -> tuple[Part, ...]:
        """Parts of one kind, in order."""
        return tuple(part for part in self.parts if part.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"parts": [asdict(part) for part in self.parts]}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Layout:
        """Rebuild what `to_dict` gave."""
        parts = []
        for entry in data["parts"]:
            gate = entry["gate"]
            parts.append(
                Part(
                    **{
                        **entry,
                        "marginal": tuple(entry["marginal"]),
                        "gate": None if gate is None else (int(gate[0]), int(gate[1])),
                    }
                )
            )
        return Layout(tuple(parts))


@dataclass(frozen=True)
class Encoded:
    """An encoded table of `n` rows.

    Parameters
    ----------
    layout : Layout
        What the columns of the arrays mean.
    continuous : float32 array (n, number of continuous parts)
        Zero where the part's gate is shut.
    codes : int32 array (n, number of categorical parts)
        Category chosen, or -1 where the part's gate is shut.
    bits : uint8 array (n, total width of the bits parts)
        Zero where the part's gate is shut.
    """

    layout: Layout
    continuous: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.continuous.shape[0])

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Encoded:
        """Rows by position."""
        return Encoded(self.layout, self.continuous[rows], self.codes[rows], self.bits[rows])


def part_exists(rows: Encoded, index: int) -> npt.NDArray[np.bool_]:
    """Say in which rows a part exists, shape (n,); parts that gate it have to stand in `rows` already."""
    gate = rows.layout.parts[index].gate
    if gate is None:
        return np.ones(len(rows), dtype=bool)
    opened: npt.NDArray[np.bool_] = rows.codes[:, rows.layout.parts[gate[0]].store] == gate[1]
    return opened


def joined(tables: Iterable[Encoded]) -> Encoded:
    """Put encoded tables of one layout, at least one, below each other."""
    held = tuple(tables)
    return Encoded(
        held[0].layout,
        np.concatenate([table.continuous for table in held]),
        np.concatenate([table.codes for table in held]),
        np.concatenate([table.bits for table in held]),
    )


def expand(encoded: Encoded) -> npt.NDArray[np.float32]:
    """Write the encoded table out as its (n, width) matrix, one-hot blocks and all."""
    matrix = np.zeros((len(encoded), encoded.layout.width), dtype=np.float32)
    for part in encoded.layout.parts:
        if part.kind == "continuous":
            matrix[:, part.start] = encoded.continuous[:, part.store]
        elif part.kind == "bits":
            matrix[:, part.start : part.stop] = encoded.bits[:, part.store : part.store + part.width]
        else:
            chosen = encoded.codes[:, part.store]
            rows = np.flatnonzero(chosen >= 0)
            matrix[rows, part.start + chosen[rows]] = 1.0
    return matrix


def collapse(layout: Layout, matrix: npt.NDArray[np.float32]) -> Encoded:
    """Read an (n, width) matrix of hard choices back into the compact form; undoes `expand`."""
    n = matrix.shape[0]
    continuous = np.zeros((n, len(layout.of_kind("continuous"))), dtype=np.float32)
    codes = np.full((n, len(layout.of_kind("categorical"))), -1, dtype=np.int32)
    bits = np.zeros((n, sum(part.width for part in layout.of_kind("bits"))), dtype=np.uint8)
    for part in layout.parts:
        block = matrix[:, part.start : part.stop]
        if part.kind == "continuous":
            continuous[:, part.store] = block[:, 0]
        elif part.kind == "bits":
            bits[:, part.store : part.store + part.width] = block > 0.5
        else:
            exists = block.max(axis=1) > 0.5
            codes[exists, part.store] = block[exists].argmax(axis=1)
    return Encoded(layout, continuous, codes, bits)
