"""A monitor on whole fits: what it stops, pauses, marks and leaves as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from synthetic_healthcare import PrivacyMonitor, SyntheticDataGenerator
from synthetic_healthcare.artifacts.store import read_model
from synthetic_healthcare.cli.main import main
from synthetic_healthcare.errors import ConfigError, ReleaseBlockedError
from synthetic_healthcare.monitoring import AlertWarning

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

MEMBERSHIP, COPIES = "membership_inference_attack_success", "nearest_neighbor_copies"


def watching(metric: str, threshold: float | None = None, **settings: Any) -> PrivacyMonitor:
    return PrivacyMonitor().add_alert(metric, threshold, **settings)


def weights(generator: SyntheticDataGenerator, path: Path) -> dict[str, Any]:
    generator.save(path)
    return read_model(path)[1]["weights"]


def test_being_watched_changes_no_weight(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    table = plain_table(300)
    monitor = PrivacyMonitor()
    for metric, threshold in ((MEMBERSHIP, 1.0), (COPIES, 1.0), ("utility", 0.0)):
        monitor.add_alert(metric, threshold, every=10)
    monitor.add_alert("loss_nan").add_alert("gradient_explosion", 1e9)
    watched = quick_fit(table, epochs=3, monitor=monitor)
    alone = quick_fit(table, epochs=3)
    first, second = (weights(one, tmp_path / f"{k}.shm") for k, one in enumerate((watched, alone)))
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)
    assert watched.describe()["training"] == alone.describe()["training"]
    counts = monitor.to_frame()["metric"].value_counts()
    # Every 10 of 45 updates and once at the end; utility not before a quarter of them.
    assert counts.to_dict() == {
        MEMBERSHIP: 5, COPIES: 5, "utility": 4, "loss_nan": 45, "gradient_explosion": 45,
    }  # fmt: skip


def test_stop_training_ends_it_and_marks_the_model(plain_table: MakeTable, quick_fit: Fit) -> None:
    monitor = watching("gradient_explosion", 0.0, action="stop_training", every=20)
    with pytest.warns(AlertWarning, match="update 20"):
        generator = quick_fit(plain_table(300), epochs=4, monitor=monitor)
    training = generator.describe()["training"]
    assert (training["ended"], training["updates"]) == ("alert", 20)
    assert training["alert"] == monitor.history[0].text
    assert training["alerts"] == [training["alert"]]
    assert len(generator.generate(10)) == 10


def test_a_mark_goes_with_the_file(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    with pytest.warns(AlertWarning):
        generator = quick_fit(plain_table(), monitor=watching("gradient_explosion", 0.0))
    generator.save(tmp_path / "model.shm")
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    assert loaded.describe()["training"]["alerts"] == generator.describe()["training"]["alerts"]


def test_the_generators_own_monitor_watches_every_fit(plain_table: MakeTable) -> None:
    monitor = watching("gradient_explosion", 1e9)
    generator = SyntheticDataGenerator("beta-vae", random_state=0, monitor=monitor)
    for _ in range(2):
        generator.fit(plain_table(), epochs=1)
        assert [record.update for record in monitor.history] == list(range(1, 16))


def test_pause_and_go_on_to_the_same_weights(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    table = plain_table(300)
    monitor = watching("gradient_explosion", 0.0, action="pause", every=17, cooldown=10**6)
    with pytest.warns(AlertWarning, match="pause"):
        paused = quick_fit(table, epochs=4, monitor=monitor, checkpoint=tmp_path / "run")
    assert paused.describe()["training"]["ended"] == "paused"
    assert paused.describe()["training"]["updates"] == 17
    # Another monitor with the same alert: what fired, and its cooldown, are in the checkpoint.
    other = watching("gradient_explosion", 0.0, action="pause", every=17, cooldown=10**6)
    resumed = quick_fit(table, epochs=4, monitor=other, checkpoint=tmp_path / "run")
    assert resumed.describe()["training"]["ended"] == "finished"
    assert [record.update for record in other.history] == [17, 34, 51]
    whole = weights(quick_fit(table, epochs=4), tmp_path / "whole.shm")
    for name, value in weights(resumed, tmp_path / "resumed.shm").items():
        np.testing.assert_array_equal(whole[name], value)


def test_an_alert_after_the_last_update_pauses_nothing(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    monitor = watching("gradient_explosion", 0.0, action="pause", every=15)
    with pytest.warns(AlertWarning):
        generator = quick_fit(plain_table(), monitor=monitor, checkpoint=tmp_path)
    assert generator.describe()["training"]["ended"] == "finished"


def test_a_training_that_an_alert_ended_stays_ended(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    monitor = watching("gradient_explosion", 0.0, action="stop_training", every=10)
    with pytest.warns(AlertWarning):
        first = quick_fit(plain_table(), monitor=monitor, checkpoint=tmp_path)
    again = quick_fit(plain_table(), checkpoint=tmp_path)
    assert again.describe()["training"] == first.describe()["training"]


def test_pause_without_a_checkpoint_is_refused(plain_table: MakeTable, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match=r"pauses the training.*checkpoint=FOLDER"):
        quick_fit(plain_table(), monitor=watching("loss_nan", action="pause"))


def test_epsilon_without_a_budget_is_refused(plain_table: MakeTable, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match="no privacy budget to watch"):
        quick_fit(plain_table(), monitor=watching("epsilon", 1.0))


def test_without_unseen_rows_an_attack_is_refused(plain_table: MakeTable, quick_fit: Fit) -> None:
    with pytest.raises(ConfigError, match="the hold-out has 0 and the validation share 0"):
        quick_fit(plain_table(120), holdout=0, monitor=watching(MEMBERSHIP, 0.6))


def test_a_holdout_may_be_a_table(plain_table: MakeTable, quick_fit: Fit) -> None:
    monitor = watching(MEMBERSHIP, 1.0)
    quick_fit(plain_table(120), holdout=plain_table(60, seed=3), monitor=monitor)
    assert monitor.history[0].value is not None


def test_a_blocked_model_gives_no_rows_and_no_file(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    table = plain_table(300)
    with pytest.warns(AlertWarning):
        generator = quick_fit(
            table, monitor=watching("gradient_explosion", 0.0, action="block_release"), epochs=2
        )
    assert generator.describe()["training"]["updates"] == 30
    path = tmp_path / "model.shm"
    for purpose, ask in {
        "generate": lambda: generator.generate(5),
        "generate_to": lambda: generator.generate_to(tmp_path / "rows.csv", 5),
        "generate_conditional": lambda: generator.generate_conditional({"ward": "north"}, 5),
        "impute": lambda: generator.impute(table),
        "save": lambda: generator.save(path),
    }.items():
        with pytest.raises(ReleaseBlockedError, match=f"{purpose} is refused: .*gradient_explosion is"):
            ask()
    assert not list(tmp_path.iterdir())
    report = generator.evaluate(plain_table(100, seed=5), table)
    assert report["utility_score"] is not None


def test_a_block_survives_a_resumption_without_the_monitor(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    monitor = watching("gradient_explosion", 0.0, action="block_release", every=5)
    monitor.add_alert("gradient_explosion", 0.0, action="pause", every=10)
    with pytest.warns(AlertWarning):
        quick_fit(plain_table(), monitor=monitor, checkpoint=tmp_path)
    generator = quick_fit(plain_table(), checkpoint=tmp_path)
    assert generator.describe()["training"]["ended"] == "finished"
    with pytest.raises(ReleaseBlockedError):
        generator.generate(5)


# Models that learn in one go


@pytest.mark.parametrize("name", ["forest", "copula", "independent"])
def test_models_without_steps_are_looked_at_once(name: str, plain_table: MakeTable, quick_fit: Fit) -> None:
    monitor = PrivacyMonitor()
    for metric, threshold in ((MEMBERSHIP, 1.0), (COPIES, 1.0), ("utility", 0.0)):
        monitor.add_alert(metric, threshold, action="stop_training")
    monitor.add_alert("loss_nan").add_alert("gradient_explosion", 1.0)
    generator = quick_fit(plain_table(300), name, monitor=monitor)
    frame = monitor.to_frame().set_index("metric")
    assert frame.loc[[MEMBERSHIP, COPIES, "utility"], "value"].notna().all()
    assert frame.loc[["loss_nan", "gradient_explosion"], "value"].isna().all()
    assert frame.loc[["loss_nan", "gradient_explosion"], "note"].str.contains("not applicable").all()
    assert generator.describe()["training"]["ended"] == "finished"


def test_models_without_steps_are_marked_and_blocked(plain_table: MakeTable, quick_fit: Fit) -> None:
    monitor = watching("utility", 1.0, action="stop_training")
    monitor.add_alert("utility", 1.0, action="block_release")
    with pytest.warns(AlertWarning, match="utility"):
        generator = quick_fit(plain_table(300), "independent", monitor=monitor)
    training = generator.describe()["training"]
    assert training["ended"] == "alert"
    assert training["alert"].startswith("utility is")
    with pytest.raises(ReleaseBlockedError):
        generator.generate(5)


def test_the_trials_of_auto_are_not_watched(plain_table: MakeTable) -> None:
    monitor = watching("gradient_explosion", 1e9).add_alert("utility", 0.0)
    generator = SyntheticDataGenerator(random_state=0).fit(plain_table(240), epochs=1, monitor=monitor)
    assert len(generator.describe()["training"]["trial_scores"]) == 3
    assert len([record for record in monitor.history if record.metric == "utility"]) == 1


def test_rows_that_stand_in_the_table_several_times_are_no_leak(plain_table: MakeTable) -> None:
    """Marginals know no patient, however often each stands in the table."""
    table = pd.concat([plain_table(300)] * 3, ignore_index=True)
    monitor = watching(MEMBERSHIP, 0.6, action="stop_training").add_alert(COPIES, 0.05)
    generator = SyntheticDataGenerator("independent", random_state=0).fit(table, monitor=monitor)
    assert generator.describe()["training"]["ended"] == "finished"
    assert not any(record.fired for record in monitor.history)


# Configuration and command line

ALERTS = [
    {"metric": "gradient_explosion", "threshold": 0.0, "action": "warn", "every": 10, "cooldown": 1000},
    {"metric": MEMBERSHIP, "threshold": 1.0, "action": "stop_training"},
]


def settings(**monitoring: Any) -> dict[str, Any]:
    return {"model": {"type": "beta-vae", "training": {"epochs": 1}}, "monitoring": monitoring}


def test_a_file_builds_a_monitor(plain_table: MakeTable, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings(enabled=True, alerts=ALERTS)), encoding="utf-8")
    generator = SyntheticDataGenerator.from_config(path, random_state=0)
    with pytest.warns(AlertWarning, match="gradient_explosion"):
        generator.fit(plain_table())
    assert generator.monitor is not None
    assert [alert.metric for alert in generator.monitor.alerts] == ["gradient_explosion", MEMBERSHIP]
    assert [record.update for record in generator.monitor.history if record.fired] == [10]


@pytest.mark.parametrize("privacy", [{}, {"privacy": {"level": "high"}}], ids=["plain", "private"])
def test_what_watched_a_fit_is_not_in_the_file_of_the_model(
    privacy: dict[str, Any], plain_table: MakeTable, tmp_path: Path
) -> None:
    alert = {"metric": "loss_nan", "action": "webhook", "url": "https://a.example/?key=secret-key"}
    watched = {**settings(enabled=True, alerts=[alert]), **privacy}
    generator = SyntheticDataGenerator.from_config(watched, random_state=0)
    generator.fit(plain_table()).save(tmp_path / "model.shm")
    assert b"secret-key" not in (tmp_path / "model.shm").read_bytes()
    assert SyntheticDataGenerator.load(tmp_path / "model.shm").monitor is None


def test_enabled_alone_watches_for_membership() -> None:
    monitor = SyntheticDataGenerator.from_config(settings(enabled=True)).monitor
    assert monitor is not None
    assert [(one.metric, one.limit, one.action) for one in monitor.alerts] == [(MEMBERSHIP, 0.6, "warn")]
    assert SyntheticDataGenerator.from_config(settings(enabled=False)).monitor is None


@pytest.mark.parametrize(
    ("monitoring", "message"),
    [
        ({"enabled": True, "alerts": [{"metric": "utlity", "threshold": 0.1}]}, "did you mean 'utility'"),
        ({"enabled": True, "alerts": []}, "watches nothing"),
        ({"alerts": ALERTS}, "enabled is not set"),
    ],
)
def test_a_file_that_watches_wrongly_is_refused(monitoring: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SyntheticDataGenerator.from_config(settings(**monitoring))


def test_alerts_do_not_make_another_run_of_a_checkpoint(plain_table: MakeTable, tmp_path: Path) -> None:
    for monitoring in ({"enabled": False}, {"enabled": True}):
        generator = SyntheticDataGenerator.from_config(settings(**monitoring), random_state=0)
        generator.fit(plain_table(), checkpoint=tmp_path)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


@pytest.mark.parametrize("action", ["warn", "block_release", "pause"])
def test_the_command_line_says_what_fired(
    action: str, plain_table: MakeTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain_table().to_csv(tmp_path / "patients.csv", index=False)
    alerts = [{**ALERTS[0], "action": action}]
    (tmp_path / "run.yaml").write_text(
        yaml.safe_dump(settings(enabled=True, alerts=alerts)), encoding="utf-8"
    )
    table, model = tmp_path / "patients.csv", tmp_path / "model.shm"
    places = ("-o", model, "--config", tmp_path / "run.yaml", "--checkpoint", tmp_path / "run")
    code, out, err = run(capsys, "fit", table, *places, "--seed", 0)
    assert "Alert: gradient_explosion is" in out
    assert ("training is paused" in out) is (action == "pause")
    if action == "block_release":
        assert code == 1
        assert "save is refused" in err
        assert not model.exists()
    else:
        assert code == 0
