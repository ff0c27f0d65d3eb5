"""What this release does not hold is refused by name, wherever it is asked for; nothing is quietly lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.errors import ConfigError, NotYetAvailableError

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

CONFIG = Path(__file__).parents[2] / "config"
MECHANISMS: dict[Any, dict[str, Any]] = {
    "differential_privacy": {"epsilon": 1.0, "delta": 1e-5},
}


@pytest.mark.parametrize("level", ["low", "medium", "high", "maximum"])
def test_a_level_with_an_epsilon(level: str) -> None:
    with pytest.raises(NotYetAvailableError, match=f"'{level}'.*not in this release yet"):
        SyntheticDataGenerator(privacy_level=level)
    with pytest.raises(NotYetAvailableError, match=f"'{level}'"):
        SyntheticDataGenerator.from_config({"privacy": {"level": level}})


def test_a_level_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.level"):
        SyntheticDataGenerator(privacy_level="extreme")


def test_a_budget_is_refused_and_leaves_no_trace() -> None:
    generator = SyntheticDataGenerator("independent")
    for mechanism, settings in MECHANISMS.items():
        with pytest.raises(NotYetAvailableError, match=r"epsilon 1.* is not in this release yet"):
            generator.add_privacy_mechanism(mechanism, **settings)
    generator.add_privacy_mechanism("k_anonymity", k=5)


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


def test_a_model_that_needs_a_budget(plain_table: MakeTable) -> None:
    with pytest.raises(ConfigError, match="'dp-gan' trains under differential privacy only, and no budget"):
        SyntheticDataGenerator("dp-gan").fit(plain_table())


def test_a_model_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'wgan-gp'"):
        SyntheticDataGenerator("wgangp")


@pytest.mark.parametrize(
    ("settings", "feature"),
    [
        ({"privacy": {"differential_privacy": {"epsilon": 2.0}}}, "differential privacy"),
    ],
)
def test_a_guarantee_in_the_configuration(settings: dict[str, Any], feature: str) -> None:
    with pytest.raises(NotYetAvailableError, match=feature):
        SyntheticDataGenerator.from_config(settings)


@pytest.mark.parametrize(
    ("file", "epsilon"), [("high_privacy.yaml", "epsilon 0.5"), ("high_utility.yaml", "epsilon 5")]
)
def test_the_shipped_configurations_ask_for_privacy_that_is_not_here(file: str, epsilon: str) -> None:
    with pytest.raises(NotYetAvailableError, match=rf"differential privacy .*{epsilon}"):
        SyntheticDataGenerator.from_config(CONFIG / file)


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
