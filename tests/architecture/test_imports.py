"""Importing the package is cheap, changes nothing in the process, and gives the public names lazily."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import synthetic_healthcare

SOURCE = Path(__file__).parents[2] / "src" / "synthetic_healthcare"
HEAVY = ("torch", "pandas", "numpy", "sklearn", "scipy", "pyarrow", "pydantic", "typer", "rich", "yaml")
#: Packages that many modules import without training anything: they must not pull torch in.
TORCH_FREE = ("schema", "tables", "transforms", "rules", "evaluation", "artifacts", "privacy", "datasets")


def _run(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = _run("import json, sys, synthetic_healthcare; print(json.dumps(list(sys.modules)))")
    assert [name for name in HEAVY if name in json.loads(loaded)] == []


@pytest.mark.parametrize("package", TORCH_FREE)
def test_torch_stays_out_of_what_does_not_train(package: str) -> None:
    names = [
        "synthetic_healthcare." + ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for path in sorted((SOURCE / package).rglob("*.py"))
        if path.stem != "__init__"
    ]
    assert names
    program = f"import importlib, sys\nfor name in {names!r}:\n    importlib.import_module(name)\n"
    _run(program + "assert 'torch' not in sys.modules, 'torch was imported'")


def test_importing_changes_nothing_in_the_process() -> None:
    program = """
import logging, os, random, signal, sys, warnings
before = (dict(os.environ), list(warnings.filters), random.getstate(), logging.root.handlers[:],
          sys.excepthook, signal.getsignal(signal.SIGINT), sys.getrecursionlimit())
import synthetic_healthcare
after = (dict(os.environ), list(warnings.filters), random.getstate(), logging.root.handlers[:],
         sys.excepthook, signal.getsignal(signal.SIGINT), sys.getrecursionlimit())
assert before == after
"""
    _run(program)


@pytest.mark.parametrize("name", synthetic_healthcare.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(synthetic_healthcare, name) is not None
    assert name in dir(synthetic_healthcare)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = synthetic_healthcare.Nothing
