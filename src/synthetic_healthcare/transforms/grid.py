"""`Grid`: the decimals that a column is written with, and the cells of numbers that round to one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.parsing import count_decimals

Floats = npt.NDArray[np.float64]

#: Multiples of ten among fewer distinct values than this say nothing about how a column is written.
_ENOUGH_TENS: Final = 8
#: At most this share of the values can be stray.
_FEW: Final = 0.01
#: Decimals looked for.
_MOST_DECIMALS: Final = 9
#: Relative difference below which two numbers are the same reading, in single precision too.
_ALIKE: Final = 1e-6
#: Hundreds, tens.
_TENS: Final = (-2, -1)
#: Absorbs the error of a product such as 0.29 * 100 = 28.999999999999996.
_SLACK: Final = 1e-6


@final
@dataclass(frozen=True, slots=True)
class Grid:
    """Values written with a fixed number of decimals.

    Parameters
    ----------
    decimals : int or None
        Decimals after the point; negative for tens and hundreds; `None` for unrounded values.
    """

    decimals: int | None

    @property
    def half_step(self) -> float:
        """Half the distance between neighbouring values; 0 where values are not rounded."""
        return 0.0 if self.decimals is None else 0.5 * float(10.0**-self.decimals)

    def round(self, values: Floats) -> Floats:
        """Nearest written value of each number."""
        if self.decimals is None:
            return values
        # Adding zero turns -0.0, which rounding makes of small negative numbers, into 0.0.
        return np.round(values, self.decimals) + 0.0

    def floor(self, value: float) -> float:
        """Largest written value that is not above `value`."""
        if self.decimals is None:
            return value
        return float(
            np.round(np.floor(value * 10.0**self.decimals + _SLACK) / 10.0**self.decimals, self.decimals)
        )

    def ceil(self, value: float) -> float:
        """Smallest written value that is not below `value`."""
        return -self.floor(-value)


def learn_grid(values: Floats, *, dtype: str, floor: int) -> Grid:
    """Find the fewest decimals that values are written with; tens and hundreds count as negative ones.

    Parameters
    ----------
    values : float array (n,)
        Finite numbers.
    dtype : str
        dtype that held them: a float32 is exact to about 7 digits only.
    floor : int
        Patients that finer decimals must be held by: a few stray readings do not change how a column is
        written (`schema.parsing.count_decimals` leaves room for one in a thousand).
    """
    usual = values[~_strays(values, floor)]
    decimals = count_decimals(usual, dtype=dtype)
    if decimals != 0 or len(np.unique(usual)) < _ENOUGH_TENS:
        return Grid(decimals)
    return Grid(next((tens for tens in _TENS if np.all(np.round(usual, tens) == usual)), 0))


def _strays(values: Floats, floor: int) -> npt.NDArray[np.bool_]:
    """Tell the few values that have more decimals than all others."""
    few = min(floor - 1, int(_FEW * len(values)))
    for decimals in range(_MOST_DECIMALS + 1) if few else ():
        finer = np.abs(np.round(values, decimals) - values) > _ALIKE * np.abs(values)
        if finer.sum() <= few:
            return finer
    return np.zeros(len(values), dtype=bool)
