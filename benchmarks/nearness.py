"""The judges of leakage: what the distance from real patients to synthetic rows gives away.

The distance is the sum over columns of the difference of ranks among the real rows (0 to 1) or, where a
column has at most 10 values, of 1 for different values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from judges import CATEGORY_VALUES

#: Pairs of rows that are compared for one release: above it, fewer patients are asked about, never fewer
#: synthetic rows, which would blunt the attack.
PAIRS: Final = 400_000_000
#: Share of the held-out patients who have a training row nearer than what counts as near.
NEAR_SHARE: Final = 0.05
_CHUNK: Final = 20_000_000

Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Places:
    """Rows as coordinates of the distance.

    Parameters
    ----------
    ranks : float64 array (n, columns with many values)
        Mid-ranks among the real rows, 0 to 1.
    marks : float32 array (n, values of the other columns)
        1 for the value that the row has. A value that no real row has leaves its column at 0: half a unit
        from all others.
    """

    ranks: Floats
    marks: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.marks)

    def take(self, rows: Any) -> Places:
        """The rows at some positions."""
        return Places(self.ranks[rows], self.marks[rows])


@final
@dataclass(frozen=True)
class Nearness:
    """Patients who were learnt and patients who were not, and what is near between real rows.

    Parameters
    ----------
    train, holdout : DataFrame
        Tables of numbers.
    radius : float
        That so many (`NEAR_SHARE`) of the held-out patients have a training row within.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    radius: float

    @staticmethod
    def of(train: pd.DataFrame, holdout: pd.DataFrame) -> Nearness:
        """Measure what is near between real rows."""
        real = pd.concat([train, holdout], ignore_index=True)
        people = holdout.iloc[_some(len(holdout), PAIRS // len(train))]
        distances = nearest(places(people, real), places(train, real))
        return Nearness(train, holdout, float(np.quantile(distances, NEAR_SHARE)))

    def scores(self, releases: Sequence[pd.DataFrame]) -> dict[str, float]:
        """Mean over several releases of one fit of `membership`, and of the excess of exact and near copies.

        Returns
        -------
        dict
            `membership`: AUC of the distance to the nearest synthetic row, training against hold-out
            patients; 0.5 is nothing, a copy gets about 1. `exact_excess`, `near_excess`: share of the
            training patients who stand in the release, or have a row of it within `radius`, less the same
            share of the held-out ones. `exact_noise`, `near_noise`: two standard errors of that difference
            where nothing leaks. `asked`: how many patients of both kinds the distances were taken for.

        Source of the attack: Chen et al. 2020, doi:10.1145/3372297.3417238.
        """
        told = [self._release(rows) for rows in releases]
        return {name: float(np.mean([one[name] for one in told])) for name in told[0]}

    def _release(self, rows: pd.DataFrame) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        real = pd.concat([self.train, self.holdout], ignore_index=True)
        most = max(1, PAIRS // (2 * len(rows)))
        synthetic = places(rows, real)
        inside, outside = (
            nearest(places(side.iloc[_some(len(side), most)], real), synthetic)
            for side in (self.train, self.holdout)
        )
        learnt = np.repeat([1, 0], [len(inside), len(outside)])
        written = set(_keys(rows))
        return {
            "membership": float(roc_auc_score(learnt, -np.concatenate([inside, outside]))),
            **_excess("exact", *(_keys(side).isin(written) for side in (self.train, self.holdout))),
            **_excess("near", inside <= self.radius + 1e-9, outside <= self.radius + 1e-9),
            "asked": len(learnt),
        }


def places(rows: pd.DataFrame, real: pd.DataFrame) -> Places:
    """Find the coordinates of rows among the real ones."""
    ranks: list[Floats] = []
    marks: list[npt.NDArray[np.float32]] = []
    for name in real:
        values, known = (table[name].to_numpy(dtype=np.float64) for table in (rows, real))
        levels = np.unique(known)
        if len(levels) <= CATEGORY_VALUES:
            marks.extend((values == level).astype(np.float32) for level in levels)
        else:
            ranks.append(_rank(values, np.sort(known)))
    empty = np.zeros((len(rows), 0))
    return Places(
        np.stack(ranks, axis=1) if ranks else empty,
        np.stack(marks, axis=1) if marks else empty.astype(np.float32),
    )


def nearest(people: Places, rows: Places) -> Floats:
    """Distance from each of `people` to the nearest of `rows`, of shape (people,)."""
    from scipy.spatial.distance import cdist

    step = max(1, _CHUNK // len(rows))
    # Two marks differ in a column where their product there is 0; a row has at most one mark a column, so
    # half the number of both's marks, less the products, is the number of columns that differ.
    halves = [0.5 * one.marks.sum(axis=1) for one in (people, rows)]
    found = []
    for start in range(0, len(people), step):
        part = people.take(slice(start, start + step))
        apart = halves[0][start : start + step, None] + halves[1] - part.marks @ rows.marks.T
        if rows.ranks.shape[1]:
            apart = apart + cdist(part.ranks, rows.ranks, metric="cityblock")
        found.append(apart.min(axis=1).astype(np.float64))
    return np.concatenate(found)


def _some(n: int, most: int) -> npt.NDArray[np.int64]:
    """All positions or, where they are too many, a fixed random choice."""
    if n <= most:
        return np.arange(n)
    return np.random.default_rng(0).choice(n, most, replace=False)


def _keys(rows: pd.DataFrame) -> pd.Series:
    """One number for each row; equal rows have equal ones."""
    # Adding 0 makes one zero of two (-0.0 and 0.0 have different bytes).
    return pd.util.hash_pandas_object(rows.astype(np.float64) + 0.0, index=False)


def _excess(name: str, inside: Any, outside: Any) -> dict[str, float]:
    m, n = len(inside), len(outside)
    share = (inside.sum() + outside.sum()) / (m + n)
    noise = 2 * math.sqrt(share * (1 - share) * (1 / m + 1 / n))
    return {f"{name}_excess": float(inside.mean() - outside.mean()), f"{name}_noise": noise}


def _rank(values: Floats, ordered: Floats) -> Floats:
    """Mid-rank of each value among the real ones, from 0 to 1."""
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(ordered))
