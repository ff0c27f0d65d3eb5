"""From a phase to its gradients: the one place where plain and private training differ."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor, nn

from synthetic_healthcare.phases import Inputs, Phase


@dataclass(frozen=True)
class StepGradients:
    """Gradients of one update.

    Parameters
    ----------
    values : tuple of Tensor
        One for each parameter of the phase's module, in its order.
    loss : Tensor or None
        The loss (a scalar), where it may leave the step.
    """

    values: tuple[Tensor, ...]
    loss: Tensor | None

    def norm(self) -> Tensor:
        """Euclidean norm of all gradients together, a scalar."""
        return torch.stack([torch.linalg.vector_norm(value) for value in self.values]).square().sum().sqrt()


class GradientComputer(Protocol):
    """Turns a phase and its inputs into gradients."""

    def __call__(self, phase: Phase, inputs: Inputs) -> StepGradients:
        """Compute the gradients of the mean row term, the mean fake term and the free term, summed."""


@final
class PlainGradient:
    """Backpropagation of the mean.

    Parameters
    ----------
    precision : str
        "float32", or "bf16" for mixed precision of the forward pass.
    """

    def __init__(self, precision: str = "float32") -> None:
        self._precision = precision

    def __call__(self, phase: Phase, inputs: Inputs) -> StepGradients:
        """Compute the gradients of the mean row term, the mean fake term and the free term, summed."""
        parameters = list(phase.module.parameters())
        with self._context(parameters):
            each = (phase.row_loss(phase.module, inputs), phase.fake_loss(phase.module, inputs))
            terms = [term.mean() for term in each if term is not None]
            free_loss = phase.free_loss(phase.module, inputs)
            if free_loss is not None:
                terms.append(free_loss)
            loss = torch.stack(terms).sum()
        # A parameter that a table has no use for (no numbers, no codes) has a zero gradient.
        values = torch.autograd.grad(loss, parameters, materialize_grads=True)
        return StepGradients(values, loss.detach())

    def _context(self, parameters: list[nn.Parameter]) -> AbstractContextManager[object]:
        if self._precision == "bf16":
            return torch.autocast(parameters[0].device.type, dtype=torch.bfloat16)
        return nullcontext()
