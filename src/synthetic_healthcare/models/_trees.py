"""A bag of regression trees as flat arrays: grown, pruned to a floor, and routed all rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

Floats = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.int32]


@final
@dataclass(frozen=True)
class Tree:
    """One tree.

    Parameters
    ----------
    feature : int array (nodes,)
        Feature that a node asks for.
    threshold : float32 array (nodes,)
        A row with at most this goes to the first child. Infinite in a leaf.
    children : int array (nodes, 2)
        A leaf is its own child: rows that have arrived stay while others go on.
    depth : int
        Steps from the root to the deepest leaf.
    """

    feature: Places
    threshold: npt.NDArray[np.float32]
    children: Places
    depth: int

    def route(self, features: Floats, roots: Places | int = 0) -> Places:
        """Return the leaf of each row, shape (n,)."""
        n = features.shape[0]
        node = np.full(n, roots, dtype=np.int32) if isinstance(roots, int) else roots.copy()
        rows = np.arange(n)
        for _ in range(self.depth):
            right = features[rows, self.feature[node]] > self.threshold[node]
            node = self.children[node, right.astype(np.int8)]
        return node


#: Decimals of a threshold, in units of normal scores.
_DECIMALS: Final = 2
#: The tree that tells nothing apart.
STUMP: Final = Tree(np.zeros(1, np.int32), np.full(1, np.inf, np.float32), np.zeros((1, 2), np.int32), 0)


@final
@dataclass(frozen=True)
class Bag:
    """Trees side by side in one array of nodes, each node with a summary.

    Parameters
    ----------
    trees : Tree
        All nodes, one tree after the other.
    roots : int array (trees,)
        First node of each tree.
    values : float32 array (nodes, outputs)
        What a leaf says.
    """

    trees: Tree
    roots: Places
    values: npt.NDArray[np.float32]

    @staticmethod
    def of(arrays: Mapping[str, npt.NDArray[Any]]) -> Bag:
        """Rebuild what `arrays` gave."""
        names = ("feature", "threshold", "children", "depth")
        feature, threshold, children, depth = (np.asarray(arrays[name]) for name in names)
        trees = Tree(feature, threshold, children, int(depth))
        return Bag(trees, np.asarray(arrays["roots"]), np.asarray(arrays["leaves"]))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that drawing needs, by name."""
        trees = self.trees
        return {
            "feature": trees.feature,
            "threshold": trees.threshold,
            "children": trees.children,
            "depth": np.array(trees.depth),
            "roots": self.roots,
            "leaves": self.values,
        }

    def draw(self, features: Floats, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Ask one tree, drawn for each row, shape (n, outputs)."""
        picked = self.roots[rng.integers(0, len(self.roots), features.shape[0])]
        return self.values[self.trees.route(features, picked)]


def grow(features: Floats, targets: Floats, *, leaf: int, rng: np.random.Generator) -> Tree:
    """Grow a tree that tells the means of targets, shape (n, outputs), apart.

    Thresholds are rounded: as scikit-learn puts them, they stand halfway between two patients' numbers.

    Parameters
    ----------
    leaf : int
        Fewest rows in a leaf.
    """
    learner = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=int(rng.integers(2**31 - 1)))
    found = learner.fit(features, targets).tree_
    here = np.arange(found.node_count)
    inner = found.children_left >= 0
    children = np.stack([found.children_left, found.children_right], axis=1)
    return Tree(
        np.where(inner, found.feature, 0).astype(np.int32),
        np.where(inner, np.round(found.threshold, _DECIMALS), np.inf).astype(np.float32),
        np.where(inner[:, None], children, here[:, None]).astype(np.int32),
        int(found.max_depth),
    )


def prune(tree: Tree, leaves: Places, least: int) -> Tree:
    """Take back every question of which fewer than `least` rows give an answer: all follow the other answer.

    The few then stand among others. Were they only left without a summary, they could be told from what is
    said of all of a branch and of the rest of it.

    Parameters
    ----------
    leaves : int array (n,)
        The leaf of each row.
    """
    counts = np.bincount(leaves, minlength=len(tree.feature))
    # Children stand after their parents.
    for node in range(len(counts) - 1, -1, -1):
        first, last = tree.children[node]
        if first != node:
            counts[node] += counts[first] + counts[last]

    kept: list[int] = []
    children: list[list[int]] = []
    depth = 0
    # Nodes with the place and side of the parent that waits for theirs, and their distance from the root.
    waiting = [(0, -1, 0, 0)]
    while waiting:
        node, parent, side, steps = waiting.pop()
        node, is_leaf = _followed(tree, counts, node, least)
        place = len(kept)
        kept.append(node)
        children.append([place, place])
        if parent >= 0:
            children[parent][side] = place
        depth = max(depth, steps)
        if not is_leaf:
            waiting += [
                (int(child), place, side, steps + 1) for side, child in enumerate(tree.children[node])
            ]
    links = np.array(children, dtype=np.int32)
    inner = links[:, 0] != np.arange(len(kept))
    return Tree(
        np.where(inner, tree.feature[kept], 0).astype(np.int32),
        np.where(inner, tree.threshold[kept], np.inf).astype(np.float32),
        links,
        depth,
    )


def _followed(tree: Tree, counts: npt.NDArray[np.integer[Any]], node: int, least: int) -> tuple[int, bool]:
    """Follow the answers of the many to the next question that is kept; say whether it is a leaf."""
    while tree.children[node, 0] != node:
        few, many = sorted(tree.children[node].tolist(), key=lambda child: int(counts[child]))
        if counts[many] < least:
            break
        if counts[few] >= least:
            return node, False
        node = many
    return node, True


def bagged(members: Iterable[tuple[Tree, Floats]]) -> Bag:
    """Put trees and the summaries of their nodes, shape (nodes, outputs), side by side."""
    pairs = list(members)
    sizes = [len(tree.feature) for tree, _ in pairs]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    trees = Tree(
        np.concatenate([tree.feature for tree, _ in pairs]),
        np.concatenate([tree.threshold for tree, _ in pairs]),
        np.concatenate([tree.children + root for (tree, _), root in zip(pairs, roots, strict=True)]),
        max(tree.depth for tree, _ in pairs),
    )
    return Bag(trees, roots, np.concatenate([values for _, values in pairs]).astype(np.float32))


def node_sums(tree: Tree, leaves: Places, values: Floats) -> Floats:
    """Add values, shape (n, outputs), up by the leaf of their rows, shape (nodes, outputs)."""
    columns = [np.bincount(leaves, column, minlength=len(tree.feature)) for column in values.T]
    return np.stack(columns, axis=1)
