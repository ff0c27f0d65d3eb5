"""What the public methods are given, read and checked."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_healthcare import models
from synthetic_healthcare.config import AUTO, RunConfig, require_model
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.rules import RulePack


def accepted(config: RunConfig) -> RunConfig:
    """Return a configuration that this release can keep, or refuse it as a whole.

    Raises
    ------
    NotYetAvailableError, ConfigError
        It asks for what is not there, or a model's own setting is unknown.
    """
    config.require_available()
    require_model(config.model.type, models.available())
    if config.model.type != AUTO:
        models.settings(config.model.type, config.model.architecture)
    elif config.model.architecture:
        raise ConfigError(
            f"model.architecture.{next(iter(config.model.architecture))}: which settings there are depends "
            "on the model, and 'auto' chooses it. Name a model to set them"
        )
    return config


def configured(
    model_type: str,
    privacy_level: str,
    compliance_mode: str | None,
    *,
    device: str,
    architecture: Mapping[str, Any] | None,
) -> RunConfig:
    """Return the configuration that the constructor's arguments stand for, accepted."""
    settings = {
        "model": {
            "type": model_type,
            "architecture": dict(architecture or {}),
            "training": {"device": device},
        },
        "privacy": {"level": privacy_level},
        "compliance": {"mode": compliance_mode},
    }
    return accepted(RunConfig.from_mapping(settings))


def configuration(given: str | Path | Mapping[str, Any] | RunConfig) -> RunConfig:
    """Return a configuration, read from its file or plain settings where that is what was given, accepted."""
    if isinstance(given, str | Path):
        return accepted(RunConfig.from_yaml(given))
    return accepted(given if isinstance(given, RunConfig) else RunConfig.from_mapping(given))


def monitor(config: RunConfig) -> PrivacyMonitor | None:
    """Return the monitor that a configuration asks for; `None` where it asks for none.

    Raises
    ------
    ConfigError
        An alert is not usable.
    """
    if not config.monitoring.enabled:
        return None
    return PrivacyMonitor.from_settings(config.monitoring.alerts)


def pack(rules: RulePack | str | Path | None) -> RulePack | None:
    """Return clinical rules, read from their file where that is what was given."""
    return RulePack.from_yaml(rules) if isinstance(rules, str | Path) else rules


def with_training(config: RunConfig, epochs: int | None, max_seconds: float | None) -> RunConfig:
    """Return the configuration with what `fit` was told put in."""
    given = {"epochs": epochs, "max_seconds": max_seconds}
    overrides = [f"model.training.{name}={value}" for name, value in given.items() if value is not None]
    return config.with_overrides(overrides) if overrides else config


def whole(name: str, value: int, *, least: int) -> int:
    """Return an argument as a plain integer, whatever library it comes from."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ConfigError(f"{name} must be a whole number; this is a {type(value).__name__}") from None
    if number < least:
        raise ConfigError(f"{name} must be at least {least}; this is {number}")
    return number


def seed(random_state: int | None) -> int | None:
    """Return a seed that was given, checked."""
    return None if random_state is None else whole("random_state", random_state, least=0)


def rows(n_samples: int, factor: float = 1.0) -> int:
    """Return how many rows are asked for."""
    n = whole("n_samples", n_samples, least=1)
    # Written so that nan is refused too.
    if not 0 < factor < float("inf"):
        raise ConfigError(f"augmentation_factor must be a number above 0; this is {factor}")
    return max(1, round(n * factor))
