"""The net of an any-order autoregressive model: every token's distribution given those it is shown."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.models._numbers import NumberHead
from synthetic_healthcare.models._tokens import Features, Token, TokenKind, behind, tokens_of
from synthetic_healthcare.schema.layout import Layout

#: Weights of the first layer above which its hidden units become fewer, down to the least number.
_MOST_WEIGHTS: Final = 4_000_000
_LEAST_UNITS: Final = 8
#: Marginals are held this far from 0 and 1 where their logarithm is taken.
_LEAST: Final = 1e-4
#: Logit of the padding after a category block.
_NOTHING: Final = -1e4
ACT=os.environ.get("AR_ACT","prelu")

@final
@dataclass(frozen=True, slots=True)
class Group:
    """Tokens of one kind and of similar width, whose heads are one padded product."""

    kind: TokenKind
    tokens: tuple[int, ...]
    outputs: int


@final
class SequenceNet(nn.Module):
    def __init__(self, layout: Layout, *, hidden: int, linear: int, tents: int, number: NumberHead, residual:bool=False) -> None:
        super().__init__()
        self.tokens = tokens_of(layout, tents=tents)
        self.number = number
        self.features = Features(layout, self.tokens, tents=tents)
        count, width = len(self.tokens), self.features.width
        units = max(min(hidden, _LEAST_UNITS), min(hidden, _MOST_WEIGHTS // (width * count)))
        self.groups = _groups(self.tokens, number.outputs)
        grouped = [token for group in self.groups for token in group.tokens]
        self.row_of = {token: row for row, token in enumerate(grouped)}
        self.group_of = {t: (g, r) for g, group in enumerate(self.groups) for r, t in enumerate(group.tokens)}
        self.weight = nn.Parameter(torch.randn(width, count, units) / math.sqrt(count))
        self.bias = nn.Parameter(torch.zeros(count, units))
        slope = torch.zeros(units)
        slope[: min(linear, units // 2)] = 1.0
        self.L=min(linear, units // 2)
        self.register_buffer("slope", slope, persistent=False)
        self.head_weight = nn.ParameterList(torch.zeros(len(g.tokens), units, g.outputs) for g in self.groups)
        self.head_bias = nn.ParameterList(_start(g, self.tokens, number) for g in self.groups)
        self.register_buffer("grouped", torch.tensor(grouped), persistent=False)
        for index, group in enumerate(self.groups):
            self.register_buffer(f"at_{index}", _positions(group, self.tokens, layout.width), persistent=False)
        before = torch.ones(count, count).triu(diagonal=1)
        self.register_buffer("before", before, persistent=False)
        self.register_buffer("others", 1 - behind(self.tokens).float(), persistent=False)

    def act(self, h):
        if ACT=="prelu":
            return nn.functional.prelu(h, self.slope.repeat(h.shape[1]//self.slope.shape[0]).to(h.dtype)) if h.dim()==2 else None
        if ACT=="silu": return nn.functional.silu(h)
    def forward(self, rows: Tensor, seen: Tensor, shown: Tensor) -> Tensor:
        exists = self.features.exists(rows)
        owner = self.features.owner
        features = self.features(rows, exists) * seen[:, owner]
        count, units = self.bias.shape
        weight = (self.weight * shown[:, self.grouped][owner][:, :, None]).flatten(1)
        hidden = self.act(torch.addmm(self.bias.flatten(), features, weight))
        hidden = hidden.view(-1, count, units).transpose(0, 1)
        padded = torch.cat([rows, rows.new_zeros(rows.shape[0], 1)], dim=1)
        total = []
        blocks = hidden.split([len(g.tokens) for g in self.groups])
        ex = exists[:, self.grouped].split([len(g.tokens) for g in self.groups], dim=1)
        for index, (group, block, e) in enumerate(zip(self.groups, blocks, ex)):
            raw = torch.baddbmm(self.head_bias[index][:, None], block, self.head_weight[index]).transpose(0, 1)
            truth = padded[:, self.get_buffer(f"at_{index}")]
            if group.kind == "category":
                total.append((raw.log_softmax(dim=2) * truth).sum(dim=(1,2)))
            elif group.kind == "bit":
                total.append((nn.functional.logsigmoid(raw[...,0]*(2*truth[..., 0]-1))*e).sum(1))
            else:
                total.append((self.number.log_density(raw, truth[..., 0]) * e).sum(1))
        return torch.stack(total).sum(0)

    def raw(self, token: int, features: Float[Tensor, "seen n"]) -> Float[Tensor, "outputs n"]:
        row = self.row_of[token]
        hidden = torch.addmm(self.bias[row][:, None], self.weight[: features.shape[0], row].T, features)
        if ACT=="silu": hidden=nn.functional.silu(hidden)
        else:
            hidden[self.L:].clamp_(min=0)
        g, r = self.group_of[token]
        return torch.addmm(self.head_bias[g][r][:, None], self.head_weight[g][r].T, hidden)


def _groups(tokens: Sequence[Token], outputs: int) -> tuple[Group, ...]:
    """Numbers, codes, and categories by width: padded to the widest of a group, none more than doubles."""
    found: dict[tuple[TokenKind, int], list[int]] = {}
    for index, token in enumerate(tokens):
        octave = max(token.width - 1, 1).bit_length() if token.kind == "category" else 0
        found.setdefault((token.kind, octave), []).append(index)
    sizes = {"number": outputs, "bit": 1}
    return tuple(
        Group(kind, tuple(members), sizes.get(kind) or max(tokens[i].width for i in members))
        for (kind, _), members in sorted(found.items())
    )


def _start(group: Group, tokens: Sequence[Token], number: NumberHead) -> Tensor:
    """Biases at the marginals: the net starts from independent columns."""
    if group.kind == "number":
        return number.start().repeat(len(group.tokens), 1)
    marginals = [torch.tensor(tokens[i].marginal).clamp(_LEAST, 1 - _LEAST) for i in group.tokens]
    if group.kind == "bit":
        return torch.stack(marginals).logit()
    padded = torch.full((len(marginals), group.outputs), _NOTHING)
    for row, marginal in zip(padded, marginals, strict=True):
        row[: len(marginal)] = marginal.log()
    return padded


def _positions(group: Group, tokens: Sequence[Token], nothing: int) -> Tensor:
    widest = max(tokens[i].width for i in group.tokens)
    found = torch.full((len(group.tokens), widest), nothing)
    for row, i in zip(found, group.tokens, strict=True):
        row[: tokens[i].width] = torch.arange(tokens[i].position, tokens[i].position + tokens[i].width)
    return found
