"""From the raw outputs of a network to rows of the table: draws, gates, likelihoods, all columns at once."""

from __future__ import annotations

from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.schema.layout import Encoded, Layout, PartKind

#: Uniform draws are kept this far from 0 and 1, so that their logarithms stay finite in float32.
_EDGE: Final = 1e-6


@final
class Heads(nn.Module):
    """Reads raw outputs of shape (n, width) as the parts of a layout.

    All categorical parts are handled as one padded block and all gates as one gather per level, so that the
    cost does not grow with the number of columns.
    """

    continuous: Tensor
    bits: Tensor
    discrete: Tensor
    grid: Tensor
    padding: Tensor
    gate: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.width = layout.width
        categorical = layout.of_kind("categorical")
        widest = max((part.width for part in categorical), default=0)
        grid = torch.full((len(categorical), widest), self.width)
        for row, part in enumerate(categorical):
            grid[row, : part.width] = torch.arange(part.start, part.stop)
        # One position past the row stands for "nothing": padding reads from it and open gates point at it.
        gate = torch.full((self.width,), self.width)
        for part in layout.parts:
            if part.gate is not None:
                gate[part.start : part.stop] = layout.parts[part.gate[0]].start + part.gate[1]
        self.levels = _gate_levels(layout)
        self.register_buffer("continuous", _positions(layout, "continuous"), persistent=False)
        self.register_buffer("bits", _positions(layout, "bits"), persistent=False)
        # Positions of all categories and bits, in the order in which `choose` finds them in a row.
        discrete = torch.cat([_positions(layout, "categorical"), _positions(layout, "bits")])
        self.register_buffer("discrete", discrete, persistent=False)
        self.register_buffer("grid", grid, persistent=False)
        self.register_buffer("padding", grid == self.width, persistent=False)
        self.register_buffer("gate", gate, persistent=False)

    def noise(self, n: int, rng: torch.Generator) -> Float[Tensor, "n width"]:
        """Draw the uniform noise that one call of `choose` uses."""
        return torch.rand(n, self.width, generator=rng, device=rng.device)

    def choose(
        self, raw: Float[Tensor, "n width"], noise: Float[Tensor, "n width"], *, temperature: float
    ) -> Float[Tensor, "n width"]:
        """Draw hard rows, with the gradients of soft ones.

        Categories by the Gumbel-max draw with straight-through gradients of the softmax at `temperature`
        (Jang, Gu and Poole 2017, arXiv:1611.01144), bits by its two-category form. The hard choice leaves a
        critic no "soft against one-hot" tell.

        Parameters
        ----------
        raw : Tensor (n, width)
            Values of continuous parts, logits of the others.
        noise : Tensor (n, width)
            Uniform draws, from `noise`.
        temperature : float
            Above 0; lower follows the hard choice more closely, with noisier gradients.
        """
        rows = torch.zeros_like(raw)
        rows = rows.index_copy(1, self.continuous, raw[:, self.continuous])
        uniform = noise.clamp(_EDGE, 1 - _EDGE)
        if self.grid.numel():
            gumbel = -torch.log(-torch.log(uniform))
            scores = self._blocks(raw + gumbel) / temperature
            soft = scores.softmax(dim=2)
            hard = torch.zeros_like(soft).scatter_(2, scores.argmax(dim=2, keepdim=True), 1.0)
            chosen = hard + (soft - soft.detach())
            rows = rows.index_copy(1, self.grid[~self.padding], chosen[:, ~self.padding])
        if self.bits.numel():
            logistic = torch.logit(uniform[:, self.bits])
            soft = torch.sigmoid((raw[:, self.bits] + logistic) / temperature)
            rows = rows.index_copy(1, self.bits, (soft > 0.5).float() + (soft - soft.detach()))
        return self.close_gates(rows)

    def close_gates(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """Multiply every gated position by the category that opens it, outer gates first."""
        for level in self.levels:
            positions = level.to(rows.device)
            opened = rows[:, positions] * rows[:, self.gate[positions]]
            rows = rows.index_copy(1, positions, opened)
        return rows

    def compact(self, rows: Float[Tensor, "n width"]) -> Encoded:
        """Read hard rows into the compact form that tables are held in."""
        n = rows.shape[0]
        codes = np.zeros((n, 0), dtype=np.int32)
        if self.grid.numel():
            share, chosen = self._blocks(rows, fill=0.0).max(dim=2)
            codes = torch.where(share > 0.5, chosen, -1).int().cpu().numpy()
        continuous = rows[:, self.continuous].float().cpu().numpy()
        bits = (rows[:, self.bits] > 0.5).to(torch.uint8).cpu().numpy()
        return Encoded(self.layout, continuous, codes, bits)

    def log_likelihood(
        self,
        raw: Float[Tensor, "n width"],
        log_scale: Float[Tensor, "n columns"],
        rows: Float[Tensor, "n width"],
    ) -> Float[Tensor, " n"]:
        """Log-likelihood of rows: normal, categorical and Bernoulli parts; shut parts count nothing.

        Parameters
        ----------
        raw : Tensor (n, width)
            Means of continuous parts, logits of the others.
        log_scale : Tensor (n, continuous parts)
            Log standard deviation of each continuous part.
        rows : Tensor (n, width)
            The rows to explain.
        """
        is_open = self._open(rows)
        total = torch.zeros(rows.shape[0], device=rows.device, dtype=rows.dtype)
        if self.continuous.numel():
            z = (rows[:, self.continuous] - raw[:, self.continuous]) * torch.exp(-log_scale)
            total = total - ((0.5 * z.square() + log_scale) * is_open[:, self.continuous]).sum(dim=1)
        if self.grid.numel():
            log_p = self._blocks(raw).log_softmax(dim=2).masked_fill(self.padding, 0.0)
            total = total + (log_p * self._blocks(rows, fill=0.0)).sum(dim=(1, 2))
        if self.bits.numel():
            bce = nn.functional.binary_cross_entropy_with_logits(
                raw[:, self.bits], rows[:, self.bits], reduction="none"
            )
            total = total - (bce * is_open[:, self.bits]).sum(dim=1)
        return total

    def _blocks(self, values: Tensor, *, fill: float = float("-inf")) -> Tensor:
        """Categorical positions as (n, parts, widest part), padded with `fill`."""
        padded = torch.cat([values, values.new_full((values.shape[0], 1), fill)], dim=1)
        return padded[:, self.grid]

    def _open(self, rows: Tensor) -> Tensor:
        """1 where a position's gate is open in `rows`, shape (n, width)."""
        padded = torch.cat([rows, rows.new_ones(rows.shape[0], 1)], dim=1)
        return padded[:, self.gate]


def _positions(layout: Layout, kind: PartKind) -> Tensor:
    """Positions of all parts of a kind in the encoded row."""
    spans = [torch.arange(part.start, part.stop) for part in layout.of_kind(kind)]
    return torch.cat(spans) if spans else torch.zeros(0, dtype=torch.long)


def _gate_levels(layout: Layout) -> list[Tensor]:
    """Gated positions by depth: those behind an open part first, then those behind gated ones."""
    depth: list[int] = []
    for part in layout.parts:
        depth.append(0 if part.gate is None else depth[part.gate[0]] + 1)
    levels = []
    for level in range(1, max(depth, default=0) + 1):
        spans = [
            torch.arange(part.start, part.stop)
            for part, d in zip(layout.parts, depth, strict=True)
            if d == level
        ]
        levels.append(torch.cat(spans))
    return levels
