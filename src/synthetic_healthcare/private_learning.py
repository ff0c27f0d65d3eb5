"""From a table to a model under a privacy budget: prepare, choose, learn; each step pays before it reads.

A network under a budget does not start from nothing. A part of the budget buys noisy counts, a model of them
draws as many rows as it is asked for, and the network learns these plainly, which costs nothing more
(post-processing); the rest of the budget then trains it on the patients. Levers, too, see rows of that model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import pandas as pd

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.choosing import Choice, choose_privately
from synthetic_healthcare.config import AUTO, DifferentialPrivacySection, RunConfig
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import MarginalModel, ModelConfig, TrainedModel
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.monitoring.records import marks
from synthetic_healthcare.monitoring.watch import Watch
from synthetic_healthcare.pipeline import Trained
from synthetic_healthcare.privacy.counting import PrivateCounts
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.privacy.marginals import noise_note
from synthetic_healthcare.progress import Progress, phase
from synthetic_healthcare.sampling.levers import Levers, levers_for
from synthetic_healthcare.schema.layout import Encoded, joined
from synthetic_healthcare.schema.public import lacking
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.variables import Domain
from synthetic_healthcare.training.history import History
from synthetic_healthcare.training.marginals import learn_marginals
from synthetic_healthcare.training.private import Payment
from synthetic_healthcare.transforms.private.prepare import PrivatelyPrepared, prepare_privately

#: Share of the precision that preparing a table may spend, where all columns are declared and where not.
_DECLARED: Final = 0.1
_UNDECLARED: Final = 0.4
#: Bins of a number in the counts that a reader is told the noise of: tenths.
_NOTED_BINS: Final = 10
#: Rows of the guide that a network and the levers see, at least and at most.
_FEWEST_GUIDED, _MOST_GUIDED = 2_000, 50_000


@final
@dataclass(frozen=True, eq=False)
class PrivatelyLearnt:
    """What a private fit gave.

    Parameters
    ----------
    prepared : PrivatelyPrepared
        Schema, encoder and notes.
    trained : Trained
        The model.
    levers : Levers
        Learnt from rows of the guide; none for a model of counts.
    choice : Choice
        Which model, and why.
    noise : str
        What the noise leaves to be learnt.
    """

    prepared: PrivatelyPrepared
    trained: Trained
    levers: Levers
    choice: Choice
    noise: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how the table was learnt."""
        target = self.prepared.schema.target
        told = (*self.prepared.notes, self.noise)
        if target is None or _learnt_target(self.prepared) is not None:
            return told
        lost = (
            f"column {target!r}, the target: none of its values stood out of the noise, and nothing was "
            "learnt for it. Declare its categories in the schema"
        )
        return (*told, lost)


def learn_privately(
    frame: pd.DataFrame,
    declared: Schema | None,
    target: str | None,
    *,
    ledger: PrivacyLedger,
    config: RunConfig,
    seed: int,
    progress: Progress,
    monitor: PrivacyMonitor | None = None,
) -> PrivatelyLearnt:
    """Learn a table within what a ledger has left.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The rows to learn; where a group column is declared, `rows_per_patient` of each patient are kept.
    declared : Schema or None
        What is known of the columns beforehand.
    target : str or None
        Column to predict.
    ledger : PrivacyLedger
        Pays for each read, before it happens.
    config : RunConfig
        Settings of the run.
    seed : int
        Decides initialisation and draws; never noise, nor which patients are sampled.
    progress : Progress
        Told of each step.
    monitor : PrivacyMonitor or None
        Watches the training; none of its alerts may read real rows.

    Raises
    ------
    ConfigError, SchemaError, DataError
        By names, declarations, settings and the number of rows only.
    BudgetExceededError
        Nothing is left to pay with.
    """
    section, name = _section(config), config.model.type
    if name != AUTO:
        _require_private_form(name)
    per_person = 1 if ledger.unit == "row" else section.rows_per_patient
    with phase(progress, "prepare"):
        prepared = prepare_privately(
            frame,
            declared,
            target,
            ledger=ledger,
            config=config.transforms,
            strict_domain=section.strict_domain,
            share=_UNDECLARED if _is_open(declared) else _DECLARED,
            rows_per_person=per_person,
        )
    rows = len(prepared.encoded)
    if name == AUTO:
        choice = choose_privately(rows, epsilon=ledger.budget.epsilon, target=_learnt_target(prepared))
    else:
        choice = Choice.asked_for(name)
    kind = models.model_class(choice.name)
    payer = _Payer(prepared, ledger, per_person, seed, progress, monitor)
    noise = payer.noise()
    if issubclass(kind, MarginalModel):
        learnt = payer.of_counts(choice.name, config, share=1.0)
        return PrivatelyLearnt(prepared, payer.looked_at(learnt), Levers(), choice, noise)
    trained, levers = payer.network(choice.name, config)
    return PrivatelyLearnt(prepared, trained, levers, choice, noise)


