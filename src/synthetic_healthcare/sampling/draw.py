"""Draw rows from a model, in chunks of constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import nn

from synthetic_healthcare.models._base import GenerativeModel
from synthetic_healthcare.schema.layout import Encoded

#: Rows in a chunk: small enough for any memory, large enough that the cost of a call does not show.
CHUNK: Final = 32_768


def draw(model: GenerativeModel, n: int, *, seed: int) -> Iterator[Encoded]:
    """Draw `n` encoded rows, chunk by chunk, without gradients and in evaluation mode.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    n : int
        Rows, in all.
    seed : int
        Equal seeds give equal rows; each chunk has a stream of its own.
    """
    ready_to_sample(model)
    for number, start in enumerate(range(0, n, CHUNK)):
        with torch.inference_mode():
            yield model.sample(min(CHUNK, n - start), rng=chunk_stream(model, seed, number))


def ready_to_sample(model: GenerativeModel) -> None:
    """Switch a network to evaluation mode."""
    if isinstance(model, nn.Module):
        model.eval()


def chunk_stream(model: GenerativeModel, seed: int, chunk: int) -> torch.Generator:
    """Return the stream of one chunk of a seed, on the model's device."""
    device = next(model.parameters()).device if isinstance(model, nn.Module) else torch.device("cpu")
    state = int(np.random.SeedSequence([seed, chunk]).generate_state(1, np.uint64)[0])
    # manual_seed takes a signed number of 64 bits.
    return torch.Generator(device).manual_seed(state >> 1)
