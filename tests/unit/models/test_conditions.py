"""The condition table: which parts it holds, a chain of probabilities that adds up, exact weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._conditions import ConditionTable, condition_parts
from synthetic_healthcare.schema.layout import Layout, Part

LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("sodium", "present", "categorical", 2, 1, 0, (0.3, 0.7)),
        Part("sex", "value", "categorical", 2, 3, 1, (0.4, 0.6)),
        Part("grade", "value", "categorical", 3, 5, 2, (0.2, 0.3, 0.5), gate=(1, 1)),
        Part("drugs", "value", "bits", 2, 8, 0, (0.5, 0.2)),
    )
)
#: All that the parts 1 to 3 can be: the grade exists only where the sodium is present.
COMBINATIONS = [(0, sex, None) for sex in range(2)] + list(itertools.product([1], range(2), range(3)))


def table_with_links() -> ConditionTable:
    torch.manual_seed(0)
    table = ConditionTable(LAYOUT, (1, 2, 3))
    table.logits.data.normal_()
    table.links.data.normal_()
    return table


def one_hot(combination: tuple[int | None, ...]) -> torch.Tensor:
    row = torch.zeros(7)
    for start, category in zip((0, 2, 4), combination, strict=True):
        if category is not None:
            row[start + category] = 1.0
    return row


def smoothed(table: ConditionTable) -> list[float]:
    """Probability of every combination, part by part as it is drawn."""
    found = []
    for combination in COMBINATIONS:
        row, chance = one_hot(combination)[None], 1.0
        for part, category in zip(table.heads.layout.parts, combination, strict=True):
            if category is not None:
                chance *= float(table._chances(part, row)[0, category])
        found.append(chance)
    return found


def test_a_condition_has_the_parts_of_its_columns_and_what_gates_them() -> None:
    assert condition_parts(LAYOUT, ["sex"]) == (2,)
    assert condition_parts(LAYOUT, ["grade"]) == (1, 3)
    assert condition_parts(LAYOUT, ["grade", "sex"]) == (1, 2, 3)
    assert condition_parts(LAYOUT, []) == ()


@pytest.mark.parametrize("column", ["age", "drugs", "sexx"])
def test_a_column_that_is_not_made_of_categories_is_refused_by_name(column: str) -> None:
    with pytest.raises(ConfigError, match=f"'{column}'"):
        condition_parts(LAYOUT, ["sex", column])


def test_a_table_starts_at_the_protected_marginals() -> None:
    table = ConditionTable(LAYOUT, (2,))
    found = table.log_likelihood(torch.eye(2)).exp()
    torch.testing.assert_close(found, torch.tensor([0.4, 0.6]))


@torch.no_grad()
def test_probabilities_of_all_combinations_add_up_to_one() -> None:
    table = table_with_links()
    rows = torch.stack([one_hot(combination) for combination in COMBINATIONS])
    torch.testing.assert_close(table.log_likelihood(rows).exp().sum(), torch.tensor(1.0))
    assert sum(smoothed(table)) == pytest.approx(1.0)


@torch.no_grad()
def test_combinations_are_drawn_at_their_probabilities_and_none_is_ruled_out() -> None:
    table = table_with_links()
    # The table is as sure as can be that the second sex is never seen.
    table.logits.data[2:4] = torch.tensor([50.0, -50.0])
    given, weight = table.draw(60_000, {}, torch.Generator().manual_seed(0))
    assert (weight == 1).all()
    expected = smoothed(table)
    found = [float((given == one_hot(each)).all(dim=1).float().mean()) for each in COMBINATIONS]
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert float(given[:, 3].mean()) == pytest.approx(0.02 * 0.6, abs=0.003)


@torch.no_grad()
def test_weights_are_exact_where_parts_are_constrained() -> None:
    """Sex is 1, and the grade is 0 or 2 where there is one: the weights undo the order of the drawing."""
    table = table_with_links()
    allowed = {2: np.array([False, True]), 3: np.array([True, False, True]), 0: np.array([False])}
    given, weight = table.draw(60_000, allowed, torch.Generator().manual_seed(0))
    chances = smoothed(table)
    met = [sex == 1 and grade in (None, 0, 2) for _, sex, grade in COMBINATIONS]
    total = sum(itertools.compress(chances, met))
    assert float(weight.max()) <= 1.0
    assert float(weight.mean()) == pytest.approx(total, abs=0.01)
    for combination, chance, wanted in zip(COMBINATIONS, chances, met, strict=True):
        drawn = (given == one_hot(combination)).all(dim=1)
        assert bool(drawn.any()) == wanted
        share = float(weight[drawn].sum() / weight.sum())
        assert share == pytest.approx(chance / total if wanted else 0.0, abs=0.015)
