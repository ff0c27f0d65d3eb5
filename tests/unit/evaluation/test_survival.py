"""Survival curves and regressions, against answers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged, arrange, fit_encoder
from synthetic_healthcare.evaluation.fidelity.survival import (
    FollowUp,
    curve_gap,
    declared_times,
    follow_up,
    kaplan_meier,
    log_rank,
    restricted_mean,
    survival,
)
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.regressions import (
    cox,
    independent_columns,
    linear,
    logistic,
    with_intercept,
)
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.evaluation.views import Field, read_tables
from synthetic_healthcare.schema import Column, Schema, TimeToEvent


def followed(*times: float, censored: tuple[float, ...] = ()) -> FollowUp:
    time = np.array([*times, *censored])
    return FollowUp(time, np.arange(len(time)) < len(times), np.arange(len(time)))


def once(of: FollowUp) -> np.ndarray:
    return np.ones((1, len(of.time)))


def test_kaplan_meier_by_hand() -> None:
    of = followed(1, 2, 4, censored=(3,))
    at = np.array([0.0, 0.5, 1.0, 2.0, 3.5, 4.0, 9.0])
    assert kaplan_meier(of, at, weights=once(of))[0].tolist() == [1, 1, 0.75, 0.5, 0.5, 0, 0]
    # One for the first year, 3/4 for the second, a half for two more.
    assert restricted_mean(of, 4.0) == pytest.approx(1 + 0.75 + 1)
    # Who is censored at the time of an event is still followed then.
    tied = followed(2, censored=(2,))
    assert kaplan_meier(tied, np.array([2.0]), weights=once(tied))[0, 0] == 0.5


def test_kaplan_meier_under_weights_is_that_of_repeated_patients() -> None:
    of, weight = followed(1, 2, 4, censored=(3,)), np.array([[2, 0, 1, 3]])
    repeated = FollowUp(np.repeat(of.time, weight[0]), np.repeat(of.event, weight[0]), np.arange(6))
    at = np.arange(5.0)
    expected = kaplan_meier(repeated, at, weights=once(repeated))
    assert kaplan_meier(of, at, weights=weight.astype(float)) == pytest.approx(expected)


def test_gap_by_hand() -> None:
    early, late = followed(1, 1), followed(3, 3)
    # From 1 to 3 one curve is at 0 and the other at 1: two of four years.
    assert curve_gap(early, late, horizon=4.0, weights=once(late))[0] == pytest.approx(0.5)
    assert curve_gap(late, late, horizon=4.0, weights=once(late))[0] == 0.0


def test_log_rank_by_hand() -> None:
    # At 1, 2, 3, 4 the first group expects 1/2, 1/3, 1/2, 0 with variances 1/4, 2/9, 1/4, 0.
    statistic, p_value = log_rank(followed(1, 3), followed(2, 4))
    assert statistic == pytest.approx((2 - 4 / 3) ** 2 / (1 / 4 + 2 / 9 + 1 / 4))
    assert 0.4 < p_value < 0.5
    assert log_rank(followed(censored=(1.0, 2.0)), followed(censored=(1.0,))) == (0.0, 1.0)


def test_cox_by_hand() -> None:
    # u = exp(b): likelihood u / (2u + 1) / (1 + u) is largest at u = sqrt(1/2).
    found = cox(np.array([[1.0], [0.0], [1.0]]), np.array([1.0, 2.0, 3.0]), event=np.ones(3, bool))
    assert found.coefficients[0] == pytest.approx(-math.log(2) / 2, abs=1e-6)
    u = math.sqrt(0.5)
    information = 2 * u / (2 * u + 1) ** 2 + u / (1 + u) ** 2
    assert found.errors[0] == pytest.approx(1 / math.sqrt(information), rel=1e-6)


def test_cox_with_ties_after_efron_by_hand() -> None:
    # Two die at once: u / (2 + u) / (2 + u - (1 + u) / 2) is largest at u = sqrt(6).
    found = cox(
        np.array([[1.0], [0.0], [0.0]]), np.array([1.0, 1.0, 2.0]), event=np.array([True, True, False])
    )
    assert found.coefficients[0] == pytest.approx(math.log(6) / 2, abs=1e-6)
    # Minus the second derivative of log u - log(2 + u) - log(3 + u) in log u.
    u = math.sqrt(6)
    information = 2 * u / (2 + u) ** 2 + 3 * u / (3 + u) ** 2
    assert found.errors[0] == pytest.approx(1 / math.sqrt(information), rel=1e-6)


def test_cox_finds_a_known_hazard_ratio() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3_000, 2))
    time = rng.exponential(np.exp(-inputs @ [0.7, -0.4]))
    end = rng.exponential(2.0, size=3_000)
    found = cox(inputs, np.minimum(time, end), event=time <= end)
    assert np.abs(found.coefficients - [0.7, -0.4]).max() < 3 * found.errors.max()


def test_logistic_by_hand_and_under_separation() -> None:
    # 30 of 40 against 10 of 40: odds ratio 9, variance of its logarithm 1/30 + 1/10 + 1/10 + 1/30.
    exposed = np.repeat([1.0, 0.0], 40)
    outcome = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 10, 10, 30])
    found = logistic(with_intercept(exposed[:, None]), outcome)
    assert found.coefficients[1] == pytest.approx(math.log(9))
    assert found.errors[1] == pytest.approx(math.sqrt(2 / 30 + 2 / 10))
    apart = logistic(with_intercept(exposed[:, None]), exposed, prior_sd=np.array([np.inf, 2.5]))
    assert 1 < apart.coefficients[1] < 20


def test_linear_by_hand() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0])
    found = linear(with_intercept(x[:, None]), 1 + 2 * x + np.array([1, -1, -1, 1]))
    assert found.coefficients == pytest.approx([1.0, 2.0])
    # Residual variance 4 / 2 over the sum of squares 5.
    assert found.errors[1] == pytest.approx(math.sqrt(2 / 5))


def test_columns_that_repeat_others_are_left_out() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    assert len(independent_columns(np.column_stack([x, x[:, 0] + x[:, 1], np.zeros(20)]))) == 2


def visits(rows: int, seed: int, *, rate: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(1 / rate, rows), rng.exponential(2.0, rows)
    return pd.DataFrame({"years": np.minimum(time, end), "died": np.where(time <= end, "yes", "no")})


PLAIN = Schema((Column("years", "numeric"), Column("died", "categorical")))


def prepared(*frames: pd.DataFrame) -> tuple[tuple[Field, ...], list[Judged]]:
    fields, views = read_tables(frames, PLAIN)
    encoder = fit_encoder(fields, views[1:])
    return fields, [arrange(view, encoder, seed=0, table=i, rows=5_000)[0] for i, view in enumerate(views)]


def test_survival_of_a_fresh_sample_and_of_patients_who_die_sooner() -> None:
    told = TimeToEvent("years", "died", "yes")
    found = []
    for rate in (1.0, 3.0):
        fields, tables = prepared(visits(400, 0, rate=rate), visits(400, 1), visits(400, 2))
        read = follow_up(told, fields, *tables)
        assert 0.5 < read[2].event.mean() < 0.8
        found.append(survival.compute(read, np.ones((5, 400))))
    fresh, sooner = found
    assert fresh.value < 0.06 < 0.15 < sooner.value
    assert fresh.detail["log_rank_p"] > 0.01 > sooner.detail["log_rank_p"]
    curve = fresh.detail["curves"][0]
    assert curve["side"] == "real"
    assert all(
        low <= y <= high for low, y, high in zip(curve["lower"], curve["y"], curve["upper"], strict=True)
    )
    # The curves end where fewer than eleven hold-out patients are followed.
    assert (tables[2].view.values["years"] >= fresh.detail["tau"]).sum() == 11


def test_few_events_are_not_drawn() -> None:
    few = visits(60, 2).assign(died=lambda frame: np.where(frame.index < 5, frame["died"], "no"))
    fields, tables = prepared(visits(60, 0), visits(60, 1), few)
    read = follow_up(TimeToEvent("years", "died", "yes"), fields, *tables)
    assert 0 < read[2].event.sum() < 11
    detail = survival.compute(read, np.ones((2, 60))).detail
    assert [curve["side"] for curve in detail["curves"]] == ["synthetic"]
    assert detail["table"]["rows"][1][1] is None


def test_events_that_cannot_be_read_are_not_guessed() -> None:
    fields, tables = prepared(visits(50, 0), visits(50, 1), visits(50, 2))
    with pytest.raises(NotApplicable, match="names no time and event"):
        declared_times(PLAIN, EvaluationOptions())
    with pytest.raises(NotApplicable, match="set `happened`"):
        follow_up(TimeToEvent("years", "died"), fields, *tables)


def test_the_options_may_name_them_in_place_of_the_schema() -> None:
    told, other = TimeToEvent("years", "died", "yes"), TimeToEvent("years", "died", "no")
    schema = replace(PLAIN, time_to_event=other)
    assert declared_times(schema, EvaluationOptions()) == other
    assert declared_times(schema, EvaluationOptions(time_to_event=told)) == told
    with pytest.raises(SchemaError, match="time_to_event"):
        evaluate(
            visits(20, 0),
            train=visits(20, 1),
            holdout=None,
            schema=PLAIN,
            options=EvaluationOptions(time_to_event=TimeToEvent("days", "died")),
        )
