"""What alerts measure: a table of metrics, and how each is taken at one moment of a training."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.c2st import out_of_fold_placements
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.privacy.copies import copies
from synthetic_healthcare.evaluation.privacy.nulls import advantage
from synthetic_healthcare.evaluation.statistics import Z, auc

Vector = npt.NDArray[np.float64]

#: Draws that say what the strongest attack reads where nothing leaks.
_NULLS: Final = 64
#: Share of the training before which a model is not held to be useful yet: as for the trainer's own score.
_YOUNG: Final = 0.25


@final
@dataclass(frozen=True)
class Moment:
    """A model at one moment of its training, as far as metrics look at it.

    Parameters
    ----------
    losses : callable
        Gives each phase's last loss; empty where none may leave the step.
    norms : Mapping of str to float
        Norms of the last gradients, by phase.
    epsilon_after_next : callable or None
        Privacy loss after one more update; `None` where the run has no ledger.
    inputs : callable
        Gives generated rows of the averaged sampler beside real ones, as the evaluation compares them; with
        true, each real row once.
    scale : float
        Training rows for each one that is compared.
    """

    losses: Callable[[], Mapping[str, float]]
    norms: Mapping[str, float]
    epsilon_after_next: Callable[[], float] | None
    inputs: Callable[[bool], Inputs]
    scale: float = 1.0


@final
@dataclass(frozen=True)
class Measured:
    """A figure, and its standard error where it comes from a sample."""

    value: float
    standard_error: float | None = None


@final
@dataclass(frozen=True)
class Metric:
    """One thing that can be measured.

    Parameters
    ----------
    name : str
        What users write.
    means : str
        What it is, for a reader.
    fires : {"above", "below"}
        On which side of the threshold an alert fires.
    bounds : (float, float)
        Between which its values lie.
    every : int
        Updates between two measurements, where an alert says nothing else.
    take : callable
        Measures it at a moment; raises `NotApplicable` with the reason where it cannot.
    threshold : float or None
        The threshold where an alert gives none; `None`: there has to be one.
    chance : float or None
        What it reads where there is nothing to find; `None` where that has no meaning. A figure that chance
        explains, being within 1.96 standard errors of this, passes no threshold.
    reads_real_rows : bool
        Whether it compares with rows of the table: then the figure tells something of these rows.
    in_steps : bool
        Whether it is about an update: a model that learns in one go has none.
    before_first : bool
        Whether it is asked before the first update too.
    from_share : float
        Share of the training before which it is not taken.
    """

    name: str
    means: str
    fires: Literal["above", "below"]
    bounds: tuple[float, float]
    every: int
    take: Callable[[Moment], Measured]
    threshold: float | None = None
    chance: float | None = None
    reads_real_rows: bool = False
    in_steps: bool = False
    before_first: bool = False
    from_share: float = 0.0

    def is_beyond(self, threshold: float, measured: Measured) -> bool:
        """Whether a figure lies beyond a threshold; at it, it does not."""
        return measured.value < threshold if self.fires == "below" else measured.value > threshold

    def is_chance(self, measured: Measured) -> bool:
        """Whether a figure is what a model with nothing to find may well read."""
        if self.chance is None or measured.standard_error is None:
            return False
        return abs(measured.value - self.chance) <= Z * measured.standard_error


def _membership(moment: Moment) -> Measured:
    """Area under the curve of the strongest of eight attacks, less what picking the strongest adds.

    The advantage 2 AUC - 1 of the strongest of several attacks is above 0 even where nothing leaks; its mean
    there, over draws of pseudo-members from the controls, is taken off as the privacy score does. The error
    is DeLong's, of the attack that was picked.
    """
    inputs = moment.inputs(True)
    members, controls = inputs.get("scores")
    areas = [auc(members[code], controls[code]) for code in members]
    strongest = max(areas, key=lambda area: area.value)
    chance = _picked_by_chance(controls, len(next(iter(members.values()))))
    excess = max(0.0, (2.0 * strongest.value - 1.0 - chance) / (1.0 - chance))
    return Measured(0.5 + excess / 2.0, strongest.error / (1.0 - chance))


def _picked_by_chance(controls: Mapping[str, Vector], members: int) -> float:
    """Mean advantage of the strongest attack where members are drawn like the controls."""
    rng = np.random.default_rng(0)
    rows = len(next(iter(controls.values())))
    found = []
    for _ in range(_NULLS):
        pseudo, others = rng.integers(rows, size=members), rng.integers(rows, size=rows)
        found.append(max(0.0, *(advantage(score[pseudo], score[others]) for score in controls.values())))
    return float(np.mean(found))


def _copies(moment: Moment) -> Measured:
    """Share of generated rows that copy a training row, beyond what chance matches with unseen rows explain.

    The evaluation's own figure; its interval of 95 % gives the error. What is found in a sample of the
    training rows is scaled up to all of them, since the copies of different rows are different rows.
    """
    measure: Measure = moment.inputs(True).call(copies.compute, copies.name)
    assert measure.lower is not None
    assert measure.upper is not None
    error = (measure.upper - measure.lower) / (2.0 * Z)
    return Measured(min(1.0, moment.scale * measure.value), moment.scale * error)


def _utility(moment: Moment) -> Measured:
    """1 - max(0, 2 AUC - 1) of gradient boosting that tells generated from unseen real rows, 5 folds.

    The evaluation's "Told from real rows". The error is that of a mean over the real rows.
    """
    inputs = moment.inputs(False)
    synthetic: Judged = inputs.get("synthetic")
    holdout: Judged = inputs.get("holdout")
    # As many of one kind as of the other: classes of equal size are told apart most evenly.
    size = min(len(synthetic), len(holdout))
    apart = out_of_fold_placements(synthetic.first(size).matrix, holdout.first(size).matrix, seed=0)
    error = float(apart.std(ddof=1)) / math.sqrt(len(apart))
    return Measured(1.0 - max(0.0, 2.0 * float(apart.mean()) - 1.0), 2.0 * error)


def _epsilon(moment: Moment) -> Measured:
    """Privacy loss that the run will have spent after one more update."""
    if moment.epsilon_after_next is None:
        raise NotApplicable("the run has no privacy ledger")
    return Measured(_finite(moment.epsilon_after_next()))


def _losses_not_finite(moment: Moment) -> Measured:
    """Count the phases whose last loss is not a finite number."""
    losses = moment.losses()
    if not losses:
        raise NotApplicable("no loss may leave the step")
    return Measured(float(sum(not math.isfinite(value) for value in losses.values())))


def _gradient_norm(moment: Moment) -> Measured:
    """Largest norm of a phase's gradient in the last update, as it moved the weights."""
    if not moment.norms:
        raise NotApplicable("no phase took a step")
    return Measured(max(map(_finite, moment.norms.values())))


