"""Dates: their resolution, their dtype, their protection."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest


def days(n: int, seed: int = 0) -> pd.Series:
    offsets = np.random.default_rng(seed).integers(0, 9000, n)
    return pd.Series(np.datetime64("1995-01-01") + offsets.astype("timedelta64[D]"))


def test_whole_days_stay_whole_days(learn) -> None:
    cells = days(400).astype("datetime64[us]")
    back = learn(cells, "datetime").back()
    assert back.dtype == cells.dtype
    assert (back == back.dt.normalize()).all()
    assert cells.min() < back.min()
    assert back.max() < cells.max()
    assert (back - cells).abs().median() < pd.Timedelta(days=60)


@pytest.mark.parametrize(
    ("unit", "dtype"),
    [
        ("h", "datetime64[ns]"),
        ("m", "datetime64[us, UTC]"),
        ("s", "datetime64[ms]"),
        ("us", "datetime64[us]"),
    ],
)
def test_resolution_and_dtype_come_back(learn, unit: str, dtype: str) -> None:
    step = np.random.default_rng(1).integers(0, 10**6, 300).astype(f"timedelta64[{unit}]")
    cells = pd.Series(np.datetime64("2101-05-05T00:00", "us") + step)
    if "UTC" in dtype:
        cells = cells.dt.tz_localize("UTC")
    cells = cells.astype(dtype)
    back = learn(cells, "datetime").back()
    assert str(back.dtype) == dtype
    naive = back.dt.tz_localize(None) if "UTC" in dtype else back
    whole = naive.to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(whole.astype(f"datetime64[{unit}]").astype("datetime64[us]"), whole)


def test_centuries_apart(learn) -> None:
    cells = pd.Series(
        [dt.date(1580 + row % 500, 1 + row % 12, 1 + row % 28) for row in range(600)], dtype=object
    )
    back = learn(cells, "datetime").back()
    assert all(isinstance(cell, dt.date) for cell in back)
    assert min(back) > min(cells)
    assert max(back) < max(cells)


def test_text_dates_come_back_as_text(learn) -> None:
    cells = days(200).dt.strftime("%Y-%m-%d")
    assert learn(cells, "datetime").back().str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()


def test_missing_dates(learn) -> None:
    cells = days(200)
    cells[::4] = pd.NaT
    back = learn(cells, "datetime").back()
    np.testing.assert_array_equal(back.isna(), cells.isna())


def test_a_default_date_is_a_heap_that_comes_back(learn) -> None:
    cells = days(400)
    cells[:120] = pd.Timestamp("1900-01-01")
    back = learn(cells, "datetime").back()
    np.testing.assert_array_equal(back == pd.Timestamp("1900-01-01"), cells == pd.Timestamp("1900-01-01"))
