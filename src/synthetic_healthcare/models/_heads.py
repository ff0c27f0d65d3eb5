"""From the raw outputs of a network to rows of the table: draws, gates, likelihoods, all columns at once."""

from __future__ import annotations

import math
from typing import Any, Final, final

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

    Categorical parts of like width are handled as one block and all gates as one gather per level, so that
    the cost does not grow with the number of columns.
    """

    continuous: Tensor
    bits: Tensor
    discrete: Tensor
    is_continuous: Tensor
    gate: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.width = layout.width
        categorical = _positions(layout, "categorical")
        #: How many of the positions in `discrete` belong to categories; those of bits follow.
        self.categories = categorical.numel()
        # One position past the row stands for "nothing": open gates point at it.
        gate = torch.full((self.width,), self.width)
        for part in layout.parts:
            if part.gate is not None:
                gate[part.start : part.stop] = layout.parts[part.gate[0]].start + part.gate[1]
        self.blocks = _blocks(layout)
        self.levels = [_Gated(positions, gate[positions]) for positions in _gate_levels(layout)]
        # Registered as well, so that their buffers follow the module to its device.
        self._parts = nn.ModuleList([*self.blocks, *self.levels])
        self.register_buffer("continuous", _positions(layout, "continuous"), persistent=False)
        self.register_buffer("bits", _positions(layout, "bits"), persistent=False)
        # Positions of all categories and bits, in the order in which `choose` finds them in a row.
        discrete = torch.cat([categorical, self.bits])
        self.register_buffer("discrete", discrete, persistent=False)
        is_continuous = torch.zeros(self.width).index_fill(0, self.continuous, 1.0)
        self.register_buffer("is_continuous", is_continuous, persistent=False)
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
        if not self.discrete.numel():
            return self.close_gates(raw)
        uniform = noise.index_select(1, self.discrete).clamp(_EDGE, 1 - _EDGE)
        disturbance = -torch.log(-torch.log(uniform[:, : self.categories]))
        if self.bits.numel():
            logistic = torch.logit(uniform[:, self.categories :])
            disturbance = torch.cat([disturbance, logistic], dim=1)
        scores = raw + torch.zeros_like(noise).index_copy(1, self.discrete, disturbance)
        rows: Tensor = _HardChoice.apply(scores, self, temperature)  # type: ignore[no-untyped-call]
        return self.close_gates(rows)

    def close_gates(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """Multiply every gated position by the category that opens it, outer gates first."""
        for level in self.levels:
            opened = rows[:, level.positions] * rows[:, level.openers]
            rows = rows.index_copy(1, level.positions, opened)
        return rows

    def compact(self, rows: Float[Tensor, "n width"]) -> Encoded:
        """Read hard rows into the compact form that tables are held in."""
        codes = np.zeros((rows.shape[0], sum(block.stores.numel() for block in self.blocks)), dtype=np.int32)
        for block in self.blocks:
            share, chosen = block.read(rows, fill=0.0).max(dim=2)
            codes[:, block.stores.cpu().numpy()] = torch.where(share > 0.5, chosen, -1).int().cpu().numpy()
        continuous = rows[:, self.continuous].float().cpu().numpy()
        bits = (rows[:, self.bits] > 0.5).to(torch.uint8).cpu().numpy()
        return Encoded(self.layout, continuous, codes, bits)

    def log_share(
        self, raw: Float[Tensor, "n width"], wanted: Float[Tensor, "n width"]
    ) -> Float[Tensor, " n"]:
        """Log-probability, under the logits in `raw`, of the categories that are 1 in `wanted`.

        Parts in which `wanted` holds no category count nothing.
        """
        total = torch.zeros(raw.shape[0], device=raw.device, dtype=wanted.dtype)
        for block in self.blocks:
            log_p = block.read(raw, fill=float("-inf")).log_softmax(dim=2)
            if block.padding is not None:
                log_p = log_p.masked_fill(block.padding, 0.0)
            total = total + (log_p * block.read(wanted, fill=0.0)).sum(dim=(1, 2))
        return total

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
        if self.categories:
            total = total + self.log_share(raw, rows)
        if self.bits.numel():
            bce = nn.functional.binary_cross_entropy_with_logits(
                raw[:, self.bits], rows[:, self.bits], reduction="none"
            )
            total = total - (bce * is_open[:, self.bits]).sum(dim=1)
        return total

    def _open(self, rows: Tensor) -> Tensor:
        """1 where a position's gate is open in `rows`, shape (n, width)."""
        padded = torch.cat([rows, rows.new_ones(rows.shape[0], 1)], dim=1)
        return padded[:, self.gate]


