"""Calibration and selection: known answers, and the limits that keep them from fitting the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synthetic_healthcare.models._base import FittedModel, ModelConfig, numpy_stream
from synthetic_healthcare.sampling.calibrate import is_normal
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.levers import Levers, fit_levers
from synthetic_healthcare.sampling.targets import (
    cells_of,
    expected_distance,
    protected_cells,
    read_targets,
)
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, expand, joined

BOTH = SamplingConfig(calibrate=True, select=True, pool_rows=8000)

LAYOUT = Layout(
    (
        Part("x", "value", "continuous", 1, 0, 0),
        Part("lab", "present", "categorical", 2, 1, 0, (0.4, 0.6)),
        Part("lab", "value", "continuous", 1, 3, 1, gate=(1, 1)),
        Part("ward", "value", "categorical", 3, 4, 1, (0.5, 0.3, 0.2)),
        Part("codes", "value", "bits", 2, 7, 0, (0.3, 0.1)),
    )
)


def rows_of(
    n: int, rng: np.random.Generator, *, tie: float, shift: float = 0.0, squeeze: float = 1.0
) -> Encoded:
    """Rows in which the ward follows x as strongly as `tie` says, and numbers are shifted and squeezed."""
    x = rng.normal(size=n)
    level = tie * x + np.sqrt(1 - tie**2) * rng.normal(size=n)
    ward = np.searchsorted([-0.0, 0.8416], level)
    present = (rng.random(n) < 0.6).astype(np.int32)
    lab = np.where(present == 1, rng.normal(size=n), 0.0)
    bits = (rng.random((n, 2)) < np.array([0.3, 0.1])).astype(np.uint8)
    continuous = np.stack([shift + squeeze * x, lab], axis=1).astype(np.float32)
    return Encoded(LAYOUT, continuous, np.stack([present, ward], axis=1).astype(np.int32), bits)


@final
class Drawing(FittedModel):
    """A model that draws what the test says, however it was fitted."""

    name = "drawing"
    Config = ModelConfig

    def __init__(self, **how: float) -> None:
        super().__init__(LAYOUT, ModelConfig())
        self._how = how

    def fit(self, rows: Encoded, *, rng: np.random.Generator) -> None:
        raise AssertionError("a lever never fits a model")

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        return rows_of(n, numpy_stream(rng), **self._how)  # type: ignore[arg-type]

    def to_state(self) -> dict[str, npt.NDArray[Any]]:
        return {}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        return None


def drawn(levers: Levers, model: Drawing, n: int, *, seed: int = 0) -> Encoded:
    chunks: Iterator[Encoded] = levers.draw(model, n, seed=seed)
    return joined(chunks)


def tied(rows: Encoded) -> float:
    return float(np.corrcoef(rows.continuous[:, 0], rows.codes[:, 1])[0, 1])


@pytest.fixture(scope="module")
def train() -> Encoded:
    return rows_of(3000, np.random.default_rng(5), tie=0.8)


def test_calibration_brings_numbers_to_their_distribution_and_leaves_the_rest(train: Encoded) -> None:
    model = Drawing(tie=0.8, shift=0.7, squeeze=0.5)
    levers = fit_levers(model, train, config=SamplingConfig(calibrate=True), seed=0)
    before, after = drawn(Levers(), model, 8000), drawn(levers, model, 8000)
    assert not is_normal(before.continuous[:, 0])
    assert is_normal(after.continuous[:, 0])
    np.testing.assert_array_equal(after.codes, before.codes)
    np.testing.assert_array_equal(after.bits, before.bits)
    # A monotone map changes no rank, and a number whose gate is shut stays zero.
    order = np.argsort(before.continuous[:, 0])
    assert (np.diff(after.continuous[order, 0]) >= 0).all()
    assert (after.continuous[after.codes[:, 0] == 0, 1] == 0).all()


def test_calibration_can_be_undone_for_a_condition(train: Encoded) -> None:
    model = Drawing(tie=0.8, shift=0.7, squeeze=0.5)
    levers = fit_levers(model, train, config=SamplingConfig(calibrate=True), seed=0)
    raw = drawn(Levers(), model, 4000)
    low, high = levers.calibration.undo(0, (-0.5, 1.0))
    mapped = levers.calibration.apply(raw).continuous[:, 0]
    inside = (raw.continuous[:, 0] >= low) & (raw.continuous[:, 0] <= high)
    np.testing.assert_array_equal(inside, (mapped >= -0.5) & (mapped <= 1.0))
    assert levers.calibration.undo(0, (-np.inf, np.inf)) == (-np.inf, np.inf)


@pytest.mark.parametrize("n", [600, 9000])
def test_selection_mends_how_columns_go_together(train: Encoded, n: int) -> None:
    model = Drawing(tie=0.3)
    levers = fit_levers(model, train, config=BOTH, seed=0)
    before, after = drawn(Levers(), model, n), drawn(levers, model, n)
    assert len(after) == n
    assert tied(before) < 0.4
    assert tied(after) == pytest.approx(tied(train), abs=0.08)
    rows = expand(after)
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_no_table_is_brought_nearer_than_unseen_patients_would_lie(train: Encoded) -> None:
    model = Drawing(tie=0.3)
    levers = fit_levers(model, train, config=BOTH, seed=0)
    targets = read_targets(train, BOTH, rng=np.random.default_rng(0))
    rows = drawn(levers, model, 40_000)
    for cell, table in zip(cells_of(rows, targets), targets.tables, strict=True):
        if table.variables not in levers.weights.tables or len(table.variables) < 2:
            continue
        held = np.bincount(cell, minlength=len(table.share)) / len(rows)
        # 40,000 rows show the weights' own distribution: it stays at the level or beyond it.
        assert np.abs(held - table.share).sum() >= 0.8 * expected_distance(table.share, len(train))


def test_a_model_that_is_as_near_as_unseen_patients_is_left_alone(train: Encoded) -> None:
    other = rows_of(3000, np.random.default_rng(6), tie=0.8)
    targets = read_targets(train, BOTH, rng=np.random.default_rng(0))
    distances = [
        np.abs(np.bincount(cell, minlength=len(table.share)) / len(other) - table.share).sum()
        / expected_distance(table.share, len(train), len(other))
        for cell, table in zip(cells_of(other, targets), targets.tables, strict=True)
    ]
    # What the level claims: unseen rows of the same population lie at it on average.
    assert np.mean(distances) == pytest.approx(1.0, abs=0.25)
    levers = fit_levers(Drawing(tie=0.8), train, config=BOTH, seed=0)
    assert np.mean(levers.weights.chances(other)) > 0.6


def test_strength_nought_and_levers_that_are_off_change_nothing(train: Encoded) -> None:
    model = Drawing(tie=0.3, shift=1.0)
    plain = expand(drawn(Levers(), model, 500))
    for config in (SamplingConfig(), BOTH.model_copy(update={"strength": 0.0})):
        levers = fit_levers(model, train, config=config, seed=0)
        np.testing.assert_array_equal(expand(drawn(levers, model, 500)), plain)


def test_equal_seeds_give_equal_rows_also_after_a_file(train: Encoded) -> None:
    model = Drawing(tie=0.3, shift=0.4)
    levers = fit_levers(model, train, config=BOTH, seed=0)
    again = Levers.from_state(*levers.to_state())
    for n in (300, 7000):
        rows = expand(drawn(levers, model, n))
        np.testing.assert_array_equal(rows, expand(drawn(again, model, n)))
        assert not np.array_equal(rows, expand(drawn(levers, model, n, seed=1)))


def test_no_stored_cell_speaks_of_few_patients() -> None:
    cell, share = protected_cells(np.array([0, 1, 2, 9, 40, 3, 61]), floor=5)
    # Those held by 1, 2 and 3 patients, with the empty one, are one cell of 6; counts are multiples of 5.
    assert cell[0] == cell[1] == cell[2] == cell[5]
    assert len(set(cell[[3, 4, 6]])) == 3
    np.testing.assert_allclose(share * 115, [5, 10, 40, 60])
    cell, share = protected_cells(np.array([2, 0, 8, 90]), floor=5)
    # Two patients alone would be told: the next smallest cell joins them.
    assert cell[0] == cell[1] == cell[2] != cell[3]
    np.testing.assert_allclose(share * 100, [10, 90])
