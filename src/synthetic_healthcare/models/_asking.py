"""Conditions of CTGAN: which category of which column a row is asked for (Xu et al. 2019, 4.3).

A condition is one category; where its part is gated, the categories that open its gates are asked for with
it. All of it is tables over the categories of the layout: no loop over rows or columns.
"""

from __future__ import annotations

from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.models._draws import pick
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Layout

#: Rows that the logarithms of frequencies are taken at.
# DIFF: the paper takes them at the table's own number of rows, which a layout does not hold.
_NOMINAL_ROWS: Final = 1000.0
#: A category that is rarer counts as this frequent: a row that holds it is not drawn without end.
_RAREST: Final = 1e-4


@final
class Conditions(nn.Module):
    """Tables over all categories, in the order in which `Heads.discrete` lists them.

    Two of them say how often a category is asked for. In training it is, with `balanced`, a column uniformly
    and its category by the logarithm of its frequency, so that rare categories are learnt; in use it is a
    column uniformly and its category as it is in the table, so that they come out as rare as they are.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    positions : Tensor (categories,)
        Positions of the categories in a row.
    balanced : bool
        Whether training asks by log-frequency; otherwise as in use.
    """

    positions: Tensor
    part: Tensor
    opener: Tensor
    frequency: Tensor
    asked_in_training: Tensor
    asked_in_use: Tensor
    pull: Tensor

    def __init__(self, layout: Layout, positions: Tensor, *, balanced: bool) -> None:
        super().__init__()
        self.size = positions.numel()
        self.balanced = balanced
        self._index = {i: n for n, i in enumerate(_categorical(layout))}
        self._starts = np.cumsum([0, *(layout.parts[i].width for i in self._index)])
        self._gates = {n: layout.parts[i].gate for i, n in self._index.items()}
        part = np.repeat(np.arange(len(self._index)), np.diff(self._starts))
        opener = np.full(self.size, self.size)
        for number in self._gates:
            opener[part == number] = self._opener(number)
        frequency = self._frequencies(layout)
        share = frequency.copy()
        logs = np.zeros_like(frequency)
        for number in self._gates:
            own = slice(self._starts[number], self._starts[number + 1])
            share[own] = frequency[own] / frequency[own].sum()
            logs[own] = np.log1p(_NOMINAL_ROWS * share[own])
            logs[own] /= logs[own].sum()
        stands_for = self._stands_for()
        pull = logs / frequency if balanced else stands_for
        tables = {
            "frequency": frequency,
            "asked_in_training": np.cumsum(pull * frequency),
            "asked_in_use": np.cumsum(stands_for * frequency),
            "pull": pull,
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table).float(), persistent=False)
        self.register_buffer("positions", positions, persistent=False)
        self.register_buffer("part", torch.from_numpy(part), persistent=False)
        self.register_buffer("opener", torch.from_numpy(opener), persistent=False)
        self._depth = max((self._depth_of(number) for number in self._gates), default=0)

    def draw(self, n: int, rng: torch.Generator, *, training: bool) -> Float[Tensor, "n categories"]:
        """Draw conditions from a table, with the gates that they imply."""
        if not self.size:
            return torch.zeros(n, 0, device=rng.device)
        table = self.asked_in_training if training else self.asked_in_use
        return self.with_gates(pick(table.expand(n, -1), rng))

    def of_rows(self, rows: Float[Tensor, "n width"], rng: torch.Generator) -> Float[Tensor, "n categories"]:
        """Choose a category that each row holds as its condition, as often as `draw` would ask for it.

        A row drawn in proportion to `weigh`, and then this choice, is together the paper's choice of a
        column, a category by log-frequency, and a row that holds it.
        """
        if not self.size:
            return rows[:, :0]
        return self.with_gates(pick((rows[:, self.positions] * self.pull).cumsum(dim=1), rng))

    def weigh(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, " n"] | None:
        """Say how often each row is to be drawn, in proportion; `None`: all alike."""
        return rows[:, self.positions] @ self.pull if self.size and self.balanced else None

    def with_gates(self, chosen: Tensor) -> Float[Tensor, "n categories"]:
        """Write out the chosen categories (n,) and those that open their gates."""
        # One position past the last takes the writes of parts without a gate, and is cut off.
        asked = torch.zeros(chosen.shape[0], self.size + 1, device=chosen.device)
        for _ in range(self._depth + 1):
            asked.scatter_(1, chosen[:, None], 1.0)
            chosen = self.opener[chosen.clamp(max=self.size - 1)].where(chosen < self.size, self.size)
        return asked[:, :-1]

    def force(
        self, raw: Float[Tensor, "n width"], asked: Float[Tensor, "n categories"]
    ) -> Float[Tensor, "n width"]:
        """Raise the logits of what is asked for above all others of its part."""
        touched = asked.new_zeros(asked.shape[0], len(self._gates)).index_add_(1, self.part, asked)
        return raw.index_add(1, self.positions, 1e4 * (asked - touched[:, self.part]))

    def narrowest(self, condition: EncodedCondition) -> tuple[Tensor, float]:
        """Choose the constraint that says most: how often each category is to be asked for, and its share.

        Returns
        -------
        Tensor (categories,), float
            Frequencies of the categories that it allows, zero elsewhere, and their sum: the probability that
            a row meets it. Where none can be asked for, all zeros and 1. That of a gated part can be asked
            for where the parts before it are held to the categories that open it.
        """
        best, share = torch.zeros_like(self.frequency), 1.0
        for index, allowed in condition.categories.items():
            if not self._opened(index, condition):
                continue
            number = self._index[index]
            mask = np.zeros(self.size, dtype=bool)
            mask[self._starts[number] : self._starts[number + 1]] = allowed
            found = self.frequency * torch.from_numpy(mask).to(self.frequency.device)
            if float(found.sum()) < share:
                best, share = found, float(found.sum())
        return best, share

    def _opened(self, index: int, condition: EncodedCondition) -> bool:
        """Whether a condition holds every gate of a part open."""
        gate = self._gates[self._index[index]]
        if gate is None:
            return True
        allowed = condition.categories.get(gate[0])
        alone = allowed is not None and bool(allowed[gate[1]]) and int(allowed.sum()) == 1
        return alone and self._opened(gate[0], condition)

    def _opener(self, number: int) -> int:
        """The category that opens a part, or one past the last where nothing has to."""
        gate = self._gates[number]
        return self.size if gate is None else int(self._starts[self._index[gate[0]]]) + gate[1]

    def _depth_of(self, number: int) -> int:
        gate = self._gates[number]
        return 0 if gate is None else 1 + self._depth_of(self._index[gate[0]])

    def _frequencies(self, layout: Layout) -> npt.NDArray[np.float64]:
        """Share of all rows that hold each category: a gated part exists as often as its gate is open."""
        found = np.zeros(self.size + 1)
        found[-1] = 1.0
        for index, number in self._index.items():
            part = layout.parts[index]
            share = np.array(part.marginal or (1 / part.width,) * part.width)
            share = np.maximum(share / share.sum(), _RAREST)
            found[self._starts[number] : self._starts[number + 1]] = (
                share / share.sum() * found[self._opener(number)]
            )
        return found[:-1]

    def _stands_for(self) -> npt.NDArray[np.float64]:
        """For how many columns a category answers: its own, and those that do not exist where it stands.

        With this, a column is asked for uniformly though some do not exist in every row: where one does not,
        the category that shuts it out is asked for in its place.
        """
        found = np.ones(self.size)
        for number in self._gates:
            step = number
            while (gate := self._gates[step]) is not None:
                step = self._index[gate[0]]
                found[self._starts[step] : self._starts[step + 1]] += 1
                found[self._starts[step] + gate[1]] -= 1
        return found


def _categorical(layout: Layout) -> list[int]:
    return [index for index, part in enumerate(layout.parts) if part.kind == "categorical"]


def pick_weighted(weights: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw `n` indices in proportion to weights (k,)."""
    return pick(weights.cumsum(dim=0).expand(n, -1), rng)
