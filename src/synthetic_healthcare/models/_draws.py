"""Draws that several models make."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pick(cumulative: Float[Tensor, "n k"], rng: torch.Generator) -> Int[Tensor, " n"]:
    """Draw one index a row from cumulative weights; one of no weight is never drawn.

    Several times as fast as `torch.multinomial`, which prepares for draws without replacement.
    """
    uniform = torch.rand(cumulative.shape[0], 1, generator=rng, device=rng.device)
    # Kept below the last sum, which rounding could reach.
    point = uniform * (1 - 1e-6) * cumulative[:, -1:]
    return torch.searchsorted(cumulative.contiguous(), point, right=True).squeeze(1)
