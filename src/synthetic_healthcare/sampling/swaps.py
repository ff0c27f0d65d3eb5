"""Swaps: rows of a small draw are exchanged for others of the pool until its tables are at their level.

A draw of a few hundred rows is off its own distribution by chance. Exchanging the rows that pull a table away
for some that pull it back takes that chance out as far as it goes beyond what a sample of unseen patients of
the same size would show, and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.sampling.pairs import Floats, Groups
from synthetic_healthcare.sampling.targets import Targets, cells_of, expected_distance
from synthetic_healthcare.schema.layout import Encoded

Places = npt.NDArray[np.intp]

#: Rounds of swaps, and the share of the rows that the first one tries to exchange.
_ROUNDS: Final = 40
_FIRST_SHARE: Final = 0.1


def refined(
    pool: Encoded, chosen: Places, spare: Places, targets: Targets, *, rng: np.random.Generator
) -> Places:
    """Exchange chosen rows for spare ones as long as the tables come nearer to their level.

    Parameters
    ----------
    pool : Encoded (m,)
        Rows of the model.
    chosen, spare : int arrays (n,), (m - n,)
        Positions of the rows that are drawn, and of those that are not.
    targets : Targets
        The tables.
    rng : numpy.random.Generator
        Decides between rows that are worth the same.

    Returns
    -------
    int array (n,)
        Positions, none twice.
    """
    cells = cells_of(pool, targets)
    levels = [expected_distance(table.share, targets.rows, len(chosen)) for table in targets.tables]
    chosen, spare = chosen.copy(), spare.copy()
    excess, pull = _state(cells, chosen, targets, levels)
    size = max(1, round(_FIRST_SHARE * len(chosen)))
    for _ in range(_ROUNDS):
        if excess == 0.0 or not len(spare):
            break
        worth = np.zeros(len(pool))
        for cell, slope in zip(cells, pull, strict=True):
            worth += slope[cell]
        worth += 1e-9 * rng.random(len(pool))
        out = np.argsort(-worth[chosen])[:size]
        into = np.argsort(worth[spare])[: len(out)]
        tried, left = chosen.copy(), spare.copy()
        tried[out[: len(into)]], left[into] = spare[into], chosen[out[: len(into)]]
        now, slopes = _state(cells, tried, targets, levels)
        if now < excess:
            chosen, spare, excess, pull = tried, left, now, slopes
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return chosen


def _state(
    cells: Sequence[Groups], chosen: Places, targets: Targets, levels: Sequence[float]
) -> tuple[float, list[Floats]]:
    """How far the tables are beyond their levels in all, and which cells hold too many (1) or too few."""
    excess, pull = 0.0, []
    for cell, table, level in zip(cells, targets.tables, levels, strict=True):
        apart = np.bincount(cell[chosen], minlength=len(table.share)) / len(chosen) - table.share
        beyond = float(np.abs(apart).sum()) - level
        excess += max(beyond, 0.0)
        pull.append(np.sign(apart) if beyond > 0 else np.zeros(len(apart)))
    return excess, pull
