"""Draw rows from a trained model, in chunks of constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch

from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.schema.layout import Encoded, collapse

#: Rows in a chunk: small enough for any memory, large enough that the cost of a call does not show.
CHUNK: Final = 16_384


def draw(model: TrainedModel, n: int, *, rng: torch.Generator) -> Iterator[Encoded]:
    """Draw `n` encoded rows, chunk by chunk, without gradients and in evaluation mode.

    Parameters
    ----------
    model : TrainedModel
        Trained.
    n : int
        Rows, in all.
    rng : torch.Generator
        On the model's device.
    """
    model.eval()
    for start in range(0, n, CHUNK):
        with torch.inference_mode():
            rows = model.sample(min(CHUNK, n - start), rng=rng)
        yield collapse(model.layout, rows.float().cpu().numpy())
