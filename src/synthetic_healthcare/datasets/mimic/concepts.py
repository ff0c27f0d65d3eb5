"""Clinical concepts of MIMIC-III: the itemids that hold each, and which numbers can be a patient's.

Itemids below 50,000 are CareVue's and those from 220,000 MetaVision's (both in CHARTEVENTS); 50,800 to
51,999 are the laboratory's (LABEVENTS). Sources: the dictionaries D_ITEMS and D_LABITEMS of MIMIC-III 1.4
(Johnson et al. 2016, doi:10.1038/sdata.2016.35); the groups follow mimic-code (Johnson et al. 2018,
doi:10.1093/jamia/ocx084) and MIMIC-Extract (Wang et al. 2020, doi:10.1145/3368555.3384469), whose ranges
these are where it has one.

Laboratory values are read from LABEVENTS alone: charts hold copies of the same samples, and typing errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

from synthetic_healthcare.datasets.aggregation import Statistic

#: How numbers of one concept that are charted in two ways are told apart; see `units.in_unit`.
Quirk = Literal["percent", "celsius", "height"]


@final
@dataclass(frozen=True)
class Concept:
    """One quantity.

    Parameters
    ----------
    name : str
        Its name in columns, followed by the statistic.
    unit : str
        Of all its values after conversion.
    items : tuple of int
        Itemids whose values are in that unit already.
    gate : (float, float)
        Values up to and including the first number, or above the second, are no measurements: dropped.
    bounds : (float, float)
        Plausible range; values between gate and bounds are moved to the nearer bound.
    decimals : int
        With which values are written (charts of CareVue carry noise of single precision).
    statistics : tuple of str
        What of it becomes columns.
    scaled : tuple of (int, float, float)
        Itemids in another unit: itemid, factor, offset; value * factor + offset is in `unit`.
    quirk : str or None
        A way of charting that one factor does not undo.
    """

    name: str
    unit: str
    items: tuple[int, ...]
    gate: tuple[float, float]
    bounds: tuple[float, float]
    decimals: int
    statistics: tuple[Statistic, ...]
    scaled: tuple[tuple[int, float, float], ...] = ()
    quirk: Quirk | None = None

    @property
    def itemids(self) -> tuple[int, ...]:
        """All its itemids."""
        return (*self.items, *(item for item, _, _ in self.scaled))


_VITAL: Final[tuple[Statistic, ...]] = ("min", "max", "mean", "last", "count")
_RANGE: Final[tuple[Statistic, ...]] = ("min", "max")
_MEAN: Final[tuple[Statistic, ...]] = ("mean",)
_MAX: Final[tuple[Statistic, ...]] = ("max",)

_FAHRENHEIT: Final = (1 / 1.8, -32 / 1.8)
_POUND_KG: Final = 0.45359237
_OUNCE_KG: Final = _POUND_KG / 16

VITALS: Final = (
    Concept("heart_rate", "bpm", (211, 220045), (0, 300), (0, 300), 0, _VITAL),
    Concept("sbp", "mmHg", (51, 442, 455, 6701, 220179, 220050), (0, 375), (0, 375), 0, _VITAL),
    Concept("dbp", "mmHg", (8368, 8440, 8441, 8555, 220180, 220051), (0, 300), (0, 300), 0, _VITAL),
    Concept("mbp", "mmHg", (52, 456, 443, 6702, 220052, 220181, 225312), (0, 300), (14, 300), 0, _VITAL),
    Concept("respiratory_rate", "/min", (618, 615, 220210, 224690), (0, 70), (0, 70), 0, _VITAL),
    Concept(
        "temperature",
        "degC",
        (676, 223762),
        (14.2, 47),
        (26, 45),
        1,
        _VITAL,
        scaled=((678, *_FAHRENHEIT), (223761, *_FAHRENHEIT)),
        quirk="celsius",
    ),
    Concept("spo2", "%", (646, 220277), (0, 100), (0, 100), 0, _VITAL, quirk="percent"),
    Concept(
        "glucose",
        "mg/dL",
        (807, 811, 1529, 3745, 3744, 225664, 220621, 226537),
        (0, 2200),
        (10, 2000),
        0,
        _VITAL,
    ),
)

BODY: Final = (
    Concept(
        "weight",
        "kg",
        (762, 763, 226512, 224639, 3580, 3693),
        (20, 300),
        (30, 250),
        1,
        ("first",),
        scaled=((3581, _POUND_KG, 0.0), (226531, _POUND_KG, 0.0), (3582, _OUNCE_KG, 0.0)),
    ),
    Concept(
        "height",
        "cm",
        (226730, 3485, 4188),
        (100, 240),
        (100, 240),
        0,
        ("first",),
        scaled=(
            (920, 2.54, 0.0),
            (1394, 2.54, 0.0),
            (4187, 2.54, 0.0),
            (3486, 2.54, 0.0),
            (226707, 2.54, 0.0),
        ),
        quirk="height",
    ),
)

#: Settings and measurements of the ventilator, and of oxygen (the last two, which others get as well).
# DIFF: MIMIC-Extract holds peak pressures of 14 to 38 for plausible; the demo's 99th percentile is 56.
VENTILATOR: Final = (
    Concept("peep", "cmH2O", (506, 220339), (-1, 50), (0, 40), 1, _MAX),
    Concept("peak_pressure", "cmH2O", (535, 224695), (0, 100), (1, 100), 0, _MAX),
    Concept("plateau_pressure", "cmH2O", (543, 224696), (0, 100), (1, 100), 0, _MAX),
    Concept("mean_airway_pressure", "cmH2O", (444, 224697), (0, 60), (1, 60), 1, _MAX),
    Concept("tidal_volume", "mL", (682, 224685), (0, 2500), (20, 2000), 0, _MEAN),
    Concept("minute_volume", "L/min", (445, 448, 450, 224687), (0, 60), (0.1, 50), 1, _MEAN),
    Concept("ventilator_rate", "/min", (619, 224688), (0, 70), (1, 70), 0, _MAX),
)
OXYGEN: Final = (
    Concept(
        "fio2",
        "%",
        (3420, 3422, 223835),
        (20.9, 100),
        (21, 100),
        0,
        _MAX,
        scaled=((190, 100.0, 0.0),),
        quirk="percent",
    ),
    Concept("o2_flow", "L/min", (470, 223834), (0, 70), (0, 70), 1, _MAX),
)

#: Chart values that are kept one by one, because the score needs those of one moment together.
COMA: Final = (
    Concept("gcs_eye", "points", (184, 220739), (0, 4), (1, 4), 0, ()),
    Concept("gcs_verbal", "points", (723, 223900), (0, 5), (1, 5), 0, ()),
    Concept("gcs_motor", "points", (454, 223901), (0, 6), (1, 6), 0, ()),
)
CHARTED: Final = (*VITALS, *BODY, *VENTILATOR, *OXYGEN)

LABORATORY: Final = (
    Concept("albumin", "g/dL", (50862,), (0, 10), (0.6, 6), 1, _RANGE),
    Concept("alt", "IU/L", (50861,), (0, 11000), (2, 10000), 0, _RANGE),
    Concept("ast", "IU/L", (50878,), (0, 22000), (6, 20000), 0, _RANGE),
    Concept("alkaline_phosphatase", "IU/L", (50863,), (0, 4000), (5, 3625), 0, _RANGE),
    Concept("anion_gap", "mEq/L", (50868,), (0, 55), (1, 50), 0, _RANGE),
    Concept("bicarbonate", "mEq/L", (50882,), (0, 66), (1, 60), 0, _RANGE),
    Concept("bilirubin", "mg/dL", (50885,), (0, 66), (0.1, 60), 1, _RANGE),
    Concept("bun", "mg/dL", (51006,), (0, 275), (1, 250), 0, _RANGE),
    Concept("calcium", "mg/dL", (50893,), (0, 25), (2, 20), 1, _RANGE),
    Concept("chloride", "mEq/L", (50902, 50806), (0, 200), (50, 175), 0, _RANGE),
    Concept("creatine_kinase", "IU/L", (50910,), (0, 250000), (5, 200000), 0, _RANGE),
    Concept("creatinine", "mg/dL", (50912,), (0, 66), (0.1, 60), 1, _RANGE),
    Concept("glucose_lab", "mg/dL", (50931, 50809), (0, 2200), (10, 2000), 0, _RANGE),
    Concept("hematocrit", "%", (51221, 50810), (0, 100), (5, 75), 1, _RANGE),
    Concept("hemoglobin", "g/dL", (51222, 50811), (0, 30), (1, 25), 1, _RANGE),
    Concept("inr", "ratio", (51237,), (0, 50), (0.5, 50), 1, _RANGE),
    Concept("lactate", "mmol/L", (50813,), (0, 33), (0.1, 30), 1, _RANGE),
    Concept("magnesium", "mg/dL", (50960,), (0, 22), (0.1, 20), 1, _RANGE),
    Concept("phosphate", "mg/dL", (50970,), (0, 22), (0.1, 20), 1, _RANGE),
    Concept("platelets", "K/uL", (51265,), (0, 2200), (5, 2000), 0, _RANGE),
    Concept("potassium", "mEq/L", (50971, 50822), (0, 15), (0.5, 12), 1, _RANGE),
    Concept("pt", "s", (51274,), (0, 150), (5, 150), 1, _RANGE),
    Concept("ptt", "s", (51275,), (0, 150), (10, 150), 1, _RANGE),
    Concept("sodium", "mEq/L", (50983, 50824), (0, 250), (80, 200), 0, _RANGE),
    Concept("wbc", "K/uL", (51301, 51300), (0, 1000), (0.1, 1000), 1, _RANGE),
    Concept("rbc", "m/uL", (51279,), (0, 15), (0.5, 12), 2, _MEAN),
    Concept("mcv", "fL", (51250,), (0, 200), (40, 160), 0, _MEAN),
    Concept("mch", "pg", (51248,), (0, 80), (10, 60), 1, _MEAN),
    Concept("mchc", "%", (51249,), (0, 60), (15, 50), 1, _MEAN),
    Concept("rdw", "%", (51277,), (0, 60), (8, 50), 1, _MEAN),
    Concept("neutrophils", "%", (51256,), (0, 100), (0, 100), 1, _MEAN),
    Concept("lymphocytes", "%", (51244,), (0, 100), (0, 100), 1, _MEAN),
    Concept("monocytes", "%", (51254,), (-1, 100), (0, 100), 1, _MEAN),
    Concept("eosinophils", "%", (51200,), (-1, 100), (0, 100), 1, _MEAN),
    Concept("basophils", "%", (51146,), (-1, 100), (0, 100), 1, _MEAN),
)

BLOOD_GAS: Final = (
    Concept("ph", "pH", (50820,), (6.3, 10), (6.3, 8.4), 2, _RANGE),
    Concept("pco2", "mmHg", (50818,), (0, 220), (5, 200), 0, _RANGE),
    Concept("po2", "mmHg", (50821,), (0, 770), (10, 700), 0, _RANGE),
    Concept("base_excess", "mEq/L", (50802,), (-60, 60), (-50, 50), 0, _RANGE),
    Concept("total_co2", "mEq/L", (50804,), (0, 80), (1, 70), 0, _RANGE),
)

#: Measured in fewer than half of the stays: that they were ordered is the column, not their values.
SELDOM: Final = (
    Concept("bands", "%", (51144,), (-1, 100), (0, 100), 0, ()),
    Concept("ck_mb", "ng/mL", (50911,), (0, 1000), (0, 1000), 0, ()),
    Concept("fibrinogen", "mg/dL", (51214,), (0, 2500), (0, 2500), 0, ()),
    Concept("ionized_calcium", "mmol/L", (50808,), (0, 5), (0, 5), 2, ()),
    Concept("ldh", "IU/L", (50954,), (0, 35000), (54, 33000), 0, ()),
    Concept("lipase", "IU/L", (50956,), (0, 20000), (0, 20000), 0, ()),
    Concept("troponin_t", "ng/mL", (51003,), (0, 24), (0.01, 20.85), 2, ()),
)
#: Read to pair with the oxygen pressure of the same sample.
GAS_FIO2: Final = Concept("gas_fio2", "%", (50816,), (20.9, 100), (21, 100), 0, ())
MEASURED: Final = (*LABORATORY, *BLOOD_GAS, *SELDOM, GAS_FIO2)
