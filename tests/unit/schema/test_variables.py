"""Variables: every row has one state of each, and states written back are read again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.schema.variables import ABSENT, Domain, States

#: A lab with a state and a number, a second column of its panel, a number alone, a category, and codes that
#: exist only where the panel does.
LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("lab", "present", "categorical", 2, 1, 0),
        Part("lab", "state", "categorical", 3, 3, 1, gate=(1, 1)),
        Part("lab", "value", "continuous", 1, 6, 1, gate=(2, 0)),
        Part("panel", "value", "categorical", 2, 7, 2, gate=(1, 1)),
        Part("drugs", "value", "bits", 3, 9, 0, gate=(1, 1)),
        Part("sex", "value", "categorical", 2, 12, 3),
    )
)


def blank(n: int) -> Encoded:
    return Encoded(
        LAYOUT,
        np.zeros((n, 2), dtype=np.float32),
        np.full((n, 4), -1, dtype=np.int32),
        np.zeros((n, 3), dtype=np.uint8),
    )


def consistent(domain: Domain, n: int, seed: int) -> States:
    """States at random, absent exactly where their gate is shut."""
    rng = np.random.default_rng(seed)
    states = np.empty((len(domain.variables), n), dtype=np.int32)
    for index, variable in enumerate(domain.variables):
        states[index] = rng.integers(0, variable.real, n)
        if variable.gate is not None:
            states[index, ~np.isin(states[variable.gate[0]], variable.gate[1])] = variable.states - 1
    return states


def test_a_column_is_one_variable_and_so_is_a_code() -> None:
    domain = Domain(LAYOUT, 4)
    parts = [variable.parts for variable in domain.variables]
    assert parts == [(0,), (1, 2, 3), (4,), (5,), (5,), (5,), (6,)]
    lab, panel = domain.variables[1], domain.variables[2]
    # Missing; four bins of the number; two states without one.
    assert lab.meaning.tolist() == [
        [0, ABSENT, ABSENT],
        [1, 0, 0],
        [1, 0, 1],
        [1, 0, 2],
        [1, 0, 3],
        [1, 1, ABSENT],
        [1, 2, ABSENT],
    ]
    assert lab.gate is None
    assert panel.gate == (1, (1, 2, 3, 4, 5, 6))
    assert panel.meaning[-1].tolist() == [ABSENT]
    assert domain.steps(1).tolist() == [False, True, True, True, False, False]
    assert domain.steps(0).tolist() == [True, True, True]
    assert domain.steps(6).tolist() == [False]
    assert domain.of_column("drugs") == (3, 4, 5)
    assert domain.columns([1, 3, 4]) == ("lab", "drugs")


@given(seed=st.integers(0, 10**6), bins=st.integers(2, 40))
def test_states_written_are_the_states_read(seed: int, bins: int) -> None:
    domain = Domain(LAYOUT, bins)
    states = consistent(domain, 50, seed)
    rows = blank(50)
    domain.write(states, rows, np.random.default_rng(seed), EncodedCondition())
    np.testing.assert_array_equal(domain.read(rows), states)


def test_numbers_within_bins_follow_the_normal_distribution() -> None:
    domain = Domain(Layout((Part("x", "value", "continuous", 1, 0, 0),)), 4)
    rng = np.random.default_rng(0)
    n = 40_000
    rows = Encoded(
        domain.layout, np.zeros((n, 1), np.float32), np.zeros((n, 0), np.int32), np.zeros((n, 0), np.uint8)
    )
    domain.write(rng.integers(0, 4, (1, n)).astype(np.int32), rows, rng, EncodedCondition())
    shares = np.histogram(ndtr(rows.continuous[:, 0]), bins=20, range=(0, 1))[0] / n
    np.testing.assert_allclose(shares, 0.05, atol=0.006)


def test_what_a_condition_allows_of_a_state() -> None:
    domain = Domain(LAYOUT, 4)
    condition = EncodedCondition(
        categories={2: np.array([True, False, True])},
        ranges={0: (float(ndtri(0.125)), 9.0), 3: (float(ndtri(0.25)), float(ndtri(0.3)))},
        bits={5: np.array([1, -1, 0], dtype=np.int8)},
    )
    assert domain.allowed(0, condition) == pytest.approx([0.5, 1, 1, 1])
    # Missing says nothing against it; of the bins, one in five of the second; of the states, the third.
    assert domain.allowed(1, condition) == pytest.approx([1, 0, 0.2, 0, 0, 0, 1])
    assert domain.allowed(2, condition) is None
    assert domain.allowed(3, condition) == pytest.approx([0, 1])
    assert domain.allowed(4, condition) == pytest.approx([1, 1])
    assert domain.allowed(5, condition) == pytest.approx([1, 0])
    rows = blank(2000)
    states = np.zeros((7, 2000), dtype=np.int32)
    states[1], states[3] = 2, 1
    domain.write(states, rows, np.random.default_rng(0), condition)
    assert condition.holds(rows).all()
    assert (rows.continuous[:, 0] <= np.float32(ndtri(0.25)) + 1e-6).all()


@pytest.mark.parametrize("value", [-np.inf, -40.0, 0.0, 40.0, np.inf])
def test_numbers_far_out_have_a_state(value: float) -> None:
    rows = blank(1)
    rows.continuous[:, 0] = value
    rows.codes[:, 0] = 0
    assert 0 <= Domain(LAYOUT, 4).read(rows)[0, 0] < 4
