"""Weights give wrong tables their right shape, and stop where unseen patients are."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.select import Weights, fit_weights
from synthetic_healthcare.sampling.targets import Targets, expected_distance, joint_groups, read_targets
from synthetic_healthcare.schema.layout import Encoded

MARGINALS = SamplingConfig(select=False)
PAIRS = SamplingConfig(calibrate=False, select=True)


def targets_of(world: SimpleNamespace, n: int, *, seed: int = 0) -> Targets:
    rows = world.patients(n, rng=np.random.default_rng(seed))
    return read_targets(rows, SamplingConfig(), rng=np.random.default_rng(0))


def distances(rows: Encoded, targets: Targets, weight: np.ndarray | None = None) -> np.ndarray:
    """L1 distance of each pair from its target."""
    groups = {place: variable.of(rows) for place, variable in enumerate(targets.variables)}
    found = []
    for table in targets.tables:
        if len(table.variables) == 2:
            cells = table.cell[joint_groups(groups, targets.variables, table.variables)]
            counts = np.bincount(cells, weight, minlength=len(table.share))
            found.append(np.abs(counts / counts.sum() - table.share).sum())
    return np.array(found)


def levels(targets: Targets, *sizes: float) -> np.ndarray:
    pairs = [table for table in targets.tables if len(table.variables) == 2]
    step = SamplingConfig().floor / targets.rows
    return np.array([expected_distance(table.share, targets.rows, *sizes, step=step) for table in pairs])


def test_wrong_marginals_come_right(world: SimpleNamespace) -> None:
    source = world.model(stages=(0.2, 0.3, 0.5))
    weights = fit_weights(world.drawn(source, 20_000), targets_of(world, 20_000), MARGINALS)
    rows = world.drawn(source, 40_000, seed=1)
    kept = rows.take(np.flatnonzero(np.random.default_rng(0).random(len(rows)) < weights.chances(rows)))
    # A pool of that size knows each share to about .006, the targets to .004, the rows kept to .004.
    np.testing.assert_allclose(np.bincount(kept.codes[:, 0]) / len(kept), world.STAGES, atol=0.025)
    np.testing.assert_allclose(kept.bits.mean(axis=0), world.DRUGS, atol=0.025)
    assert len(kept) >= len(rows) / MARGINALS.most_weight * 0.95


def test_a_wrong_correlation_is_mended(world: SimpleNamespace) -> None:
    source = world.model(link=0.3)
    targets = targets_of(world, 20_000)
    config = SamplingConfig(select=True, most_weight=10)
    weights = fit_weights(world.drawn(source, 20_000), targets, config)
    rows = world.drawn(source, 60_000, seed=1)
    chances = weights.chances(rows)

    def together(weight: np.ndarray) -> float:
        return float(np.cov(rows.continuous[:, 0], rows.codes[:, 0] > 0, aweights=weight)[0, 1])

    truth = world.patients(60_000, rng=np.random.default_rng(5))
    wanted = float(np.cov(truth.continuous[:, 0], truth.codes[:, 0] > 0)[0, 1])
    assert together(np.ones(len(rows))) < 0.5 * wanted
    assert together(chances) == pytest.approx(wanted, rel=0.15)
    assert distances(rows, targets, chances).mean() < 0.25 * distances(rows, targets).mean()


def test_a_model_that_is_right_is_left_alone(world: SimpleNamespace) -> None:
    pool = world.drawn(world.model(), 20_000)
    for seed in range(3):
        targets = targets_of(world, 20_000, seed=seed)
        weights = fit_weights(pool, targets, PAIRS)
        before, after = (distances(pool, targets, weight) for weight in (None, weights.chances(pool)))
        assert (after / levels(targets)).mean() >= min(1.0, (before / levels(targets)).mean()) - 1e-3
        assert np.std(weights.chances(pool)) < 0.2


def test_a_model_nearer_than_unseen_patients_is_not_touched(world: SimpleNamespace) -> None:
    rows = world.patients(400, rng=np.random.default_rng(0))
    targets = read_targets(rows, SamplingConfig(), rng=np.random.default_rng(0))
    repeated = rows.take(np.random.default_rng(1).integers(0, 400, 20_000))
    assert fit_weights(repeated, targets, PAIRS).tables == ()


@pytest.mark.parametrize("link", [0.0, 0.5])
def test_it_never_comes_nearer_than_unseen_patients(world: SimpleNamespace, link: float) -> None:
    nearness, selected, unseen = [], [], []
    for seed in range(6):
        targets = targets_of(world, 300, seed=seed)
        source = world.model(link=link)
        pool = world.drawn(source, 10_000, seed=seed)
        weights = fit_weights(pool, targets, SamplingConfig(select=True, most_weight=8))
        nearness.append((distances(pool, targets, weights.chances(pool)) / levels(targets)).mean())
        rng = np.random.default_rng(seed)
        rows = world.drawn(source, 20_000, seed=100 + seed)
        rows = rows.take(np.flatnonzero(rng.random(len(rows)) < weights.chances(rows)))
        for part in range(len(rows) // 300):
            selected.append(distances(rows.take(np.arange(300 * part, 300 * part + 300)), targets).mean())
            unseen.append(distances(world.patients(300, rng=rng), targets).mean())
    assert min(nearness) >= 0.999
    assert np.mean(selected) >= 0.97 * np.mean(unseen)


def test_no_row_counts_more_than_it_may(world: SimpleNamespace) -> None:
    pool = world.drawn(world.model(link=-0.8), 5000)
    config = SamplingConfig(select=True, most_weight=2.0)
    weights = fit_weights(pool, targets_of(world, 5000), config)
    chances = weights.chances(pool)
    assert chances.max() <= 1.0
    assert chances.mean() >= 0.5 * 0.99


def test_weights_that_nothing_taught_keep_everything(world: SimpleNamespace) -> None:
    assert Weights().chances(world.drawn(world.model(), 7)).tolist() == [1.0] * 7
