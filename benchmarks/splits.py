"""The tables of patients, and their one split into rows to learn and rows to judge by."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, final

import numpy as np
import pandas as pd
from code_sets import SEPARATOR

TRAIN_SHARE: Final = 0.7
#: A column with no more distinct values than this is told to the peers as discrete.
DISCRETE_VALUES: Final = 10
#: In MIMIC the age of those above 89 is hidden; their median age, and the limit.
_HIDDEN_AGE: Final = 91.4
_OLDEST: Final = 89.0


class AbsentError(Exception):
    """A table that is not on this machine; the message says why, and what would bring it."""


@final
@dataclass(frozen=True)
class Split:
    """A real table, split.

    Parameters
    ----------
    name : str
        Of the table.
    train, holdout : DataFrame
        The rows that every method learns, and the rows that none sees.
    target : str
        Column to predict, two classes.
    codes : str or None
        Column of sets of codes, written with `code_sets.SEPARATOR`.
    """

    name: str
    train: pd.DataFrame
    holdout: pd.DataFrame
    target: str
    codes: str | None = None


@final
@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Parameters
    ----------
    read : callable
        Gives the whole table, or raises `AbsentError`.
    target : str
        Column to predict.
    codes, group : str or None
        Column of sets of codes; column of the patient, whose rows stay together and which is then dropped.
    """

    read: Callable[[], pd.DataFrame]
    target: str
    codes: str | None = None
    group: str | None = None


def known() -> tuple[str, ...]:
    """Names of the tables, those that are not on this machine too."""
    return tuple(_TABLES)


def split(name: str) -> Split:
    """Shuffle a table with `sample(frac=1, random_state=1)` and cut it after the first 70 %.

    Where patients have several rows, it is the patients that are shuffled and cut.

    Raises
    ------
    AbsentError
        The table is not on this machine.
    """
    source = _TABLES[name]
    rows = source.read()
    if source.group is None:
        train, holdout = _cut(rows)
    else:
        learnt, _ = _cut(rows[[source.group]].drop_duplicates())
        inside = rows[source.group].isin(learnt[source.group])
        whole = rows.drop(columns=source.group)
        train, holdout = (whole[side].reset_index(drop=True) for side in (inside, ~inside))
    return Split(name, train, holdout, source.target, source.codes)


def discrete(train: pd.DataFrame) -> list[str]:
    """Columns with few distinct values or with words, by the training rows alone."""
    return [
        str(name)
        for name in train
        if train[name].nunique() <= DISCRETE_VALUES or not pd.api.types.is_numeric_dtype(train[name])
    ]


def _cut(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    shuffled = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    cut = int(TRAIN_SHARE * len(shuffled))
    return shuffled[:cut].reset_index(drop=True), shuffled[cut:].reset_index(drop=True)


def _file(*parts: str) -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", beside))
    path = folder.joinpath(*parts)
    if not path.is_file():
        raise AbsentError(
            f"{'/'.join(parts)} is not in the data folder: set SYNTHETIC_HEALTHCARE_DATA to where it is"
        )
    return path


def _heart() -> pd.DataFrame:
    """Heart Disease, Cleveland: 303 x 14. Source: Janosi et al. 1989, doi:10.24432/C52P4X (UCI 45)."""
    return pd.read_csv(_file("heart", "heart_kaggle_303.csv"))


def _wdbc() -> pd.DataFrame:
    """Breast Cancer Wisconsin (Diagnostic), 569 x 31. Source: Street et al. 1993, doi:10.1117/12.148698."""
    from sklearn.datasets import load_breast_cancer

    rows: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return rows


def _diabetes() -> pd.DataFrame:
    """Diabetes progression, 442 x 11, as a question: is it above 140? Source: Efron et al. 2004,
    doi:10.1214/009053604000000067."""
    from sklearn.datasets import load_diabetes

    rows: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return rows.assign(target=(rows["target"] > 140).astype(int))


def _brfss(rows: int | None) -> pd.DataFrame:
    """CDC Diabetes Health Indicators, BRFSS 2015: 253,680 x 22, or a sample. Source: UCI 891,
    doi:10.24432/C53919."""
    whole = pd.read_csv(_file("brfss2015", "diabetes_binary_health_indicators_BRFSS2015.csv.gz"))
    return whole if rows is None else whole.sample(rows, random_state=1).reset_index(drop=True)


def _mimic_codes() -> pd.DataFrame:
    """The admissions of the MIMIC-III demo with their diagnoses: 129 rows of 100 patients.

    A row is an admission; its ICD-9 codes are rolled up to their categories. All patients of the demo die
    sooner or later: `died` is death in this admission. Source: Johnson et al. 2016,
    doi:10.1038/sdata.2016.35; demo 1.4, doi:10.13026/C2HM2Q (ODbL).
    """
    admissions, patients, diagnoses = (
        pd.read_csv(_file("mimic3_demo", f"{name}.csv"), dtype=str).rename(columns=str.lower)
        for name in ("ADMISSIONS", "PATIENTS", "DIAGNOSES_ICD")
    )
    rows = admissions.merge(patients[["subject_id", "gender", "dob"]], on="subject_id", validate="m:1")
    coded = diagnoses.dropna(subset=["icd9_code"])
    sets = coded["icd9_code"].map(icd9_category).groupby(coded["hadm_id"])
    joined = sets.agg(lambda codes: SEPARATOR.join(sorted(set(codes))))
    return pd.DataFrame(
        {
            "subject_id": rows["subject_id"],
            "age": _ages(rows["dob"], rows["admittime"]),
            "sex": rows["gender"],
            "admission_type": rows["admission_type"],
            "diagnoses": rows["hadm_id"].map(joined).fillna(""),
            "died": rows["hospital_expire_flag"].astype(int),
        }
    )


def icd9_category(code: str) -> str:
    """Roll an ICD-9-CM code, written without its point, up to its category.

    Three characters, and four where it begins with E: the point of an external cause stands one place later.
    """
    return code[: 4 if code.startswith("E") else 3]


def _ages(births: pd.Series, admissions: pd.Series) -> pd.Series:
    """Whole years at admission. Whoever is older than 89 was given a birth 300 years back: the median age of
    that group stands for them. Seconds and not nanoseconds, which cannot hold 300 years."""
    born, admitted = (column.to_numpy(dtype="datetime64[s]") for column in (births, admissions))
    years = np.floor((admitted - born).astype(np.float64) / (365.2425 * 86_400))
    return pd.Series(np.where(years > _OLDEST, _HIDDEN_AGE, years), index=births.index)


_TABLES: Final[dict[str, Source]] = {
    "heart": Source(_heart, "target"),
    "wdbc": Source(_wdbc, "target"),
    "diabetes": Source(_diabetes, "target"),
    "brfss-1000": Source(partial(_brfss, 1_000), "Diabetes_binary"),
    "brfss-50000": Source(partial(_brfss, 50_000), "Diabetes_binary"),
    "brfss": Source(partial(_brfss, None), "Diabetes_binary"),
    "mimic-codes": Source(_mimic_codes, "died", codes="diagnoses", group="subject_id"),
}
