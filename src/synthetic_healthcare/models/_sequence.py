"""The net of an any-order autoregressive model: every token's distribution given those that it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthetic_healthcare.models._numbers import NumberHead
from synthetic_healthcare.models._tokens import Features, Token, TokenKind, behind, tokens_of
from synthetic_healthcare.schema.layout import Layout

#: Weights of the first layer above which tokens get fewer hidden units, down to the least number of them.
_MOST_WEIGHTS: Final = 4_000_000
_LEAST_UNITS: Final = 8
#: Marginals are held this far from 0 and 1 where their logarithm is taken.
_LEAST: Final = 1e-4
#: Logit of the padding after a block of categories: a probability of zero without infinities.
_NOTHING: Final = -1e4


@final
@dataclass(frozen=True, slots=True)
class Group:
    """Tokens of one kind and similar width, whose heads are one padded product.

    Parameters
    ----------
    kind : {"number", "category", "bit"}
        What the tokens hold.
    tokens : tuple of int
        Which they are.
    width : int
        Positions of the widest of them in the encoded row.
    outputs : int
        Raw outputs of each head.
    """

    kind: TokenKind
    tokens: tuple[int, ...]
    width: int
    outputs: int


@final
class SequenceNet(nn.Module):
    """One small perceptron a token, all of them computed together.

    The first layers of all tokens are one product of the features with one masked matrix, as in MADE (Germain
    et al. 2015, arXiv:1502.03509); which features a token is shown decides the order, and any order can be
    asked for, as in the order-agnostic NADE (Uria, Murray and Larochelle 2014, arXiv:1310.1757).

    # DIFF: in both papers tokens share their hidden units; here each has its own, a few, so that no token
    pays with its units for what others need to know.

    Parameters
    ----------
    layout : Layout
        With at least one part.
    hidden : int
        Hidden units of each token; fewer where the table is very wide.
    tents : int
        Tents in which a number is seen.
    number : NumberHead
        What numbers are drawn from.
    """

    before: Tensor
    others: Tensor
    _grouped: Tensor

    def __init__(self, layout: Layout, *, hidden: int, tents: int, number: NumberHead) -> None:
        super().__init__()
        self.tokens = tokens_of(layout, tents=tents)
        self.number = number
        self.features = Features(layout, self.tokens, tents=tents)
        count, width = len(self.tokens), self.features.width
        units = min(hidden, max(_LEAST_UNITS, _MOST_WEIGHTS // (width * count)))
        self.groups = _groups(self.tokens, number.outputs)
        # Perceptrons stand group by group, so that a group's hidden units are a slice.
        grouped = [token for group in self.groups for token in group.tokens]
        self._row = {token: row for row, token in enumerate(grouped)}
        self._head = {t: (g, r) for g, group in enumerate(self.groups) for r, t in enumerate(group.tokens)}
        self.weight = nn.Parameter(torch.randn(width, count, units) / math.sqrt(count))
        self.bias = nn.Parameter(torch.zeros(count, units))
        self.head_weight = nn.ParameterList(torch.zeros(len(g.tokens), units, g.outputs) for g in self.groups)
        self.head_bias = nn.ParameterList(_start(group, self.tokens, number) for group in self.groups)
        for index, group in enumerate(self.groups):
            truth = _positions(group, self.tokens, nothing=layout.width)
            self.register_buffer(f"_truth_{index}", truth, persistent=False)
        self.register_buffer("_grouped", torch.tensor(grouped), persistent=False)
        #: What to show: all tokens before one, or all that neither are it nor stand behind its gate.
        self.register_buffer("before", torch.ones(count, count).triu(diagonal=1), persistent=False)
        self.register_buffer("others", 1.0 - behind(self.tokens).float(), persistent=False)

    def forward(
        self,
        rows: Float[Tensor, "n width"],
        seen: Float[Tensor, "n tokens"],
        shown: Float[Tensor, "tokens tokens"],
    ) -> Float[Tensor, " n"]:
        """Sum the log-likelihoods of a row's tokens; those that do not exist count nothing.

        Parameters
        ----------
        rows : Tensor (n, width)
            Encoded rows.
        seen : Tensor (n, tokens)
            1 where a token of the row may be seen at all, else 0.
        shown : Tensor (tokens, tokens)
            1 where a token (row) is shown to another (column), else 0.
        """
        exists = self.features.exists(rows)
        owner = self.features.owner
        features = self.features(rows, exists) * seen[:, owner]
        count, units = self.bias.shape
        weight = (self.weight * shown[owner][:, self._grouped, None]).flatten(1)
        hidden = nn.functional.silu(torch.addmm(self.bias.flatten(), features, weight))
        sizes = [len(group.tokens) for group in self.groups]
        blocks = torch.split(hidden.view(-1, count, units).transpose(0, 1), sizes)
        existing = torch.split(exists[:, self._grouped], sizes, dim=1)
        padded = torch.cat([rows, rows.new_zeros(rows.shape[0], 1)], dim=1)
        terms = []
        for index, group in enumerate(self.groups):
            raw = torch.baddbmm(self.head_bias[index][:, None], blocks[index], self.head_weight[index])
            truth = padded[:, self.get_buffer(f"_truth_{index}")]
            terms.append(self._explain(group, raw.transpose(0, 1), truth, existing[index]))
        return torch.stack(terms).sum(dim=0)

    def raw(self, token: int, features: Float[Tensor, "seen n"]) -> Float[Tensor, "outputs n"]:
        """Raw outputs of one token's head, for features of other tokens that stand in columns.

        Parameters
        ----------
        token : int
            Which token.
        features : Tensor (seen, n)
            The first `seen` features: all of them, or those of the tokens before.
        """
        row, (group, place) = self._row[token], self._head[token]
        first = self.weight[: features.shape[0], row].T
        hidden = nn.functional.silu(torch.addmm(self.bias[row][:, None], first, features), inplace=True)
        head, bias = self.head_weight[group][place], self.head_bias[group][place]
        return torch.addmm(bias[:, None], head.T, hidden)

    def _explain(self, group: Group, raw: Tensor, truth: Tensor, exists: Tensor) -> Float[Tensor, " n"]:
        """Log-likelihood of a group's tokens: raw (n, tokens, outputs), truth (n, tokens, width)."""
        if group.kind == "category":
            # A category that does not exist has a block of zeros.
            return (raw.log_softmax(dim=2) * truth).sum(dim=(1, 2))
        if group.kind == "bit":
            return (nn.functional.logsigmoid(raw * (2 * truth - 1))[:, :, 0] * exists).sum(dim=1)
        return (self.number.log_density(raw, truth[:, :, 0]) * exists).sum(dim=1)


