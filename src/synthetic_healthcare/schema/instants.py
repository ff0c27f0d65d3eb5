"""Dates and times of any dtype, read into seconds since 1970-01-01 UTC and written back.

pandas' default resolution of nanoseconds holds the years 1677 to 2262 only; patients' tables hold other
ones (dates shifted into the 22nd century, birth dates of "1800-01-01" that stand for "older than 89"). So
everything goes through microseconds in 64-bit integers, and no difference of dates can overflow.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import RejectColumn

DateForm = Literal["native", "datetime", "date", "text"]

_MICROSECONDS: Final = 1_000_000
_DAY: Final = 86_400.0
#: A float64 of seconds is exact to the microsecond for the years 1698 to 2242, and to 16 microseconds at
#: the year 9999; steps are looked for from the coarsest.
_STEPS: Final[tuple[float, ...]] = (_DAY, 3600.0, 60.0, 1.0, 1e-3, 1e-6)
_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:([T ])(\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?\s?(Z|[+-]\d{2}:?\d{2})?)?"
)
_UNREAD: Final = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Datetimes:
    """A column of instants.

    Parameters
    ----------
    seconds : float64 array (n,)
        Seconds since 1970-01-01 UTC, NaN where missing; a date without a zone is taken as UTC.
    form : DateForm
        How the cells are held: a datetime dtype, Python datetimes or dates, or ISO 8601 text.
    step : float
        Seconds that all values are multiples of: 86,400 for whole days, 60, 1, ... down to 1e-6.
    zone : str
        How a text writes its zone: "" for none, "Z", or an offset such as "+00:00".
    separator : str
        What stands between date and time in a text: "T" or " ".
    """

    seconds: npt.NDArray[np.float64]
    form: DateForm = "native"
    step: float = 1e-6
    zone: str = ""
    separator: str = " "


def parse_datetimes(series: pd.Series[Any]) -> Datetimes:
    """Read a column of dates or instants of any dtype, ISO 8601 strings included.

    Parameters
    ----------
    series : Series (n,)
        datetime64 of any unit and zone, pyarrow timestamps and dates, Python dates and datetimes, or
        strings such as "2101-03-04", "2101-03-04 05:06" and "2101-03-04T05:06:07.8+01:00".

    Returns
    -------
    Datetimes
        Of length n.

    Raises
    ------
    RejectColumn
        Where a cell is no date.
    """
    parsed, unread = scan_datetimes(series)
    if unread:
        raise RejectColumn(
            str(series.name),
            f"{unread} of {len(series)} cells are not ISO 8601 dates (2020-12-31 or 2020-12-31 23:59)",
            "Convert the column with pandas.to_datetime, or declare another kind",
        )
    return parsed


def scan_datetimes(series: pd.Series[Any]) -> tuple[Datetimes, int]:
    """Read what can be read as dates; the second value counts the cells that could not (NaN there)."""
    dtype = series.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        naive = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return _native(naive.to_numpy()), 0
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return _native(series.to_numpy()), 0
    if isinstance(dtype, pd.ArrowDtype) and dtype.kind in "MO" and _is_arrow_date(dtype):
        return _native(_arrow_instants(series)), 0
    missing = series.isna().to_numpy(dtype=bool)
    cells = np.asarray(series.astype(object).to_numpy(), dtype=object)
    known: dict[object, np.datetime64] = {}
    instants = np.full(len(cells), _UNREAD, dtype="datetime64[us]")
    unread = 0
    for row in np.flatnonzero(~missing):
        cell = cells[row]
        if isinstance(cell, str) and not cell.strip():
            continue
        if not isinstance(cell, str | dt.date | np.datetime64):
            unread += 1
            continue
        if cell not in known:
            known[cell] = read_instant(cell)
        instants[row] = known[cell]
        unread += int(np.isnat(known[cell]))
    seconds = _to_seconds(instants)
    form, zone, separator = _form_of(list(known))
    return Datetimes(seconds, form, _step_of(seconds), zone, separator), unread


def format_datetimes(
    seconds: npt.NDArray[np.float64],
    dtype: str,
    *,
    form: DateForm = "native",
    step: float = 1e-6,
    zone: str = "",
    separator: str = " ",
    name: str = "",
) -> pd.Series[Any]:
    """Write seconds back as a column of instants; undoes `parse_datetimes`.

    Parameters
    ----------
    seconds : float64 array (n,)
        Seconds since 1970-01-01 UTC; NaN for a missing value.
    dtype : str
        dtype of the column: "datetime64[us]", "datetime64[ns, Europe/Vienna]",
        "timestamp[us][pyarrow]", "object", "str", ...
    form, step, zone, separator
        As `parse_datetimes` found them; values are rounded to a multiple of `step`.
    name : str
        Name of the column.

    Returns
    -------
    Series (n,)
        Of the asked dtype where it is a datetime dtype; of objects otherwise.

    Raises
    ------
    RejectColumn
        Where an instant lies outside what the dtype can hold.
    """
    missing = ~np.isfinite(seconds)
    step_us = max(round(step * _MICROSECONDS), 1)
    present = np.where(missing, 0.0, seconds)
    # Whole seconds and fractions apart: a product of the two would round a second time.
    whole = np.floor(present)
    exact = whole.astype(np.int64) * _MICROSECONDS + np.rint((present - whole) * _MICROSECONDS).astype(
        np.int64
    )
    instants = ((exact + step_us // 2) // step_us * step_us).astype("datetime64[us]")
    instants[missing] = _UNREAD
    if form == "native":
        return _to_native(instants, dtype, name)
    if form == "text":
        return pd.Series(_to_text(instants, step, zone, separator), dtype=object, name=name)
    cells = np.empty(len(instants), dtype=object)
    for row, instant in enumerate(instants):
        moment = None if np.isnat(instant) else instant.item()
        cells[row] = moment.date() if moment is not None and form == "date" else moment
    return pd.Series(cells, dtype=object, name=name)


def _native(instants: npt.NDArray[Any]) -> Datetimes:
    """Wrap an array of datetime64 of any unit."""
    seconds = _to_seconds(instants.astype("datetime64[us]"))
    return Datetimes(seconds, "native", _step_of(seconds))


def _to_seconds(instants: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Turn datetime64[us] into float seconds, NaT into NaN."""
    seconds = instants.astype(np.int64) / _MICROSECONDS
    seconds[np.isnat(instants)] = np.nan
    return np.asarray(seconds, dtype=np.float64)


