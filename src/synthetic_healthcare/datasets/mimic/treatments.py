"""What was given in the first day: drugs, blood, fluids, procedures; and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthetic_healthcare.datasets.mimic.events import numbers, whole
from synthetic_healthcare.datasets.mimic.folder import ID, INSTANT, NUMBER, TEXT, MimicFolder
from synthetic_healthcare.datasets.mimic.signs import PROCEDURES
from synthetic_healthcare.datasets.mimic.windows import Windows

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: Name -> itemids of INPUTEVENTS_CV and of INPUTEVENTS_MV (mimic-code; D_ITEMS of MIMIC-III 1.4).
VASOACTIVE: Final[Mapping[str, tuple[int, ...]]] = {
    "norepinephrine": (30047, 30120, 221906),
    "epinephrine": (30044, 30119, 30309, 221289),
    "phenylephrine": (30127, 30128, 221749),
    "vasopressin": (30051, 42273, 42802, 222315),
    "dopamine": (30043, 30307, 221662),
    "dobutamine": (30042, 30306, 221653),
    "milrinone": (30125, 221986),
}
OTHERS: Final[Mapping[str, tuple[int, ...]]] = {
    "sedation": (30131, 30124, 222168, 221668),
    "opioid": (30118, 30149, 30126, 221744, 225154),
    "insulin": (30045, 30100, 223258),
    "heparin": (30025, 225152),
    "furosemide": (30123, 221794, 228340),
    "red_cells": (30179, 30001, 30004, 225168),
    "plasma": (30005, 30180, 220970),
    "platelet_transfusion": (30006, 225170),
    "albumin_infusion": (30008, 30009, 220864, 220862),
    "crystalloid": (30018, 30021, 30013, 225158, 225828, 220949),
}
_GIVEN: Final = {**VASOACTIVE, **OTHERS}
_PLACES: Final = {name: place for place, name in enumerate(_GIVEN)}
#: These hold the rate in AMOUNT.
_RATE_IN_AMOUNT: Final = (42273, 42802)
#: A patient's weight where none is charted, kg (MIMIC-Extract's normal; Wang et al. 2020).
_USUAL_WEIGHT_KG: Final = 81.8

#: OUTPUTEVENTS itemids of urine; irrigation that flows in counts negative.
_URINE: Final = (
    *(40055, 43175, 40069, 40094, 40715, 40473, 40085, 40086, 40057, 40056, 40405, 40428, 40096, 40651),
    *(226559, 226560, 226561, 226584, 226563, 226564, 226565, 226567, 226557, 226558, 227489),
)
_IRRIGANT: Final = 227488
#: One entry of urine, and one of fluid, of more millilitres is a typing error.
_MOST_URINE_ML: Final = 5000.0
_MOST_FLUID_ML: Final = 10000.0

_ANTIBIOTIC_ORDERS: Final = r"^08-Antibiotics \(IV\)$"
#: Parts of generic names of antibiotics (stems of the WHO's list of INN, and names without one).
_ANTIBIOTICS: Final = (
    "cillin|cef|penem|bactam|aztreonam|floxacin|micin|mycin|amikacin|cycline|metronidazole|flagyl|sulfameth"
    "|linezolid|colisti|polymyxin|chloramphenicol|rifampin|unasyn|zosyn|bactrim"
)


@final
@dataclass(frozen=True)
class Treatments:
    """What was given to each stay within its window; all arrays have length `stays`.

    Parameters
    ----------
    given : dict of str to bool array
        By the names above, and `antibiotic`, `dialysis`, `ventilated` (the two as procedures).
    rates : dict of str to float array
        Highest rate of each vasoactive drug in ug/kg/min, NaN where there is none in such a unit.
    crystalloid_ml, fluid_ml : float array
        Millilitres that were infused, drunk or fed; 0 where none is charted.
    urine_ml : float array
        Millilitres, NaN where none is charted.
    """

    given: dict[str, Flags]
    rates: dict[str, Numbers]
    crystalloid_ml: Numbers
    fluid_ml: Numbers
    urine_ml: Numbers


def read_treatments(
    folder: MimicFolder, windows: Windows, orders: Windows, *, weight_kg: Numbers
) -> Treatments:
    """Stream the tables of inputs, outputs, procedures and prescriptions.

    Parameters
    ----------
    folder : MimicFolder
        Where they are.
    windows, orders : Windows
        Of events that have times, and of orders that have dates.
    weight_kg : float array (stays,)
        NaN where unknown: rates that are not per kilogram are then taken for a patient of 81.8 kg.
    """
    inputs = _Inputs(len(windows), np.where(np.isnan(weight_kg), _USUAL_WEIGHT_KG, weight_kg))
    given = {name: np.zeros(len(windows), dtype=bool) for name in ("antibiotic", *PROCEDURES)}
    _read_carevue(folder, windows, inputs)
    _read_metavision(folder, windows, inputs, antibiotic=given["antibiotic"])
    _read_prescriptions(folder, orders, antibiotic=given["antibiotic"])
    _read_procedures(folder, windows, given)
    given.update({name: inputs.given[:, place] for name, place in _PLACES.items()})
    rates = {name: inputs.rates[:, _PLACES[name]] for name in VASOACTIVE}
    return Treatments(given, rates, inputs.crystalloid, inputs.fluid, _read_urine(folder, windows))


@final
class _Inputs:
    """Sums and flags of what goes in, per stay."""

    def __init__(self, stays: int, weight_kg: Numbers) -> None:
        self.weight_kg = weight_kg
        self.given = np.zeros((stays, len(_PLACES)), dtype=bool)
        self.rates = np.full((stays, len(_PLACES)), np.nan)
        self.crystalloid, self.fluid = np.zeros(stays), np.zeros(stays)

    def take(
        self, stays: Positions, items: Positions, given: Flags, rates: Numbers, millilitres: Numbers
    ) -> None:
        """Count in events of equal length; rates in ug/kg/min, NaN for those in another unit."""
        drinkable = (millilitres > 0) & (millilitres <= _MOST_FLUID_ML)
        np.add.at(self.fluid, stays[drinkable], millilitres[drinkable])
        for name, place in _PLACES.items():
            mine = np.isin(items, _GIVEN[name]) & given
            self.given[stays[mine], place] = True
            np.fmax.at(self.rates[:, place], stays[mine], rates[mine])
            if name == "crystalloid":
                mine &= drinkable
                np.add.at(self.crystalloid, stays[mine], millilitres[mine])


def _read_carevue(folder: MimicFolder, windows: Windows, inputs: _Inputs) -> None:
    columns = {
        "hadm_id": ID,
        "icustay_id": ID,
        "charttime": INSTANT,
        "itemid": ID,
        "amount": NUMBER,
        "amountuom": TEXT,
        "rate": NUMBER,
        "rateuom": TEXT,
    }
    vasoactive = [item for items in VASOACTIVE.values() for item in items if item not in _RATE_IN_AMOUNT]
    for batch in folder.stream("INPUTEVENTS_CV", columns):
        items, amounts, rates = whole(batch, "itemid"), numbers(batch, "amount"), numbers(batch, "rate")
        # A drip that is charted with an amount and no rate stands still.
        given = (rates > 0) | ((amounts > 0) & ~np.isin(items, vasoactive))
        millilitres = np.where(_matches(batch, "amountuom", r"^(ml|cc)$"), amounts, np.nan)
        per_kg, per_patient = _matches(batch, "rateuom", "mcg.*kg"), _matches(batch, "rateuom", "^mcg/?min$")
        ids, start = (numbers(batch, "icustay_id"), numbers(batch, "hadm_id")), numbers(batch, "charttime")
        for rows, stays in windows.by_stay(*ids, start):
            each_kg = _each_kg(rates[rows], per_kg[rows], per_patient[rows], inputs.weight_kg[stays])
            inputs.take(stays, items[rows], given[rows], each_kg, millilitres[rows])


def _read_metavision(folder: MimicFolder, windows: Windows, inputs: _Inputs, *, antibiotic: Flags) -> None:
    columns = {
        "hadm_id": ID,
        "icustay_id": ID,
        "starttime": INSTANT,
        "endtime": INSTANT,
        "itemid": ID,
        "amount": NUMBER,
        "amountuom": TEXT,
        "rate": NUMBER,
        "rateuom": TEXT,
        "ordercategoryname": TEXT,
        "statusdescription": TEXT,
    }
    for batch in folder.stream("INPUTEVENTS_MV", columns):
        batch = batch.filter(pa.array(~_matches(batch, "statusdescription", "^rewritten$")))
        items, rates = whole(batch, "itemid"), numbers(batch, "rate")
        start, end = numbers(batch, "starttime"), numbers(batch, "endtime")
        given = (numbers(batch, "amount") > 0) | (rates > 0)
        millilitres = np.where(_matches(batch, "amountuom", "^ml$"), numbers(batch, "amount"), np.nan)
        per_kg, per_patient = (
            _matches(batch, "rateuom", "mcg/kg/min"),
            _matches(batch, "rateuom", "^mcg/min$"),
        )
        ordered = _matches(batch, "ordercategoryname", _ANTIBIOTIC_ORDERS)
        ids = (numbers(batch, "icustay_id"), numbers(batch, "hadm_id"))
        for rows, stays in windows.by_stay(*ids, start, end):
            antibiotic[stays[ordered[rows]]] = True
            inside = _share_inside(start[rows], end[rows], windows.opens[stays], windows.closes[stays])
            each_kg = _each_kg(rates[rows], per_kg[rows], per_patient[rows], inputs.weight_kg[stays])
            inputs.take(stays, items[rows], given[rows], each_kg, millilitres[rows] * inside)


def _read_prescriptions(folder: MimicFolder, orders: Windows, *, antibiotic: Flags) -> None:
    """Antibiotics by vein; the inputs of CareVue do not name them."""
    columns = {"hadm_id": ID, "startdate": INSTANT, "enddate": INSTANT, "drug": TEXT, "route": TEXT}
    for batch in folder.stream("PRESCRIPTIONS", columns):
        keep = _matches(batch, "route", "^IV") & _matches(batch, "drug", _ANTIBIOTICS)
        batch = batch.filter(pa.array(keep))
        start, end = numbers(batch, "startdate"), numbers(batch, "enddate")
        for _, stays in orders.by_admission(numbers(batch, "hadm_id"), start, np.fmax(start, end)):
            antibiotic[stays] = True


def _read_procedures(folder: MimicFolder, windows: Windows, given: dict[str, Flags]) -> None:
    columns = {
        "hadm_id": ID,
        "icustay_id": ID,
        "starttime": INSTANT,
        "endtime": INSTANT,
        "itemid": ID,
        "statusdescription": TEXT,
    }
    for batch in folder.stream("PROCEDUREEVENTS_MV", columns):
        batch = batch.filter(pa.array(~_matches(batch, "statusdescription", "^rewritten$")))
        items = whole(batch, "itemid")
        ids = (numbers(batch, "icustay_id"), numbers(batch, "hadm_id"))
        times = (numbers(batch, "starttime"), numbers(batch, "endtime"))
        for rows, stays in windows.by_stay(*ids, *times):
            for name, itemids in PROCEDURES.items():
                given[name][stays[np.isin(items[rows], list(itemids))]] = True


def _read_urine(folder: MimicFolder, windows: Windows) -> Numbers:
    columns = {
        "hadm_id": ID,
        "icustay_id": ID,
        "charttime": INSTANT,
        "itemid": ID,
        "value": NUMBER,
        "iserror": ID,
    }
    total, seen = np.zeros(len(windows)), np.zeros(len(windows), dtype=bool)
    for batch in folder.stream("OUTPUTEVENTS", columns):
        items, values = whole(batch, "itemid"), numbers(batch, "value")
        keep = np.isin(items, (*_URINE, _IRRIGANT)) & (numbers(batch, "iserror") != 1)
        keep &= (values >= 0) & (values <= _MOST_URINE_ML)
        values = np.where(items == _IRRIGANT, -values, values)
        ids = (numbers(batch, "icustay_id"), numbers(batch, "hadm_id"))
        for rows, stays in windows.by_stay(*ids, numbers(batch, "charttime")):
            mine = keep[rows]
            np.add.at(total, stays[mine], values[rows[mine]])
            seen[stays[mine]] = True
    # Irrigation may be charted in one window and flow out in the next: no patient makes less than nothing.
    return np.where(seen, np.maximum(total, 0), np.nan)


def _each_kg(rates: Numbers, per_kg: Flags, per_patient: Flags, weight_kg: Numbers) -> Numbers:
    return np.where(per_kg, rates, np.where(per_patient, rates / weight_kg, np.nan))


def _share_inside(start: Numbers, end: Numbers, opens: Numbers, closes: Numbers) -> Numbers:
    """Share of each infusion that runs within the window; a push that takes no time is all inside."""
    lasts = end - start
    overlap = np.minimum(end, closes) - np.maximum(start, opens)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(lasts > 0, np.clip(overlap / lasts, 0, 1), 1.0)


def _matches(batch: pa.RecordBatch, name: str, pattern: str) -> Flags:
    """Whether a text matches a pattern, in upper or lower case; a missing one does not."""
    column = batch.column(batch.schema.get_field_index(name))
    found = pc.match_substring_regex(column, pattern, ignore_case=True)
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
