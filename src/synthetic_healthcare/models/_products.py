"""`Products`: a mixture of products, from which rows are drawn fast and under any condition exactly.

A row is drawn in two steps: which component, then every variable on its own. What holds between columns is in
the components. A variable that exists only where another says so is drawn there, and nowhere else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch

from synthetic_healthcare.models._base import (
    Arrays,
    ConditionalModel,
    CountSource,
    MarginalModel,
    ModelConfig,
    Weighted,
    numpy_stream,
)
from synthetic_healthcare.models._design import blank_rows
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout
from synthetic_healthcare.schema.variables import Domain, Floats, States

#: Keeps a uniform draw below 1 beside the number of its component.
_BELOW_ONE: Final = 1 - 1e-9


@final
@dataclass(frozen=True, eq=False)
class Products:
    """A mixture of products over the variables of a domain.

    Parameters
    ----------
    domain : Domain
        The variables.
    weights : float array (components,)
        Adding up to 1.
    chances : float array (components, real states)
        Probabilities of each variable's real states where it exists, in `Domain.spans`.
    """

    domain: Domain
    weights: Floats
    chances: npt.NDArray[np.floating[Any]]

    def draw(self, n: int, rng: torch.Generator) -> Encoded:
        """Draw rows."""
        return self.draw_given(n, EncodedCondition(), rng).rows

    def draw_given(self, n: int, condition: EncodedCondition, rng: torch.Generator) -> Weighted:
        """Draw rows that hold to a condition; their weight is its probability.

        Where that is 0, rows are drawn without it, and weigh nothing.
        """
        tilted, weights = self._tilted(condition)
        chance = float(weights.sum())
        if not chance > 0:
            return Weighted(self.draw(n, rng), np.zeros(n))
        draws = numpy_stream(rng)
        # Components in order: each one's table is read through once.
        component = np.repeat(np.arange(len(weights)), draws.multinomial(n, weights / chance))
        states = self._states(component, tilted, draws)[:, draws.permutation(n)]
        rows = blank_rows(self.domain.layout, n)
        self.domain.write(states, rows, draws, condition)
        return Weighted(rows, np.full(n, min(chance, 1.0)))

    def to_state(self) -> Arrays:
        """Return plain arrays; `from_state` undoes it."""
        return {
            "bins": np.array([self.domain.bins], dtype=np.int64),
            "weights": self.weights,
            "chances": self.chances,
        }

    @staticmethod
    def from_state(layout: Layout, arrays: Mapping[str, npt.NDArray[Any]]) -> Products:
        """Rebuild what `to_state` gave."""
        domain = Domain(layout, int(arrays["bins"][0]))
        return Products(domain, np.asarray(arrays["weights"]), np.asarray(arrays["chances"]))

    def _tilted(self, condition: EncodedCondition) -> tuple[list[Floats], Floats]:
        """Weights of all states and components times what a condition lets through.

        Returns
        -------
        tilted : list of arrays (components, real states)
            One a variable; their sums over states are what the variable, and all that exists only where it
            says so, let through.
        weights : array (components,)
        """
        variables = self.domain.variables
        tilted = [self.chances[:, span].astype(np.float64) for span in self.domain.spans]
        weights = self.weights.astype(np.float64)
        asked: set[int] = set()
        # Gates come first, so that all that stands behind a variable is known when its turn comes.
        for index in reversed(range(len(variables))):
            allowed = self.domain.allowed(index, condition)
            if allowed is not None:
                tilted[index] *= allowed
            elif index not in asked:
                continue
            gate, mass = variables[index].gate, tilted[index].sum(axis=1)
            if gate is None:
                weights = weights * mass
            else:
                tilted[gate[0]][:, list(gate[1])] *= mass[:, None]
                asked.add(gate[0])
        return tilted, weights

    def _states(
        self, component: npt.NDArray[np.int64], tilted: list[Floats], draws: np.random.Generator
    ) -> States:
        """Draw the state of every variable, shape (variables, n), given each row's component."""
        variables = self.domain.variables
        states = np.empty((len(variables), len(component)), dtype=np.int32)
        for index, variable in enumerate(variables):
            sums = tilted[index].cumsum(axis=1)
            edges = sums / np.where(sums[:, -1:] > 0, sums[:, -1:], 1.0)
            # One rising list for all components, each in the unit interval after its number.
            rising = (edges + np.arange(len(edges))[:, None]).ravel()
            point = component + draws.random(len(component)) * _BELOW_ONE
            chosen = np.searchsorted(rising, point, side="right") - component * variable.real
            states[index] = np.clip(chosen, 0, variable.real - 1)
            if variable.gate is not None:
                exists = np.isin(states[variable.gate[0]], variable.gate[1])
                states[index, ~exists] = variable.states - 1
        return states


class ProductModel(MarginalModel, ConditionalModel):
    """A model of noisy counts that ends in a mixture of products."""

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self._products: Products | None = None

    @abstractmethod
    def learn(self, counts: CountSource, *, rng: np.random.Generator) -> Products:
        """Ask for counts, and make the mixture of the answers; parameters as of `fit`."""

    def fit(self, counts: CountSource, *, rng: np.random.Generator) -> None:
        """Ask for counts, and learn from the answers."""
        self._products = self.learn(counts, rng=rng)

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw a component, then every variable from it."""
        return self._fitted.draw(n, rng)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows that hold to a condition, exactly."""
        return self._fitted.draw_given(n, condition, rng)

    def to_state(self) -> Arrays:
        """Return the components."""
        return self._fitted.to_state()

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take them in."""
        self._products = Products.from_state(self.layout, arrays)

    @property
    def _fitted(self) -> Products:
        assert self._products is not None, "it has not learnt yet"
        return self._products
