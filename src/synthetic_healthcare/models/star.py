"""Star: every variable given the target, from one noisy table each (a private naive Bayes).

The least that can be asked of patients: with few of them, or a small budget, anything more drowns in noise.
What goes together beyond the target is not learnt. Without a target every variable stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from synthetic_healthcare.models._base import CountSource, ModelConfig
from synthetic_healthcare.models._marginals import bins_for, centre_of, signal_of
from synthetic_healthcare.models._posterior import Grouped, conditionals, group_shares
from synthetic_healthcare.models._products import ProductModel, Products
from synthetic_healthcare.schema.variables import Domain, Floats

#: Bins of a number for each root of the rows that stand against one deviation of the noise.
_BINS_PER_ROOT: Final = 2.0


@final
class Star(ProductModel):
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

    def learn(self, counts: CountSource, *, rng: np.random.Generator) -> Products:
        """Ask for a table of every variable against the target, all at once and for the whole budget."""
        signal = signal_of(counts, len(Domain(self.layout, 1).variables))
        bins = self.config.bins or bins_for(signal, _BINS_PER_ROOT)
        domain = Domain(self.layout, bins)
        centre = centre_of(domain, self.config.target)
        return ask_star(domain, centre, counts, share=1.0, purpose="tables around the target").products


@final
@dataclass(frozen=True, eq=False)
class AskedStar:
    """A star, and the noisy tables that it was made of.

    Parameters
    ----------
    products : Products
        The star.
    centre : int or None
        The variable at the centre; `None` where all stand alone.
    tables : Mapping of tuples of int to array
        Counts of each table, by its variables.
    deviation : float
        Standard deviation of their noise.
    """

    products: Products
    centre: int | None
    tables: Mapping[tuple[int, ...], npt.NDArray[np.int64]]
    deviation: float


def ask_star(
    domain: Domain, centre: int | None, counts: CountSource, *, share: float, purpose: str
) -> AskedStar:
    """Ask for a table of every variable against the centre, or of each alone, and make a star of them."""
    around = [index for index in range(len(domain.variables)) if index != centre]
    # A target with nothing around it is one more variable that stands alone.
    if centre is None or not around:
        centre, around = None, list(range(len(domain.variables)))
    tables: list[tuple[int, ...]] = [(i,) if centre is None else (centre, i) for i in around]
    asked = counts.measure(domain, tables, share=share, purpose=purpose)
    products = star_of(
        domain, centre, dict(zip(around, asked.tables, strict=True)), counts.rows, asked.deviation
    )
    return AskedStar(products, centre, dict(zip(tables, asked.tables, strict=True)), asked.deviation)


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
