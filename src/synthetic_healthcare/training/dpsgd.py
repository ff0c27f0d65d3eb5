"""`DPSGD`: gradients that are differentially private (Abadi et al. 2016, arXiv:1607.00133).

Only a phase's row term reads patients. Each row's gradient of it is clipped to one length, the clipped ones
are summed, noise is added once, and the sum is divided by the number of rows that was expected. The other
terms see generated rows and weights that are released already: they cost nothing and get no noise.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import final

import torch
from torch import Tensor

from synthetic_healthcare.errors import BudgetExceededError
from synthetic_healthcare.phases import FAKE, ROW, Inputs, Phase
from synthetic_healthcare.training.clipping import Term, entries, ghost_sum, written_sum
from synthetic_healthcare.training.gradients import PlainGradient, StepGradients
from synthetic_healthcare.training.plan import PrivatePlan
from synthetic_healthcare.training.secrets import Secrets


@final
class DPSGD:
    """Clips, noises and counts.

    Noise is drawn in floating point, as everywhere in deep learning: its guarantee is that of real numbers
    (Mironov 2012, doi:10.1145/2382196.2382264, says what could be read off the low bits of one release).

    Parameters
    ----------
    plan : PrivatePlan
        What was paid for.
    secrets : Secrets
        Draw the noise.
    device : torch.device
        Of the parameters.
    written : collection of Phase
        Those whose gradients have to be written out row by row (`separable.written_out`).
    """

    def __init__(
        self, plan: PrivatePlan, secrets: Secrets, *, device: torch.device, written: Collection[Phase] = ()
    ) -> None:
        self._plan = plan
        self._rng = secrets.tensors("noise", device)
        self._written = frozenset(written)
        self._plain = PlainGradient()
        #: Noised steps so far.
        self.steps = 0

    def __call__(self, phase: Phase, inputs: Inputs) -> StepGradients:
        """Compute the gradients of a phase; of one that reads rows no loss leaves the step.

        Raises
        ------
        BudgetExceededError
            More steps would be noised than were paid for; no gradient was computed.
        """
        if not phase.reads_rows:
            return self._plain(phase, inputs)
        if self.steps >= self._plan.times:
            raise BudgetExceededError(
                f"phase {phase.name!r}: all {self._plan.times} steps that were paid for are done; no patient "
                "was read. The plan belongs to another schedule or length"
            )
        self.steps += 1
        parameters = list(phase.module.parameters())
        values = self._noised(self.clipped_sum(phase, inputs))
        torch._foreach_div_(values, self._plan.expected_batch)
        fakes = entries(inputs, FAKE)
        if fakes:
            pulled = self._clipped(phase, phase.fake_loss, inputs, FAKE)
            torch._foreach_add_(values, pulled, alpha=1 / fakes)
        free = phase.free_loss(phase.module, inputs)
        if free is not None:
            slopes = torch.autograd.grad(self._weight * free, parameters, materialize_grads=True)
            torch._foreach_add_(values, slopes)
        return StepGradients(tuple(values), None)

    def clipped_sum(self, phase: Phase, inputs: Inputs) -> list[Tensor]:
        """Sum the clipped gradients of the rows; secret: it has no noise yet. Zeros of an empty sample."""
        if not entries(inputs, ROW):
            return [torch.zeros_like(p, requires_grad=False) for p in phase.module.parameters()]
        return self._clipped(phase, phase.row_loss, inputs, ROW)

    @property
    def _weight(self) -> float:
        """What the free term counts: the others were shortened to the bound, and it follows them."""
        return 1.0 if math.isinf(self._plan.clip_norm) else self._plan.clip_norm

    def _clipped(self, phase: Phase, term: Term, inputs: Inputs, prefix: str) -> list[Tensor]:
        way = written_sum if phase in self._written else ghost_sum
        return way(phase.module, term, inputs, prefix=prefix, clip_norm=self._plan.clip_norm)

    def _noised(self, total: list[Tensor]) -> list[Tensor]:
        if self._plan.multiplier == 0:
            return total
        deviation = self._plan.deviation
        return [
            value.add_(
                torch.randn(value.shape, generator=self._rng, device=value.device, dtype=value.dtype),
                alpha=deviation,
            )
            for value in total
        ]
