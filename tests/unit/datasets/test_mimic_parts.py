"""Units, gates, signs, comorbidities and scores, each on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthetic_healthcare.datasets.mimic.cohort import ethnicity_group
from synthetic_healthcare.datasets.mimic.comorbidities import GROUPS, comorbidities, pattern
from synthetic_healthcare.datasets.mimic.concepts import CHARTED, COMA, MEASURED
from synthetic_healthcare.datasets.mimic.signs import DIALYSIS, INTUBATED, VENTILATED, SignReader
from synthetic_healthcare.datasets.mimic.sofa import Worst, sofa
from synthetic_healthcare.datasets.mimic.units import Dictionary


@pytest.mark.parametrize(
    ("item", "charted", "wanted"),
    [
        (223761, 98.6, 37.0),  # Fahrenheit
        (676, 37.2, 37.2),
        (676, 98.6, 37.0),  # Fahrenheit in an item of Celsius
        (223762, 24.0, 26.0),  # cold, within the gate: moved to the plausible end
        (190, 0.4, 40),  # a fraction
        (223835, 0.5, 50),  # a fraction in an item of percentages
        (223835, 12, np.nan),  # less oxygen than air holds
        (223835, 0, np.nan),
        (646, 0.97, 97),
        (646, 101, np.nan),
        (211, 0, np.nan),  # the gate is open below
        (211, 300, 300),
        (226707, 70, 178),  # inches
        (226707, 178, 178),  # centimetres in an item of inches
        (226531, 200, 90.7),  # pounds
        (3582, 2400, 68.0),  # ounces
        (763, 5, np.nan),
        (220052, 97.8000030, 98),  # noise of single precision
    ],
)
def test_charted_numbers_are_put_into_one_unit(item: int, charted: float, wanted: float) -> None:
    dictionary = Dictionary(CHARTED)
    items = np.array([item])
    assert dictionary.places(items)[0] >= 0
    np.testing.assert_allclose(dictionary.values(items, np.array([charted])), [wanted], atol=1e-9)


def test_itemids_of_nobody_have_no_place() -> None:
    places = Dictionary(MEASURED).places(np.array([-1, 0, 50912, 10**7]))
    assert (places >= 0).tolist() == [False, False, True, False]


def test_true_zeros_of_blood_counts_stay() -> None:
    items = np.array([51200, 51256, 50802])
    found = Dictionary(MEASURED).values(items, np.array([0.0, 0.0, -7.0]))
    assert found[0] == 0
    assert np.isnan(found[1])
    assert found[2] == -7


def test_no_itemid_belongs_to_two_concepts_and_ranges_are_nested() -> None:
    for concepts in ((*CHARTED, *COMA), MEASURED):
        items = [item for concept in concepts for item in concept.itemids]
        assert len(items) == len(set(items))
        for concept in concepts:
            assert concept.gate[0] <= concept.bounds[0] <= concept.bounds[1] <= concept.gate[1], concept.name


def test_signs_are_read_from_numbers_and_texts() -> None:
    items = np.array([720, 720, 467, 467, 224144, 224144, 223900, 582, 445])
    texts = [
        "Other/Remarks",
        "CMV",
        "Nasal Cannula",
        "Ventilator",
        "1",
        "0",
        "No Response-ETT",
        "CVVHD Start",
        None,
    ]
    numbers = np.array([np.nan, np.nan, np.nan, np.nan, 1.0, 0.0, 1.0, np.nan, np.nan])
    found = SignReader((VENTILATED, DIALYSIS, INTUBATED)).read(items, pa.array(texts), numbers)
    assert np.flatnonzero(found[0]).tolist() == [1, 3]
    assert np.flatnonzero(found[1]).tolist() == [4, 7]
    assert np.flatnonzero(found[2]).tolist() == [6]


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("4280", "heart_failure"),
        ("40291", "heart_failure"),
        ("40403", "renal_failure"),
        ("25002", "diabetes"),
        ("25061", "diabetes_complicated"),
        ("V4511", "renal_failure"),
        ("07054", "liver_disease"),
        ("042", "aids"),
        ("29624", "psychoses"),
        ("29620", "depression"),
        ("2875", "coagulopathy"),
        ("30500", "alcohol"),
        ("30590", "drugs"),
    ],
)
def test_codes_fall_into_their_group(code: str, group: str) -> None:
    assert pattern(GROUPS[group]).match(code)


@pytest.mark.parametrize("code", ["0389", "V1582", "99591", "2720", "E8788", "1733"])
def test_other_codes_fall_into_none(code: str) -> None:
    found = [name for name, beginnings in GROUPS.items() if pattern(beginnings).match(code)]
    assert found == []


def test_the_graver_of_two_grades_counts_alone() -> None:
    codes = pd.DataFrame({"hadm_id": [1, 1, 2, 3], "icd9_code": ["25000", "25040", "25000", None]})
    table = comorbidities(codes, pd.Series([1, 2, 3]))
    assert table["diabetes"].tolist() == [False, True, False]
    assert table["diabetes_complicated"].tolist() == [True, False, False]
    assert table.shape == (3, 31)


def test_ethnicity_groups_are_those_of_mimic_code() -> None:
    told = ["WHITE - RUSSIAN", "BLACK/CAPE VERDEAN", "CARIBBEAN ISLAND", "HISPANIC OR LATINO", "PORTUGUESE"]
    assert [ethnicity_group(text) for text in told] == ["WHITE", "BLACK", "BLACK", "HISPANIC", "OTHER"]
    assert [ethnicity_group(text) for text in ("UNABLE TO OBTAIN", None)] == [None, None]


def _worst(**changes: float | bool) -> Worst:
    names = ("oxygen_index", "platelets", "bilirubin", "creatinine", "mbp", "gcs", "urine_ml")
    values = {name: np.array([float(changes.get(name, np.nan))]) for name in names}
    drugs = ("dopamine", "dobutamine", "epinephrine", "norepinephrine")
    return Worst(
        **values,
        ventilated=np.array([bool(changes.get("ventilated", False))]),
        hours=np.array([float(changes.get("hours", 30))]),
        rates={name: np.array([float(changes.get(name, np.nan))]) for name in drugs},
    )


@pytest.mark.parametrize(
    ("changes", "part", "points"),
    [
        ({"oxygen_index": 400}, "respiration", 0),
        ({"oxygen_index": 399}, "respiration", 1),
        ({"oxygen_index": 90}, "respiration", 2),
        ({"oxygen_index": 199, "ventilated": True}, "respiration", 3),
        ({"oxygen_index": 90, "ventilated": True}, "respiration", 4),
        ({"platelets": 150}, "coagulation", 0),
        ({"platelets": 49}, "coagulation", 3),
        ({"bilirubin": 1.2}, "liver", 1),
        ({"bilirubin": 12}, "liver", 4),
        ({"mbp": 69}, "circulation", 1),
        ({"dobutamine": 2}, "circulation", 2),
        ({"norepinephrine": 0.1}, "circulation", 3),
        ({"dopamine": 15.1}, "circulation", 4),
        ({"gcs": 14}, "coma", 1),
        ({"gcs": 9}, "coma", 3),
        ({"gcs": 5}, "coma", 4),
        ({"creatinine": 3.4, "urine_ml": 450}, "kidney", 3),
        ({"urine_ml": 100}, "kidney", 4),
        ({"urine_ml": 100, "hours": 8}, "kidney", 0),
    ],
)
def test_organ_failure_is_scored_by_the_published_steps(
    changes: dict[str, float | bool], part: str, points: int
) -> None:
    scored = sofa(_worst(**changes))
    assert scored[f"sofa_{part}"].item() == points
    assert scored["sofa"].item() == points
