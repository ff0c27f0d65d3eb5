"""`Targets`: one- and two-way tables of the training rows, all that the levers may know of them.

A table's cells are coarse, and none speaks of few patients: cells held by fewer than the floor are one cell
together, which takes more cells in until it reaches the floor, and every count is rounded to a multiple of
it, so that no difference of two stored counts is a small number of patients either.

Source of both measures: disclosure control of frequency tables, Hundepool et al. 2012, "Statistical
disclosure control", chapter 5 (suppression and rounding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthetic_healthcare.sampling.calibrate import is_normal
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, part_exists

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int32]

#: Patients in a cell of two columns, on average, that bins are made for: a relative error of .2.
_PATIENTS_PER_CELL: Final = 20
#: Most groups of the categories of a part in a pair; the rarest are joined.
_MOST_GROUPS: Final = 12
#: Most variables that pairs are looked for among: those of highest entropy.
_MOST_VARIABLES: Final = 400
#: Most rows that the information of pairs is judged by.
_JUDGED_ROWS: Final = 5000


@final
@dataclass(frozen=True)
class Variable:
    """A part of a row, or one of its bits, as a coarse category.

    Parameters
    ----------
    part : int
        Index of the part.
    bit : int or None
        Which bit, for a bits part.
    cuts : tuple of float
        Rising inner edges of the bins, for a continuous part.
    groups : tuple of int
        Group of each category, for a categorical part.
    size : int
        Number of groups; where the part has a gate, the last one is "the gate is shut".
    """

    part: int
    bit: int | None
    cuts: tuple[float, ...]
    groups: tuple[int, ...]
    size: int

    def of(self, rows: Encoded) -> Groups:
        """Return the group of each row, shape (n,)."""
        part = rows.layout.parts[self.part]
        shut = self.size - 1
        if part.kind == "categorical":
            # A shut gate is code -1, which reads the last entry.
            return np.array([*self.groups, shut], dtype=np.int32)[rows.codes[:, part.store]]
        if part.kind == "bits":
            found = rows.bits[:, part.store + (self.bit or 0)].astype(np.int32)
        else:
            cuts = np.array(self.cuts, dtype=np.float32)
            found = np.searchsorted(cuts, rows.continuous[:, part.store], side="right").astype(np.int32)
        if part.gate is not None:
            found[~part_exists(rows, self.part)] = shut
        return found


@final
@dataclass(frozen=True, eq=False)
class Target:
    """What one or two variables should look like.

    Parameters
    ----------
    variables : tuple of int
        Their places in `Targets.variables`.
    cell : int array (product of the variables' sizes,)
        Cell of each combination of groups, the first variable's group varying slowest; several share a cell
        where few patients hold them.
    share : float array (cells,)
        Share of the patients in each cell; sums to one.
    """

    variables: tuple[int, ...]
    cell: Groups
    share: Floats


@final
@dataclass(frozen=True)
class Targets:
    """All that the levers may know of the training rows.

    Whoever hands in other tables (noised ones, under differential privacy) decides by them alone what the
    levers do: nothing else reads a row.

    Parameters
    ----------
    variables : tuple of Variable
        What the tables count.
    tables : tuple of Target
        One-way tables first.
    normal : tuple of int
        Continuous parts whose numbers are standard normal among the patients that have them.
    rows : int
        Patients behind the tables.
    """

    variables: tuple[Variable, ...]
    tables: tuple[Target, ...]
    normal: tuple[int, ...]
    rows: int


def expected_distance(share: Floats, *sizes: float, step: float = 0.0) -> float:
    """Return the distance that chance alone puts between the tables of samples of one population.

    Parameters
    ----------
    share : float array (cells,)
        Shares of the cells in the population.
    sizes : float
        Rows in each of the samples: one, and the distance is that of the sample from its population; two, and
        it is that between the samples.
    step : float, default 0
        Share to whose multiples the table is rounded, which adds step^2 / 12 to each cell's variance.

    Returns
    -------
    float
        Expected sum over the cells of the absolute difference (twice the total variation distance).

    Notes
    -----
    A cell's share in a sample of n rows scatters with variance p (1 - p) / n about p, and a normal variable's
    mean absolute deviation is sqrt(2 / pi) of its standard deviation. Source: Blyth 1980, "Expected absolute
    error of the usual estimator of the binomial parameter", The American Statistician 34(3), 155-157. It lies
    2 % above the exact value for cells of 5 rows, and nearer for larger ones.
    """
    variance = share * (1.0 - share) * sum(1.0 / size for size in sizes) + step**2 / 12.0
    return float(np.sqrt(2.0 / np.pi * variance).sum())


def joint_groups(
    groups: Mapping[int, Groups], variables: Sequence[Variable], places: tuple[int, ...]
) -> Groups:
    """Return the combination of groups of each row, the first variable's group varying slowest."""
    found = groups[places[0]]
    for place in places[1:]:
        found = found * variables[place].size + groups[place]
    return found


def read_targets(rows: Encoded, config: SamplingConfig, *, rng: np.random.Generator) -> Targets:
    """Count the training rows.

    Parameters
    ----------
    rows : Encoded (n,)
        Training rows, one a patient.
    config : SamplingConfig
        Pairs, bins and floor.
    rng : numpy.random.Generator
        Draws the rows that the information of pairs is judged by, where there are many.

    Returns
    -------
    Targets
        One-way tables of categories and bits come from the layout's protected marginals; those of pairs are
        counted here.
    """
    n = len(rows)
    fine = _one_way(rows.layout)
    variables = {variable: place for place, (variable, _) in enumerate(fine)}
    tables = [
        Target((place,), np.arange(variable.size, dtype=np.int32), share)
        for place, (variable, share) in enumerate(fine)
    ]
    coarse = _coarse(rows.layout, n, config)
    if config.pairs and len(coarse) > 1:
        groups = np.stack([variable.of(rows) for variable in coarse], axis=1)
        for pair in _telling_pairs(groups, coarse, rows.layout, config.pairs, rng=rng):
            held = {place: groups[:, place] for place in pair}
            size = coarse[pair[0]].size * coarse[pair[1]].size
            counts = np.bincount(joint_groups(held, coarse, pair), minlength=size)
            cell, share = protected_cells(counts, floor=config.floor)
            if len(share) > 1:
                places = tuple(variables.setdefault(coarse[place], len(variables)) for place in pair)
                tables.append(Target(places, cell, share))
    return Targets(tuple(variables), tuple(tables), _normal_parts(rows), n)


def protected_cells(counts: npt.NDArray[np.int64], *, floor: int) -> tuple[Groups, Floats]:
    """Join the cells that few patients hold, and round the others.

    Parameters
    ----------
    counts : int array (cells,)
        Patients in each cell.
    floor : int
        Patients that a cell with any must be held by.

    Returns
    -------
    cell : int array (cells,)
        Cell that each goes into: the first is that of the rare ones, which takes in the smallest of the
        others as long as it holds patients and fewer than the floor.
    share : float array (kept cells,)
        Their shares, of counts rounded to multiples of the floor.
    """
    order = np.argsort(counts, kind="stable")
    rising = counts[order]
    joined = int((rising < floor).sum())
    held = int(rising[:joined].sum())
    while 0 < held < floor and joined < len(counts):
        held += int(rising[joined])
        joined += 1
    cell = np.zeros(len(counts), dtype=np.int32)
    cell[order[joined:]] = np.arange(len(counts) - joined) + (joined > 0)
    kept = np.array(([held] if joined else []) + rising[joined:].tolist(), dtype=np.float64)
    rounded = floor * np.round(kept / floor)
    return cell, rounded / max(float(rounded.sum()), 1.0)


def _one_way(layout: Layout) -> list[tuple[Variable, Floats]]:
    """Every categorical part and every bit as it is, with its share of all rows."""
    found = []
    for index, part in enumerate(layout.parts):
        exists = _existence(layout, index)
        shut = () if part.gate is None else (1.0 - exists,)
        if part.kind == "categorical":
            held = np.array([*(exists * np.array(part.marginal)), *shut])
            variable = Variable(index, None, (), tuple(range(part.width)), len(held))
            found.append((variable, held / held.sum()))
        elif part.kind == "bits":
            for bit, rate in enumerate(part.marginal):
                held = np.array([exists * (1.0 - rate), exists * rate, *shut])
                found.append((Variable(index, bit, (), (), len(held)), held))
    return found


def _existence(layout: Layout, index: int) -> float:
    """Share of the rows in which a part exists."""
    share, gate = 1.0, layout.parts[index].gate
    while gate is not None:
        share *= layout.parts[gate[0]].marginal[gate[1]]
        gate = layout.parts[gate[0]].gate
    return share


def _coarse(layout: Layout, rows: int, config: SamplingConfig) -> list[Variable]:
    """Variables to pair: numbers in bins, categories with rare ones joined, bits."""
    bins = int(np.clip(np.sqrt(rows / _PATIENTS_PER_CELL), 2, config.bins))
    cuts = tuple(ndtri(np.arange(1, bins) / bins).tolist())
    found = []
    for index, part in enumerate(layout.parts):
        shut = int(part.gate is not None)
        if part.kind == "continuous":
            found.append(Variable(index, None, cuts, (), bins + shut))
        elif part.kind == "bits":
            found += [Variable(index, bit, (), (), 2 + shut) for bit in range(part.width)]
        else:
            groups = _joined_categories(part, rows * _existence(layout, index))
            found.append(Variable(index, None, (), groups, max(groups) + 1 + shut))
    return [variable for variable in found if variable.size > 1]


def _joined_categories(part: Part, rows: float) -> tuple[int, ...]:
    """Group of each category: the frequent ones for themselves, the others together."""
    share = np.array(part.marginal)
    order = np.argsort(-share, kind="stable")[: _MOST_GROUPS - 1]
    frequent = np.sort(order[share[order] * rows >= _PATIENTS_PER_CELL])
    if part.width <= _MOST_GROUPS and len(frequent) >= part.width - 1:
        return tuple(range(part.width))
    groups = np.full(part.width, len(frequent))
    groups[frequent] = np.arange(len(frequent))
    return tuple(groups.tolist())


def _telling_pairs(
    groups: Groups,
    variables: list[Variable],
    layout: Layout,
    most: int,
    *,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Pairs of highest mutual information, none of a part and the gate it stands behind."""
    if len(groups) > _JUDGED_ROWS:
        groups = groups[np.sort(rng.choice(len(groups), _JUDGED_ROWS, replace=False))]
    sizes = np.array([variable.size for variable in variables])
    shares = [
        np.bincount(column, minlength=size) / len(groups)
        for column, size in zip(groups.T, sizes, strict=True)
    ]
    entropy = np.array([-(share * np.log(np.maximum(share, 1e-300))).sum() for share in shares])
    chosen = np.sort(np.argsort(-entropy, kind="stable")[:_MOST_VARIABLES])
    information = _mutual_information(groups[:, chosen], sizes[chosen])
    first, second = np.triu_indices(len(chosen), k=1)
    value = information[first, second]
    order = np.argsort(-value, kind="stable")
    pairs = []
    for place in order[value[order] > 0]:
        one, other = int(chosen[first[place]]), int(chosen[second[place]])
        if not _behind(layout, variables[one].part, variables[other].part):
            pairs.append((one, other))
        if len(pairs) == most:
            break
    return pairs


def _mutual_information(groups: Groups, sizes: npt.NDArray[np.int64]) -> Floats:
    """Mutual information of all pairs of columns, in nats, less what chance gives on average.

    Source of the correction: Miller 1955, "Note on the bias of information estimates": (a - 1)(b - 1) / 2n
    for tables of a by b cells.
    """
    n = len(groups)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    hot = np.zeros((n, int(sizes.sum())), dtype=np.float32)
    hot[np.arange(n)[:, None], groups + starts] = 1.0
    joint = (hot.T @ hot).astype(np.float64) / n
    alone = np.diag(joint)
    expected = np.outer(alone, alone)
    terms = np.where(joint > 0, joint * np.log(np.maximum(joint, 1e-300) / np.maximum(expected, 1e-300)), 0.0)
    value = np.add.reduceat(np.add.reduceat(terms, starts, axis=0), starts, axis=1)
    return np.asarray(value - np.outer(sizes - 1, sizes - 1) / (2 * n))


def _behind(layout: Layout, first: int, second: int) -> bool:
    """Say whether one of two parts stands behind the other: what ties them is then the layout itself."""
    return second in _gates(layout, first) or first in _gates(layout, second)


def _gates(layout: Layout, index: int) -> set[int]:
    found, gate = set(), layout.parts[index].gate
    while gate is not None:
        found.add(gate[0])
        gate = layout.parts[gate[0]].gate
    return found


def _normal_parts(rows: Encoded) -> tuple[int, ...]:
    """Continuous parts that the encoder made normal."""
    return tuple(
        index
        for index, part in enumerate(rows.layout.parts)
        if part.kind == "continuous" and is_normal(rows.continuous[part_exists(rows, index), part.store])
    )
