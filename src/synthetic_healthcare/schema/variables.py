"""`Domain`: an encoded table read as variables of finitely many states, which can be counted.

A variable is what a column says of a row: the parts of a column that stand behind each other's gates are
one variable ("missing", "zero", or one of eight bins), so that a table of it never contradicts itself. Each
code of a set is a variable of its own. What exists only where another column says so has a state for "does
not exist".

A number's bins hold equal probabilities under the standard normal distribution: they are the same for every
table, and nothing of them comes from rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part

States = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

#: Stands where a part does not exist.
ABSENT: Final = -1
#: Probability beyond which no number is drawn: keeps it finite.
_TAIL: Final = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Variable:
    """What can be counted of a row.

    Parameters
    ----------
    parts : tuple of int
        Indices of the parts that it stands for, in the layout's order.
    meaning : int array (states, parts)
        Category, bin or bit of each part in each state; `ABSENT` where the part does not exist.
    gate : (int, tuple of int) or None
        (index of a variable before it, its states): it exists only there, and its last state is "does not
        exist".
    bit : int
        Which bit of its part it is, where the part is one of bits.
    """

    parts: tuple[int, ...]
    meaning: States
    gate: tuple[int, tuple[int, ...]] | None
    bit: int = 0

    @property
    def states(self) -> int:
        """Number of states, "does not exist" among them."""
        return len(self.meaning)

    @property
    def real(self) -> int:
        """Number of states in which it exists."""
        return len(self.meaning) - (self.gate is not None)


@final
@dataclass(frozen=True)
class Domain:
    """The variables of a layout.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    bins : int
        Bins of each number.
    """

    layout: Layout
    bins: int

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """In the layout's order: gates before what they gate."""
        trees = _trees(self.layout)
        found: list[Variable] = []
        owner = {part: number for number, tree in enumerate(_owners(self.layout, trees)) for part in tree}
        for tree in trees:
            gate = self.layout.parts[tree[0]].gate
            opened = None
            if gate is not None:
                above = found[owner[gate[0]]]
                column = above.parts.index(gate[0])
                states = np.flatnonzero(above.meaning[:, column] == gate[1])
                opened = (owner[gate[0]], tuple(states.tolist()))
            part = self.layout.parts[tree[0]]
            meaning = _meanings(self.layout, tree, self.bins)
            if opened is not None:
                meaning = np.concatenate([meaning, np.full((1, len(tree)), ABSENT, dtype=np.int32)])
            for bit in range(part.width if part.kind == "bits" else 1):
                found.append(Variable(tree, meaning, opened, bit))
        return tuple(found)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """Where each variable's real states stand, all variables side by side."""
        stops = np.cumsum([variable.real for variable in self.variables])
        return tuple(
            slice(int(stop) - variable.real, int(stop))
            for stop, variable in zip(stops, self.variables, strict=True)
        )

    def of_column(self, column: str) -> tuple[int, ...]:
        """Return the indices of a column's variables."""
        parts = self.layout.parts
        return tuple(
            i
            for i, variable in enumerate(self.variables)
            if column in {parts[p].column for p in variable.parts}
        )

    def columns(self, variables: Sequence[int]) -> tuple[str, ...]:
        """Return the columns that some variables stand for, each once."""
        parts = self.layout.parts
        return tuple(dict.fromkeys(parts[p].column for i in variables for p in self.variables[i].parts))

    def steps(self, index: int) -> npt.NDArray[np.bool_]:
        """Say of each state of a variable but the first whether it is the next bin after the state before it.

        Returns
        -------
        bool array (states - 1,)
        """
        variable = self.variables[index]
        numbers = [self.layout.parts[part].kind == "continuous" for part in variable.parts]
        change = np.diff(variable.meaning, axis=0)
        present = variable.meaning[:-1] != ABSENT
        found: npt.NDArray[np.bool_] = ((change == 1) & present & np.array(numbers)).any(axis=1) & (
            (change != 0).sum(axis=1) == 1
        )
        return found

    def read(self, rows: Encoded) -> States:
        """Return the state of every variable in every row, shape (variables, n)."""
        found = np.empty((len(self.variables), len(rows)), dtype=np.int32)
        for index, variable in enumerate(self.variables):
            first = self.layout.parts[variable.parts[0]]
            if first.kind == "bits":
                found[index] = rows.bits[:, first.store + variable.bit]
                continue
            place = np.zeros(len(rows), dtype=np.int64)
            radices = [self._values(part) + 1 for part in variable.parts]
            for part, radix in zip(variable.parts, radices, strict=True):
                place = place * radix + self._value(rows, part) + 1
            # Any row has exactly one state, come what may: that bounds what it adds to a table.
            table = np.full(int(np.prod(radices)), variable.states - 1, dtype=np.int32)
            for state, values in enumerate(variable.meaning):
                key = 0
                for value, radix in zip(values.tolist(), radices, strict=True):
                    key = key * radix + value + 1
                table[key] = state
            found[index] = table[place]
        for index, variable in enumerate(self.variables):
            if variable.gate is not None:
                shut = ~np.isin(found[variable.gate[0]], variable.gate[1])
                found[index, shut] = variable.states - 1
        return found

    def write(
        self, states: States, rows: Encoded, draws: np.random.Generator, condition: EncodedCondition
    ) -> None:
        """Write states (variables, n) into blank rows; numbers are drawn within their bins.

        Parameters
        ----------
        states : int array (variables, n)
            As `read` gives them.
        rows : Encoded (n,)
            Blank: zeros, and no category chosen.
        draws : numpy.random.Generator
            Where a number falls in its bin.
        condition : EncodedCondition
            Whose ranges numbers keep to.
        """
        for index, variable in enumerate(self.variables):
            for column, part in enumerate(variable.parts):
                place = self.layout.parts[part]
                values = variable.meaning[:, column][states[index]]
                if place.kind == "categorical":
                    rows.codes[:, place.store] = values
                elif place.kind == "bits":
                    rows.bits[:, place.store + variable.bit] = values == 1
                else:
                    numbers = self._numbers(values, draws, condition.ranges.get(part))
                    rows.continuous[:, place.store] = np.where(values == ABSENT, 0.0, numbers)

    def allowed(self, index: int, condition: EncodedCondition) -> Floats | None:
        """Return the share of each real state of a variable that a condition allows; `None`: all of all."""
        variable = self.variables[index]
        if not condition.parts & set(variable.parts):
            return None
        share = np.ones(variable.real)
        for column, part in enumerate(variable.parts):
            values = variable.meaning[: variable.real, column]
            if part in condition.categories:
                share *= np.where(values == ABSENT, 1.0, condition.categories[part][values])
            elif part in condition.ranges:
                low, high = ndtr(np.array(condition.ranges[part]))
                starts = values / self.bins
                within = np.minimum(high, starts + 1 / self.bins) - np.maximum(low, starts)
                share *= np.where(values == ABSENT, 1.0, np.maximum(within, 0.0) * self.bins)
            elif part in condition.bits and condition.bits[part][variable.bit] >= 0:
                share *= values == condition.bits[part][variable.bit]
        return share

    def _values(self, part: int) -> int:
        """Number of values of a part where it exists."""
        place = self.layout.parts[part]
        return self.bins if place.kind == "continuous" else place.width

    def _value(self, rows: Encoded, part: int) -> npt.NDArray[np.int64]:
        """Value of a part in each row; that of a number does not say whether it exists."""
        place = self.layout.parts[part]
        if place.kind == "categorical":
            return rows.codes[:, place.store].astype(np.int64)
        chances = ndtr(rows.continuous[:, place.store].astype(np.float64))
        found = np.minimum((chances * self.bins).astype(np.int64), self.bins - 1)
        if place.gate is not None:
            opener = self.layout.parts[place.gate[0]]
            found[rows.codes[:, opener.store] != place.gate[1]] = ABSENT
        return found

    def _numbers(
        self, bins: States, draws: np.random.Generator, ends: tuple[float, float] | None
    ) -> npt.NDArray[np.float32]:
        """Draw a standard normal number in each bin, and within a range."""
        low, high = (0.0, 1.0) if ends is None else ndtr(np.array(ends)).tolist()
        lowest = np.clip(bins / self.bins, low, high)
        width = np.clip((bins + 1) / self.bins, low, high) - lowest
        chances = lowest + draws.random(len(bins)) * width
        numbers = ndtri(np.clip(chances, _TAIL, 1 - _TAIL)).astype(np.float32)
        return numbers if ends is None else np.clip(numbers, np.float32(ends[0]), np.float32(ends[1]))


