"""What every transform has in common: spans of an encoded row, blocks of encoded rows, and `FittedColumn`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.layout import PartKind
from synthetic_healthcare.transforms.cells import Array, Cells

#: JSON-ready facts and named arrays: all that is kept of a fitted column.
State = tuple[dict[str, Any], dict[str, Array]]


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A part of an encoded row before it has its place: see `schema.layout.Part`.

    Parameters
    ----------
    purpose, kind, width, marginal
        As in `Part`.
    gate : (int, int) or None
        (index of a span of the same column, category) that the span exists under.
    """

    purpose: str
    kind: PartKind
    width: int
    marginal: tuple[float, ...] = ()
    gate: tuple[int, int] | None = None


@final
@dataclass(frozen=True, eq=False)
class Block:
    """The encoded rows of one column: as `schema.layout.Encoded`, with its own spans only.

    Parameters
    ----------
    continuous : float32 array (n, continuous spans)
    codes : int32 array (n, categorical spans)
        -1 where a span does not exist in the row.
    bits : uint8 array (n, width of the bits spans)
    """

    continuous: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.codes)

    @staticmethod
    def of(
        n: int,
        *,
        continuous: npt.NDArray[np.float32] | None = None,
        codes: npt.NDArray[np.int32] | None = None,
        bits: npt.NDArray[np.uint8] | None = None,
    ) -> Block:
        """Make a block of `n` rows; what is left out has no columns."""
        return Block(
            np.zeros((n, 0), np.float32) if continuous is None else continuous,
            np.zeros((n, 0), np.int32) if codes is None else codes,
            np.zeros((n, 0), np.uint8) if bits is None else bits,
        )


class FittedColumn(ABC):
    """One column as it was learnt: the way of its cells to encoded rows and back.

    Only the `fit` function of a column kind reads the table as a whole; what it keeps is in `to_state`, holds
    nothing that fewer than the floor of patients share, and does not grow with the number of rows.
    """

    @property
    @abstractmethod
    def spans(self) -> tuple[Span, ...]:
        """The spans of its encoded rows, gates before what they gate; none where nothing is learnt."""

    @abstractmethod
    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode cells, none of them missing; values that were not learnt are resampled."""

    @abstractmethod
    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Turn encoded rows into cells; codes of -1 stand for any category.

        `first_row` is the number of rows that were decoded before these, for values that count.
        """

    @abstractmethod
    def to_state(self) -> State:
        """Return all that was learnt."""


def draw_independent(spans: tuple[Span, ...], n: int, rng: np.random.Generator) -> Block:
    """Draw `n` encoded rows from the marginals of `spans`, every span on its own.

    This is how a cell that must not be told apart (it is missing in fewer patients than the floor) gets a
    value: independent of everything else in its row.
    """
    continuous, codes, bits = [], [], []
    chosen: dict[int, npt.NDArray[np.int32]] = {}
    for index, span in enumerate(spans):
        exists = np.ones(n, dtype=bool)
        if span.gate is not None:
            exists = chosen[span.gate[0]] == span.gate[1]
        if span.kind == "continuous":
            continuous.append(np.where(exists, rng.standard_normal(n), 0.0).astype(np.float32))
        elif span.kind == "bits":
            drawn = rng.random((n, span.width)) < np.array(span.marginal)
            bits.append((drawn & exists[:, None]).astype(np.uint8))
        else:
            chosen[index] = np.where(exists, draw_categories(span.marginal, n, rng), -1).astype(np.int32)
            codes.append(chosen[index])
    return Block.of(
        n,
        continuous=np.stack(continuous, axis=1) if continuous else None,
        codes=np.stack(codes, axis=1) if codes else None,
        bits=np.concatenate(bits, axis=1) if bits else None,
    )


def draw_categories(
    probabilities: tuple[float, ...], n: int, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Draw `n` categories; one that has no probability never comes."""
    edges = np.cumsum(probabilities)
    drawn: npt.NDArray[np.intp] = np.searchsorted(edges, rng.random(n) * edges[-1], side="right")
    return drawn.astype(np.int32)


def shares(counts: npt.ArrayLike) -> tuple[float, ...]:
    """Return counts as probabilities that sum to one."""
    held = np.asarray(counts, dtype=np.float64)
    return tuple((held / held.sum()).tolist())
