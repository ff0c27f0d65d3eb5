"""Ranges of numbers and dates, read off noisy counts on grids that are the same for every table."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.transforms.private._base import tally
from synthetic_healthcare.transforms.private.numbers import Shape
from synthetic_healthcare.transforms.private.reading import read_instants, read_numbers

Bounds = tuple[float, float]

#: Powers of two between which numbers are told apart: 2^-20 is about 1e-6, 2^30 about 1e9. Numbers nearer to
#: 0 count as 0, larger ones as the largest.
_LEAST_POWER, _MOST_POWER = -20, 30
_POWERS: Final = _MOST_POWER - _LEAST_POWER
#: The magnitude that is the least surprising in a clinic, and how a cell's doubt grows with the distance from
#: it: ten powers of two more cost one standard deviation of the noise.
_USUAL_POWER: Final = 3
_DOUBT: Final = 0.1
#: Standard deviations that a stretch must rise above the doubt in all; negative numbers are rare in clinics.
_POSITIVE, _NEGATIVE = 1.0, 3.5
#: Standard deviations from which zeros count.
_ZERO: Final = 2.5
#: A cell at the end of a stretch that is within so many standard deviations, and less than this share of the
#: whole, is noise beside it.
_END_DEVIATIONS, _END_SHARE = 3.0, 0.02
#: Seconds from 1900-01-01 to 2200-01-01, in cells of five years: dates of birth, and dates that were moved
#: into the 22nd century.
_FIRST, _LAST = -2_208_988_800.0, 7_258_118_400.0
_CELLS: Final = 60


def count_numbers(series: pd.Series[Any]) -> IntCounts:
    """Count numbers by power of two: negative ones, largest first, zeros, positive ones, missing ones."""
    values = read_numbers(series)
    missing = np.isnan(values)
    sizes = np.abs(np.where(missing, 0.0, values))
    powers = np.floor(np.log2(np.maximum(sizes, 2.0 ** (_LEAST_POWER - 1)))).astype(np.intp)
    steps = np.clip(powers - _LEAST_POWER + 1, 0, _POWERS)
    places = _POWERS + np.where(values < 0, -steps, steps)
    places[missing] = 2 * _POWERS + 1
    return tally(places, 2 * _POWERS + 2)


def range_of_numbers(counts: IntCounts, deviation: float, decimals: int | None) -> tuple[Bounds, Shape]:
    """Find the stretch that holds more than noise.

    Parameters
    ----------
    counts : int array (2 * powers + 2,)
        Noisy, as `count_numbers` orders them.
    deviation : float
        Standard deviation of their noise.
    decimals : int or None
        How values are written: the largest below a power of two is a step less.

    Returns
    -------
    bounds : (float, float)
    shape : (edges, masses)
        The counts within them.
    """
    below, zeros, above = counts[:_POWERS][::-1], counts[_POWERS], counts[_POWERS + 1 : -1]
    if decimals == 0:
        # Whole numbers below 1 are 0: what the cells between count is noise.
        below, above = (np.where(np.arange(_POWERS) < -_LEAST_POWER, 0, side) for side in (below, above))
    edges = 2.0 ** np.arange(_LEAST_POWER, _MOST_POWER + 1)
    positive = _stretch(above, deviation, _POSITIVE)
    negative = _stretch(below, deviation, _NEGATIVE)
    ends: list[float] = []
    if zeros > _ZERO * deviation or (positive is None and negative is None):
        ends.append(0.0)
    step = 0.0 if decimals is None else 10.0**-decimals
    for side, sign in ((positive, 1.0), (negative, -1.0)):
        if side is not None:
            first, last = side
            ends += [sign * edges[first], sign * max(edges[last + 1] - step, edges[first])]
    low, high = min(ends), max(ends)
    line = np.concatenate([-edges[::-1], edges])
    masses = np.maximum(counts[:-1], 0).astype(np.float64)
    inside = (line[1:] > low) & (line[:-1] < high)
    if not inside.any():
        return (low, high), (np.array([low, high]), np.ones(1))
    kept = np.flatnonzero(inside)
    return (low, high), (line[kept[0] : kept[-1] + 2], masses[kept])


def count_instants(series: pd.Series[Any]) -> IntCounts:
    """Count dates by half-decade, then missing ones."""
    seconds = read_instants(series)
    missing = np.isnan(seconds)
    shares = (np.where(missing, _FIRST, seconds) - _FIRST) / (_LAST - _FIRST)
    places = np.clip(np.floor(shares * _CELLS), 0, _CELLS - 1).astype(np.intp)
    places[missing] = _CELLS
    return tally(places, _CELLS + 1)


def range_of_instants(counts: IntCounts, deviation: float) -> tuple[Bounds, Shape]:
    """Find the stretch of dates that holds more than noise; parameters and returns as `range_of_numbers`."""
    held = counts[:-1]
    first, last = _without_ends(held, *_best(held - deviation), deviation)
    edges = np.linspace(_FIRST, _LAST, _CELLS + 1)
    shape = edges[first : last + 2], np.maximum(held[first : last + 1], 0).astype(np.float64)
    return (float(edges[first]), float(edges[last + 1])), shape


def _stretch(counts: IntCounts, deviation: float, rise: float) -> tuple[int, int] | None:
    """First and last cell of the stretch that rises most above the doubt; `None` where none does enough."""
    powers = np.arange(_LEAST_POWER, _MOST_POWER)
    gains = counts - deviation * (1.0 + _DOUBT * np.abs(powers - _USUAL_POWER))
    first, last = _best(gains)
    enough = rise * deviation * np.sqrt(last - first + 1)
    if gains[first : last + 1].sum() <= enough:
        return None
    return _without_ends(counts, first, last, deviation)


def _without_ends(counts: IntCounts, first: int, last: int, deviation: float) -> tuple[int, int]:
    """Strip cells at the ends of a stretch that are noise."""
    noise = min(_END_DEVIATIONS * deviation, _END_SHARE * float(counts[first : last + 1].sum()))
    solid = first + np.flatnonzero(counts[first : last + 1] >= noise)
    return int(solid[0]), int(solid[-1])


def _best(gains: npt.NDArray[Any]) -> tuple[int, int]:
    """First and last place of the stretch with the largest sum (Kadane's algorithm; Bentley 1984)."""
    best, chosen = -np.inf, (0, 0)
    total, first = 0.0, 0
    for place, gain in enumerate(gains):
        if total <= 0:
            total, first = 0.0, place
        total += gain
        if total > best:
            best, chosen = total, (first, place)
    return chosen
