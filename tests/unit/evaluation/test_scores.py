"""The two scores and the verdict, from figures put in by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthetic_healthcare.evaluation._base import Measure, MetricResult
from synthetic_healthcare.evaluation.privacy.nulls import PARTS, Nulls
from synthetic_healthcare.evaluation.scores import (
    UTILITY_WEIGHTS,
    Judgement,
    patients_needed,
    privacy_judgement,
    utility_score,
)

CLEAN = {"p_value": 1.0, "p_value_holdout": 1.0, "z": 0.0}


def results(measures: dict[str, Measure], **reasons: str) -> dict[str, MetricResult]:
    names = [*UTILITY_WEIGHTS, *PARTS, "copies"]
    found = {}
    for name in names:
        status = "ok" if name in measures else "failed" if name in reasons else "not_applicable"
        reason = reasons.get(name, "" if name in measures else f"no {name}")
        found[name] = MetricResult(name, name, "utility", "higher", (0, 1), status, reason=reason)  # type: ignore[arg-type]
    return found


def utility(**values: tuple[float, float]) -> dict[str, Measure]:
    return {
        name: Measure(value, ceiling=ceiling, replicates=np.array([[value] * 9, [ceiling] * 9]))
        for name, (value, ceiling) in values.items()
    }


ALL = utility(
    marginals=(0.45, 0.9),
    pairs=(0.8, 0.8),
    c2st=(0.9, 0.8),
    coverage=(0.5, 1),
    tstr=(0.5, 1),
    importance=(0.6, 0.8),
)


def test_utility_by_hand() -> None:
    score = utility_score(results(ALL), ALL)
    # .15 x .5 + .20 x 1 + .15 x 1 (capped) + .15 x .5 + .25 x .5 + .10 x (.75 x .5)
    assert score.value == pytest.approx(0.075 + 0.2 + 0.15 + 0.075 + 0.125 + 0.0375)
    assert (score.lower, score.upper) == pytest.approx((score.value, score.value))
    assert {one.name: one.weight for one in score.components} == pytest.approx(dict(UTILITY_WEIGHTS))


def test_without_target_the_rest_is_scaled_up() -> None:
    kept = {name: measure for name, measure in ALL.items() if name not in ("tstr", "importance")}
    score = utility_score(results(kept), kept)
    assert score.value == pytest.approx((0.075 + 0.2 + 0.15 + 0.075) / 0.65)


def test_importance_falls_with_the_skill_it_explains() -> None:
    kept = {name: measure for name, measure in ALL.items() if name != "tstr"}
    names = [one.name for one in utility_score(results(kept), kept).components]
    assert "importance" not in names


def test_a_failed_component_leaves_no_score() -> None:
    kept = {name: measure for name, measure in ALL.items() if name != "pairs"}
    score = utility_score(results(kept, pairs="ValueError: broken"), kept)
    assert score.value is None
    assert "broken" in score.reason


def judge(
    q0: float = 0.0, p_value: float = 1.0, copied: float = 0.0, **parts: tuple[float, float, float]
) -> Judgement:
    measures = {name: Measure(0.0, 0.0, 0.0, detail=CLEAN) for name in PARTS}
    measures |= {name: Measure(*ends, detail=CLEAN) for name, ends in parts.items()}
    measures["copies"] = Measure(copied, copied, copied, detail={**CLEAN, "p_value": p_value})
    nulls = Nulls({part: np.full(3, q0) for part in PARTS})
    return privacy_judgement(results(measures), measures, nulls, threshold=0.09, holdout_rows=1_000)


def test_privacy_by_hand() -> None:
    found = judge(q0=0.05, membership=(0.24, 0.20, 0.28), closeness=(0.10, 0.02, 0.15))
    assert found.score.value == pytest.approx(1 - 0.19 / 0.95)
    # The ends use the parts' own ends; what noise reads is not subtracted from the worst case.
    assert (found.score.lower, found.score.upper) == pytest.approx((0.72, 0.80))
    assert found.verdict == "FAIL"
    weights = {one.name: one.weight for one in found.score.components}
    assert weights == {"membership": 1, "membership_hits": 0, "member_copies": 0, "closeness": 0, "copies": 1}


def test_copies_cap_the_score() -> None:
    assert judge(copied=0.1).score.value == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.02, 0.0, 0.05), "PASS"), ((0.05, 0.0, 0.15), "INCONCLUSIVE"), ((0.2, 0.15, 0.25), "FAIL")],
)
def test_verdicts(ends: tuple[float, float, float], verdict: str) -> None:
    assert judge(membership=ends).verdict == verdict


def test_copies_beyond_chance_fail_whatever_the_score() -> None:
    found = judge(p_value=0.009)
    assert (found.verdict, found.score.value) == ("FAIL", 1.0)


def test_inconclusive_says_how_many_it_would_take() -> None:
    # Score .95, lower end .85: it must come within .04, so (.10 / .04) squared times as many.
    assert patients_needed(0.95, (0.85, 1.0), wanted=0.91, rows=1_000) == 6_300
    assert patients_needed(0.80, (0.60, 1.0), wanted=0.91, rows=100) == 340
    assert patients_needed(0.91, (0.80, 1.0), wanted=0.91, rows=100) is None
    assert "6,300" in judge(membership=(0.05, 0.0, 0.15)).reason


def test_a_holdout_that_was_seen_gives_no_score() -> None:
    found = judge(closeness=(0.0, 0.0, 0.0))
    assert found.verdict == "PASS"
    measures = {name: Measure(0.0, 0.0, 0.0, detail=CLEAN) for name in (*PARTS, "copies")}
    for name, detail in (("copies", {"p_value_holdout": 1e-6}), ("closeness", {"z": -6.0})):
        changed = {**measures, name: replace(measures[name], detail={**CLEAN, **detail})}
        nulls = Nulls({part: np.zeros(3) for part in PARTS})
        found = privacy_judgement(results(changed), changed, nulls, threshold=0.09, holdout_rows=50)
        assert (found.verdict, found.score.value) == ("NOT AVAILABLE", None)
        assert "seen" in found.score.reason


def test_no_holdout_no_score() -> None:
    found = privacy_judgement(results({}), {}, None, threshold=0.09, holdout_rows=0)
    assert (found.verdict, found.score.value) == ("NOT AVAILABLE", None)
    assert found.score.reason == "no membership"
