"""What the public methods are given, read and checked."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from synthetic_healthcare import models
from synthetic_healthcare.config import AUTO, RunConfig, require_model
from synthetic_healthcare.errors import ConfigError, NotYetAvailableError
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.rules import RulePack

Mechanism = Literal["differential_privacy", "k_anonymity", "l_diversity"]


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


def settings(
    model_type: str,
    privacy_level: str,
    *,
    mode: str | None,
    device: str,
    architecture: Mapping[str, Any] | None,
) -> RunConfig:
    """Return the configuration that a generator's arguments stand for, checked."""
    given = {
        "model": {
            "type": model_type,
            "architecture": dict(architecture or {}),
            "training": {"device": device},
        },
        "privacy": {"level": privacy_level},
        "compliance": {"mode": mode},
    }
    return accepted(RunConfig.from_mapping(given))


def configuration(config: str | Path | Mapping[str, Any] | RunConfig) -> RunConfig:
    """Return a configuration, read from its file or from plain data where that is what was given, checked."""
    if isinstance(config, str | Path):
        config = RunConfig.from_yaml(config)
    elif not isinstance(config, RunConfig):
        config = RunConfig.from_mapping(config)
    return accepted(config)


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


def refuse_mechanism(mechanism: Mechanism) -> NoReturn:
    """Say that a privacy mechanism is not there yet, or that there is none of this name."""
    known = get_args(Mechanism)
    if mechanism not in known:
        raise ConfigError(f"mechanism {mechanism!r} is unknown; known: {', '.join(known)}")
    raise NotYetAvailableError(
        f"the privacy mechanism {mechanism!r}",
        "It arrives with the privacy release. Without it, fit gives the standard protections and no formal "
        "guarantee.",
    )


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
