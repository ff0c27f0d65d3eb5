"""Which pairs of columns tell most of each other: those worth a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.layout import Layout

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int32]

#: Most variables that pairs are looked for among: those of highest entropy.
_MOST_VARIABLES: Final = 400
#: Most rows that the information of pairs is judged by.
_JUDGED_ROWS: Final = 5000


def telling_pairs(
    groups: Groups,
    variables: Sequence[tuple[int, int]],
    layout: Layout,
    most: int,
    *,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Return the pairs of highest mutual information, none of a part and the gate it stands behind.

    Parameters
    ----------
    groups : int array (n, variables)
        Group of each row in each variable.
    variables : sequence of (int, int)
        Index of the part, and number of groups, of each.
    layout : Layout
        Of the rows.
    most : int
        Pairs at most.
    rng : numpy.random.Generator
        Draws the rows that judge, where there are many.
    """
    if groups.shape[1] < 2:
        return []
    if len(groups) > _JUDGED_ROWS:
        groups = groups[np.sort(rng.choice(len(groups), _JUDGED_ROWS, replace=False))]
    sizes = np.array([size for _, size in variables])
    shares = [
        np.bincount(column, minlength=size) / len(groups)
        for column, size in zip(groups.T, sizes, strict=True)
    ]
    entropy = np.array([-(share * np.log(np.maximum(share, 1e-300))).sum() for share in shares])
    chosen = np.sort(np.argsort(-entropy, kind="stable")[:_MOST_VARIABLES])
    information = _mutual_information(groups[:, chosen], sizes[chosen])
    first, second = np.triu_indices(len(chosen), k=1)
    value = information[first, second]
    order = np.argsort(-value, kind="stable")
    pairs = []
    for place in order[value[order] > 0]:
        one, other = int(chosen[first[place]]), int(chosen[second[place]])
        if not _behind(layout, variables[one][0], variables[other][0]):
            pairs.append((one, other))
        if len(pairs) == most:
            break
    return pairs


def _mutual_information(groups: Groups, sizes: npt.NDArray[np.int64]) -> Floats:
    """Mutual information of all pairs of columns, in nats, less what chance gives on average.

    Source of the correction: Miller 1955, "Note on the bias of information estimates": (a - 1)(b - 1) / 2n
    for tables of a by b cells.
    """
    n = len(groups)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    hot = np.zeros((n, int(sizes.sum())), dtype=np.float32)
    hot[np.arange(n)[:, None], groups + starts] = 1.0
    joint = (hot.T @ hot).astype(np.float64) / n
    alone = np.diag(joint)
    expected = np.outer(alone, alone)
    terms = np.where(joint > 0, joint * np.log(np.maximum(joint, 1e-300) / np.maximum(expected, 1e-300)), 0.0)
    value = np.add.reduceat(np.add.reduceat(terms, starts, axis=0), starts, axis=1)
    return np.asarray(value - np.outer(sizes - 1, sizes - 1) / (2 * n))


def _behind(layout: Layout, first: int, second: int) -> bool:
    """Say whether one of two parts gates the other, or both are one categorical or continuous part."""
    return second in _gates(layout, first) or first in _gates(layout, second)


def _gates(layout: Layout, index: int) -> set[int]:
    found, gate = set(), layout.parts[index].gate
    while gate is not None:
        found.add(gate[0])
        gate = layout.parts[gate[0]].gate
    return found
