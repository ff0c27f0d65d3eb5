"""From files to rows: spelling, windows, charting errors, ages, targets, terms; on a made-up folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.datasets.mimic.cohort import TARGETS
from synthetic_healthcare.datasets.mimic.table import CohortOptions
from synthetic_healthcare.datasets.mimic.windows import of_laboratory
from synthetic_healthcare.datasets.mimic3 import load_mimic3
from synthetic_healthcare.errors import ConfigError, DataError

MakeFolder = Callable[..., Path]


#: Times and values, two of them at one time.
_MOMENTS = (("01 13:00", 40), ("01 13:00", 60), ("01 15:00", 3), ("01 18:00", 3), ("02 01:00", 5))


def chart(item: int, at: str, number: object, *, stay: object = 301, **others: object) -> dict[str, Any]:
    """One charted event of the first patient, at "day hour:minute" of January 2150."""
    return {
        "hadm_id": 201,
        "icustay_id": stay,
        "itemid": item,
        "charttime": f"2150-01-{at}:00",
        "value": number,
        "valuenum": number,
        **others,
    }


def lab(item: int, at: str, number: object, *, hadm: object = 201) -> dict[str, Any]:
    return {"hadm_id": hadm, "itemid": item, "charttime": f"2150-01-{at}:00", "valuenum": number}


def rows(folder: Path, **options: Any) -> pd.DataFrame:
    """The table, by stay."""
    return load_mimic3(folder, accept_terms=True, **options).data.set_index("icustay_id")


def test_both_spellings_of_the_files_give_the_same_table(mimic_folder: MakeFolder) -> None:
    events = [chart(220045, "01 13:00", 80), chart(223761, "01 14:00", 98.6)]
    quiet = rows(mimic_folder(CHARTEVENTS=events))
    loud = rows(mimic_folder(CHARTEVENTS=events, loud=True))
    pd.testing.assert_frame_equal(quiet, loud)
    assert quiet.loc[301, "temperature_mean"] == 37
    assert quiet.loc[301, "heart_rate_count"] == 1


def test_only_the_first_day_counts(mimic_folder: MakeFolder) -> None:
    table = rows(
        mimic_folder(
            CHARTEVENTS=[
                chart(220045, "01 11:59", 50),
                chart(220045, "01 12:00", 70),
                chart(220045, "02 12:00", 90),
                chart(220045, "02 12:01", 200),
            ],
            LABEVENTS=[
                lab(50912, "01 05:59", 9),
                lab(50912, "01 06:00", 2),
                lab(50912, "02 12:00", 3),
                lab(50912, "02 12:01", 9),
                lab(50912, "01 12:00", 9, hadm=""),
            ],
        )
    )
    one = table.loc[301]
    assert (one["heart_rate_min"], one["heart_rate_max"], one["heart_rate_last"]) == (70, 90, 90)
    assert (one["creatinine_min"], one["creatinine_max"]) == (2, 3)


def test_nothing_counts_after_the_stay_has_ended(mimic_folder: MakeFolder) -> None:
    late = [lab(50912, "13 21:59", 2, hadm=202), lab(50912, "13 22:01", 9, hadm=202)]
    assert rows(mimic_folder(LABEVENTS=late)).loc[302, "creatinine_max"] == 2


def test_errors_of_charting_are_left_out_and_lost_stays_found(mimic_folder: MakeFolder) -> None:
    events = [
        chart(220045, "01 13:00", 20, error=1),
        chart(220045, "01 14:00", 60, error=0),
        chart(220045, "01 15:00", 100, stay=""),
        chart(220045, "01 16:00", 110, stay=999),
        chart(220045, "05 15:00", 190, stay=""),
    ]
    one = rows(mimic_folder(CHARTEVENTS=events)).loc[301]
    assert (one["heart_rate_min"], one["heart_rate_max"], one["heart_rate_count"]) == (60, 100, 2)


def test_the_coma_scale_is_that_of_one_moment(mimic_folder: MakeFolder) -> None:
    events = [
        chart(220739, "01 13:00", 4),
        chart(223900, "01 13:00", 5),
        chart(223901, "01 13:00", 6),
        chart(220739, "01 14:00", 1),  # the other two are carried from an hour before
        chart(223901, "01 23:00", 5),  # too late for the eyes of 14:00: they count as best
    ]
    one = rows(mimic_folder(CHARTEVENTS=events)).loc[301]
    assert [one[name] for name in ("gcs_eye", "gcs_verbal", "gcs_motor", "gcs_total")] == [1, 5, 6, 12]
    assert not one["gcs_intubated"]


def test_a_tube_forbids_speech(mimic_folder: MakeFolder) -> None:
    events = [
        chart(220739, "01 13:00", 1),
        chart(223900, "01 13:00", 1, value="No Response-ETT"),
        chart(223901, "01 13:00", 1),
    ]
    one = rows(mimic_folder(CHARTEVENTS=events)).loc[301]
    assert one["gcs_intubated"]
    assert pd.isna(one["gcs_verbal"])
    assert one["gcs_total"] == 15


def test_the_oxygen_index_pairs_a_gas_with_the_oxygen_before_it(mimic_folder: MakeFolder) -> None:
    table = rows(
        mimic_folder(
            CHARTEVENTS=[chart(223835, "01 13:00", 50), chart(223835, "01 15:30", 100)],
            LABEVENTS=[lab(50821, "01 15:00", 100), lab(50821, "01 23:00", 50)],
        )
    )
    assert table.loc[301, "pf_ratio_min"] == 200


def test_drugs_and_fluids_count_as_far_as_they_run_in_the_window(mimic_folder: MakeFolder) -> None:
    given = {
        "hadm_id": 201,
        "icustay_id": 301,
        "amount": 1000,
        "amountuom": "ml",
        "statusdescription": "FinishedRunning",
    }
    inputs = [
        # Half of it before admission to the unit.
        {**given, "itemid": 225158, "starttime": "2150-01-01 11:00:00", "endtime": "2150-01-01 13:00:00"},
        {**given, "itemid": 221906, "starttime": "2150-01-01 20:00:00", "endtime": "2150-01-01 21:00:00",
         "amountuom": "mg", "rate": 0.2, "rateuom": "mcg/kg/min"},
        {**given, "itemid": 221662, "starttime": "2150-01-02 13:00:00", "endtime": "2150-01-02 14:00:00"},
        {**given, "itemid": 221289, "starttime": "2150-01-01 13:00:00", "endtime": "2150-01-01 14:00:00",
         "statusdescription": "Rewritten"},
    ]  # fmt: skip
    urine = {"hadm_id": 201, "icustay_id": 301, "charttime": "2150-01-01 14:00:00"}
    outputs = [
        {**urine, "itemid": 226559, "value": 700},
        {**urine, "itemid": 227488, "value": 200},
        {**urine, "itemid": 226559, "value": 90, "iserror": 1},
        {**urine, "itemid": 226559, "value": 900000},
    ]
    one = rows(mimic_folder(INPUTEVENTS_MV=inputs, OUTPUTEVENTS=outputs)).loc[301]
    assert (one["crystalloid_ml"], one["fluid_in_ml"], one["urine_ml"]) == (500, 500, 500)
    assert one["norepinephrine"]
    assert one["vasoactive"]
    assert not one["dopamine"]
    assert (one["sofa_circulation"], one["sofa_kidney"]) == (4, 0)


def test_carevue_rates_per_patient_are_put_on_the_weight(mimic_folder: MakeFolder) -> None:
    drip = {"hadm_id": 201, "icustay_id": 301, "charttime": "2150-01-01 14:00:00", "itemid": 30047}
    inputs = [
        {**drip, "rate": 6, "rateuom": "mcgmin"},
        {**drip, "itemid": 30043, "amount": 3, "amountuom": "mg"},
    ]
    light = rows(mimic_folder(INPUTEVENTS_CV=inputs, CHARTEVENTS=[chart(763, "01 13:00", 50)])).loc[301]
    assert light["sofa_circulation"] == 4  # 0.12 ug/kg/min
    heavy = rows(mimic_folder(INPUTEVENTS_CV=inputs, CHARTEVENTS=[chart(763, "01 13:00", 100)])).loc[301]
    assert heavy["sofa_circulation"] == 3  # 0.06
    assert not heavy["dopamine"]  # an amount and no rate: the drip stands still


def test_orders_by_date_count_where_they_run_on_the_first_day(mimic_folder: MakeFolder) -> None:
    def order(start: str, end: str, drug: str, route: str = "IV") -> dict[str, Any]:
        return {
            "hadm_id": 201,
            "startdate": f"{start} 00:00:00",
            "enddate": f"{end} 00:00:00",
            "drug": drug,
            "route": route,
        }

    running = order("2150-01-01", "2150-01-05", "CefTRIAXone")
    others = [
        order("2150-01-02", "2150-01-05", "Vancomycin"),
        order("2150-01-01", "2150-01-02", "Vancomycin", "PO"),
        order("2150-01-01", "2150-01-02", "Heparin"),
    ]
    assert rows(mimic_folder(PRESCRIPTIONS=[running])).loc[301, "antibiotic"]
    assert not rows(mimic_folder(PRESCRIPTIONS=others)).loc[301, "antibiotic"]


def test_ages_of_300_years_are_90_and_admissions_are_read_in_order(mimic_folder: MakeFolder) -> None:
    table = rows(mimic_folder())
    assert table["age"].tolist() == [69, 69, 90]
    assert table["stay_number"].tolist() == [1, 2, 1]
    assert table.loc[301, ["first_service", "surgical", "ethnicity", "hours_before_unit"]].tolist() == [
        "CSURG",
        True,
        "BLACK",
        6.0,
    ]
    assert pd.isna(table.loc[301, "marital_status"])
    assert table["heart_failure"].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("hospital_death", [False, True, False]),
        ("icu_death", [False, True, False]),
        ("death_30_days", [False, False, False]),  # 50 and 38 days after admission to the unit
        ("long_stay", [False, False, True]),
        ("readmission_30_days", [True, pd.NA, False]),
    ],
)
def test_targets(mimic_folder: MakeFolder, target: str, wanted: list[Any]) -> None:
    dataset = load_mimic3(mimic_folder(), target=target, accept_terms=True)
    found = dataset.data[target]
    assert found.isna().tolist() == [value is pd.NA for value in wanted]
    assert found.dropna().tolist() == [value for value in wanted if value is not pd.NA]
    assert dataset.schema.target == target
    assert not set(TARGETS) - {target} & set(dataset.data.columns)


def test_a_cohort_is_chosen_by_its_options(mimic_folder: MakeFolder) -> None:
    folder = mimic_folder()
    assert len(rows(folder, options=CohortOptions(minimum_hours=24))) == 2
    assert rows(folder, options=CohortOptions(codes=True))["diagnoses"].tolist()[0] == "0389;4280"
    with pytest.raises(DataError, match="none of 3 stays"):
        rows(folder, options=CohortOptions(minimum_age=91))


def test_the_terms_come_before_the_data(mimic_folder: MakeFolder) -> None:
    folder = mimic_folder()
    with pytest.raises(ConfigError, match=r"Data Use Agreement.*accept_terms=True"):
        load_mimic3(folder)
    dataset = load_mimic3(folder, accept_terms=True)
    assert dataset.name == "mimic-iii"
    assert "Data Use Agreement" in dataset.about.licence


def test_an_unknown_target_is_named_before_any_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'icu_death'"):
        load_mimic3(tmp_path, target="icu_deaths")


def test_what_is_wrong_with_a_folder_is_said_without_its_cells(mimic_folder: MakeFolder) -> None:
    folder = mimic_folder(CHARTEVENTS=[chart(220045, "01 13:00", "secret", value="secret")])
    with pytest.raises(DataError, match=r"CHARTEVENTS\.csv") as caught:
        rows(folder)
    assert "secret" not in str(caught.value)
    path = folder / "CHARTEVENTS.csv"
    path.write_text(path.read_text().replace("valuenum", "number"))
    with pytest.raises(DataError, match="column 'valuenum'"):
        rows(folder)
    path.unlink()
    with pytest.raises(DataError, match=r"no CHARTEVENTS\.csv or CHARTEVENTS\.csv\.gz"):
        rows(folder)
    with pytest.raises(DataError, match="does not exist"):
        rows(folder / "nowhere")


def test_the_order_of_events_changes_nothing(mimic_folder: MakeFolder) -> None:
    events = [chart(item, at, number) for item in (220045, 220739, 223901, 763) for at, number in _MOMENTS]
    samples = [lab(item, at, number) for item in (50912, 50821, 50816) for at, number in _MOMENTS]
    one = rows(mimic_folder(CHARTEVENTS=events, LABEVENTS=samples))
    other = rows(mimic_folder(CHARTEVENTS=events[::-1], LABEVENTS=samples[::-1]))
    pd.testing.assert_frame_equal(one, other)


def test_a_sample_before_a_second_stay_belongs_to_both() -> None:
    stays = pd.DataFrame(
        {"icustay_id": [1, 2], "hadm_id": [7, 7], "intime": [0, 40_000], "outtime": [30_000, 90_000]}
    )
    seconds = np.array([10_000.0, 20_000.0, 35_000.0, np.nan])
    placed = list(of_laboratory(stays).by_admission(np.full(4, 7.0), seconds))
    found = sorted(
        (int(row), int(stay)) for event, stays_of in placed for row, stay in zip(event, stays_of, strict=True)
    )
    assert found == [(0, 0), (1, 0), (1, 1), (2, 1)]


def test_damaged_letters_do_no_harm(mimic_folder: MakeFolder) -> None:
    folder = mimic_folder(
        CHARTEVENTS=[chart(723, "01 13:00", 5, value="5 Or?ented"), chart(211, "01 13:00", 80)]
    )
    for table in ("CHARTEVENTS", "ADMISSIONS"):
        path = folder / f"{table}.csv"
        path.write_bytes(path.read_bytes().replace(b"Or?ented", b"Or\xffented").replace(b"AMERICAN", b"\xb0"))
    one = rows(folder).loc[301]
    assert (one["heart_rate_min"], one["gcs_verbal"], one["ethnicity"]) == (80, 5, "BLACK")


def test_a_file_that_was_cut_off_is_refused(mimic_folder: MakeFolder) -> None:
    folder = mimic_folder(CHARTEVENTS=[chart(220045, "01 13:00", 80)] * 2000, loud=True)
    path = folder / "CHARTEVENTS.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        rows(folder)


class Watch:
    """Notes the phases that it is told of."""

    def __init__(self) -> None:
        self.phases: dict[str, tuple[int | None, int]] = {}
        self._open = ""

    def start(self, phase: str, total: int | None = None) -> None:
        self._open = phase
        self.phases[phase] = (total, 0)

    def advance(self, done: int, **facts: float) -> None:
        self.phases[self._open] = (self.phases[self._open][0], done)

    def finish(self) -> None:
        self._open = ""


def test_progress_is_told_in_bytes_of_each_file(mimic_folder: MakeFolder) -> None:
    folder, watch = mimic_folder(CHARTEVENTS=[chart(220045, "01 13:00", 80)]), Watch()
    rows(folder, progress=watch)
    size = (folder / "CHARTEVENTS.csv").stat().st_size
    assert watch.phases["CHARTEVENTS"] == (size, size)
