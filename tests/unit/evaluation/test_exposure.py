"""Parts of the patients: what is proven of them, and which epsilon the attacks refute."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.groups import Attribute
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS
from synthetic_healthcare.evaluation.privacy.by_group import privacy_by_group
from synthetic_healthcare.evaluation.privacy.cohort import Cohort
from synthetic_healthcare.evaluation.privacy.epsilon import epsilon_lower, membership_epsilon
from synthetic_healthcare.evaluation.privacy.exposure import exposure_of
from synthetic_healthcare.evaluation.privacy.isolated import membership_isolated
from synthetic_healthcare.evaluation.statistics import proportion_bounds
from synthetic_healthcare.evaluation.views import View

Scores = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def noise(rows: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {code: rng.normal(size=rows) for code in ATTACKS}


def table(**columns: np.ndarray) -> Judged:
    rows = len(next(iter(columns.values())))
    matrix = np.column_stack([column.astype(float) for column in columns.values()])
    return Judged(View(columns, rows), np.arange(rows, dtype=np.uint64), matrix)


def test_clopper_pearson_by_hand() -> None:
    lower, upper = proportion_bounds(np.array([0, 10]), 10)
    assert lower[0] == 0.0
    assert upper[0] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert lower[1] == pytest.approx(0.025 ** (1 / 10))
    assert upper[1] == 1.0


def test_epsilon_by_hand() -> None:
    # All of 100 members and none of 100 others: the bounds are 0.025^(1/100) and its complement.
    bound = 0.025 ** (1 / 100)
    assert epsilon_lower((100, 100), (0, 100), delta=0.0) == pytest.approx(math.log(bound / (1 - bound)))
    assert epsilon_lower((50, 100), (50, 100), delta=0.0) == 0.0
    # The answers turned round: hardly a member is missed, half of the others are.
    assert epsilon_lower((1000, 1000), (500, 1000), delta=0.0) > 4.0
    assert epsilon_lower((20, 100), (0, 100), delta=0.5) < epsilon_lower((20, 100), (0, 100), delta=0.0)


def test_epsilon_is_refuted_by_a_leak_only() -> None:
    scores = noise(400, 0), noise(400, 1)
    assert membership_epsilon.compute(scores).value == 0.0
    leak = membership_epsilon.compute((scores[0] | {"A3": scores[0]["A3"] + 4.0}, scores[1]))
    assert leak.value > 2.0
    assert leak.detail["attack"] == ATTACKS["A3"]
    with pytest.raises(NotApplicable, match="40 members"):
        membership_epsilon.compute((noise(30, 0), noise(400, 1)))


def test_refuting_by_luck_is_rare() -> None:
    refuted = [
        membership_epsilon.compute((noise(200, 2 * i), noise(200, 2 * i + 1))).value > 0 for i in range(100)
    ]
    assert sum(refuted) <= 10


def test_noise_proves_nothing_and_a_leak_does() -> None:
    quiet = exposure_of(noise(50, 0), noise(50, 1), comparisons=len(ATTACKS))
    assert quiet.proven == 0.0
    assert quiet.lower <= quiet.value <= quiet.upper
    members = noise(50, 0)
    loud = exposure_of(members | {"A2": members["A2"] + 5.0}, noise(50, 1), comparisons=len(ATTACKS))
    assert loud.attack == "A2"
    assert 0.5 < loud.proven < loud.value
    # Ten rows told apart perfectly are still ten rows.
    few = exposure_of(
        dict.fromkeys(ATTACKS, np.ones(10)), dict.fromkeys(ATTACKS, np.zeros(10)), comparisons=70
    )
    assert few.proven < 0.3


def cohort_of(members: Judged, controls: Judged) -> Cohort:
    return Cohort(members, controls, controls)


def test_the_exposed_group_is_found_and_named() -> None:
    sex = np.arange(200) % 2
    rare = np.where(np.arange(200) < 5, 1, 0)
    both = cohort_of(table(sex=sex, rare=rare), table(sex=sex, rare=rare))
    members, controls = noise(200, 0), noise(200, 1)
    members["A1"] = members["A1"] + 4.0 * (sex == 1)
    protected = (Attribute("sex", ("m", "f", "missing")), Attribute("rare", ("no", "yes", "missing")))
    found = privacy_by_group.compute(both, (members, controls), protected)
    bars = {bar["name"]: bar["synthetic"] for bar in found.detail["bars"]}
    assert set(bars) == {"sex m", "sex f", "rare no"}
    assert bars["sex f"] > 0.9
    assert found.value > 0.6
    assert found.detail["too_small"] == 1
    assert found.detail["gap"] > 0.5
    calm = privacy_by_group.compute(both, (noise(200, 2), controls), protected)
    assert calm.value == 0.0
    with pytest.raises(NotApplicable, match="no group of a protected attribute"):
        few = table(sex=sex[:8], rare=rare[:8])
        privacy_by_group.compute(cohort_of(few, few), (noise(8, 0), noise(8, 1)), protected)


def test_a_protected_number_is_judged_by_its_bands() -> None:
    age = np.linspace(20, 90, 200)
    both = cohort_of(table(age=age), table(age=age))
    members, controls = noise(200, 0), noise(200, 1)
    members["A1"] = members["A1"] + 4.0 * (age > 80)
    found = privacy_by_group.compute(
        both, (members, controls), (Attribute("age", ("young", "middle", "old", "missing"), (45.0, 80.0)),)
    )
    assert [bar["name"] for bar in found.detail["bars"]][-1] == "age old"
    assert found.detail["bars"][-1]["synthetic"] == max(bar["synthetic"] for bar in found.detail["bars"])


def test_isolated_patients_are_judged_among_their_like() -> None:
    rng = np.random.default_rng(0)
    reference = table(x=rng.normal(size=500))
    # One in ten stands far away, on either side.
    far = np.where(np.arange(500) % 10 == 0, 50.0 + np.arange(500), rng.normal(size=500))
    cohort = Cohort(table(x=far), table(x=far.copy()), reference)
    members, controls = noise(500, 0), noise(500, 1)
    assert membership_isolated.compute(cohort, (members, controls)).value == 0.0
    members["A1"] = members["A1"] + 5.0 * (far > 10)
    found = membership_isolated.compute(cohort, (members, controls))
    assert found.detail["members"] == 25
    assert found.detail["advantage"] > 0.95
    assert found.value > 0.3
    small = Cohort(cohort.members.first(100), cohort.controls.first(100), reference)
    with pytest.raises(NotApplicable, match="800 held-out rows"):
        membership_isolated.compute(small, (members, controls))
