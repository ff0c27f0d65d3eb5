"""A tiny folder in the form of MIMIC-III: made here, of nobody's data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeFolder = Callable[..., Path]

#: Table -> rows as dicts. Stay 301 lasts two days, 302 follows ten days later; 303 is a patient of 300 years.
TABLES: dict[str, list[dict[str, Any]]] = {
    "PATIENTS": [
        {"subject_id": 1, "gender": "F", "dob": "2080-06-01 00:00:00", "dod": "2150-02-20 00:00:00"},
        {"subject_id": 2, "gender": "M", "dob": "1850-01-01 00:00:00", "dod": ""},
    ],
    "ADMISSIONS": [
        {
            "hadm_id": hadm,
            "admittime": at,
            "deathtime": death,
            "edregtime": "",
            "edouttime": "",
            "admission_type": "EMERGENCY",
            "admission_location": "EMERGENCY ROOM ADMIT",
            "insurance": "Medicare",
            "language": "ENGL",
            "marital_status": "UNKNOWN (DEFAULT)",
            "ethnicity": "BLACK/AFRICAN AMERICAN",
            "hospital_expire_flag": int(bool(death)),
            "has_chartevents_data": 1,
        }
        for hadm, at, death in (
            (201, "2150-01-01 06:00:00", ""),
            (202, "2150-01-13 00:00:00", "2150-01-13 20:00:00"),
            (203, "2150-01-01 00:00:00", ""),
        )
    ],
    "ICUSTAYS": [
        {
            "subject_id": subject,
            "hadm_id": hadm,
            "icustay_id": stay,
            "first_careunit": "MICU",
            "intime": begin,
            "outtime": end,
        }
        for subject, hadm, stay, begin, end in (
            (1, 201, 301, "2150-01-01 12:00:00", "2150-01-03 12:00:00"),
            (1, 202, 302, "2150-01-13 12:00:00", "2150-01-13 22:00:00"),
            (2, 203, 303, "2150-01-01 00:00:00", "2150-01-11 00:00:00"),
        )
    ],
    "SERVICES": [
        {"hadm_id": 201, "transfertime": "2150-01-02 06:00:00", "curr_service": "MED"},
        {"hadm_id": 201, "transfertime": "2150-01-01 06:00:00", "curr_service": "CSURG"},
    ],
    "DIAGNOSES_ICD": [
        {"hadm_id": 201, "icd9_code": "4280"},
        {"hadm_id": 201, "icd9_code": "0389"},
        {"hadm_id": 203, "icd9_code": "25040"},
    ],
    "CHARTEVENTS": [],
    "LABEVENTS": [],
    "INPUTEVENTS_CV": [],
    "INPUTEVENTS_MV": [],
    "OUTPUTEVENTS": [],
    "PROCEDUREEVENTS_MV": [],
    "PRESCRIPTIONS": [],
}
HEADERS = {
    "CHARTEVENTS": "hadm_id icustay_id itemid charttime value valuenum error",
    "LABEVENTS": "hadm_id itemid charttime valuenum",
    "INPUTEVENTS_CV": "hadm_id icustay_id charttime itemid amount amountuom rate rateuom",
    "INPUTEVENTS_MV": "hadm_id icustay_id starttime endtime itemid amount amountuom rate rateuom"
    " ordercategoryname statusdescription",
    "OUTPUTEVENTS": "hadm_id icustay_id charttime itemid value iserror",
    "PROCEDUREEVENTS_MV": "hadm_id icustay_id starttime endtime itemid statusdescription",
    "PRESCRIPTIONS": "hadm_id startdate enddate drug route",
}


def _write(path: Path, rows: list[dict[str, Any]], names: list[str], *, loud: bool) -> None:
    quote = '"' if loud else ""
    head = ",".join(f"{quote}{name.upper() if loud else name}{quote}" for name in names)
    lines = [",".join(str(row.get(name, "")) for name in names) for row in rows]
    text = "\n".join([head, *lines]) + "\n"
    if loud:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def mimic_folder(tmp_path: Path) -> MakeFolder:
    """Write the folder; keyword arguments give the rows of event tables, `loud` the full set's spelling."""

    def make(*, loud: bool = False, **events: list[dict[str, Any]]) -> Path:
        folder = tmp_path / ("full" if loud else "demo")
        folder.mkdir(exist_ok=True)
        for table, rows in {**TABLES, **events}.items():
            names = HEADERS[table].split() if table in HEADERS else list(rows[0])
            _write(folder / f"{table}.csv", rows, names, loud=loud)
        return folder

    return make
