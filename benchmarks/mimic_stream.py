"""Build the MIMIC-III cohort from made-up files of the full set's size, and watch time and memory.

    python benchmarks/mimic_stream.py --rows 50000000 [--gz] [--folder DIR]

The files are those of the full set in form (upper-case quoted headers, 61,000 stays), and nobody's data. A
second process reads them, so that its peak memory is that of the build alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from protocol import peak_mb

_CHUNK: Final = 1_000_000
_FIRST_DAY: Final = np.datetime64("2150-01-01T00:00:00", "s")
#: Itemids in the mixture of CHARTEVENTS, and how often: half of its rows are of items that no feature needs.
_READ: Final = (
    211,
    220045,
    51,
    220179,
    8368,
    220180,
    52,
    220181,
    618,
    220210,
    646,
    220277,
    223761,
    223900,
    184,
)
_TEXTS: Final = {223900: "Oriented", 184: "4 Spontaneously"}
_HEADERS: Final = {
    "SERVICES": "ROW_ID SUBJECT_ID HADM_ID TRANSFERTIME PREV_SERVICE CURR_SERVICE",
    "DIAGNOSES_ICD": "ROW_ID SUBJECT_ID HADM_ID SEQ_NUM ICD9_CODE",
    "LABEVENTS": "ROW_ID SUBJECT_ID HADM_ID ITEMID CHARTTIME VALUE VALUENUM VALUEUOM FLAG",
    "INPUTEVENTS_CV": "SUBJECT_ID HADM_ID ICUSTAY_ID CHARTTIME ITEMID AMOUNT AMOUNTUOM RATE RATEUOM",
    "INPUTEVENTS_MV": "HADM_ID ICUSTAY_ID STARTTIME ENDTIME ITEMID AMOUNT AMOUNTUOM RATE RATEUOM"
    " ORDERCATEGORYNAME STATUSDESCRIPTION",
    "OUTPUTEVENTS": "HADM_ID ICUSTAY_ID CHARTTIME ITEMID VALUE VALUEUOM ISERROR",
    "PROCEDUREEVENTS_MV": "HADM_ID ICUSTAY_ID STARTTIME ENDTIME ITEMID VALUE STATUSDESCRIPTION",
    "PRESCRIPTIONS": "HADM_ID ICUSTAY_ID STARTDATE ENDDATE DRUG ROUTE",
}


def write_folder(folder: Path, *, rows: int, stays: int, seed: int = 0, zipped: bool = False) -> None:
    """Write made-up files: `rows` of CHARTEVENTS, `stays` of ICUSTAYS, headers alone of the other events."""
    rng = np.random.default_rng(seed)
    begins = _FIRST_DAY + rng.integers(0, 50 * 365 * 86400, stays).astype("timedelta64[s]")
    ends = begins + rng.integers(12 * 3600, 240 * 3600, stays).astype("timedelta64[s]")
    ids = np.arange(1, stays + 1)
    _write_stays(folder, ids, begins, ends)
    for table, names in _HEADERS.items():
        (folder / f"{table}.csv").write_text(",".join(f'"{name}"' for name in names.split()) + "\n")
    path = folder / ("CHARTEVENTS.csv.gz" if zipped else "CHARTEVENTS.csv")
    with gzip.open(path, "wb", compresslevel=1) if zipped else path.open("wb") as file:
        for start in range(0, rows, _CHUNK):
            _write_events(file, min(_CHUNK, rows - start), start=start, begins=begins, rng=rng)


def _write_stays(folder: Path, ids: Any, begins: Any, ends: Any) -> None:
    missing = pa.nulls(len(ids), pa.string())
    _write(
        folder / "PATIENTS.csv",
        SUBJECT_ID=ids,
        GENDER=np.where(ids % 2 == 0, "F", "M"),
        DOB=_text(begins - np.timedelta64(60 * 365, "D")),
        DOD=missing,
    )
    _write(
        folder / "ICUSTAYS.csv",
        SUBJECT_ID=ids,
        HADM_ID=ids + 100_000,
        ICUSTAY_ID=ids + 200_000,
        FIRST_CAREUNIT=np.full(len(ids), "MICU"),
        INTIME=_text(begins),
        OUTTIME=_text(ends),
    )
    constant = {"ADMISSION_TYPE": "EMERGENCY", "ADMISSION_LOCATION": "EMERGENCY ROOM ADMIT"}
    constant |= {
        "INSURANCE": "Medicare",
        "LANGUAGE": "ENGL",
        "MARITAL_STATUS": "MARRIED",
        "ETHNICITY": "WHITE",
    }
    _write(
        folder / "ADMISSIONS.csv",
        HADM_ID=ids + 100_000,
        ADMITTIME=_text(begins),
        DEATHTIME=missing,
        EDREGTIME=missing,
        EDOUTTIME=missing,
        HOSPITAL_EXPIRE_FLAG=(ids % 10 == 0).astype(int),
        HAS_CHARTEVENTS_DATA=np.ones(len(ids), dtype=int),
        **{name: np.full(len(ids), value) for name, value in constant.items()},
    )


def _write_events(file: IO[bytes], rows: int, *, start: int, begins: Any, rng: np.random.Generator) -> None:
    """Write one chunk: half of it items that are read, spread over the first ten days of a stay."""
    stay = rng.integers(0, len(begins), rows)
    items = np.where(rng.random(rows) < 0.5, rng.choice(_READ, rows), rng.integers(225_000, 229_000, rows))
    hours = rng.exponential(60, rows)
    times = begins[stay] + (hours * 3600).astype("timedelta64[s]")
    numbers = np.round(rng.normal(90, 12, rows), 1)
    texts = numbers.astype(str).astype(object)
    for item, text in _TEXTS.items():
        texts[items == item] = text
        numbers[items == item] = 4
    table = pa.table(
        {
            "ROW_ID": np.arange(start, start + rows),
            "SUBJECT_ID": stay + 1,
            "HADM_ID": stay + 100_001,
            "ICUSTAY_ID": stay + 200_001,
            "ITEMID": items,
            "CHARTTIME": _text(times),
            "STORETIME": _text(times),
            "CGID": rng.integers(14_000, 22_000, rows),
            "VALUE": texts,
            "VALUENUM": numbers,
            "VALUEUOM": np.full(rows, "mmHg"),
            "WARNING": np.zeros(rows, dtype=int),
            "ERROR": np.zeros(rows, dtype=int),
            "RESULTSTATUS": pa.nulls(rows, pa.string()),
            "STOPPED": pa.nulls(rows, pa.string()),
        }
    )
    options = pa_csv.WriteOptions(include_header=start == 0, quoting_style="needed")
    pa_csv.write_csv(table, file, options)


def _text(times: Any) -> pa.Array:
    return pa.array(times.astype("datetime64[s]"), pa.timestamp("s")).cast(pa.string())


def _write(path: Path, **columns: Any) -> None:
    pa_csv.write_csv(pa.table(columns), path)


def load(folder: Path) -> dict[str, Any]:
    """Build the cohort in this process; return its size, the seconds and the peak memory in megabytes."""
    from synthetic_healthcare.datasets.mimic3 import load_mimic3

    begun, start = peak_mb(), time.perf_counter()
    table = load_mimic3(folder, accept_terms=True).data
    return {
        "stays": len(table),
        "columns": len(table.columns),
        "measured": int(table["heart_rate_count"].sum()),
        "seconds": time.perf_counter() - start,
        "peak_mb": peak_mb(),
        "begun_mb": begun,
    }


def measure(folder: Path, *, rows: int, stays: int, zipped: bool) -> dict[str, Any]:
    """Write the files, build the cohort in a second process, and return its facts."""
    write_folder(folder, rows=rows, stays=stays, zipped=zipped)
    command = [sys.executable, str(Path(__file__).resolve()), "--load", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "rows": rows,
        "zipped": zipped,
        "file_mb": size / 1e6,
        **facts,
        "rows_per_second": rows / facts["seconds"],
    }


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--stays", type=int, default=61_000)
    parser.add_argument("--gz", action="store_true", help="write CHARTEVENTS as .csv.gz")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.load is not None:
        print(json.dumps(load(asked.load)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        print(
            json.dumps(measure(Path(folder), rows=asked.rows, stays=asked.stays, zipped=asked.gz), indent=2)
        )


if __name__ == "__main__":
    main()