def _trees(layout: Layout) -> list[tuple[int, ...]]:
    """Group parts into variables: a part joins the one that gates it where both are of one column."""
    trees: list[list[int]] = []
    taken: set[tuple[int, int]] = set()
    for index, part in enumerate(layout.parts):
        gate = part.gate
        mine = (
            gate is not None
            and part.kind != "bits"
            and layout.parts[gate[0]].column == part.column
            # Two parts that exist under the same category would need a state for each combination.
            and gate not in taken
        )
        if mine and gate is not None:
            taken.add(gate)
            next(tree for tree in trees if gate[0] in tree).append(index)
        else:
            trees.append([index])
    return [tuple(tree) for tree in trees]


def _owners(layout: Layout, trees: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Parts of each variable, in the order of the variables: one a tree, or one a bit."""
    owners: list[tuple[int, ...]] = []
    for tree in trees:
        part: Part = layout.parts[tree[0]]
        owners += [tree] * (part.width if part.kind == "bits" else 1)
    return owners


def _meanings(layout: Layout, tree: tuple[int, ...], bins: int) -> States:
    """List the states of a group of parts: each category, opened up where a part stands behind it."""
    behind = {layout.parts[part].gate: part for part in tree[1:]}

    def states_of(part: int) -> list[dict[int, int]]:
        place = layout.parts[part]
        count = {"continuous": bins, "bits": 2, "categorical": place.width}[place.kind]
        found: list[dict[int, int]] = []
        for value in range(count):
            child = behind.get((part, value)) if place.kind == "categorical" else None
            below = [{}] if child is None else states_of(child)
            found += [{part: value, **rest} for rest in below]
        return found

    listed = [[state.get(part, ABSENT) for part in tree] for state in states_of(tree[0])]
    return np.array(listed, dtype=np.int32)
