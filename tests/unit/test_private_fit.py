"""A budget from the public face to the file: what is spent, what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare import PrivacyMonitor, SyntheticDataGenerator
from synthetic_healthcare.errors import (
    BudgetExceededError,
    ConfigError,
    NotPrivatizableError,
    RuleError,
    SchemaError,
)
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.schema.schema import Schema

MakeTable = Callable[..., pd.DataFrame]

DECLARED = Schema.from_yaml("""\
version: 1
columns:
  age: {kind: integer, bounds: [18, 95], nullable: false}
  pressure: {kind: numeric, bounds: [60, 220], decimals: 1, nullable: false}
  ward: {kind: categorical, categories: [north, south, east], nullable: false}
  outcome: {kind: categorical, categories: [ill, well], role: target, nullable: false}
""")


def private(model: str = "auto", *, epsilon: float = 1.0, **settings: Any) -> SyntheticDataGenerator:
    """A generator with a budget, which sees the rows of its guide once."""
    section = {"epsilon": epsilon, "delta": 1e-5, **settings}
    config = {
        "model": {"type": model, "training": {"epochs": 1}},
        "privacy": {"differential_privacy": section},
    }
    return SyntheticDataGenerator.from_config(config, random_state=0)


def quick(model: str, **settings: Any) -> SyntheticDataGenerator:
    """The same with a training as short as it goes."""
    return private(model, training={"updates": 5, "batch_size": 32}, **settings)


@pytest.mark.parametrize(
    ("level", "epsilon", "delta"),
    [("low", 10.0, 1e-5), ("medium", 3.0, 1e-5), ("high", 1.0, 1e-5), ("maximum", 0.5, 1e-6)],
)
def test_a_level_is_its_budget_and_no_more_is_spent(
    level: str, epsilon: float, delta: float, plain_table: MakeTable
) -> None:
    table = plain_table(400)
    generator = SyntheticDataGenerator(privacy_level=level).fit(table, epochs=100)
    rows = generator.generate(50)
    assert list(rows) == list(table)
    ledger = generator.describe()["ledger"]
    assert (ledger["epsilon"], ledger["delta"]) == (epsilon, delta)
    assert 0.9 * epsilon < (ledger["totals"]["pld"] or ledger["totals"]["rdp"]) <= epsilon
    assert f"epsilon {epsilon:g}" in generator.describe()["guarantee"]


def test_the_lines_of_the_public_face(plain_table: MakeTable) -> None:
    generator = SyntheticDataGenerator(model_type="wgan-gp", privacy_level="high")
    generator.add_privacy_mechanism(mechanism="differential_privacy", epsilon=2.0, delta=1e-5)
    generator.fit(plain_table(200), epochs=1)
    assert generator.describe()["ledger"]["epsilon"] == 2.0, "an explicit mechanism goes before the level"
    assert len(generator.generate(n_samples=30, augmentation_factor=3.0)) == 90
    with pytest.raises(ConfigError, match="fit"):
        generator.add_privacy_mechanism(mechanism="differential_privacy", epsilon=5.0)


def test_what_is_learnt_follows_the_table(plain_table: MakeTable) -> None:
    generator = private(epsilon=10.0).fit(plain_table(4000), schema=DECLARED, holdout=0)
    rows = generator.generate(4000)
    assert rows["age"].between(18, 95).all()
    assert set(rows["ward"]) == {"north", "south", "east"}
    assert rows["pressure"].corr(rows["age"]) > 0.6
    assert (
        rows["pressure"][rows["outcome"] == "ill"].mean() > rows["pressure"][rows["outcome"] == "well"].mean()
    )


@pytest.mark.parametrize(("rows", "model"), [(300, "star"), (4000, "aim")])
def test_auto_chooses_by_what_is_public(rows: int, model: str, plain_table: MakeTable) -> None:
    generator = private().fit(plain_table(rows), schema=DECLARED, holdout=0)
    assert generator.describe()["model"] == model
    assert generator.describe()["training"]["trial_scores"] == {}


NETWORKS = ("wgan-gp", "ctgan", "medgan", "dp-gan", "beta-vae", "cvae", "wae", "autoregressive")


@pytest.mark.parametrize("model", NETWORKS)
def test_every_network_trains_within_the_budget(model: str, plain_table: MakeTable) -> None:
    generator = quick(model, epsilon=3.0).fit(plain_table(300), schema=DECLARED, holdout=0)
    facts = generator.describe()
    assert facts["training"]["private"]
    assert facts["training"]["noised_steps"] == facts["training"]["paid_steps"] > 0
    last = facts["ledger"]["entries"][-1]["charge"]
    assert last["mechanism"] == "sampled gaussian"
    assert last["times"] == facts["training"]["noised_steps"]
    assert 2.9 < facts["ledger"]["totals"]["pld"] <= 3.0
    assert len(generator.generate(20)) == 20


@pytest.mark.parametrize("model", ["forest", "copula", "independent"])
def test_a_model_without_a_private_form_is_refused_before_anything_is_spent(
    model: str, plain_table: MakeTable, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"'{model}'.*star"):
        private(model).fit(plain_table(200), ledger=tmp_path / "ledger.json")
    assert not (tmp_path / "ledger.json").exists()


def test_a_fit_that_fails_has_spent_what_it_read(plain_table: MakeTable, tmp_path: Path) -> None:
    section = {"model": {"type": "ctgan", "architecture": {"pack": 10}}, "privacy": {"level": "high"}}
    with pytest.raises(NotPrivatizableError, match="pack"):
        SyntheticDataGenerator.from_config(section).fit(plain_table(200), ledger=tmp_path / "ledger.json")
    spent = PrivacyLedger.read(tmp_path / "ledger.json")
    assert any("one-way counts" in entry.purpose for entry in spent.entries)
    assert 0 < spent.epsilon() < 1


def test_noise_does_not_follow_the_seed(plain_table: MakeTable) -> None:
    table = plain_table(300)
    first, second = (private("star").fit(table, schema=DECLARED, holdout=0) for _ in range(2))
    assert not first.generate(200, random_state=1).equals(second.generate(200, random_state=1))


def test_the_file_keeps_the_ledger_and_no_fingerprint(plain_table: MakeTable, tmp_path: Path) -> None:
    generator = private("star").fit(plain_table(300), schema=DECLARED)
    before = generator.describe()["ledger"]
    generator.generate(500)
    generator.save(tmp_path / "model.shm")
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    assert loaded.describe()["ledger"] == before
    assert loaded.describe()["guarantee"] == generator.describe()["guarantee"]
    origin = loaded._fitted.origin  # type: ignore[union-attr]
    assert (origin.table, origin.train) == ("", "")
    pd.testing.assert_frame_equal(loaded.generate(20, random_state=3), generator.generate(20, random_state=3))


def test_the_report_names_the_guarantee_and_finds_the_holdout(plain_table: MakeTable) -> None:
    table = plain_table(400)
    generator = private("star").fit(table, schema=DECLARED)
    report = generator.evaluate(generator.generate(300), table)
    assert report["privacy_score"] is not None
    assert any("Differential privacy with epsilon 1" in note for note in report.context["notes"])
    assert any("noise of about" in note and "'outcome'" in note for note in report.context["notes"])
    # (e - 1 + 2 delta) / (e + 1): beside the scores, and in none of them.
    assert report.context["formal"]["membership_advantage_at_most"] == pytest.approx(0.46212, abs=1e-4)


def test_fits_of_the_same_patients_add_up(plain_table: MakeTable, tmp_path: Path) -> None:
    table, ledger = plain_table(300), tmp_path / "ledger.json"
    first = private("star", epsilon=1.0).fit(table, schema=DECLARED, ledger=ledger)
    second = private("star", epsilon=2.0).fit(table, schema=DECLARED, ledger=ledger)
    assert len(second.describe()["ledger"]["entries"]) > len(first.describe()["ledger"]["entries"])
    assert 1.8 < second.describe()["ledger"]["totals"]["pld"] <= 2.0
    with pytest.raises((BudgetExceededError, ConfigError), match="budget"):
        private("star", epsilon=2.0).fit(table, schema=DECLARED, ledger=ledger)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_table_comes_back_in_its_own_kind(library: str, plain_table: MakeTable) -> None:
    module = pytest.importorskip(library)
    table = plain_table(300)
    given = module.from_pandas(table) if library == "polars" else module.Table.from_pandas(table)
    rows = private("star").fit(given, schema=DECLARED).generate(20)
    assert type(rows) is type(given)
    assert rows.shape == (20, 4)


def test_a_strict_domain_names_what_is_not_declared(plain_table: MakeTable) -> None:
    partial = Schema.from_yaml("version: 1\ncolumns:\n  age: {kind: integer, bounds: [18, 95]}\n")
    with pytest.raises(SchemaError):
        private(strict_domain=True).fit(plain_table(200), schema=partial)
    with pytest.raises(SchemaError, match=r"(?s)pressure.*ward"):
        private(strict_domain=True).fit(plain_table(200)[["pressure", "ward"]])


def test_patients_with_several_rows_are_one_person(plain_table: MakeTable) -> None:
    table = plain_table(600).assign(patient=[f"P{i // 3}" for i in range(600)])
    schema = Schema.from_yaml("""\
