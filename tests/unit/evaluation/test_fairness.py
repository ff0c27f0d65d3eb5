"""Protected groups: who belongs to one, and what is measured between them, worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation.catalogue import FAIRNESS
from synthetic_healthcare.evaluation.fairness.calibration import calibration_error, equal_bins
from synthetic_healthcare.evaluation.fairness.groups import AGE_CUTS, Attribute, Grouping, groupings_of
from synthetic_healthcare.evaluation.fairness.outcomes import Outcome, change_of, group_means, spread
from synthetic_healthcare.evaluation.fairness.parity import called, hits_and_alarms
from synthetic_healthcare.evaluation.fairness.representation import log_odds
from synthetic_healthcare.evaluation.fairness.score import fairness_score
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.runner import evaluate, inputs_of, run_metric
from synthetic_healthcare.evaluation.views import View
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

Hospital = tuple[pd.DataFrame, pd.DataFrame, Schema]


class Judgement:
    """The fairness family alone: the whole evaluation takes seconds."""

    def __init__(
        self, synthetic: pd.DataFrame, hospital: Hospital, protected: tuple[str, ...] | None
    ) -> None:
        train, holdout, schema = hospital
        options = EvaluationOptions(bootstrap=40, protected=protected)
        inputs, _ = inputs_of([synthetic, train, holdout], schema, options)
        ran = {one.name: run_metric(one, inputs) for one in FAIRNESS}
        self.results = {name: result for name, (result, _) in ran.items()}
        measures = {name: measure for name, (_, measure) in ran.items() if measure is not None}
        self.score = fairness_score(self.results, measures, inputs)

    def value(self, name: str) -> float | None:
        return self.results[name].value


def judge(synthetic: pd.DataFrame, hospital: Hospital, protected: tuple[str, ...] | None = None) -> Judgement:
    found = Judgement(synthetic, hospital, protected)
    assert [result.reason for result in found.results.values() if result.status == "failed"] == []
    return found


def sexes(*counts: int) -> View:
    codes = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    return View({"sex": codes}, len(codes))


def test_ages_are_cut_at_whole_years_and_missing_ones_are_a_group() -> None:
    age = Attribute("age", ("child", "young", "middle", "old", "very old", "missing"), AGE_CUTS)
    view = View({"age": np.array([17.9, 18, 44, 45, 64, 65, 79, 80, np.nan])}, 9)
    assert age.codes(view).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 5]


def test_small_groups_are_named_and_the_smallest_only_counted() -> None:
    sex = Attribute("sex", ("F", "M", "other", "unknown", "missing"))
    (grouping,) = groupings_of((sex,), sexes(100, 60, 10, 2), sexes(80, 50, 8, 1))
    assert grouping.labels == ("sex F", "sex M")
    assert grouping.small == ("sex other",)
    assert grouping.unnamed == 1


def test_two_attributes_are_crossed() -> None:
    sex, race = Attribute("sex", ("F", "M", "missing")), Attribute("race", ("A", "B", "missing"))
    view = View({"sex": np.repeat([0, 1], 120), "race": np.tile(np.repeat([0, 1], 60), 2)}, 240)
    names = [grouping.name for grouping in groupings_of((sex, race), view, view)]
    crossed = groupings_of((sex, race), view, view)[2]
    assert names == ["sex", "race", "sex × race"]
    assert sorted(crossed.labels) == [
        "sex F, race A",
        "sex F, race B",
        "sex M, race A",
        "sex M, race B",
    ]
    assert crossed.members(view).sum(axis=0).tolist() == [60, 60, 60, 60]


def test_log_odds_by_hand() -> None:
    sex = Attribute("sex", ("F", "M", "missing"))
    grouping = Grouping((sex,), (0, 1))
    logs, errors = log_odds(grouping, sexes(20, 79), sexes(50, 49))
    # (20.5 / 79.5) / (50.5 / 49.5), and the inverse for the other group.
    assert logs == pytest.approx(np.log([20.5 / 79.5 / (50.5 / 49.5), 79.5 / 20.5 / (49.5 / 50.5)]))
    assert errors[0] == pytest.approx(np.sqrt(1 / 20.5 + 1 / 79.5 + 1 / 50.5 + 1 / 49.5))


def test_rates_and_gaps_by_hand() -> None:
    truth = np.array([1, 1, 0, 0, 1, 0, 0, 0], dtype=bool)
    scores = np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.1, 0.1])
    outcome = Outcome(truth, {"synthetic": scores, "real": np.full(8, 0.5)})
    members = np.arange(8)[:, None] // 4 == np.arange(2)
    once = np.ones((1, 8))
    # Three have it, so three are called: all of the first group.
    assert outcome.decisions("synthetic").tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert called(outcome, "synthetic", members, once)["called positive"].tolist() == [[0.75, 0.0]]
    rates = hits_and_alarms(outcome, "synthetic", members, once)
    assert rates["true positive rate"].tolist() == [[1.0, 0.0]]
    assert rates["false positive rate"].tolist() == [[0.5, 0.0]]
    assert spread(rates["false positive rate"]).tolist() == [0.5]
    # A model that knows nothing calls everyone with the same chance.
    assert outcome.decisions("real") == pytest.approx(np.full(8, 3 / 8))


def test_group_means_follow_the_weights() -> None:
    members = np.array([[True, False], [True, False], [False, True]])
    found = group_means(np.array([1.0, 0.0, 1.0]), members, np.array([[1.0, 1, 1], [3, 1, 0]]))
    assert found[0].tolist() == [0.5, 1.0]
    assert found[1, 0] == 0.75
    assert np.isnan(found[1, 1])


def test_calibration_error_by_hand() -> None:
    scores, truth = np.array([0.2, 0.2, 0.8, 0.8]), np.array([False, True, True, True])
    # Two bins: 0.5 observed against 0.2, 1.0 against 0.8.
    assert np.unique(equal_bins(scores), return_inverse=True)[1].tolist() == [0, 0, 1, 1]
    assert calibration_error(scores, truth, np.ones((1, 4)))[0] == pytest.approx(0.5 * 0.3 + 0.5 * 0.2)
    assert calibration_error(scores, truth, np.array([[0.0, 0, 1, 1]]))[0] == pytest.approx(0.2)


def test_change_lies_in_its_interval() -> None:
    found = change_of(np.array([0.3, 0.2, 0.4]), np.array([0.1, 0.1, 0.1]))
    assert found["change"] == pytest.approx(0.2)
    assert found["change_lower"] < 0.2 < found["change_upper"]


def test_real_rows_are_fair_and_a_biased_table_is_not(
    hospital: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    fresh = simulated(1000, seed=1007)
    fair = judge(fresh, hospital).score
    assert fair.value is not None
    assert fair.lower is not None
    assert fair.value > 0.9
    assert 0 <= fair.lower <= fair.value
    # Four women in five are left out, and those that are left never die.
    kept = (fresh["sex"] == "M") | (np.arange(1000) % 5 == 0)
    biased = fresh[kept].assign(died=fresh["died"].where(fresh["sex"] == "M", "no"))
    unfair = judge(biased, hospital, protected=("sex",))
    assert unfair.score.value is not None
    assert unfair.score.value < 0.6
    changes = unfair.results["demographic_parity"].detail
    assert changes["change"] > 0.1
    assert changes["change_lower"] > 0
    assert {row[0] for row in changes["table"]["rows"]} == {"sex F", "sex M"}
    assert unfair.results["representation"].detail["table"]["rows"][0][-1] == "no"


def test_content_alone_decides(hospital: Hospital, simulated: Callable[..., pd.DataFrame]) -> None:
    train, holdout, _ = hospital
    synthetic = simulated(700, seed=4)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.sample(frac=1, random_state=1)[list(reversed(frame.columns))]
        changed = changed.assign(sex=changed["sex"].map({"F": "x", "M": "a"}), bmi=changed["bmi"] * 703)
        return changed.set_axis([0] * len(changed))

    schema = Schema.infer(change(pd.concat([train, holdout])), target="died")
    before = judge(synthetic, hospital, ("bmi", "sex"))
    after = judge(change(synthetic), (change(train), change(holdout), schema), ("sex", "bmi"))
    for one in FAIRNESS:
        assert before.value(one.name) == pytest.approx(after.value(one.name), abs=1e-9), one.name
    assert before.score.value == pytest.approx(after.score.value, abs=1e-9)
    again = judge(synthetic, hospital, ("bmi", "sex"))
    assert [one.to_dict() for one in before.results.values()] == [
        one.to_dict() for one in again.results.values()
    ]
    json.dumps([one.to_dict() for one in before.results.values()], allow_nan=False)


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "one sex": lambda frame: frame.assign(sex="F"),
    "no sex": lambda frame: frame.assign(sex=None),
    "unseen sex": lambda frame: frame.assign(sex="both"),
    "missing class": lambda frame: frame.assign(died="no"),
    "missing target": lambda frame: frame.assign(died=None),
    "constant column": lambda frame: frame.assign(bmi=25.0),
    "all missing number": lambda frame: frame.assign(age=np.nan),
    "one row": lambda frame: frame.iloc[:1],
    "three times the rows": lambda frame: pd.concat([frame] * 3, ignore_index=True),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_tables_are_judged(kind: str, simulated: Callable[..., pd.DataFrame]) -> None:
    everyone = simulated(500, seed=3)
    hospital = everyone.iloc[:300], everyone.iloc[300:], Schema.infer(everyone, target="died")
    found = judge(ODD[kind](simulated(300, seed=4)), hospital)
    assert found.score.value is not None
    assert found.value("representation") is not None
    if kind in ("one sex", "no sex", "unseen sex", "one row"):
        assert found.value("subgroup_fidelity") == 0.0


def test_without_groups_there_is_a_reason_and_no_score(
    hospital: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    train, holdout, schema = hospital
    plain = Schema(
        tuple(
            Column(
                c.name,
                c.kind,
                "target" if c.name == "died" else "feature",
                dtype=c.dtype,
                declared=frozenset({"role"}),
            )
            for c in schema.columns
        )
    )
    nobody = judge(simulated(200, seed=4), (train, holdout, plain)).score
    assert nobody.value is None
    assert "role 'quasi'" in nobody.reason
    few = judge(simulated(200, seed=4), (train, holdout.iloc[:60], schema), ("sex",)).score
    assert few.value is None
    assert "'sex'" in few.reason


def test_a_target_that_is_no_class_leaves_representation(
    hospital: Hospital, simulated: Callable[..., pd.DataFrame]
) -> None:
    train, holdout, schema = hospital
    found = judge(simulated(500, seed=4), (train, holdout, schema.with_target("stay_days")))
    assert found.value("demographic_parity") is None
    assert [part.name for part in found.score.components] == ["representation", "subgroup_fidelity"]


@pytest.mark.parametrize(
    ("name", "words"), [("height", "no column that is judged"), ("died", "is the target")]
)
def test_unusable_attributes_are_refused_by_name(name: str, words: str, hospital: Hospital) -> None:
    train, holdout, schema = hospital
    options = EvaluationOptions(protected=(name,))
    with pytest.raises(EvaluationError, match=f"{name}.*{words}"):
        evaluate(train, train=train, holdout=holdout, schema=schema, options=options)


def test_definitions_are_those_of_fairlearn() -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics", reason="fairlearn is not installed")
    rng = np.random.default_rng(0)
    truth, group = rng.random(400) < 0.4, rng.integers(3, size=400)
    outcome = Outcome(truth, {"synthetic": rng.random(400) + 0.3 * truth, "real": rng.random(400)})
    decisions, members = outcome.decisions("synthetic"), group[:, None] == np.arange(3)
    ours = spread(called(outcome, "synthetic", members, np.ones((1, 400)))["called positive"])[0]
    theirs = fairlearn.demographic_parity_difference(truth, decisions, sensitive_features=group)
    assert ours == pytest.approx(theirs)
    odds = hits_and_alarms(outcome, "synthetic", members, np.ones((1, 400)))
    theirs = fairlearn.equalized_odds_difference(truth, decisions, sensitive_features=group)
    assert max(spread(rate)[0] for rate in odds.values()) == pytest.approx(theirs)
