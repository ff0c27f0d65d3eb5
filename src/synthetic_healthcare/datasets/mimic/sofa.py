"""The Sequential Organ Failure Assessment of the first day.

Vincent et al. 1996 (doi:10.1007/BF01709751), with the worst value of each part within the window and 0 for a
part that was not measured, as mimic-code computes it (Johnson et al. 2018, doi:10.1093/jamia/ocx084).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PARTS: Final = ("respiration", "coagulation", "liver", "circulation", "coma", "kidney")


@final
@dataclass(frozen=True)
class Worst:
    """The worst values of the first day, each of shape (stays,), NaN where not measured.

    Parameters
    ----------
    oxygen_index : float array
        PaO2 / FiO2, mmHg.
    ventilated : bool array
        Whether the patient was.
    platelets, bilirubin, creatinine : float array
        K/uL (lowest), mg/dL, mg/dL (highest).
    mbp : float array
        Lowest mean blood pressure, mmHg.
    gcs : float array
        Lowest total of the Glasgow Coma Scale.
    urine_ml : float array
        Millilitres of the day.
    hours : float array
        Length of the window: urine counts where it is a whole day's.
    rates : Mapping of str to float array
        Highest rate of dopamine, dobutamine, epinephrine and norepinephrine, ug/kg/min.
    """

    oxygen_index: Numbers
    ventilated: Flags
    platelets: Numbers
    bilirubin: Numbers
    creatinine: Numbers
    mbp: Numbers
    gcs: Numbers
    urine_ml: Numbers
    hours: Numbers
    rates: Mapping[str, Numbers]


def sofa(worst: Worst) -> pd.DataFrame:
    """Score the six parts and their sum; returns DataFrame (stays, 7), parts 0-4, `sofa` 0-24."""
    with np.errstate(invalid="ignore"):
        parts = {
            "respiration": _respiration(worst),
            "coagulation": _below(worst.platelets, (150, 100, 50, 20)),
            "liver": _from(worst.bilirubin, (1.2, 2.0, 6.0, 12.0)),
            "circulation": _circulation(worst),
            "coma": _below(worst.gcs, (15, 13, 10, 6)),
            "kidney": _kidney(worst),
        }
    table = pd.DataFrame({f"sofa_{name}": parts[name] for name in PARTS}).astype("int64")
    table["sofa"] = table.sum(axis=1)
    return table


def _below(values: Numbers, limits: tuple[float, ...]) -> npt.NDArray[np.int64]:
    """Count the limits that a value is below; none where it is missing."""
    return np.asarray(np.sum([values < limit for limit in limits], axis=0))


def _from(values: Numbers, limits: tuple[float, ...]) -> npt.NDArray[np.int64]:
    """Count the limits that a value reaches; none where it is missing."""
    return np.asarray(np.sum([values >= limit for limit in limits], axis=0))


def _respiration(worst: Worst) -> npt.NDArray[np.int64]:
    # DIFF: mimic-code asks whether the patient was ventilated at the time of the gas; here: within the
    # window.
    points = _below(worst.oxygen_index, (400, 300, 200, 100))
    return np.where(worst.ventilated, points, np.minimum(points, 2))


def _circulation(worst: Worst) -> npt.NDArray[np.int64]:
    dopamine, dobutamine = worst.rates["dopamine"], worst.rates["dobutamine"]
    catecholamine = np.fmax(worst.rates["epinephrine"], worst.rates["norepinephrine"])
    return np.select(
        [
            (dopamine > 15) | (catecholamine > 0.1),
            (dopamine > 5) | (catecholamine > 0),
            (dopamine > 0) | (dobutamine > 0),
            worst.mbp < 70,
        ],
        [4, 3, 2, 1],
        default=0,
    )


def _kidney(worst: Worst) -> npt.NDArray[np.int64]:
    # DIFF: mimic-code counts the urine of shorter stays as a day's; here they are judged by creatinine alone.
    urine = np.where(worst.hours >= 24, worst.urine_ml, np.nan)
    by_urine = np.select([urine < 200, urine < 500], [4, 3], default=0)
    return np.asarray(np.maximum(_from(worst.creatinine, (1.2, 2.0, 3.5, 5.0)), by_urine))
