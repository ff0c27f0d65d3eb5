"""The decimals that a column is written with."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_healthcare.transforms.grid import Grid, learn_grid


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([1.0, 2.0, 3.0], 0),
        ([0.1, 0.25, 3.0], 2),
        (np.arange(90, 200, 10.0), -1),
        (np.arange(1000, 9000, 100.0), -2),
        ([10.0, 20.0, 30.0], 0),  # too few distinct values to speak of tens
        (np.random.default_rng(0).normal(size=50), None),
    ],
)
def test_learns_the_fewest_decimals(values: list[float], decimals: int | None) -> None:
    assert learn_grid(np.array(values), dtype="float64", floor=5) == Grid(decimals)


def test_one_stray_value_in_a_thousand_does_not_count() -> None:
    values = np.concatenate([np.round(np.linspace(0, 10, 1999), 1), [1.23456]])
    assert learn_grid(values, dtype="float64", floor=5).decimals == 1


def test_fewer_strays_than_the_floor_do_not_count() -> None:
    usual = np.round(np.linspace(0, 10, 500), 1)
    for strays, decimals in ((4, 1), (5, 3)):
        values = np.concatenate([usual, np.linspace(0.123, 0.987, strays).round(3)])
        assert learn_grid(values, dtype="float64", floor=5).decimals == decimals


def test_single_precision_is_seen_through() -> None:
    stored = np.array([0.1, 0.2, 0.7], dtype=np.float32).astype(np.float64)
    assert learn_grid(stored, dtype="float32", floor=5).decimals == 1


def test_floor_and_ceil_stay_on_the_grid() -> None:
    grid = Grid(2)
    assert grid.floor(0.29) == 0.29  # 0.29 * 100 is 28.999999999999996
    assert grid.floor(0.2999) == 0.29
    assert grid.ceil(0.2901) == 0.30
    assert grid.ceil(-0.295) == -0.29
    assert Grid(-1).floor(128.0) == 120.0
    assert Grid(None).floor(1.5) == 1.5


def test_rounding_gives_no_negative_zero() -> None:
    assert not np.signbit(Grid(1).round(np.array([-0.04]))).any()
