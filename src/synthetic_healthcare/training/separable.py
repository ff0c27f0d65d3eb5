"""Whether a row's loss and gradient are its own: what a model needs to be trained privately.

It is found out by trying, on made-up rows, when a run is built: no patient is read for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from synthetic_healthcare.errors import NotPrivatizableError
from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.phases import FAKE, ROW, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.clipping import GhostError, Term, entries, ghost_sum, written_sum

#: Made-up rows and fakes of a trial: not as many of one as of the other.
_ROWS, _FAKES = 7, 5
#: Relative difference that float32 explains.
_CLOSE: Final = 1e-3
_MOMENTS: Final = (0.0, 0.5)
_SEED: Final = 0


def made_up(layout: Layout, n: int) -> Encoded:
    """Make rows of a layout up from chance alone; gates hold."""
    rng = np.random.default_rng(_SEED)
    continuous = rng.normal(size=(n, len(layout.of_kind("continuous")))).astype(np.float32)
    codes = np.full((n, len(layout.of_kind("categorical"))), -1, dtype=np.int32)
    bits = np.zeros((n, sum(part.width for part in layout.of_kind("bits"))), dtype=np.uint8)
    for part in layout.parts:
        opened = np.ones(n, dtype=bool)
        if part.gate is not None:
            opened = codes[:, layout.parts[part.gate[0]].store] == part.gate[1]
        if part.kind == "categorical":
            codes[opened, part.store] = rng.integers(0, part.width, opened.sum())
        elif part.kind == "continuous":
            continuous[~opened, part.store] = 0.0
        else:
            span = slice(part.store, part.store + part.width)
            bits[opened, span] = rng.integers(0, 2, (int(opened.sum()), part.width))
    return Encoded(layout, continuous, codes, bits)


def rows_are_separable(model: TrainedModel, rows: Encoded) -> bool:
    """Say whether no row's loss changes with its neighbours, in any phase that reads rows.

    Parameters
    ----------
    model : TrainedModel
        Its weights are left as they are; on any device.
    rows : Encoded (n,)
        At least two rows to try it with; made up, where privacy is asked for.
    """
    return all(_coupled(phase, rows, model) is None for phase in _reading(model.schedule()))


def require_separable(model: TrainedModel, schedule: tuple[Phase, ...]) -> frozenset[Phase]:
    """Refuse a model whose rows cannot be told apart; say whose gradients have to be written out.

    Parameters
    ----------
    model : TrainedModel
        The model.
    schedule : tuple of Phase
        Its phases.

    Returns
    -------
    frozenset of Phase
        Those whose gradients `ghost_sum` does not give.

    Raises
    ------
    NotPrivatizableError
        A row's loss changes with its neighbours, or gradients cannot be had row by row.
    """
    rows = made_up(model.layout, _ROWS)
    written = set()
    for phase in _reading(schedule):
        problem = _coupled(phase, rows, model)
        if problem is not None:
            raise NotPrivatizableError(model.name, phase.name, problem, model.config.separable)
        if not all(_ghosts_are_exact(phase, inputs) for inputs in _trials(phase, rows, model)):
            _require_writable(phase, next(_trials(phase, rows, model)), model)
            written.add(phase)
    return frozenset(written)


def _reading(schedule: tuple[Phase, ...]) -> Iterator[Phase]:
    return (phase for phase in dict.fromkeys(schedule) if phase.reads_rows)


def _trials(phase: Phase, rows: Encoded, model: TrainedModel) -> Iterator[dict[str, Tensor]]:
    """Inputs of a phase at several moments."""
    for progress in _MOMENTS:
        yield _inputs(phase, rows, model, progress)


def _inputs(phase: Phase, rows: Encoded, model: TrainedModel, progress: float) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    rng = torch.Generator(device).manual_seed(_SEED)
    free = phase.draw(_FAKES, progress, rng)
    everything = Rows(rows, device).take(torch.arange(len(rows), device=device))
    beside = phase.draw_rows(everything, free, progress, rng)
    return {**free, **beside}


def _coupled(phase: Phase, rows: Encoded, model: TrainedModel) -> str | None:
    """What couples a row to others, in words; `None` where nothing does."""
    trials = ((progress, row) for progress in _MOMENTS for row in (0, len(rows) - 1))
    found = (_coupled_to(phase, rows, model, progress=progress, row=row) for progress, row in trials)
    return next((problem for problem in found if problem is not None), None)


def _coupled_to(phase: Phase, rows: Encoded, model: TrainedModel, *, progress: float, row: int) -> str | None:
    """What couples one row, the first or the last, to the others."""
    n = len(rows)
    # All others are changed, and not into each other: what is averaged over a batch would stay as it is.
    others = rows.take(np.where(np.arange(n) == row, row, n - 1 - row))
    first, second = (_inputs(phase, each, model, progress) for each in (rows, others))
    for name, value in first.items():
        if not name.startswith(ROW) and not torch.equal(value, second[name]):
            return f"what it makes up ({name!r}) changes with the real rows"
        if name.startswith(ROW) and (value.shape[0] != n or not torch.equal(value[row], second[name][row])):
            return f"what it puts beside a row ({name!r}) changes with other rows"
    half = slice(0, n // 2 + 1) if row == 0 else slice(n // 2, n)
    fewer = {name: value[half] if name.startswith(ROW) else value for name, value in first.items()}
    with torch.no_grad():
        losses = [phase.row_loss(phase.module, inputs) for inputs in (first, second, fewer)]
    own = [loss[0 if row == 0 else -1] for loss in losses if loss is not None and loss.ndim == 1]
    if len(own) < len(losses):
        return "its loss is not one number a row"
    if not torch.allclose(torch.stack(own), own[0].expand(len(own)), rtol=_CLOSE, atol=_CLOSE):
        return "a row's loss changes with the other rows of its batch"
    return None


def _ghosts_are_exact(phase: Phase, inputs: Inputs) -> bool:
    """Whether the quick way gives what row by row gives, clipped and not."""
    return all(
        _same(phase, term, inputs, prefix=prefix, clip_norm=clip_norm)
        for term, prefix in _terms(phase, inputs)
        for clip_norm in (float("inf"), 0.1)
    )


def _terms(phase: Phase, inputs: Inputs) -> list[tuple[Term, str]]:
    terms: list[tuple[Term, str]] = [(phase.row_loss, ROW)]
    return [*terms, (phase.fake_loss, FAKE)] if entries(inputs, FAKE) else terms


def _same(phase: Phase, term: Term, inputs: Inputs, *, prefix: str, clip_norm: float) -> bool:
    try:
        quick = ghost_sum(phase.module, term, inputs, prefix=prefix, clip_norm=clip_norm)
    except (GhostError, RuntimeError, ValueError, TypeError, IndexError):
        # Loose parameters may not spread over the rows: shapes then do not fit, however that is told.
        return False
    slow = _row_by_row(phase, term, inputs, prefix=prefix, clip_norm=clip_norm)
    return all(
        torch.allclose(a, b, rtol=_CLOSE, atol=_CLOSE * float(b.abs().max().clamp(min=1e-3)))
        for a, b in zip(quick, slow, strict=True)
        if b.numel()
    )


def _row_by_row(phase: Phase, term: Term, inputs: Inputs, *, prefix: str, clip_norm: float) -> list[Tensor]:
    """Clipped sum by one plain gradient a row: slow, and right beyond doubt."""
    parameters = list(phase.module.parameters())
    total = [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters]
    for row in range(entries(inputs, prefix)):
        one = {k: v[row : row + 1] if k.startswith(prefix) else v for k, v in inputs.items()}
        loss = term(phase.module, one)
        assert loss is not None
        found = torch.autograd.grad(loss.sum(), parameters, materialize_grads=True)
        length = float(torch.stack([value.square().sum() for value in found]).sum().sqrt())
        scale = min(1.0, clip_norm / length) if length else 1.0
        for sum_, value in zip(total, found, strict=True):
            sum_ += scale * value
    return total


def _require_writable(phase: Phase, inputs: Inputs, model: TrainedModel) -> None:
    """Refuse a phase whose gradients cannot be written out row by row either."""
    for term, prefix in _terms(phase, inputs):
        arguments: dict[str, Any] = {"prefix": prefix, "clip_norm": 0.1}
        try:
            found = written_sum(phase.module, term, inputs, **arguments)
        except RuntimeError as problem:
            reason = f"its gradients cannot be had row by row ({str(problem).splitlines()[0]})"
            raise NotPrivatizableError(model.name, phase.name, reason, model.config.separable) from problem
        right = _row_by_row(phase, term, inputs, **arguments)
        assert all(torch.allclose(a, b, rtol=_CLOSE, atol=_CLOSE) for a, b in zip(found, right, strict=True))
