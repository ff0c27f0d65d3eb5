"""How well the attacks tell members from others within a part of the rows, and what of it is beyond doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS
from synthetic_healthcare.evaluation.statistics import Z, auc

Vector = npt.NDArray[np.float64]

#: Members, and controls, that a part must have for its risk to be judged.
MIN_PART: Final = 20
_ERROR: Final = 0.05


@final
@dataclass(frozen=True)
class Exposure:
    """The worst attack on a part of the rows.

    Parameters
    ----------
    attack : str
        Its code.
    value, lower, upper : float
        Advantage (2 AUC - 1) with its 95 % interval, within 0 and 1.
    proven : float
        The least advantage that is left when as many comparisons as were made are allowed for (Bonferroni,
        one-sided 5 % in all). In small parts it is 0 unless the leak is large.
    members, controls : int
        Numbers of rows.
    """

    attack: str
    value: float
    lower: float
    upper: float
    proven: float
    members: int
    controls: int


def exposure_of(
    members: Mapping[str, Vector], controls: Mapping[str, Vector], *, comparisons: int
) -> Exposure:
    """Judge every attack on these rows; `comparisons` is the number of attacks and parts tried in all."""
    z = NormalDist().inv_cdf(1.0 - _ERROR / comparisons)
    found = []
    for code in ATTACKS:
        one, other = members[code], controls[code]
        area = auc(one, other)
        # DeLong's error vanishes where a few rows are told apart perfectly; it is then no less than that of
        # as many rows under no leak (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747).
        least = math.sqrt((len(one) + len(other) + 1) / (12.0 * len(one) * len(other)))
        found.append((2.0 * area.value - 1.0, 2.0 * area.error, 2.0 * max(area.error, least), code))
    value, _, _, worst = max(found)
    return Exposure(
        worst,
        max(0.0, value),
        max(0.0, *(one - Z * error for one, error, _, _ in found)),
        min(1.0, max(max(0.0, one) + Z * error for one, error, _, _ in found)),
        max(0.0, *(one - z * error for one, _, error, _ in found)),
        len(next(iter(members.values()))),
        len(next(iter(controls.values()))),
    )
