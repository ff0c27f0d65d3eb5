"""Fixtures: the definitions, counted cell by cell."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def recount() -> SimpleNamespace:
    """The functions of `recount.py`."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("recount.py"))))
