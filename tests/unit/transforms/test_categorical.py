"""Categories: rare ones are resampled, declared ones kept, types survive."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import RejectColumn

BLOOD = ["O"] * 60 + ["A"] * 50 + ["B"] * 20 + ["AB"] * 5 + ["rarest"] * 2


def test_common_categories_come_back_and_rare_ones_are_resampled(learn) -> None:
    learnt = learn(BLOOD, "categorical")
    back = learnt.back()
    np.testing.assert_array_equal(back[:135], BLOOD[:135])
    assert set(back[135:]) <= {"O", "A", "B", "AB"}
    (part,) = learnt.parts
    assert part.marginal == pytest.approx(np.array([50, 5, 20, 60]) / 135)  # A, AB, B, O
    assert learnt.encoder.notes == (
        "column 'x': categories held by fewer than 5 rows are resampled (1 of them, in 2 rows)",
    )


def test_resampling_follows_the_frequencies(learn) -> None:
    cells = ["a"] * 900 + ["b"] * 300 + [f"rare {row}" for row in range(600)]
    back = learn(cells, "categorical").back(seed=2)
    assert np.mean(back[1200:] == "a") == pytest.approx(0.75, abs=0.06)


def test_declared_categories_are_kept_however_rare(learn) -> None:
    declared = ("rarest", "AB", "B", "A", "O", "never seen")
    learnt = learn(BLOOD, "categorical", categories=declared, declared=frozenset({"categories"}))
    np.testing.assert_array_equal(learnt.back(), BLOOD)
    (part,) = learnt.parts
    assert part.width == 6
    assert min(part.marginal) > 0  # a model may take logarithms


def test_unseen_categories_are_treated_as_rare(learn) -> None:
    learnt = learn(BLOOD, "categorical")
    other = learnt.frame.assign(x="something else")
    encoded = learnt.encoder.encode(other, np.random.default_rng(0))
    assert set(learnt.encoder.decode(encoded, np.random.default_rng(0))["x"]) <= {"O", "A", "B", "AB"}


@pytest.mark.parametrize(
    "cells",
    [[1, 2, 3] * 20, [0.5, 1.5, 2.5] * 20, [True, False] * 30, ["1", "2"] * 30, [1, "one"] * 30],
)
def test_types_of_categories_survive(learn, cells: list) -> None:
    back = learn(cells, "categorical").back()
    assert back.tolist() == cells
    assert [type(value) for value in back.tolist()] == [type(value) for value in cells]


def test_categorical_dtype_keeps_its_order_and_loses_rare_names(learn) -> None:
    dtype = pd.CategoricalDtype(["z", "b", "a", "rare", "unused"])
    cells = pd.Series(["z"] * 30 + ["a"] * 20 + ["b"] * 10 + ["rare"], dtype=dtype)
    back = learn(cells, "categorical").back()
    assert str(back.dtype) == "category"
    assert not back.dtype.ordered
    assert back.tolist()[:-1] == cells.tolist()[:-1]
    assert not {"rare", "unused"} & set(back.cat.categories)


def test_one_category_left_is_constant(learn) -> None:
    learnt = learn(["yes"] * 60 + ["no"] * 3, "categorical")
    assert learnt.parts == ()
    assert set(learnt.back()) == {"yes"}


@pytest.mark.parametrize(
    ("cells", "config", "problem"),
    [
        ([f"name {row}" for row in range(100)], {}, "only 0 of 100 rows"),
        (["a"] * 20 + [f"name {row}" for row in range(60)], {}, "only 20 of 80 rows"),
        ([f"code {row % 12}" for row in range(120)], {"max_categories": 10}, "12 categories, more than 10"),
    ],
)
def test_columns_that_are_no_categories_are_refused(learn, cells, config, problem: str) -> None:
    with pytest.raises(RejectColumn, match=problem) as caught:
        learn(cells, "categorical", config=config)
    assert "identifier" in str(caught.value)
    assert "name" not in str(caught.value).replace("named", "")


def test_a_rare_class_of_the_target_is_an_error_that_names_no_value(learn) -> None:
    with pytest.raises(RejectColumn, match="one of the target's 5 classes is held by 2 rows") as caught:
        learn(BLOOD, "categorical", role="target")
    assert "rarest" not in str(caught.value)


def test_cells_that_are_collections_are_refused(learn) -> None:
    with pytest.raises(RejectColumn, match="Declare its kind as codes"):
        learn([[1, 2]] * 60, "categorical")


def test_values_without_a_json_type_are_refused(learn) -> None:
    with pytest.raises(RejectColumn, match="Timestamp"):
        learn(pd.Series([pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")] * 30), "categorical")