def _finite(value: float) -> float:
    """What is not a finite number counts as the largest there is: it must not pass for a small one."""
    return value if math.isfinite(value) else sys.float_info.max


_SHARE: Final = (0.0, 1.0)
_ANY: Final = (0.0, math.inf)

_LISTED: Final = (
    Metric(
        "membership_inference_attack_success",
        "AUC of telling training rows from unseen ones by generated rows; 0.5 is a guess",
        "above",
        _SHARE,
        250,
        _membership,
        chance=0.5,
        reads_real_rows=True,
    ),
    Metric(
        "nearest_neighbor_copies",
        "share of generated rows that copy a training row, or nearly, beyond chance",
        "above",
        _SHARE,
        250,
        _copies,
        chance=0.0,
        reads_real_rows=True,
    ),
    Metric(
        "utility",
        "1 where a classifier cannot tell generated from unseen real rows, 0 where it never errs",
        "below",
        _SHARE,
        500,
        _utility,
        reads_real_rows=True,
        from_share=_YOUNG,
    ),
    Metric(
        "epsilon",
        "privacy loss that would be spent after the next update",
        "above",
        _ANY,
        1,
        _epsilon,
        in_steps=True,
        before_first=True,
    ),
    Metric(
        "loss_nan",
        "number of losses that are not finite",
        "above",
        _ANY,
        1,
        _losses_not_finite,
        threshold=0.0,
        in_steps=True,
    ),
    Metric(
        "gradient_explosion",
        "largest norm of a gradient in the last update",
        "above",
        _ANY,
        1,
        _gradient_norm,
        in_steps=True,
    ),
)

#: Every metric, by the name that users write.
METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _LISTED}
