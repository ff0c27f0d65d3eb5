"""The trainer: drives any model's phases to the end, keeps the best moment, survives being killed.

It knows no model and no metric. Gradients come from a `GradientComputer`, the score from a callable; so the
same loop trains plainly and privately, and judges by whatever the caller holds to be good.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthetic_healthcare.errors import CheckpointError, ConfigError, TrainingError
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.training.batches import RowSource
from synthetic_healthcare.training.checkpoints import Checkpoint, State
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import GradientComputer
from synthetic_healthcare.training.history import History
from synthetic_healthcare.training.optimizers import flatten, optimizers_for, set_learning_rate, unflatten
from synthetic_healthcare.training.recording import Losses, RecordedRounds
from synthetic_healthcare.training.watching import ALERT, PAUSED, Step, Watcher

#: Scores the sampler as it stands, a number for each row that judges it: the mean counts, lower is better.
Score = Callable[[], npt.NDArray[np.float64]]

#: The step size ends at this share of its start, by half a cosine.
_LAST_SHARE: Final = 0.02
#: No score is taken before this share of the training: until then the average of weights is young.
_FIRST_CHECK: Final = 0.25
#: Standard errors of the paired difference from which a check counts as worse than the best one. Within them
#: the later one is kept: it has learnt longer, and a few dozen rows cannot tell the two apart.
_WORSE: Final = 2.0
#: Updates over which losses are averaged before they are written down.
_LOSS_WINDOW: Final = 25


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Parameters
    ----------
    updates : int
        Updates done.
    chosen : int
        Update whose weights were kept.
    score : float or None
        Mean two-sample score of those, lower is better; `None` where none was taken.
    reason : str
        Why it stopped: "finished", "patience", "max_seconds", or a watcher's "alert" or "paused".
    history : History
        The curves.
    watched : list of dict
        What the watcher last gave the checkpoint, in this attempt or an earlier one.
    """

    updates: int
    chosen: int
    score: float | None
    reason: str
    history: History
    watched: list[dict[str, Any]]


