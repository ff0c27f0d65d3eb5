"""A mixture of products fitted to noisy tables of one and two variables, by gradients.

All tables that the mixture has of two variables are one matrix product. Their squared distances from what
was measured, each cell as precise as its noise, are made small, and no smaller than noise makes them: beyond
that, noise would be learnt. All of it is post-processing; no row is read.

Source: Liu, Vietri and Wu 2021 (GEM, arXiv:2106.07153).
# DIFF: a component's chances are parameters of their own, not the output of a network with a fixed input: a
step takes a quarter of the time, and gets further.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.models._products import Products
from synthetic_healthcare.schema.variables import Domain, Floats

#: Keeps logarithms of chances finite where it starts.
_LEAST_CHANCE: Final = 1e-4
#: Logits beyond this stand for certainty.
_CERTAIN: Final = 30.0
#: How far the components start from each other, in logits: none would be moved apart by gradients otherwise.
_SPREAD: Final = 0.1
#: Standard deviation of what may hold between two variables that were not measured together, beyond where
#: the fit starts, as a share of the mean cell. Without it, components that carry a few pairs tie others by
#: chance.
_LOOSE: Final = 0.3
#: Mean squared distance, in variances of the noise, at which the fit is as close as the noise lets it be.
_AS_CLOSE_AS_NOISE: Final = 0.95
#: Updates over which the learning rate rises.
_WARM_UP: Final = 20
#: Share of the learning rate that is left at the last update.
_LAST_RATE: Final = 0.01


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of a table: all its measurements in one.

    Parameters
    ----------
    counts : float array
        Their mean, each as heavy as it is precise.
    precision : float
        Sum of 1 / deviation^2.
    """

    counts: Floats
    precision: float

    def joined(self, other: Measured) -> Measured:
        """Put two measurements of the same table together."""
        total = self.precision + other.precision
        mean = (self.counts * self.precision + other.counts * other.precision) / total
        return Measured(mean, total)


@final
class Targets:
    """Measured tables, laid out as a vector and a matrix over the states of all variables.

    Parameters
    ----------
    domain : Domain
        The variables.
    active : sequence of int
        Variables that stand first in the tables of two: the matrix has a row for each of their states, and a
        column for each state of any variable.
    rows : int
        Public number of rows.

    Attributes
    ----------
    single, pairs : Tensor (states,), Tensor (active states, states)
        Measured shares.
    single_weights, pair_weights : Tensors of the same shapes
        How precise they are; 0 where nothing was measured.
    ties : Tensor (active states, states)
        How much a pair that was not measured is held to where the fit starts.
    """

    def __init__(self, domain: Domain, active: tuple[int, ...], rows: int) -> None:
        self.domain = domain
        self.active = active
        self.size = rows
        self.columns = _spans([variable.states for variable in domain.variables])
        self.rows = dict(zip(active, _spans([domain.variables[i].states for i in active]), strict=True))
        width = self.columns[-1].stop
        shape = (sum(domain.variables[i].states for i in active), width)
        self.single, self.single_weights = torch.zeros(width), torch.zeros(width)
        self.pairs, self.pair_weights = torch.zeros(shape), torch.zeros(shape)
        self.ties = torch.zeros(shape)
        states = torch.tensor([v.states for v in domain.variables for _ in range(v.states)]).float()
        # A pair of active variables stands twice in the matrix.
        twice = torch.tensor(
            [1 + (i in self.rows) for i, v in enumerate(domain.variables) for _ in range(v.states)]
        )
        for index, place in self.rows.items():
            self.ties[place] = (states * domain.variables[index].states / _LOOSE) ** 2 / twice
            self.ties[place, self.columns[index]] = 0.0
        self._cells: dict[tuple[int, ...], float] = {}

    @property
    def cells(self) -> float:
        """Weighed number of the cells that were measured."""
        return sum(self._cells.values())

    def put(self, table: tuple[int, ...], measured: Measured, *, weight: float) -> None:
        """Write a table of one or two variables in, or over what stood there; the first of two is active."""
        shares = torch.from_numpy(measured.counts / self.size).float()
        precision = weight * measured.precision * self.size**2
        if len(table) == 1:
            place = self.columns[table[0]]
            self.single[place], self.single_weights[place] = shares, precision
            self._cells[table] = weight * shares.numel()
            return
        first, second = table
        block = self.rows[first], self.columns[second]
        told = self._told(first, second)
        self.ties[block] = 0.0
        if second in self.rows:
            self.ties[self.rows[second], self.columns[first]] = 0.0
        self.pairs[block] = shares
        self.pair_weights[block] = precision * told
        self._cells[table] = weight * float(told.sum())

    def settled(self, first: int, second: int, table: Floats, shares: Floats) -> Floats:
        """Put into a table's cells that existence settles what it settles them to.

        Parameters
        ----------
        first, second : int
            Variables.
        table : float array (first, second)
        shares : float array (states,)
            Of all states.
        """
        told = self._told(first, second).numpy()
        variables = self.domain.variables
        one, other = shares[self.columns[first]], shares[self.columns[second]]
        found: Floats = table * told
        if variables[first].gate is not None and variables[first].gate == variables[second].gate:
            found[-1, -1] = one[-1]
        elif self._opens(first, second):
            shut = told.sum(axis=1) == 0
            found[shut, -1] = one[shut]
        elif self._opens(second, first):
            shut = told.sum(axis=0) == 0
            found[-1, shut] = other[shut]
        return found

    def _told(self, first: int, second: int) -> Float[Tensor, "first second"]:
        """1 for the cells of a table that are not settled by whether the two variables exist."""
        variables = self.domain.variables
        one, other = variables[first], variables[second]
        told = torch.ones(one.states, other.states)
        if one.gate is not None and one.gate == other.gate:
            told[-1], told[:, -1] = 0.0, 0.0
        for opener, gated, table in ((second, first, told.T), (first, second, told)):
            gate = variables[gated].gate
            if self._opens(opener, gated) and gate is not None:
                opened = torch.zeros(table.shape[0], 1)
                opened[list(gate[1])] = 1.0
                table *= opened
                table[:, -1] = 0.0
        return told

    def _opens(self, opener: int, gated: int) -> bool:
        gate = self.domain.variables[gated].gate
        return gate is not None and gate[0] == opener


