"""Drawing rows token by token: freely, within limits, or around what is known.

Everything stands in columns, one a row of the table, so that a token's features are contiguous and all
operations run along the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from synthetic_healthcare.models._numbers import pick
from synthetic_healthcare.models._sequence import SequenceNet
from synthetic_healthcare.models._tokens import Token, TokenKind, see_numbers
from synthetic_healthcare.schema.layout import Encoded, Layout

#: What a token is held to: its allowed categories (of a bit: of 0 and 1), or a lowest and a highest number.
Limit = Tensor | tuple[float, float]


@final
@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the rows to draw.

    Parameters
    ----------
    mask : bool Tensor (tokens, n)
        Where a token is known.
    values : Tensor (tokens, n)
        What stands there; of no matter elsewhere.
    features : Tensor (features, n)
        In which known tokens are seen; zero elsewhere.
    """

    mask: Bool[Tensor, "tokens n"]
    values: Float[Tensor, "tokens n"]
    features: Float[Tensor, "features n"]


@final
@dataclass(frozen=True, eq=False)
class Walked:
    """Rows that were drawn.

    Parameters
    ----------
    values : Tensor (tokens, n)
        A number, a category (-1 where there is none) or a bit.
    weight : Tensor (n,), double
        Product over the limited tokens of the probability that the limit had.
    """

    values: Float[Tensor, "tokens n"]
    weight: Float[Tensor, " n"]


def walk(
    net: SequenceNet,
    n: int,
    *,
    rng: torch.Generator,
    first: Sequence[int] = (),
    limits: Mapping[int, Limit] | None = None,
    known: Known | None = None,
) -> Walked:
    """Draw `n` rows.

    Parameters
    ----------
    net : SequenceNet
        What to draw from.
    n : int
        Rows.
    rng : torch.Generator
        On the net's device.
    first : sequence of int
        Tokens that are drawn before the others; gates among them before what they gate.
    limits : Mapping of int to Limit, optional
        What tokens are held to, where they exist.
    known : Known, optional
        What is not drawn but taken over.
    """
    tokens, device = net.tokens, rng.device
    values = torch.empty(len(tokens), n, device=device)
    weight = torch.ones(n, dtype=torch.float64, device=device)
    natural = not first and known is None
    if known is not None:
        features = known.features.clone()
    else:
        # In the natural order all that is decided stands before the token, and nothing else is read.
        features = (torch.empty if natural else torch.zeros)(net.features.width, n, device=device)
    for index in (*first, *(i for i in range(len(tokens)) if i not in frozenset(first))):
        token = tokens[index]
        seen = features[token.features]
        raw = net.raw(index, features[: token.features.start] if natural else features)
        given = None if known is None else seen.clone()
        value, mass = _draw(net, token, raw, (limits or {}).get(index), rng, seen=seen)
        if token.gate is not None:
            is_open = values[token.gate[0]] == token.gate[1]
            seen *= is_open
            value = torch.where(is_open, value, -1.0 if token.kind == "category" else 0.0)
            mass = None if mass is None else torch.where(is_open, mass, 1.0)
        if known is not None and given is not None:
            value = torch.where(known.mask[index], known.values[index], value)
            seen.copy_(torch.where(known.mask[index], given, seen))
        values[index] = value
        if mass is not None:
            weight *= mass
    return Walked(values, weight)


def gather(layout: Layout, tokens: Sequence[Token], values: Float[Tensor, "tokens n"]) -> Encoded:
    """Write values of tokens as an encoded table."""

    def columns(kind: TokenKind) -> npt.NDArray[np.float32]:
        members = [index for index, token in enumerate(tokens) if token.kind == kind]
        members.sort(key=lambda index: tokens[index].store)
        found: npt.NDArray[np.float32] = values[members].T.cpu().numpy()
        return found

    return Encoded(
        layout,
        np.ascontiguousarray(columns("number")),
        columns("category").astype(np.int32, order="C"),
        columns("bit").astype(np.uint8, order="C"),
    )


def _draw(
    net: SequenceNet,
    token: Token,
    raw: Tensor,
    limit: Limit | None,
    rng: torch.Generator,
    *,
    seen: Float[Tensor, "seen n"],
) -> tuple[Tensor, Tensor | None]:
    """Value (n,) and, where there is a limit, its probability (n,); writes the value's features to `seen`."""
    mass: Tensor | None = None
    if token.kind == "number":
        if limit is None:
            value = net.number.draw(raw, rng)
        else:
            assert isinstance(limit, tuple)
            value, mass = net.number.draw_between(raw, limit, rng)
        seen.copy_(see_numbers(value, net.features.centres).T)
        return value, mass
    # A bit is a choice between 0 and 1.
    odds = torch.cat([torch.zeros_like(raw), raw]) if token.kind == "bit" else raw[: token.width]
    weights = odds.softmax(dim=0)
    if limit is not None:
        assert isinstance(limit, Tensor)
        weights = weights * limit[:, None]
        mass = weights.sum(dim=0)
    steps = pick(weights, torch.rand(raw.shape[1], generator=rng, device=rng.device))
    if token.kind == "bit":
        torch.sub(steps, token.marginal[0], out=seen)
    else:
        # The one-hot block: 1 where a step was taken and the next was not.
        torch.sub(1.0, steps[0], out=seen[0])
        torch.sub(steps[:-1], steps[1:], out=seen[1:-1])
        seen[-1] = steps[-1]
    return steps.sum(dim=0), mass
