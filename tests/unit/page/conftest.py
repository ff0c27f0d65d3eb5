"""Fixtures: a sample report, its tables and its page."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from synthetic_healthcare.evaluation.page.figures import collect
from synthetic_healthcare.evaluation.report import EvaluationReport


@pytest.fixture(scope="session")
def sample() -> SimpleNamespace:
    """The functions of `sample.py`, which the browser test reads too."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("sample.py"))))


@pytest.fixture(scope="session")
def report(sample: SimpleNamespace) -> EvaluationReport:
    real, synthetic = sample.patients(600, 1, laboratory=4), sample.patients(500, 2, laboratory=4, drift=0.3)
    figures = collect(
        synthetic,
        real,
        schema=sample.schema_of(real),
        rng=np.random.default_rng(0),
        history=sample.training_history(),
    )
    result: EvaluationReport = sample.report(figures)
    return result
