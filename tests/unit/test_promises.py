"""What this release does not hold is refused by name, wherever it is asked for; nothing is quietly lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError, NotYetAvailableError

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

CONFIG = Path(__file__).parents[2] / "config"


def test_a_level_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.level"):
        SyntheticDataGenerator(privacy_level="extreme")


def test_a_mechanism_that_does_not_exist() -> None:
    unknown: Any = "delta_presence"
    with pytest.raises(ConfigError, match=r"'delta_presence' is unknown; known: differential_privacy"):
        SyntheticDataGenerator().add_privacy_mechanism(unknown)


@pytest.mark.parametrize("mode", ["hipaa", "gdpr", "fda"])
def test_a_compliance_mode(mode: str) -> None:
    with pytest.raises(NotYetAvailableError, match=f"compliance mode '{mode}'"):
        SyntheticDataGenerator(compliance_mode=mode)
    with pytest.raises(ConfigError, match=r"compliance\.mode"):
        SyntheticDataGenerator(compliance_mode=f"{mode}2")


@pytest.mark.parametrize("model", ["dp-gan", "star", "aim"])
def test_a_model_that_needs_a_budget(model: str, plain_table: MakeTable) -> None:
    with pytest.raises(ConfigError, match=f"'{model}' trains under differential privacy only, and no budget"):
        SyntheticDataGenerator(model).fit(plain_table())


def test_a_model_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'wgan-gp'"):
        SyntheticDataGenerator("wgangp")


@pytest.mark.parametrize(("file", "epsilon"), [("high_privacy.yaml", 0.5), ("high_utility.yaml", 5.0)])
def test_the_shipped_configurations_have_budgets(file: str, epsilon: float) -> None:
    config = RunConfig.from_yaml(CONFIG / file)
    assert config.budget is not None
    assert config.budget.epsilon == epsilon
    SyntheticDataGenerator.from_config(config)


def test_what_comes_with_later_releases(plain_table: MakeTable, quick_fit: Fit) -> None:
    generator = quick_fit(plain_table())
    with pytest.raises(NotYetAvailableError, match="the audit trail is not in this release yet"):
        generator.generate_with_audit_trail(10)


def test_no_guarantee_is_said_where_there_is_none(plain_table: MakeTable, quick_fit: Fit) -> None:
    table = plain_table()
    generator = quick_fit(table)
    assert "No formal guarantee" in generator.describe()["guarantee"]
    report = generator.evaluate(generator.generate(100), table)
    assert any("No formal guarantee" in note for note in report.context["notes"])
