"""A study's first table: standardised differences by hand, and no small cell."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import Measure
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.evaluation.utility.table_one import (
    level_difference,
    number_difference,
    table_one,
)
from synthetic_healthcare.schema import Column, Schema


def described(synthetic: pd.DataFrame, real: pd.DataFrame, schema: Schema | None = None) -> Measure:
    schema = schema or Schema.infer(real)
    given, _ = inputs_of([synthetic, real, real], schema, EvaluationOptions(bootstrap=20, figures=False))
    found = given.call(table_one.compute, "table_one")
    assert isinstance(found, Measure)
    return found


def lines(measure: Measure) -> dict[str, list[object]]:
    return {row[0].strip(): row for row in measure.detail["table"]["rows"]}


def test_number_difference_by_hand() -> None:
    real = np.array([0.0, 2.0])
    # Means 1 apart, variances 1 and 4.
    assert number_difference(np.array([0.0, 4.0]), real) == pytest.approx(1 / math.sqrt(2.5))
    assert number_difference(real, real) == 0.0
    assert number_difference(np.full(3, 5.0), np.full(3, 5.0)) == 0.0
    assert number_difference(np.full(3, 6.0), np.full(3, 5.0)) == 2.0
    assert number_difference(np.zeros(0), real) == 2.0
    assert number_difference(np.zeros(0), np.zeros(0)) == 0.0


def test_level_difference_by_hand() -> None:
    # Shares .5 and .4: .1 over the root of the mean variance, (.25 + .24) / 2.
    found = level_difference(np.array([5_000, 5_000]), np.array([6_000, 4_000]))
    assert found == pytest.approx(0.1 / math.sqrt(0.245), rel=1e-3)
    assert level_difference(np.array([5, 5, 0]), np.array([50, 50, 0])) == 0.0
    assert 2 < level_difference(np.array([0, 100]), np.array([100, 0])) < math.inf


def test_lines_of_every_kind_of_column() -> None:
    rng = np.random.default_rng(0)
    n = 200
    real = pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "stay": rng.exponential(3, n),
            "sex": np.repeat(["f", "m"], [150, 50]),
            "admitted": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), unit="D"),
            "codes": np.where(np.arange(n) % 2, "I10;E11", "J45"),
        }
    )
    schema = Schema(
        (
            Column("age", "numeric"),
            Column("stay", "numeric"),
            Column("sex", "categorical"),
            Column("admitted", "datetime"),
            Column("codes", "codes", delimiter=";"),
        )
    )
    found = described(real.assign(age=real["age"] + 5), real, schema)
    table = lines(found)
    assert found.value == pytest.approx(5 / real["age"].std(ddof=0))
    assert found.ceiling == pytest.approx(0.0)
    mean, sd = real["age"].mean(), real["age"].std(ddof=0)
    assert table["age, mean (SD)"][1] == f"{mean:.4g} ({sd:.3g})"
    assert "[" in str(table["stay, median [quartiles]"][1])
    assert table["f"][1] == "150 (75.0 %)"
    assert str(table["admitted, mean date (SD in days)"][1]).startswith("2020-04-09")
    assert table["I10"][1:3] == ["100 (50.0 %)", "100 (50.0 %)"]


def test_small_cells_are_not_shown_nor_derivable() -> None:
    real = pd.DataFrame(
        {"unit": np.repeat(["ward", "icu", "home"], [150, 45, 5]), "age": np.arange(200.0) ** 0.5}
    )
    real.loc[:6, "age"] = np.nan
    table = lines(described(real, real))
    # Five went home: the next smallest is left out with them, or the total would give them away.
    assert [table[name][1] for name in ("ward", "icu", "home")] == ["150 (75.0 %)", None, None]
    # The synthetic table's own counts are no real patients.
    assert table["home"][2] == "5 (2.5 %)"
    assert table["missing"][1] is None
    few = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.5] * 2})
    assert described(few, few).detail["table"]["rows"][0][1] is None
