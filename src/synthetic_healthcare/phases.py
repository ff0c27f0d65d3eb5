"""`Phase`: one parameter update, split where differential privacy needs the split.

A training step of any model is a tuple of phases. Each phase says which parameters move and gives its loss
in three terms: `row_loss`, which reads real rows, one number a row; `fake_loss`, one number a generated row;
and `free_loss`, what else there is. The last two see only generated rows and weights that are already
released, so that under differential privacy they are post-processing. All randomness is drawn beforehand, in
`draw` and `draw_rows`: the losses are pure functions of their inputs, so that a gradient computer may call
them once for a batch or once for each row.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

#: Runs the phase's module: `call(x, ...)`, perhaps with parameters other than those that it holds.
Call = Callable[..., Tensor]
#: Named tensors. Along dimension 0, a name that starts with `ROW` has one entry a real row, and one that
#: starts with `FAKE` one entry a generated row.
Inputs = Mapping[str, Tensor]
ROW: Final = "row_"
FAKE: Final = "fake_"


class Phase(ABC):
    """One parameter update of one module."""

    #: Short name, shown beside the loss ("critic", "generator", "vae").
    name: str
    #: The parameters that move.
    module: nn.Module
    #: Whether it has a row term.
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

    def draw(self, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        """Draw the fakes, and all randomness that belongs to no single real row.

        Parameters
        ----------
        n : int
            Fakes, where there are such: the batch size.
        progress : float
            Share of the training that is done, 0 to 1 (for warm-ups).
        rng : torch.Generator
            The only source of randomness.
        """
        return {}

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Draw what stands beside the real rows; every name starts with `ROW`.

        Under differential privacy their number is drawn too and may be 0, and the noise of a row is drawn
        apart from the noise of others: an entry may depend on its own row, on `free` and on chance alone.

        Parameters
        ----------
        rows : Tensor (n, width)
            Encoded real rows.
        free : Mapping
            What `draw` gave.
        progress : float
            Share of the training that is done, 0 to 1.
        rng : torch.Generator
            The only source of randomness.
        """
        return {}

    def row_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Return the term that reads real rows, shape (n,), one number a row; `None` where there is none."""
        return None

    def fake_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Return the term of generated rows that answers the row term, shape (n,), one number each.

        Under differential privacy each of them may pull as far as a real row may, and no further.
        """
        return None

    def free_loss(self, call: Call, inputs: Inputs) -> Tensor | None:
        """Return what else reads no real row, a scalar; `None` where there is none."""
        return None