def _step_of(seconds: npt.NDArray[np.float64]) -> float:
    """Return the coarsest step that all values are multiples of."""
    present = seconds[np.isfinite(seconds)]
    if not len(present):
        return _DAY
    for step in _STEPS[:-1]:
        multiples = present / step
        # Whole seconds are exact in a float; a fraction is off by up to half the spacing of floats there.
        slack = 0.0 if step >= 1 else np.maximum(5e-7, np.spacing(np.abs(present)) / 2) / step
        if np.all(np.abs(multiples - np.rint(multiples)) <= slack):
            return step
    return _STEPS[-1]


def read_instant(cell: object) -> np.datetime64:
    """Read one cell, NaT where it is no date."""
    if isinstance(cell, np.datetime64):
        return np.asarray([cell]).astype("datetime64[us]")[0]  # type: ignore[no-any-return]
    if isinstance(cell, str):
        return _read_text(cell.strip())
    if isinstance(cell, dt.datetime):
        offset = cell.utcoffset()
        naive = np.datetime64(cell.replace(tzinfo=None).isoformat(timespec="microseconds"), "us")
        return naive if offset is None else naive - np.timedelta64(offset)
    return np.datetime64(str(cell), "us") if isinstance(cell, dt.date) else _UNREAD


def _read_text(text: str) -> np.datetime64:
    """Read one ISO 8601 string, NaT where it is none."""
    match = _ISO.fullmatch(text)
    if match is None:
        return _UNREAD
    day, _, time, fraction, zone = match.groups()
    try:
        instant = np.datetime64(f"{day}T{time or '00:00'}", "us")
    except ValueError:  # the 31st of February: looks like a date and is none
        return _UNREAD
    if fraction is not None:
        instant += np.timedelta64(int(fraction[1:7].ljust(6, "0")), "us")
    if zone is not None and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        instant -= np.timedelta64(minutes if zone[0] == "+" else -minutes, "m")
    return instant


