"""Columns that a model conditions on: where they stand in a row, and how often their combinations occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._draws import pick
from synthetic_healthcare.models._heads import Heads
from synthetic_healthcare.schema.layout import Layout, Part

#: Share of the draws of a part that come from its protected marginal, whatever stands before it: a
#: combination that one patient holds is then no sure sign of that patient.
_SMOOTHING: Final = 0.02
#: Smallest probability that a marginal is started from: keeps its logarithm finite.
_LEAST_CHANCE: Final = 1e-4


def condition_parts(layout: Layout, columns: Sequence[str]) -> tuple[int, ...]:
    """Find the parts of a layout that say all of some columns, with what gates them, in the layout's order.

    Raises
    ------
    ConfigError
        A column is not in the layout, or is not made of categories alone; it is named.
    """
    found: set[int] = set()
    for column in columns:
        indices = [index for index, part in enumerate(layout.parts) if part.column == column]
        if not indices:
            raise ConfigError(
                f"conditions: column {column!r} is not among the columns that are learnt (misspelt, or it is "
                "constant or an identifier). Take it out of the conditions"
            )
        kinds = {layout.parts[index].kind for index in indices}
        if kinds != {"categorical"}:
            what = "numbers" if "continuous" in kinds else "sets of codes"
            raise ConfigError(
                f"conditions: column {column!r} holds {what}, and only categories can be conditioned on. "
                "Name other columns in conditions, or set it to [] for none"
            )
        found.update(indices)
    for index in sorted(found, reverse=True):
        gate = layout.parts[index].gate
        # Gates stand before what they gate; a gate of a gate is found by following the chain.
        while gate is not None:
            found.add(gate[0])
            gate = layout.parts[gate[0]].gate
    return tuple(sorted(found))


@final
class ConditionTable(nn.Module):
    """The learnt distribution of the condition: a chain of its parts, each given those before it.

    The logits of a part are linear in the categories before it: exact for one part and for two, and of a size
    that grows with the square of the number of categories instead of with their combinations.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    parts : sequence of int
        Indices of the condition's parts, from `condition_parts`; none is a condition of width 0.
    """

    positions: Tensor
    before: Tensor
    marginal: Tensor

    def __init__(self, layout: Layout, parts: Sequence[int]) -> None:
        super().__init__()
        self.parts = tuple(parts)
        own = _restrict(layout, self.parts)
        self.width = own.width
        self.heads = Heads(own)
        spans = [torch.arange(layout.parts[i].start, layout.parts[i].stop) for i in self.parts]
        self.register_buffer("positions", torch.cat([torch.zeros(0), *spans]).long(), persistent=False)
        before = torch.zeros(self.width, self.width)
        for part in own.parts:
            before[part.start : part.stop, : part.start] = 1.0
        self.register_buffer("before", before, persistent=False)
        chances = [chance for part in own.parts for chance in part.marginal or (1 / part.width,) * part.width]
        self.register_buffer("marginal", torch.tensor(chances, dtype=torch.float32), persistent=False)
        # It starts as what is known and protected already: every part by its marginal.
        self.logits = nn.Parameter(self.marginal.clamp(min=_LEAST_CHANCE).log())
        self.links = nn.Parameter(torch.zeros(self.width, self.width))

    def log_likelihood(self, given: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
        """Log-probability of conditions, one-hot part by part, (n,)."""
        # The links may come once for each row, (n, c, c): gradients of single rows are had like that.
        raw = self.logits + ((self.links * self.before) @ given[:, :, None])[:, :, 0]
        return self.heads.log_likelihood(raw, raw[:, :0], given)

    def draw(
        self, n: int, allowed: Mapping[int, npt.NDArray[np.bool_]], rng: torch.Generator
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, " n"]]:
        """Draw conditions that keep to what is allowed.

        Parameters
        ----------
        n : int
            How many.
        allowed : Mapping of int to bool array (width,)
            Index of a part in the layout of the rows -> its allowed categories; other indices do not matter.
        rng : torch.Generator
            The only source of randomness.

        Returns
        -------
        given : Tensor (n, c)
            One-hot part by part, zeros where a part's gate is shut.
        weight : Tensor (n,)
            Probability of what was drawn over that under which it was drawn: the product of the chances of
            "allowed" along the chain. Its mean is the probability of a condition that keeps to it.
        """
        device = self.logits.device
        given = torch.zeros(n, self.width, device=device)
        weight = torch.ones(n, dtype=torch.float64, device=device)
        for index, part in zip(self.parts, self.heads.layout.parts, strict=True):
            exists = torch.ones(n, device=device) if part.gate is None else given[:, self._opener(part)]
            chances = self._chances(part, given)
            if index in allowed:
                possible = chances * torch.as_tensor(allowed[index], device=device)
                mass = possible.sum(dim=1, keepdim=True)
                weight = weight * torch.where(exists > 0, mass.squeeze(1), 1.0).double()
                chances = torch.where(mass > 0, possible, chances)
            chosen = pick(chances.cumsum(dim=1), rng)
            one_hot = nn.functional.one_hot(chosen, part.width).to(given.dtype)
            given[:, part.start : part.stop] = one_hot * exists[:, None]
        return given, weight.clamp(max=1.0)

    def _chances(self, part: Part, given: Tensor) -> Float[Tensor, "n width"]:
        """Smoothed probabilities of a part's categories given the parts before it."""
        span = slice(part.start, part.stop)
        raw = self.logits[span] + given @ (self.links * self.before)[span].T
        return (1 - _SMOOTHING) * raw.softmax(dim=1) + _SMOOTHING * self.marginal[span]

    def _opener(self, part: Part) -> int:
        assert part.gate is not None
        return self.heads.layout.parts[part.gate[0]].start + part.gate[1]


def _restrict(layout: Layout, parts: Sequence[int]) -> Layout:
    """The layout of some categorical parts alone; what gates them has to be among them."""
    kept: list[Part] = []
    start = 0
    for index in parts:
        part = layout.parts[index]
        gate = None if part.gate is None else (parts.index(part.gate[0]), part.gate[1])
        kept.append(replace(part, start=start, store=len(kept), gate=gate))
        start += part.width
    return Layout(tuple(kept))
