"""What is measured fires for a model that deserves it, and each action does what it says."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from synthetic_healthcare import PrivacyMonitor
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring import AlertWarning, Record
from synthetic_healthcare.monitoring.records import FAILED, marks
from synthetic_healthcare.monitoring.tables import Parted
from synthetic_healthcare.monitoring.watch import Watch
from synthetic_healthcare.training.watching import Step

MEMBERSHIP, COPIES = "membership_inference_attack_success", "nearest_neighbor_copies"


def step(
    update: int,
    *,
    total: int = 1000,
    losses: Mapping[str, float] | None = None,
    norm: float = 1.0,
) -> Step:
    given = {"fit": 1.0} if losses is None else losses
    return Step(update, total, lambda: given, {"fit": norm}, nullcontext)


def updates(monitor: PrivacyMonitor, *, fired: bool = True) -> list[int]:
    return [record.update for record in monitor.history if record.fired is fired]


# What deserves an alert


@pytest.mark.parametrize("metric", [MEMBERSHIP, COPIES])
def test_a_model_that_copies_fires_and_an_honest_one_does_not(metric: str, ward: SimpleNamespace) -> None:
    for rows, fires in ((ward.copied, True), (ward.honest, False)):
        seen: list[Record] = []
        threshold = 0.6 if metric == MEMBERSHIP else 0.1
        monitor = PrivacyMonitor().add_alert(metric, threshold, action="callback", callback=seen.append)
        ward.watch(monitor, rows).look(step(250))
        (record,) = monitor.history
        assert record.fired is fires
        assert len(seen) == fires
        assert record.standard_error is not None
        assert record.value is not None
        assert 0 <= record.standard_error < 0.1
        if fires:
            assert record.value > 0.9


def test_utility_fires_for_rows_that_anyone_can_tell(ward: SimpleNamespace) -> None:
    for rows, fires in ((ward.flat, True), (ward.honest, False)):
        monitor = PrivacyMonitor().add_alert("utility", 0.5, action="callback", callback=lambda record: None)
        watch = ward.watch(monitor, rows)
        watch.look(step(200, total=1000))
        assert monitor.history == ()  # before a quarter of the training nothing is asked of it
        watch.look(step(500))
        (record,) = monitor.history
        assert record.fired is fires


def test_epsilon_is_asked_before_the_first_step_and_for_the_next_one(ward: SimpleNamespace) -> None:
    spent = iter([0.5, 0.9, 1.1])
    monitor = PrivacyMonitor().add_alert("epsilon", 1.0, action="stop_training")
    watch = ward.watch(monitor, ward.honest, epsilon=lambda: next(spent))
    assert watch.look(step(0)) == ""
    assert watch.look(step(1)) == ""
    with pytest.warns(AlertWarning, match="epsilon is 1.1"):
        assert watch.look(step(2)) == "alert"
    assert [record.value for record in monitor.history] == [0.5, 0.9, 1.1]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_losses_that_are_not_finite(loss: float, ward: SimpleNamespace) -> None:
    monitor = PrivacyMonitor().add_alert("loss_nan")
    watch = ward.watch(monitor, ward.honest)
    watch.look(step(1))
    with pytest.warns(AlertWarning, match="loss_nan is 1"):
        watch.look(step(2, losses={"critic": 0.1, "generator": loss}))
    assert updates(monitor) == [2]


@pytest.mark.parametrize("norm", [11.0, float("nan"), float("inf")])
def test_gradients_that_explode(norm: float, ward: SimpleNamespace) -> None:
    monitor = PrivacyMonitor().add_alert("gradient_explosion", 10.0, every=2)
    watch = ward.watch(monitor, ward.honest)
    assert [watch.wants_norms(update) for update in (1, 2, 3)] == [False, True, False]
    watch.look(step(2, norm=9.0))
    with pytest.warns(AlertWarning, match="gradient_explosion"):
        watch.look(step(4, norm=norm))
    json.dumps(watch.to_state(), allow_nan=False)


def test_what_cannot_be_measured_is_said_once(ward: SimpleNamespace) -> None:
    monitor = PrivacyMonitor().add_alert("loss_nan")
    watch = ward.watch(monitor, ward.honest)
    for update in (1, 2, 3):
        watch.look(step(update, losses={}))
    (record,) = monitor.history
    assert (record.value, record.fired) == (None, False)
    assert record.note == "not applicable: no loss may leave the step"


def test_too_few_unseen_rows_are_refused(ward: SimpleNamespace) -> None:
    real = ward.real()
    real._holdout = real._holdout.head(5)
    watch = Watch(PrivacyMonitor().add_alert(MEMBERSHIP, 0.6), real)
    with pytest.raises(ConfigError, match="the hold-out has 5 and the validation share 3"):
        watch.start(lambda n: ward.honest, Parted(np.arange(397), np.arange(397, 400)))


def test_without_a_holdout_the_rows_kept_aside_in_training_are_the_unseen_ones(ward: SimpleNamespace) -> None:
    real = ward.real()
    real._holdout = real._holdout.head(0)
    monitor = PrivacyMonitor().add_alert(MEMBERSHIP, 0.6, action="callback", callback=lambda record: None)
    watch = Watch(monitor, real)
    # The model copies the rows that it learns from, the first 300.
    watch.start(lambda n: ward.copied.take(np.arange(300)), Parted(np.arange(300), np.arange(300, 400)))
    watch.look(step(250))
    assert monitor.history[0].value == pytest.approx(1.0, abs=0.1)


# What is done


def test_actions_end_the_training_or_let_it_go_on(ward: SimpleNamespace) -> None:
    ends = {}
    for action in ("stop_training", "pause", "warn", "block_release"):
        monitor = PrivacyMonitor().add_alert("gradient_explosion", 0.5, action=action)
        with pytest.warns(AlertWarning, match=f"gradient_explosion is 1 at update 1, .*: {action}"):
            ends[action] = ward.watch(monitor, ward.honest).look(step(1))
    assert ends == {"stop_training": "alert", "pause": "paused", "warn": "", "block_release": ""}


def test_stopping_goes_before_pausing(ward: SimpleNamespace) -> None:
    monitor = PrivacyMonitor()
    for action in ("pause", "stop_training"):
        monitor.add_alert("gradient_explosion", 0.5, action=action)
    with pytest.warns(AlertWarning):
        assert ward.watch(monitor, ward.honest).look(step(1)) == "alert"


def test_a_warning_is_logged_too(ward: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    monitor = PrivacyMonitor().add_alert("gradient_explosion", 0.5)
    with caplog.at_level(logging.WARNING), pytest.warns(AlertWarning):
        ward.watch(monitor, ward.honest).look(step(1))
    assert "gradient_explosion is 1" in caplog.text


def test_where_warnings_are_errors_the_training_goes_on(ward: SimpleNamespace) -> None:
    """This suite makes errors of warnings: none gets out of the watch."""
    monitor = PrivacyMonitor().add_alert("gradient_explosion", 0.5)
    ward.watch(monitor, ward.honest).look(step(1))
    assert updates(monitor) == [1]


def test_a_firing_is_not_repeated_within_the_cooldown(ward: SimpleNamespace) -> None:
    seen: list[Record] = []
    monitor = PrivacyMonitor().add_alert(
        "gradient_explosion", 0.5, action="callback", callback=seen.append, cooldown=3
    )
    watch = ward.watch(monitor, ward.honest)
    for update in range(1, 9):
        watch.look(step(update))
    assert [record.update for record in seen] == updates(monitor) == [1, 4, 7]
    assert len(monitor.history) == 8
    assert {record.note for record in monitor.history if not record.fired} == {"cooling down"}


def test_the_cooldown_outlives_a_checkpoint(ward: SimpleNamespace) -> None:
    monitor = PrivacyMonitor().add_alert(
        "gradient_explosion", 0.5, action="callback", callback=lambda record: None, cooldown=10
    )
    watch = ward.watch(monitor, ward.honest)
    watch.look(step(1))
    state = json.loads(json.dumps(watch.to_state()))
    again = ward.watch(monitor, ward.honest)
    assert monitor.history == ()
    again.resume(state)
    for update in (2, 11):
        again.look(step(update))
    assert updates(monitor) == [1, 11]
    assert monitor.to_frame()["update"].tolist() == [1, 2, 11]


def test_a_broken_callback_raises_its_own_alert_and_not_the_training(ward: SimpleNamespace) -> None:
    def broken(record: Record) -> None:
        raise ValueError("age 93 of patient 7")

    monitor = PrivacyMonitor().add_alert(
        "gradient_explosion", 0.5, action="callback", callback=broken, cooldown=0
    )
    watch = ward.watch(monitor, ward.honest)
    with pytest.warns(AlertWarning, match="alert_failed at update 1: gradient_explosion: ValueError"):
        assert watch.look(step(1)) == ""
    fired, failed = monitor.history
    assert fired.fired
    assert failed.metric == FAILED
    assert failed.fired
    assert "93" not in failed.text


def test_a_broken_measurement_raises_its_own_alert(ward: SimpleNamespace) -> None:
    def broken() -> float:
        raise RuntimeError("no ledger")

    monitor = PrivacyMonitor().add_alert("epsilon", 1.0, action="stop_training")
    watch = ward.watch(monitor, ward.honest, epsilon=broken)
    with pytest.warns(AlertWarning, match="alert_failed at update 3: epsilon: RuntimeError"):
        assert watch.look(step(3)) == ""
    assert marks(watch.to_state())["alert"] is None


def test_a_gate_that_cannot_be_read_is_shut(ward: SimpleNamespace) -> None:
    def broken() -> float:
        raise RuntimeError

    monitor = PrivacyMonitor().add_alert("epsilon", 1.0, action="block_release")
    watch = ward.watch(monitor, ward.honest, epsilon=broken)
    with pytest.warns(AlertWarning):
        watch.look(step(1))
    assert "RuntimeError" in marks(watch.to_state())["release_blocked"]


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]], Callable[[int], None]]]:
    """An address, what was posted to it, and a way to say with what code it answers."""
    bodies: list[dict[str, Any]] = []
    code = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(code[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    listening = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield (
        f"http://127.0.0.1:{listening.server_port}/?key=secret",
        bodies,
        lambda one: code.__setitem__(0, one),
    )
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_a_webhook_is_sent_the_figures(ward: SimpleNamespace, server: Any) -> None:
    url, bodies, _ = server
    monitor = PrivacyMonitor().add_alert(COPIES, 0.1, action="webhook", url=url)
    watch = ward.watch(monitor, ward.copied)
    watch.look(step(250))
    watch.finish(250)
    (body,) = bodies
    (record,) = monitor.history
    assert body == {**record.to_dict(), "text": record.text}
    assert set(body) == {
        *("update", "metric", "value", "standard_error", "threshold", "fired", "action", "note", "text"),
    }


@pytest.mark.parametrize("code", [500, None])
def test_a_webhook_that_fails_raises_the_monitors_own_alert(
    code: int | None, ward: SimpleNamespace, server: Any
) -> None:
    url, _, answer = server
    if code is None:
        url = "http://127.0.0.1:9/?key=secret"  # the port of discard: nobody listens
    else:
        answer(code)
    monitor = PrivacyMonitor().add_alert("gradient_explosion", 0.5, action="webhook", url=url)
    watch = ward.watch(monitor, ward.honest)
    watch.look(step(1))
    with pytest.warns(AlertWarning, match="alert_failed at update 7: webhook: (HTTPError 500|URLError)"):
        watch.finish(7)
    assert [record.metric for record in monitor.history] == ["gradient_explosion", FAILED]
    assert "secret" not in json.dumps(watch.to_state())