@dataclass(frozen=True, eq=False)
class _Payer:
    """A prepared table and the ledger that pays for every further look at it."""

    prepared: PrivatelyPrepared
    ledger: PrivacyLedger
    rows_per_person: int
    seed: int
    progress: Progress
    monitor: PrivacyMonitor | None

    def of_counts(self, name: str, config: RunConfig, *, share: float) -> Trained:
        """Fit a model of noisy counts for a share of what is left."""
        own = config.model.architecture if name == config.model.type else {}
        with phase(self.progress, "fit"):
            model = learn_marginals(
                self.prepared.encoded,
                name,
                self._settings(name, own),
                ledger=self.ledger,
                rows=len(self.prepared.encoded),
                seed=self.seed,
                rows_per_person=self.rows_per_person,
                share=share,
            )
        return Trained(model, {"ended": "finished"}, History())

    def network(self, name: str, config: RunConfig) -> tuple[Trained, Levers]:
        """Train a network on rows of a model of counts, then on the patients for the rest of the budget."""
        rows = len(self.prepared.encoded)
        epsilon, target = self.ledger.budget.epsilon, _learnt_target(self.prepared)
        guide = choose_privately(rows, epsilon=epsilon, target=target).name
        section = _section(config)
        watched = _Watched(self.monitor)
        made: Encoded | None = None
        if section.guide_share:
            model = self.of_counts(guide, config, share=section.guide_share).model
            number = min(max(rows, _FEWEST_GUIDED), _MOST_GUIDED)
            made = joined(pipeline.sample(model, number, seed=self.seed))
        trained = pipeline.train_privately(
            self.prepared.encoded,
            name,
            self._settings(name, config.model.architecture),
            training=config.model.training,
            payment=Payment(
                self.ledger,
                section.training,
                people=self.prepared.people,
                rows_per_person=self.rows_per_person,
                watcher=None if self.monitor is None else watched.begin,
            ),
            seed=self.seed,
            progress=self.progress,
            guide=made,
        )
        trained.facts.update(watched.marks(trained.facts["updates"]))
        if made is None:
            return trained, Levers()
        return trained, levers_for(trained.model, made, config=config.sampling, seed=self.seed)

    def noise(self) -> str:
        """Say what the noise of what is left would do to counts of the table."""
        layout = self.prepared.encoded.layout
        counts = PrivateCounts(self.ledger, rows_per_person=self.rows_per_person)
        target, rows = _learnt_target(self.prepared), len(self.prepared.encoded)
        return noise_note(Domain(layout, _NOTED_BINS), counts, rows=rows, target=target)

    def looked_at(self, trained: Trained) -> Trained:
        """Have a model that took no updates told to the monitor."""
        if self.monitor is not None:
            watch = Watch(self.monitor, None)
            watch.resume([])
            watch.look_at_result(0, in_steps=False)
            trained.facts.update(marks(watch.finish(0)))
        return trained

    def _settings(self, name: str, architecture: Mapping[str, Any]) -> ModelConfig:
        return models.settings(
            name,
            architecture,
            rows=len(self.prepared.encoded),
            target=_learnt_target(self.prepared),
            private=True,
        )


@dataclass
class _Watched:
    """A monitor, and the watch that it becomes when the training can say what it spends."""

    monitor: PrivacyMonitor | None
    watch: Watch | None = None

    def begin(self, epsilon_after_next: Callable[[], float]) -> Watch:
        assert self.monitor is not None
        self.watch = Watch(self.monitor, None, epsilon_after_next=epsilon_after_next)
        return self.watch

    def marks(self, updates: int) -> dict[str, Any]:
        return {} if self.watch is None else marks(self.watch.finish(updates))


def _require_private_form(name: str) -> None:
    """Refuse a model that has none, before anything is spent."""
    kinds = {name: models.model_class(name) for name in models.available()}
    able = [name for name, kind in kinds.items() if issubclass(kind, MarginalModel | TrainedModel)]
    if name not in able:
        raise ConfigError(
            f"model {name!r} reads rows in a way that has no private form. Under differential privacy there "
            f"are {', '.join(able)}, and 'auto'"
        )


def _section(config: RunConfig) -> DifferentialPrivacySection:
    held = config.privacy.protection
    assert held is not None, "a private run has a budget"
    return held


def _learnt_target(prepared: PrivatelyPrepared) -> str | None:
    """The target, where anything of it was found."""
    target = prepared.schema.target
    return target if any(part.column == target for part in prepared.encoder.layout.parts) else None


def _is_open(declared: Schema | None) -> bool:
    """Whether anything but counts is left to learn of a table."""
    return declared is None or any(lacking(column) for column in declared.columns)
