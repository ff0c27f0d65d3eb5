"""Sanity anchors: tables whose scores are known beforehand must get them.

1,000 training and 1,000 held-out patients of a simulated hospital, and the synthetic tables of which nobody
doubts what they are worth: a copy, a noisy copy, a replay, a fresh sample, columns without their relations.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pandas as pd
import pytest

from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.schema.schema import Schema

Hospital = tuple[pd.DataFrame, pd.DataFrame, Schema]
OPTIONS = EvaluationOptions(figures=False, bootstrap=50)


@pytest.fixture(scope="module")
def report(hospital: Hospital, anchor: Callable[..., pd.DataFrame]) -> Callable[[str], EvaluationReport]:
    train, holdout, schema = hospital
    found: dict[str, EvaluationReport] = {}

    def judge(kind: str) -> EvaluationReport:
        if kind not in found:
            synthetic = anchor(kind, train)
            found[kind] = evaluate(synthetic, train=train, holdout=holdout, schema=schema, options=OPTIONS)
            assert not found[kind].failed
        return found[kind]

    return judge


@pytest.mark.parametrize(
    ("kind", "utility", "privacy"),
    [
        ("shuffled copy", (0.98, 1.0), (0.0, 0.05)),
        ("noisy copy", (0.0, 1.0), (0.0, 0.10)),
        ("smote", (0.0, 1.0), (0.0, 0.25)),
        ("copied 10", (0.0, 1.0), (0.0, 0.91 - 1e-9)),
        ("replay", (0.0, 0.40), (0.0, 0.05)),
        ("fresh", (0.93, 1.0), (0.95, 1.0)),
        ("independent", (0.0, 0.50), (0.88, 1.0)),
        ("uniform", (0.0, 0.35), (0.93, 1.0)),
    ],
)
def test_bounds(
    report: Callable[[str], EvaluationReport],
    kind: str,
    utility: tuple[float, float],
    privacy: tuple[float, float],
) -> None:
    found = report(kind)
    assert utility[0] <= found["utility_score"] <= utility[1]
    assert privacy[0] <= found["privacy_score"] <= privacy[1]
    for name in ("utility", "privacy"):
        assert found[f"{name}_score_lower"] <= found[f"{name}_score"] <= found[f"{name}_score_upper"]


def test_order_of_a_copy_changes_nothing(report: Callable[[str], EvaluationReport]) -> None:
    for name in ("utility_score", "privacy_score"):
        assert report("copy")[name] == report("shuffled copy")[name]


def test_leaks_fail_and_a_fresh_sample_does_not(report: Callable[[str], EvaluationReport]) -> None:
    for kind in ("shuffled copy", "noisy copy", "smote", "copied 10", "replay"):
        assert report(kind).verdict == "FAIL", kind
    assert report("fresh").verdict in ("PASS", "INCONCLUSIVE")


def test_structure_is_worth_something(report: Callable[[str], EvaluationReport]) -> None:
    assert report("fresh")["utility_score"] - report("independent")["utility_score"] >= 0.40


def test_privacy_falls_with_the_share_of_copies(report: Callable[[str], EvaluationReport]) -> None:
    scores = [report(kind)["privacy_score"] for kind in ("fresh", "copied 10", "copied 50", "copy")]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.slow
def test_privacy_falls_at_every_step_and_copies_always_fail(
    report: Callable[[str], EvaluationReport],
) -> None:
    kinds = [f"copied {share}" for share in (0, 5, 10, 25, 50, 100)]
    scores = [report(kind)["privacy_score"] for kind in kinds]
    assert all(later <= earlier + 0.02 for earlier, later in pairwise(scores))
    assert all(report(kind).verdict == "FAIL" for kind in kinds[1:])


@pytest.mark.slow
def test_false_alarms_are_rare(simulated: Callable[..., pd.DataFrame]) -> None:
    verdicts = []
    for seed in range(20):
        everyone = simulated(3_000, seed=100 + seed)
        train, holdout, fresh = (
            everyone.iloc[start : start + 1_000].reset_index(drop=True) for start in (0, 1_000, 2_000)
        )
        schema = Schema.infer(everyone, target="died")
        found = evaluate(fresh, train=train, holdout=holdout, schema=schema, options=OPTIONS)
        verdicts.append(found.verdict)
        assert found["privacy_score"] >= 0.90
        assert found["utility_score"] >= 0.93
    assert verdicts.count("FAIL") <= 1


@pytest.mark.slow
def test_utility_falls_with_noise(
    hospital: Hospital, anchor: Callable[..., pd.DataFrame], simulated: Callable[..., pd.DataFrame]
) -> None:
    train, holdout, schema = hospital
    fresh = simulated(1_000, seed=1_234)
    independent = anchor("independent", fresh)
    scores = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        rows = round(share * 1_000)
        mixed = pd.concat([independent.iloc[:rows], fresh.iloc[rows:]], ignore_index=True)
        found = evaluate(mixed, train=train, holdout=holdout, schema=schema, options=OPTIONS)
        scores.append(found["utility_score"])
    assert scores == sorted(scores, reverse=True)


@pytest.mark.slow
def test_a_noisy_copy_is_not_lost_in_the_subsamples_of_a_large_table(
    simulated: Callable[..., pd.DataFrame], anchor: Callable[..., pd.DataFrame]
) -> None:
    everyone = simulated(24_000, seed=8)
    train, holdout, fresh = (everyone.iloc[start : start + 8_000] for start in (0, 8_000, 16_000))
    schema = Schema.infer(everyone, target="died")
    options = EvaluationOptions(figures=False, bootstrap=50, max_rows=1_000)
    leaky = evaluate(
        anchor("noisy copy", train), train=train, holdout=holdout, schema=schema, options=options
    )
    assert leaky["privacy_score"] <= 0.25
    assert leaky.verdict == "FAIL"
    clean = evaluate(fresh, train=train, holdout=holdout, schema=schema, options=options)
    assert clean["privacy_score"] >= 0.93
    assert clean.verdict != "FAIL"
