"""A private training from its plan to its end: paid first, then read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch

from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.privacy.accounting import decided_epsilon
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.dpsgd import DPSGD
from synthetic_healthcare.training.plan import PrivatePlan, PrivateTraining, plan_training
from synthetic_healthcare.training.poisson import People, PoissonRows
from synthetic_healthcare.training.secrets import Secrets
from synthetic_healthcare.training.separable import require_separable
from synthetic_healthcare.training.trainer import Outcome, Trainer
from synthetic_healthcare.training.watching import Watcher


@final
@dataclass(frozen=True, eq=False)
class Payment:
    """Who pays for a private training, and for whom.

    Parameters
    ----------
    ledger : PrivacyLedger
        Pays.
    settings : PrivateTraining
        How it is trained.
    share : float, default 1.0
        Of what the ledger has left.
    people : int array (n,), optional
        Number of the person of each row; left out: each row is a person.
    rows_per_person : int, default 1
        Most rows that one person may have in a sample.
    watcher : callable, optional
        Makes what looks on between updates, given a callable that tells what epsilon one more update brings.
    """

    ledger: PrivacyLedger
    settings: PrivateTraining = field(default_factory=PrivateTraining)
    share: float = 1.0
    people: People | None = None
    rows_per_person: int = 1
    watcher: Callable[[Callable[[], float]], Watcher] | None = None


@final
@dataclass(frozen=True, eq=False)
class PrivateRun:
    """A private training that is paid for and ready to start; it runs once.

    Parameters
    ----------
    plan : PrivatePlan
        What was paid for.
    schedule : tuple of Phase
        What is trained.
    rows : PoissonRows
        Samples of the patients.
    gradient : DPSGD
        Clips, noises and counts.
    secrets : Secrets
        Where noise and samples come from.
    watcher : Watcher or None
        Looks on between updates; it is told nothing that noise does not hide.
    pace : float
        Share of the model's step size.
    """

    plan: PrivatePlan
    schedule: tuple[Phase, ...]
    rows: PoissonRows
    gradient: DPSGD
    secrets: Secrets
    watcher: Watcher | None = None
    pace: float = 1.0

    def train(self, model: TrainedModel, *, rng: torch.Generator, progress: Progress) -> Outcome:
        """Train the model to the end of the plan, or until its time is out: what is paid stays paid."""
        trainer = Trainer(
            self.schedule,
            model.sampler(),
            rows=self.rows,
            config=self.plan.training,
            gradient=self.gradient,
            rng=rng,
            pace=self.pace,
        )
        model.train()
        return trainer.run(None, checkpoint=None, progress=progress, watcher=self.watcher)

    def facts(self) -> dict[str, Any]:
        """Return what a reader of the model wants to know of how it was kept private; nothing of patients."""
        plan = self.plan
        return {
            "private": self.secrets.kept,
            "sampling_probability": plan.probability,
            "noise_multiplier": plan.multiplier,
            "clip_norm": plan.clip_norm,
            "rows_per_person": plan.rows_per_person,
            "noised_steps": self.gradient.steps,
            "paid_steps": plan.times,
        }


def prepare_private(
    model: TrainedModel,
    encoded: Encoded,
    training: TrainingConfig,
    payment: Payment,
    *,
    seed: int,
    guided: bool = False,
) -> PrivateRun:
    """Check that the model can be trained privately, plan it, and pay for all of it; then take the rows.

    Parameters
    ----------
    model : TrainedModel
        On its device.
    encoded : Encoded
        The rows; only how many they are is read before they are paid for.
    training : TrainingConfig
        How long and where.
    payment : Payment
        Who pays.
    seed : int
        The run's, for tests that ask for noise that follows it; it decides nothing otherwise.
    guided : bool, default False
        Whether the model has learnt rows of a guide before. Adam's steps are as long whether gradients or
        noise make them: whole steps of noise would undo what was learnt, in critics of GANs most of all.

    Raises
    ------
    NotPrivatizableError
        The model mixes rows; nothing was spent.
    BudgetExceededError
        Nothing is left; nothing was read.
    """
    schedule = model.schedule()
    written = require_separable(model, schedule)
    plan = plan_training(
        payment.ledger,
        schedule,
        training,
        payment.settings,
        rows=len(encoded),
        rows_per_person=payment.rows_per_person,
        share=payment.share,
    )
    secrets = Secrets(seed if payment.settings.testing else None)
    device = next(model.parameters()).device
    earlier = [entry.charge for entry in payment.ledger.entries]
    payment.ledger.spend(f"training of {model.name}", plan.charge())
    rows = PoissonRows(encoded, plan, secrets, device=device, people=payment.people)
    gradient = DPSGD(plan, secrets, device=device, written=written)
    each = sum(phase.reads_rows for phase in schedule)

    def after_next() -> float:
        taken = min(gradient.steps + each, plan.times)
        charges = [*earlier, replace(plan.charge(), times=max(taken, 1))]
        return decided_epsilon(charges, payment.ledger.budget.delta)

    watcher = None if payment.watcher is None else payment.watcher(after_next)
    pace = payment.settings.pace if guided else 1.0
    return PrivateRun(plan, schedule, rows, gradient, secrets, watcher, pace)
