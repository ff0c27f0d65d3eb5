"""One column, learnt beside a filler, and sent to encoded rows and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.layout import Encoded, Part
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder, fit_encoder


@dataclass(frozen=True)
class Learnt:
    """A column "x" as it was learnt."""

    encoder: TableEncoder
    frame: pd.DataFrame

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in self.encoder.layout.parts if part.column == "x")

    def encode(self, seed: int = 0) -> Encoded:
        return self.encoder.encode(self.frame, np.random.default_rng(seed))

    def back(self, seed: int = 0) -> pd.Series:
        """The column after encoding and decoding."""
        return self.encoder.decode(self.encode(seed), np.random.default_rng(seed))["x"]


Learn = Callable[..., Learnt]


@pytest.fixture
def learn() -> Learn:
    """Learn a column "x": its cells, its kind, other fields of `Column`, and settings by name."""

    def build(cells: Any, kind: str, *, config: dict[str, Any] | None = None, **fields: Any) -> Learnt:
        series = cells if isinstance(cells, pd.Series) else pd.Series(cells)
        filler = np.random.default_rng(99).normal(size=len(series))
        frame = pd.DataFrame({"x": series.reset_index(drop=True), "filler": filler})
        column = Column("x", kind, dtype=str(frame["x"].dtype), **fields)
        schema = Schema((column, Column("filler", "numeric", dtype="float64")))
        rng = np.random.default_rng(0)
        return Learnt(fit_encoder(frame, schema, config=TransformConfig(**(config or {})), rng=rng), frame)

    return build
