"""The way through the house: prepare, train, sample, restore, evaluate.

Each verb takes the value of the one before it and returns a new one. Only `prepare` and `train` see real rows
on the way to a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from synthetic_healthcare import models
from synthetic_healthcare.errors import DataError, NotPrivatizableError
from synthetic_healthcare.evaluation.energy import energy_scores, mean_distance
from synthetic_healthcare.models._base import Arrays, FittedModel, GenerativeModel, ModelConfig, TrainedModel
from synthetic_healthcare.monitoring.records import marks
from synthetic_healthcare.monitoring.tables import Draw, Parted
from synthetic_healthcare.monitoring.watch import Watch
from synthetic_healthcare.progress import Progress, phase
from synthetic_healthcare.sampling.draw import draw
from synthetic_healthcare.schema.layout import Encoded, Layout, expand
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.checks import check_table, check_target
from synthetic_healthcare.training.batches import Rows, RowSource
from synthetic_healthcare.training.checkpoints import Checkpoint
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import GradientComputer, PlainGradient
from synthetic_healthcare.training.history import History
from synthetic_healthcare.training.private import Payment, prepare_private
from synthetic_healthcare.training.separable import made_up, require_separable
from synthetic_healthcare.training.threads import calibrate, threads
from synthetic_healthcare.training.trainer import Score, Trainer
from synthetic_healthcare.training.watching import PAUSED
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder, fit_encoder

#: Fewest rows that can choose the best moment: with fewer, all rows train and the last moment is kept.
MINIMUM_VALIDATION: Final = 20
#: Fewest rows to learn from: what a table of 50, the fewest that `fit` takes, keeps after its hold-out.
MINIMUM_ROWS: Final = 30
#: Most rows on either side of a two-sample score during training.
_SCORED_ROWS: Final = 2000


@dataclass(frozen=True)
class Prepared:
    """A table made ready to train on.

    Parameters
    ----------
    schema : Schema
        Its columns.
    encoder : TableEncoder
        Fitted to the training rows.
    encoded : Encoded
        Its rows.
    notes : tuple of str
        What was repaired or protected, a line each.
    """

    schema: Schema
    encoder: TableEncoder
    encoded: Encoded
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """A model that has learnt, and how it came about.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    facts : dict
        What a reader of the model wants to know of its training.
    history : History
        Training curves; empty where the model learnt by itself.
    """

    model: GenerativeModel
    facts: dict[str, Any]
    history: History


def prepare(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    transforms: TransformConfig,
    rng: np.random.Generator,
) -> Prepared:
    """Check a table, fit the transforms to it and encode it.

    Raises
    ------
    DataError, SchemaError
        The table cannot be learnt as it stands; the column and the remedy are named.
    """
    check_table(frame, minimum_rows=MINIMUM_ROWS)
    schema.check(frame)
    note = check_target(frame, schema)
    encoder = fit_encoder(frame, schema, config=transforms, rng=rng)
    if not encoder.layout.parts:
        raise DataError(
            "no column of the table can be learnt: all are constant, missing or identifiers. "
            "Declare kinds in a schema, or give a table with values that vary"
        )
    encoded = encoder.encode(frame, rng)
    notes = (*([note] if note else []), *encoder.notes)
    return Prepared(schema, encoder, encoded, notes)


def set_aside(encoded: Encoded, share: float, *, rng: np.random.Generator) -> tuple[Encoded, Encoded | None]:
    """Part rows into those that teach and those that only judge, `None` where these were too few."""
    parted = _part(len(encoded), share, rng=rng)
    if not len(parted.aside):
        return encoded, None
    return encoded.take(parted.learnt), encoded.take(parted.aside)


def _part(rows: int, share: float, *, rng: np.random.Generator) -> Parted:
    aside = round(share * rows)
    if aside < MINIMUM_VALIDATION:
        aside = 0
    order = rng.permutation(rows) if aside else np.arange(rows)
    return Parted(order[aside:], order[:aside])


def train(
    encoded: Encoded,
    name: str,
    config: ModelConfig,
    *,
    training: TrainingConfig,
    seed: int,
    checkpoint: Checkpoint | None,
    progress: Progress,
    watch: Watch | None = None,
) -> Trained:
    """Build the model and train it, or let it learn by itself.

    Parameters
    ----------
    encoded : Encoded
        The rows to learn.
    name, config
        Which model, and its settings.
    training : TrainingConfig
        How long and where.
    seed : int
        Decides initialisation, batches and draws: equal seeds give equal weights on the CPU.
    checkpoint : Checkpoint or None
        Where to save, and from where to go on; a model that learns by itself has no need of one.
    watch : Watch or None
        Looks on between updates, and once at the model as it is kept.
    """
    model = _initialised(name, encoded.layout, config, seed)
    if watch is not None:
        aside = training.validation_share if isinstance(model, TrainedModel) else 0.0
        parted = _part(len(encoded), aside, rng=np.random.default_rng(seed))
        watch.start(_drawer(model, seed), parted)
    if isinstance(model, TrainedModel):
        return _run_trainer(
            model, encoded, training, seed=seed, checkpoint=checkpoint, progress=progress, watch=watch
        )
    assert isinstance(model, FittedModel)
    with phase(progress, "fit"):
        model.fit(encoded, rng=np.random.default_rng(seed))
    facts = {"ended": "finished", **_watched(watch, 0, in_steps=False)}
    return Trained(model, facts, History())


def train_privately(
    encoded: Encoded,
    name: str,
    config: ModelConfig,
    *,
    training: TrainingConfig,
    payment: Payment,
    seed: int,
    progress: Progress,
    guide: Encoded | None = None,
) -> Trained:
    """Build the model and train it under differential privacy; the ledger pays before a row is read.

    The layout of the rows must be private already: models start from its marginals and draw by them.

    Parameters
    ----------
    encoded : Encoded
        The rows to learn, all of them: none is set aside.
    name, config
        Which model of those that the trainer drives, and its settings: `models.settings(..., private=True)`.
    training : TrainingConfig
        How long and where.
    payment : Payment
        Who pays, and for whom.
    seed : int
        Decides initialisation and fakes; never noise, samples of patients, or what is drawn beside them.
    guide : Encoded, optional
        Rows that are no patients, drawn from what was released of them: learnt first, for nothing.

    Raises
    ------
    NotPrivatizableError
        The model mixes rows, or learns by itself; nothing was spent.
    BudgetExceededError
        Nothing is left of the budget; no row was read.
    """
    model = _initialised(name, encoded.layout, config, seed)
    if not isinstance(model, TrainedModel):
        raise NotPrivatizableError(name, "fit", "it learns by itself, not by noised gradients", {})
    device = _device(training.device)
    model = model.to(device)
    require_separable(model, model.schedule())
    if guide is not None:
        # The same model learns them as it would learn patients without a budget.
        _run_trainer(model, guide, training, seed=seed, checkpoint=None, progress=progress, watch=None)
    run = prepare_private(model, encoded, training, payment, seed=seed, guided=guide is not None)
    # Timed on rows that are made up: how long patients take is told to nobody.
    trial = Rows(made_up(encoded.layout, round(run.plan.expected_batch) + 1), device)
    fixed = run.plan.training
    number = fixed.threads or _threads_for(model, trial, fixed, PlainGradient())
    with threads(number), phase(progress, "train", fixed.updates_for(len(encoded))):
        outcome = run.train(model, rng=torch.Generator(device).manual_seed(seed), progress=progress)
    facts = {
        "updates": outcome.updates,
        "chosen": outcome.chosen,
        "score": None,
        "ended": outcome.reason,
        "threads": number,
        **run.facts(),
    }
    return Trained(model, facts, outcome.history)


def sample(model: GenerativeModel, n: int, *, seed: int) -> Iterator[Encoded]:
    """Draw encoded rows, chunk by chunk; equal seeds give equal rows on the CPU."""
    return draw(model, n, seed=seed)


def restore(
    chunks: Iterator[Encoded], encoder: TableEncoder, *, rng: np.random.Generator
) -> Iterator[pd.DataFrame]:
    """Turn encoded chunks back into tables with the columns and dtypes of the original."""
    first_row = 0
    for chunk in chunks:
        yield encoder.decode(chunk, rng, first_row=first_row)
        first_row += len(chunk)


def rebuild(name: str, layout: Layout, settings: dict[str, Any], state: Arrays) -> GenerativeModel:
    """Make a model from what a file holds: its layout, its settings and its state."""
    model = _initialised(name, layout, models.settings(name, settings), seed=0)
    model.load_state(state)
    return model


def _run_trainer(
    model: TrainedModel,
    encoded: Encoded,
    training: TrainingConfig,
    *,
    seed: int,
    checkpoint: Checkpoint | None,
    progress: Progress,
    watch: Watch | None,
) -> Trained:
    device = _device(training.device)
    model = model.to(device)
    learnt, validation = set_aside(encoded, training.validation_share, rng=np.random.default_rng(seed))
    rows = Rows(learnt, device)
    rng = torch.Generator(device).manual_seed(seed)
    gradient = PlainGradient(training.precision)
    number = training.threads or _threads_for(model, rows, training, gradient)
    trainer = Trainer(
        model.schedule(), model.sampler(), rows=rows, config=training, gradient=gradient, rng=rng
    )
    score = None if validation is None else held_out_score(model, validation, seed)
    with threads(number), phase(progress, "train", training.updates_for(len(rows))):
        model.train()
        outcome = trainer.run(score, checkpoint=checkpoint, progress=progress, watcher=watch)
    facts = {
        "updates": outcome.updates,
        "chosen": outcome.chosen,
        "score": outcome.score,
        "ended": outcome.reason,
        "threads": number,
    }
    if watch is None or outcome.reason == PAUSED:
        # What an earlier attempt saw stays with the model, also where nobody looks on any more.
        facts |= marks(outcome.watched)
    else:
        facts |= _watched(watch, outcome.updates, in_steps=True)
    return Trained(model, facts, outcome.history)


def _watched(watch: Watch | None, updates: int, *, in_steps: bool) -> dict[str, Any]:
    """Have the kept model looked at, and return what the alerts leave with it."""
    if watch is None:
        return {}
    ended = watch.look_at_result(updates, in_steps=in_steps)
    facts = marks(watch.finish(updates))
    return {**facts, "ended": ended} if ended else facts


def _initialised(name: str, layout: Layout, config: ModelConfig, seed: int) -> GenerativeModel:
    # Layers draw their first weights from torch's global generator: it is set for this block and put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.build(name, layout, config)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def held_out_score(model: GenerativeModel, validation: Encoded, seed: int) -> Score:
    """Energy distance between generated rows and rows that the model does not learn from, judge by judge."""
    real = expand(validation.take(np.arange(min(_SCORED_ROWS, len(validation)))))

    within, drawn = mean_distance(real), _drawer(model, seed)

    def score() -> npt.NDArray[np.float64]:
        return energy_scores(expand(drawn(_SCORED_ROWS)), real, within_judges=within)

    return score


def _drawer(model: GenerativeModel, seed: int) -> Draw:
    """Draw from a model that may be in training, and leave it so."""

    def drawn(n: int) -> Encoded:
        # The same noise at every check: differences between checks are then the weights' alone.
        (chunk,) = sample(model, n, seed=seed)
        if isinstance(model, TrainedModel):
            model.train()
        return chunk

    return drawn


def _threads_for(
    model: TrainedModel, rows: RowSource, training: TrainingConfig, gradient: GradientComputer
) -> int:
    """Time one update with one thread and with all, where it is large enough to tell."""
    batch = training.batch_for(len(rows))
    weights = sum(p.numel() for part in model.schedule() for p in part.module.parameters())

    def step() -> None:
        rng = torch.Generator(next(model.parameters()).device).manual_seed(0)
        for part in model.schedule():
            free = part.draw(batch, 0.0, rng)
            shown = rows.show(part, free, n=batch, progress=0.0, rng=rng) if part.reads_rows else {}
            gradient(part, {**free, **shown})

    # Forward, backward, and once more for a penalty on gradients: about six passes over each weight.
    return calibrate(step, multiply_adds=6.0 * batch * weights)
