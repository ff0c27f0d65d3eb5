"""Numbers and dates of a private run: bins within bounds, and the quantile function of their counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import FittedColumn
from synthetic_healthcare.transforms.datetime import FittedDatetime
from synthetic_healthcare.transforms.grid import Floats, Grid
from synthetic_healthcare.transforms.numeric import FittedNumeric
from synthetic_healthcare.transforms.private._base import Domain, Marginal, tally
from synthetic_healthcare.transforms.private.choices import ChoiceDomain
from synthetic_healthcare.transforms.private.reading import read_instants, read_numbers
from synthetic_healthcare.transforms.quantiles import QuantileFunction

#: Seconds of a step of dates.
DAY: Final = 86_400.0
MINUTE: Final = 60.0
#: Written values up to which each has a bin of its own.
_FEW_VALUES: Final = 32
#: Fewest and most bins otherwise.
_FEWEST_BINS, _MOST_BINS = 4, 128
#: Levels up to which whole numbers of a learnt kind are levels.
_FEW_LEVELS: Final = 10
#: Share of the rows from which zeros, counted apart from the bin around them, are a state of their own.
_SPIKE_SHARE: Final = 0.1

Shape = tuple[Floats, Floats]


@final
@dataclass(frozen=True, eq=False)
class NumberDomain(Domain):
    """Numbers within bounds.

    Parameters
    ----------
    held : Column
        The column, with its bounds.
    grid : Grid
        How values are written.
    edges : float array (bins + 1,), rising
        From half a step below the lowest value to half a step above the highest.
    zero : bool
        Whether 0 is counted apart from its bin.
    learnt : bool
        Whether its kind was learnt: few whole numbers are then levels.
    """

    held: Column
    grid: Grid
    edges: Floats
    zero: bool
    learnt: bool = False

    @property
    def column(self) -> Column:
        """The column."""
        return self.held

    @property
    def most(self) -> int:
        """One."""
        return 1

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value."""
        assert self.held.bounds is not None
        return self.held.bounds

    def count(self, series: pd.Series[Any]) -> IntCounts:
        """Count rows by bin, then zeros where they are apart, then missing cells."""
        return self.count_values(read_numbers(series))

    def count_values(self, values: Floats) -> IntCounts:
        """Count numbers, NaN for missing cells."""
        bins = len(self.edges) - 1
        missing = np.isnan(values)
        written = self.grid.round(np.clip(np.where(missing, self.bounds[0], values), *self.bounds))
        places = np.searchsorted(self.edges[1:-1], written, side="right")
        if self.zero:
            places[written == 0] = bins
        places[missing] = bins + self.zero
        return tally(places, bins + self.zero + 1)

    def conform(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Return float64, clipped to the bounds."""
        values = np.clip(read_numbers(series), *self.bounds)
        return pd.Series(values, name=self.held.name)

    def settle(self, marginal: Marginal) -> tuple[Domain, Marginal]:
        """Take few whole numbers, the counts of which stand out of the noise, as levels.

        Empty bins at the ends of other numbers are cut off their quantile function.
        """
        # About so many deviations has the largest of so many counts of noise.
        surprise = float(np.sqrt(2 * np.log(len(self.edges))))
        filled = np.flatnonzero(marginal.counts[:-1] > surprise * marginal.deviation)
        values = np.diff(self.edges) / 2 + self.edges[:-1]
        apart = self.zero or self.grid.decimals != 0 or len(values) != 1 + self.bounds[1] - self.bounds[0]
        if not self.learnt or apart or not len(filled) or filled[-1] - filled[0] >= _FEW_LEVELS:
            return self, marginal
        kept = slice(filled[0], filled[-1] + 1)
        column = replace(
            self.held,
            kind="ordinal",
            categories=tuple(round(value) for value in values[kept].tolist()),
            bounds=None,
            decimals=None,
        )
        counts = np.append(marginal.counts[kept], marginal.counts[-1])
        return ChoiceDomain(column, learnt=True), replace(marginal, counts=counts)

    def fit(self, marginal: Marginal, *, with_missing: bool) -> FittedNumeric:
        """Make the quantile function of the counts, and a state of the zeros where many are."""
        bins = len(self.edges) - 1
        counts = marginal.estimates(with_missing=with_missing)
        masses, zeros = counts[:bins].copy(), 0.0
        if self.zero:
            zeros = float(counts[bins])
            if zeros < max(_SPIKE_SHARE * marginal.rows, marginal.noise):
                masses[int(np.searchsorted(self.edges[1:-1], 0.0, side="right"))] += zeros
                zeros = 0.0
        plain = float(masses.sum())
        core = None if zeros and not plain else self._quantiles(masses)
        if not zeros:
            probabilities: tuple[float, ...] = ()
        else:
            probabilities = (1.0,) if core is None else (plain / (plain + zeros), zeros / (plain + zeros))
        special = 1 if zeros else 0
        return FittedNumeric(
            values=np.zeros(special),
            limits=np.zeros(special, dtype=np.int8),
            probabilities=probabilities,
            core=core,
            grid=self.grid,
            bounds=self.bounds,
            limited=False,
            form={"text": False},
        )

    def _quantiles(self, masses: Floats) -> QuantileFunction:
        """Read masses of bins as a quantile function: straight within a bin, a heap where it is one value."""
        if not masses.any():
            masses = np.ones(len(masses))
        filled = np.flatnonzero(masses)
        masses = masses[filled[0] : filled[-1] + 1]
        edges = self.edges[filled[0] : filled[-1] + 2]
        half = self.grid.half_step
        low, high = self.grid.round(np.array([edges[0] + half, edges[-1] - half]))
        u = np.concatenate([[0.0], np.cumsum(masses) / masses.sum()])
        u[-1] = 1.0
        places: list[float] = []
        values: list[float] = []
        for place in range(len(masses)):
            begin, end = edges[place], edges[place + 1]
            if end - begin <= 2.5 * half or begin == end:
                begin = end = float(self.grid.round(np.array([(begin + end) / 2]))[0])
            # Half a step beyond the outermost values rounds to them: it is a heap there.
            inner = [value for value in (low, high) if begin < value < end and half]
            for value in (begin, *inner, end):
                share = 0.0 if end == begin else (value - begin) / (end - begin)
                places.append(u[place] + share * (u[place + 1] - u[place]))
                values.append(value)
            if begin == end:
                places[-1] = u[place + 1]
        q = np.clip(np.maximum.accumulate(np.array(values)), low, high)
        return QuantileFunction(np.maximum.accumulate(np.array(places)), q, self.grid)


@final
@dataclass(frozen=True, eq=False)
class InstantDomain(Domain):
    """Dates within bounds, in whole steps.

    Parameters
    ----------
    held : Column
        The column, with bounds in seconds.
    steps : NumberDomain
        The instants as numbers of steps since 1970-01-01 UTC.
    step : float
        Seconds of a step.
    """

    held: Column
    steps: NumberDomain
    step: float

    @property
    def column(self) -> Column:
        """The column."""
        return self.held

    @property
    def most(self) -> int:
        """One."""
        return 1

    def count(self, series: pd.Series[Any]) -> IntCounts:
        """Count rows by bin, then missing cells."""
        return self.steps.count_values(read_instants(series) / self.step)

    def conform(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Return datetime64[us] without a zone, clipped to the bounds."""
        low, high = self.steps.bounds
        seconds = np.clip(read_instants(series), low * self.step, high * self.step)
        missing = np.isnan(seconds)
        instants = np.rint(np.where(missing, 0.0, seconds) * 1e6).astype(np.int64).astype("datetime64[us]")
        instants[missing] = np.datetime64("NaT", "us")
        return pd.Series(instants, name=self.held.name)

    def settle(self, marginal: Marginal) -> tuple[Domain, Marginal]:
        """Leave the domain as it is."""
        return self, marginal

    def fit(self, marginal: Marginal, *, with_missing: bool) -> FittedColumn:
        """Make the quantile function of the counts."""
        fitted = self.steps.fit(marginal, with_missing=with_missing)
        form = {"form": "native", "step": self.step, "zone": "", "separator": " "}
        return FittedDatetime(replace(fitted, form=form), self.step)


def number_domain(column: Column, *, precision: float, shape: Shape | None = None) -> NumberDomain:
    """Cut the bounds of a column of numbers into bins.

    Parameters
    ----------
    column : Column
        With bounds, and the decimals that values are written with (`None`: unrounded).
    precision : float
        Rows for one standard deviation of the noise of a count: with more of them, finer bins.
    shape : (edges, masses) or None
        A coarse histogram, so that bins hold about equally many rows; `None`: equally wide ones.
    """
    assert column.bounds is not None
    grid = Grid(column.decimals)
    step = 2 * grid.half_step
    low, high = _held(column.bounds, column.dtype if "dtype" in column.declared else "float64")
    if step:
        # Where no written value lies within bounds closer than a step, the one nearest to their middle.
        middle = float(grid.round(np.array([(low + high) / 2]))[0])
        low, high = grid.ceil(low), grid.floor(high)
        low, high = (middle, middle) if low > high else (low, high)
    bins = _bins(precision)
    values = round((high - low) / step) + 1 if step else 0
    edges: npt.NDArray[Any]
    single = 0 < values <= max(_FEW_VALUES, bins)
    if single:
        edges = low + step * (np.arange(values + 1) - 0.5)
    elif not high > low:
        edges = np.array([low, high])
    else:
        edges = _cut(low - step / 2, high + step / 2, bins, shape)
        if step:
            edges = np.unique(low + step * (np.rint((edges - low) / step - 0.5) + 0.5))
    apart = not single and low <= 0 <= high and high > low
    # Adding zero turns -0.0 into 0.0.
    held = replace(column, bounds=(float(low) + 0.0, float(high) + 0.0))
    return NumberDomain(held, grid, np.asarray(edges, dtype=np.float64), apart)


def instant_domain(
    column: Column, step: float, *, precision: float, shape: Shape | None = None
) -> InstantDomain:
    """Cut the bounds of a column of dates into bins; parameters as `number_domain`, shape in seconds."""
    assert column.bounds is not None
    low, high = column.bounds
    counted = replace(column, kind="integer", bounds=(low / step, high / step), decimals=0)
    coarse = None if shape is None else (shape[0] / step, shape[1])
    steps = replace(number_domain(counted, precision=precision, shape=coarse), zero=False)
    inner = steps.bounds
    return InstantDomain(replace(column, bounds=(inner[0] * step, inner[1] * step)), steps, step)


def _held(bounds: tuple[float, float], dtype: str) -> tuple[float, float]:
    """Return the part of a range that a declared dtype can hold."""
    name = dtype.lower()
    if name.startswith(("int", "uint")):
        limits = np.iinfo(name)
        # The largest 64-bit integers have no float of their own.
        least, largest = max(float(limits.min), -(2.0**53)), min(float(limits.max), 2.0**53)
    elif name.startswith("float") and not name.endswith("]"):
        least, largest = float(np.finfo(name).min), float(np.finfo(name).max)
    else:
        return bounds
    return min(max(bounds[0], least), largest), max(min(bounds[1], largest), least)


def _bins(precision: float) -> int:
    """Balance the noise of many bins against the coarseness of few.

    Noise adds an error that grows with the number of bins over `precision`, straight lines within bins one
    that falls with the number: their sum is least near the square root.
    """
    return int(np.clip(round(2 * np.sqrt(precision)), _FEWEST_BINS, _MOST_BINS))


def _cut(low: float, high: float, bins: int, shape: Shape | None) -> Floats:
    even: npt.NDArray[np.float64] = np.linspace(low, high, bins + 1)
    if shape is None:
        return even
    edges, masses = shape
    # A coarse histogram is noisy: a fifth of the bins are spread evenly over its cells.
    masses = masses + 0.25 * max(float(masses.mean()), 1e-9)
    u = np.concatenate([[0.0], np.cumsum(masses) / masses.sum()])
    cut = np.interp(np.linspace(0, 1, bins + 1), u, np.clip(edges, low, high))
    cut[0], cut[-1] = low, high
    return np.unique(cut)
