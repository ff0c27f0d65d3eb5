"""What metrics ask for by parameter name: computed when first asked for, shared by all that ask."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.distances import Ownership, ownership
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.privacy.attacks import attack_scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort, draw_cohort, near_radius
from synthetic_healthcare.evaluation.privacy.copied import Copied, near_copied
from synthetic_healthcare.evaluation.privacy.nulls import Nulls, draw_nulls
from synthetic_healthcare.evaluation.statistics import bootstrap_weights
from synthetic_healthcare.evaluation.utility.learners import Task, task_of
from synthetic_healthcare.evaluation.views import Field
from synthetic_healthcare.rules.pack import RulePack

#: Pairs of rows that are compared one by one, and synthetic rows that take part at least.
_MAX_PAIRS: Final = 300_000_000
_MIN_CLOSEST: Final = 500

Scores = tuple[Mapping[str, npt.NDArray[np.float64]], Mapping[str, npt.NDArray[np.float64]]]


@final
@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of an evaluation.

    Parameters
    ----------
    seed : int, default 0
        Equal seeds give equal reports, bit for bit.
    bootstrap : int, default 200
        Resamples of the hold-out behind the intervals of utility.
    max_rows : int, default 5000
        Rows of each table that are judged; larger tables are subsampled, and the report says so. They are
        compared with up to ten times as many rows when near copies are sought, and exact copies are sought in
        all rows.
    nulls : int, default 64
        Draws of pseudo-members that say what the attacks read where nothing leaks.
    threshold : float, default 0.09
        Largest tolerable risk; the verdict asks for a privacy score of 1 less this. 0.09 = 1/11 is the level
        of EMA Policy 0070 and of Health Canada's public release guidance.
    figures : bool, default True
        Whether the data behind the report's pictures are collected.
    rules : RulePack, optional
        Clinical rules whose violations are counted in the synthetic and the real rows.

    Raises
    ------
    ConfigError
        For a setting out of range.
    """

    seed: int = 0
    bootstrap: int = 200
    max_rows: int = 5000
    nulls: int = 64
    threshold: float = 0.09
    figures: bool = True
    rules: RulePack | None = None

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("bootstrap", 20), ("max_rows", 100), ("nulls", 4)):
            if getattr(self, name) < least:
                raise ConfigError(f"evaluation.{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError(f"evaluation.threshold is {self.threshold}; it must lie between 0 and 1")


@final
class Inputs:
    """Gives each metric the inputs that it names.

    Parameters
    ----------
    given : Mapping
        Inputs that are there.
    absent : Mapping of str
        Inputs that are not, with the reason.
    seed : int
        Each asker of `rng` gets a stream of its own, made of the seed and the asker's name.
    """

    def __init__(self, given: Mapping[str, Any], absent: Mapping[str, str], *, seed: int) -> None:
        self._ready = dict(given)
        self._failed: dict[str, Exception] = {name: NotApplicable(reason) for name, reason in absent.items()}
        self._seed = seed

    def call(self, function: Callable[..., Any], name: str) -> Any:
        """Call a function with the inputs that its parameters name.

        Raises
        ------
        NotApplicable
            Where an input is not there.
        """
        needed = inspect.signature(function).parameters
        return function(**{one: self._rng(name) if one == "rng" else self.get(one) for one in needed})

    def get(self, name: str) -> Any:
        """One input, computed at the first request; what it raised then, it raises again."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._ready:
            try:
                self._ready[name] = self.call(_PROVIDERS[name], name)
            except Exception as error:
                self._failed[name] = error
                raise
        return self._ready[name]

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(name.encode())])


def _synthetic_sample(synthetic: Judged, train: Judged) -> Judged:
    # The synthetic and the training rows are judged at equal numbers, or the larger table would look better.
    return synthetic.first(len(train))


def _train_sample(synthetic: Judged, train: Judged) -> Judged:
    return train.first(len(synthetic))


def _weights(
    holdout: Judged, options: EvaluationOptions, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    return bootstrap_weights(len(holdout), replicates=options.bootstrap, rng=rng)


def _task(target: Field, encoder: Encoder, train: Judged, holdout: Judged) -> Task:
    return task_of(target, encoder, real=[train, holdout])


def _cohort(train: Judged, holdout: Judged, options: EvaluationOptions) -> Cohort:
    return draw_cohort(train, holdout, seed=options.seed)


def _radius(holdout: Judged) -> float:
    return near_radius(holdout)


def _scores(cohort: Cohort, synthetic_deep: Judged, options: EvaluationOptions) -> Scores:
    return attack_scores(cohort, synthetic_deep, seed=options.seed)


def _owned(synthetic: Judged, train_deep: Judged, holdout_deep: Judged) -> Ownership:
    # All real rows that may be the nearest count; the fewer synthetic rows can be compared with them.
    rows = max(_MIN_CLOSEST, _MAX_PAIRS // (len(train_deep) + len(holdout_deep)))
    return ownership(synthetic.matrix[:rows], train_deep.matrix, second=holdout_deep.matrix)


def _nulls(
    scores: Scores,
    copied: Copied,
    owned: Ownership,
    options: EvaluationOptions,
    rng: np.random.Generator,
) -> Nulls:
    members, controls = scores
    return draw_nulls(
        controls,
        copied,
        owned,
        members=len(members["A1"]),
        nulls=options.nulls,
        rng=rng,
    )


_PROVIDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "synthetic_sample": _synthetic_sample,
    "train_sample": _train_sample,
    "weights": _weights,
    "task": _task,
    "cohort": _cohort,
    "radius": _radius,
    "scores": _scores,
    "owned": _owned,
    "copied": near_copied,
    "nulls": _nulls,
}