version: 1
columns:
  age: {kind: integer, bounds: [18, 95], nullable: false}
  pressure: {kind: numeric, bounds: [60, 220], nullable: false}
  ward: {kind: categorical, categories: [north, south, east], nullable: false}
  outcome: {kind: categorical, categories: [ill, well], role: target, nullable: false}
  patient: {kind: identifier, role: group}
""")
    one = private("star").fit(table, schema=schema, holdout=0)
    assert one.describe()["ledger"]["unit"] == "patient"
    assert one.describe()["rows"]["train"] == 200
    two = private("star", rows_per_patient=2).fit(table, schema=schema, holdout=0)
    assert two.describe()["rows"]["train"] == 400
    network = quick("beta-vae", rows_per_patient=2).fit(table, schema=schema, holdout=0)
    assert network.describe()["training"]["rows_per_person"] == 2


def test_a_large_delta_is_warned_of(plain_table: MakeTable) -> None:
    generator = SyntheticDataGenerator("star")
    generator.add_privacy_mechanism("differential_privacy", epsilon=1.0, delta=0.01)
    with pytest.warns(UserWarning, match="delta"):
        generator.fit(plain_table(300), schema=DECLARED)


def test_checkpoints_and_alerts_that_read_patients_are_refused(
    plain_table: MakeTable, tmp_path: Path
) -> None:
    table = plain_table(200)
    with pytest.raises(ConfigError, match="checkpoint"):
        private("beta-vae").fit(table, schema=DECLARED, checkpoint=tmp_path)
    monitor = PrivacyMonitor()
    monitor.add_alert(metric="membership_inference_attack_success", threshold=0.6, action="stop_training")
    with pytest.raises(ConfigError, match="reads none"):
        private("beta-vae").fit(table, schema=DECLARED, monitor=monitor)


def test_an_alert_on_epsilon_stops_a_training(plain_table: MakeTable) -> None:
    monitor = PrivacyMonitor()
    monitor.add_alert(metric="epsilon", threshold=0.5, action="stop_training", every=1)
    generator = private("beta-vae", training={"updates": 40, "batch_size": 32})
    generator.fit(plain_table(300), schema=DECLARED, holdout=0, monitor=monitor)
    training = generator.describe()["training"]
    assert training["ended"] == "alert"
    assert training["noised_steps"] < training["paid_steps"]
    assert any(record.fired for record in monitor.history)


def test_rules_that_would_be_read_from_patients_are_refused(plain_table: MakeTable) -> None:
    pack = RulePack.from_yaml("""\
version: 1
rules:
  seen together: {combination: [ward, outcome], allowed: observed}
""")
    with pytest.raises(RuleError, match="seen together"):
        SyntheticDataGenerator("star", privacy_level="high", rules=pack).fit(
            plain_table(200), schema=DECLARED
        )


def test_noise_that_follows_the_seed_is_marked_as_no_privacy(plain_table: MakeTable) -> None:
    generator = private("beta-vae", training={"updates": 5, "batch_size": 32, "testing": True})
    generator.fit(plain_table(200), schema=DECLARED, holdout=0)
    assert "NOT PRIVATE" in generator.describe()["guarantee"]
