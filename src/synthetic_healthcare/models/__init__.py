"""The models. A file is a model: `wgan_gp.py` holds `wgan-gp`, and nothing else has to be told of it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from synthetic_healthcare.errors import ConfigError

if TYPE_CHECKING:
    from synthetic_healthcare.models._base import GenerativeModel, ModelConfig
    from synthetic_healthcare.schema.layout import Layout


@cache
def available() -> tuple[str, ...]:
    """Names of the models of this release, in alphabetical order."""
    files = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name.replace("_", "-") for name in files if not name.startswith("_"))


def model_class(name: str) -> type[GenerativeModel]:
    """Return the class of a model; an import that fails raises.

    Raises
    ------
    ConfigError
        No such model.
    """
    from synthetic_healthcare.models._base import GenerativeModel

    if name not in available():
        raise ConfigError(f"model {name!r} is unknown; available: {', '.join(available())}")
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, GenerativeModel) and vars(value).get("name") == name:
            return value
    raise ImportError(f"{module.__name__} holds no model named {name!r}")


def config_class(name: str) -> type[ModelConfig]:
    """Return the settings class of a model."""
    return model_class(name).Config


def settings(
    name: str,
    architecture: Mapping[str, Any],
    *,
    rows: int | None = None,
    target: str | None = None,
    private: bool = False,
) -> ModelConfig:
    """Check a model's own settings, and fill in its defaults.

    Parameters
    ----------
    name : str
        Which model.
    architecture : Mapping
        What the user set.
    rows : int, optional
        Rows of the table: defaults of a small table differ (see `ModelConfig.small`).
    target : str, optional
        The column to predict: what a model with a setting `conditions` or `target` takes for it where that is
        not set.
    private : bool, default False
        Whether it is trained privately: what that asks for becomes the default (see `ModelConfig.separable`
        and `ModelConfig.private`).

    Raises
    ------
    ConfigError
        A setting is unknown (the nearest known one is named) or out of range.
    """
    import difflib

    from pydantic import ValidationError

    from synthetic_healthcare.models._base import SMALL_TABLE

    config = config_class(name)
    unknown = [key for key in architecture if key not in config.model_fields]
    if unknown:
        near = difflib.get_close_matches(unknown[0], config.model_fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"model.architecture.{unknown[0]}: {name} has no such setting.{hint} "
            f"Known here: {', '.join(config.model_fields)}"
        )
    try:
        defaults = dict(config.small) if rows is not None and rows < SMALL_TABLE else {}
        if private:
            defaults |= {**config.separable, **config.private}
        if target is not None and "conditions" in config.model_fields:
            defaults["conditions"] = (target,)
        if target is not None and "target" in config.model_fields:
            defaults["target"] = target
        return config.model_validate({**defaults, **architecture})
    except ValidationError as problem:
        reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors())
        raise ConfigError(f"model.architecture of {name}: {reasons}") from problem


def build(name: str, layout: Layout, config: ModelConfig) -> GenerativeModel:
    """Make an untrained model for a layout."""
    return model_class(name)(layout, config)
