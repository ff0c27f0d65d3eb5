"""The splits are those that were set, no row lost; what is not there says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import splits


def test_wdbc_is_split_398_to_171_with_no_row_lost() -> None:
    from sklearn.datasets import load_breast_cancer

    whole, parts = load_breast_cancer(as_frame=True).frame, splits.split("wdbc")
    assert (len(parts.train), len(parts.holdout)) == (398, 171)
    again = pd.concat([parts.train, parts.holdout])
    pd.testing.assert_frame_equal(
        again.sort_values(list(again)).reset_index(drop=True),
        whole.sort_values(list(whole)).reset_index(drop=True),
    )
    assert splits.discrete(parts.train) == [parts.target]


@pytest.mark.parametrize(
    ("name", "rows"), [("heart", (212, 91)), ("diabetes", (309, 133)), ("brfss-1000", (700, 300))]
)
def test_a_table_is_cut_after_seven_tenths(name: str, rows: tuple[int, int]) -> None:
    parts = _split(name)
    assert (len(parts.train), len(parts.holdout)) == rows
    assert set(parts.train[parts.target]) == {0, 1}


def test_patients_of_mimic_stay_on_one_side_and_hidden_ages_are_found() -> None:
    parts = _split("mimic-codes")
    whole = pd.concat([parts.train, parts.holdout])
    assert len(whole) == 129
    assert whole["died"].sum() == 40
    assert whole["age"].max() == pytest.approx(91.4)
    # Of 129 admissions, 15 are of one patient: 70 of 100 patients are learnt, not 70 % of the rows.
    assert len(parts.train) == 92
    assert not whole.isna().any(axis=None)


def test_data_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHETIC_HEALTHCARE_DATA", str(tmp_path))
    with pytest.raises(splits.AbsentError, match=r"heart_kaggle_303\.csv is not in the data folder"):
        splits.split("heart")


def _split(name: str) -> splits.Split:
    try:
        return splits.split(name)
    except splits.AbsentError as absent:
        pytest.skip(str(absent))
