"""Two values, by whatever name."""

from __future__ import annotations

import pandas as pd
import pytest

from synthetic_healthcare.errors import RejectColumn


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((True, False), "bool"),
        ((True, False), "boolean"),
        ((0, 1), "int64"),
        ((0.0, 1.0), "float64"),
        (("F", "M"), "str"),
        (("no", "yes"), "category"),
        ((True, False), "bool[pyarrow]"),
    ],
)
def test_two_values_come_back(learn, values, dtype: str) -> None:
    cells = pd.Series([values[0]] * 40 + [values[1]] * 20).astype(dtype)
    learnt = learn(cells, "boolean", categories=values)
    back = learnt.back()
    assert back.dtype == cells.dtype
    assert back.tolist() == cells.tolist()
    (part,) = learnt.parts
    assert part.width == 2


def test_a_rare_value_is_not_learnt_unless_declared(learn) -> None:
    cells = [True] * 57 + [False] * 3
    assert learn(cells, "boolean", categories=(False, True)).back().all()
    declared = learn(cells, "boolean", categories=(False, True), declared=frozenset({"categories"}))
    assert declared.back().tolist() == cells


def test_three_values_are_refused(learn) -> None:
    with pytest.raises(RejectColumn, match="3 distinct values"):
        learn([0, 1, 2] * 20, "boolean")
