"""Identifiers: never learnt. Each synthetic row gets a fresh one of the same sort."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import pandas as pd

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State
from synthetic_healthcare.transforms.cells import Array, Cells

Sort = Literal["number", "digits", "uuid", "text"]

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Cells looked at to tell the sort of a column's identifiers.
_LOOKED_AT: Final = 100
#: A UUID ends in 48 bits that count the rows, so that no two chunks can ever share one.
_COUNTED_BITS: Final = 48


@final
@dataclass(frozen=True, eq=False)
class FittedIdentifier(FittedColumn):
    """What is kept of an identifier: the sort of thing it is.

    Parameters
    ----------
    sort : {"number", "digits", "uuid", "text"}
        Whole numbers, whole numbers written as text, UUIDs, or anything else.
    """

    sort: Sort

    @property
    def spans(self) -> tuple[Span, ...]:
        """None: it takes no part in what a model sees."""
        return ()

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Return rows of nothing."""
        return Block.of(len(cells))

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Number the rows from `first_row` + 1 on; a UUID has random bits before its number."""
        numbers = np.arange(first_row + 1, first_row + len(block) + 1)
        table: list[int] | list[str]
        if self.sort == "number":
            table = numbers.tolist()
        elif self.sort == "digits":
            table = [str(number) for number in numbers.tolist()]
        elif self.sort == "uuid":
            table = [_uuid(rng.bytes(10), number) for number in numbers.tolist()]
        else:
            table = [f"SYN-{number:06d}" for number in numbers.tolist()]
        return Cells(np.arange(len(block)), np.zeros(len(block), dtype=bool), table=tuple(table))

    def to_state(self) -> State:
        """Return the sort."""
        return {"sort": self.sort}, {}


def fit_identifier(series: pd.Series[Any], column: Column) -> FittedIdentifier:
    """Tell what sort of identifiers a column holds, from its dtype and its first cells."""
    if pd.api.types.is_numeric_dtype(series.dtype):
        return FittedIdentifier("number")
    cells = series.dropna().astype(object).tolist()[:_LOOKED_AT]
    if cells and all(isinstance(cell, int) for cell in cells):
        return FittedIdentifier("number")
    texts = [str(cell) for cell in cells]
    if texts and all(_UUID.fullmatch(text) for text in texts):
        return FittedIdentifier("uuid")
    if texts and all(text.isdecimal() for text in texts):
        return FittedIdentifier("digits")
    return FittedIdentifier("text")


def restore_identifier(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedIdentifier:
    """Rebuild what `FittedIdentifier.to_state` gave."""
    return FittedIdentifier(facts["sort"])


def _uuid(random: bytes, number: int) -> str:
    """Return a UUID of version 8 (RFC 9562, section 5.8: custom layout) that ends in `number`."""
    value = (int.from_bytes(random, "big") << _COUNTED_BITS) | number
    value = (value & ~(0xF << 76)) | (0x8 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))
