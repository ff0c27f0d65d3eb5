"""Alerts are checked when they are added: names, directions, ranges, and what a run cannot have."""

from __future__ import annotations

import math
from typing import Any

import pytest

from synthetic_healthcare import PrivacyMonitor
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring import Alert
from synthetic_healthcare.monitoring.actions import ACTIONS
from synthetic_healthcare.monitoring.measures import METRICS, Measured


def test_the_public_face() -> None:
    monitor = PrivacyMonitor()
    monitor.add_alert(metric="membership_inference_attack_success", threshold=0.6, action="stop_training")
    (alert,) = monitor.alerts
    assert (alert.metric, alert.limit, alert.action) == (
        "membership_inference_attack_success",
        0.6,
        "stop_training",
    )
    assert monitor.history == ()
    assert monitor.to_frame().columns[:3].tolist() == ["update", "metric", "value"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "membership_attack"}, "did you mean 'membership_inference_attack_success'"),
        ({"metric": "utility", "threshold": 0.5, "action": "stop"}, "did you mean 'stop_training'"),
        ({"metric": "utility"}, "needs a threshold"),
        ({"metric": "utility", "threshold": 1.5}, "from 0 to 1"),
        ({"metric": "epsilon", "threshold": -1.0}, "from 0 to inf"),
        ({"metric": "gradient_explosion", "threshold": math.nan}, "finite number"),
        ({"metric": "utility", "threshold": "high"}, "finite number"),
        ({"metric": "utility", "threshold": True}, "finite number"),
        ({"metric": "loss_nan", "every": 0}, "every must be a whole number"),
        ({"metric": "loss_nan", "cooldown": -1}, "cooldown must be a whole number"),
        ({"metric": "loss_nan", "cooldwon": 1}, "did you mean 'cooldown'"),
        ({"metric": "loss_nan", "action": "webhook"}, "'webhook' needs url"),
        ({"metric": "loss_nan", "url": "http://a.example"}, "'webhook' is the only one that takes url"),
        ({"metric": "loss_nan", "action": "webhook", "url": "file:///etc/passwd"}, "http:// or https://"),
        ({"metric": "loss_nan", "action": "webhook", "url": "http://[a"}, "http:// or https://"),
        ({"metric": "loss_nan", "action": "callback"}, "add it with PrivacyMonitor.add_alert"),
        ({"threshold": 1.0}, "needs a metric"),
        ("loss_nan", "keys and values"),
    ],
)
def test_what_is_not_usable_is_refused_by_name(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PrivacyMonitor.from_settings([settings])


def test_a_callback_must_be_callable() -> None:
    with pytest.raises(ConfigError, match="'callback' needs callback"):
        PrivacyMonitor().add_alert("loss_nan", action="callback")
    not_callable: Any = 3
    with pytest.raises(ConfigError, match="callable; this is a int"):
        PrivacyMonitor().add_alert("loss_nan", action="callback", callback=not_callable)


def test_every_metric_says_its_direction_and_whether_it_reads_real_rows() -> None:
    below = {name for name, metric in METRICS.items() if metric.fires == "below"}
    assert below == {"utility"}
    reading = {name for name, metric in METRICS.items() if metric.reads_real_rows}
    assert reading == {"membership_inference_attack_success", "nearest_neighbor_copies", "utility"}
    assert set(ACTIONS) == {"stop_training", "pause", "warn", "webhook", "callback", "block_release"}


@pytest.mark.parametrize(
    ("metric", "threshold", "value", "beyond"),
    [
        ("utility", 0.5, 0.4, True),
        ("utility", 0.5, 0.5, False),
        ("utility", 0.5, 0.6, False),
        ("gradient_explosion", 10.0, 11.0, True),
        ("gradient_explosion", 10.0, 10.0, False),
        ("loss_nan", None, 1.0, True),
        ("loss_nan", None, 0.0, False),
    ],
)
def test_the_direction_comes_from_the_metric(
    metric: str, threshold: float | None, value: float, beyond: bool
) -> None:
    alert = Alert(metric, threshold)
    assert alert.measure.is_beyond(alert.limit, Measured(value)) is beyond


def test_what_chance_explains_is_told_apart() -> None:
    metric = METRICS["membership_inference_attack_success"]
    assert metric.is_chance(Measured(0.65, 0.08))  # 1.875 standard errors from a guess
    assert not metric.is_chance(Measured(0.65, 0.07))  # 2.14
    assert not METRICS["utility"].is_chance(Measured(0.0, 1.0))


@pytest.mark.parametrize("metric", METRICS)
def test_under_differential_privacy_what_reads_real_rows_is_refused(metric: str) -> None:
    monitor = PrivacyMonitor().add_alert(metric, 0.5)
    if METRICS[metric].reads_real_rows:
        with pytest.raises(ConfigError, match=f"{metric}' compares with real rows.*Leave it out"):
            monitor.require_allowed(True)
    else:
        monitor.require_allowed(True)


def test_epsilon_needs_a_budget() -> None:
    monitor = PrivacyMonitor().add_alert("epsilon", 1.0)
    monitor.require_allowed(True)
    with pytest.raises(ConfigError, match="needs a run under differential privacy"):
        monitor.require_allowed(False)


def test_an_address_is_not_shown() -> None:
    assert "secret" not in repr(Alert("loss_nan", action="webhook", url="https://a.example/?key=secret"))
