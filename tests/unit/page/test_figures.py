"""The data behind the pictures: right figures, plain JSON, nothing of what must stay hidden."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation.page.curves import MOST_POINTS, curves
from synthetic_healthcare.evaluation.page.figures import MOST_ASSOCIATED, collect
from synthetic_healthcare.evaluation.page.projection import project
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema


def figures_of(synthetic: pd.DataFrame, real: pd.DataFrame, *columns: Column) -> dict[str, Any]:
    return collect(synthetic, real, schema=Schema(columns), rng=np.random.default_rng(0))


def test_figures_are_plain_data(report: EvaluationReport) -> None:
    figures = report.figures
    json.dumps(figures, allow_nan=False)
    assert figures["rows"] == {"real": 600, "synthetic": 500}
    assert [column["name"] for column in figures["columns"]][:2] == ["age", "sex"]
    target = figures["columns"][-1]
    assert (target["name"], target["role"], target["labels"]) == ("died", "target", ["0", "1"])
    assert len(figures["projection"]["real"]) == 500


def test_equal_seeds_give_equal_figures(sample: SimpleNamespace) -> None:
    real = sample.patients(700, 4, laboratory=2)
    twice = [
        collect(real, real, schema=sample.schema_of(real), rng=np.random.default_rng(5)) for _ in range(2)
    ]
    assert json.dumps(twice[0]) == json.dumps(twice[1])


def test_no_extreme_of_a_real_column_is_in_the_figures(sample: SimpleNamespace) -> None:
    rng = np.random.default_rng(8)
    real = pd.DataFrame({"x": rng.normal(size=300), "y": rng.normal(size=300)})
    real.loc[17, "x"], real.loc[18, "x"] = 98765.4321, -43210.1234
    columns = (Column("x", "numeric"), Column("y", "numeric"))
    written = json.dumps(figures_of(real.head(100) * 0.1, real, *columns))
    assert "98765" not in written
    assert "43210" not in written


def test_one_value_in_two_spellings_is_one_category() -> None:
    real = pd.DataFrame({"flag": [True, False] * 30, "grade": [1, 2] * 30})
    synthetic = pd.DataFrame({"flag": [1.0, 0.0, np.nan, 0.0], "grade": ["1", "2", "2", None]})
    shown = figures_of(synthetic, real, Column("flag", "boolean"), Column("grade", "categorical"))["columns"]
    flag = dict(zip(shown[0]["labels"], shown[0]["synthetic"], strict=True))
    assert flag == {"True": pytest.approx(1 / 3, abs=1e-3), "False": pytest.approx(2 / 3, abs=1e-3)}
    assert shown[0]["missing"] == {"real": 0.0, "synthetic": 0.25}
    assert shown[1]["labels"] == ["1", "2"]
    assert shown[1]["synthetic"] == [pytest.approx(1 / 3, abs=1e-3), pytest.approx(2 / 3, abs=1e-3)]


def test_codes_dates_and_unlearnt_columns(sample: SimpleNamespace) -> None:
    rows = 60
    real = pd.DataFrame(
        {
            "id": [f"p{row}" for row in range(rows)],
            "codes": ["I10;E11", "I10", "E11"] * 20,
            "seen": pd.date_range("2020-01-01", periods=rows, freq="D"),
            "age": np.arange(rows),
        }
    )
    columns = (
        Column("id", "identifier", "identifier"),
        Column("codes", "codes", delimiter=";"),
        Column("seen", "datetime", dtype=str(real["seen"].dtype)),
        Column("age", "integer"),
    )
    shown = figures_of(real.copy(), real, *columns)["columns"]
    assert [column["name"] for column in shown] == ["codes", "seen", "age"]
    assert dict(zip(shown[0]["labels"], shown[0]["real"], strict=True)) == pytest.approx(
        {"I10": 2 / 3, "E11": 2 / 3}, abs=1e-3
    )
    assert shown[1]["scale"] == "date"
    assert [column["gap"] for column in shown] == [0.0, 0.0, 0.0]


def test_the_difference_of_associations_shows_a_changed_sign() -> None:
    along = np.arange(200.0)
    real = pd.DataFrame({"a": along, "b": along, "c": along % 7})
    synthetic = pd.DataFrame({"a": along, "b": -along, "c": along % 7})
    found = figures_of(synthetic, real, *(Column(name, "numeric") for name in "abc"))["associations"]
    a, b = found["names"].index("a"), found["names"].index("b")
    assert found["real"][a][b] == 1.0
    assert found["synthetic"][a][b] == -1.0
    assert abs(found["difference"][a][b]) == 2.0
    assert found["difference"][a][a] == 0.0


def test_the_matrices_have_room_for_so_many_columns_and_the_target() -> None:
    rng = np.random.default_rng(2)
    names = [f"x{place:02d}" for place in range(MOST_ASSOCIATED + 5)]
    real = pd.DataFrame(rng.normal(size=(80, len(names))), columns=names)
    columns = [Column(name, "numeric", "target" if name == names[-1] else "feature") for name in names]
    found = figures_of(real, real, *columns)["associations"]
    assert len(found["names"]) == MOST_ASSOCIATED
    assert names[-1] in found["names"]
    assert found["left_out"] == 5


def test_odd_tables_have_what_pictures_they_can() -> None:
    real = pd.DataFrame({"same": [1.0] * 40, "none": [np.nan] * 40})
    shown = figures_of(real.head(3), real, Column("same", "numeric"), Column("none", "numeric"))
    assert shown["projection"] is None
    assert [column["type"] for column in shown["columns"]] == ["histogram", "suppressed"]
    alone = figures_of(real[["same"]], real[["same"]], Column("same", "numeric"))
    assert alone["associations"] is None


def test_the_projection_is_the_plane_of_largest_variance() -> None:
    rng = np.random.default_rng(6)
    flat = np.stack([rng.normal(0, 5, 400), rng.normal(0, 2, 400), np.zeros(400)], axis=1)
    found = project(flat, flat[:10] + [0.0, 0.0, 9.0], rng=rng)
    assert found is not None
    np.testing.assert_allclose(np.abs(found["real"]), np.abs(flat[:, :2] - flat[:, :2].mean(0)), atol=0.5)
    # What is off the plane is not seen in it.
    np.testing.assert_allclose(found["synthetic"], found["real"][:10], atol=1e-3)
    assert found["explained"] == [pytest.approx(25 / 29, abs=0.03), pytest.approx(4 / 29, abs=0.03)]


@pytest.mark.parametrize(
    "history",
    [
        {"step": [10, 20, 30], "loss": [3.0, 2.0, 1.0]},
        {"loss": [[10, 3.0], [20, 2.0], [30, 1.0]]},
        {"loss": {"step": [10, 20, 30], "value": [3.0, 2.0, 1.0]}},
        {"loss": {"epoch": [10, 20, 30], "points": [3.0, 2.0, 1.0]}},
    ],
)
def test_histories_of_many_shapes_are_read(history: dict[str, Any]) -> None:
    assert curves(history) == [{"name": "loss", "points": [[10.0, 3.0], [20.0, 2.0], [30.0, 1.0]]}]


def test_records_and_bare_lists_are_read() -> None:
    records = {"log": [{"step": 1, "critic": 2.0}, {"step": 2, "critic": 1.0, "note": "slow"}]}
    assert curves(records) == [{"name": "log critic", "points": [[1.0, 2.0], [2.0, 1.0]]}]
    assert curves({"loss": [5, 4]}) == [{"name": "loss", "points": [[1.0, 5.0], [2.0, 4.0]]}]


def test_what_is_no_curve_is_passed_over() -> None:
    history = {"seed": 3, "model": "wgan-gp", "empty": [], "one": [1.0], "bad": [math.nan, 1.0, 2.0]}
    assert curves(history) == [{"name": "bad", "points": [[2.0, 1.0], [3.0, 2.0]]}]
    assert curves(None) == []


def test_long_curves_are_averaged() -> None:
    found = curves({"loss": [float(step % 2) for step in range(10_000)]})[0]["points"]
    assert len(found) <= MOST_POINTS
    assert all(value == pytest.approx(0.5, abs=0.05) for _, value in found)
