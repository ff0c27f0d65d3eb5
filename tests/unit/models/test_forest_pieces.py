"""The pieces of the forest against answers worked out another way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from synthetic_healthcare.models._linear import fit_logistic, fit_logit, fit_ridge, most_associated, softmax
from synthetic_healthcare.models._trees import STUMP, Bag, bagged, grow, node_sums, prune


def test_residuals_are_those_of_lines_fitted_without_the_row() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 3))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    values = features @ np.array([1.0, -0.5, 0.0]) + rng.normal(size=40)
    line, residuals = fit_ridge(features, values)
    # The penalty that was chosen is the one whose weights are given.
    penalties = np.geomspace(0.3, 300.0, 10)
    weights = [Ridge(alpha=penalty).fit(features, values).coef_ for penalty in penalties]
    apart = [np.abs(own - line.weights[:, 0]).max() for own in weights]
    best = int(np.argmin(apart))
    assert apart[best] < 1e-9
    left_out = []
    for row in range(40):
        others = np.arange(40) != row
        ridge = Ridge(alpha=penalties[best]).fit(features[others], values[others])
        left_out.append(values[row] - ridge.predict(features[row : row + 1])[0])
    np.testing.assert_allclose(residuals, left_out, atol=0.02)


def test_the_logistic_model_of_classes_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 3))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    logits = features @ rng.normal(size=(3, 4))
    classes = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    own = softmax(fit_logistic(features, classes, 4, 10.0)(features))
    theirs = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(features, classes).predict_proba(features)
    np.testing.assert_allclose(own, theirs, atol=0.01)


def test_a_class_without_rows_stays_possible_and_rare() -> None:
    chance = softmax(fit_logistic(np.zeros((100, 0)), np.zeros(100, dtype=int), 2, 10.0)(np.zeros((1, 0))))
    assert chance[0, 1] == pytest.approx(0.5 / 101)


def test_the_logistic_model_of_a_code_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 2))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    held = rng.random(400) < 1 / (1 + np.exp(2 - 1.5 * features[:, 0]))
    line = fit_logit(features, held, 5.0)
    theirs = LogisticRegression(C=0.2, tol=1e-8).fit(features, held)
    np.testing.assert_allclose(line.weights[:, 0], theirs.coef_[0], atol=1e-3)
    np.testing.assert_allclose(line.intercept, theirs.intercept_, atol=1e-3)


def test_the_most_associated_features_are_found_and_rare_ones_left_out() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5))
    features[:, 4] = np.arange(200) < 3
    target = features[:, 3] + 0.5 * features[:, 1]
    assert most_associated(features, target[:, None], 2).tolist() == [1, 3]
    assert most_associated(features, target[:, None], 9).tolist() == [0, 1, 2, 3]
    assert most_associated(features, target[:, None], 0).size == 0


def test_a_flat_tree_routes_as_scikit_learns_does() -> None:
    rng = np.random.default_rng(0)
    # Numbers of one decimal: thresholds between them are not moved by the rounding.
    features = rng.integers(-20, 20, (300, 3)).astype(np.float32) / 10
    targets = np.sin(2 * features[:, :1]) + features[:, 1:2] ** 2
    tree = grow(features, targets, leaf=10, rng=np.random.default_rng(1))
    seed = int(np.random.default_rng(1).integers(2**31 - 1))
    theirs = DecisionTreeRegressor(min_samples_leaf=10, random_state=seed).fit(features, targets)
    np.testing.assert_array_equal(tree.route(features), theirs.apply(features))


def test_thresholds_are_rounded() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 2)).astype(np.float32)
    tree = grow(features, features[:, :1] * features[:, 1:], leaf=10, rng=rng)
    inner = tree.threshold[np.isfinite(tree.threshold)]
    assert len(inner) > 3
    np.testing.assert_allclose(inner, np.round(inner, 2), atol=1e-6)


def test_pruning_leaves_no_leaf_below_the_floor_and_keeps_what_stands_below_a_small_branch() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 3)).astype(np.float32)
    tree = grow(features, features[:, :1] ** 2 + features[:, 1:2], leaf=20, rng=rng)
    others = rng.normal(size=(200, 3)).astype(np.float32)
    assert np.bincount(tree.route(others)).min() < 10
    pruned = prune(tree, tree.route(others), 10)
    counts = np.bincount(pruned.route(others), minlength=len(pruned.feature))
    leaves = ~np.isfinite(pruned.threshold)
    assert counts[leaves].min() >= 10
    assert counts[~leaves].sum() == 0
    assert 1 < leaves.sum() < (~np.isfinite(tree.threshold)).sum()


def test_a_bag_draws_from_each_of_its_trees_alike_and_survives_its_arrays() -> None:
    features = np.zeros((3000, 1), np.float32)
    bag = bagged([(STUMP, np.array([[1.0]])), (STUMP, np.array([[2.0]])), (STUMP, np.array([[4.0]]))])
    again = Bag.of(bag.arrays())
    drawn = again.draw(features, np.random.default_rng(0))[:, 0]
    np.testing.assert_array_equal(drawn, bag.draw(features, np.random.default_rng(0))[:, 0])
    np.testing.assert_allclose([(drawn == value).mean() for value in (1, 2, 4)], 1 / 3, atol=0.03)


def test_node_sums_add_up_by_leaf() -> None:
    tree = prune(
        grow(
            np.arange(40, dtype=np.float32)[:, None],
            (np.arange(40.0)[:, None] >= 20) * 1.0,
            leaf=20,
            rng=np.random.default_rng(0),
        ),
        np.array([1] * 20 + [2] * 20, dtype=np.int32),
        10,
    )
    leaves = tree.route(np.array([[0.0], [1.0], [39.0]]))
    sums = node_sums(tree, leaves, np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]))
    assert sorted(map(tuple, sums[np.unique(leaves)].tolist())) == [(3.0, 30.0), (4.0, 40.0)]
