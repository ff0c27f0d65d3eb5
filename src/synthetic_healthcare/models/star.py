"""Star: every variable given the target, from one noisy table each (a private naive Bayes).

The least that can be asked of patients: with few of them, or a small budget, anything more drowns in noise.
What goes together beyond the target is not learnt. Without a target every variable stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from synthetic_healthcare.models._base import (
    Arrays,
    ConditionalModel,
    CountSource,
    MarginalModel,
    ModelConfig,
    Weighted,
)
from synthetic_healthcare.models._marginals import bins_for, centre_of, signal_of
from synthetic_healthcare.models._posterior import Grouped, conditionals, group_shares
from synthetic_healthcare.models._products import Products
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout
from synthetic_healthcare.schema.variables import Domain, Floats

#: Bins of a number for each root of the rows that stand against one deviation of the noise.
_BINS_PER_ROOT: Final = 2.0


@final
class Star(MarginalModel, ConditionalModel):
    """Private naive Bayes around the target."""

    name: ClassVar[str] = "star"

    class Config(ModelConfig):
        """Settings of the star."""

        target: str | None = Field(
            None, description="column at the centre; where it is not set: the target of the table, if any"
        )
        bins: int = Field(
            0, ge=0, le=256, description="bins of each number; 0: by the number of rows and the noise"
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self._products: Products | None = None

    def fit(self, counts: CountSource, *, rng: np.random.Generator) -> None:
        """Ask for a table of every variable against the target, all at once and for the whole budget."""
        signal = signal_of(counts, len(Domain(self.layout, 1).variables))
        bins = self.config.bins or bins_for(signal, _BINS_PER_ROOT)
        domain = Domain(self.layout, bins)
        centre = centre_of(domain, self.config.target)
        around = [index for index in range(len(domain.variables)) if index != centre]
        # A target with nothing around it is one more variable that stands alone.
        if centre is None or not around:
            centre, around = None, list(range(len(domain.variables)))
        tables = [(index,) if centre is None else (centre, index) for index in around]
        asked = counts.measure(domain, tables, share=1.0, purpose="tables around the target")
        self._products = star_of(
            domain, centre, dict(zip(around, asked.tables, strict=True)), counts.rows, asked.deviation
        )

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw the target, then every variable given it."""
        return self._fitted.draw(n, rng)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows that hold to a condition, exactly."""
        return self._fitted.draw_given(n, condition, rng)

    def to_state(self) -> Arrays:
        """Return the target's rates and those of all else given it."""
        return self._fitted.to_state()

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take them in."""
        self._products = Products.from_state(self.layout, arrays)

    @property
    def _fitted(self) -> Products:
        assert self._products is not None, "it has not learnt yet"
        return self._products


def star_of(
    domain: Domain,
    centre: int | None,
    tables: Mapping[int, npt.NDArray[np.int64]],
    rows: int,
    deviation: float,
) -> Products:
    """Make a naive Bayes of noisy tables.

    Parameters
    ----------
    domain : Domain
        Its variables.
    centre : int or None
        The variable at the centre.
    tables : Mapping of int to array
        Every other variable -> its table, the centre's states before its own; without a centre, its counts.
    rows : int
        Public number of rows.
    deviation : float
        Standard deviation of the tables' noise.
    """
    groups = 1 if centre is None else domain.variables[centre].states
    grouped = [
        Grouped(table.reshape(groups, -1).astype(np.float64), domain.steps(index))
        for index, table in tables.items()
    ]
    shares = group_shares(grouped, rows)
    found = conditionals(grouped, shares, rows=rows, deviation=deviation)
    chances = np.empty((groups, domain.spans[-1].stop))
    for index, given in zip(tables, found, strict=True):
        real = given[:, : domain.variables[index].real]
        chances[:, domain.spans[index]] = real / real.sum(axis=1, keepdims=True)
    if centre is not None:
        _hold(domain, centre, chances)
    return Products(domain, shares, chances)


def _hold(domain: Domain, centre: int, chances: Floats) -> None:
    """Make every group hold its state of the centre, and whatever the centre's existence takes."""
    variable = domain.variables[centre]
    chances[: variable.real, domain.spans[centre]] = np.eye(variable.real)
    gate, shut = variable.gate, False
    if gate is not None:
        # In the last group it does not exist; what stands there is not read.
        chances[-1, domain.spans[centre]] = 1 / variable.real
    while gate is not None:
        opened = np.zeros(domain.variables[gate[0]].real, dtype=bool)
        opened[list(gate[1])] = True
        block = chances[:, domain.spans[gate[0]]]
        block[: variable.real, ~opened] = 0.0
        if not shut and not opened.all():
            block[-1, opened] = 0.0
        block /= block.sum(axis=1, keepdims=True)
        gate, shut = domain.variables[gate[0]].gate, True