@final
class Trainer:
    """Trains one model once.

    Parameters
    ----------
    schedule : tuple of Phase
        The model's phases.
    sampler : nn.Module
        The part whose weights are averaged and kept.
    rows : RowSource
        Training rows. Where they are private, a run has a length that is known beforehand, is not scored and
        is not gone on with from a checkpoint.
    config : TrainingConfig
        How long and how.
    gradient : GradientComputer
        Plain or private gradients.
    rng : torch.Generator
        The only source of randomness.
    pace : float, default 1.0
        Share of the phases' step sizes.
    """

    def __init__(
        self,
        schedule: tuple[Phase, ...],
        sampler: nn.Module,
        *,
        rows: RowSource,
        config: TrainingConfig,
        gradient: GradientComputer,
        rng: torch.Generator,
        pace: float = 1.0,
    ) -> None:
        self._schedule = schedule
        self._pace = pace
        self._sampler = sampler
        self._rows = rows
        self._config = config
        self._gradient = gradient
        self._rng = rng
        self._optimizers = optimizers_for(schedule)
        self._modules = {phase.name: phase.module for phase in schedule}
        self._average = {name: value.detach().clone() for name, value in sampler.state_dict().items()}
        self._state = State()
        self._losses: dict[str, list[Tensor]] = {}
        self._norms: dict[str, Tensor] | None = None
        # Samples of private rows change their shape from round to round: such a round cannot be recorded.
        on_gpu = rng.device.type == "cuda" and not rows.private
        self._recorded = RecordedRounds(rng) if on_gpu else None

    def run(
        self,
        score: Score | None,
        *,
        checkpoint: Checkpoint | None,
        progress: Progress,
        watcher: Watcher | None = None,
    ) -> Outcome:
        """Train to the end and leave the chosen weights in the sampler.

        Parameters
        ----------
        score : callable or None
            Two-sample score of the sampler, lower is better; `None` keeps the last weights.
        checkpoint : Checkpoint or None
            Where to save, and from where to go on.
        progress : Progress
            Told of every update.
        watcher : Watcher, optional
            Looks on before the first update and after every one, and may end the training.

        Raises
        ------
        TrainingError
            A loss is no longer finite.
        CheckpointError
            The checkpoint belongs to another run, or the rows are private.
        ConfigError
            A score is given and the rows are private.
        """
        self._require_no_reads(score, checkpoint)
        if checkpoint is not None:
            self._restore(checkpoint)
        state = self._state
        total = self._config.updates_for(len(self._rows))
        checks = _check_points(total, self._config.checks)
        started = time.monotonic() - state.seconds
        if watcher is not None:
            watcher.resume(state.watched)
            if state.update == 0:
                self._look(watcher, total)
        while state.update < total and not self._ended():
            self._norms = {} if watcher is not None and watcher.wants_norms(state.update + 1) else None
            self._update(state.update, total, time.monotonic() - started)
            state.update += 1
            if watcher is not None:
                self._look(watcher, total)
            self._note(progress)
            if score is not None and state.update in checks and not self._ended_by_divergence():
                self._check(score)
            state.seconds = time.monotonic() - started
            if self._config.max_seconds is not None and state.seconds >= self._config.max_seconds:
                state.reason = state.reason or "max_seconds"
            due = state.update % self._config.checkpoint_every == 0
            if checkpoint is not None and (due or self._ended() or state.update == total):
                state.watched = state.watched if watcher is None else watcher.to_state()
                self._save(checkpoint)
        return self._conclude(score)

    def _look(self, watcher: Watcher, total: int) -> None:
        """Let the watcher look on, and end where it says so."""
        state = self._state
        losses = {name: values[-1] for name, values in self._losses.items() if values}
        step = Step(
            state.update,
            total,
            losses=lambda: {name: float(value) for name, value in losses.items()},
            norms={name: float(value) for name, value in (self._norms or {}).items()},
            averaged=self._averaged,
        )
        reason = watcher.look(step)
        # After the last update nothing is left to go on with.
        state.reason = "" if reason == PAUSED and state.update == total else reason

    def _ended(self) -> bool:
        """Whether there is a reason to stop."""
        return bool(self._state.reason)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the sampler hold the averaged weights for the length of a `with` block."""
        own = _swap(self._sampler, self._average)
        try:
            yield
        finally:
            _swap(self._sampler, own)

    def _ended_by_divergence(self) -> bool:
        """Whether a watcher has ended a training whose averaged weights are not finite."""
        return self._ended() and not _finite(self._average)

    def _require_no_reads(self, score: Score | None, checkpoint: Checkpoint | None) -> None:
        """Refuse what would read, or keep, private rows beside the noised gradients that are paid for."""
        if not self._rows.private:
            return
        if checkpoint is not None:
            raise CheckpointError(
                "a private training is not gone on with: its noise would be drawn twice, or its rows paid "
                "for twice. Give no checkpoint, or train without differential privacy"
            )
        if score is not None:
            raise ConfigError(
                "a private training takes no score: it would read rows that nothing paid for. "
                "Set validation_share to 0"
            )

    def _update(self, update: int, total: int, seconds: float) -> None:
        """One round of the schedule, then a step of the average."""
        done = update / total
        # Private phases start and end when the ledger was told that they do, whatever the clock says.
        if self._config.max_seconds is not None and not self._rows.private:
            done = max(done, min(1.0, seconds / self._config.max_seconds))
        share = _LAST_SHARE + (1 - _LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
        for phase in self._schedule:
            set_learning_rate(self._optimizers[phase.name], phase.learning_rate * self._pace * share)
        phases = phases_at(self._schedule, done)
        # A recorded round has no norms to give: where they are asked for, it runs as it is.
        if self._recorded is None or self._norms is not None:
            losses = self._round(phases, done)
        else:
            losses = self._recorded(self._round, phases, done)
        for name, loss in losses.items():
            self._losses.setdefault(name, []).append(loss)
        # The average is short at first, or the random start would stay in it (Adam-style warm-up).
        decay = min(self._config.ema_decay, (1 + update) / (10 + update))
        _move(self._average, self._sampler.state_dict(), 1 - decay)

    def _round(self, phases: tuple[Phase, ...], done: float) -> Losses:
        """Let phases move their parameters in turn; return their losses, as far as they may leave."""
        losses: dict[str, Tensor] = {}
        batch = self._config.batch_for(len(self._rows))
        for phase in phases:
            inputs = phase.draw(batch, done, self._rng)
            if phase.reads_rows:
                shown = self._rows.show(phase, inputs, n=batch, progress=done, rng=self._rng)
                inputs = {**inputs, **shown}
            gradients = self._gradient(phase, inputs)
            if self._norms is not None:
                self._norms[phase.name] = gradients.norm()
            for parameter, value in zip(phase.module.parameters(), gradients.values, strict=True):
                parameter.grad = value
            self._optimizers[phase.name].step()
            if gradients.loss is not None:
                losses[phase.name] = gradients.loss
        return losses

    def _note(self, progress: Progress) -> None:
        """Write down the losses of a window, and tell the watcher."""
        state = self._state
        if state.update % _LOSS_WINDOW:
            return
        losses = {name: float(torch.stack(values).mean()) for name, values in self._losses.items()}
        self._losses = {}
        if not all(math.isfinite(value) for value in losses.values()):
            if state.reason:
                # A watcher saw it first, and has ended the training with what was kept.
                return
            raise TrainingError(
                f"training diverged at update {state.update}: a loss is not finite. "
                "Lower learning_rate in the model's settings, or set training.precision to 'float32'"
            )
        state.history.add(state.update, losses)
        facts = losses if state.score is None else {**losses, "score": state.score}
        progress.advance(state.update, **facts)

    def _check(self, score: Score) -> None:
        """Score the average, keep it unless it is worse than the best so far, stop when patience is out."""
        state = self._state
        with self._averaged():
            scores = score()
        mean = float(scores.mean())
        state.history.add(state.update, {"score": mean})
        if state.best_score is None or mean < state.best_score:
            state.best_score, state.best_rows = mean, scores
        if _worse(scores, state.best_rows):
            state.waited += 1
            if self._config.patience is not None and state.waited >= self._config.patience:
                # A training that is over cannot be paused.
                state.reason = ALERT if state.reason == ALERT else "patience"
        else:
            state.score, state.chosen, state.waited = mean, state.update, 0
            state.kept = {name: tensor.clone() for name, tensor in self._average.items()}

    def _conclude(self, score: Score | None) -> Outcome:
        """Put the kept average, or without checks the last one, into the sampler."""
        state = self._state
        if self._recorded is not None:
            self._recorded.close()
        if not state.kept and not _finite(self._average):
            raise TrainingError(
                f"training diverged by update {state.update}, before any moment of it was kept. "
                "Lower learning_rate in the model's settings, or set training.precision to 'float32'"
            )
        if score is not None and not state.kept:
            # The time was out before the first check: the last weights are all there is.
            self._check(score)
        chosen = state.chosen if state.kept else state.update
        _swap(self._sampler, state.kept or self._average)
        reason = state.reason or "finished"
        return Outcome(state.update, chosen, state.score, reason, state.history, state.watched)

    def _save(self, checkpoint: Checkpoint) -> None:
        tensors = {
            "average": self._average,
            "kept": self._state.kept,
            "best": {"rows": torch.from_numpy(self._state.best_rows)},
            "rng": {"state": self._rng.get_state()},
        }
        for name, module in self._modules.items():
            tensors[f"module-{name}"] = module.state_dict()
            tensors[f"optimizer-{name}"] = flatten(self._optimizers[name])
        losses = {name: [float(value) for value in values] for name, values in self._losses.items()}
        checkpoint.save(self._state, losses, tensors)

    def _restore(self, checkpoint: Checkpoint) -> None:
        found = checkpoint.load()
        if found is None:
            return
        self._state, losses, tensors = found
        allowed = self._config.max_seconds or math.inf
        if self._state.reason == "max_seconds" and self._state.seconds < allowed:
            # It was given more time since: it goes on.
            self._state.reason = ""
        if self._state.reason == PAUSED:
            self._state.reason = ""
        device = self._rng.device
        self._losses = {
            name: [torch.tensor(value, device=device) for value in values] for name, values in losses.items()
        }
        self._average = {name: value.to(device) for name, value in tensors["average"].items()}
        self._rng.set_state(tensors["rng"]["state"])
        for name, module in self._modules.items():
            module.load_state_dict(tensors[f"module-{name}"])
            unflatten(self._optimizers[name], tensors[f"optimizer-{name}"])


def phases_at(schedule: tuple[Phase, ...], done: float) -> tuple[Phase, ...]:
    """Return the phases that take part in an update, given the share of the training before it."""
    return tuple(phase for phase in schedule if phase.window[0] <= done < phase.window[1])


def _check_points(total: int, checks: int) -> frozenset[int]:
    """Updates after which the score is taken: evenly from the first quarter on, the last one included."""
    first = _FIRST_CHECK * total
    step = (total - first) / checks
    return frozenset(max(1, round(first + step * (k + 1))) for k in range(checks))


def _worse(scores: npt.NDArray[np.float64], best: npt.NDArray[np.float64]) -> bool:
    """Whether the mean of `scores` is above that of `best` by more than chance explains."""
    apart = scores - best
    error = apart.std(ddof=1) / math.sqrt(len(apart)) if len(apart) > 1 else 0.0
    return bool(apart.mean() > _WORSE * error)


@torch.no_grad()
def _move(average: dict[str, Tensor], towards: dict[str, Tensor], share: float) -> None:
    """Move every floating-point entry of `average` a share of the way."""
    names = [name for name, value in towards.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in names], [towards[name] for name in names], share)


def _finite(tensors: dict[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in tensors.values())


@torch.no_grad()
def _swap(module: nn.Module, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Load `values` into a module and return what it held."""
    held = {name: value.clone() for name, value in module.state_dict().items()}
    module.load_state_dict(values)
    return held
