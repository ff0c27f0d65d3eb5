"""A generator that replays its rows is refuted; one that never looks at them is not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import CheckpointError, ConfigError, DataError
from synthetic_healthcare.evaluation.certify import Certificate, CertifyOptions, certify
from synthetic_healthcare.evaluation.certify.one_run import (
    epsilon_refuted,
    invent_canaries,
    judge,
    p_value,
)
from synthetic_healthcare.schema.schema import Schema

Simulate = Callable[..., pd.DataFrame]
AUDIT = CertifyOptions(canaries=500, records=0)
SHADOW = CertifyOptions(canaries=0, records=3, trainings=60)


def replay(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Give the training rows themselves."""
    return rows.sample(frac=1, random_state=seed).reset_index(drop=True)


@pytest.fixture(scope="module")
def patients(simulated: Simulate) -> tuple[pd.DataFrame, Schema]:
    train = simulated(300, seed=5)
    return train, Schema.infer(train, target="died")


@pytest.fixture(scope="module")
def blind(simulated: Simulate) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    def draw(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
        return simulated(len(rows), seed=10_000 + seed)

    return draw


def test_p_value_by_hand() -> None:
    # At epsilon 0 guesses are coins: 9 or 10 of 10 right has probability 11 / 1024.
    assert p_value(10, 10, 9, epsilon=0.0, delta=0.0) == pytest.approx(11 / 1024)
    # e^epsilon = 3: each is right with probability 3/4.
    assert p_value(10, 10, 10, epsilon=math.log(3), delta=0.0) == pytest.approx(0.75**10)
    # One guess, right: f(1) = 1/2, f(0) = 1, so that delta adds 2 m delta (1 - 1/2) / 1.
    assert p_value(5, 1, 1, epsilon=0.0, delta=0.01) == pytest.approx(0.5 + 2 * 5 * 0.01 * 0.5)
    assert p_value(5, 0, 0, epsilon=0.0, delta=0.0) == 1.0


def test_refuted_epsilon_is_where_the_p_value_crosses() -> None:
    found = epsilon_refuted(500, 500, 500, delta=0.0)
    # All right: q^500 = 0.05.
    right = 0.05 ** (1 / 500)
    assert found == pytest.approx(math.log(right / (1 - right)))
    assert epsilon_refuted(500, 500, 250, delta=0.0) == 0.0
    assert epsilon_refuted(500, 500, 400, delta=1e-5) < epsilon_refuted(500, 500, 400, delta=0.0)


def test_guessing_refutes_rarely() -> None:
    rng = np.random.default_rng(0)
    refuted, beyond = 0, 0
    for _ in range(60):
        included = rng.random(500) < 0.5
        blind = rng.normal(size=500).tolist()
        # Randomised response at epsilon 1: the best that an epsilon of 1 can give away.
        told = (included ^ (rng.random(500) < 1 / (1 + math.e))) + rng.random(500) * 0.1
        flags = included.astype(float).tolist()
        refuted += judge({"included": flags, "A1": blind, "A3": blind}, delta=1e-5).epsilon_lower > 0
        found = judge({"included": flags, "A1": told.tolist(), "A3": blind}, delta=1e-5).epsilon_lower
        assert found > 0.3
        beyond += found > 1.0
    # Each errs in 5 % of the cases at most: 3 expected, 8 has a probability below 1 %.
    assert max(refuted, beyond) <= 7


def test_canaries_are_nobody_and_within_the_domain(patients: tuple[pd.DataFrame, Schema]) -> None:
    train, schema = patients
    found = invent_canaries(train, schema=schema, canaries=500, rng=np.random.default_rng(0))
    assert len(found) == 500
    assert not found.duplicated().any()
    assert (found.dtypes == train.dtypes).all()
    assert all(set(found[name].dropna()) <= set(train[name].dropna()) for name in train)
    few = train[["sex", "died"]]
    with pytest.raises(DataError, match="too few combinations"):
        invent_canaries(few, schema=Schema.infer(few), canaries=500, rng=np.random.default_rng(0))


def test_audit_refutes_a_replay_and_not_a_blind_generator(
    patients: tuple[pd.DataFrame, Schema], blind: Callable[[pd.DataFrame, int], pd.DataFrame]
) -> None:
    train, schema = patients
    found = certify(
        train, replay, schema=schema, generator="replay", options=replace(AUDIT, claimed_epsilon=1.0)
    )
    assert found.audit is not None
    assert found.epsilon_lower > 3.0
    assert found.refuted is True
    assert "REFUTED" in found.summary()
    clean = certify(
        train, blind, schema=schema, generator="blind", options=replace(AUDIT, claimed_epsilon=0.5)
    )
    assert clean.epsilon_lower == 0.0
    assert clean.refuted is False
    assert "not anonymity" in clean.summary()


def test_shadow_attacks_refute_a_replay_and_not_a_blind_generator(
    patients: tuple[pd.DataFrame, Schema], blind: Callable[[pd.DataFrame, int], pd.DataFrame]
) -> None:
    train, schema = patients
    found = certify(train, replay, schema=schema, generator="replay", options=SHADOW)
    assert found.epsilon_lower > 0.5
    assert all(one.true_positive_rate[0] > 0.9 for one in found.records)
    clean = certify(train, blind, schema=schema, generator="blind", options=SHADOW)
    assert clean.epsilon_lower == 0.0
    assert all(one.with_record + one.without_record == 60 for one in clean.records)


def test_it_goes_on_where_it_stopped_and_mixes_nothing(
    patients: tuple[pd.DataFrame, Schema], tmp_path: Path
) -> None:
    train, schema = patients
    options = CertifyOptions(canaries=500, records=2, trainings=12)
    state = tmp_path / "state.json"
    trained: list[int] = []

    def run(stop: int | None = None, chosen: CertifyOptions = options, name: str = "replay") -> Certificate:
        def fit(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
            if len(trained) == stop:
                raise KeyboardInterrupt
            trained.append(seed)
            return replay(rows, seed)

        return certify(train, fit, schema=schema, generator=name, options=chosen, state=state)

    with pytest.raises(KeyboardInterrupt):
        run(stop=5)
    assert len(json.loads(state.read_text())["done"]) == 5
    whole = run()
    assert len(trained) == 13
    assert len(set(trained)) == 13
    unbroken = certify(train, replay, schema=schema, generator="replay", options=options)
    assert whole == unbroken
    # Nothing is trained again, neither for another claim; more trainings go on from those that are done.
    assert run(chosen=replace(options, claimed_epsilon=1.0)).refuted is True
    assert len(trained) == 13
    run(chosen=replace(options, trainings=14))
    assert len(trained) == 15
    for other in (
        lambda: run(name="another"),
        lambda: run(chosen=replace(options, seed=1)),
        lambda: certify(
            train.iloc[1:], replay, schema=schema, generator="replay", options=options, state=state
        ),
    ):
        with pytest.raises(CheckpointError, match="another certification"):
            other()
    state.write_text("[]")
    with pytest.raises(CheckpointError, match="no state"):
        run()


@pytest.mark.parametrize(
    "setting",
    [{"canaries": 100}, {"records": 51}, {"trainings": 2}, {"delta": 1.0}, {"claimed_epsilon": -1.0}],
)
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        CertifyOptions(**setting)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nothing to do"):
        CertifyOptions(canaries=0, records=0)


def test_too_few_rows_are_refused(patients: tuple[pd.DataFrame, Schema]) -> None:
    train, schema = patients
    with pytest.raises(DataError, match="40 different rows"):
        certify(pd.concat([train.iloc[:40]] * 3), replay, schema=schema, generator="replay", options=SHADOW)


def test_several_rows_a_patient_are_refused(patients: tuple[pd.DataFrame, Schema]) -> None:
    train, _ = patients
    visits = train.assign(patient=np.arange(len(train)) // 2)
    schema = Schema.infer(visits, target="died").with_column("patient", role="group")
    with pytest.raises(DataError, match="one row a patient"):
        certify(visits, replay, schema=schema, generator="replay", options=SHADOW)


@pytest.mark.slow
def test_a_private_model_keeps_what_it_claims(simulated: Simulate) -> None:
    from synthetic_healthcare.generator import SyntheticDataGenerator

    train = simulated(2_000, seed=6)
    schema = Schema.infer(train, target="died")

    def star(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
        generator = SyntheticDataGenerator("star", privacy_level="high", random_state=seed)
        generator.fit(rows, schema=schema, holdout=0)
        return generator.generate(4_000)  # type: ignore[no-any-return]

    options = CertifyOptions(canaries=1_000, records=0, claimed_epsilon=1.0)
    found = certify(train, star, schema=schema, generator="star, epsilon 1", options=options)
    assert found.epsilon_lower <= 1.0
    assert found.refuted is False
