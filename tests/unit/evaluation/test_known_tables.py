"""What is known of the figures beside the scores; copies score as real rows do, uniform draws worse."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import Metric
from synthetic_healthcare.evaluation.catalogue import METRICS
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.runner import inputs_of, run_metric
from synthetic_healthcare.schema.schema import Schema

Hospital = tuple[pd.DataFrame, pd.DataFrame, Schema]
Judge = Callable[[str, Metric], tuple[float, float | None]]

BY_NAME = {one.name: one for one in METRICS}
#: Figures that depend on the rows alone and not on their order: a copy gets the very figure of real rows.
EXACT = [
    "wasserstein",
    "jensen_shannon",
    "chi_square",
    "missingness",
    "association_errors",
    "mutual_information",
    "pmse",
    "mmd",
    "precision",
    "recall",
    "density",
    "alpha_precision",
    "beta_recall",
    "effects",
    "table_one",
]
#: Figures in which chance takes part: folds, halves, starts of clusters.
BY_CHANCE = ["c2st_logistic", "log_cluster", "trts", "tsts", "macro_f1", "brier", "calibration"]


@pytest.fixture(scope="module")
def judge(hospital: Hospital, anchor: Callable[..., pd.DataFrame]) -> Judge:
    train, holdout, schema = hospital
    options = EvaluationOptions(bootstrap=20, figures=False)
    given: dict[str, Inputs] = {}

    def figure(kind: str, one: Metric) -> tuple[float, float | None]:
        if kind not in given:
            given[kind] = inputs_of([anchor(kind, train), train, holdout], schema, options)[0]
        result, measure = run_metric(one, given[kind])
        assert measure is not None, result.reason
        return measure.value, measure.ceiling

    return figure


@pytest.mark.parametrize("name", EXACT)
def test_a_copy_scores_as_real_rows_do(name: str, judge: Judge) -> None:
    value, ceiling = judge("shuffled copy", BY_NAME[name])
    assert value == pytest.approx(ceiling, abs=1e-9)


@pytest.mark.parametrize("name", [*EXACT, *BY_CHANCE])
def test_uniform_draws_score_worse_than_a_fresh_sample(name: str, judge: Judge) -> None:
    sign = 1 if BY_NAME[name].better == "higher" else -1
    fresh, ceiling = judge("fresh", BY_NAME[name])
    uniform, _ = judge("uniform", BY_NAME[name])
    assert ceiling is not None
    # The fresh sample stands nearer to what real rows get than to what the uniform draws get.
    assert abs(fresh - ceiling) < abs(fresh - uniform)
    assert sign * fresh > sign * uniform


@pytest.mark.parametrize("name", ["association_errors", "mutual_information", "precision", "effects", "trts"])
def test_lost_relations_are_seen(name: str, judge: Judge) -> None:
    sign = 1 if BY_NAME[name].better == "higher" else -1
    assert sign * judge("fresh", BY_NAME[name])[0] > sign * judge("independent", BY_NAME[name])[0]


@pytest.mark.parametrize("name", ["wasserstein", "jensen_shannon", "chi_square", "pmse", "c2st_logistic"])
def test_what_sees_single_columns_only_is_fooled_by_independent_ones(name: str, judge: Judge) -> None:
    # Why none of them is part of the score.
    value, ceiling = judge("independent", BY_NAME[name])
    assert value == pytest.approx(ceiling, rel=0.2)


def test_authenticity_raises_its_alarm_for_copies_and_not_for_a_fresh_sample(judge: Judge) -> None:
    alarm = BY_NAME["authenticity"]
    assert judge("copy", alarm)[0] == judge("replay", alarm)[0] == 0.0
    assert judge("noisy copy", alarm)[0] < 0.1
    value, ceiling = judge("fresh", alarm)
    assert value == pytest.approx(ceiling, abs=0.06)
