"""Instants of every dtype become seconds and come back, far from the years 1677 to 2262 as well."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.instants import Datetimes, format_datetimes, parse_datetimes

DAY = 86_400.0


def round_trip(series: pd.Series) -> pd.Series:
    parsed = parse_datetimes(series)
    return format_datetimes(
        parsed.seconds,
        str(series.dtype),
        form=parsed.form,
        step=parsed.step,
        zone=parsed.zone,
        separator=parsed.separator,
        name=str(series.name),
    )


@pytest.mark.parametrize(
    "dtype",
    [
        "datetime64[s]",
        "datetime64[ms]",
        "datetime64[us]",
        "datetime64[ns]",
        "datetime64[ns, UTC]",
        "datetime64[us, Europe/Vienna]",
        "timestamp[us][pyarrow]",
        "timestamp[ns, tz=UTC][pyarrow]",
    ],
)
def test_datetime_dtypes_come_back(dtype: str) -> None:
    moments = np.array(["2101-03-04T05:06:07", "NaT", "1969-12-31"], dtype="datetime64[us]")
    series = pd.Series(moments, name="seen")
    held = series.dt.tz_localize("UTC").astype(dtype) if "," in dtype else series.astype(dtype)
    assert parse_datetimes(held).seconds[2] == -DAY
    pd.testing.assert_series_equal(round_trip(held), held)


def test_arrow_dates_come_back() -> None:
    held = pd.Series([dt.date(1500, 1, 2), None], dtype="date32[day][pyarrow]", name="born")
    parsed = parse_datetimes(held)
    assert parsed.step == DAY
    pd.testing.assert_series_equal(round_trip(held), held)


@pytest.mark.parametrize(
    "cells",
    [
        ["2101-03-04", None, "1800-01-01"],
        ["2101-03-04 05:06", "1800-01-01 00:00"],
        ["2101-03-04T05:06:07", "0001-01-01T00:00:00"],
        ["2101-03-04 05:06:07.250", "9999-12-31 23:59:59.999"],
        ["2101-03-04 05:06:07.000250", "2000-01-01 00:00:00.000000"],
        ["2101-03-04T05:06:07Z", "2000-01-01T00:00:00Z"],
        ["2101-03-04 05:06:07+00:00", None],
    ],
)
def test_iso_text_comes_back_as_it_was_written(cells: list[str | None]) -> None:
    series = pd.Series(cells, dtype=object)
    assert round_trip(series).tolist() == cells


def test_offsets_are_subtracted() -> None:
    parsed = parse_datetimes(pd.Series(["1970-01-01T01:00:00+01:00", "1970-01-01 00:00-0030"]))
    assert parsed.seconds.tolist() == [0.0, 1800.0]


def test_three_centuries_apart_do_not_overflow() -> None:
    for dtype in ("datetime64[s]", "datetime64[us]"):
        born = pd.Series(np.array(["1600-01-01", "2300-01-01"], dtype=dtype))
        parsed = parse_datetimes(born)
        days = (dt.date(2300, 1, 1) - dt.date(1600, 1, 1)).days
        assert parsed.seconds[1] - parsed.seconds[0] == days * DAY
        pd.testing.assert_series_equal(round_trip(born), born, check_names=False)


def test_python_dates_and_datetimes_come_back() -> None:
    dates = pd.Series([dt.date(1500, 2, 3), None], dtype=object)
    assert parse_datetimes(dates).form == "date"
    assert round_trip(dates).tolist() == [dt.date(1500, 2, 3), None]
    moments = pd.Series([dt.datetime(1500, 2, 3, 4, 5, 6, 7000), None], dtype=object)
    assert round_trip(moments).tolist() == [dt.datetime(1500, 2, 3, 4, 5, 6, 7000), None]
    zoned = pd.Series([dt.datetime(2000, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))], dtype=object)
    assert parse_datetimes(zoned).seconds.tolist() == [946_684_800.0]


def test_all_missing_stays_missing() -> None:
    series = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]", name="died")
    pd.testing.assert_series_equal(round_trip(series), series)


@pytest.mark.parametrize(
    "cell", ["2021-02-31", "31.12.2020", "yesterday", "2020-13-01", "2020-01-01 25:00", 5]
)
def test_what_is_no_iso_date_is_rejected(cell: object) -> None:
    with pytest.raises(RejectColumn, match="'seen': 1 of 3 cells are not ISO 8601 dates"):
        parse_datetimes(pd.Series(["2020-01-01", None, cell], dtype=object, name="seen"))


def test_instants_that_a_dtype_cannot_hold_are_rejected() -> None:
    with pytest.raises(RejectColumn, match="1677 to 2262"):
        format_datetimes(np.array([1e11]), "datetime64[ns]", name="born")


def test_values_are_rounded_to_the_step() -> None:
    written = format_datetimes(np.array([1.4 * DAY, 1.6 * DAY]), "object", form="text", step=DAY)
    assert written.tolist() == ["1970-01-02", "1970-01-03"]


@settings(deadline=None)
@example([dt.datetime(2106, 2, 8, 0, 0, 0, 1)])
@example([dt.datetime(2106, 2, 8, 0, 0, 0, 69)])
@given(st.lists(st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2240, 1, 1)), min_size=1))
def test_microseconds_survive(moments: list[dt.datetime | None]) -> None:
    series = pd.Series(np.array(moments, dtype="datetime64[us]"))
    pd.testing.assert_series_equal(round_trip(series), series, check_names=False)


@settings(deadline=None)
@given(st.lists(st.none() | st.datetimes(), min_size=1))
def test_whole_seconds_survive_in_every_year(moments: list[dt.datetime | None]) -> None:
    whole = [None if moment is None else moment.replace(microsecond=0) for moment in moments]
    series = pd.Series(np.array(whole, dtype="datetime64[us]"))
    pd.testing.assert_series_equal(round_trip(series), series, check_names=False)


def test_parsing_gives_a_plain_value() -> None:
    parsed = parse_datetimes(pd.Series(["1970-01-02"], dtype=object))
    assert (parsed.form, parsed.step, parsed.zone) == ("text", DAY, "")
    assert isinstance(parsed, Datetimes)
    assert parsed.seconds.tolist() == [DAY]
