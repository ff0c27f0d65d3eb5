"""What the gaps between groups read where one real sample stands in for another.

A gap is a maximum over groups, so that chance alone opens it. Training rows are split in two halves at
random, again and again; one half is judged as if it were synthetic and the other as what it was learnt from.
Halves are more unlike each other than whole samples are, by the square root of two, which is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.calibration import errors
from synthetic_healthcare.evaluation.fairness.groups import Grouping
from synthetic_healthcare.evaluation.fairness.outcomes import (
    Matrix,
    Outcomes,
    Rates,
    compare,
    largest,
    predict,
    spread,
)
from synthetic_healthcare.evaluation.fairness.parity import called, hits_and_alarms
from synthetic_healthcare.evaluation.fairness.representation import moved
from synthetic_healthcare.evaluation.fairness.subgroups import kept_by_group
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.utility.learners import Task
from synthetic_healthcare.evaluation.views import Field

#: Splits: each trains two linear models and compares every group's columns twice.
_SPLITS: Final = 16
_HALF: Final = float(np.sqrt(0.5))


@final
@dataclass(frozen=True)
class GapNulls:
    """Each part of the fairness score under every split; name -> (splits,)."""

    parts: Mapping[str, npt.NDArray[np.float64]]


def group_nulls(
    groupings: tuple[Grouping, ...],
    train: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    options: EvaluationOptions,
) -> GapNulls:
    """Draw what needs no target: representation, and the fidelity of each group."""
    everyone = np.ones((1, len(holdout)))
    represented, fidelity = [], []
    for first, second in _halves(train, options):
        represented.append(moved(groupings, first.view, second.view))
        _, ratios = kept_by_group(groupings, (first, second, holdout), fields, everyone)
        fidelity.append(float(np.ptp(ratios[:, 0])) if len(ratios) else 0.0)
    return GapNulls(
        {"representation": _HALF * np.array(represented), "subgroup_fidelity": _HALF * np.array(fidelity)}
    )


def outcome_nulls(
    groupings: tuple[Grouping, ...],
    train: Judged,
    holdout: Judged,
    task: Task,
    options: EvaluationOptions,
) -> GapNulls:
    """Draw what rests on the predictions of models."""
    parts: dict[str, list[float]] = {name: [] for name in _RATES}
    for first, second in _halves(train, options):
        outcomes = predict(first, second, holdout, task, seed=options.seed)
        for name, (rates, of_groups) in _RATES.items():
            parts[name].append(abs(_change(groupings, outcomes, rates, of_groups)))
    return GapNulls({name: _HALF * np.array(figures) for name, figures in parts.items()})


def _worst(found: Matrix) -> Matrix:
    return np.asarray(found.max(axis=1))


_RATES: Final[Mapping[str, tuple[Rates, Callable[[Matrix], Matrix]]]] = {
    "demographic_parity": (called, spread),
    "equalized_odds": (hits_and_alarms, spread),
    "group_calibration": (errors, _worst),
}


def _change(
    groupings: Sequence[Grouping],
    outcomes: Outcomes,
    rates: Rates,
    of_groups: Callable[[Matrix], Matrix],
) -> float:
    found = list(compare(groupings, outcomes, np.ones((1, len(outcomes.rows))), rates))
    if not found:
        raise NotApplicable("no two groups have patients enough with and without the outcome")
    synthetic, real = (largest(found, side, of_groups)[0] for side in ("synthetic", "real"))
    return float(synthetic - real)


def _halves(table: Judged, options: EvaluationOptions) -> Iterator[tuple[Judged, Judged]]:
    # The same splits for all parts: the largest of the parts is taken split by split.
    rng = np.random.default_rng([options.seed, 2])
    half = len(table) // 2
    for _ in range(_SPLITS):
        order = rng.permutation(len(table))
        yield table.take(order[:half]), table.take(order[half : 2 * half])


NULL_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {
    "group_nulls": group_nulls,
    "outcome_nulls": outcome_nulls,
}
