"""Pool-and-select: weights of a model's rows, under which their tables are those of the training rows.

The weights are a product of one factor for each cell that a row falls into, found by iterative proportional
fitting on a pool of the model's rows (Deming and Stephan 1940, doi:10.1214/aoms/1177731829). Of all weights
that give the wanted tables these change the model's distribution least (Csiszar 1975,
doi:10.1214/aop/1176996454). A row is kept with a chance in proportion to its weight, so none is kept twice.

Where the weights stop decides what they can give away. The training rows are a sample: fitted to the last
digit, their tables carry the sample's own accidents into what is released. So a table is moved no further
than to the distance at which that many unseen patients would lie from the population, and one that is nearer
is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.sampling.calibrate import State
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.pairs import Floats, Groups
from synthetic_healthcare.sampling.targets import (
    Target,
    Targets,
    Variable,
    cells_of,
    expected_distance,
    joint_groups,
)
from synthetic_healthcare.schema.layout import Encoded

#: Most rounds over all tables; a dozen bring one within a hundredth of its goal.
_SWEEPS: Final = 25
#: A pair within this factor of its level is at it.
_NEAR: Final = 1.02
#: Corrections of the offset after each sweep: a bounded weight has no mean in closed form.
_CENTRING: Final = 10


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
            "variables": [variable.to_list() for variable in self.variables],
            "tables": [list(places) for places in self.tables],
            "offset": self.offset,
            "bound": self.bound,
        }
        return facts, {"factors": np.concatenate([np.zeros(0), *self.factors])}

    @staticmethod
    def from_state(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
        """Rebuild what `to_state` gave."""
        variables = tuple(Variable.from_list(entry) for entry in facts["variables"])
        tables = tuple(tuple(places) for places in facts["tables"])
        sizes = [int(np.prod([variables[place].size for place in places])) for places in tables]
        factors = np.split(np.asarray(arrays["factors"]), np.cumsum(sizes)[:-1]) if tables else []
        return Weights(variables, tables, tuple(factors), float(facts["offset"]), float(facts["bound"]))


def rake(pool: Encoded, targets: Targets, config: SamplingConfig) -> Weights:
    """Find the weights of a model's rows under which the tables come to their level.

    Parameters
    ----------
    pool : Encoded (n,)
        Rows of the model.
    targets : Targets
        The tables; where none of them is off by more than chance explains, no row is weighted.
    config : SamplingConfig
        How far to go, and how much a row may count at most.
    """
    cells = cells_of(pool, targets)
    levels = [expected_distance(table.share, targets.rows) for table in targets.tables]
    factors = [np.zeros(len(table.share)) for table in targets.tables]
    total = np.zeros(len(pool))
    offset = 0.0
    for _ in range(_SWEEPS):
        touched = False
        for cell, table, level, factor in zip(cells, targets.tables, levels, factors, strict=True):
            step = _step(cell, _bounded(total + offset, config.most_weight), table, level, config.strength)
            if step is not None:
                factor += step
                total += step[cell]
                touched = True
        if not touched:
            break
        offset = _centred(total, config.most_weight)
    used = [place for place, factor in enumerate(factors) if factor.any()]
    if not used:
        return Weights()
    return Weights(
        targets.variables,
        tuple(targets.tables[place].variables for place in used),
        tuple(factors[place][targets.tables[place].cell] for place in used),
        offset,
        min(config.most_weight, float(_bounded(total + offset, config.most_weight).max())),
    )


def _step(cell: Groups, weight: Floats, table: Target, level: float, strength: float) -> Floats | None:
    """Logarithm of each cell's factor that brings a table to its level, `None` where it is there."""
    held = np.bincount(cell, weight, minlength=len(table.share)).astype(np.float64)
    held = held / held.sum()
    distance = float(np.abs(held - table.share).sum())
    if distance <= _NEAR * level:
        return None
    share = strength * (1.0 - level / distance)
    wanted = held + share * (table.share - held)
    # A cell that no row of the model falls into cannot be filled by weights.
    ratio = np.divide(wanted, held, out=np.ones_like(held), where=(held > 0) & (wanted > 0))
    return np.asarray(np.log(ratio))


def _centred(total: Floats, bound: float) -> float:
    """The offset at which the bounded weights are one on average."""
    offset = -float(np.log(_bounded(total, np.inf).mean()))
    for _ in range(_CENTRING):
        offset -= float(np.log(_bounded(total + offset, bound).mean()))
    return offset


def _bounded(total: Floats, bound: float) -> Floats:
    return np.asarray(np.exp(np.minimum(total, np.log(bound))))
