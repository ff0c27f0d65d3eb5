"""Columns that say nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.mark.parametrize(
    ("cell", "kind", "fields"),
    [
        (7.25, "numeric", {}),
        (7, "integer", {}),
        ("<0.5", "numeric", {}),
        ("same", "categorical", {}),
        (True, "boolean", {"categories": (False, True)}),
        (3, "ordinal", {"categories": (3,)}),
        (pd.Timestamp("2020-02-29 12:30"), "datetime", {}),
        ("I10;E11", "codes", {"delimiter": ";"}),
    ],
)
def test_constants_are_given_back_as_they_are(learn, cell, kind: str, fields: dict) -> None:
    cells = pd.Series([cell] * 60)
    learnt = learn(cells, kind, **fields)
    assert learnt.parts == ()
    back = learnt.back()
    assert str(back.dtype) == str(cells.dtype)
    wanted = ["E11;I10"] * 60 if kind == "codes" else cells.tolist()
    assert back.tolist() == wanted


def test_a_constant_with_gaps_keeps_its_gaps(learn) -> None:
    cells = pd.Series(["yes", None, "yes"] * 20, dtype="str")
    learnt = learn(cells, "categorical")
    assert [part.purpose for part in learnt.parts] == ["present"]
    pd.testing.assert_series_equal(learnt.back(), cells, check_names=False)


@pytest.mark.parametrize(
    ("kind", "dtype", "fields"),
    [
        ("numeric", "float64", {}),
        ("integer", "Int64", {}),
        ("categorical", "str", {}),
        ("categorical", "category", {}),
        ("boolean", "boolean", {}),
        ("datetime", "datetime64[us]", {}),
        ("codes", "object", {"delimiter": ";"}),
    ],
)
def test_empty_columns_stay_empty(learn, kind: str, dtype: str, fields: dict) -> None:
    cells = pd.Series([None] * 60, dtype=dtype)
    learnt = learn(cells, kind, **fields)
    back = learnt.back()
    assert learnt.parts == ()
    assert back.isna().all()
    assert str(back.dtype) == str(cells.dtype)


def test_fewer_values_than_the_floor_are_left_out(learn) -> None:
    cells = [np.nan] * 60 + [3.0, 4.0, 5.0]
    learnt = learn(cells, "numeric")
    assert learnt.back().isna().all()
    assert learnt.encoder.notes == ("column 'x': its 3 values, fewer than 5, are left out: it stays empty",)
