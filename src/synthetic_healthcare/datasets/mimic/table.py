"""The table: one row a stay, assembled from what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pandas as pd

from synthetic_healthcare.datasets.mimic.cohort import TARGETS, demographics, read_stays
from synthetic_healthcare.datasets.mimic.coma import worst_coma, worst_oxygen_index
from synthetic_healthcare.datasets.mimic.comorbidities import comorbidities
from synthetic_healthcare.datasets.mimic.concepts import (
    BLOOD_GAS,
    LABORATORY,
    OXYGEN,
    SELDOM,
    VENTILATOR,
    VITALS,
    Concept,
)
from synthetic_healthcare.datasets.mimic.events import Gathered, gather_chart, gather_laboratory
from synthetic_healthcare.datasets.mimic.folder import ID, INSTANT, TEXT, MimicFolder
from synthetic_healthcare.datasets.mimic.sofa import Worst, sofa
from synthetic_healthcare.datasets.mimic.treatments import (
    OTHERS,
    VASOACTIVE,
    Treatments,
    read_treatments,
)
from synthetic_healthcare.datasets.mimic.windows import in_unit, of_laboratory, of_orders

#: Vasoactive drugs that have a column of their own; `vasoactive` is any of the seven.
OWN_COLUMN: Final = ("norepinephrine", "dopamine", "phenylephrine")
FLAGS: Final = (
    "vasoactive",
    *OWN_COLUMN,
    *(name for name in OTHERS if name != "crystalloid"),
    "antibiotic",
    "dialysis",
)
#: Ranges of columns that are no concept's; values beyond are moved to the end.
LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "emergency_hours": (0, 48),
    "hours_before_unit": (0, 2000),
    "stay_number": (1, 50),
    "count": (0, 300),
    "pf_ratio_min": (10, 800),
    "urine_ml": (0, 20000),
    "crystalloid_ml": (0, 30000),
    "fluid_in_ml": (0, 50000),
}
#: A drug whose rate is charted in another unit was given all the same: the lowest class of the score.
_SOME_RATE: Final = 0.001


@final
@dataclass(frozen=True)
class CohortOptions:
    """Which stays become rows, and what is added to them.

    Parameters
    ----------
    minimum_age : int, default 16
        Years at admission to the unit; children are another population.
    minimum_hours : float, default 0
        Shortest stay. 24 makes every row a whole day's, which a fair prediction of an outcome needs: a stay
        that ends within the window tells by its counts that it ended.
    charted_only : bool, default False
        Leaves out admissions of which the release holds no charted events (1 of the demo's 129): in their
        rows all that comes from CHARTEVENTS is missing.
    codes : bool, default False
        Adds `diagnoses`, the set of ICD-9 codes of the admission. They are assigned at discharge.
    """

    minimum_age: int = 16
    minimum_hours: float = 0.0
    charted_only: bool = False
    codes: bool = False


def build_table(folder: MimicFolder, *, target: str, options: CohortOptions) -> pd.DataFrame:
    """Read a folder and return the table, its target last.

    Raises
    ------
    DataError
        A file or column is missing or damaged, or no stay is left.
    """
    stays = read_stays(
        folder,
        minimum_age=options.minimum_age,
        minimum_hours=options.minimum_hours,
        charted_only=options.charted_only,
    )
    services = folder.read("SERVICES", {"hadm_id": ID, "transfertime": INSTANT, "curr_service": TEXT})
    codes = folder.read("DIAGNOSES_ICD", {"hadm_id": ID, "icd9_code": TEXT})
    chart = gather_chart(folder, in_unit(stays))
    laboratory = gather_laboratory(folder, of_laboratory(stays))
    weight = chart.values("weight", "first")
    treatments = read_treatments(folder, in_unit(stays), of_orders(stays), weight_kg=weight)
    ventilated = chart.signs["ventilated"] | treatments.given["ventilated"]
    treatments.given["dialysis"] |= chart.signs["dialysis"]
    coma = worst_coma(chart, len(stays))
    oxygen_index = np.round(worst_oxygen_index(chart, laboratory, len(stays)))
    parts = [
        pd.DataFrame({"subject_id": stays["subject_id"], "icustay_id": stays["icustay_id"]}),
        demographics(stays, services),
        _body(chart),
        _columns(chart, VITALS),
        coma,
        _columns(laboratory, LABORATORY),
        _measured(laboratory),
        _columns(laboratory, BLOOD_GAS),
        pd.DataFrame({"pf_ratio_min": np.clip(oxygen_index, *LIMITS["pf_ratio_min"])}),
        _ventilation(chart, ventilated),
        _fluids(treatments),
        _flags(treatments),
        comorbidities(codes, stays["hadm_id"]),
        sofa(
            Worst(
                oxygen_index=oxygen_index,
                ventilated=ventilated,
                platelets=laboratory.values("platelets", "min"),
                bilirubin=laboratory.values("bilirubin", "max"),
                creatinine=laboratory.values("creatinine", "max"),
                mbp=chart.values("mbp", "min"),
                gcs=coma["gcs_total"].to_numpy(),
                urine_ml=treatments.urine_ml,
                hours=stays["hours"].to_numpy(),
                rates=_rates(treatments),
            )
        ),
    ]
    table = pd.concat(parts, axis=1)
    if options.codes:
        table["diagnoses"] = _code_sets(codes, stays["hadm_id"])
    for name in (
        "emergency_hours",
        "hours_before_unit",
        "stay_number",
        "urine_ml",
        "crystalloid_ml",
        "fluid_in_ml",
    ):
        table[name] = table[name].clip(*LIMITS[name])
    table[target] = TARGETS[target](stays).to_numpy()
    return table


def column_name(concept: Concept, statistic: str) -> str:
    """Name of one statistic of a concept."""
    return f"{concept.name}_{statistic}"


def _columns(gathered: Gathered, concepts: tuple[Concept, ...]) -> pd.DataFrame:
    found: dict[str, Any] = {}
    for concept in concepts:
        for statistic in concept.statistics:
            values = gathered.values(concept.name, statistic)
            if statistic == "count":
                values = np.minimum(values, int(LIMITS["count"][1]))
            if statistic == "mean":
                values = np.round(values, concept.decimals)
            found[column_name(concept, statistic)] = values
    return pd.DataFrame(found)


def _body(chart: Gathered) -> pd.DataFrame:
    weight, height = chart.values("weight", "first"), chart.values("height", "first")
    return pd.DataFrame({"weight": weight, "height": height})


def _measured(laboratory: Gathered) -> pd.DataFrame:
    return pd.DataFrame(
        {f"{concept.name}_measured": laboratory.values(concept.name, "count") > 0 for concept in SELDOM}
    )


def _ventilation(chart: Gathered, ventilated: Any) -> pd.DataFrame:
    table = pd.concat(
        [pd.DataFrame({"ventilated": ventilated}), _columns(chart, (*VENTILATOR, *OXYGEN))], axis=1
    )
    for concept in VENTILATOR:
        for statistic in concept.statistics:
            name = column_name(concept, statistic)
            table[name] = table[name].where(table["ventilated"])
    return table


def _fluids(treatments: Treatments) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "urine_ml": np.round(treatments.urine_ml),
            "crystalloid_ml": np.round(treatments.crystalloid_ml),
            "fluid_in_ml": np.round(treatments.fluid_ml),
        }
    )


def _flags(treatments: Treatments) -> pd.DataFrame:
    given = dict(treatments.given)
    given["vasoactive"] = np.any([given[name] for name in VASOACTIVE], axis=0)
    return pd.DataFrame({name: given[name] for name in FLAGS})


def _rates(treatments: Treatments) -> dict[str, Any]:
    return {
        name: np.where(treatments.given[name] & np.isnan(rates), _SOME_RATE, rates)
        for name, rates in treatments.rates.items()
    }


def _code_sets(codes: pd.DataFrame, admissions: pd.Series[Any]) -> pd.Series[Any]:
    """The distinct codes of each admission, sorted and joined by ";"."""
    present = codes.dropna().drop_duplicates().sort_values(["hadm_id", "icd9_code"])
    joined = present.groupby("hadm_id")["icd9_code"].agg(";".join)
    return admissions.map(joined)
