"""Predictions from synthetic rows, and the columns that they rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Encoder, Judged, arrange, fit_encoder
from synthetic_healthcare.evaluation.utility.importance import importance, shapley, shares
from synthetic_healthcare.evaluation.utility.learners import Task, learn, skill, task_of
from synthetic_healthcare.evaluation.utility.tstr import kept_share, tstr
from synthetic_healthcare.evaluation.views import read_tables
from synthetic_healthcare.schema.schema import Schema


def patients(rows: int, seed: int, *, classes: int = 2, strength: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, noise, other = rng.normal(size=(3, rows))
    score = strength * x + noise
    edges = np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])
    return pd.DataFrame(
        {"x": x, "other": other, "outcome": np.array(["a", "b", "c"])[np.searchsorted(edges, score)]}
    )


def prepared(
    synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame, target: str = "outcome"
) -> tuple[Encoder, Task, list[Judged]]:
    fields, views = read_tables([synthetic, train, holdout], Schema.infer(train, target=target))
    encoder = fit_encoder(fields, views[1:])
    tables = [arrange(view, encoder, seed=0, table=i, rows=5_000)[0] for i, view in enumerate(views)]
    field = next(field for field in fields if field.name == target)
    return encoder, task_of(field, encoder, real=tables[1:]), tables


def judge(
    synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame, target: str = "outcome"
) -> object:
    _, task, tables = prepared(synthetic, train, holdout, target)
    return tstr.compute(*tables, task, np.ones((3, len(holdout))), np.random.default_rng(0))


def test_kept_share_by_hand() -> None:
    synthetic, real = np.array([0.7, 0.4, 0.9, np.nan]), np.array([0.9, 0.9, 0.8, 0.9])
    assert kept_share(synthetic, real, floor=0.5).tolist() == pytest.approx(
        [0.5, 0.0, 1.0, np.nan], nan_ok=True
    )


def test_skill_by_hand() -> None:
    classes = Task("t", 3, np.arange(1))
    predicted = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.2, 0.3]])
    target = np.array([0, 1, 2, 2])
    # Class 0: 1 of 1 x 3 pairs each won; class 1 too; class 2: (.4, .3) against (.1, .1): all won.
    assert skill(classes, predicted, target, weights=np.ones((1, 4)))[0] == 1.0
    number = Task("t", 0, np.arange(1))
    values = np.array([1.0, 2.0, 3.0, 6.0])
    # Errors 1, 1, 0, 0 over squares 4 + 1 + 0 + 9.
    found = skill(number, np.array([[2.0], [1.0], [3.0], [6.0]]), values, weights=np.ones((1, 4)))
    assert found[0] == pytest.approx(1 - 2 / 14)


def test_copy_keeps_all_and_shuffled_target_keeps_nothing() -> None:
    train, holdout = patients(300, 0), patients(300, 1)
    assert judge(train, train, holdout).value == 1.0  # type: ignore[attr-defined]
    broken = train.assign(outcome=np.random.default_rng(0).permutation(train["outcome"]))
    found = judge(broken, train, holdout)
    assert found.value < 0.35  # type: ignore[attr-defined]
    assert found.detail["trained_on_real"]["linear"] > 0.9  # type: ignore[attr-defined]


@pytest.mark.parametrize("kept", [[], ["a"], ["a", "b"]])
def test_missing_classes_are_guessed_not_dropped(kept: list[str]) -> None:
    train, holdout = patients(300, 0, classes=3), patients(300, 1, classes=3)
    synthetic = train.assign(outcome=train["outcome"].where(train["outcome"].isin(kept)))
    value = judge(synthetic, train, holdout).value  # type: ignore[attr-defined]
    assert value == 0.0 if len(kept) < 2 else 0.2 < value < 0.95


def test_number_as_target() -> None:
    train, holdout = (patients(300, seed).drop(columns="outcome") for seed in (0, 1))
    for frame in (train, holdout):
        frame["stay"] = 3 * frame["x"] + frame["other"]
    found = judge(train, train, holdout, "stay")
    assert found.detail["measure"] == "r2"  # type: ignore[attr-defined]
    assert found.detail["trained_on_real"]["linear"] > 0.8  # type: ignore[attr-defined]


def test_nothing_to_learn_is_not_a_score() -> None:
    train, holdout = (patients(400, seed, strength=0.0) for seed in (0, 1))
    with pytest.raises(NotApplicable, match="no better than guessing"):
        judge(train, train, holdout)


def test_target_with_one_value_has_no_task() -> None:
    train = patients(100, 0).assign(outcome="a")
    with pytest.raises(NotApplicable, match="one value"):
        prepared(train, train, train)


def test_shapley_of_a_linear_model_is_exact() -> None:
    rng = np.random.default_rng(0)
    rows, background = rng.normal(size=(5, 3)), np.zeros((1, 3))
    slopes = np.array([2.0, -1.0, 0.0])
    groups = [np.array([place]) for place in range(3)]
    found = shapley(lambda x: x @ slopes[:, None], rows, groups=groups, background=background, state=0)
    assert found[:, :, 0] == pytest.approx(rows * slopes)


def test_shapley_shares_an_interaction_and_adds_up() -> None:
    rows, background = np.ones((1, 2)), np.zeros((1, 2))
    groups = [np.array([0]), np.array([1])]
    found = shapley(lambda x: x[:, :1] * x[:, 1:], rows, groups=groups, background=background, state=0)
    # f(1, 1) = 1 belongs to both by halves; each order with its reverse gives exactly that.
    assert found[0, :, 0].tolist() == [0.5, 0.5]


def test_shares_of_nothing_stay_nothing() -> None:
    assert shares(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist() == [[0.25, 0.75], [0.0, 0.0]]


def test_importance_finds_the_column_that_matters() -> None:
    train, holdout = patients(300, 0), patients(300, 1)
    swapped = train.rename(columns={"x": "other", "other": "x"})
    for synthetic, low, high in ((train, 0.8, 1.0), (swapped, 0.0, 0.4)):
        encoder, task, tables = prepared(synthetic, train, holdout)
        rng = np.random.default_rng(0)
        found = importance.compute(*tables, task, encoder, np.ones((2, 300)), rng)
        assert low <= found.value <= high
        assert found.detail["columns"]["x"]["real"] > 0.8


def test_learners_take_a_table_of_one_row() -> None:
    _, task, tables = prepared(patients(300, 0).iloc[:1], patients(300, 0), patients(300, 1))
    predict = learn(task, tables[0], learner="linear", seed=0)
    assert np.ptp(predict(task.inputs(tables[2])), axis=0).tolist() == [0.0, 0.0]
