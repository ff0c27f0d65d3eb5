"""Pool-and-select: weights of a model's rows, under which their tables are those of the training rows.

The weights are a product of one factor for each cell of each table that a row falls into, found by iterative
proportional fitting on a pool of the model's rows (Deming and Stephan 1940, doi:10.1214/aoms/1177731829): of
all weights that give the wanted tables, these change the model's distribution least (Csiszar 1975,
doi:10.1214/aop/1176996454). A row is then kept with a chance in proportion to its weight, which needs no more
memory than the row and keeps none of them twice.

Where the weights stop decides what they can give away. The training rows are a sample: fitted to the last
digit, their tables carry the sample's own accidents into what is released. So a pair of columns is moved no
further than to the distance at which a sample of that many unseen patients would lie from the population, and
pairs are not touched at all where the model lies nearer than that on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.sampling.calibrate import State
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.targets import (
    Floats,
    Groups,
    Target,
    Targets,
    Variable,
    expected_distance,
    joint_groups,
)
from synthetic_healthcare.schema.layout import Encoded

#: Most rounds over all tables; a dozen bring one within a hundredth of its goal.
_SWEEPS: Final = 25
#: Distance within which a one-way table is right: a category off by one in a thousand.
_RIGHT: Final = 0.002
#: Times the pool's own scatter within which a one-way table counts as right.
_NOISE: Final = 1.5
#: A pair within this factor of its level is at it.
_NEAR: Final = 1.02
#: Halvings that find the weights at which the pairs as a whole are at their level.
_HALVINGS: Final = 12


@final
@dataclass(frozen=True, eq=False)
class Weights:
    """A chance of being kept for every row that a model may draw.

    Parameters
    ----------
    variables : tuple of Variable
        What the tables count.
    tables : tuple of tuples of int
        Places of each table's variables, one or two.
    factors : tuple of float arrays (combinations of groups,)
        Logarithm of the factor of each combination, the first variable's group varying slowest.
    offset : float
        Added to the sum of a row's factors.
    bound : float
        Weight from which a row is always kept.
    """

    variables: tuple[Variable, ...] = ()
    tables: tuple[tuple[int, ...], ...] = ()
    factors: tuple[Floats, ...] = ()
    offset: float = 0.0
    bound: float = 1.0

    def chances(self, rows: Encoded) -> Floats:
        """Return the probability with which each row is kept, shape (n,)."""
        if not self.tables:
            return np.ones(len(rows))
        used = {place for places in self.tables for place in places}
        groups = {place: self.variables[place].of(rows) for place in used}
        total = np.full(len(rows), self.offset)
        for places, factor in zip(self.tables, self.factors, strict=True):
            total += factor[joint_groups(groups, self.variables, places)]
        return _bounded(total, self.bound) / self.bound

    def to_state(self) -> State:
        """Return plain facts, and arrays by name; factors only, no count of any patients."""
        facts = {
            "variables": [[v.part, v.bit, list(v.cuts), list(v.groups), v.size] for v in self.variables],
            "tables": [list(places) for places in self.tables],
            "offset": self.offset,
            "bound": self.bound,
        }
        return facts, {"factors": np.concatenate([np.zeros(0), *self.factors])}

    @staticmethod
    def from_state(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
        """Rebuild what `to_state` gave."""
        variables = tuple(
            Variable(part, bit, tuple(cuts), tuple(groups), size)
            for part, bit, cuts, groups, size in facts["variables"]
        )
        tables = tuple(tuple(places) for places in facts["tables"])
        sizes = [int(np.prod([variables[place].size for place in places])) for places in tables]
        factors = np.split(np.asarray(arrays["factors"]), np.cumsum(sizes)[:-1]) if tables else []
        return Weights(variables, tables, tuple(factors), float(facts["offset"]), float(facts["bound"]))


def fit_weights(pool: Encoded, targets: Targets, config: SamplingConfig) -> Weights:
    """Learn the weights from rows of the model.

    Parameters
    ----------
    pool : Encoded (n,)
        Rows of the model, calibrated as those will be that the weights are for.
    targets : Targets
        What the tables should be.
    config : SamplingConfig
        Which of them are fitted, how strongly, and how much a row may count.

    Returns
    -------
    Weights
        Without tables where nothing is to mend: every row is kept.
    """
    tables = _tables(pool, targets, config)
    single = [table for table in tables if len(table.target.variables) == 1]
    pairs = [table for table in tables if len(table.target.variables) > 1]
    raking = _Raking(tables, len(pool), config.most_weight)
    for _ in range(_SWEEPS):
        if not raking.sweep(single):
            break
    if nearness(pairs, raking.weight) > 1.0:
        _fit_pairs(raking, single, pairs)
    return _finished(raking, targets.variables, config)


@dataclass(eq=False)
class _Table:
    """A table while it is fitted: the cells of the pool's rows, how near it may come, its factors so far."""

    target: Target
    cells: Groups
    level: float
    factors: Floats

    def shares(self, weight: Floats) -> Floats:
        counts = np.bincount(self.cells, weight, minlength=len(self.target.share))
        return np.asarray(counts / counts.sum())

    def distance(self, weight: Floats) -> float:
        return float(np.abs(self.shares(weight) - self.target.share).sum())


