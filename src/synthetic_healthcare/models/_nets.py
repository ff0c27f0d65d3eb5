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


@final
class ConcatPerceptron(nn.Module):
    """A perceptron whose every layer sees all that came before it, its inputs included (Xu et al. 2019, 4.4).

    # DIFF: the paper normalises each layer over the batch; this one is not normalised, so that a drawn row
    depends on no other row, in training as in use.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        widths = [inputs]
        for size in hidden:
            widths.append(widths[-1] + size)
        self.hidden = nn.ModuleList(
            [nn.Linear(width, size) for width, size in zip(widths, hidden, strict=False)]
        )
        self.last = nn.Linear(widths[-1], outputs)

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n outputs"]:
        """Map `x`."""
        for layer in self.hidden:
            x = torch.cat([nn.functional.silu(layer(x)), x], dim=1)
        return torch.as_tensor(self.last(x))


@final
class ShortcutPerceptron(nn.Module):
    """Layers of one width with shortcuts past each of them, normalised (Choi et al. 2017, 3.3).

    Normalisation is over the batch in training, as in the paper, and by its running averages in use: there
    a drawn row depends on no other row.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in range(layers)])

    def forward(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """Map `x`."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + torch.relu(norm(layer(x)))
        return x
