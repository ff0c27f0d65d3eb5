"""`models`: which models there are, and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthetic_healthcare.cli.output import Json, print_json

if TYPE_CHECKING:
    from synthetic_healthcare.models._base import ModelConfig


def models(
    name: Annotated[str | None, typer.Argument(help="One model; left out: all.")] = None,
    as_json: Json = False,
) -> None:
    """List the models and their settings (for `fit --set model.architecture.NAME=VALUE`).

    Example: synthetic-healthcare models wgan-gp
    """
    from synthetic_healthcare.config import require_model
    from synthetic_healthcare.models import available, config_class
    from synthetic_healthcare.models._base import SMALL_TABLE

    names = available()
    if name is not None:
        require_model(name, names)
        names = tuple(each for each in names if each == name)
    settings = {each: _settings(config_class(each)) for each in names}
    if as_json:
        print_json([{"name": each, "settings": settings[each]} for each in names])
        return
    for each in names:
        typer.echo(each)
        for setting, facts in settings[each].items():
            typer.echo(f"  {setting:<24} {facts['default']!s:<16} {facts['description']}".rstrip())
            if "small" in facts:
                typer.echo(f"  {'':<24} {facts['small']!s:<16} (below {SMALL_TABLE} rows)")


def _settings(config: type[ModelConfig]) -> dict[str, dict[str, Any]]:
    defaults = config().model_dump(mode="json")
    small = config.model_validate(config.small).model_dump(mode="json")
    settings = {}
    for name, field in config.model_fields.items():
        settings[name] = {"default": defaults[name], "description": field.description or ""}
        if small[name] != defaults[name]:
            settings[name]["small"] = small[name]
    return settings
