"""Calibration: each number of a model, brought to the standard normal distribution that it was encoded to.

The encoder turns a column of numbers into normal scores by its protected quantile function. Whatever a
model draws in their place can therefore be put right without a look at the data: the map is monotone, is
learnt from rows of the model alone, and costs no privacy. How columns go together stays as the model has it,
since a monotone map changes no rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthetic_healthcare.schema.layout import Encoded, part_exists

Floats = npt.NDArray[np.float64]
State = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]

#: Knots of a map; with 200 rows at least behind it, none is a guess.
_KNOTS: Final = 256
#: Fewest rows of the model that have a part, for its map to be learnt.
_FEWEST: Final = 200
#: Times the distance of a real sample within which the rows of a model are left as they are.
_NOISE: Final = 1.5
#: Integral of sqrt(F (1 - F)) over the line, for the standard normal distribution function F.
_NORMAL_SPREAD: Final = 1.6147


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """Monotone maps of the numbers of some parts.

    Parameters
    ----------
    parts : tuple of int
        Indices of the continuous parts that are mapped.
    drawn : float array (parts, knots)
        Numbers as the model draws them, never falling.
    wanted : float array (parts, knots)
        What they become, never falling.
    """

    parts: tuple[int, ...] = ()
    drawn: Floats = field(default_factory=lambda: np.zeros((0, _KNOTS)))
    wanted: Floats = field(default_factory=lambda: np.zeros((0, _KNOTS)))

    def apply(self, rows: Encoded) -> Encoded:
        """Map the numbers of rows whose gate is open; categories and bits stay as they are."""
        if not self.parts:
            return rows
        continuous = rows.continuous.copy()
        for index, drawn, wanted in zip(self.parts, self.drawn, self.wanted, strict=True):
            store = rows.layout.parts[index].store
            scores = rows.continuous[:, store]
            # Beyond the outermost knots the map goes on as a shift: tails keep their order.
            beyond = scores - np.clip(scores, drawn[0], drawn[-1])
            mapped = np.interp(scores, drawn, wanted) + beyond
            continuous[:, store] = np.where(part_exists(rows, index), mapped, 0.0)
        return replace(rows, continuous=continuous)

    def undo(self, index: int, ends: tuple[float, float]) -> tuple[float, float]:
        """Return the range of a part's numbers, as the model draws them, that is mapped into a range."""
        if index not in self.parts:
            return ends
        place = self.parts.index(index)
        drawn, wanted = self.drawn[place], self.wanted[place]
        beyond = np.array(ends) - np.clip(ends, wanted[0], wanted[-1])
        low, high = np.interp(ends, wanted, drawn) + beyond
        return (float(low), float(high))

    def to_state(self) -> State:
        """Return plain facts, and arrays by name."""
        return {"parts": list(self.parts)}, {"drawn": self.drawn, "wanted": self.wanted}

    @staticmethod
    def from_state(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Calibration:
        """Rebuild what `to_state` gave."""
        return Calibration(tuple(facts["parts"]), np.asarray(arrays["drawn"]), np.asarray(arrays["wanted"]))


def fit_calibration(pool: Encoded, parts: tuple[int, ...], *, strength: float) -> Calibration:
    """Learn the maps from rows of the model.

    Parameters
    ----------
    pool : Encoded (n,)
        Rows of the model; a part that fewer than 200 of them have is left alone, and so is one whose numbers
        are right already.
    parts : tuple of int
        Continuous parts whose numbers should be standard normal where their gate is open.
    strength : float, 0 to 1
        Share of the way.
    """
    places = (np.arange(_KNOTS) + 0.5) / _KNOTS
    normal = ndtri(places)
    kept, drawn, wanted = [], [], []
    for index in parts if strength > 0 else ():
        scores = pool.continuous[part_exists(pool, index), pool.layout.parts[index].store]
        # Where the pool may be a sample of the normal distribution, a map would only learn its noise.
        if len(scores) < _FEWEST or is_normal(scores, times=_NOISE):
            continue
        knots = np.quantile(scores.astype(np.float64), places)
        kept.append(index)
        drawn.append(knots)
        wanted.append(knots + strength * (normal - knots))
    shape = (len(kept), _KNOTS)
    return Calibration(
        tuple(kept),
        np.array(drawn, dtype=np.float64).reshape(shape),
        np.array(wanted, dtype=np.float64).reshape(shape),
    )


def is_normal(scores: npt.NDArray[np.float32], *, times: float = 3.0) -> bool:
    """Say whether numbers may be a sample of the standard normal distribution.

    That is what the encoder gives of most columns; the modes of a mixture, which need not be normal, are the
    exception. The measure is the mean shift that would make them so (Wasserstein distance), against `times`
    what it is on average for a real sample: the area between the distribution functions (Vallender 1974,
    doi:10.1137/1118101), where the sample's is off by sqrt(2 / pi) sqrt(F (1 - F) / n) on average.
    """
    n = len(scores)
    if n < 2:
        return False
    distance = np.abs(np.sort(scores) - ndtri((np.arange(n) + 0.5) / n)).mean()
    return bool(distance <= times * np.sqrt(2.0 / (np.pi * n)) * _NORMAL_SPREAD)
