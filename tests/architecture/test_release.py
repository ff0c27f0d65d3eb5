"""What ships says the same thing everywhere."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import synthetic_healthcare

ROOT = Path(__file__).parents[2]


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pinned = [line.partition("==") for line in lines if "==" in line and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, _, version in pinned}


def _required(project: dict[str, list[str]]) -> list[str]:
    return [re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0].lower() for line in project["dependencies"]]


def test_torch_is_pinned_first() -> None:
    first = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first == "torch==2.13.0"


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(_required(project)) <= set(_pins("requirements.txt"))


def test_requirements_name_one_exact_version_a_line() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            assert re.fullmatch(r"#.*|-r requirements\.txt|[A-Za-z0-9_.-]+==[A-Za-z0-9_.!]+", line), line


def test_the_changelog_knows_this_version() -> None:
    assert f"## {synthetic_healthcare.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_installed_metadata_agrees() -> None:
    try:
        installed = metadata.version("synthetic-healthcare")
    except metadata.PackageNotFoundError:
        pytest.skip("the package runs from its folder, not installed")
    assert installed == synthetic_healthcare.__version__


def test_every_decision_record_says_context_decision_and_consequences() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    for record in records:
        text = record.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{record.name} has no {heading}"
