"""What the metrics of utility ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.utility.learners import Task, task_of
from synthetic_healthcare.evaluation.utility.trained import Trained, train_models
from synthetic_healthcare.evaluation.views import Field


def _task(target: Field, encoder: Encoder, train: Judged, holdout: Judged) -> Task:
    return task_of(target, encoder, real=[train, holdout])


def _trained(synthetic_sample: Judged, train_sample: Judged, task: Task, rng: np.random.Generator) -> Trained:
    return train_models(synthetic_sample, train_sample, task=task, seed=int(rng.integers(2**31)))


UTILITY_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {"task": _task, "trained": _trained}
