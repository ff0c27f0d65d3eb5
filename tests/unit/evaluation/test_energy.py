"""The energy distance by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_healthcare.evaluation.energy import energy_scores


def test_by_hand() -> None:
    sample = np.array([[0.0], [2.0]], dtype=np.float32)
    judges = np.array([[1.0], [4.0]], dtype=np.float32)
    # Within: 2 and 3. Judge 1: distances 1, 1. Judge 4: distances 4, 2.
    np.testing.assert_allclose(energy_scores(sample, judges), [2 * 1 - 2 - 3, 2 * 3 - 2 - 3])


def test_zero_for_one_distribution_and_growing_with_the_shift() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1000, 3)).astype(np.float32)
    assert energy_scores(x, y).mean() == pytest.approx(0, abs=0.01)
    assert energy_scores(x, y + 0.5).mean() < energy_scores(x, y + 1.0).mean()
