"""CDC Diabetes Health Indicators (BRFSS 2015; UCI 891): 253,680 answers to a telephone survey."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synthetic_healthcare.datasets.dataset import About, Recipe, RemoteFile
from synthetic_healthcare.datasets.declaring import Declared, coded, graded, whole
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.column import Role
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def _told(name: str, meaning: str, role: Role = "feature") -> Declared:
    return coded(name, meaning, {0: "no", 1: "yes"}, role=role)


_AGES: Final = ("18-24", *(f"{low}-{low + 4}" for low in range(25, 80, 5)), "80 and over")
_SCHOOL: Final = (
    "none or kindergarten",
    "grades 1-8",
    "grades 9-11",
    "high school",
    "some college",
    "college graduate",
)
_INCOME: Final = tuple(
    f"{'at least' if top == 0 else 'below'} ${top or 75},000" for top in (10, 15, 20, 25, 35, 50, 75, 0)
)
_HEALTH: Final = ("excellent", "very good", "good", "fair", "poor")
_S: Final = "sensitive"


def _grades(labels: tuple[str, ...]) -> dict[str | int | float | bool, str]:
    return dict(enumerate(labels, start=1))


_COLUMNS: Final[tuple[Declared, ...]] = (
    _told("Diabetes_binary", "prediabetes or diabetes, ever told", "target"),
    _told("HighBP", "high blood pressure, ever told", _S),
    _told("HighChol", "high cholesterol, ever told", _S),
    _told("CholCheck", "cholesterol checked in the past five years"),
    whole("BMI", "body mass index, rounded", (10, 100), role=_S, unit="kg/m2"),
    _told("Smoker", "at least 100 cigarettes in life", _S),
    _told("Stroke", "stroke, ever told", _S),
    _told("HeartDiseaseorAttack", "coronary heart disease or infarction, ever told", _S),
    _told("PhysActivity", "physical activity in the past 30 days, job aside"),
    _told("Fruits", "fruit at least once a day"),
    _told("Veggies", "vegetables at least once a day"),
    _told("HvyAlcoholConsump", "more than 14 (men) or 7 (women) drinks a week", _S),
    _told("AnyHealthcare", "any health care coverage", "quasi"),
    _told("NoDocbcCost", "could not see a doctor because of cost, past 12 months"),
    graded("GenHlth", "general health, by own judgement", _grades(_HEALTH), role=_S),
    whole("MentHlth", "days of bad mental health in the past 30", (0, 30), role=_S, unit="days"),
    whole("PhysHlth", "days of bad physical health in the past 30", (0, 30), role=_S, unit="days"),
    _told("DiffWalk", "serious difficulty walking or climbing stairs", _S),
    coded("Sex", "sex", {0: "female", 1: "male"}, role="quasi"),
    graded("Age", "age in bands", _grades(_AGES), role="quasi"),
    graded("Education", "highest schooling", _grades(_SCHOOL), role="quasi"),
    graded("Income", "income of the household a year", _grades(_INCOME), role="quasi"),
)
_NAMES: Final = tuple(part.column.name for part in _COLUMNS)


def _read(path: Path | None) -> pd.DataFrame:
    """Read UCI's file (an ID first, whole numbers) or Kaggle's (no ID, `1.0`): the same table comes out."""
    import pandas as pd

    from synthetic_healthcare.tables import cast, read_table

    assert path is not None
    frame = read_table(path)
    missing = [name for name in _NAMES if name not in frame.columns]
    extra = [str(name) for name in frame.columns if name not in (*_NAMES, "ID")]
    if missing or extra:
        named = ", ".join(map(repr, (missing or extra)[:5]))
        raise DataError(
            f"file {str(path)!r} is not this dataset: {'it lacks' if missing else 'it has also'} {named}"
        )
    return pd.DataFrame({name: cast(frame[name], "int64") for name in _NAMES})


RECIPES: Final[Mapping[str, Recipe]] = {
    "cdc-diabetes": Recipe(
        name="cdc-diabetes",
        about=About(
            title="CDC Diabetes Health Indicators (BRFSS 2015)",
            licence="work of the US government (CDC); the table as prepared: CC0 1.0, by its Kaggle page",
            citation=(
                "Centers for Disease Control and Prevention 2015. Behavioral Risk Factor "
                "Surveillance System; "
                "prepared by Teboul 2021; UCI Machine Learning Repository, doi:10.24432/C53919"
            ),
            source="https://archive.ics.uci.edu/dataset/891/cdc+diabetes+health+indicators",
            notes=(
                "24,206 rows (9.5 %) equal another one: few answers, many people. Judge the share of exact "
                "copies against unseen rows, not against zero.",
                "Days of bad health heap at 0 and 30, and on 5, 7, 10, 14, 15 and 20.",
                "Education 1 is rare: 174 rows.",
                "All diagnoses are told by the person, none is measured.",
            ),
            dictionary=tuple(part.note for part in _COLUMNS),
            datasheet=(
                ("What is a row?", "The answers of one adult to a telephone survey."),
                ("Who?", "Adults in the USA, 2015, who answered every question that was kept."),
                ("What was left out?", "Survey weights and strata, and everybody with a missing answer."),
                ("What for?", "Method work on a large table of few-valued columns."),
                (
                    "What not for?",
                    "Prevalence: without weights the rows do not stand for the population.",
                ),
            ),
        ),
        read=_read,
        schema=Schema(tuple(part.column for part in _COLUMNS)),
        rows=253_680,
        columns=_NAMES,
        content="da22e9ce25e6688ea2ee09e8cbf677ce6f96df1a2f54cd8e3860b4fdc4d1e63c",
        # The SHA-256 of UCI's file is not known to us: we hold Kaggle's (19f367e3e3350768...), which writes
        # the same answers in other characters. Rows, names and codes decide, and the numbers are compared.
        remote=RemoteFile(
            url="https://archive.ics.uci.edu/static/public/891/data.csv",
            name="cdc_diabetes.csv",
            largest=100_000_000,
        ),
        local="brfss2015/diabetes_binary_health_indicators_BRFSS2015.csv.gz",
    ),
}
