"""`models`: which models there are, and their settings."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from synthetic_healthcare.cli.output import Json, print_json

if TYPE_CHECKING:
    from synthetic_healthcare.models._base import ModelConfig

_PAGE: Final = """\
# Models

Written by `synthetic-healthcare models --markdown > docs/models.md`. Settings are given with `fit --set
model.architecture.NAME=VALUE`, under `model.architecture` in YAML, or as `architecture={{...}}` in Python.
Without a name, `auto` chooses the model that suits the table and says why. Defaults of the third column hold
below {small} rows.
"""


def models(
    name: Annotated[str | None, typer.Argument(help="One model; left out: all.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the page of the docs.")] = False,
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
        print_json([{"name": each, "about": _about(each), "settings": settings[each]} for each in names])
        return
    if markdown:
        sections = [_section(each, settings[each]) for each in names]
        typer.echo("".join([_PAGE.format(small=SMALL_TABLE), *sections]), nl=False)
        return
    for each in names:
        typer.echo(f"{each}  {_about(each)}")
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


def _about(name: str) -> str:
    """The first paragraph of the model's file, on one line."""
    from synthetic_healthcare.models import model_class

    text = inspect.getdoc(sys.modules[model_class(name).__module__]) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _section(name: str, settings: dict[str, dict[str, Any]]) -> str:
    lines = [f"\n## {name}\n", f"{_about(name)}\n"]
    if settings:
        lines += ["| setting | default | small tables | |", "| --- | --- | --- | --- |"]
    for setting, facts in settings.items():
        small = f"`{facts['small']}`" if "small" in facts else ""
        lines.append(f"| `{setting}` | `{facts['default']}` | {small} | {facts['description']} |")
    return "\n".join(lines) + "\n"
