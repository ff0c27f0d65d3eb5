"""The stays of a cohort: who they are, what is known when they come, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from synthetic_healthcare.datasets.mimic.folder import ID, INSTANT, TEXT, MimicFolder
from synthetic_healthcare.datasets.mimic.windows import DAY_S, HOUR_S
from synthetic_healthcare.errors import DataError

_YEAR_S: Final = 365.2425 * DAY_S
#: Older patients count as 90: the release moves the birth of those over 89 by 300 years, and the Safe Harbor
#: rule (45 CFR 164.514(b)(2)(i)(C)) puts all ages over 89 in one class.
OLDEST: Final = 90
_SHIFTED_FROM: Final = 150
_LONG_STAY_DAYS: Final = 3.0
_DAYS: Final = 30.0

ETHNICITIES: Final = ("ASIAN", "BLACK", "HISPANIC", "NATIVE", "OTHER", "WHITE")
ADMISSION_TYPES: Final = ("ELECTIVE", "EMERGENCY", "URGENT")
INSURANCES: Final = ("Government", "Medicaid", "Medicare", "Private", "Self Pay")
MARITAL_STATUSES: Final = ("DIVORCED", "LIFE PARTNER", "MARRIED", "SEPARATED", "SINGLE", "WIDOWED")
LANGUAGES: Final = ("ENGLISH", "OTHER")
CARE_UNITS: Final = ("CCU", "CSRU", "MICU", "SICU", "TSICU")
_ORIGINS: Final[Mapping[str, str]] = {
    "EMERGENCY ROOM ADMIT": "EMERGENCY ROOM",
    "CLINIC REFERRAL/PREMATURE": "REFERRAL",
    "PHYS REFERRAL/NORMAL DELI": "REFERRAL",
    "HMO REFERRAL/SICK": "REFERRAL",
    "TRANSFER FROM HOSP/EXTRAM": "HOSPITAL",
    "TRANSFER FROM OTHER HEALT": "OTHER FACILITY",
    "TRANSFER FROM SKILLED NUR": "OTHER FACILITY",
    "TRSF WITHIN THIS FACILITY": "OTHER FACILITY",
}
ORIGINS: Final = tuple(sorted(set(_ORIGINS.values())))
SERVICES: Final = (
    *("CMED", "CSURG", "DENT", "ENT", "GU", "GYN", "MED", "NMED", "NSURG", "OBS", "OMED", "ORTHO", "PSURG"),
    *("PSYCH", "SURG", "TRAUM", "TSURG", "VSURG"),
)
#: Beginning of ETHNICITY -> group, as in mimic-code.
_ETHNICITY_BEGINS: Final = (
    ("WHITE", "WHITE"),
    ("BLACK", "BLACK"),
    ("CARIBBEAN ISLAND", "BLACK"),
    ("HISPANIC", "HISPANIC"),
    ("ASIAN", "ASIAN"),
    ("AMERICAN INDIAN", "NATIVE"),
)
_ETHNICITY_UNKNOWN: Final = ("UNKNOWN/NOT SPECIFIED", "UNABLE TO OBTAIN", "PATIENT DECLINED TO ANSWER")


def read_stays(
    folder: MimicFolder, *, minimum_age: int, minimum_hours: float, charted_only: bool
) -> pd.DataFrame:
    """Join stays, admissions and patients, and leave out who is not in the cohort.

    Left out: newborns, neonatal units, patients below the age, stays below the length, stays without times,
    and on request admissions without charted events. Instants are seconds since 1970 within the patient's
    shifted calendar.

    Raises
    ------
    DataError
        No stay is left.
    """
    stays = folder.read(
        "ICUSTAYS",
        {
            "subject_id": ID,
            "hadm_id": ID,
            "icustay_id": ID,
            "first_careunit": TEXT,
            "intime": INSTANT,
            "outtime": INSTANT,
        },
    )
    admissions = folder.read(
        "ADMISSIONS",
        {
            "hadm_id": ID,
            **dict.fromkeys(("admittime", "deathtime", "edregtime", "edouttime"), INSTANT),
            **dict.fromkeys(
                ("admission_type", "admission_location", "insurance", "language", "marital_status"), TEXT
            ),
            "ethnicity": TEXT,
            "hospital_expire_flag": ID,
            "has_chartevents_data": ID,
        },
    )
    patients = folder.read("PATIENTS", {"subject_id": ID, "gender": TEXT, "dob": INSTANT, "dod": INSTANT})
    joined = stays.merge(admissions, on="hadm_id", validate="m:1").merge(
        patients, on="subject_id", validate="m:1"
    )
    joined = joined.sort_values(["subject_id", "intime", "icustay_id"], ignore_index=True)
    # Counted, and the next stay looked for, before any stay is left out.
    joined["stay_number"] = joined.groupby("subject_id").cumcount() + 1
    joined["next_intime"] = joined.groupby("subject_id")["intime"].shift(-1)
    joined["age"] = _age(joined)
    joined["hours"] = (joined["outtime"] - joined["intime"]) / HOUR_S
    keep = (
        (joined["age"] >= minimum_age)
        & (joined["hours"] >= minimum_hours)
        & ((joined["has_chartevents_data"] == 1) | (not charted_only))
        & (joined["admission_type"] != "NEWBORN")
        & (joined["first_careunit"] != "NICU")
    )
    kept = joined[keep].reset_index(drop=True)
    if kept.empty:
        raise DataError(
            f"none of {len(joined):,} stays is of a patient of {minimum_age} years or more and lasted "
            f"{minimum_hours:g} hours. Lower the cohort's limits"
        )
    return kept


def _age(stays: pd.DataFrame) -> pd.Series[Any]:
    years = np.floor((stays["intime"] - stays["dob"]) / _YEAR_S)
    age: pd.Series[Any] = years.where(years < _SHIFTED_FROM, OLDEST).clip(upper=OLDEST)
    return age


def demographics(stays: pd.DataFrame, services: pd.DataFrame) -> pd.DataFrame:
    """What is known of the patient at admission to the unit; one row a stay.

    Parameters
    ----------
    stays : DataFrame
        As `read_stays` gives them.
    services : DataFrame
        `hadm_id`, `transfertime`, `curr_service` of the hospital's services.
    """
    began = services.sort_values(["hadm_id", "transfertime"]).drop_duplicates("hadm_id")
    service = stays["hadm_id"].map(began.set_index("hadm_id")["curr_service"])
    waited = (stays["edouttime"] - stays["edregtime"]) / HOUR_S
    before = (stays["intime"] - stays["admittime"]) / HOUR_S
    return pd.DataFrame(
        {
            "age": stays["age"].astype("int64"),
            "gender": _among(stays["gender"], ("F", "M")),
            "ethnicity": stays["ethnicity"].map(ethnicity_group),
            "language": stays["language"].map(_language),
            "marital_status": _among(stays["marital_status"], MARITAL_STATUSES),
            "insurance": _among(stays["insurance"], INSURANCES),
            "admission_type": _among(stays["admission_type"], ADMISSION_TYPES),
            "admission_location": stays["admission_location"].map(_ORIGINS),
            "first_care_unit": _among(stays["first_careunit"], CARE_UNITS),
            "first_service": _among(service, SERVICES),
            "surgical": service.fillna("").str.contains("SURG"),
            "emergency_hours": waited.where(waited >= 0).round(1),
            # A few stays begin minutes before their admission was written down.
            "hours_before_unit": before.clip(lower=0).round(1),
            "stay_number": stays["stay_number"].astype("int64"),
        }
    )


def ethnicity_group(text: object) -> str | None:
    """Group an ETHNICITY as mimic-code does; `None` where it is not known."""
    if not isinstance(text, str) or text in _ETHNICITY_UNKNOWN:
        return None
    return next((group for begin, group in _ETHNICITY_BEGINS if text.startswith(begin)), "OTHER")


def _language(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    return "ENGLISH" if text == "ENGL" else "OTHER"


def _among(values: pd.Series[Any], known: tuple[str, ...]) -> pd.Series[Any]:
    """Leave the known categories; others ("UNKNOWN (DEFAULT)") become missing."""
    return values.where(values.isin(known), None)


def _hospital_death(stays: pd.DataFrame) -> pd.Series[Any]:
    return stays["hospital_expire_flag"] == 1


def _icu_death(stays: pd.DataFrame) -> pd.Series[Any]:
    return (stays["deathtime"] >= stays["intime"]) & (stays["deathtime"] <= stays["outtime"])


def _death_30_days(stays: pd.DataFrame) -> pd.Series[Any]:
    # The date of death has no time of day: midnight of its day counts.
    return (stays["dod"] - stays["intime"]) / DAY_S <= _DAYS


def _long_stay(stays: pd.DataFrame) -> pd.Series[Any]:
    return stays["hours"] / 24 > _LONG_STAY_DAYS


def _readmission(stays: pd.DataFrame) -> pd.Series[Any]:
    again = (stays["next_intime"] - stays["outtime"]) / DAY_S <= _DAYS
    # Who died in the unit cannot come back: the question has no answer.
    return again.astype("boolean").mask(_icu_death(stays))


TARGETS: Final[Mapping[str, Callable[[pd.DataFrame], pd.Series[Any]]]] = {
    "hospital_death": _hospital_death,
    "icu_death": _icu_death,
    "death_30_days": _death_30_days,
    "long_stay": _long_stay,
    "readmission_30_days": _readmission,
}
