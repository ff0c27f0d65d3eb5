"""Which real rows have a near copy among the synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.distances import TOLERANCE, nearest
from synthetic_healthcare.evaluation.encoding import Judged

Flags = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True)
class Copied:
    """Whether each training row, and each hold-out row, has a near copy."""

    train: Flags
    holdout: Flags


def near_copied(synthetic_deep: Judged, train: Judged, holdout: Judged, radius: float) -> Copied:
    """Look for a synthetic row within `radius` of each real row."""
    found = [
        nearest(table.matrix, synthetic_deep.matrix, k=1)[:, 0] <= radius + TOLERANCE
        for table in (train, holdout)
    ]
    return Copied(*found)
