"""Column by column: each part from its own marginal. The baseline below which no model may fall.

Nothing of how columns go together is learnt: whatever it reaches, a model has to pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch

from synthetic_healthcare.models._base import Arrays, FittedModel, ModelConfig, numpy_stream
from synthetic_healthcare.schema.layout import Encoded, Layout, part_exists

#: Added to every category's and every bit's count: a rate of nothing or everything is never certain.
_PSEUDO_COUNT: Final = 0.5


@final
class Independent(FittedModel):
    """Marginals only."""

    name: ClassVar[str] = "independent"

    class Config(ModelConfig):
        """It has no settings."""

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self._rates: Arrays = {}

    def fit(self, rows: Encoded, *, rng: np.random.Generator) -> None:
        """Count categories and bits where they exist; numbers are standard normal as they are encoded."""
        rates: Arrays = {}
        for index, part in enumerate(self.layout.parts):
            if part.kind == "categorical":
                chosen = rows.codes[:, part.store]
                counts = np.bincount(chosen[chosen >= 0], minlength=part.width) + _PSEUDO_COUNT
                rates[str(index)] = counts / counts.sum()
            elif part.kind == "bits":
                exists = part_exists(rows, index)
                held = rows.bits[exists, part.store : part.store + part.width].sum(axis=0, dtype=np.int64)
                rates[str(index)] = (held + _PSEUDO_COUNT) / (exists.sum() + 2 * _PSEUDO_COUNT)
        self._rates = rates

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw every part on its own, in the layout's order, which has gates first."""
        draws = numpy_stream(rng)
        parts = self.layout.parts
        continuous = np.zeros((n, len(self.layout.of_kind("continuous"))), dtype=np.float32)
        codes = np.full((n, len(self.layout.of_kind("categorical"))), -1, dtype=np.int32)
        bits = np.zeros((n, sum(part.width for part in self.layout.of_kind("bits"))), dtype=np.uint8)
        rows = Encoded(self.layout, continuous, codes, bits)
        for index, part in enumerate(parts):
            exists = part_exists(rows, index)
            if part.kind == "continuous":
                continuous[:, part.store] = np.where(exists, draws.standard_normal(n), 0.0)
            elif part.kind == "categorical":
                edges = np.cumsum(self._rates[str(index)])
                chosen = np.searchsorted(edges, draws.random(n) * edges[-1], side="right")
                codes[:, part.store] = np.where(exists, chosen, -1)
            else:
                drawn = draws.random((n, part.width)) < self._rates[str(index)]
                bits[:, part.store : part.store + part.width] = drawn & exists[:, None]
        return rows

    def to_state(self) -> Arrays:
        """Return the rates."""
        return dict(self._rates)

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the rates in."""
        self._rates = {name: np.asarray(value) for name, value in arrays.items()}
