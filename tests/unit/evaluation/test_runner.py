"""The whole evaluation: what it refuses, what it survives, and that its result depends on content alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import ConfigError, EvaluationError
from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.catalogue import FAIRNESS, METRICS
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.runner import evaluate, looks_swapped, run_metric
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

QUICK = EvaluationOptions(bootstrap=20, nulls=8, figures=False)
Hospital = tuple[pd.DataFrame, pd.DataFrame, Schema]


@pytest.fixture(scope="module")
def small(simulated: Callable[..., pd.DataFrame]) -> Hospital:
    """A hospital with few patients, as many are."""
    everyone = simulated(300, seed=3)
    train, holdout = everyone.iloc[:200].reset_index(drop=True), everyone.iloc[200:].reset_index(drop=True)
    return train, holdout, Schema.infer(everyone, target="died")


def judge(
    synthetic: pd.DataFrame, hospital: Hospital, options: EvaluationOptions = QUICK
) -> EvaluationReport:
    train, holdout, schema = hospital
    return evaluate(synthetic, train=train, holdout=holdout, schema=schema, options=options)


def test_same_seed_same_bytes_with_pictures(small: Hospital, simulated: Callable[..., pd.DataFrame]) -> None:
    synthetic = simulated(150, seed=4)
    options = EvaluationOptions(bootstrap=20, nulls=8, seed=5)
    first, second = judge(synthetic, small, options), judge(synthetic, small, options)
    assert first.to_json() == second.to_json()
    assert first.figures
    assert json.loads(first.to_json())["context"]["rows"] == {"synthetic": 150, "train": 200, "holdout": 100}
    assert not first.failed


def test_content_alone_decides(small: Hospital, simulated: Callable[..., pd.DataFrame]) -> None:
    train, holdout, _ = small
    synthetic = simulated(200, seed=4)
    before = judge(synthetic, small)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.sample(frac=1, random_state=1)[list(reversed(frame.columns))]
        return changed.assign(
            bmi=changed["bmi"] * 703.07,
            smoker=changed["smoker"].map({"never": "c", "former": "a", "current": "b"}),
            died=changed["died"].map({"yes": "0", "no": "1"}),
        )

    relabelled = Schema.infer(change(pd.concat([train, holdout])), target="died")
    after = judge(change(synthetic), (change(train), change(holdout), relabelled))
    for result, other in zip(before.results, after.results, strict=True):
        assert (result.value, result.lower, result.upper) == pytest.approx(
            (other.value, other.lower, other.upper), abs=1e-9
        ), result.name
    assert before["utility_score"] == pytest.approx(after["utility_score"], abs=1e-9)
    assert before["privacy_score"] == pytest.approx(after["privacy_score"], abs=1e-9)


def test_small_holdout_cannot_decide(small: Hospital, simulated: Callable[..., pd.DataFrame]) -> None:
    report = judge(simulated(200, seed=4), small)
    assert report.verdict == "INCONCLUSIVE"
    assert "held-out patients" in report.verdict_reason


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "unseen category": lambda frame: frame.assign(smoker="pipe"),
    "missing class": lambda frame: frame.assign(died="no"),
    "constant column": lambda frame: frame.assign(bmi=25.0),
    "all missing number": lambda frame: frame.assign(glucose=np.nan),
    "all missing category": lambda frame: frame.assign(unit=pd.Series([None] * len(frame), dtype=object)),
    "missing target": lambda frame: frame.assign(died=None),
    "two rows": lambda frame: frame.iloc[:2],
    "one row": lambda frame: frame.iloc[:1],
    "three times the rows": lambda frame: pd.concat([frame] * 3, ignore_index=True),
    "repeated index": lambda frame: frame.set_axis([0] * len(frame)),
    "category dtype": lambda frame: frame.astype({"smoker": "category", "died": "category"}),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_synthetic_tables_are_judged(
    kind: str, small: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    report = judge(ODD[kind](simulated(200, seed=4)), small)
    assert not report.failed
    assert report["utility_score"] is not None
    assert report["privacy_score"] is not None
    if kind == "missing class":
        assert report["tstr"] == 0.0


@pytest.mark.parametrize("name", ["glucose", "smoker"])
def test_columns_without_a_value_in_any_table(
    name: str, small: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    train, holdout, schema = small
    empty = [frame.assign(**{name: np.nan}) for frame in (simulated(200, seed=4), train, holdout)]
    report = judge(empty[0], (empty[1], empty[2], schema))
    assert not report.failed
    assert report.results[0].detail["columns"][name]["value"] == 1.0


def test_without_holdout_there_are_no_scores(small: Hospital) -> None:
    train, _, schema = small
    report = evaluate(train, train=train, holdout=None, schema=schema, options=QUICK)
    assert report["privacy_score"] is None
    assert report["utility_score"] is None
    assert "hold-out" in report["privacy_reason"]
    assert "hold-out" in report["utility_reason"]
    assert report.verdict == "NOT AVAILABLE"
    assert {result.status for result in report.results} == {"not_applicable"}
    json.loads(report.to_json())


def test_without_target_and_rules_what_asks_for_them_does_not_apply(
    small: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    train, holdout, _ = small
    report = judge(simulated(200, seed=4), (train, holdout, Schema.infer(train)))
    # Fairness depends on how many patients its groups have; it has tests of its own.
    absent = {one.name for one in report.results if one.status != "ok" and one.family != "fairness"}
    asking = {one.name for one in METRICS if {"task", "rules", "follow_up"} & set(one.needs)}
    asking -= {one.name for one in FAIRNESS}
    assert {"rule_violations", "tstr", "importance", "survival"} < asking
    # 100 held-out patients are too few to judge the isolated ones.
    assert absent - {"privacy_by_group"} == asking | {"code_sets", "membership_isolated"}
    assert report["utility_score"] > 0.8


def test_dates_codes_and_identifiers() -> None:
    rng = np.random.default_rng(0)

    def visits(rows: int) -> pd.DataFrame:
        codes = [
            ";".join(sorted(rng.choice(["I10", "E11", "J45", "N18"], rng.integers(1, 4), False)))
            for _ in range(rows)
        ]
        return pd.DataFrame(
            {
                "mrn": [f"p{rng.integers(10**9)}" for _ in range(rows)],
                "patient": rng.integers(rows // 2, size=rows),
                "admitted": pd.Timestamp("2020-01-01")
                + pd.to_timedelta(rng.integers(900, size=rows), unit="D"),
                "codes": codes,
                "los": rng.exponential(3, rows),
            }
        )

    schema = Schema(
        (
            Column("mrn", "identifier", "identifier"),
            Column("patient", "integer", "group"),
            Column("admitted", "datetime"),
            Column("codes", "codes", delimiter=";"),
            Column("los", "numeric"),
        )
    )
    train, holdout, synthetic = visits(150), visits(100), visits(150).drop(columns=["mrn", "patient"])
    report = judge(synthetic, (train, holdout, schema))
    assert not report.failed
    assert report.context["left_out"] == ["mrn", "patient"]
    assert report["marginals"] > 0.85


def test_bad_tables_are_refused_by_name(small: Hospital) -> None:
    train, _, _ = small
    with pytest.raises(EvaluationError, match=r"synthetic table lacks the columns \['bmi', 'sex'\]"):
        judge(train.drop(columns=["bmi", "sex"]), small)
    with pytest.raises(EvaluationError, match=r"\['height'\]"):
        judge(train.assign(height=1), small)
    with pytest.raises(EvaluationError, match="no rows"):
        judge(train.iloc[:0], small)
    with pytest.raises(EvaluationError, match="'creatinine'"):
        judge(train.assign(creatinine="high"), small)
    with pytest.raises(EvaluationError, match=r"'sbp'.*infinite"):
        judge(train.assign(sbp=np.where(train.index == 0, np.inf, train["sbp"])), small)
    with pytest.raises(EvaluationError, match="ndarray"):
        judge(train.to_numpy(), small)  # type: ignore[arg-type]


def test_large_tables_are_subsampled_and_say_so(
    small: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    options = EvaluationOptions(bootstrap=20, nulls=8, figures=False, max_rows=100)
    train, _, _ = small
    # The copies of all training rows are found although only a hundred rows of each table are judged.
    report = judge(pd.concat([train, simulated(200, seed=4)]), small, options)
    assert report.context["notes"][0].startswith("synthetic: 400 rows, of which 100")
    copied = next(result for result in report.results if result.name == "copies")
    assert copied.detail["exact_excess"] == pytest.approx(0.5)
    assert report.verdict == "FAIL"


def test_swapped_holdout_is_noticed(small: Hospital) -> None:
    train, holdout, schema = small
    report = evaluate(train, train=holdout, holdout=train, schema=schema, options=QUICK)
    assert (report.verdict, report["privacy_score"]) == ("NOT AVAILABLE", None)
    assert "swapped" in report["privacy_reason"]


def test_looks_swapped_compares_content(small: Hospital) -> None:
    train, holdout, _ = small
    assert looks_swapped(train.sample(frac=1, random_state=0)[list(reversed(train.columns))], train)
    assert not looks_swapped(holdout, train)


def test_failure_is_reported_and_never_a_figure() -> None:
    @metric("Broken", family="fidelity", better="higher", bounds=(0.0, 1.0))
    def broken() -> Measure:
        raise ZeroDivisionError("no rows left")

    @metric("Out of bounds", family="fidelity", better="higher", bounds=(0.0, 1.0))
    def outside() -> Measure:
        return Measure(float("nan"))

    for one, reason in (
        (broken, "ZeroDivisionError: no rows left"),
        (outside, "ArithmeticError: value is nan"),
    ):
        result, measure = run_metric(one, Inputs({}, {}, seed=0))
        assert (result.status, result.value, measure) == ("failed", None, None)
        assert reason in result.reason


def test_every_metric_names_inputs_that_exist(small: Hospital) -> None:
    assert len({one.name for one in METRICS}) == len(METRICS)
    assert all(one.title and one.compute.__doc__ for one in METRICS)


@pytest.mark.parametrize(
    "setting", [{"seed": -1}, {"bootstrap": 3}, {"max_rows": 10}, {"nulls": 0}, {"threshold": 1.5}]
)
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        EvaluationOptions(**setting)  # type: ignore[arg-type]


def test_chance_matches_in_a_discrete_table_are_no_copies() -> None:
    rng = np.random.default_rng(0)

    def answers(rows: int) -> pd.DataFrame:
        return pd.DataFrame(rng.choice(["no", "yes"], p=[0.7, 0.3], size=(rows, 9))).set_axis(
            list("abcdefghi"), axis=1
        )

    train, holdout, fresh = answers(2_000), answers(600), answers(2_000)
    options = EvaluationOptions(bootstrap=20, nulls=32, figures=False, max_rows=300)
    report = judge(fresh, (train, holdout, Schema.infer(train)), options)
    found = {result.name: result for result in report.results}
    # Nearly every row occurs in every table; none was copied.
    assert found["copies"].detail["exact_share"] > 0.9
    assert found["copies"].detail["p_value"] > 0.01
    assert found["member_copies"].lower == 0.0
    assert report["privacy_score"] > 0.85
    assert report.verdict != "FAIL"