@final
class _Raking:
    """The weights of the pool's rows while they are fitted; their mean is one and none is above the cap."""

    def __init__(self, tables: list[_Table], n: int, cap: float) -> None:
        self.tables = tables
        self.cap = cap
        self.total = np.zeros(n)
        self.offset = 0.0
        self.weight = np.ones(n)

    def sweep(self, tables: list[_Table]) -> bool:
        """Move every table that is too far off to its level, and say whether there was one."""
        moved = False
        for table in tables:
            share = table.shares(self.weight)
            distance = float(np.abs(share - table.target.share).sum())
            if distance <= _NEAR * table.level:
                continue
            moved = True
            wanted = share + (1.0 - table.level / distance) * (table.target.share - share)
            # A cell that no row of the pool falls into has no factor to learn.
            change = np.log(np.divide(wanted, share, out=np.ones_like(share), where=share > 0))
            table.factors += change
            self.total += change[table.cells]
            self.weight = _bounded(self.total + self.offset, self.cap)
        self.settle()
        return moved

    def settle(self) -> None:
        """Set the offset: what is cut off above the cap is spread over the others."""
        for _ in range(_SWEEPS):
            self.weight = _bounded(self.total + self.offset, self.cap)
            self.offset -= float(np.log(self.weight.mean()))
        self.weight = _bounded(self.total + self.offset, self.cap)

    def place(self, factors: list[Floats], total: Floats) -> None:
        """Take factors on, with the sums that they come to."""
        for table, factor in zip(self.tables, factors, strict=True):
            table.factors = factor
        self.total = total
        self.settle()


def _tables(pool: Encoded, targets: Targets, config: SamplingConfig) -> list[_Table]:
    """Return the tables that are asked for."""
    tables: list[_Table] = []
    groups: dict[int, Groups] = {}
    for target in targets.tables if config.strength > 0 else ():
        is_pair = len(target.variables) > 1
        step = config.floor / targets.rows
        if is_pair:
            level = expected_distance(target.share, targets.rows, step=step)
        else:
            # Nearer than the pool's own noise it cannot be told.
            level = max(_RIGHT, _NOISE * expected_distance(target.share, len(pool)))
        # A table of which one cell holds all patients says nothing of how its columns go together.
        if len(target.share) < 2 or not (config.select if is_pair else config.calibrate):
            continue
        for place in target.variables:
            if place not in groups:
                groups[place] = targets.variables[place].of(pool)
        cells = target.cell[joint_groups(groups, targets.variables, target.variables)]
        tables.append(_Table(target, cells, level, np.zeros(len(target.share))))
    return tables


def nearness(pairs: list[_Table], weight: Floats) -> float:
    """Mean distance of pairs from their targets, in terms of an unseen sample's: below 1 is nearer."""
    return float(np.mean([table.distance(weight) / table.level for table in pairs])) if pairs else 0.0


def _fit_pairs(raking: _Raking, single: list[_Table], pairs: list[_Table]) -> None:
    """Rake pairs until, as a whole, they are as near as unseen patients, and not beyond."""
    for _ in range(_SWEEPS):
        before = [table.factors.copy() for table in raking.tables], raking.total.copy()
        moved = raking.sweep(pairs) | raking.sweep(single)
        if nearness(pairs, raking.weight) < 1.0:
            _step_back(raking, pairs, *before)
            return
        if not moved:
            return


def _step_back(raking: _Raking, pairs: list[_Table], factors: list[Floats], total: Floats) -> None:
    """Find the place between two states at which the pairs are at their level; the first lies outside it."""
    last = [table.factors for table in raking.tables]
    last_total = raking.total
    near, far = 1.0, 0.0
    for _ in range(_HALVINGS):
        share = (near + far) / 2
        between = [first + share * (second - first) for first, second in zip(factors, last, strict=True)]
        raking.place(between, total + share * (last_total - total))
        if nearness(pairs, raking.weight) < 1.0:
            near = share
        else:
            far = share
    between = [first + far * (second - first) for first, second in zip(factors, last, strict=True)]
    raking.place(between, total + far * (last_total - total))


def _finished(raking: _Raking, variables: tuple[Variable, ...], config: SamplingConfig) -> Weights:
    """Return what was learnt, at the strength that was asked for."""
    used = [table for table in raking.tables if np.any(table.factors)]
    if not used:
        return Weights()
    scaled = [config.strength * table.factors for table in raking.tables]
    raking.place(scaled, config.strength * raking.total)
    places = sorted({place for table in used for place in table.target.variables})
    moved = {place: new for new, place in enumerate(places)}
    return Weights(
        tuple(variables[place] for place in places),
        tuple(tuple(moved[place] for place in table.target.variables) for table in used),
        tuple(table.factors[table.target.cell] for table in used),
        raking.offset,
        min(raking.cap, float(raking.weight.max())),
    )


def _bounded(logarithm: Floats, bound: float) -> Floats:
    return np.asarray(np.exp(np.minimum(logarithm, np.log(bound))))
