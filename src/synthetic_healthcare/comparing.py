"""`compare_models`: fit several models on the same rows, draw from each and judge them side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd

from synthetic_healthcare.config import RunConfig, require_model
from synthetic_healthcare.errors import EvaluationError, SyntheticHealthcareError
from synthetic_healthcare.evaluation.comparison import Comparison, Entry
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.generator import SyntheticDataGenerator
from synthetic_healthcare.models import available
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.schema.schema import Schema


def compare_models(
    data: Any,
    models: Sequence[str],
    *,
    config: RunConfig | None = None,
    schema: Schema | None = None,
    target: str | None = None,
    holdout: Any = 0.2,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Fit, draw and judge each model; all with one split, since it follows from the seed.

    Parameters
    ----------
    data : table or path
        As for `SyntheticDataGenerator.fit`.
    models : sequence of str
        Names of models.
    config : RunConfig, optional
        Settings of every run; its `evaluation` weights order the models.
    schema, target, holdout
        As for `fit`.
    random_state : int, default 0
        Seed of the split, of every fit and of every draw.
    progress : Progress, optional
        As for `fit`.

    Returns
    -------
    Comparison
        A model that cannot be fitted to this table stands in it with the reason.

    Raises
    ------
    EvaluationError
        No model is named.
    ConfigError
        A model is unknown.
    """
    if not models:
        raise EvaluationError("no model is named: there is nothing to compare")
    # A name that is not known is told before the first fit, not after it.
    for name in models:
        require_model(name, available())
    settings = config or RunConfig()
    entries = []
    for name in models:
        started = time.perf_counter()
        try:
            own = settings.with_overrides([f"model.type={name}"])
            generator = SyntheticDataGenerator.from_config(own, random_state=random_state)
            generator.fit(
                data,
                epochs=own.model.training.epochs,
                schema=schema,
                target=target,
                holdout=holdout,
                max_seconds=own.model.training.max_seconds,
                progress=progress,
            )
            drawn = generator.generate(random_state=random_state, progress=progress)
        except SyntheticHealthcareError as problem:
            entries.append(Entry(name, None, f"{type(problem).__name__}: {problem}"))
            continue
        seconds = time.perf_counter() - started
        aside = None if isinstance(holdout, int | float) else holdout
        report = generator.evaluate(drawn, data, holdout=aside, progress=progress)
        entries.append(Entry(name, report, seconds=seconds))
    weights = settings.evaluation
    return Comparison(tuple(entries), weights.privacy_weight, weights.utility_weight)


def compare_tables(
    tables: dict[str, pd.DataFrame],
    *,
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    schema: Schema,
    options: EvaluationOptions | None = None,
    config: RunConfig | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Judge finished tables, by name, against the same real rows."""
    entries = tuple(
        Entry(
            name,
            evaluate(table, train=train, holdout=holdout, schema=schema, options=options, progress=progress),
        )
        for name, table in tables.items()
    )
    weights = (config or RunConfig()).evaluation
    return Comparison(entries, weights.privacy_weight, weights.utility_weight)
