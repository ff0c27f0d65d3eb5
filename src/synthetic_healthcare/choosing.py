"""`auto`: which model to fit, chosen by the size of the table and, on a small one, by a trial.

On a small table several models are close and which is best depends on the table, so the candidates are tried:
each learns three quarters of the rows and is judged by the others. On a large table one model is ahead on all
that was measured, and a trial would cost more than it could gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.progress import Progress, Silent, phase
from synthetic_healthcare.schema.layout import Encoded, Layout

#: Rows from which the choice is made by size alone.
LARGE: Final = 2000
#: Codes in sets from which a table counts as one of codes.
_MANY_CODES: Final = 64
#: Rows times epsilon from which pairs of columns are worth their noise.
PAIRS_FROM: Final = 2000.0
#: Candidates on a small table, the one that is preferred where they are alike first: trees follow numbers
#: closely, and a net that is given the outcome follows categories.
CANDIDATES: Final = ("forest", "cvae", "copula")
CANDIDATES_FOR_CATEGORIES: Final = ("cvae", "forest", "copula")
#: Share of the rows that judge a trial.
_JUDGES: Final = 0.25
#: Standard errors of the paired difference by which a candidate has to be better than a preferred one.
_BETTER: Final = 2.0


@final
@dataclass(frozen=True)
class Choice:
    """The model that was chosen.

    Parameters
    ----------
    name : str
        The model.
    reason : str
        One sentence on why.
    scores : dict of str to float
        Energy distance of each candidate's rows to rows that it did not learn; empty where none was tried.
    """

    name: str
    reason: str
    scores: dict[str, float]

    @staticmethod
    def asked_for(name: str) -> Choice:
        """A model that was not chosen but asked for."""
        return Choice(name, "it was asked for", {})

    def facts(self) -> dict[str, Any]:
        """Plain data for the model file."""
        return {"chosen_model": self.name, "chosen_because": self.reason, "trial_scores": self.scores}


def choose(
    encoded: Encoded, config: RunConfig, *, target: str | None, seed: int, progress: Progress
) -> Choice:
    """Choose a model for encoded rows.

    Parameters
    ----------
    encoded : Encoded (n,)
        The rows to learn.
    config : RunConfig
        The settings of the run; the trials train as it says.
    target : str or None
        The target column.
    seed : int
        Equal seeds give the same choice.
    progress : Progress
        Told of each trial.
    """
    n = len(encoded)
    codes = sum(part.width for part in encoded.layout.of_kind("bits"))
    if codes >= _MANY_CODES:
        return Choice("medgan", f"the table holds sets of {codes} codes", {})
    if n >= LARGE:
        return Choice("autoregressive", f"the table has {n:,} rows, {LARGE:,} or more", {})
    candidates = _candidates(encoded.layout, target)
    learnt, judges = pipeline.set_aside(encoded, _JUDGES, rng=np.random.default_rng([seed, 1]))
    if judges is None:
        return Choice(candidates[0], f"the table has {n} rows: too few for a trial", {})
    training = config.model.training
    if training.max_seconds is not None:
        # Half of the time at most goes to the trials; what they leave is the model's own.
        training = training.model_copy(update={"max_seconds": training.max_seconds / (2 * len(candidates))})
    scores: dict[str, npt.NDArray[np.float64]] = {}
    with phase(progress, "choose", len(candidates)) as watched:
        for done, name in enumerate(candidates, start=1):
            settings = models.settings(name, {}, rows=len(learnt), target=target)
            trial = pipeline.train(
                learnt,
                name,
                settings,
                training=training,
                seed=seed,
                checkpoint=None,
                progress=Silent(),
            )
            scores[name] = pipeline.held_out_score(trial.model, judges, seed)()
            watched.advance(done)
    best = _preferred(scores)
    means = {name: float(values.mean()) for name, values in scores.items()}
    told = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
    reason = (
        f"tried on {len(judges)} held-out rows, energy distance (lower is better): {told}; the first "
        "that none of them beats beyond chance"
    )
    return Choice(best, reason, means)


def choose_privately(rows: int, *, epsilon: float, target: str | None) -> Choice:
    """Choose a model under differential privacy, by what is public alone.

    Few rows or a small epsilon leave nothing to learn beyond how each column goes with the target, and a
    model that learns just that spends nothing on the rest; with more, pairs stand out of the noise.

    Parameters
    ----------
    rows : int
        Their number.
    epsilon : float
        The budget's.
    target : str or None
        The target column.
    """
    worth = rows * epsilon
    told = f"{rows:,} rows at epsilon {epsilon:g}"
    if target is not None and worth < PAIRS_FROM:
        reason = f"{told} are too few to learn how columns other than the target {target!r} go together"
        return Choice("star", reason, {})
    return Choice("aim", f"{told} are enough to learn how pairs of columns go together", {})


def _candidates(layout: Layout, target: str | None) -> tuple[str, ...]:
    """The candidates in the order that suits the columns."""
    numbers, categories = len(layout.of_kind("continuous")), len(layout.of_kind("categorical"))
    if target is not None and categories > numbers:
        return CANDIDATES_FOR_CATEGORIES
    return CANDIDATES


def _preferred(scores: dict[str, npt.NDArray[np.float64]]) -> str:
    """The first candidate that none is better than by more than chance explains."""
    names = list(scores)
    best = min(names, key=lambda name: float(scores[name].mean()))
    for name in names:
        apart = scores[name] - scores[best]
        error = apart.std(ddof=1) / math.sqrt(len(apart))
        if apart.mean() <= _BETTER * error:
            return name
    return best
