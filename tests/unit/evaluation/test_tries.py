"""Singling out, linking and inference on tables whose answer is known, and the risk that tries show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import Measure
from synthetic_healthcare.evaluation.distances import nearest, nearest_rows
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.inference import attribute_inference, secrets_of
from synthetic_healthcare.evaluation.privacy.linking import linkability
from synthetic_healthcare.evaluation.privacy.singling import singling_out
from synthetic_healthcare.evaluation.privacy.tries import Tried, null_risks, worst
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.evaluation.statistics import Z, residual, wilson, z_of_several
from synthetic_healthcare.schema.schema import Schema

QUICK = EvaluationOptions(bootstrap=20, nulls=32, figures=False)


def patients(rows: int, seed: int) -> pd.DataFrame:
    """Six columns; `secret` is negative and nobody's to be told from the rest."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    return table.assign(secret=-1.0 - rng.exponential(size=rows), kind=rng.choice(["x", "y", "z"], size=rows))


def inputs(synthetic: pd.DataFrame, *, rows: int = 300) -> Inputs:
    train, holdout = patients(rows, 0), patients(rows, 1)
    schema = Schema.infer(train).with_column("secret", role="sensitive").with_column("kind", role="sensitive")
    return inputs_of([synthetic, train, holdout], schema, QUICK)[0]


@pytest.mark.parametrize("one", [singling_out, linkability, attribute_inference])
def test_copies_are_found_and_fresh_rows_are_not(one) -> None:  # type: ignore[no-untyped-def]
    copied: Measure = inputs(patients(300, 0)).call(one.compute, one.name)
    assert copied.value > 0.85
    assert copied.lower is not None
    assert copied.lower > 0.75
    fresh: Measure = inputs(patients(300, 2)).call(one.compute, one.name)
    assert fresh.lower == 0.0
    assert fresh.value < 0.15
    assert fresh.ceiling is not None
    assert 0.0 < fresh.ceiling < 0.1


def test_negative_secrets_are_no_success_of_their_own() -> None:
    found = inputs(patients(300, 2)).call(attribute_inference.compute, "attribute_inference")
    rows = {row[0]: row for row in found.detail["table"]["rows"]}
    # 5 % of the interquartile range each way holds few of the others' values.
    assert rows["secret, nearest row"][2] < 0.15
    assert rows["secret, gradient boosting"][2] < 0.15
    assert rows["kind, nearest row"][2] == pytest.approx(1 / 3, abs=0.1)


def test_what_everybody_shares_is_no_leak_but_is_told() -> None:
    def linked(seed: int) -> pd.DataFrame:
        table = patients(300, seed)
        return table.assign(kind=np.where(table["a"] > 0, "x", "y"))

    schema = Schema.infer(linked(0)).with_column("kind", role="sensitive")
    given, _ = inputs_of([linked(2), linked(0), linked(1)], schema, QUICK)
    found = given.call(attribute_inference.compute, "attribute_inference")
    assert found.value < 0.08
    boosting = next(row for row in found.detail["table"]["rows"] if row[0] == "kind, gradient boosting")
    assert boosting[-1] > 0.4


def test_secrets_are_those_declared_or_else_the_target_first() -> None:
    table = patients(300, 0)
    declared = Schema.infer(table).with_column("secret", role="sensitive")
    given, _ = inputs_of([table, table, table], declared, QUICK)
    assert [field.name for field in secrets_of(given.get("fields"), declared)] == ["secret"]
    plain = Schema.infer(table, target="kind").with_column("a", role="quasi")
    assert [field.name for field in secrets_of(given.get("fields"), plain)] == ["kind", "b", "c", "d"]


def test_residual_by_hand() -> None:
    value, low, high = residual((0.6, 100), (0.2, 100))
    assert value == pytest.approx(0.5)
    half = [(end[1] - end[0]) / 2 for end in (wilson(0.6, 100), wilson(0.2, 100))]
    assert high - value == pytest.approx(np.hypot(half[0] / 0.8, half[1] * 0.4 / 0.64))
    assert value - low == pytest.approx(high - value)
    assert residual((1.0, 10), (1.0, 10)) == (0.0, 0.0, 0.0)


def test_worst_of_several_allows_for_their_number() -> None:
    flags = np.arange(400)
    tries = [Tried("weak", flags < 100, flags < 100), Tried("strong", flags < 140, flags < 100)]
    value, lower, upper, title = worst(tries, "excess")
    assert (value, title) == (pytest.approx(0.1), "strong")
    alone = worst(tries[1:], "excess")
    assert lower < alone[1]
    assert upper == alone[2]
    assert z_of_several(1) == pytest.approx(Z)
    # By luck below the controls: the upper end is not smaller for it.
    unlucky = worst([Tried("unlucky", flags < 60, flags < 100)], "excess")
    assert unlucky[0] == 0.0
    assert unlucky[2] > 0.04


def test_null_risks_are_what_binomials_give() -> None:
    rng = np.random.default_rng(0)
    flags = np.arange(200) < 100
    found = null_risks([Tried("coin", flags, flags)], "excess", nulls=4000, rng=rng)
    # The positive half of a normal with variance 2 p (1 - p) / n.
    assert found.mean() == pytest.approx(np.sqrt(0.5 / 200) / np.sqrt(2 * np.pi), rel=0.08)
    assert null_risks([], "excess", nulls=3, rng=rng).tolist() == [0.0, 0.0, 0.0]


def test_singling_out_knows_that_its_conditions_hang_together() -> None:
    tried = inputs(patients(60, 2), rows=60).get("singled")[0]
    assert tried.spread is not None
    # A thousand conditions on sixty rows are worth far fewer independent tries.
    nominal = np.sqrt(2 * 0.25 / len(tried.members))
    assert tried.spread.std() > 1.3 * nominal
    assert abs(tried.spread.mean()) < 0.05


def test_nearest_rows_are_those_of_nearest() -> None:
    rng = np.random.default_rng(0)
    rows, others = (
        rng.integers(0, 3, size=(40, 3)).astype(float),
        rng.integers(0, 3, size=(70, 3)).astype(float),
    )
    for k in (1, 5, 100):
        distances, positions = nearest_rows(rows, others, k=k)
        assert distances == pytest.approx(nearest(rows, others, k=k))
        apart = np.abs(rows[:, None] - others[positions]).sum(axis=2)
        assert apart == pytest.approx(distances)
    # Of equal rows the first is taken.
    assert nearest_rows(rows[:1], np.repeat(rows[:1], 5, axis=0), k=2)[1].tolist() == [[0, 1]]