@final
@dataclass(frozen=True, eq=False)
class _Gate:
    """Variables that exist under the same states of another: where these stand among all real states.

    Parameters
    ----------
    outer : int
        The gate behind which the opening variable itself stands, or -1.
    opened : Tensor (k,)
        The opening states.
    members : tuple of int
        The variables behind it.
    together : Tensor (m,)
        The opening states and the real states of the members.
    kept, rows : Tensors (r,)
        Places in `together` of those that have a row in the matrix of pairs, and which row.
    """

    outer: int
    opened: Tensor
    members: tuple[int, ...]
    together: Tensor
    kept: Tensor
    rows: Tensor


@final
class Mixture(nn.Module):
    """Weights and chances of the components, as logits.

    Parameters
    ----------
    targets : Targets
        What it is fitted to.
    start : Products
        Where it starts: its components are repeated as often as they are heavy, and told apart by chance.
    components : int
        How many, more or less.
    rng : torch.Generator
        Of that chance.
    """

    _owner: Tensor
    _order: Tensor
    _gate_of: Tensor
    _real: Tensor
    _gated: Tensor

    def __init__(self, targets: Targets, start: Products, components: int, rng: torch.Generator) -> None:
        super().__init__()
        self.targets = targets
        variables = targets.domain.variables
        copies = np.maximum(np.floor(start.weights * components), 1).astype(np.int64)
        weights = np.repeat(start.weights / copies, copies)
        logits = np.log(np.repeat(start.chances, copies, axis=0) + _LEAST_CHANCE)
        self.weights = nn.Parameter(torch.from_numpy(np.log(weights)).float())
        self.logits = nn.Parameter(torch.from_numpy(logits).float())
        self._gates = _gates(targets)
        gate_of = {member: number for number, gate in enumerate(self._gates) for member in gate.members}
        owner = np.repeat(np.arange(len(variables)), [variable.real for variable in variables])
        # Real states come first, then one state of absence for each gated variable.
        gated = sorted(gate_of)
        places = zip(targets.columns, variables, strict=True)
        real = np.concatenate([np.arange(place.start, place.start + v.real) for place, v in places])
        absent = np.array([targets.columns[index].stop - 1 for index in gated], dtype=np.int64)
        tables = {
            "_owner": owner,
            "_order": np.argsort(np.concatenate([real, absent])),
            # One more gate, always open, stands last.
            "_gate_of": np.array([gate_of.get(i, len(self._gates)) for i in range(len(variables))]),
            "_real": real,
            "_gated": np.array(gated, dtype=np.int64),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        with torch.no_grad():
            # Where a pair is not measured, nothing but the start is known of it.
            self._start = self()[1]
            self.logits.add_(_SPREAD * torch.randn(self.logits.shape, generator=rng))

    def chances(self) -> Float[Tensor, "components real"]:
        """Probabilities of the real states of each variable where it exists."""
        raised = self.logits.clamp(-_CERTAIN, _CERTAIN).exp()
        sums = raised.new_zeros(len(raised), len(self.targets.columns)).index_add(1, self._owner, raised)
        return raised / sums[:, self._owner]

    def forward(self) -> tuple[Float[Tensor, " states"], Float[Tensor, "rows states"]]:
        """Return the shares of all states, and the tables of the active variables against all."""
        weights, chances = self.weights.softmax(dim=0), self.chances()
        open_ = self._open(chances)
        exists = open_[:, self._gate_of]
        held = chances * exists[:, self._owner]
        states = torch.cat([held, 1 - exists[:, self._gated]], dim=1)[:, self._order]
        weighed = states * weights[:, None]
        active = torch.cat([weighed[:, self.targets.columns[i]] for i in self.targets.active], dim=1)
        pairs = active.T @ states
        for number, gate in enumerate(self._gates):
            # Variables that exist together: what opens the gate counts once, not once for each of them.
            scaled = held[:, gate.together] / open_[:, number, None].clamp(min=_LEAST_CHANCE).sqrt()
            right = (scaled[:, gate.kept] * weights[:, None]).T @ scaled
            pairs = pairs.index_put((gate.rows[:, None], self._real[gate.together]), right)
        return weighed.sum(dim=0), pairs

    def fit(self, iterations: int, learning_rate: float) -> int:
        """Move towards the targets until they are as close as noise lets them be; return the updates made."""
        optimizer = torch.optim.Adam(self.parameters(), lr=learning_rate, betas=(0.9, 0.99))
        targets, cells = self.targets, self.targets.cells
        with torch.enable_grad():
            for step in range(iterations):
                optimizer.zero_grad()
                shares, pairs = self()
                loss = (targets.single_weights * (shares - targets.single) ** 2).sum() / cells
                loss = loss + (targets.pair_weights * (pairs - targets.pairs) ** 2).sum() / cells
                if float(loss.detach()) < _AS_CLOSE_AS_NOISE:
                    return step
                loss = loss + (targets.ties * (pairs - self._start) ** 2).sum() / cells
                torch.autograd.backward(loss)
                falling = 0.5 * (1 + math.cos(math.pi * step / iterations))
                rate = min(1.0, (step + 1) / _WARM_UP) * max(falling, _LAST_RATE)
                optimizer.param_groups[0]["lr"] = learning_rate * rate
                optimizer.step()
        return iterations

    def expected(self, tables: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Floats]:
        """Return the counts that it expects in tables of an active variable and another."""
        targets = self.targets
        with torch.no_grad():
            shares, pairs = (each.double().numpy() for each in self())
        found = {}
        for first, second in tables:
            block = pairs[targets.rows[first], targets.columns[second]]
            found[first, second] = targets.size * targets.settled(first, second, block, shares)
        return found

    def products(self) -> Products:
        """Return what it has become."""
        with torch.no_grad():
            weights = self.weights.double().softmax(dim=0).numpy()
            chances = self.chances().numpy()
        return Products(self.targets.domain, weights, chances)

    def _open(self, chances: Tensor) -> Float[Tensor, "components gates"]:
        """Probability in each component that each gate is open; of the last one, which always is, 1."""
        found: list[Tensor] = []
        for gate in self._gates:
            share = chances[:, gate.opened].sum(dim=1)
            found.append(share if gate.outer < 0 else share * found[gate.outer])
        return torch.stack([*found, torch.ones_like(chances[:, 0])], dim=1)


def _gates(targets: Targets) -> list[_Gate]:
    """List the gates of a domain, outer ones first."""
    domain = targets.domain
    members: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for index, variable in enumerate(domain.variables):
        if variable.gate is not None:
            members.setdefault(variable.gate, []).append(index)
    # A gate's variable stands before all that it gates, and so does the gate behind which it stands.
    numbers = {gate: number for number, gate in enumerate(sorted(members))}
    found = []
    for opener, states in numbers:
        outer = domain.variables[opener].gate
        own = members[opener, states]
        inside = [(opener, state) for state in states]
        inside += [(member, state) for member in own for state in range(domain.variables[member].real)]
        place = [domain.spans[index].start + state for index, state in inside]
        kept = [number for number, (index, _) in enumerate(inside) if index in targets.rows]
        rows = [targets.rows[inside[number][0]].start + inside[number][1] for number in kept]
        numbered = (place[: len(states)], place, kept, rows)
        opened, together, those, there = (torch.tensor(each, dtype=torch.long) for each in numbered)
        number = -1 if outer is None else numbers[outer]
        found.append(_Gate(number, opened, tuple(own), together, those, there))
    return found


def _spans(widths: list[int]) -> list[slice]:
    stops = np.cumsum(widths).tolist()
    return [slice(stop - width, stop) for stop, width in zip(stops, widths, strict=True)]
