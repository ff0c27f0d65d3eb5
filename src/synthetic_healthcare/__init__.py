"""Synthetic Healthcare: learn a table of patients, give back synthetic patients, with honest evidence.

The names below are loaded when they are first used, so that importing the package costs next to nothing::

    from synthetic_healthcare import SyntheticDataGenerator

    generator = SyntheticDataGenerator("wgan-gp", random_state=0)
    generator.fit(patients, target="outcome")
    synthetic = generator.generate(1000)
    report = generator.evaluate(synthetic, patients)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from synthetic_healthcare.version import __version__

if TYPE_CHECKING:
    from synthetic_healthcare import datasets, errors
    from synthetic_healthcare.config import RunConfig
    from synthetic_healthcare.evaluation.report import EvaluationReport
    from synthetic_healthcare.generator import SyntheticDataGenerator
    from synthetic_healthcare.monitoring import PrivacyMonitor
    from synthetic_healthcare.schema.column import Column
    from synthetic_healthcare.schema.schema import Schema

__all__ = [
    "Column",
    "EvaluationReport",
    "PrivacyMonitor",
    "RunConfig",
    "Schema",
    "SyntheticDataGenerator",
    "__version__",
    "datasets",
    "errors",
]

_HOMES: Final = {
    "Column": "synthetic_healthcare.schema.column",
    "EvaluationReport": "synthetic_healthcare.evaluation.report",
    "PrivacyMonitor": "synthetic_healthcare.monitoring",
    "RunConfig": "synthetic_healthcare.config",
    "Schema": "synthetic_healthcare.schema.schema",
    "SyntheticDataGenerator": "synthetic_healthcare.generator",
}


def __getattr__(name: str) -> Any:
    # PEP 562: called only for names that are not here yet; the answer is kept, so once a name.
    if name in ("datasets", "errors"):
        return import_module(f"synthetic_healthcare.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
