"""How the forest's trees are grown, and the floor under everything that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

#: Fewest patients behind any number that the forest keeps.
LEAST_PATIENTS: Final = 10
#: Most rows that grow a tree; all others sum it up.
_MOST_GROWERS: Final = 4000


@final
@dataclass(frozen=True)
class Growing:
    """Settings of the conditionals.

    Parameters
    ----------
    trees : int
        Trees of a part.
    leaf : int
        Fewest growing rows in a leaf.
    pull : float
        Rows that pull a leaf's summary towards what holds without the tree.
    penalty : float
        Of the logistic model.
    features : int
        Most features of a part.
    """

    trees: int
    leaf: int
    pull: float
    penalty: float
    features: int

    def halves(
        self, n: int, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]]:
        """Split rows into those that grow a tree and those that sum it up."""
        order = rng.permutation(n)
        cut = min(n // 2, _MOST_GROWERS)
        return order[:cut], order[cut:]
