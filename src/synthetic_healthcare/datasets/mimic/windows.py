"""Which stay an event belongs to: by its stay's number, or by its admission and the time.

Windows begin at the admission to the unit (for the laboratory six hours before: samples are drawn on the
way) and end 24 hours after it, or at discharge from the unit where that is earlier. Nothing later enters a
row. Both are those of mimic-code's first-day concepts (Johnson et al. 2018, doi:10.1093/jamia/ocx084) but
for the end at discharge: after it the patient is in another ward, or in another stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
WINDOW_H: Final = 24.0
#: How long before the admission to the unit the laboratory's window opens.
LABORATORY_LEAD_H: Final = 6.0

Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


def in_unit(stays: pd.DataFrame) -> Windows:
    """The first day of each stay; `stays` holds ids, and `intime` and `outtime` in seconds."""
    return Windows(stays, stays["intime"].to_numpy(dtype=np.float64), _closes(stays))


def of_laboratory(stays: pd.DataFrame) -> Windows:
    """The first day, and the six hours before it."""
    opens = stays["intime"].to_numpy(dtype=np.float64) - LABORATORY_LEAD_H * HOUR_S
    return Windows(stays, opens, _closes(stays))


def of_orders(stays: pd.DataFrame) -> Windows:
    """The day of admission to the unit, for orders that have dates and no times.

    An order that runs on that day began within the first 24 hours of the stay, whatever its hour. One that
    begins on the next day may lie after the window, and is left out.
    """
    day = np.floor(stays["intime"].to_numpy(dtype=np.float64) / DAY_S) * DAY_S
    return Windows(stays, day, day)


def _closes(stays: pd.DataFrame) -> Numbers:
    intime, outtime = (stays[name].to_numpy(dtype=np.float64) for name in ("intime", "outtime"))
    return np.asarray(np.minimum(intime + WINDOW_H * HOUR_S, outtime))


@final
class Windows:
    """One window a stay of a cohort.

    Parameters
    ----------
    stays : DataFrame (n, columns)
        With `icustay_id` and `hadm_id`; the row is the stay's position.
    opens, closes : float array (n,)
        Seconds since 1970, both ends inside.
    """

    def __init__(self, stays: pd.DataFrame, opens: Numbers, closes: Numbers) -> None:
        self.opens, self.closes = opens, closes
        self._stays: pd.Index[Any] = pd.Index(stays["icustay_id"].to_numpy(dtype=np.float64))
        admissions = stays["hadm_id"].to_numpy(dtype=np.float64)
        self._admissions: pd.Index[Any] = pd.Index(np.unique(admissions))
        self._of_admission = _listed(
            self._admissions.get_indexer(pd.Index(admissions)), len(self._admissions)
        )

    def __len__(self) -> int:
        return len(self.opens)

    def by_stay(
        self, icustay_ids: Numbers, hadm_ids: Numbers, start: Numbers, end: Numbers | None = None
    ) -> Iterator[tuple[Positions, Positions]]:
        """Place events that name their stay; those that do not, by admission and time.

        Parameters
        ----------
        icustay_ids, hadm_ids : float array (n,)
            NaN where missing.
        start : float array (n,)
            Seconds.
        end : float array (n,), optional
            Where events last: they belong to every window that they touch.

        Yields
        ------
        (rows, positions)
            Rows of the event arrays and the stays that they belong to.
        """
        end = start if end is None else end
        named = ~np.isnan(icustay_ids)
        rows = np.flatnonzero(named)
        stays = np.asarray(self._stays.get_indexer(pd.Index(icustay_ids[rows])), dtype=np.int64)
        yield self._touching(rows, stays, start, end)
        rows = np.flatnonzero(~named)
        if len(rows):
            yield from self._of_admissions(rows, hadm_ids, start, end)

    def by_admission(
        self, hadm_ids: Numbers, start: Numbers, end: Numbers | None = None
    ) -> Iterator[tuple[Positions, Positions]]:
        """Place events by admission and time; one may lie in the windows of two stays.

        Parameters and yields are as in `by_stay`.
        """
        yield from self._of_admissions(np.arange(len(start)), hadm_ids, start, start if end is None else end)

    def _of_admissions(
        self, rows: Positions, hadm_ids: Numbers, start: Numbers, end: Numbers
    ) -> Iterator[tuple[Positions, Positions]]:
        found = np.asarray(self._admissions.get_indexer(pd.Index(hadm_ids[rows])), dtype=np.int64)
        rows, found = rows[found >= 0], found[found >= 0]
        for turn in range(self._of_admission.shape[1]):
            stays = self._of_admission[found, turn]
            more = stays >= 0
            yield self._touching(rows[more], stays[more], start, end)

    def _touching(
        self, rows: Positions, stays: Positions, start: Numbers, end: Numbers
    ) -> tuple[Positions, Positions]:
        # A missing time compares false: such an event belongs to no window.
        with np.errstate(invalid="ignore"):
            inside = (stays >= 0) & (end[rows] >= self.opens[stays]) & (start[rows] <= self.closes[stays])
        return rows[inside], stays[inside]


def _listed(admission_of_stay: npt.NDArray[Any], admissions: int) -> Positions:
    """Return the positions of each admission's stays, -1 where it has fewer; (admissions, most)."""
    frame = pd.DataFrame({"admission": admission_of_stay})
    frame["turn"] = frame.groupby("admission").cumcount()
    most = int(frame["turn"].max()) + 1 if len(frame) else 0
    table = np.full((admissions, most), -1, dtype=np.int64)
    table[frame["admission"], frame["turn"]] = np.arange(len(frame))
    return table
