"""`PrivatePlan`: sampling, clipping, noise and length of a private training, tied together before it starts.

All that spends privacy follows from one frozen value, so that what is paid for and what is done cannot come
apart (the execution plans of jax_privacy, DeepMind, are the model).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

from pydantic import BaseModel, ConfigDict, Field

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.privacy.charges import SampledGaussian
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.trainer import phases_at

#: Rows up to which every update reads all of them: there, sampling takes off no noise that it does not add.
_WHOLE: Final = 512
#: Share of more rows that an update samples, and bounds of it: beyond a hundredth only the time grows.
_SHARE: Final = 0.01
_FEWEST, _MOST = 512, 1024
#: Steps that read rows, where a step reads all of them and where it samples them; and fewest updates.
_STEPS_WHOLE: Final = 200
_STEPS: Final = 2000
_LEAST_UPDATES: Final = 100
#: Decay of the average of weights where none is set: it follows a short training, and averages noise out.
_DECAY: Final = 0.99


@final
class PrivateTraining(BaseModel):
    """Settings of private training; the same for every model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip_norm: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="length to which the gradient of each row is clipped"
    )
    batch_size: int | None = Field(
        None, ge=2, description="rows that an update samples on average; default: by the number of rows"
    )
    updates: int | None = Field(
        None, ge=1, description="updates in all, known beforehand; default: by the number of rows"
    )
    pace: float = Field(
        0.1, gt=0, le=1, description="share of the model's step size, where it has learnt from a guide before"
    )
    testing: bool = Field(
        False, description="noise that follows random_state, for tests; what is trained so is not private"
    )


@final
@dataclass(frozen=True)
class PrivatePlan:
    """What a private training will do, and has to pay for.

    Parameters
    ----------
    rows : int
        Rows of the table; public.
    probability : float
        With which each person is in a sample.
    times : int
        Samples of rows that are read, over all phases and updates.
    multiplier : float
        Standard deviation of the noise over the sensitivity.
    clip_norm : float
        Bound of the length of each row's gradient.
    rows_per_person : int
        Most rows that one person may have in a sample.
    training : TrainingConfig
        What the trainer has to follow: length and batch size are those of the plan.
    """

    rows: int
    probability: float
    times: int
    multiplier: float
    clip_norm: float
    rows_per_person: int
    training: TrainingConfig

    @property
    def expected_batch(self) -> float:
        """Rows of a sample on average: what sums are divided by, whatever the sample held."""
        return self.probability * self.rows

    @property
    def deviation(self) -> float:
        """Standard deviation of the noise on each entry of a sum of clipped gradients."""
        return self.multiplier * self.clip_norm * self.rows_per_person

    def charge(self) -> SampledGaussian:
        """Return what all of it costs."""
        return SampledGaussian(self.multiplier, self.probability, self.times)


def private_training(
    training: TrainingConfig, private: PrivateTraining, *, rows: int, reads: int
) -> TrainingConfig:
    """Fix length and batch size by what is public, and leave out all that would read rows unpaid.

    Parameters
    ----------
    training, private
        Settings.
    rows : int
        Rows of the table; public.
    reads : int
        Phases of one update that read rows: many of them make for fewer updates.

    Raises
    ------
    ConfigError
        Mixed precision is asked for: lengths of gradients are not exact in it.
    """
    if training.precision != "float32":
        raise ConfigError("private training computes in float32. Set training.precision to 'float32'")
    batch = private.batch_size or training.batch_size or _batch(rows)
    fixed = {"batch_size": min(batch, max(rows, 2)), "validation_share": 0.0, "patience": None}
    updates = private.updates
    if updates is None and training.epochs is None and training.updates is None:
        steps = _STEPS_WHOLE if rows <= _WHOLE else _STEPS
        updates = max(_LEAST_UPDATES, math.ceil(steps / max(reads, 1)))
    if updates is not None:
        fixed |= {"updates": updates, "epochs": None}
    if "ema_decay" not in training.model_fields_set:
        fixed["ema_decay"] = _DECAY
    return training.model_copy(update=fixed)


def plan_training(
    ledger: PrivacyLedger,
    schedule: tuple[Phase, ...],
    training: TrainingConfig,
    private: PrivateTraining,
    *,
    rows: int,
    rows_per_person: int = 1,
    share: float = 1.0,
) -> PrivatePlan:
    """Plan a training that spends a share of what the ledger has left. Nothing is spent, and no row is read.

    Parameters
    ----------
    ledger : PrivacyLedger
        Pays later.
    schedule : tuple of Phase
        What is trained.
    training, private
        Settings.
    rows : int
        Rows of the table; public.
    rows_per_person : int, default 1
        Most rows that one person may have in a sample.
    share : float, default 1.0
        Of the precision that is left (`PrivacyLedger.precision_left`).

    Raises
    ------
    BudgetExceededError
        Nothing is left.
    """
    reads = sum(phase.reads_rows for phase in schedule)
    fixed = private_training(training, private, rows=rows, reads=reads)
    probability = min(1.0, fixed.batch_for(rows) / rows)
    times = noised_steps(schedule, fixed.updates_for(rows))
    multiplier = ledger.calibrate_sampled(probability, times, share=share)
    return PrivatePlan(
        rows=rows,
        probability=probability,
        times=times,
        multiplier=multiplier,
        clip_norm=private.clip_norm,
        rows_per_person=rows_per_person,
        training=fixed,
    )


def noised_steps(schedule: tuple[Phase, ...], updates: int) -> int:
    """Count the steps that read rows, exactly as the trainer runs them."""
    return sum(
        phase.reads_rows for update in range(updates) for phase in phases_at(schedule, update / updates)
    )


def _batch(rows: int) -> int:
    return rows if rows <= _WHOLE else int(min(_MOST, max(_FEWEST, _SHARE * rows)))
