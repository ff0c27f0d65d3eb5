"""What models learnt from synthetic and from real rows say of held-out patients, group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.groups import MIN_CLASS, MIN_ROWS, Grouping, too_small
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.utility.learners import Task, learn

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Side = Literal["synthetic", "real"]
SIDES: Final[tuple[Side, ...]] = ("synthetic", "real")


@final
@dataclass(frozen=True)
class Outcome:
    """One class of the target against all others, on the hold-out's rows whose target is known.

    Parameters
    ----------
    truth : bool array (n,)
        Which patients have it. Of two classes, the one that fewer real patients have.
    scores : Mapping of float arrays (n,)
        Its probability, by the model of each side.
    """

    truth: Mask
    scores: Mapping[Side, Matrix]

    def decisions(self, side: Side) -> Matrix:
        """Call as many patients positive as are: 1 above the cut, 0 below it, a share where scores tie.

        A cut at one half would call nobody positive where the outcome is rare, and a rate of nobody is the
        same in all groups.
        """
        scores, wanted = self.scores[side], float(self.truth.sum())
        cut = np.sort(scores)[::-1][max(0, int(wanted) - 1)]
        above, tied = scores > cut, scores == cut
        share = max(0.0, wanted - float(above.sum())) / max(1, int(tied.sum()))
        return np.asarray(above + tied * share, dtype=np.float64)


@final
@dataclass(frozen=True)
class Outcomes:
    """The target's classes with the hold-out's rows that they are judged on."""

    tested: Judged
    rows: npt.NDArray[np.intp]
    classes: tuple[Outcome, ...]


def predict(synthetic: Judged, train: Judged, holdout: Judged, task: Task, *, seed: int) -> Outcomes:
    """Train one model on each table and let both predict for the hold-out.

    A linear model (logistic regression): it is the form of most clinical scores, and its noise, which every
    gap between groups takes up, is the smallest.

    Raises
    ------
    NotApplicable
        The target is a number, or the hold-out knows one class only.
    """
    if not task.classes:
        raise NotApplicable(
            f"the target {task.name!r} is a number: rates by group need classes. Declare it as "
            "categorical, or name another target"
        )
    target = task.target(holdout)
    rows = np.flatnonzero((target >= 0) & (target < task.classes))
    tested = holdout.take(rows)
    truth = task.target(tested)
    if len(np.unique(truth)) < 2:
        raise NotApplicable(f"the target {task.name!r} has one class in the hold-out")
    predicted = {}
    for side, table in zip(SIDES, (synthetic, train), strict=True):
        model = learn(task, table, learner="linear", seed=seed)
        predicted[side] = model(task.inputs(tested))
    wanted = range(1, 2) if task.classes == 2 else range(task.classes)
    classes = tuple(
        Outcome(truth == code, {side: table[:, code] for side, table in predicted.items()})
        for code in wanted
        if 0 < (truth == code).sum() < len(truth)
    )
    return Outcomes(tested, rows, classes)


def group_means(values: Matrix, members: Mask, weights: Matrix) -> Matrix:
    """Mean of a value in each group under each of B row weightings; shape (B, groups), NaN where empty."""
    inside = members.astype(np.float64)
    total = weights @ inside
    return np.asarray(((weights * values) @ inside) / np.where(total > 0, total, np.nan))


def spread(rates: Matrix) -> Matrix:
    """Largest less smallest rate under each weighting; shape (B,)."""
    known = np.where(np.isnan(rates), np.nanmean(rates, axis=1, keepdims=True), rates)
    return np.asarray(known.max(axis=1) - known.min(axis=1))


Rates = Callable[[Outcome, Side, Mask, Matrix], dict[str, Matrix]]


@final
@dataclass(frozen=True)
class Compared:
    """Rates of the groups of one grouping: name of the rate -> side -> (B, groups)."""

    grouping: Grouping
    labels: tuple[str, ...]
    rates: Mapping[str, Mapping[Side, Matrix]]


def compare(
    groupings: Sequence[Grouping], outcomes: Outcomes, weights: Matrix, rates: Rates
) -> Iterator[Compared]:
    """Rates of every grouping with two groups that hold enough patients with and without the outcome."""
    for grouping in groupings:
        members = grouping.members(outcomes.tested.view)
        for outcome in outcomes.classes:
            enough = members.sum(axis=0) >= MIN_ROWS
            for with_it in (outcome.truth, ~outcome.truth):
                enough &= (members & with_it[:, None]).sum(axis=0) >= MIN_CLASS
            if enough.sum() < 2:
                continue
            labels = tuple(name for name, held in zip(grouping.labels, enough, strict=True) if held)
            by_side = {side: rates(outcome, side, members[:, enough], weights) for side in SIDES}
            names = by_side["real"]
            yield Compared(
                grouping, labels, {name: {side: by_side[side][name] for side in SIDES} for name in names}
            )


def measured(
    groupings: Sequence[Grouping],
    outcomes: Outcomes,
    weights: Matrix,
    rates: Rates,
    of_groups: Callable[[Matrix], Matrix],
) -> Measure:
    """Make a measure of the worst grouping: `of_groups` turns the rates of its groups (B, k) into one (B,).

    Raises
    ------
    NotApplicable
        No grouping has two groups with enough patients.
    """
    all_weights = np.concatenate([np.ones((1, len(outcomes.rows))), weights[:, outcomes.rows]])
    found = list(compare(groupings, outcomes, all_weights, rates))
    if not found:
        raise NotApplicable(
            f"no two groups have {MIN_ROWS} held-out patients, {MIN_CLASS} with and {MIN_CLASS} without the "
            "outcome"
        )
    worst = {side: largest(found, side, of_groups) for side in SIDES}
    value = float(worst["synthetic"][0])
    low, high = interval(worst["synthetic"][1:], value)
    detail = {
        **change_of(worst["synthetic"], worst["real"]),
        **too_small(groupings),
        "table": _table(found),
        "bars": _bars(found),
    }
    replicates = np.stack([worst["synthetic"][1:], worst["real"][1:]])
    return Measure(value, low, high, ceiling=float(worst["real"][0]), detail=detail, replicates=replicates)


def largest(found: Sequence[Compared], side: Side, of_groups: Callable[[Matrix], Matrix]) -> Matrix:
    """The worst figure over groupings and rates, under each weighting; shape (B,)."""
    return np.asarray(np.max([of_groups(pair[side]) for one in found for pair in one.rates.values()], axis=0))


def change_of(synthetic: Matrix, real: Matrix) -> dict[str, float]:
    """What training on synthetic rows changes: the first entry's difference, with its interval."""
    change = synthetic - real
    low, high = np.quantile(change[1:], [0.025, 0.975]) - change[1:].mean() + change[0]
    value = float(change[0])
    return {
        "change": value,
        "change_lower": min(value, max(-1.0, float(low))),
        "change_upper": max(value, min(1.0, float(high))),
    }


def _table(found: Sequence[Compared]) -> dict[str, Any]:
    rows = []
    for one in found:
        for name, pair in one.rates.items():
            for place, label in enumerate(one.labels):
                synthetic, real = (float(pair[side][0, place]) for side in SIDES)
                called = label if len(one.rates) == 1 else f"{label}: {name}"
                rows.append([called, round(real, 4), round(synthetic, 4), round(synthetic - real, 4)])
    return {"columns": ["Group", "Trained on real", "Trained on synthetic", "Change"], "rows": rows}


def _bars(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """The groups of single attributes (crossed ones stand in the table), the first rate of each."""
    bars = []
    for one in found:
        if len(one.grouping.attributes) > 1:
            continue
        name, pair = next(iter(one.rates.items()))
        for place, label in enumerate(one.labels):
            value = float(pair["synthetic"][0, place])
            replicates = pair["synthetic"][1:, place]
            low, high = interval(replicates, value) if len(replicates) else (value, value)
            bars.append(
                {
                    "name": label,
                    "real": float(pair["real"][0, place]),
                    "synthetic": value,
                    "lower": low,
                    "upper": high,
                    "measure": name,
                }
            )
    return bars
