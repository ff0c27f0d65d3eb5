"""Small networks that several models share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


def perceptron(
    inputs: int, hidden: Sequence[int], outputs: int, *, activation: Callable[[], nn.Module] = nn.SiLU
) -> nn.Sequential:
    """Stack linear layers with an activation between them; no normalisation, so rows never mix."""
    layers: list[nn.Module] = []
    width = inputs
    for size in hidden:
        layers += [nn.Linear(width, size), activation()]
        width = size
    layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers)


@final
class SkipPerceptron(nn.Module):
    """A perceptron beside a plain linear map, summed: with few rows it starts as a linear factor model."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.curved = perceptron(inputs, hidden, outputs)

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n outputs"]:
        """Map `x`."""
        return torch.as_tensor(self.linear(x) + self.curved(x))
