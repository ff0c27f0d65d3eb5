"""Each privacy figure on rows placed by hand, and under the null where nothing leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.distances import Ownership, ownership
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, attack_scores
from synthetic_healthcare.evaluation.privacy.closeness import closeness
from synthetic_healthcare.evaluation.privacy.cohort import Cohort, draw_cohort, near_radius
from synthetic_healthcare.evaluation.privacy.copied import near_copied
from synthetic_healthcare.evaluation.privacy.copies import copies, copy_excess, member_copies, more_found
from synthetic_healthcare.evaluation.privacy.membership import membership, membership_hits
from synthetic_healthcare.evaluation.privacy.nulls import PARTS, Nulls, advantage, draw_nulls, excess_hits
from synthetic_healthcare.evaluation.privacy.people import distinguish
from synthetic_healthcare.evaluation.views import View

NO_LEAK = Nulls({part: np.zeros(4) for part in PARTS})


def table(matrix: np.ndarray, groups: np.ndarray | None = None) -> Judged:
    keys = pd.util.hash_array(matrix.astype(float) @ np.arange(1.0, matrix.shape[1] + 1))
    return Judged(View({}, len(matrix), groups), keys, matrix.astype(float))


def normal(rows: int, seed: int, width: int = 4) -> Judged:
    return table(np.random.default_rng(seed).normal(size=(rows, width)))


def test_cohort_is_disjoint_and_balanced() -> None:
    train, holdout = normal(300, 0), normal(81, 1)
    cohort = draw_cohort(train, holdout, seed=0)
    assert len(cohort.members) == len(cohort.controls) == 41
    assert len(cohort.reference) == 40
    seen = set(cohort.controls.keys.tolist()) | set(cohort.reference.keys.tolist())
    assert seen == set(holdout.keys.tolist())


def test_cohort_keeps_patients_whole() -> None:
    groups = np.repeat(np.arange(20), 5)
    holdout = table(np.random.default_rng(0).normal(size=(100, 2)), groups)
    cohort = draw_cohort(normal(100, 1, 2), holdout, seed=0)
    of_controls, of_reference = (set(one.view.groups.tolist()) for one in (cohort.controls, cohort.reference))  # type: ignore[union-attr]
    assert not of_controls & of_reference
    assert len(of_controls) == 10


def test_too_small_a_holdout_is_not_judged() -> None:
    with pytest.raises(NotApplicable, match="at least 20"):
        draw_cohort(normal(100, 0), normal(19, 1), seed=0)


def test_near_radius_is_the_closest_that_real_rows_come() -> None:
    steps = np.cumsum(np.concatenate([[0.0], np.arange(1.0, 101.0)]))
    # Nearest other rows are 1, 1, 2, 3, ... 99, 100 away: their 1 % quantile is the second smallest.
    assert near_radius(table(steps[:, None])) == 1.0


def test_attack_scores_by_hand() -> None:
    members, controls, reference = (table(np.array(one)[:, None]) for one in ([0.0], [10.0], [4.0, 9.0]))
    found, other = attack_scores(
        Cohort(members, controls, reference), table(np.array([[0.5], [1.0]])), seed=0
    )
    assert found["A1"].tolist() == [-0.5]
    assert other["A1"].tolist() == [-9.0]
    assert found["A2"].tolist() == [4.0 - 0.5]
    assert other["A2"].tolist() == [1.0 - 9.0]
    assert found["A3"] == pytest.approx([np.log(6.5) - np.log(0.75)])
    # Two nearest of four: both synthetic for the member, both real for the control.
    assert (found["A4"].tolist(), other["A4"].tolist()) == ([1.0], [0.0])


def test_every_attack_sees_a_copy_and_none_a_fresh_sample() -> None:
    train, holdout = normal(400, 0), normal(400, 1)
    for synthetic, low, high in ((train, 0.5, 1.0), (normal(400, 2), -0.2, 0.2)):
        members, controls = attack_scores(draw_cohort(train, holdout, seed=0), synthetic, seed=0)
        found = {code: advantage(members[code], controls[code]) for code in ATTACKS}
        # One copy among twenty neighbours hardly moves A4, nor one among those close by A6: they are made for
        # generators that crowd the members. A8 is made for more columns than these.
        assert all(low <= found[code] <= high for code in ATTACKS if code not in ("A4", "A6", "A8"))
        assert -0.2 <= found["A4"] <= 0.6
        assert -0.2 <= found["A6"] <= 0.6


def test_rows_in_the_directions_of_few_patients_are_seen_by_their_correlations() -> None:
    rng = np.random.default_rng(0)
    train, holdout = (rng.normal(size=(rows, 100)) for rows in (60, 120))
    # Mixtures of training rows: near to none of them, and in no direction but theirs.
    synthetic = rng.normal(size=(600, 60)) @ train / np.sqrt(60)
    cohort = draw_cohort(table(train), table(holdout), seed=0)
    found = []
    for rows in (synthetic, rng.normal(size=(600, 100))):
        members, controls = attack_scores(cohort, table(rows), seed=0)
        found.append(advantage(members["A8"], controls["A8"]))
    assert found[0] > 0.95
    assert abs(found[1]) < 0.25


def test_membership_takes_the_worst_attack() -> None:
    calm = np.linspace(0, 1, 100)
    members = dict.fromkeys(ATTACKS, calm) | {"A3": calm + 0.5}
    controls = dict.fromkeys(ATTACKS, calm)
    found = membership.compute((members, controls), NO_LEAK)
    assert found.value == pytest.approx(advantage(calm + 0.5, calm))
    assert found.detail["attacks"]["A1"]["auc"] == pytest.approx(0.5)
    hits = membership_hits.compute((members, controls), NO_LEAK)
    assert hits.value == pytest.approx(excess_hits(calm + 0.5, calm, false_positive_rate=0.05))
    # Scores above .95 are alarms in 5 of 100; the shifted ones are above it in 55 of 100.
    assert hits.value == pytest.approx(0.5 / 0.95, abs=0.012)


def test_luck_below_guessing_does_not_narrow_the_interval() -> None:
    calm = np.linspace(0, 1, 40)
    low = membership.compute((dict.fromkeys(ATTACKS, calm - 0.3), dict.fromkeys(ATTACKS, calm)), NO_LEAK)
    assert low.value == 0.0
    assert low.upper is not None
    assert low.upper > 0.15


def test_copy_excess_by_hand() -> None:
    # Two of four synthetic rows are training rows; tables of ten.
    value, low, high = copy_excess(np.array([1, 1, 0, 0]), np.zeros(4, int), train_rows=10, holdout_rows=10)
    assert value == pytest.approx(0.5)
    assert 0.0 <= low < value == high
    # A hold-out half as large holds half of the matches: at equal numbers the shares agree.
    many = np.array([4, 4, 0, 0])
    equal, _, _ = copy_excess(many, many, train_rows=20, holdout_rows=20)
    assert equal == 0.0
    # One copy of one of 20 training rows is in a random 10 of them half of the time: scaled back to all.
    scaled, _, _ = copy_excess(np.array([1, 0]), np.zeros(2, int), train_rows=20, holdout_rows=10)
    assert scaled == pytest.approx(0.5)


def test_more_found_is_fishers_exact_test() -> None:
    # 3 of 3 against 0 of 3: one table of C(6, 3) = 20.
    assert more_found(3, 3, controls=(0, 3)) == pytest.approx(1 / 20)
    assert more_found(0, 10, controls=(0, 10)) == 1.0


def test_copies_are_counted_on_both_sides() -> None:
    train, holdout = normal(200, 0), normal(200, 1)
    rows = np.concatenate([train.matrix[:20], normal(180, 2).matrix])
    synthetic = table(rows)
    keys = (synthetic.keys, train.keys, holdout.keys)
    radius = near_radius(holdout)
    people = distinguish(train, holdout, train, holdout, all_keys=keys)
    found = copies.compute(synthetic, people, keys, radius)
    assert found.detail["exact_excess"] == pytest.approx(0.1)
    assert found.detail["train_rows_found"] == 20
    assert found.detail["p_value"] < 1e-4
    assert found.detail["p_value_holdout"] > 0.99
    members = member_copies.compute(near_copied(synthetic, train, holdout, radius), radius, NO_LEAK)
    assert members.value == pytest.approx(0.1, abs=0.03)


def test_replayed_rows_are_near_to_training_rows_only() -> None:
    train, holdout = normal(200, 0), normal(100, 1)

    def owners(synthetic: Judged) -> Ownership:
        return ownership(synthetic.matrix, train.matrix, second=holdout.matrix)

    replay = table(np.repeat(train.matrix[:20], 10, axis=0))
    found = closeness.compute(owners(replay), NO_LEAK)
    assert found.value == pytest.approx(1.0)
    assert found.detail["chance"] == pytest.approx(2 / 3)
    assert found.detail["effective_rows"] == pytest.approx(20)
    fresh = closeness.compute(owners(normal(300, 2)), NO_LEAK)
    assert fresh.value < 0.25
    assert abs(fresh.detail["z"]) < 3
    assert closeness.compute(owners(holdout), NO_LEAK).detail["z"] < -4


def test_nulls_read_the_noise_of_the_sample() -> None:
    rng = np.random.default_rng(0)
    holdout, synthetic = normal(400, 1), normal(400, 2)
    controls = {code: rng.normal(size=200) for code in ATTACKS}
    copied = near_copied(synthetic, normal(400, 3), holdout, 0.1)
    owned = ownership(synthetic.matrix, normal(400, 3).matrix, second=holdout.matrix)
    nulls = draw_nulls(controls, copied, owned, tries={}, members=200, nulls=100, rng=rng)
    # The largest of seven independent areas with standard error sqrt((2 m + 1) / 12) / m, doubled.
    error = 2 * np.sqrt(401 / 12) / 200
    assert nulls.mean("membership") == pytest.approx(1.352 * error, rel=0.2)
    # A share of 1/2 over about as many rows as there are, at equal sizes doubled; the mean of its upper half.
    spread = np.sqrt((owned.weights**2).sum())
    assert nulls.mean("closeness") == pytest.approx(spread / np.sqrt(2 * np.pi), rel=0.35)
    assert nulls.expected_maximum >= max(nulls.mean(part) for part in PARTS)
