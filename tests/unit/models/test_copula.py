"""The copula: marginals are exact, correlations those of the latents that made the table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import ndtri

from synthetic_healthcare.models.copula import Copula
from synthetic_healthcare.schema.layout import Encoded, Layout, Part

RATES = (0.5, 0.3, 0.2)
MIXED = Layout(
    (
        Part("x", "value", "continuous", 1, 0, 0),
        Part("group", "value", "categorical", 3, 1, 0, RATES),
        Part("codes", "value", "bits", 2, 4, 0, (0.3, 0.1)),
    )
)


def drawn(rows: Encoded, n: int = 20_000) -> Encoded:
    model = Copula(rows.layout, Copula.Config())
    model.fit(rows, rng=np.random.default_rng(0))
    return model.sample(n, rng=torch.Generator().manual_seed(0))


def latents(n: int, correlation: float) -> npt.NDArray[np.float64]:
    """Four normals, each pair of which correlates alike."""
    rng = np.random.default_rng(0)
    matrix = np.full((4, 4), correlation)
    np.fill_diagonal(matrix, 1.0)
    return rng.multivariate_normal(np.zeros(4), matrix, size=n)


def mixed(z: npt.NDArray[np.float64]) -> Encoded:
    group = np.searchsorted(ndtri(np.cumsum(RATES)[:-1]), z[:, 1])
    bits = z[:, 2:] > ndtri([0.7, 0.9])
    return Encoded(MIXED, z[:, :1].astype(np.float32), group[:, None].astype(np.int32), bits.astype(np.uint8))


def test_marginals_are_exact_and_associations_those_of_the_latents() -> None:
    """The table is a Gaussian copula itself: its synthetic twin has to go together as it does."""
    rows, found = mixed(latents(4000, 0.5)), drawn(mixed(latents(4000, 0.5)))

    def table(some: Encoded) -> npt.NDArray[np.float64]:
        return np.column_stack([some.continuous, some.codes, some.bits]).astype(np.float64)

    np.testing.assert_allclose(table(found).mean(axis=0)[1:], table(rows).mean(axis=0)[1:], atol=0.02)
    np.testing.assert_allclose(np.bincount(found.codes[:, 0]) / 20_000, RATES, atol=0.02)
    np.testing.assert_allclose(
        np.corrcoef(table(found), rowvar=False), np.corrcoef(table(rows), rowvar=False), atol=0.05
    )


def test_columns_that_have_nothing_to_do_with_each_other_stay_so() -> None:
    found = drawn(mixed(latents(500, 0.0)))
    table = np.column_stack([found.continuous, found.codes, found.bits])
    assert np.abs(np.corrcoef(table, rowvar=False) - np.eye(4)).max() < 0.12


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_part_behind_a_gate_goes_with_others_as_it_does_where_it_exists(sign: float) -> None:
    rng = np.random.default_rng(0)
    layout = Layout(
        (
            Part("age", "value", "continuous", 1, 0, 0),
            Part("lab", "present", "categorical", 2, 1, 0, (0.5, 0.5)),
            Part("lab", "value", "continuous", 1, 3, 1, gate=(1, 1)),
        )
    )
    age = rng.normal(size=1500)
    present = rng.random(1500) < 0.5
    lab = np.where(present, sign * 0.8 * age + 0.6 * rng.normal(size=1500), 0.0)
    rows = Encoded(
        layout,
        np.stack([age, lab], axis=1).astype(np.float32),
        present[:, None].astype(np.int32),
        np.zeros((1500, 0), np.uint8),
    )
    found = drawn(rows)
    exists = found.codes[:, 0] == 1
    assert (found.continuous[~exists, 1] == 0).all()
    assert np.corrcoef(found.continuous[exists].T)[0, 1] == pytest.approx(sign * 0.8, abs=0.05)


def test_two_codes_that_few_patients_hold_together_are_not_tied() -> None:
    """Two codes that the same five patients of 400 hold would tell of them; common ones are tied."""
    rng = np.random.default_rng(0)
    held = rng.random(400) < 0.3
    rare = np.arange(400) < 5
    layout = Layout((Part("codes", "value", "bits", 4, 0, 0, (0.3, 0.3, 0.01, 0.01)),))
    bits = np.stack([held, held, rare, rare], axis=1).astype(np.uint8)
    found = drawn(Encoded(layout, np.zeros((400, 0), np.float32), np.zeros((400, 0), np.int32), bits))
    assert np.corrcoef(found.bits[:, 0], found.bits[:, 1])[0, 1] > 0.8
    assert abs(np.corrcoef(found.bits[:, 2], found.bits[:, 3])[0, 1]) < 0.05


def test_more_columns_than_patients_do_not_tell_who_was_there() -> None:
    columns, rng = 100, np.random.default_rng(0)
    layout = Layout(tuple(Part(f"x{i}", "value", "continuous", 1, i, i) for i in range(columns)))
    everyone = rng.normal(size=(240, 6)) @ rng.normal(size=(6, columns)) + rng.normal(size=(240, columns))
    everyone = (everyone - everyone.mean(axis=0)) / everyone.std(axis=0)

    def encoded(rows: npt.NDArray[np.float64]) -> Encoded:
        nothing = np.zeros((len(rows), 0))
        return Encoded(layout, rows.astype(np.float32), nothing.astype(np.int32), nothing.astype(np.uint8))

    made = drawn(encoded(everyone[:80]), 1000).continuous.astype(np.float64)
    # An attacker who knows the directions in which the drawn rows vary: with all of them told, the AUC is 1.
    apart = everyone[:160] - made.mean(axis=0)
    score = -np.einsum("ij,ij->i", apart @ np.linalg.inv(np.cov(made.T)), apart)
    assert (score[:80, None] > score[None, 80:]).mean() < 0.85
    # What is common is learnt all the same.
    real, learnt = (np.corrcoef(rows.T) for rows in (everyone[80:], made))
    strong = (np.abs(real) > 0.6) & ~np.eye(columns, dtype=bool)
    assert np.abs(learnt[strong]).mean() > 0.85 * np.abs(real[strong]).mean()