def _form_of(cells: list[object]) -> tuple[DateForm, str, str]:
    """Return how a column holds its dates, how it writes the zone, and what separates date and time."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(texts) * 2 > len(cells):
        matches = [match for match in map(_ISO.fullmatch, texts) if match is not None]
        zoned = [match[5] for match in matches if match[5]]
        separators = [match[2] for match in matches if match[2]]
        zone = "" if not zoned else "Z" if zoned[0] == "Z" else "+00:00"
        return "text", zone, separators[0] if separators else " "
    only_days = bool(cells) and not any(isinstance(cell, dt.datetime | np.datetime64) for cell in cells)
    return ("date" if only_days else "datetime"), "", " "


def _to_text(instants: npt.NDArray[Any], step: float, zone: str, separator: str) -> list[str | None]:
    """Write ISO 8601 strings with as much of the time as the step needs."""
    # Whole days keep their time of day where the original wrote a zone, which a bare date cannot carry.
    unit: Literal["D", "m", "s", "ms", "us"] = (
        "D" if step >= _DAY and not zone else "m" if step >= 60 else "s" if step >= 1 else "us"
    )
    if 1e-3 <= step < 1:
        unit = "ms"
    texts = np.datetime_as_string(instants, unit=unit)
    tail = "" if unit == "D" else zone
    return [None if text == "NaT" else text.replace("T", separator) + tail for text in texts.tolist()]


def _to_native(instants: npt.NDArray[Any], dtype: str, name: str) -> pd.Series[Any]:
    """Turn datetime64[us] into the asked datetime dtype, refusing what it cannot hold."""
    series: pd.Series[Any] = pd.Series(instants, name=name)
    if dtype in ("object", "str", "string"):
        return series
    if dtype.endswith("[pyarrow]"):
        return _to_arrow(series, dtype)
    target = pd.api.types.pandas_dtype(dtype)
    try:
        if isinstance(target, pd.DatetimeTZDtype):
            series = series.dt.tz_localize("UTC")
        held: pd.Series[Any] = series.astype(target)
    except (pd.errors.OutOfBoundsDatetime, OverflowError) as error:
        raise RejectColumn(
            name,
            f"an instant lies outside what {dtype} can hold (years 1677 to 2262)",
            "Convert the column to datetime64[us] before fitting",
        ) from error
    return held


def _is_arrow_date(dtype: pd.ArrowDtype) -> bool:
    """Whether a pyarrow-backed dtype holds dates or timestamps."""
    text = str(dtype.pyarrow_dtype)
    return text.startswith(("timestamp", "date32", "date64"))


def _arrow_instants(series: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return pyarrow-backed dates as datetime64[us]."""
    import pyarrow as pa

    values = pa.array(series).cast(pa.timestamp("us"), safe=False)
    return np.array(values.to_numpy(zero_copy_only=False), dtype="datetime64[us]")


def _to_arrow(series: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    """Turn naive instants into a pyarrow-backed dtype."""
    import pyarrow as pa

    text = dtype.removesuffix("[pyarrow]")
    if text.startswith("date"):
        target: pa.DataType = pa.date32() if text.startswith("date32") else pa.date64()
    else:
        unit, _, zone = text.removeprefix("timestamp[").removesuffix("]").partition(", tz=")
        target = pa.timestamp(unit, tz=zone or None)
    values = pa.array(series, from_pandas=True)
    stamped = values.cast(pa.timestamp("us", tz=target.tz)) if text.startswith("timestamp") else values
    return pd.Series(pd.arrays.ArrowExtensionArray(stamped.cast(target)), name=series.name)
