"""Disclosure control's figures on tables small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import Measure, Metric, NotApplicable
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.disclosure import membership_disclosure
from synthetic_healthcare.evaluation.privacy.release import release_anonymity, release_risk
from synthetic_healthcare.evaluation.privacy.uniques import extremes_reused, replicated_uniques
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

QUICK = EvaluationOptions(bootstrap=20, nulls=8, figures=False)
SCHEMA = Schema(
    (
        Column("zip", "categorical", "quasi"),
        Column("sex", "categorical", "quasi"),
        Column("illness", "categorical", "sensitive"),
        Column("value", "numeric"),
    )
)


def rows(*groups: tuple[str, str, str, int]) -> pd.DataFrame:
    """So many rows of each (zip, sex, illness)."""
    made = [(*key, value) for *key, count in groups for value in range(count)]
    table = pd.DataFrame(made, columns=["zip", "sex", "illness", "value"])
    # No two rows are equal.
    return table.assign(value=np.arange(len(table)) + 0.5)


def judge(one: Metric, synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame) -> Measure:
    given, _ = inputs_of([synthetic, train, holdout], SCHEMA, QUICK)
    found: Measure = given.call(one.compute, one.name)
    return found


REAL = rows(("A", "f", "flu", 15), ("A", "f", "cold", 5), ("B", "m", "flu", 2)), rows(("A", "f", "flu", 20))


def test_groups_by_hand() -> None:
    synthetic = rows(("A", "f", "flu", 3), ("A", "f", "cold", 1), ("B", "m", "flu", 2), ("C", "m", "flu", 2))
    found = judge(release_anonymity, synthetic, *REAL)
    assert found.value == 2
    assert found.detail["groups"] == 3
    assert found.detail["rows_unlike_any_patient"] == 0.25
    # Two real rows stand behind B, m: a count that is not shown.
    assert (found.detail["k_map"], found.detail["k_map_below_11"]) == (None, True)
    # l is 1 in B, m. Flu is 7 of 8: A, f has 3/4 and is 1/8 away, as are the others.
    assert found.detail["table"]["rows"] == [["illness", 1.0, pytest.approx(0.125)]]


def test_risks_by_hand() -> None:
    synthetic = rows(("A", "f", "flu", 4), ("B", "m", "flu", 2), ("C", "m", "flu", 2))
    found = judge(release_risk, synthetic, *REAL)
    prosecutor, journalist, marketer = found.detail["table"]["rows"]
    assert prosecutor == ["prosecutor", pytest.approx(3 / 8), 0.5, 1.0]
    # 40 real rows behind A, f; 2 behind B, m; none behind C, m.
    assert journalist == ["journalist", pytest.approx((4 / 40 + 2 / 2) / 8), None, 0.25]
    assert marketer[1] == found.value == pytest.approx((4 / 40 + 1) / 8)
    safe = judge(release_risk, rows(("A", "f", "flu", 4)), *REAL)
    assert safe.detail["table"]["rows"][1][2] == pytest.approx(1 / 40)
    assert judge(release_anonymity, rows(("A", "f", "flu", 4)), *REAL).detail["k_map"] == 40


def test_without_quasi_identifiers_nothing_can_be_said() -> None:
    table = rows(("A", "f", "flu", 30))
    given, _ = inputs_of(
        [table, table, table],
        SCHEMA.with_column("zip", role="feature").with_column("sex", role="feature"),
        QUICK,
    )
    for one in (release_anonymity, release_risk, replicated_uniques):
        with pytest.raises(NotApplicable, match="no column has the role quasi"):
            given.call(one.compute, one.name)


def test_uniques_that_come_back_by_hand() -> None:
    def people(start: int) -> pd.DataFrame:
        unique = [(f"Z{start + place}", "f", "flu", 1) for place in range(40)]
        return rows(*unique, ("A", "f", "flu", 10))

    train, holdout = people(0), people(100)
    synthetic = pd.concat([train.iloc[:10], holdout.iloc[:4], train.iloc[40:]], ignore_index=True)
    found = judge(replicated_uniques, synthetic, train, holdout.assign(value=holdout["value"] + 0.25))
    assert (found.detail["train"], found.detail["holdout"]) == (0.25, 0.1)
    assert found.value == pytest.approx(0.15)
    with pytest.raises(NotApplicable, match="fewer than 20 combinations"):
        judge(replicated_uniques, synthetic, *REAL)


def test_extremes_that_come_back() -> None:
    rng = np.random.default_rng(0)
    tables = [pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"]) for _ in range(3)]
    schema = Schema.infer(tables[0])
    resampled = tables[1].apply(lambda column: rng.permutation(column))
    for synthetic, expected in ((resampled, 1.0), (tables[0], 0.0), (tables[1].round(3), 0.0)):
        given, _ = inputs_of([synthetic, *tables[1:]], schema, QUICK)
        found = given.call(extremes_reused.compute, "extremes_reused")
        assert found.value == expected
        assert found.detail["columns"] == ["a", "b", "c"]


def test_membership_disclosure_by_hand() -> None:
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame(rng.normal(size=(400, 5))).set_axis(list("abcde"), axis=1) for _ in range(3)]
    schema = Schema.infer(frames[0])
    fresh = inputs_of(frames, schema, QUICK)[0].call(membership_disclosure.compute, "membership_disclosure")
    assert fresh.value < 0.1
    assert fresh.detail["sampling_fraction"] == 0.5
    assert fresh.detail["naive_f1"] == pytest.approx(2 / 3)
    # Half of the training rows are copied: F1 at distance 0 is 2 / 3, no better than calling everybody one.
    half = pd.concat([frames[1].iloc[:200], frames[0].iloc[:200]], ignore_index=True)
    partly = inputs_of([half, *frames[1:]], schema, QUICK)[0]
    assert partly.call(membership_disclosure.compute, "membership_disclosure").value < 0.35
    copied = inputs_of([frames[1], *frames[1:]], schema, QUICK)[0]
    found = copied.call(membership_disclosure.compute, "membership_disclosure")
    assert (found.value, found.upper) == (1.0, 1.0)