def _groups(tokens: Sequence[Token], outputs: int) -> tuple[Group, ...]:
    """Numbers; codes; and categories by their width, so that padding at most doubles a block."""
    found: dict[tuple[TokenKind, int], list[int]] = {}
    for index, token in enumerate(tokens):
        octave = (token.width - 1).bit_length() if token.kind == "category" else 0
        found.setdefault((token.kind, octave), []).append(index)
    groups = []
    for (kind, _), members in sorted(found.items()):
        widest = max(tokens[i].width for i in members)
        groups.append(Group(kind, tuple(members), widest, outputs if kind == "number" else widest))
    return tuple(groups)


def _start(group: Group, tokens: Sequence[Token], number: NumberHead) -> Float[Tensor, "tokens outputs"]:
    """Biases of the heads at the marginals: the net starts from independent columns."""
    if group.kind == "number":
        return number.start().repeat(len(group.tokens), 1)
    marginals = [torch.tensor(tokens[i].marginal).clamp(_LEAST, 1 - _LEAST) for i in group.tokens]
    if group.kind == "bit":
        return torch.stack(marginals).logit()
    padded = torch.full((len(marginals), group.outputs), _NOTHING)
    for row, marginal in zip(padded, marginals, strict=True):
        row[: len(marginal)] = marginal.log()
    return padded


def _positions(group: Group, tokens: Sequence[Token], *, nothing: int) -> Tensor:
    """Where a group's tokens stand in the encoded row, (tokens, width), padded with `nothing`."""
    found = torch.full((len(group.tokens), group.width), nothing)
    for row, i in zip(found, group.tokens, strict=True):
        row[: tokens[i].width] = torch.arange(tokens[i].position, tokens[i].position + tokens[i].width)
    return found
