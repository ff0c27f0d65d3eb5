"""Attacks that succeed or not on each try, on members and on controls, and the risk that they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.statistics import Z, difference_interval, residual, z_of_several

Flags = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]
#: `residual`: (p_T - p_C) / (1 - p_C). `excess`: p_T - p_C.
Scale = Literal["residual", "excess"]

SINGLED_SCALE: Final[Scale] = "residual"
#: Where most tries succeed anyhow (the halves of a wide row meet by what is common to all; a rare disease is
#: guessed absent), the residual divides noise by next to nothing: a score made of it would be noise. The
#: excess is the share of patients who are linked, or whose secret leaks, because they were learnt.
# DIFF: the paper takes the residual for these two attacks as well; the tables of the report show it.
LINKED_SCALE: Final[Scale] = "excess"
INFERRED_SCALE: Final[Scale] = "excess"


@final
@dataclass(frozen=True)
class Tried:
    """One attack's outcomes.

    Parameters
    ----------
    title : str
        What was tried.
    members, controls : bool arrays (n,), (m,)
        Whether each try succeeded.
    baseline : float or None
        Share of successes of a guess that looks at nothing of the patient, on the controls.
    spread : float64 array (draws,) or None
        Residuals where nothing leaks, for tries that are not independent of one another.
    """

    title: str
    members: Flags
    controls: Flags
    baseline: float | None = None
    spread: Vector | None = None

    @property
    def shares(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(share, tries) on members and on controls."""
        return (
            (float(self.members.mean()), len(self.members)),
            (float(self.controls.mean()), len(self.controls)),
        )

    def risk(self, scale: Scale) -> tuple[float, float, float]:
        """Success beyond that on controls, with its 95 % interval; not cut off at 0."""
        taken, held = self.shares
        if scale == "residual":
            value, low, high = residual(taken, held)
            if self.spread is not None:
                half = Z * float(self.spread.std())
                low, high = max(-1.0, min(low, value - half)), min(1.0, max(high, value + half))
            return value, low, high
        return (taken[0] - held[0], *difference_interval(taken, held))

    def row(self) -> list[Any]:
        """Title, success on members and controls, residual with its interval, and lift over the baseline."""
        (taken, _), (held, _) = self.shares
        lift = None if self.baseline is None else taken - self.baseline
        return [self.title, taken, held, *self.risk("residual"), lift]


#: Columns of `Tried.row`.
COLUMNS: Final = ("attack", "members", "non-members", "residual", "lower", "upper", "lift over guessing")


def worst(tries: Sequence[Tried], scale: Scale) -> tuple[float, float, float, str]:
    """Largest risk with its interval (0 to 1), and what was tried.

    The interval's ends are the largest of the tries' ends, the lower one after allowing for their number;
    doing worse on members than on controls by luck does not make the upper end smaller.
    """
    found = [(*one.risk(scale), one.title) for one in tries]
    value, _, _, title = max(found)
    wider = z_of_several(len(found)) / Z
    lower = max(one - (one - low) * wider for one, low, _, _ in found)
    upper = max(high + max(0.0, -risk) for risk, _, high, _ in found)
    value = min(1.0, max(0.0, value))
    return value, min(value, max(0.0, lower)), min(1.0, max(value, upper)), title


def null_risks(tries: Sequence[Tried], scale: Scale, *, nulls: int, rng: np.random.Generator) -> Vector:
    """Largest risk in each of `nulls` draws in which members succeed as often as controls, shape (nulls,)."""
    largest = np.zeros(nulls)
    for one in tries:
        if one.spread is not None:
            largest = np.maximum(largest, rng.choice(one.spread, size=nulls))
            continue
        rate = float(one.controls.mean())
        taken, held = (
            rng.binomial(len(flags), rate, size=nulls) / len(flags) for flags in (one.members, one.controls)
        )
        gap = taken - held
        if scale == "residual":
            gap = gap / np.where(held < 1.0, 1.0 - held, np.inf)
        largest = np.maximum(largest, gap)
    return largest
