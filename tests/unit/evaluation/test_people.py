"""Equal rows are one candidate, on one side of an attack only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.cohort import draw_cohort
from synthetic_healthcare.evaluation.privacy.people import People, distinguish
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.evaluation.views import View
from synthetic_healthcare.schema.schema import Schema

QUICK = EvaluationOptions(bootstrap=20, nulls=16, figures=False)


def rows(contents: list[int], groups: list[int] | None = None) -> Judged:
    keys = np.array(contents, dtype=np.uint64)
    return Judged(
        View(
            dict.fromkeys("abc", keys.astype(float)), len(keys), None if groups is None else np.array(groups)
        ),
        keys,
        keys.astype(float)[:, None],
    )


def people_of(train: list[int], holdout: list[int]) -> People:
    known, unknown = rows(train), rows(holdout)
    keys = (np.zeros(0, dtype=np.uint64), known.keys, unknown.keys)
    return distinguish(known, unknown, known, unknown, all_keys=keys)


def test_repeated_rows_count_once_where_none_is_on_both_sides() -> None:
    found = people_of([5, 5, 6, 7, 6], [1, 2, 2])
    assert found.train.keys.tolist() == [5, 6, 7]
    assert found.holdout.keys.tolist() == [1, 2]
    assert found.train_keys.tolist() == [5, 6, 7]
    assert found.shared == 0.0


def test_one_row_stands_for_each_patient() -> None:
    known = rows([1, 2, 3, 4, 5], groups=[0, 0, 1, 2, 2])
    unknown = rows([11, 12, 13, 12], groups=[3, 3, 4, 5])
    keys = (np.zeros(0, dtype=np.uint64), known.keys, unknown.keys)
    found = distinguish(known, unknown, known, unknown, all_keys=keys)
    assert found.train.keys.tolist() == [1, 3, 4]
    # Patients 3 and 5 share a row: it may be one person with two numbers.
    assert found.holdout.keys.tolist() == [11, 13]
    assert len(found.train_deep) == 5


def test_what_is_on_both_sides_is_no_candidate() -> None:
    found = people_of([*range(30), 100, 101, 101], [*range(40, 70), 100, 102, 102])
    assert set(found.train.keys.tolist()) == set(range(30))
    assert set(found.holdout.keys.tolist()) == set(range(40, 70))
    # All rows stay where near rows are sought: there the rows themselves are exchangeable.
    assert len(found.train_deep) == 33
    assert found.shared == pytest.approx(1 / 33)


def test_a_holdout_of_training_rows_is_not_judged() -> None:
    with pytest.raises(NotApplicable, match="30 of the hold-out's 40 rows equal training rows"):
        people_of(list(range(100)), list(range(70, 110)))


def test_halves_keep_equal_rows_and_patients_together() -> None:
    contents = np.repeat(np.arange(30), 3).tolist()
    cohort = draw_cohort(rows(list(range(200, 300))), rows(contents), seed=0)
    assert not set(cohort.controls.keys.tolist()) & set(cohort.reference.keys.tolist())
    assert len(cohort.controls) == 45
    # Patients 2 i and 2 i + 1 share a row: the four rows of both stay on one side.
    groups = np.repeat(np.arange(40), 2)
    linked = np.arange(80)
    linked[2::4] = linked[1::4]
    cohort = draw_cohort(rows(list(range(200, 300))), rows(linked.tolist(), groups.tolist()), seed=0)
    pairs = [set((one.view.groups // 2).tolist()) for one in (cohort.controls, cohort.reference)]  # type: ignore[operator]
    assert not pairs[0] & pairs[1]


def test_repeats_make_no_leak_and_hide_none(simulated: Callable[..., pd.DataFrame]) -> None:
    everyone, rng = simulated(900, seed=50), np.random.default_rng(0)

    def repeated(start: int) -> pd.DataFrame:
        taken = everyone.iloc[start : start + 300]
        return taken.iloc[np.repeat(np.arange(300), rng.integers(1, 7, 300))].reset_index(drop=True)

    train, holdout, fresh = (repeated(start) for start in (0, 300, 600))
    schema = Schema.infer(everyone, target="died")
    clean = evaluate(fresh, train=train, holdout=holdout, schema=schema, options=QUICK)
    assert clean["privacy_score"] > 0.85
    assert clean.verdict == "INCONCLUSIVE"
    copied = evaluate(train, train=train, holdout=holdout, schema=schema, options=QUICK)
    assert copied["privacy_score"] < 0.05
    assert copied.verdict == "FAIL"
