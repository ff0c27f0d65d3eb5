"""Numbers come out as they were encoded: standard normal, in the order that the model gave them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import kstest

from synthetic_healthcare.sampling.calibrate import fit_calibration, is_normal

PARTS = (0, 3)


def test_shifted_numbers_become_standard_normal(world: SimpleNamespace) -> None:
    source = world.model(shift=0.8)
    calibration = fit_calibration(world.drawn(source, 20_000), PARTS, strength=1.0)
    rows = world.drawn(source, 5000, seed=1)
    mended = calibration.apply(rows)
    taken = rows.codes[:, 1] == 1
    for scores in (mended.continuous[:, 0], mended.continuous[taken, 1]):
        assert kstest(scores, "norm").pvalue > 0.001
    assert kstest(rows.continuous[:, 0], "norm").pvalue < 1e-9


def test_ranks_categories_bits_and_shut_gates_stay(world: SimpleNamespace) -> None:
    source = world.model(shift=-1.0)
    rows = world.drawn(source, 4000)
    mended = fit_calibration(rows, PARTS, strength=1.0).apply(rows)
    order = np.argsort(rows.continuous[:, 0])
    assert (np.diff(mended.continuous[order, 0]) >= 0).all()
    np.testing.assert_array_equal(mended.codes, rows.codes)
    np.testing.assert_array_equal(mended.bits, rows.bits)
    assert not mended.continuous[rows.codes[:, 1] == 0, 1].any()


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_strength_is_the_share_of_the_way(world: SimpleNamespace, strength: float) -> None:
    rows = world.drawn(world.model(shift=1.0), 20_000)
    mended = fit_calibration(rows, PARTS, strength=strength).apply(rows)
    assert mended.continuous[:, 0].mean() == pytest.approx(1.0 - strength, abs=0.02)


def test_a_part_that_few_rows_have_is_left_alone(world: SimpleNamespace) -> None:
    assert fit_calibration(world.drawn(world.model(), 150), PARTS, strength=1.0).parts == ()


def test_only_what_was_encoded_to_normal_counts_as_normal() -> None:
    rng = np.random.default_rng(0)
    assert is_normal(rng.standard_normal(300).astype(np.float32))
    assert not is_normal(rng.exponential(size=300).astype(np.float32))
    assert not is_normal(np.zeros(1, dtype=np.float32))
