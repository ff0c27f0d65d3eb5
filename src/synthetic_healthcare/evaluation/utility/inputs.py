"""What the metrics of utility ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.utility.learners import Task, task_of
from synthetic_healthcare.evaluation.views import Field


def _task(target: Field, encoder: Encoder, train: Judged, holdout: Judged) -> Task:
    return task_of(target, encoder, real=[train, holdout])


UTILITY_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {"task": _task}
