"""Every rule of inference, on the smallest table that shows it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthetic_healthcare.errors import DataError, RejectColumn, SchemaError
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.infer import infer

ROWS = 60
DATA = Path(
    os.environ.get("SYNTHETIC_HEALTHCARE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)


def cycle(*values: object) -> list[object]:
    """Repeat values up to the number of rows."""
    return [values[row % len(values)] for row in range(ROWS)]


def infer_one(values: object, name: str = "x", dtype: object = None) -> Column:
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=dtype)  # type: ignore
    schema = infer(pd.DataFrame({name: series}))
    column = schema[name]
    assert column.reason, "every inference gives its reason"
    assert "\n" not in column.reason
    assert column.declared == frozenset()
    assert column.dtype == str(series.dtype)
    return column


@pytest.mark.parametrize(
    ("values", "kind", "categories"),
    [
        (cycle(True, False), "boolean", (False, True)),
        (cycle(True, False, None), "boolean", (False, True)),
        (cycle(0, 1), "boolean", (0, 1)),
        (cycle(0.0, 1.0), "boolean", (0.0, 1.0)),
        (cycle(1, 2, np.nan), "boolean", (1.0, 2.0)),
        (cycle("M", "F"), "boolean", ("F", "M")),
        (cycle("yes", "no", None), "boolean", ("no", "yes")),
        (cycle(1, 2, 3, 4, 5), "ordinal", (1, 2, 3, 4, 5)),
        (cycle(1.0, 2.0, 3.0, 4.0, 5.0, np.nan), "ordinal", (1.0, 2.0, 3.0, 4.0, 5.0)),
        (cycle(0, 1, 2), "categorical", None),
        (cycle(1, 5, 7, 9, 30), "categorical", None),
        (cycle(0.5, 1.0, 2.5), "categorical", None),
        (cycle("white", "black", "asian"), "categorical", None),
        (list(range(100, 130)) * 2, "integer", None),
        ([float(value) for value in range(100, 130)] * 2, "integer", None),
        ([value / 7 for value in range(ROWS)], "numeric", None),
    ],
)
def test_kinds_of_plain_values(
    values: list[object], kind: str, categories: tuple[object, ...] | None
) -> None:
    column = infer_one(values)
    assert column.kind == kind
    assert column.categories == categories
    if categories is not None:
        assert [type(category) for category in column.categories or ()] == [type(c) for c in categories]


def test_decimals_are_learnt() -> None:
    assert infer_one([value / 10 for value in range(ROWS)]).decimals == 1
    assert infer_one([value / 7 for value in range(ROWS)]).decimals is None
    assert infer_one(list(range(100, 130)) * 2).decimals == 0
    assert infer_one(pd.Series(np.arange(ROWS) / 10, dtype="float32")).decimals == 1


def test_few_rows_leave_numbers_as_numbers() -> None:
    assert infer_one([1, 5, 9, 4, None] + [None] * 50).kind == "integer"


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int8", "int64[pyarrow]", "Sparse[float64]"])
def test_dtypes_do_not_change_the_kind(dtype: str) -> None:
    assert infer_one(pd.Series(cycle(*range(20, 50))).astype(dtype)).kind == "integer"


def test_nullable_follows_the_data() -> None:
    assert not infer_one(cycle(1, 2, 3)).nullable
    assert infer_one(cycle(1, 2, None)).nullable


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.date_range("2020-01-01", periods=ROWS)),
        pd.Series(pd.date_range("2020-01-01", periods=ROWS, tz="Europe/Vienna")),
        pd.Series(pd.date_range("2020-01-01", periods=ROWS)).astype("timestamp[us][pyarrow]"),
        pd.Series(cycle("2020-01-01", "1500-02-03 04:05:06", None)),
        pd.Series(cycle("2020-01-01", "2020-01-02")),
        pd.Series(cycle(dt.date(1600, 1, 1), dt.date(1900, 1, 1)), dtype=object),
        pd.Series(["1850-01-01"] * ROWS),
    ],
)
def test_dates(values: pd.Series) -> None:
    assert infer_one(values).kind == "datetime"


def test_dates_that_are_not_iso_are_text_and_say_so() -> None:
    column = infer_one([f"{1 + row % 12}/{1 + row % 28}/{1990 + row}" for row in range(ROWS)])
    assert column.kind == "text"
    assert "pandas.to_datetime" in column.reason


def test_limits_of_detection_are_numbers() -> None:
    column = infer_one(cycle("<0.5", "0.7", "1.25", ">10", "3.0", None))
    assert (column.kind, column.decimals) == ("numeric", 2)
    assert "10 below and 10 above" in column.reason
    mixed = infer_one(pd.Series(cycle("<0.5", 0.7, 1.2, 3.0), dtype=object))
    assert (mixed.kind, mixed.decimals) == ("numeric", 1)
    assert "15 below and 0 above" in mixed.reason


def test_numbers_written_as_text_are_numbers_but_codes_with_zeros_are_not() -> None:
    assert infer_one([str(row * 3) for row in range(ROWS)]).kind == "integer"
    assert infer_one([f"{row % 25:05d}" for row in range(ROWS)]).kind == "categorical"


@pytest.mark.parametrize(
    ("values", "delimiter"),
    [
        (cycle("I10;E11.9", "E11.9", "I10;J45", "J45;E11.9"), ";"),
        (cycle("I10|E11.9", "E11.9", "I10|J45", "J45|E11.9"), "|"),
        (cycle("I10, E11.9", "E11.9", "I10, J45", "J45"), ","),
        (cycle("heart failure;diabetes", "diabetes", "heart failure", "asthma;diabetes"), ";"),
        (cycle(["I10"], ["I10", "E11.9"], []), None),
        (cycle({"I10"}, {"E11.9"}, None), None),
        (cycle(("I10", "J45"), ("E11.9",)), None),
    ],
)
def test_sets_of_codes(values: list[object], delimiter: str | None) -> None:
    column = infer_one(pd.Series(values, dtype=object))
    assert (column.kind, column.delimiter) == ("codes", delimiter)
    assert column.categories is None


def test_arrow_lists_are_codes() -> None:
    series = pd.Series(cycle(["I10"], ["J45"]), dtype=pd.ArrowDtype(pa.list_(pa.string())))
    assert infer_one(series).kind == "codes"


@pytest.mark.parametrize(
    "values",
    [
        cycle("yes, often", "no, never", "not known"),
        cycle("Smith, John", "Doe, Jane", "Smith, Jane"),
        cycle("a;b", "c", "d"),
    ],
)
def test_punctuation_alone_makes_no_codes(values: list[object]) -> None:
    assert infer_one(values).kind == "categorical"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("id", range(1000, 1000 + ROWS)),
        ("hadm_id", cycle(*range(500, 530))),
        ("EncounterID", range(7, 7 + 2 * ROWS, 2)),
        ("encounterid", range(7, 7 + 2 * ROWS, 2)),
        ("mrn", [f"A-{row * 7}" for row in range(ROWS)]),
        ("ssn", [f"{row:09d}" for row in range(ROWS)]),
        ("last_name", cycle(*[f"Name{row}" for row in range(15)])),
        ("x", [f"AB{row * 13:04d}X" for row in range(ROWS)]),
        ("x", range(1, ROWS + 1)),
        ("x", [2**60 + row * 3 for row in range(ROWS)]),
    ],
)
def test_identifiers_are_never_learnt(name: str, values: object) -> None:
    column = infer_one(list(values), name)  # type: ignore[call-overload]
    assert (column.kind, column.role) == ("identifier", "identifier")


def test_words_that_merely_contain_id_are_no_identifiers() -> None:
    assert infer_one(cycle(*range(100, 130)), "covid").kind == "integer"
    assert infer_one(cycle(*range(100, 130)), "acidity").kind == "integer"
    assert infer_one(cycle(1, 2, 3, 4), "site_id").kind == "categorical"


def test_a_patient_who_returns_is_the_group() -> None:
    for name in ("subject_id", "PatientID", "patient_id", "MRN"):
        assert infer_one(cycle(*range(100, 120)), name).role == "group"
        assert infer_one(list(range(100, 100 + ROWS)), name).role == "identifier"
    both = infer(pd.DataFrame({"subject_id": cycle(5, 6, 7), "patient_id": cycle(5, 6, 7)}))
    assert [column.role for column in both.columns] == ["group", "identifier"]
    assert both.group == "subject_id"


def test_long_texts_are_text() -> None:
    notes = [f"patient {row} was seen in the clinic and felt better than before" for row in range(ROWS)]
    assert infer_one(notes).kind == "text"
    assert infer_one(cycle(*notes[:25])).kind == "text"


@pytest.mark.parametrize(
    "name", ["age", "Sex", "gender", "zip_code", "date_of_birth", "RACE", "age_at_visit"]
)
def test_quasi_identifiers_are_known_by_name(name: str) -> None:
    assert infer_one(cycle("a", "b", "c"), name).role == "quasi"


def test_other_names_are_features() -> None:
    for name in ("stage", "sexual_activity", "voltage", "chol"):
        assert infer_one(cycle("a", "b", "c"), name).role == "feature"


def test_categoricals_keep_their_levels_where_they_are_ordered() -> None:
    grades = pd.Series(pd.Categorical(cycle("low", "high", "mid"), ["low", "mid", "high"], ordered=True))
    assert infer_one(grades).categories == ("low", "mid", "high")
    assert infer_one(grades).kind == "ordinal"
    plain = pd.Series(pd.Categorical(cycle("a", "b", "c")))
    assert (infer_one(plain).kind, infer_one(plain).categories) == ("categorical", None)
    assert infer_one(pd.Series(pd.Categorical(cycle(3, 1)))).categories == (1, 3)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([np.nan] * ROWS), "numeric"),
        (pd.Series([None] * ROWS, dtype=object), "categorical"),
        (pd.Series([pd.NaT] * ROWS), "datetime"),
        (pd.Series([None] * ROWS, dtype="boolean"), "boolean"),
        (pd.Series([None] * ROWS, dtype="string"), "categorical"),
    ],
)
def test_all_missing_columns_keep_a_kind_and_say_so(values: pd.Series, kind: str) -> None:
    column = infer_one(values)
    assert column.kind == kind
    assert "all values are missing" in column.reason


@pytest.mark.parametrize(
    ("value", "kind"), [(3, "integer"), (2.5, "numeric"), ("a", "categorical"), (True, "boolean")]
)
def test_constant_columns_keep_a_kind_and_say_so(value: object, kind: str) -> None:
    column = infer_one([value] * ROWS)
    assert column.kind == kind
    assert "constant" in column.reason


def test_ten_thousand_categories_are_legal() -> None:
    values = pd.Series([f"code {row % 10_000}" for row in range(20_000)])
    column = infer_one(values)
    assert column.kind == "categorical"
    assert "10000" in column.reason


def test_numbers_mixed_with_text_are_rejected_without_quoting_cells() -> None:
    with pytest.raises(RejectColumn, match="'lab': it mixes numbers") as caught:
        infer_one(pd.Series(cycle(1.5, 2.0, "secret"), dtype=object), "lab")
    assert "secret" not in str(caught.value)


def test_integers_beyond_exact_floats_are_rejected_where_they_repeat() -> None:
    with pytest.raises(RejectColumn, match=r"beyond 2\*\*53"):
        infer_one([2**60 + row % 20 for row in range(ROWS)])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_timedelta(range(ROWS), unit="h")),
        pd.Series(pd.period_range("2020-01", periods=ROWS, freq="M")),
        pd.Series([1j] * ROWS),
        pd.Series([dt.time(1, 2)] * ROWS, dtype=object),
        pd.Series([{"a": 1}] * ROWS, dtype=object),
        pd.Series(cycle("a", ["a"]), dtype=object),
        pd.Series(cycle("a", True), dtype=object),
    ],
)
def test_what_cannot_be_learnt_is_rejected_by_name(values: pd.Series) -> None:
    with pytest.raises(RejectColumn, match="column 'odd'"):
        infer_one(values, "odd")


def test_the_target_is_given_its_role() -> None:
    frame = pd.DataFrame({"age": cycle(*range(20, 50)), "died": cycle(0, 1)})
    schema = infer(frame, target="died")
    assert schema.target == "died"
    assert schema["died"].declared == {"role"}
    assert "two distinct values" in schema["died"].reason
    with pytest.raises(SchemaError, match="did you mean 'died'"):
        infer(frame, target="dead")


def test_names_that_are_no_text_or_stand_twice_are_refused() -> None:
    with pytest.raises(SchemaError, match="column 0 is int"):
        infer(pd.DataFrame({0: [1, 2]}))
    with pytest.raises(SchemaError, match="duplicate column names: 'a'"):
        infer(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_two_numbers_in_a_cell_are_neither_identifiers_nor_learnt() -> None:
    column = infer_one([f"{100 + row}/{60 + row % 30}" for row in range(ROWS)], "pressure")
    assert column.kind == "text"
    assert "split it into two columns" in column.reason


def test_other_tables_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="not from a dict"):
        infer({"a": [1]})  # type: ignore[arg-type]


def test_no_value_of_a_patient_is_kept_in_the_schema() -> None:
    values = pd.DataFrame(
        {"chol": [233.125 + row for row in range(ROWS)], "city": cycle("Graz", "Linz", "Wien")}
    )
    text = infer(values).to_yaml()
    assert "Graz" not in text
    assert "233" not in text
    assert "292" not in text


@pytest.mark.skipif(not (DATA / "heart").is_dir(), reason=f"no real tables at {DATA}")
def test_heart_disease() -> None:
    schema = infer(pd.read_csv(DATA / "heart" / "heart_kaggle_303.csv"), target="target")
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "age": "integer",
        "sex": "boolean",
        "cp": "categorical",
        "trestbps": "integer",
        "chol": "integer",
        "fbs": "boolean",
        "restecg": "categorical",
        "thalach": "integer",
        "exang": "boolean",
        "oldpeak": "numeric",
        "slope": "categorical",
        "ca": "ordinal",
        "thal": "categorical",
        "target": "boolean",
    }
    assert schema["oldpeak"].decimals == 1
    assert [column.name for column in schema.of_role("quasi")] == ["age", "sex"]
