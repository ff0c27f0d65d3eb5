"""The page on monitoring says what is there, and its examples run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from synthetic_healthcare import PrivacyMonitor, RunConfig
from synthetic_healthcare.monitoring import AlertWarning
from synthetic_healthcare.monitoring.actions import ACTIONS
from synthetic_healthcare.monitoring.measures import METRICS

MakeTable = Callable[..., pd.DataFrame]

PAGE = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_metric_and_action_stands_in_its_table() -> None:
    for metric in METRICS.values():
        row = re.search(rf"^\| `{metric.name}` \|.*\| (\w+) \| (\d+) \|$", PAGE, flags=re.MULTILINE)
        assert row is not None, metric.name
        assert (row[1], int(row[2])) == (metric.fires, metric.every)
    for action in ACTIONS:
        assert re.search(rf"^\| `{action}` \|", PAGE, flags=re.MULTILINE), action


def test_the_file_is_a_configuration() -> None:
    (text,) = blocks("yaml")
    config = RunConfig.from_mapping(yaml.safe_load(text))
    assert len(PrivacyMonitor.from_settings(config.monitoring.alerts).alerts) == 2


def test_the_example_runs(plain_table: MakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthetic_healthcare.training.config.DEFAULT_EPOCHS", 1)
    (text,) = blocks("python")
    namespace = {"patients": plain_table(240)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AlertWarning)
        exec(compile(text, "monitoring.md", "exec"), namespace)
