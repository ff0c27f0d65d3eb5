"""The worst Glasgow Coma Scale and the worst oxygen index: scores of several values at one moment."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.datasets.mimic.events import Gathered, Readings
from synthetic_healthcare.datasets.mimic.windows import HOUR_S

#: A part that is not charted at a moment is the one of up to so many hours before (as in mimic-code).
_CARRIED_H: Final = 6.0
#: A blood gas is paired with the oxygen given up to so many hours before (as in mimic-code).
_PAIRED_H: Final = 4
#: What a part counts as that was never charted: the best (Teasdale, Jennett 1974,
#: doi:10.1016/S0140-6736(74)91639-0).
_BEST: Final = {"gcs_eye": 4.0, "gcs_verbal": 5.0, "gcs_motor": 6.0}
#: Total of a patient whose verbal response a tube forbids: taken as it was before sedation (mimic-code).
_INTUBATED_TOTAL: Final = 15.0


def worst_coma(chart: Gathered, stays: int) -> pd.DataFrame:
    """Return the parts and the total at the moment of the lowest total, the earliest of such moments.

    Parameters
    ----------
    chart : Gathered
        With the readings of the three parts.
    stays : int
        How many there are.

    Returns
    -------
    DataFrame (stays, 5)
        `gcs_eye`, `gcs_verbal` (missing where intubated), `gcs_motor`, `gcs_total`, `gcs_intubated`. A stay
        without any part has missing numbers and counts as not intubated.
    """
    moments = _moments(chart)
    for part, best in _BEST.items():
        moments[part] = moments[part].fillna(best)
    moments["gcs_total"] = np.where(moments["tube"], _INTUBATED_TOTAL, moments[list(_BEST)].sum(axis=1))
    worst = moments.sort_values(["stay", "gcs_total", "seconds"]).drop_duplicates("stay").set_index("stay")
    worst = worst.reindex(np.arange(stays))
    tube = worst["tube"].eq(True)
    return pd.DataFrame(
        {
            "gcs_eye": worst["gcs_eye"],
            "gcs_verbal": worst["gcs_verbal"].mask(tube),
            "gcs_motor": worst["gcs_motor"],
            "gcs_total": worst["gcs_total"],
            "gcs_intubated": tube,
        }
    )


def _moments(chart: Gathered) -> pd.DataFrame:
    """One row a stay and moment: each part as it was last charted, within six hours."""
    parts = {name: _frame(chart.readings(name), name) for name in _BEST}
    every = pd.concat([part[["stay", "seconds"]] for part in parts.values()])
    moments = every.drop_duplicates().sort_values(["stay", "seconds"], ignore_index=True)
    for name, part in parts.items():
        # Two values at one time: the worse one, a tube where either says so.
        single = part.groupby(["stay", "seconds"], as_index=False).agg({name: "min", "tube": "max"})
        joined = moments[["stay", "seconds"]].merge(single, how="left", on=["stay", "seconds"])
        joined["at"] = joined["seconds"].where(joined["tube"].notna())
        joined["tube"] = joined["tube"].astype("float64")
        carried = joined.groupby("stay")[[name, "tube", "at"]].ffill()
        fresh = joined["seconds"] - carried["at"] <= _CARRIED_H * HOUR_S
        moments[name] = carried[name].where(fresh)
        if name == "gcs_verbal":
            moments["tube"] = fresh & (carried["tube"] == 1)
    return moments


def _frame(readings: Readings, name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"stay": readings.stays, "seconds": readings.seconds, name: readings.values, "tube": readings.tubes}
    )


def worst_oxygen_index(chart: Gathered, laboratory: Gathered, stays: int) -> npt.NDArray[np.float64]:
    """Return the lowest PaO2 / FiO2 in mmHg, shape (stays,), missing where no pair was measured.

    The oxygen pressure of a blood gas is paired with the latest share of oxygen charted, or written on a gas,
    within four hours before it.
    """
    pressure = _frame(laboratory.readings("po2"), "po2").dropna().sort_values("seconds")
    shares = pd.concat(
        [_frame(chart.readings("fio2"), "fio2"), _frame(laboratory.readings("gas_fio2"), "fio2")]
    )
    shares = shares.dropna().sort_values(["seconds", "fio2"])
    lowest = np.full(stays, np.nan)
    if pressure.empty or shares.empty:
        return lowest
    pairs = pd.merge_asof(
        pressure[["stay", "seconds", "po2"]],
        shares[["stay", "seconds", "fio2"]],
        on="seconds",
        by="stay",
        tolerance=_PAIRED_H * int(HOUR_S),
    )
    index = (pairs["po2"] / (pairs["fio2"] / 100)).groupby(pairs["stay"]).min()
    lowest[index.index.to_numpy()] = index.to_numpy()
    return lowest
