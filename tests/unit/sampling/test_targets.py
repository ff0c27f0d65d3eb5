"""What the levers may know: coarse tables in which no cell speaks of few patients."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.targets import expected_distance, protected_cells, read_targets

CONFIG = SamplingConfig()


def test_the_expected_distance_is_what_samples_lie_apart() -> None:
    rng = np.random.default_rng(0)
    share = np.array([0.5, 0.3, 0.15, 0.05])
    first, second = rng.multinomial(400, share, 4000) / 400, rng.multinomial(150, share, 4000) / 150
    assert expected_distance(share, 400) == pytest.approx(np.abs(first - share).sum(1).mean(), rel=0.02)
    assert expected_distance(share, 400, 150) == pytest.approx(np.abs(first - second).sum(1).mean(), rel=0.02)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40), st.integers(1, 11))
def test_no_cell_speaks_of_few_patients(counts: list[int], floor: int) -> None:
    cell, share = protected_cells(np.array(counts), floor=floor)
    held = np.bincount(cell, counts, minlength=len(share))
    if sum(counts) >= floor:
        assert ((held == 0) | (held >= floor)).all()
        assert share.sum() == pytest.approx(1.0)
    # What is stored of a cell is a multiple of the floor.
    multiples = share / max(share[share > 0].min(), 1e-9) if share.any() else share
    assert len(share) == cell.max() + 1
    assert (multiples >= 0).all()


def test_cells_are_joined_and_rounded_as_by_hand() -> None:
    cell, share = protected_cells(np.array([20, 3, 0, 13, 1, 9]), floor=5)
    # 3, 0 and 1 are rare and hold 4 together, so that 9 joins them: 13 -> 15; 13 -> 15; 20.
    np.testing.assert_array_equal(cell, [2, 0, 0, 1, 0, 0])
    np.testing.assert_allclose(share, [0.3, 0.3, 0.4])


def test_one_way_tables_are_the_protected_marginals(world: SimpleNamespace) -> None:
    rows = world.patients(2000, rng=np.random.default_rng(0))
    targets = read_targets(rows, SamplingConfig(pairs=0), rng=np.random.default_rng(0))
    shares = [table.share.round(6).tolist() for table in targets.tables]
    assert shares == [[0.5, 0.3, 0.2], [0.3, 0.7], [0.6, 0.4], [0.8, 0.2]]
    assert (targets.normal, targets.rows) == ((0, 3), 2000)


def test_pairs_come_by_what_they_tell_and_never_with_their_gate(world: SimpleNamespace) -> None:
    rows = world.patients(4000, rng=np.random.default_rng(1))
    targets = read_targets(rows, CONFIG, rng=np.random.default_rng(0))
    pairs = [
        tuple(targets.variables[place].part for place in table.variables)
        for table in targets.tables
        if len(table.variables) == 2
    ]
    assert pairs[0] in {(0, 1), (0, 3)}
    assert (2, 3) not in pairs
    assert (4, 4) in pairs, "the two drugs go together"
    few = read_targets(rows, SamplingConfig(pairs=2), rng=np.random.default_rng(0))
    assert sum(len(table.variables) == 2 for table in few.tables) == 2
