"""Numbers and integers: plain values through a quantile function or a mixture, special values as states.

A column may have a *state* part: category 0 is "a plain value", the others are values that are so frequent
that they stand for something else (no drinks at all, nothing detected), and limits of detection ("<0.5").
The continuous part exists only where the state is plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State, draw_categories, shares
from synthetic_healthcare.transforms.cells import Array, Cells
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.grid import Floats, Grid, learn_grid
from synthetic_healthcare.transforms.modes import Mixture, fit_mixture
from synthetic_healthcare.transforms.quantiles import QuantileFunction, fit_quantiles

Core = QuantileFunction | Mixture
Bounds = tuple[float, float] | None

#: Times as many patients as the neighbouring values have, from which a frequent value is a point mass.
_STANDS_OUT: Final = 2.0
#: Share of the values that may lie beyond a point mass at an edge.
_EDGE: Final = 0.05
#: Share from which a point mass may lie anywhere.
_DOMINANT: Final = 0.25


@final
@dataclass(frozen=True, eq=False)
class FittedNumeric(FittedColumn):
    """A column of numbers as it was learnt.

    Parameters
    ----------
    values, limits : arrays (states,)
        Value and limit (-1 below, 1 above, 0 neither) of each state but the plain one.
    probabilities : tuple of float
        Of the states, the plain one first where there is one; empty where all values are plain.
    core : QuantileFunction or Mixture or None
        The plain values; `None` where there are none to learn.
    grid : Grid
        How values are written.
    bounds : (float, float) or None
        Declared range, which values outside are moved into.
    limited : bool
        Whether cells may be limits of detection, and are written as such.
    form : dict
        How cells are written.
    """

    values: Floats
    limits: npt.NDArray[np.int8]
    probabilities: tuple[float, ...]
    core: Core | None
    grid: Grid
    bounds: Bounds
    limited: bool
    form: dict[str, Any]

    @property
    def spans(self) -> tuple[Span, ...]:
        """State, mode and value: each only where there is something to tell."""
        spans: list[Span] = []
        if len(self.probabilities) > 1:
            spans.append(Span("state", "categorical", len(self.probabilities), self.probabilities))
        if self.core is None:
            return tuple(spans)
        gate = (0, 0) if spans else None
        if isinstance(self.core, Mixture) and len(self.core.weights) > 1:
            weights = tuple(self.core.weights.tolist())
            spans.append(Span("state", "categorical", len(weights), weights, gate))
        spans.append(Span("value", "continuous", 1, gate=gate))
        return tuple(spans)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode; limits that were not learnt take the most common one on their side."""
        values = _within(cells.values, self.bounds)
        state = self._states(values, cells.limits)
        if self.core is None:
            # Plain values were too few to learn: they take a state at the states' own frequencies.
            resampled = draw_categories(self.probabilities, len(values), rng)
            state = np.where(state == 0, resampled, state - 1)
        codes = [state] if len(self.probabilities) > 1 else []
        if self.core is None:
            return Block.of(len(values), codes=_columns(codes, len(values)))
        plain = np.flatnonzero(state == 0)
        scores = np.zeros((len(values), 1), dtype=np.float32)
        if isinstance(self.core, Mixture):
            modes = np.full(len(values), -1, dtype=np.int32)
            modes[plain], scores[plain, 0] = self.core.encode(values[plain], rng)
            codes += [modes] if len(self.core.weights) > 1 else []
        else:
            scores[plain, 0] = self.core.encode(values[plain], rng)
        return Block.of(len(values), continuous=scores, codes=_columns(codes, len(values)))

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Return the numbers; `rng` and `first_row` are not needed."""
        n = len(block)
        stated = len(self.probabilities) > 1
        state = block.codes[:, 0] if stated else np.zeros(n, dtype=np.int32)
        # A closed gate is -1: the cell is missing, and any value will do.
        place = np.maximum(state - (0 if self.core is None else 1), -1)
        if self.core is None:
            numbers = np.zeros(n)
        elif isinstance(self.core, Mixture):
            told = len(self.core.weights) > 1
            modes = np.maximum(block.codes[:, int(stated)], 0) if told else np.zeros(n, dtype=np.int32)
            numbers = self.core.decode(modes, block.continuous[:, 0])
        else:
            numbers = self.core.decode(block.continuous[:, 0])
        limits = np.zeros(n, dtype=np.int8)
        if len(self.values):
            special = place >= 0
            numbers[special] = self.values[place[special]]
            limits[special] = self.limits[place[special]]
        return Cells(numbers, np.zeros(n, dtype=bool), limits if self.limited else None, form=self.form)

    def to_state(self) -> State:
        """Return the state: knots or modes as arrays, the rest as plain facts."""
        facts: dict[str, Any] = {
            "probabilities": list(self.probabilities),
            "decimals": self.grid.decimals,
            "bounds": None if self.bounds is None else list(self.bounds),
            "limited": self.limited,
            "form": self.form,
        }
        arrays: dict[str, Array] = {"values": self.values, "limits": self.limits}
        if isinstance(self.core, QuantileFunction):
            arrays |= {"u": self.core.u, "q": self.core.q}
        elif self.core is not None:
            arrays |= {
                "weights": self.core.weights,
                "means": self.core.means,
                "deviations": self.core.deviations,
                "ends": np.array([self.core.low, self.core.high]),
            }
        return facts, arrays

    def _states(self, values: Floats, limits: npt.NDArray[np.int8] | None) -> npt.NDArray[np.int32]:
        """Return the state of each cell: 0 where plain, otherwise one more than the place in `values`."""
        state = np.zeros(len(values), dtype=np.int32)
        written = self.grid.round(values)
        signs = np.zeros(len(values), dtype=np.int8) if limits is None else limits
        first_special = len(self.probabilities) - len(self.values)
        weights = np.array(self.probabilities[first_special:])
        for side in (-1, 1):
            on_side = np.flatnonzero(self.limits == side)
            if len(on_side) and limits is not None:
                state[signs == side] = 1 + on_side[weights[on_side].argmax()]
        for place, (value, limit) in enumerate(zip(self.values, self.limits, strict=True)):
            held = values if limit else written
            state[(held == value) & (signs == limit)] = place + 1
        return state


def fit_numeric(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedNumeric, tuple[str, ...]]:
    """Learn a column of numbers.

    Parameters
    ----------
    cells : Cells (n,), n >= config.rare_floor
        None of them missing.
    column : Column
        Its entry in the schema; bounds and decimals count only where they were declared.
    config : TransformConfig
        Settings.
    rng : numpy.random.Generator
        For the mixture's subsample and start.

    Returns
    -------
    FittedNumeric
    notes : tuple of str
        One line for every repair.
    """
    floor = config.rare_floor
    bounds = column.bounds if "bounds" in column.declared else None
    values = _within(cells.values, bounds)
    notes = _outside_note(cells.values, values, column)
    plain = np.ones(len(values), dtype=bool) if cells.limits is None else cells.limits == 0
    grid = _grid_of(values[plain], column, floor)
    special, limit_notes = _common_limits(values, cells.limits, column.name, floor)
    unshared = [side for side in (-1, 1) if not any(limit == side for _, limit, _ in special)]
    if cells.limits is not None:
        # A side with no limit that enough patients share is learnt as plain values.
        plain |= np.isin(cells.limits, unshared)
    held = grid.round(values[plain])
    special += _spikes(held, len(values), config)
    spike_values = [value for value, limit, _ in special if limit == 0]
    held = values[plain][~np.isin(held, spike_values)]
    counts = [size for _, _, size in special]
    core: Core | None = None
    if len(held) >= floor:
        core = _fit_core(held, grid, config, rng)
        counts = [len(held), *counts] if special else []
    elif len(held):
        notes += (f"column {column.name!r}: {len(held)} plain values, fewer than {floor}, are resampled",)
    fitted = FittedNumeric(
        values=np.array([value for value, _, _ in special], dtype=np.float64),
        limits=np.array([limit for _, limit, _ in special], dtype=np.int8),
        probabilities=shares(counts) if counts else (),
        core=core,
        grid=grid,
        bounds=bounds,
        limited=cells.limits is not None,
        form=dict(cells.form),
    )
    return fitted, notes + limit_notes


def restore_numeric(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedNumeric:
    """Rebuild what `FittedNumeric.to_state` gave."""
    grid = Grid(facts["decimals"])
    core: Core | None = None
    if "u" in arrays:
        core = QuantileFunction(arrays["u"], arrays["q"], grid)
    elif "means" in arrays:
        low, high = arrays["ends"].tolist()
        core = Mixture(arrays["weights"], arrays["means"], arrays["deviations"], low, high, grid)
    bounds = facts["bounds"]
    return FittedNumeric(
        values=arrays["values"],
        limits=arrays["limits"],
        probabilities=tuple(facts["probabilities"]),
        core=core,
        grid=grid,
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        limited=facts["limited"],
        form=facts["form"],
    )


def _fit_core(values: Floats, grid: Grid, config: TransformConfig, rng: np.random.Generator) -> Core:
    if config.numeric == "quantile":
        return fit_quantiles(values, grid, floor=config.rare_floor, knots=config.knots)
    return fit_mixture(
        values,
        grid,
        floor=config.rare_floor,
        most_modes=config.max_modes,
        most_rows=config.modes_rows,
        rng=rng,
    )


def _grid_of(values: Floats, column: Column, floor: int) -> Grid:
    """Take declared decimals as they are, and learn others (tens and hundreds too)."""
    if column.decimals is not None and "decimals" in column.declared:
        return Grid(column.decimals)
    learned = learn_grid(values, dtype=column.dtype, floor=floor)
    if column.kind == "integer" and (learned.decimals is None or learned.decimals > 0):
        return Grid(0)
    return learned


def _within(values: Floats, bounds: Bounds) -> Floats:
    return values if bounds is None else np.clip(values, bounds[0], bounds[1])


def _outside_note(values: Floats, moved: Floats, column: Column) -> tuple[str, ...]:
    outside = int((values != moved).sum())
    return (
        (f"column {column.name!r}: {outside} values outside its bounds are moved inside",) if outside else ()
    )


def _common_limits(
    values: Floats, limits: npt.NDArray[np.int8] | None, name: str, floor: int
) -> tuple[list[tuple[float, int, int]], tuple[str, ...]]:
    """Return (value, side, patients) of each limit that enough share; rarer ones join the commonest."""
    kept: list[tuple[float, int, int]] = []
    notes: list[str] = []
    if limits is None:
        return kept, ()
    for side, sign in ((-1, "<"), (1, ">")):
        distinct, counts = np.unique(values[limits == side], return_counts=True)
        shared = counts >= floor
        rare = int(counts[~shared].sum())
        if not shared.any():
            if rare:
                notes.append(
                    f"column {name!r}: {rare} '{sign}' cells, no {floor} alike, are learnt as values"
                )
            continue
        sizes = counts[shared]
        if rare:
            notes.append(
                f"column {name!r}: {rare} '{sign}' cells with rare limits take the most common limit"
            )
            sizes[sizes.argmax()] += rare
        kept += [(float(value), side, int(size)) for value, size in zip(distinct[shared], sizes, strict=True)]
    return kept, tuple(notes)


def _spikes(held: Floats, rows: int, config: TransformConfig) -> list[tuple[float, int, int]]:
    """Return (value, 0, patients) of the values that so many hold that they stand for something else.

    Many patients alone do not make a point mass: the top of a coarsely rounded bell, or the round readings in
    the middle of a scale, belong to the same continuum as the values beside them and are kept as heaps. A
    point mass stands out from both neighbours, and lies at an edge of the column or dominates it.
    """
    distinct, counts = np.unique(held, return_counts=True)
    if len(distinct) <= config.spike_distinct:
        return []
    beside = np.pad(counts, 1)
    stands_out = counts >= _STANDS_OUT * np.maximum(beside[:-2], beside[2:])
    below = np.cumsum(counts) - counts
    at_edge = np.minimum(below, len(held) - below - counts) <= _EDGE * len(held)
    well_placed = at_edge | (counts >= _DOMINANT * rows)
    enough = counts >= max(config.rare_floor, config.spike_share * rows)
    frequent = np.flatnonzero(stands_out & well_placed & enough)
    largest = frequent[np.argsort(-counts[frequent], kind="stable")][: config.max_spikes]
    return [(float(distinct[place]), 0, int(counts[place])) for place in np.sort(largest)]


def _columns(codes: list[Any], n: int) -> npt.NDArray[np.int32]:
    return np.stack(codes, axis=1).astype(np.int32) if codes else np.zeros((n, 0), dtype=np.int32)