@final
class _Block(nn.Module):
    """Categorical parts of like width, read as one tensor.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    chosen : tuple of int
        Which of its categorical parts, as numbered among these.
    widest : int
        Width of the block; narrower parts are padded.
    """

    starts: Tensor
    stores: Tensor
    positions: Tensor
    held: Tensor
    padding: Tensor | None

    def __init__(self, layout: Layout, chosen: tuple[int, ...], widest: int) -> None:
        super().__init__()
        parts = [layout.of_kind("categorical")[number] for number in chosen]
        starts = torch.tensor([part.start for part in parts])
        padding = torch.arange(widest) >= torch.tensor([[part.width] for part in parts])
        # Padding reads from the part's first position, and is filled over.
        positions = torch.where(padding, 0, torch.arange(widest)) + starts[:, None]
        self.widest = widest
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("stores", torch.tensor(chosen), persistent=False)
        self.register_buffer("positions", positions.flatten(), persistent=False)
        #: Where in the flattened block the real positions are, or none where all are.
        self.register_buffer("held", torch.nonzero(~padding.flatten())[:, 0], persistent=False)
        self.register_buffer("padding", padding if padding.any() else None, persistent=False)

    def read(self, values: Tensor, *, fill: float) -> Tensor:
        """Positions of the block out of (n, width), as (n, parts, widest), padded with `fill`."""
        block = values.index_select(1, self.positions).reshape(values.shape[0], -1, self.widest)
        return block if self.padding is None else block.masked_fill(self.padding, fill)

    def best(self, scores: Tensor) -> Tensor:
        """Position in the row of each part's highest score, shape (n, parts)."""
        block = self.read(scores, fill=float("-inf"))
        if self.widest == 2:
            return self.starts + (block[:, :, 1] > block[:, :, 0])
        return self.starts + block.argmax(dim=2)

    def write(self, rows: Tensor, values: Tensor) -> Tensor:
        """Put a block's values (n, parts, widest) back at their positions in `rows`, without the padding."""
        flat = values.flatten(1)
        if self.padding is None:
            return rows.index_copy(1, self.positions, flat)
        return rows.index_copy(1, self.positions[self.held], flat.index_select(1, self.held))


@final
class _Gated(nn.Module):
    """Positions of one depth of gates, and the positions that open them."""

    positions: Tensor
    openers: Tensor

    def __init__(self, positions: Tensor, openers: Tensor) -> None:
        super().__init__()
        self.register_buffer("positions", positions, persistent=False)
        self.register_buffer("openers", openers, persistent=False)


@final
class _HardChoice(torch.autograd.Function):
    """Highest score of each part as a one-hot; its gradient is that of the softmax at a temperature.

    As one function with its gradient by hand: this is on every model's hot path, and a graph of a dozen small
    nodes for each width of part costs more than the arithmetic.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(scores: Tensor, heads: Heads, temperature: float) -> Tensor:
        rows = scores * heads.is_continuous
        for block in heads.blocks:
            rows = rows.scatter(1, block.best(scores), 1.0)
        if not heads.bits.numel():
            return rows
        return rows.index_copy(1, heads.bits, (scores.index_select(1, heads.bits) > 0).to(scores.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Heads, float], output: Tensor) -> None:
        scores, ctx.heads, ctx.temperature = inputs
        ctx.save_for_backward(scores)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (scores,), (slope,) = ctx.saved_tensors, slopes
        heads, found = ctx.heads, slope
        soft_scores = scores / ctx.temperature
        for block in heads.blocks:
            soft = block.read(soft_scores, fill=float("-inf")).softmax(dim=2)
            each = soft * block.read(slope, fill=0.0)
            found = block.write(found, (each - soft * each.sum(dim=2, keepdim=True)) / ctx.temperature)
        if not heads.bits.numel():
            return found, None, None
        soft = soft_scores.index_select(1, heads.bits).sigmoid()
        slope_of_bits = slope.index_select(1, heads.bits) * soft * (1 - soft) / ctx.temperature
        return found.index_copy(1, heads.bits, slope_of_bits), None, None


def _blocks(layout: Layout) -> list[_Block]:
    """Categorical parts in blocks of widths 2, up to 4, up to 16, up to 64, and so on.

    One block for all would be padded to the widest: one column of ICD chapters, and every flag beside it
    costs as much as that. A block for each width would cost small batches its calls.
    """
    groups: dict[int, list[int]] = {}
    for number, part in enumerate(layout.of_kind("categorical")):
        rounded = 2 if part.width <= 2 else 4 ** math.ceil(math.log(part.width, 4))
        groups.setdefault(rounded, []).append(number)
    widths = [part.width for part in layout.of_kind("categorical")]
    return [
        _Block(layout, tuple(group), max(widths[number] for number in group)) for group in groups.values()
    ]


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
