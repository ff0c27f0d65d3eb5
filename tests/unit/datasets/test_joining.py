"""Files joined on a key: every aggregate on a table worked out by hand, and the errors that name the cure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare import datasets
from synthetic_healthcare.datasets import streaming
from synthetic_healthcare.datasets.gathering import Gathered, Specification, key_texts
from synthetic_healthcare.errors import ConfigError, DataError

PATIENTS = """id,age,admitted,ward
1,40,2020-01-01 08:00:00,north
2,50,2020-01-02 08:00:00,south
3,60,2020-01-03 08:00:00,north
"""
# Patient 1 has two sodiums in the first day and one after it; patient 9 is nobody's; 3 has nothing.
LABS = """id,item,value,time,text
1,7,140,2020-01-01 09:00:00,b
1,7,130,2020-01-01 08:00:00,a
1,7,999,2020-01-02 08:00:00,c
1,8,4.5,2020-01-01 10:00:00,b
2,7,,2020-01-02 09:00:00,d
2,8,5,2020-01-02 07:59:59,
9,7,1,2020-01-01 09:00:00,z
"""


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "patients.csv").write_text(PATIENTS)
    (tmp_path / "labs.csv").write_text(LABS)
    return {
        "sources": {
            "base": {"file": "patients.csv", "key": "id"},
            "labs": {"file": "labs.csv", "key": "id", "time": "time"},
        },
        "take": {"age": {"from": "base", "value": "age"}},
    }


def _load(plan: dict[str, Any], folder: Path) -> pd.DataFrame:
    path = folder / "join.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    return datasets.load(path).data


def _cells(frame: pd.DataFrame, name: str) -> list[Any]:
    return [None if pd.isna(cell) else cell for cell in frame[name]]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("max", [999, None, None]),
        ("min", [130, None, None]),
        ("mean", [423, None, None]),
        ("sum", [1269, None, None]),
        ("count", [3, 0, 0]),
        ("any", [True, False, False]),
        ("first", [130, None, None]),
        ("last", [999, None, None]),
        ("codes", ["130;140;999", "", ""]),
    ],
)
def test_each_aggregate_by_hand(
    aggregate: str, expected: list[Any], plan: dict[str, Any], tmp_path: Path
) -> None:
    plan["take"]["sodium"] = {
        "from": "labs",
        "value": "value",
        "where": {"item": [7]},
        "aggregate": aggregate,
    }
    found = _load(plan, tmp_path)
    assert _cells(found, "sodium") == expected
    assert found["age"].tolist() == [40, 50, 60]
    # The same from Parquet, where cells have types of their own.
    pd.read_csv(tmp_path / "labs.csv", parse_dates=["time"]).to_parquet(tmp_path / "labs.parquet")
    plan["sources"]["labs"]["file"] = "labs.parquet"
    typed = _load(plan, tmp_path)
    codes = ["130.0;140.0;999.0", "", ""] if aggregate == "codes" else expected
    assert _cells(typed, "sodium") == codes


def test_a_window_of_hours_holds_its_first_end_and_not_its_last(plan: dict[str, Any], tmp_path: Path) -> None:
    plan["sources"]["labs"]["window"] = {"start": "admitted", "hours": [0, 24]}
    plan["take"] |= {
        "rows": {"from": "labs", "aggregate": "count"},
        "highest": {"from": "labs", "value": "value", "where": {"item": [7]}, "aggregate": "max"},
        "early": {"from": "labs", "aggregate": "any", "where": {"item": ["7"], "text": ["a", "d"]}},
    }
    found = _load(plan, tmp_path)
    assert _cells(found, "rows") == [3, 1, 0]
    assert _cells(found, "highest") == [140, None, None]
    assert _cells(found, "early") == [True, True, False]
    plan["sources"]["labs"]["window"]["hours"] = [None, 0]
    assert _cells(_load(plan, tmp_path), "rows") == [0, 1, 0]


def test_the_columns_of_a_join_can_be_declared(plan: dict[str, Any], tmp_path: Path) -> None:
    plan["columns"] = {"age": {"kind": "integer", "role": "quasi", "bounds": [18, 110]}}
    path = tmp_path / "join.yaml"
    path.write_text(yaml.safe_dump(plan))
    found = datasets.load(path, target="age")
    assert found.schema["age"].declared >= {"kind", "bounds"}
    assert found.schema.target == "age"


@pytest.mark.parametrize(
    ("where", "change", "told"),
    [
        ("take", {"x": {"from": "lab", "value": "v", "aggregate": "max"}}, r"take.x: .*did you mean 'labs'"),
        ("take", {"x": {"from": "labs", "value": "value"}}, r"take.x: `aggregate` says"),
        ("take", {"x": {"from": "labs", "value": "value", "aggregate": "median"}}, r"take.x.aggregate"),
        ("take", {"x": {"from": "labs", "aggregate": "max"}}, r"`value` names the column"),
        ("take", {"x": {"from": "base", "value": "age", "aggregate": "max"}}, r"taken as it is"),
        ("take", {"x": {"from": "labs", "valu": "value", "aggregate": "max"}}, r"take.x.valu"),
        ("take", {"x": {"from": "base", "value": "agee"}}, r"did you mean 'age'"),
        (
            "take",
            {"x": {"from": "labs", "value": "text", "aggregate": "max"}},
            r"'text' holds text where max",
        ),
        ("take", {"x": {"from": "labs", "value": "vlue", "aggregate": "max"}}, r"did you mean 'value'"),
        (
            "sources",
            {"base": {"file": "patients.csv", "key": "ward"}},
            r"0 rows have no 'ward', and 1 repeat",
        ),
        ("sources", {"base": {"file": "absent.csv", "key": "id"}}, r"does not exist"),
        (
            "sources",
            {"labs": {"file": "labs.csv", "key": "id", "window": {"start": "admitted", "hours": [0, 1]}}},
            r"a window needs `time`",
        ),
    ],
)
def test_what_cannot_be_is_told_by_its_place(
    where: str, change: dict[str, Any], told: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    plan[where] |= change
    with pytest.raises((ConfigError, DataError), match=told) as raised:
        _load(plan, tmp_path)
    assert "north" not in str(raised.value)


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "join.yaml").write_text(block)
    (tmp_path / "admissions.csv").write_text(
        "hadm_id,admittime,admission_type\n1,2020-01-01,URGENT\n2,2020-01-02,NEWBORN\n"
    )
    pd.DataFrame(
        {"hadm_id": [1], "charttime": ["2020-01-01 05:00"], "itemid": [50912], "valuenum": [1.5]}
    ).to_csv(tmp_path / "labevents.csv.gz", index=False)
    (tmp_path / "diagnoses.csv").write_text("hadm_id,icd9_code\n1,4019\n1,0389\n")
    found = datasets.load(tmp_path / "join.yaml")
    assert found.data.fillna(-1).to_numpy().tolist() == [
        ["URGENT", 1.5, 1, "0389;4019"],
        ["NEWBORN", -1, 0, ""],
    ]
    assert found.schema["creatinine_max"].unit == "mg/dL"


def test_keys_that_never_meet_are_an_error(plan: dict[str, Any], tmp_path: Path) -> None:
    plan["sources"]["labs"]["key"] = "text"
    plan["take"]["x"] = {"from": "labs", "aggregate": "count"}
    with pytest.raises(DataError, match=r"none of its 'text' is a key of the base"):
        _load(plan, tmp_path)


def test_keys_are_the_same_whatever_their_type() -> None:
    texts = [list(key_texts(pd.Series(keys))) for keys in ([1, 2], [1.0, 2.0], ["1", " 2 "])]
    assert texts == [["1", "2"]] * 3
    assert list(key_texts(pd.Series(["007", None]))) == ["007", None]
    assert list(key_texts(pd.Series([1, None]))) == ["1", None]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(-9, 9)), st.integers(0, 3)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 40),
)
def test_the_parts_of_a_file_do_not_matter(rows: list[tuple[int, int | None, int]], size: int) -> None:
    import pyarrow as pa

    keys = pd.Index([str(key) for key in range(4)])
    kinds = ("max", "min", "mean", "sum", "count", "any", "first", "last", "codes")
    table = pa.table(
        {
            "key": pa.array([str(row[0]) for row in rows]),
            "value": pa.array([row[1] for row in rows], pa.int64()),
            "time": pa.array([f"2020-01-0{1 + row[2]}" for row in rows]),
        }
    )

    def gather(batches: list[Any]) -> pd.DataFrame:
        wanted = [Specification(kind, kind, "value") for kind in kinds]
        gathered = Gathered(keys, wanted, key="key", time="time", window=None)
        for batch in batches:
            gathered.add(batch)
        return pd.DataFrame(gathered.finish())

    parts, whole = gather(table.to_batches(max_chunksize=size)), gather(table.to_batches())
    pd.testing.assert_frame_equal(parts, whole)
    frame = table.to_pandas().astype({"value": "float64"})
    grouped = frame.groupby("key")["value"]
    for kind in ("max", "min", "mean"):
        expected = getattr(grouped, kind)().reindex(keys)
        assert parts[kind].fillna(-99).tolist() == pytest.approx(expected.fillna(-99).tolist())
    ordered = frame.dropna().sort_values("time", kind="stable").groupby("key")["value"]
    for kind in ("first", "last"):
        expected = getattr(ordered, kind)().reindex(keys).fillna(-99).tolist()
        assert parts[kind].astype("float64").fillna(-99).tolist() == expected


def test_a_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_BLOCK", 4096)
    pd.DataFrame({"key": range(5000), "other": "x" * 20}).to_csv(tmp_path / "a.csv.gz", index=False)
    parts = list(streaming.batches(tmp_path / "a.csv.gz", ("key",)))
    assert len(parts) > 10
    assert sum(part.num_rows for part in parts) == 5000
    assert parts[0].schema.names == ["key"]
    (tmp_path / "b.csv").write_text("key,other\n1,2\n3\n")
    with pytest.raises(DataError, match=r"rows differ in length"):
        list(streaming.batches(tmp_path / "b.csv", ("key",)))


def test_real_laboratory_values(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "mimic3_demo"
    plan = {
        "sources": {
            "base": {"file": str(folder / "ADMISSIONS.csv"), "key": "hadm_id"},
            "labs": {
                "file": str(folder / "LABEVENTS.csv.gz"),
                "key": "hadm_id",
                "time": "charttime",
                "window": {"start": "admittime", "hours": [0, 24]},
            },
        },
        "take": {
            "admission": {"from": "base", "value": "hadm_id"},
            "creatinine": {
                "from": "labs",
                "value": "valuenum",
                "where": {"itemid": [50912]},
                "aggregate": "max",
            },
        },
    }
    found = _load(plan, tmp_path)
    stays = pd.read_csv(folder / "ADMISSIONS.csv", parse_dates=["admittime"])
    labs = pd.read_csv(folder / "LABEVENTS.csv.gz", parse_dates=["charttime"])
    labs = labs[labs["itemid"] == 50912].merge(stays[["hadm_id", "admittime"]], on="hadm_id")
    hours = (labs["charttime"] - labs["admittime"]).dt.total_seconds() / 3600
    expected = labs[(hours >= 0) & (hours < 24)].groupby("hadm_id")["valuenum"].max()
    assert len(found) == 129
    pd.testing.assert_series_equal(
        found.set_index("admission")["creatinine"],
        expected.reindex(stays["hadm_id"]),
        check_names=False,
    )
