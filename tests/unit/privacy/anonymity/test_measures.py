"""Diversity and distance against tables worked out by hand, and against the definitions cell by cell."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.privacy.anonymity import measures
from synthetic_healthcare.privacy.anonymity.measures import Tally


def tally(*groups: list[int]) -> Tally:
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    values = np.array([value for group in groups for value in group])
    return Tally.of(numbers, values, np.ones(len(values), dtype=np.intp))


def shares(table: list[int]) -> np.ndarray:
    return np.bincount(table) / len(table)


def test_counts_are_sorted_by_group_and_value_and_weighted() -> None:
    counted = Tally.of(np.array([1, 0, 1, 1]), np.array([2, 5, 0, 2]), np.array([3, 1, 4, 2]))
    assert counted.groups.tolist() == [0, 1, 1]
    assert counted.values.tolist() == [5, 0, 2]
    assert counted.counts.tolist() == [1, 4, 5]
    assert counted.totals.tolist() == [1, 9]


def test_entropy_of_worked_groups() -> None:
    # Two equal values count as 2; 1/2, 1/4, 1/4 has an entropy of 1.5 bits: 2^1.5 = 2.828...
    found = measures.effective(tally([0, 1], [0, 0, 1, 2], [3, 3, 3]))
    assert found == pytest.approx([2.0, 2**1.5, 1.0])


def test_recursive_of_worked_groups() -> None:
    # Counts 5, 3, 2, 1: r1 / (r2 + r3 + r4) = 5/6; r1 / (r3 + r4) = 5/3; r1 / r4 = 5.
    group = [0] * 5 + [1] * 3 + [2] * 2 + [3]
    for l, wanted in ((2, 5 / 6), (3, 5 / 3), (4, 5.0), (5, math.inf)):  # noqa: E741
        assert measures.dominance(tally(group), l) == pytest.approx([wanted])


def test_ordered_distance_of_the_paper() -> None:
    # Li et al. (2007), section 4: incomes 3k to 11k, one of each; the group {3k, 4k, 5k} is 0.375 away from
    # the table, the group {6k, 8k, 11k} 0.167.
    table = list(range(9))
    found = measures.ordered_distance(tally([0, 1, 2], [3, 5, 8]), shares(table))
    assert found == pytest.approx([0.375, 1 / 6])


def test_total_variation_of_worked_groups() -> None:
    # Table 1/2, 1/4, 1/4; a group of the second alone: (1/2 + 3/4 + 1/4) / 2.
    found = measures.variation(tally([1], [0, 0, 1, 2], [0, 2]), shares([0, 0, 1, 2]))
    assert found == pytest.approx([0.75, 0.0, 0.25])


def test_one_value_is_no_distance() -> None:
    assert measures.ordered_distance(tally([0, 0], [0]), shares([0])).tolist() == [0.0, 0.0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=9), min_size=1, max_size=6), st.integers(2, 4)
)
def test_all_measures_equal_their_definitions(
    recount: SimpleNamespace,
    groups: list[list[int]],
    l: int,  # noqa: E741
) -> None:
    # The table's values are numbered without gaps, as axes number them.
    held = sorted({value for group in groups for value in group})
    groups = [[held.index(value) for value in group] for group in groups]
    table = [value for group in groups for value in group]
    counted = tally(*groups)
    assert measures.distinct(counted) == pytest.approx([recount.distinct(g) for g in groups])
    assert measures.effective(counted) == pytest.approx([recount.effective(g) for g in groups])
    assert measures.dominance(counted, l) == pytest.approx([recount.dominance(g, l) for g in groups])
    far = [recount.variation(g, table) for g in groups]
    assert measures.variation(counted, shares(table)) == pytest.approx(far, abs=1e-12)
    far = [recount.ordered_distance(g, table) for g in groups]
    assert measures.ordered_distance(counted, shares(table)) == pytest.approx(far, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12), st.lists(st.integers(0, 4), min_size=1, max_size=12)
)
def test_what_holds_of_two_groups_holds_of_their_union(
    recount: SimpleNamespace, one: list[int], other: list[int]
) -> None:
    both, table = one + other, [0, 1, 2, 3, 4, 4, 4]
    for measure in (recount.distinct, recount.effective):
        assert measure(both) >= min(measure(one), measure(other)) - 1e-9
    for l in (2, 3):  # noqa: E741
        worst = max(recount.dominance(one, l), recount.dominance(other, l))
        assert recount.dominance(both, l) <= worst + 1e-9
    for distance in (recount.variation, recount.ordered_distance):
        assert distance(both, table) <= max(distance(one, table), distance(other, table)) + 1e-9
