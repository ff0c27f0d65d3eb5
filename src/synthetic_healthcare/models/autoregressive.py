"""Any-order autoregressive net: every column given those before it, or given any others.

A row is a sequence of tokens (`_tokens`): each number, each category column and each code of a set is one. A
net gives the distribution of each token given those that it is shown, all of them at once (`_sequence`). In
part of the updates a token is shown those before it in the table's order, in which rows are drawn; in the
others a random choice of all the others, so that gaps can be filled whatever is known (`_walk`).

Sources: Uria, Murray and Larochelle 2014 (order-agnostic training, arXiv:1310.1757), Germain et al. 2015 (one
masked product for all conditionals, arXiv:1502.03509), Hoogeboom et al. 2022 (any order as a random mask,
arXiv:2110.02037).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import (
    ConditionalModel,
    ImputingModel,
    ModelConfig,
    TrainedModel,
    Weighted,
)
from synthetic_healthcare.models._numbers import Bins, Mixture, NumberHead
from synthetic_healthcare.models._sequence import SequenceNet
from synthetic_healthcare.models._tokens import values_of
from synthetic_healthcare.models._walk import Known, Limit, gather, walk
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, expand

#: Share of the rows that have to be left, where they are kept in proportion to their weights, for a condition
#: to be met in the table's order.
_FEWEST_KEPT: Final = 0.02
#: Rows whose likelihood is computed at a time.
_PORTION: Final = 8192


@final
class Autoregressive(TrainedModel, ConditionalModel, ImputingModel):
    """Draws one column after another, each given those that are decided."""

    name: ClassVar[str] = "autoregressive"

    class Config(ModelConfig):
        """Settings of the autoregressive net."""

        small: ClassVar[Mapping[str, Any]] = {
            "hidden": 8,
            "tents": 0,
            "numbers": "mixture",
            "components": 2,
            "dropout": 0.1,
        }

        hidden: int = Field(24, ge=1, description="hidden units of each column's net")
        tents: int = Field(9, ge=0, description="points of the curve in which a number is seen; 0: as it is")
        numbers: Literal["bins", "mixture"] = Field(
            "bins", description="what numbers are drawn from: bins of equal probability, a mixture of normals"
        )
        bins: int = Field(32, ge=2, description="bins of a number")
        components: int = Field(4, ge=1, description="normals in the mixture of a number")
        scale_floor: float = Field(0.02, gt=0, description="smallest standard deviation in the mixture")
        any_order: float = Field(
            0.3, ge=0, le=1, description="share of the updates in which any columns may be given"
        )
        dropout: float = Field(
            0.0, ge=0, lt=1, description="share of the columns before that are hidden in the other updates"
        )
        learning_rate: float = Field(3e-3, gt=0, description="Adam step size at the start")
        weight_decay: float = Field(0.0, ge=0, description="Adam L2 penalty on the weights")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        own = self.config
        number: NumberHead = (
            Bins(own.bins) if own.numbers == "bins" else Mixture(own.components, own.scale_floor)
        )
        self.net = SequenceNet(layout, hidden=own.hidden, tents=own.tents, number=number)

    def schedule(self) -> tuple[Phase, ...]:
        """One phase: the likelihood."""
        return (_Likelihood(self.net, self.config),)

    def sampler(self) -> nn.Module:
        """The net; there is no part that only training needs."""
        return self.net

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows, column after column in the table's order."""
        return gather(self.layout, self.net.tokens, walk(self.net, n, rng=rng).values)

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw each constrained part from what is allowed of it; a constraint counts where its part exists.

        The weight of a row is the product of the probabilities that the constraints had when they were
        reached. Rows are drawn in the table's order, which is learnt best; where the weights would leave too
        few of them, the constrained parts are drawn first and the others given them: then all rows count, as
        far as the order that this takes was learnt.
        """
        limits = _limits(self.net, condition, rng.device)
        drawn = walk(self.net, n, rng=rng, limits=limits)
        if float(drawn.weight.mean()) < _FEWEST_KEPT * float(drawn.weight.max()):
            drawn = walk(self.net, n, rng=rng, first=_with_gates(self.net, limits), limits=limits)
        return Weighted(gather(self.layout, self.net.tokens, drawn.values), drawn.weight.cpu().numpy())

    def complete(self, rows: Encoded, known: npt.NDArray[np.bool_], *, rng: torch.Generator) -> Encoded:
        """Draw the unknown parts of rows given the known ones, any pattern in any row.

        A part behind a gate that is not known counts as unknown too.
        """
        tokens, device = self.net.tokens, rng.device
        mask = torch.from_numpy(known[:, [token.part for token in tokens]])
        for index, token in enumerate(tokens):
            if token.gate is not None:
                mask[:, index] &= mask[:, token.gate[0]]
        matrix = torch.from_numpy(expand(rows)).to(device)
        exists = self.net.features.exists(matrix)
        features = self.net.features(matrix, exists) * mask.to(device)[:, self.net.features.owner]
        given = Known(mask.T.to(device), values_of(rows, tokens).to(device), features.T.contiguous())
        return gather(self.layout, tokens, walk(self.net, len(rows), rng=rng, known=given).values)

    def log_likelihood(self, rows: Encoded) -> npt.NDArray[np.float64]:
        """Log-likelihood of encoded rows, column after column in the table's order.

        Parameters
        ----------
        rows : Encoded (n,)
            Rows of this model's layout.

        Returns
        -------
        float64 array (n,), in nats
            Probabilities of categories and codes, densities of encoded numbers; parts that do not exist in a
            row count nothing. Other orders give about the same number, not exactly the same.
        """
        found = []
        device = self.net.before.device
        with torch.inference_mode():
            for start in range(0, len(rows), _PORTION):
                some = rows.take(np.arange(start, min(start + _PORTION, len(rows))))
                matrix = torch.from_numpy(expand(some)).to(device)
                seen = torch.ones(len(some), len(self.net.tokens), device=device)
                found.append(self.net(matrix, seen, self.net.before).double().cpu().numpy())
        return np.concatenate(found) if found else np.zeros(0)


@final
class _Likelihood(Phase):
    """One step on the likelihood of the rows, token by token."""

    def __init__(self, net: SequenceNet, config: Autoregressive.Config) -> None:
        self.name = "likelihood"
        self.module = net
        self.reads_rows = True
        self.learning_rate = config.learning_rate
        self.betas = (0.9, 0.99)
        self.weight_decay = config.weight_decay
        self._config = config
        self._before, self._others = net.before, net.others

    def draw(self, n: int, progress: float, rng: torch.Generator) -> dict[str, Tensor]:
        """Choose what tokens are shown: those before, or in some updates any others."""
        device = rng.device
        before, others = self._before.to(device), self._others.to(device)
        # A choice of tensors, not of branches: nothing here waits for the device.
        anything = torch.rand(1, generator=rng, device=device) < self._config.any_order
        return {"anything": anything, "shown": torch.where(anything, others, before)}

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Choose what tokens of each row may be seen.

        Where any others are shown, each row shows a share of its own of them, uniform from none to all: the
        number of tokens that come before one in a random order is uniform too, so the mean over the choices
        is the likelihood averaged over all orders.
        """
        n, tokens = rows.shape[0], self._before.shape[0]
        uniform = torch.rand(n, tokens, generator=rng, device=rng.device)
        share = torch.rand(n, 1, generator=rng, device=rng.device)
        seen = torch.where(free["anything"], uniform < share, uniform >= self._config.dropout)
        return {"row_values": rows, "row_seen": seen.float()}

    def row_loss(self, call: Call, inputs: Inputs) -> Float[Tensor, " n"]:
        """Negative log-likelihood of each row."""
        return -call(inputs["row_values"], inputs["row_seen"], inputs["shown"])


def _limits(net: SequenceNet, condition: EncodedCondition, device: torch.device) -> dict[int, Limit]:
    """Read a condition on parts as limits of tokens."""
    limits: dict[int, Limit] = {}
    begun: dict[int, int] = {}
    for index, token in enumerate(net.tokens):
        step = index - begun.setdefault(token.part, index)
        if token.part in condition.categories:
            allowed = torch.from_numpy(condition.categories[token.part])
            limits[index] = allowed.float().to(device)
        elif token.part in condition.ranges:
            limits[index] = condition.ranges[token.part]
        elif token.part in condition.bits and condition.bits[token.part][step] >= 0:
            wanted = int(condition.bits[token.part][step])
            limits[index] = torch.tensor([1.0 - wanted, float(wanted)], device=device)
    return limits


def _with_gates(net: SequenceNet, limits: Mapping[int, Limit]) -> list[int]:
    """Tokens with limits and those that gate them, in their order."""
    found = set(limits)
    for index in sorted(limits, reverse=True):
        gate = net.tokens[index].gate
        while gate is not None:
            found.add(gate[0])
            gate = net.tokens[gate[0]].gate
    return sorted(found)
