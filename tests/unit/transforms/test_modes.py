"""The Gaussian mixture: its modes, its scores, its protected ends."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_healthcare.transforms.grid import Grid
from synthetic_healthcare.transforms.modes import Mixture, fit_mixture

FREE = Grid(None)


def two_modes(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n // 4), rng.normal(40, 3, n - n // 4)])


def fit(values: np.ndarray, grid: Grid = FREE, seed: int = 1) -> Mixture:
    return fit_mixture(values, grid, floor=5, most_modes=10, most_rows=4000, rng=np.random.default_rng(seed))


def test_finds_two_modes() -> None:
    fitted = fit(two_modes(2000))
    assert fitted.weights.sum() == pytest.approx(1.0)
    near_zero = fitted.means < 20
    assert fitted.weights[near_zero].sum() == pytest.approx(0.25, abs=0.01)
    assert np.all(np.diff(fitted.means) >= 0)


def test_decoding_undoes_encoding() -> None:
    x = two_modes(1000)
    fitted = fit(x)
    modes, scores = fitted.encode(x, np.random.default_rng(0))
    inside = (x > fitted.low) & (x < fitted.high)
    np.testing.assert_allclose(fitted.decode(modes, scores)[inside], x[inside], atol=1e-4)
    assert modes.dtype == np.int32
    assert scores.dtype == np.float32
    assert scores.std() == pytest.approx(1.0, abs=0.1)


def test_modes_are_drawn_from_the_responsibilities_by_hand() -> None:
    fitted = Mixture(
        weights=np.array([0.25, 0.75]),
        means=np.array([0.0, 2.0]),
        deviations=np.array([1.0, 1.0]),
        low=-9.0,
        high=9.0,
        grid=Grid(None),
    )
    # At 1 both are equally far: the odds are those of the weights, 1 to 3.
    modes, scores = fitted.encode(np.ones(20_000), np.random.default_rng(0))
    assert np.mean(modes == 1) == pytest.approx(0.75, abs=0.015)
    np.testing.assert_array_equal(scores, np.where(modes == 1, -1.0, 1.0))


def test_ends_are_protected_and_the_grid_is_kept() -> None:
    x = two_modes(800).round(1)
    fitted = fit(x, Grid(1))
    scores = np.random.default_rng(3).normal(0, 6, 4000).astype(np.float32)
    modes = np.random.default_rng(3).integers(0, len(fitted.means), 4000).astype(np.int32)
    drawn = fitted.decode(modes, scores)
    assert x.min() < drawn.min()
    assert drawn.max() < x.max()
    np.testing.assert_array_equal(drawn, drawn.round(1))


def test_same_generator_same_mixture() -> None:
    first, second = fit(two_modes(6000)), fit(two_modes(6000))
    np.testing.assert_array_equal(first.means, second.means)


def test_every_mode_stands_for_the_floor() -> None:
    x = np.concatenate([np.random.default_rng(0).normal(0, 1, 300), [1000.0, 1001.0]])
    fitted = fit(x)
    assert not np.any(fitted.means > 600)
