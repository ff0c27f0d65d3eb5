"""Models trained and tested on either table: skill, calibration, effects, and the fate of lost classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import Measure, Metric, NotApplicable
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.regressions import Estimates
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.evaluation.statistics import Z
from synthetic_healthcare.evaluation.utility.crossings import augmentation, trtr, trts, tsts
from synthetic_healthcare.evaluation.utility.effects import effects, hazard_ratios, overlap
from synthetic_healthcare.evaluation.utility.importance import importance, rank_agreement
from synthetic_healthcare.evaluation.utility.predictions import (
    brier,
    calibration,
    calibration_curve,
    calibration_line,
    f1,
    macro_f1,
)
from synthetic_healthcare.schema import Schema


def patients(rows: int, seed: int, *, classes: int = 2, strength: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, noise, other = rng.normal(size=(3, rows))
    score = strength * x + noise
    edges = np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1] ** 0.8)
    return pd.DataFrame(
        {
            "x": x,
            "other": other,
            "sex": rng.choice(["f", "m"], rows),
            "outcome": np.array(["a", "b", "c"])[np.searchsorted(edges, score)],
        }
    )


TRAIN, HOLDOUT, FRESH = (patients(300, seed) for seed in (0, 1, 2))


def inputs(
    synthetic: pd.DataFrame,
    train: pd.DataFrame = TRAIN,
    holdout: pd.DataFrame = HOLDOUT,
    *,
    target: str = "outcome",
    schema: Schema | None = None,
) -> Inputs:
    schema = schema or Schema.infer(pd.concat([train, holdout]), target=target)
    return inputs_of([synthetic, train, holdout], schema, EvaluationOptions(bootstrap=20, figures=False))[0]


def run(one: Metric, given: Inputs) -> Measure:
    found = given.call(one.compute, one.name)
    assert isinstance(found, Measure)
    return found


def broken(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(outcome=np.random.default_rng(0).permutation(frame["outcome"]))


def test_crossings_of_a_fresh_sample_and_of_a_shuffled_target() -> None:
    fresh, lost = inputs(FRESH), inputs(broken(FRESH))
    for one in (trts, tsts):
        found = run(one, fresh)
        assert found.value == pytest.approx(found.ceiling, abs=0.06)
        assert run(one, lost).value == pytest.approx(0.5, abs=0.12)
    real = run(trtr, lost)
    assert real.value > 0.9
    assert real.lower is not None
    assert run(trts, lost).ceiling == pytest.approx(real.value)
    assert real.detail["table"]["columns"] == ["AUC", "Real"]


def test_augmentation_helps_the_few_and_a_turned_target_hurts() -> None:
    few = TRAIN.iloc[:40]
    more = inputs(patients(300, 5).iloc[:40], few)
    turned = (
        patients(300, 5).iloc[:40].assign(outcome=lambda frame: frame["outcome"].map({"a": "b", "b": "a"}))
    )
    worse = inputs(turned, few)
    assert run(augmentation, more).value > run(augmentation, worse).value
    assert run(augmentation, worse).value < -0.05
    assert run(augmentation, more).detail["table"]["columns"][-1] == "Rarest class only"


def test_number_as_target() -> None:
    def stay(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.drop(columns="outcome").assign(stay=3 * frame["x"] + frame["other"])

    given = inputs(stay(FRESH), stay(TRAIN), stay(HOLDOUT), target="stay")
    for one in (trtr, trts, tsts):
        assert 0.7 < run(one, given).value <= 1.0
    assert run(trtr, given).detail["table"]["columns"] == ["R squared", "Real"]
    for one in (macro_f1, brier, calibration):
        with pytest.raises(NotApplicable, match="is a number"):
            run(one, given)
    found = run(effects, given)
    slopes = {row[0]: row[1] for row in found.detail["table"]["rows"]}
    # Three against one, in standard deviations of the target; the fit is exact.
    deviations = stay(HOLDOUT)[["x", "other", "stay"]].std()
    assert slopes["x (per SD)"] == pytest.approx(3 * deviations["x"] / deviations["stay"], abs=1e-3)
    assert slopes["other (per SD)"] == pytest.approx(deviations["other"] / deviations["stay"], abs=1e-3)


def test_a_table_of_one_class_scores_as_one_that_guesses() -> None:
    given = inputs(FRESH.assign(outcome="a"))
    assert run(trts, given).value == 0.5
    assert run(tsts, given).value == 0.5
    share = float((HOLDOUT["outcome"] == "a").mean())
    # All rows are called "a": its F1 is 2 p / (1 + p), that of the other class 0.
    assert run(macro_f1, given).value == pytest.approx(share / (1 + share))
    assert run(brier, given).value == pytest.approx(1 - share)
    found = run(calibration, given)
    assert found.value == 1.0
    assert found.detail["table"]["rows"][0][3] == 0.0
    none = run(effects, given)
    assert none.value == 0.0
    assert none.detail["table"]["rows"][0][4] is None


def test_a_lost_class_is_guessed_and_not_dropped() -> None:
    train, holdout = patients(300, 0, classes=3), patients(300, 1, classes=3)
    lost = train.assign(outcome=train["outcome"].where(train["outcome"] != "c", "b"))
    whole, given = inputs(train, train, holdout), inputs(lost, train, holdout)
    for one in (trts, tsts, macro_f1):
        assert 0.3 < run(one, given).value < run(one, whole).value - 0.05
    assert run(brier, given).value > run(brier, whole).value + 0.05
    with pytest.raises(NotApplicable, match="more than two classes"):
        run(effects, given)


def test_f1_by_hand() -> None:
    predicted, target = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    # Class 0: 1 hit of 2 said and 2 true; class 1: 2 hits of 3 and 3.
    assert f1(predicted, target, classes=2, weights=np.ones((1, 5)))[0] == pytest.approx((1 / 2 + 2 / 3) / 2)
    doubled = f1(predicted, target, classes=2, weights=np.array([[2.0, 0.0, 1.0, 1.0, 1.0]]))
    assert doubled[0] == pytest.approx((4 / 5 + 4 / 5) / 2)


def test_calibration_line_and_curve_of_chances_that_are_right_or_too_extreme() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=20_000)
    chance = 1 / (1 + np.exp(-logits))
    outcome = rng.random(20_000) < chance
    slope, intercept = calibration_line(chance, outcome)
    assert (slope, intercept) == (pytest.approx(1.0, abs=0.06), pytest.approx(0.0, abs=0.06))
    extreme = 1 / (1 + np.exp(-2 * logits))
    assert calibration_line(extreme, outcome)[0] == pytest.approx(0.5, abs=0.03)
    curve = calibration_curve(chance, outcome)
    assert len(curve["x"]) == 10
    assert np.abs(np.array(curve["x"]) - curve["y"]).max() < 0.04
    # Few patients make one point, fewer than eleven none.
    assert len(calibration_curve(chance[:40], outcome[:40])["x"]) == 1
    assert calibration_curve(chance[:10], outcome[:10])["x"] == []


def test_probabilities_of_a_fresh_sample() -> None:
    given = inputs(FRESH)
    for one in (macro_f1, brier):
        found = run(one, given)
        assert found.value == pytest.approx(found.ceiling, abs=0.06)
        assert found.lower is not None
        assert found.lower <= found.value <= (found.upper or 0.0)
    drawn = run(calibration, given).detail
    assert [curve["side"] for curve in drawn["curves"]] == ["real", "synthetic"]


def test_overlap_by_hand() -> None:
    def at(*centres: float) -> Estimates:
        return Estimates(np.array(centres), np.eye(len(centres)) / Z**2)

    # Intervals of length 2 about 0, moved by 0, 1 and 3.
    assert overlap(at(0, 0, 0), at(0, 1, 3)).tolist() == pytest.approx([1.0, 0.5, 0.0])
    # One of length 1 within one of length 2: half of the one, all of the other.
    narrow = Estimates(np.zeros(1), np.eye(1) / (2 * Z) ** 2)
    assert overlap(at(0), narrow)[0] == pytest.approx(0.75)


def test_effects_find_what_matters_and_its_sign() -> None:
    fresh, lost = run(effects, inputs(FRESH)), run(effects, inputs(broken(FRESH)))
    assert fresh.value > lost.value + 0.2
    assert fresh.detail["sign_agreement"] == 1.0
    assert fresh.detail["outcome"] in ("outcome: a", "outcome: b")
    rows = {row[0]: row for row in fresh.detail["table"]["rows"]}
    assert set(rows) == {
        "x (per SD)",
        "other (per SD)",
        next(name for name in rows if name.startswith("sex")),
    }
    _, odds, low, high, *_ = rows["x (per SD)"]
    # The rarer class is the event; the ratio is clear of 1 on the one side or the other.
    assert low < odds < high
    assert min(abs(math.log(low)), abs(math.log(high))) > 1.0
    turned = inputs(FRESH.assign(x=-FRESH["x"]))
    assert run(effects, turned).detail["sign_agreement"] == 0.0


def test_hazard_ratios_side_by_side() -> None:
    def visits(seed: int, slope: float) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"age": rng.normal(60, 10, 400), "dose": rng.normal(size=400)})
        time = rng.exponential(np.exp(-slope * (frame["age"] - 60) / 10))
        end = rng.exponential(2.0, 400)
        return frame.assign(years=np.minimum(time, end), died=time <= end)

    train, holdout = visits(0, 0.8), visits(1, 0.8)
    schema = Schema.infer(train).with_time_to_event("years", event="died", happened=True)
    found = run(hazard_ratios, inputs(visits(2, 0.8), train, holdout, schema=schema))
    flipped = run(hazard_ratios, inputs(visits(2, -0.8), train, holdout, schema=schema))
    assert found.value > 0.5 > flipped.value
    rows = {row[0]: row for row in found.detail["table"]["rows"]}
    assert set(rows) == {"age (per SD)", "dose (per SD)"}
    assert rows["age (per SD)"][1] == pytest.approx(math.exp(0.8), rel=0.25)
    assert flipped.detail["sign_agreement"] == 0.0
    alive = run(hazard_ratios, inputs(visits(2, 0.8).assign(died=False), train, holdout, schema=schema))
    assert alive.value == 0.0


def test_rank_agreement_is_a_diagnostic() -> None:
    assert rank_agreement(np.array([3.0, 2.0, 1.0]), np.array([0.6, 0.3, 0.1])) == {
        "spearman": 1.0,
        "kendall": 1.0,
    }
    # One neighbouring pair of three is turned round.
    found = rank_agreement(np.array([3.0, 2.0, 1.0]), np.array([0.3, 0.6, 0.1]))
    assert found == {"spearman": pytest.approx(0.5), "kendall": pytest.approx(1 / 3)}
    assert rank_agreement(np.zeros(3), np.arange(3.0)) == {"spearman": None, "kendall": None}
    detail: dict[str, Any] = dict(run(importance, inputs(FRESH)).detail)
    assert detail["bars"][0]["name"] == "x"
    assert set(detail["rank_agreement"]) == {"synthetic", "real_sample"}
