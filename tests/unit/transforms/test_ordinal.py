"""Ordered levels: a rare one joins its nearest neighbour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.transforms.ordinal import nearest_levels


def test_rare_numbers_join_the_nearest_level(learn) -> None:
    cells = [1] * 30 + [2] * 30 + [3] * 2 + [5] * 30 + [9]
    learnt = learn(cells, "ordinal", categories=(1, 2, 3, 5, 9))
    np.testing.assert_array_equal(learnt.back(), [1] * 30 + [2] * 32 + [5] * 31)
    (part,) = learnt.parts
    assert part.marginal == pytest.approx(np.array([30, 32, 31]) / 93)
    assert learnt.encoder.schema["x"].categories == (1, 2, 5)  # no rare level stays in what is kept
    assert learnt.encoder.notes == (
        "column 'x': categories held by fewer than 5 rows are joined to the nearest level "
        "(2 of them, in 3 rows)",
    )


def test_levels_of_an_ordered_categorical_join_by_rank(learn) -> None:
    dtype = pd.CategoricalDtype(["mild", "moderate", "severe", "critical"], ordered=True)
    cells = pd.Series(["severe"] * 20 + ["mild"] * 20 + ["moderate"] * 20 + ["critical"] * 3, dtype=dtype)
    learnt = learn(cells, "ordinal", categories=tuple(dtype.categories))
    back = learnt.back()
    assert back.dtype == pd.CategoricalDtype(["mild", "moderate", "severe"], ordered=True)
    assert back.tolist() == ["severe"] * 20 + ["mild"] * 20 + ["moderate"] * 20 + ["severe"] * 3


def test_declared_order_is_kept(learn) -> None:
    cells = ["low"] * 20 + ["high"] * 20 + ["middle"] * 20
    learnt = learn(cells, "ordinal", categories=("low", "middle", "high"), declared=frozenset({"categories"}))
    encoded = learnt.encode()
    np.testing.assert_array_equal(encoded.codes[:, 0], [0] * 20 + [2] * 20 + [1] * 20)


@pytest.mark.parametrize(
    ("table", "kept", "found"),
    [
        ((1, 4, 6, 7), (1, 6), [0, 1, 1, 1]),
        ((2.0, 3.0, 4.0), (2.0, 4.0), [0, 0, 1]),  # the lower of two equally near
        (("a", "b", "c"), ("a", "c"), [0, 0, 1]),
        (("a", "b", "c"), ("c", "a"), [1, -1, 0]),  # letters do not say what is near here
        (("new",), ("a", "b"), [-1]),
    ],
)
def test_nearest_levels_by_hand(table, kept, found) -> None:
    np.testing.assert_array_equal(nearest_levels(table, kept), found)
