"""`Phase`: one parameter update, split where differential privacy needs the split.

A training step of any model is a tuple of phases. Each phase says which parameters move and gives its loss
in two terms: `row_loss`, which reads real rows, one number a row; and `free_loss`, which sees only generated
rows and weights that are already released, so that under differential privacy it is post-processing. All
randomness is drawn beforehand in `draw`: the losses are pure functions of their inputs, so that a gradient
computer may call them once for a batch or once for each row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

#: Runs the phase's module: `call(x, ...)`, perhaps with parameters other than those that it holds.
Call = Callable[..., Tensor]
#: Named tensors. A name that starts with "row_" has one entry a real row along dimension 0.
Inputs = Mapping[str, Tensor]


class Phase(ABC):
    """One parameter update of one module."""

    #: Short name, shown beside the loss ("critic", "generator", "vae").
    name: str
    #: The parameters that move.
    module: nn.Module
    #: Whether `draw` needs real rows.
    reads_rows: bool
    #: Adam's step size, betas and weight decay.
    learning_rate: float
    betas: tuple[float, float]
    weight_decay: float
    #: Share of the training, from and to, in which the phase takes part (a pre-training ends, say, at 0.25).
    window: tuple[float, float] = (0.0, 1.0)

    def weigh(self, rows: Tensor) -> Tensor | None:
        """Say how often each real row is to be drawn, in proportion, shape (n,); `None`: all alike.

        Asked once, before the training, with all rows in portions. Under differential privacy rows are drawn
        alike whatever it says, so the phase's losses may not count on it.
        """
        return None

    @abstractmethod
    def draw(self, rows: Tensor | None, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        """Draw all randomness and all fakes of the update.

        Parameters
        ----------
        rows : Tensor (n, width) or None
            Encoded real rows, `None` where `reads_rows` is false.
        n : int
            Batch size.
        progress : float
            Share of the training that is done, 0 to 1 (for warm-ups).
        rng : torch.Generator
            The only source of randomness.
        """

    def row_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Return the term that reads real rows, shape (n,), one number a row; `None` where there is none."""
        return None

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Return the term that reads no real row, a scalar; `None` where there is none."""
        return None
