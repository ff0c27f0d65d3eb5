"""What the metrics of fairness ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.groups import (
    Attribute,
    Grouping,
    attributes_of,
    groupings_of,
)
from synthetic_healthcare.evaluation.fairness.nulls import NULL_INPUTS
from synthetic_healthcare.evaluation.fairness.outcomes import Outcomes, predict
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.utility.learners import Task
from synthetic_healthcare.evaluation.views import Field, View
from synthetic_healthcare.schema.schema import Schema


def _protected(
    schema: Schema,
    fields: tuple[Field, ...],
    tables: list[pd.DataFrame],
    views: tuple[View, ...],
    options: EvaluationOptions,
) -> tuple[Attribute, ...]:
    return attributes_of(schema, fields, tables, views, options)


def _groupings(protected: tuple[Attribute, ...], train: Judged, holdout: Judged) -> tuple[Grouping, ...]:
    return groupings_of(protected, train.view, holdout.view)


def _outcomes(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, task: Task, rng: np.random.Generator
) -> Outcomes:
    return predict(synthetic_sample, train_sample, holdout, task, seed=int(rng.integers(2**31)))


FAIRNESS_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {
    "protected": _protected,
    "groupings": _groupings,
    "outcomes": _outcomes,
    **NULL_INPUTS,
}
