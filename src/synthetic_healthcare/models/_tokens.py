"""A layout read as a sequence of tokens: one for each number, each category column, each code of a set.

A model that goes from token to token needs to know of a row what stands in each token, whether the token
exists there (its gate is open), and in which *features* other tokens see it. An unknown token and one that
does not exist have features of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from synthetic_healthcare.schema.layout import Encoded, Layout, PartKind

TokenKind = Literal["number", "category", "bit"]

_KINDS: Final[dict[PartKind, TokenKind]] = {
    "continuous": "number",
    "categorical": "category",
    "bits": "bit",
}
#: The outermost tents stand this many standard deviations from the middle: 98 % of the numbers lie between.
_REACH: Final = 2.4


@final
@dataclass(frozen=True, slots=True)
class Token:
    """One step of the sequence.

    Parameters
    ----------
    part : int
        Index of the layout's part that it belongs to.
    kind : {"number", "category", "bit"}
        What it holds.
    position : int
        First position in the encoded row.
    width : int
        Positions in the encoded row.
    store : int
        Column in the `Encoded` array of its kind.
    marginal : tuple of float
        Of the categories, or of the bit; empty for a number.
    features : slice
        Where it is seen in the matrix of features.
    gate : (int, int) or None
        Token and category that open it.
    """

    part: int
    kind: TokenKind
    position: int
    width: int
    store: int
    marginal: tuple[float, ...]
    features: slice
    gate: tuple[int, int] | None


def tokens_of(layout: Layout, *, tents: int) -> tuple[Token, ...]:
    """Cut a layout into tokens, in its order: gates stand before what they gate.

    Parameters
    ----------
    layout : Layout
        With at least one part.
    tents : int
        Tents in which a number is seen, beside the number itself.
    """
    tokens: list[Token] = []
    first: list[int] = []
    start = 0
    for index, part in enumerate(layout.parts):
        first.append(len(tokens))
        gate = None if part.gate is None else (first[part.gate[0]], part.gate[1])
        kind = _KINDS[part.kind]
        width = part.width if kind == "category" else 1
        for step in range(part.width // width):
            stop = start + (1 + tents if kind == "number" else width)
            marginal = part.marginal[step : step + 1] if kind == "bit" else part.marginal
            position, store = part.start + step, part.store + step
            tokens.append(Token(index, kind, position, width, store, marginal, slice(start, stop), gate))
            start = stop
    return tuple(tokens)


def behind(tokens: Sequence[Token]) -> Bool[Tensor, "tokens tokens"]:
    """Say which tokens (rows) are a given one (columns) or stand behind its gate, at any depth."""
    found = torch.eye(len(tokens), dtype=torch.bool)
    for index, token in enumerate(tokens):
        if token.gate is not None:
            found[index] |= found[token.gate[0]]
    return found


def values_of(rows: Encoded, tokens: Sequence[Token]) -> Float[Tensor, "tokens n"]:
    """Return what stands in each token: a number, a category (-1 where there is none), a bit."""
    arrays: dict[TokenKind, npt.NDArray[Any]]
    arrays = {"number": rows.continuous, "category": rows.codes, "bit": rows.bits}
    columns = [torch.from_numpy(arrays[token.kind][:, token.store]).float() for token in tokens]
    return torch.stack(columns)


@final
class Features(nn.Module):
    """Turns encoded rows into the features in which their tokens are seen.

    A category is seen as its one-hot block. A bit is seen as its distance from its rate, so that "unknown"
    is the average patient. A number is seen as itself and as tents: functions that rise from 0 to 1 at their
    centre, fall to 0 at the next ones and add up to 1 (a piecewise linear encoding, as in Gorishniy, Rubachev
    and Babenko 2022, arXiv:2203.05556).

    Parameters
    ----------
    layout : Layout
        What encoded rows look like.
    tokens : sequence of Token
        From `tokens_of`.
    tents : int
        As given there.
    """

    owner: Tensor
    centres: Tensor
    _gate: Tensor
    _held: Tensor
    _bits: Tensor
    _numbers: Tensor
    _rates: Tensor
    _position: Tensor
    _place: Tensor

    def __init__(self, layout: Layout, tokens: Sequence[Token], *, tents: int) -> None:
        super().__init__()
        self.width = tokens[-1].features.stop
        # One position past the row stands for "always": open gates point at it.
        gates = [
            layout.width if token.gate is None else tokens[token.gate[0]].position + token.gate[1]
            for token in tokens
        ]
        categories, bits, numbers = (_members(tokens, kind) for kind in ("category", "bit", "number"))
        made = [place for i in (*categories, *bits, *numbers) for place in _places(tokens[i])]
        indices: dict[str, list[int]] = {
            "owner": [index for index, token in enumerate(tokens) for _ in _places(token)],
            "_gate": gates,
            "_held": [tokens[i].position + k for i in categories for k in range(tokens[i].width)],
            "_bits": bits,
            "_numbers": numbers,
            "_position": [token.position for token in tokens],
            # Where each feature is found among those made kind by kind.
            "_place": torch.tensor(made).argsort().tolist(),
        }
        for name, values in indices.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.long), persistent=False)
        rates = torch.tensor([tokens[i].marginal[0] for i in bits])
        self.register_buffer("_rates", rates, persistent=False)
        self.register_buffer("centres", torch.linspace(-_REACH, _REACH, tents), persistent=False)

    def exists(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n tokens"]:
        """1 where a token's gate is open, else 0."""
        return torch.cat([rows, rows.new_ones(rows.shape[0], 1)], dim=1)[:, self._gate]

    def forward(
        self, rows: Float[Tensor, "n width"], exists: Float[Tensor, "n tokens"]
    ) -> Float[Tensor, "n features"]:
        """Features of full rows, in the order of the tokens."""
        bits = (rows[:, self._position[self._bits]] - self._rates) * exists[:, self._bits]
        numbers = see_numbers(rows[:, self._position[self._numbers]], self.centres)
        numbers = numbers * exists[:, self._numbers, None]
        return torch.cat([rows[:, self._held], bits, numbers.flatten(1)], dim=1)[:, self._place]


def see_numbers(
    values: Float[Tensor, "*shape"], centres: Float[Tensor, " tents"]
) -> Float[Tensor, "*shape seen"]:
    """Return numbers beside their tents."""
    tents = centres.shape[0]
    if tents == 0:
        return values[..., None]
    step = 2 * _REACH / max(tents - 1, 1)
    distance = (values.clamp(-_REACH, _REACH)[..., None] - centres).abs() / step
    return torch.cat([values[..., None], (1 - distance).clamp(min=0)], dim=-1)


def _members(tokens: Sequence[Token], kind: str) -> list[int]:
    return [index for index, token in enumerate(tokens) if token.kind == kind]


def _places(token: Token) -> range:
    return range(token.features.start, token.features.stop)
