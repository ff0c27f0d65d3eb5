"""A number given the parts before it: a line, shifts and spreads from honest trees, and a shape of the rest.

The shape is a mixture of normals, so that the probability of an interval is exact and so is a draw within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from synthetic_healthcare.models._base import Arrays
from synthetic_healthcare.models._forest_settings import LEAST_PATIENTS, Growing
from synthetic_healthcare.models._linear import Floats, Line, fit_ridge, most_associated
from synthetic_healthcare.models._trees import STUMP, Bag, Tree, bagged, grow, node_sums, prune

#: Weight, in a tree's eyes, of telling spreads apart against telling means apart.
_SPREADS: Final = 0.3
#: Squared residuals are cut here, in units of their mean, when a tree looks for spreads.
_LARGEST_SQUARE: Final = 9.0
#: Most normals in the shape.
_MOST_NORMALS: Final = 20
#: A normal's spread over the distance to the next: at a half, their sum has no dips between them.
_OVERLAP: Final = 0.5
_LEAST_SPREAD: Final = 1e-3


@final
@dataclass(frozen=True)
class NumberGiven:
    """Distribution of a number given features.

    Parameters
    ----------
    chosen : int array (used,)
        Features that it reads.
    line : Line
        Mean, before the trees.
    bag : Bag
        Shift of the mean and spread of what is left, from one tree drawn for each row.
    centres, widths : array (normals,)
        The shape: equal parts of normals.
    """

    chosen: npt.NDArray[np.integer[Any]]
    line: Line
    bag: Bag
    centres: Floats
    widths: Floats

    def draw(
        self, features: Floats, limits: tuple[float, float] | None, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """Draw numbers within limits.

        Returns
        -------
        values : array (n,)
        mass : array (n,)
            Probability that the limits had for each row. Where it is zero, the number breaks the limits.
        """
        seen = features[:, self.chosen]
        shift, spread = self.bag.draw(seen, rng).astype(np.float64).T
        mean = self.line(seen)[:, 0] + shift
        n = len(mean)
        if limits is None:
            place = rng.integers(0, len(self.centres), n)
            inside = self.centres[place] + self.widths[place] * rng.standard_normal(n)
            return mean + spread * inside, np.ones(n)
        low, high = (((limit - mean) / spread)[:, None] for limit in limits)
        first = ndtr((low - self.centres) / self.widths)
        masses = ndtr((high - self.centres) / self.widths) - first
        edges = np.cumsum(masses, axis=1)
        place = (edges < rng.random(n)[:, None] * edges[:, -1:]).sum(axis=1)
        rows = np.arange(n)
        uniform = first[rows, place] + masses[rows, place] * rng.random(n)
        # The clips keep draws finite where the limits lie far out, and within limits after rounding.
        deviate = np.clip(ndtri(uniform), -8.0, 8.0)
        values = mean + spread * (self.centres[place] + self.widths[place] * deviate)
        mass = edges[:, -1] / len(self.centres)
        return np.where(mass > 0, np.clip(values, *limits), values), mass

    def arrays(self) -> Arrays:
        """Return all that drawing needs, by name."""
        return {
            "chosen": self.chosen,
            "weights": self.line.weights,
            "intercept": self.line.intercept,
            "centres": self.centres,
            "widths": self.widths,
            **self.bag.arrays(),
        }

    @staticmethod
    def of(arrays: Mapping[str, npt.NDArray[Any]]) -> NumberGiven:
        """Rebuild what `arrays` gave."""
        chosen, weights, intercept, centres, widths = (
            np.asarray(arrays[name]) for name in ("chosen", "weights", "intercept", "centres", "widths")
        )
        return NumberGiven(chosen, Line(weights, intercept), Bag.of(arrays), centres, widths)


def fit_number(features: Floats, values: Floats, growing: Growing, rng: np.random.Generator) -> NumberGiven:
    """Learn a number's distribution given features.

    Parameters
    ----------
    features : array (n, features)
    values : array (n,)
        Encoded numbers: about standard normal.
    """
    if len(values) < 2 * LEAST_PATIENTS:
        # Too few to learn from: a number is standard normal as it is encoded.
        none = Line(np.zeros((0, 1)), np.zeros(1))
        bag = bagged([(STUMP, np.array([[0.0, 1.0]]))])
        return NumberGiven(np.zeros(0, dtype=np.intp), none, bag, np.zeros(1), np.ones(1))
    chosen = most_associated(features, values[:, None], growing.features)
    seen = features[:, chosen]
    line, residuals = fit_ridge(seen, values)
    members = []
    # Each patient once, from the first tree that they did not grow: ten numbers are those of ten patients.
    left = np.full(len(values), np.nan)
    for _ in range(growing.trees if len(chosen) else 0):
        growers, others = growing.halves(len(values), rng)
        tree, summary, rest = _tree(seen, residuals, growers, others, growing=growing, rng=rng)
        members.append((tree, summary))
        left[others] = np.where(np.isnan(left[others]), rest, left[others])
    spread = max(float(residuals.std()), _LEAST_SPREAD)
    if not members:
        members.append((STUMP, np.array([[0.0, spread]])))
        left = residuals / spread
    centres, widths = _shape(left[~np.isnan(left)])
    return NumberGiven(chosen, line, bagged(members), centres, widths)


def _tree(
    features: Floats,
    residuals: Floats,
    growers: npt.NDArray[np.integer[Any]],
    others: npt.NDArray[np.integer[Any]],
    *,
    growing: Growing,
    rng: np.random.Generator,
) -> tuple[Tree, Floats, Floats]:
    """Grow a tree; return it, shift and spread of its nodes (nodes, 2), and the others' rest in its units.

    It is kept if it tells new rows better than no tree does: each row that sums it up is judged by what the
    others say. The trees are honest in the sense of Athey and Imbens 2016, doi:10.1073/pnas.1510489113.
    """
    spread = max(float(residuals[growers].std()), _LEAST_SPREAD)
    scaled = residuals[growers] / spread
    squares = np.minimum(scaled**2, _LARGEST_SQUARE)
    targets = np.stack([scaled, _SPREADS * squares], axis=1)
    tree = grow(features[growers], targets, leaf=growing.leaf, rng=rng)
    values = residuals[others]
    tree = prune(tree, tree.route(features[others]), LEAST_PATIENTS)
    leaves = tree.route(features[others])
    count, total = node_sums(tree, leaves, np.stack([np.ones(len(values)), values], axis=1)).T
    shift = total / (count + growing.pull)
    rest = values - (total[leaves] - values) / (count[leaves] - 1 + growing.pull)
    usual = max(float((rest**2).mean()), _LEAST_SPREAD**2)
    squared = node_sums(tree, leaves, (rest**2)[:, None])[:, 0]
    variance = _pulled(squared, count, usual, growing.pull)
    without = _pulled(squared[leaves] - rest**2, count[leaves] - 1, usual, growing.pull)
    plain = max(float((values**2).mean()), _LEAST_SPREAD**2)
    if (np.log(without) + rest**2 / without).mean() >= np.log(plain) + 1.0:
        return STUMP, np.array([[0.0, np.sqrt(plain)]]), values / np.sqrt(plain)
    return tree, np.stack([shift, np.sqrt(variance)], axis=1), rest / np.sqrt(variance[leaves])


def _pulled(squared: Floats, count: Floats, usual: float, pull: float) -> Floats:
    """Pull variances towards the usual one, on a logarithmic scale: a narrow leaf stays narrow."""
    own = np.maximum(squared / np.maximum(count, 1.0), _LEAST_SPREAD**2)
    found: Floats = usual * (own / usual) ** (count / (count + pull))
    return found


def _shape(residuals: Floats) -> tuple[Floats, Floats]:
    """Sum residuals up as equal parts of normals that keep their mean and variance."""
    normals = int(np.clip(len(residuals) // LEAST_PATIENTS, 1, _MOST_NORMALS))
    groups = np.array_split(np.sort(residuals), normals)
    centres = np.array([group.mean() for group in groups])
    within = np.array([group.std() for group in groups])
    apart = np.gradient(centres) if normals > 1 else np.zeros(1)
    widths = np.maximum(np.maximum(_OVERLAP * apart, within), _LEAST_SPREAD)
    middle = float(residuals.mean())
    scale = np.sqrt(
        max(float(residuals.var()), _LEAST_SPREAD**2) / ((centres - middle) ** 2 + widths**2).mean()
    )
    return middle + scale * (centres - middle), scale * widths
