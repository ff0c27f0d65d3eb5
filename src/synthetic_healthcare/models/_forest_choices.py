"""A category given the parts before it: a logistic model, and shifts of its logits from honest trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.models._base import Arrays
from synthetic_healthcare.models._forest_settings import LEAST_PATIENTS, Growing
from synthetic_healthcare.models._linear import Floats, Line, fit_logistic, most_associated, softmax
from synthetic_healthcare.models._trees import STUMP, Bag, Tree, bagged, grow, node_sums, prune

#: Categories from which trees, whose cost grows with them, are left out.
_MANY: Final = 20
#: Parts into which rows are split to learn what the logistic model says of new ones.
_FOLDS: Final = 5
#: Variance of an average choice: turns rows that pull into information that pulls.
_VARIANCE: Final = 0.2
_LEAST_CHANCE: Final = 1e-9


@final
@dataclass(frozen=True)
class ChoiceGiven:
    """Distribution of a category given features.

    Parameters
    ----------
    chosen : int array (used,)
        Features that it reads.
    line : Line
        Logits, before the trees.
    bag : Bag
        Shifts of the logits, from one tree drawn for each row.
    """

    chosen: npt.NDArray[np.integer[Any]]
    line: Line
    bag: Bag

    def draw(
        self, features: Floats, allowed: npt.NDArray[np.bool_] | None, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.intp], Floats]:
        """Draw categories among those allowed, shape (width,).

        Returns
        -------
        categories : int array (n,)
        mass : array (n,)
            Probability of what is allowed, for each row. Where it is zero, the category is not allowed.
        """
        seen = features[:, self.chosen]
        chances = softmax(self.line(seen) + self.bag.draw(seen, rng))
        mass = np.ones(len(chances))
        if allowed is not None:
            possible = chances * allowed
            mass = possible.sum(axis=1)
            chances = np.where(mass[:, None] > 0, possible, chances)
        edges = np.cumsum(chances, axis=1)
        # "At most" and not "less": a category of no chance is not drawn even where the uniform draw is zero.
        places = (edges <= rng.random(len(edges))[:, None] * edges[:, -1:]).sum(axis=1)
        return places, mass

    def arrays(self) -> Arrays:
        """Return all that drawing needs, by name."""
        return {
            "chosen": self.chosen,
            "weights": self.line.weights,
            "intercept": self.line.intercept,
            **self.bag.arrays(),
        }

    @staticmethod
    def of(arrays: Mapping[str, npt.NDArray[Any]]) -> ChoiceGiven:
        """Rebuild what `arrays` gave."""
        chosen, weights, intercept = (np.asarray(arrays[name]) for name in ("chosen", "weights", "intercept"))
        return ChoiceGiven(chosen, Line(weights, intercept), Bag.of(arrays))


def fit_choice(
    features: Floats,
    categories: npt.NDArray[np.integer[Any]],
    width: int,
    growing: Growing,
    rng: np.random.Generator,
) -> ChoiceGiven:
    """Learn a category's distribution given features.

    Parameters
    ----------
    features : array (n, features)
    categories : int array (n,)
    width : int
        Number of categories.
    """
    wanted = categories[:, None] == np.arange(width)
    enough = len(categories) >= 2 * LEAST_PATIENTS
    chosen = most_associated(features, wanted.astype(np.float64), growing.features if enough else 0)
    seen = features[:, chosen]
    line = fit_logistic(seen, categories, width, growing.penalty)
    members = []
    if len(chosen) and width <= _MANY:
        chances = _left_out_chances(seen, categories, width, growing.penalty, rng)
        members = [_tree(seen, wanted, chances, growing, rng) for _ in range(growing.trees)]
    return ChoiceGiven(chosen, line, bagged(members or [(STUMP, np.zeros((1, width)))]))


def _left_out_chances(
    features: Floats,
    categories: npt.NDArray[np.integer[Any]],
    width: int,
    penalty: float,
    rng: np.random.Generator,
) -> Floats:
    """Probabilities (n, width) of each row's categories from models fitted without it."""
    fold = rng.permutation(len(categories)) % _FOLDS
    chances = np.empty((len(categories), width))
    for left_out in range(_FOLDS):
        own, others = fold == left_out, fold != left_out
        line = fit_logistic(features[others], categories[others], width, penalty)
        chances[own] = softmax(line(features[own]))
    return np.maximum(chances, _LEAST_CHANCE)


def _tree(
    features: Floats,
    wanted: npt.NDArray[np.bool_],
    chances: Floats,
    growing: Growing,
    rng: np.random.Generator,
) -> tuple[Tree, Floats]:
    """Grow a tree and shift the logits of its leaves by one Newton step each (nodes, width).

    It is kept if it tells new rows better than no tree does: each row that sums it up is judged by what the
    others say.
    """
    growers, others = growing.halves(len(wanted), rng)
    tree = grow(features[growers], wanted[growers] - chances[growers], leaf=growing.leaf, rng=rng)
    tree = prune(tree, tree.route(features[others]), LEAST_PATIENTS)
    leaves = tree.route(features[others])
    chance, hit = chances[others], wanted[others]
    slope, curvature = hit - chance, chance * (1.0 - chance)
    pull = growing.pull * _VARIANCE
    slopes, curvatures = node_sums(tree, leaves, slope), node_sums(tree, leaves, curvature)
    without = (slopes[leaves] - slope) / (curvatures[leaves] - curvature + pull)
    moved = softmax(np.log(chance) + without)
    gain = np.log(np.maximum(moved[hit], _LEAST_CHANCE)) - np.log(chance[hit])
    if gain.mean() <= 0:
        return STUMP, np.zeros((1, wanted.shape[1]))
    return tree, slopes / (curvatures + pull)
