"""Sums of gradients of single rows, each clipped to one length: what differential privacy bounds.

There are two ways to the same sum. `ghost_sum` never writes a row's gradient out: of a linear layer it is the
product of what went in and the slope at what came out, so that its length is the product of two lengths
(Goodfellow 2015, arXiv:1510.01799; Lee and Kifer 2021, arXiv:2009.03106), and the clipped sum is one more
product. It takes as long as a plain gradient. `written_sum` writes every row's gradient out; it is right for
any module, and ten times slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from synthetic_healthcare.phases import Call, Inputs

#: A term of a loss: one number a row.
Term = Callable[[Call, Inputs], Tensor | None]
#: Clipped rows are this much shorter than the bound, so that float32 does not round them past it.
_ROUNDING: Final = 4e-6
#: Numbers that are written out at once.
_PORTION: Final = 2**24


class GhostError(Exception):
    """A module whose gradients have to be written out: a layer is used twice, or in another way."""


@dataclass(frozen=True)
class _Passed:
    """What went into a linear layer, (n, inputs), and what came out, (n, outputs)."""

    layer: nn.Linear
    given: Tensor
    result: Tensor


def entries(inputs: Inputs, prefix: str) -> int:
    """Count the rows, or the generated rows, that a phase's inputs hold."""
    return next((value.shape[0] for name, value in inputs.items() if name.startswith(prefix)), 0)


def ghost_sum(
    module: nn.Module, term: Term, inputs: Inputs, *, prefix: str, clip_norm: float
) -> list[Tensor]:
    """Sum the clipped gradients of the rows without writing them out.

    Every `nn.Linear` may be used once. What other parameters there are is given to the module once for each
    row, (n, *shape), and has to spread over its computations like that.

    Parameters
    ----------
    module : nn.Module
        Whose parameters.
    term : callable
        Of a phase: one number a row.
    inputs : Mapping
        Of the phase.
    prefix : str
        What names of tensors start with that have one entry a row.
    clip_norm : float
        Bound of the length of a row's gradient over all parameters together; infinite for none.

    Returns
    -------
    list of Tensor
        One for each parameter, in the module's order.

    Raises
    ------
    GhostError
        The module is not of this form.
    """
    n = entries(inputs, prefix)
    layers = [part for part in module.modules() if type(part) is nn.Linear]
    owned = [parameter for layer in layers for parameter in layer.parameters()]
    if len(owned) != len({id(parameter) for parameter in owned}):
        raise GhostError("layers share weights")
    loose = _loose(module, owned, n)
    copies = {name: copy for name, (_, copy) in loose.items()}

    def with_copies(*args: Any) -> Tensor:
        found: Tensor = torch.func.functional_call(module, copies, args)
        return found

    with _watched(layers) as passed:
        loss = term(with_copies if copies else module, inputs)
    if loss is None or loss.shape != (n,):
        raise GhostError("a term is not one number a row")
    if any(part.given.ndim != 2 or part.given.shape[0] != n for part in passed):
        raise GhostError("a layer is not used once a row")
    at = [*(part.result for part in passed), *copies.values()]
    slopes = torch.autograd.grad(loss.sum(), at, materialize_grads=True) if at else ()
    with torch.no_grad():
        found = _clipped(passed, list(loose.values()), slopes, clip_norm)
    # A layer that a table has no use for is never passed.
    return [
        found[id(parameter)] if id(parameter) in found else torch.zeros_like(parameter, requires_grad=False)
        for parameter in module.parameters()
    ]


def written_sum(
    module: nn.Module, term: Term, inputs: Inputs, *, prefix: str, clip_norm: float
) -> list[Tensor]:
    """Sum the clipped gradients of the rows, portion by portion of written-out ones; as `ghost_sum`."""
    values = {name: parameter.detach() for name, parameter in module.named_parameters()}
    rows = {name: value for name, value in inputs.items() if name.startswith(prefix)}
    others = {name: value for name, value in inputs.items() if name not in rows}

    def loss(values: dict[str, Tensor], row: dict[str, Tensor]) -> Tensor:
        def call(*args: Any) -> Tensor:
            found: Tensor = torch.func.functional_call(module, values, args)
            return found

        found = term(call, {**others, **{name: value[None] for name, value in row.items()}})
        assert found is not None
        return found.sum()

    by_row = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))
    total = {name: torch.zeros_like(value) for name, value in values.items()}
    n = entries(inputs, prefix)
    step = max(1, _PORTION // max(1, sum(value.numel() for value in values.values())))
    for start in range(0, n, step):
        found = by_row(values, {name: value[start : start + step] for name, value in rows.items()})
        each = {name: gradient.flatten(1) for name, gradient in found.items()}
        squared = torch.stack([_squared(gradient) for gradient in each.values()]).sum(dim=0)
        scale = shrinkage(squared, clip_norm)
        lost = _lost(scale)
        for name, gradient in each.items():
            total[name] += (scale @ _without(gradient, lost)).view_as(total[name])
    return list(total.values())


def shrinkage(squared: Tensor, clip_norm: float) -> Tensor:
    """Return what each row's gradient is multiplied with, (n,), given its squared length.

    0 where the length is no number: such a row may not move anything.
    """
    if math.isinf(clip_norm):
        return torch.ones_like(squared)
    scale = (clip_norm / (squared.sqrt() * (1 + _ROUNDING))).clamp(max=1.0)
    return torch.where(torch.isfinite(squared), scale, 0.0)


def _clipped(
    passed: Sequence[_Passed],
    loose: Sequence[tuple[nn.Parameter, Tensor]],
    slopes: Sequence[Tensor],
    clip_norm: float,
) -> dict[int, Tensor]:
    """Clipped sums by the identity of the parameter."""
    at_layers, at_copies = slopes[: len(passed)], slopes[len(passed) :]
    squares = [
        (_squared(part.given) + (part.layer.bias is not None)) * _squared(slope)
        for part, slope in zip(passed, at_layers, strict=True)
    ]
    squares += [_squared(slope) for slope in at_copies]
    if not squares:
        return {}
    scale = shrinkage(torch.stack(squares).sum(dim=0), clip_norm)
    lost = _lost(scale)
    found: dict[int, Tensor] = {}
    for part, slope in zip(passed, at_layers, strict=True):
        scaled = _without(slope, lost) * scale[:, None]
        found[id(part.layer.weight)] = scaled.T @ _without(part.given, lost)
        if part.layer.bias is not None:
            found[id(part.layer.bias)] = scaled.sum(dim=0)
    for (parameter, _), slope in zip(loose, at_copies, strict=True):
        found[id(parameter)] = (scale @ _without(slope.flatten(1), lost)).view_as(parameter)
    return found


def _squared(values: Tensor) -> Tensor:
    """Squared length of each row's entry, (n,)."""
    return torch.as_tensor(torch.linalg.vector_norm(values.flatten(1), dim=1)).square()


def _lost(scale: Tensor) -> Tensor | None:
    """Rows of scale 0, where there are such: what is no number in them must not reach a sum."""
    lost = scale == 0
    return lost[:, None] if bool(lost.any()) else None


def _without(values: Tensor, lost: Tensor | None) -> Tensor:
    """The values (n, k), with zeros in the rows that are lost."""
    return values if lost is None else values.masked_fill(lost, 0.0)


def _loose(
    module: nn.Module, owned: Sequence[nn.Parameter], n: int
) -> dict[str, tuple[nn.Parameter, Tensor]]:
    """Parameters of no linear layer, and a copy of each for every row."""
    known = {id(parameter) for parameter in owned}
    return {
        name: (parameter, parameter.detach().expand(n, *parameter.shape).requires_grad_())
        for name, parameter in module.named_parameters()
        if id(parameter) not in known
    }


@final
class _Watch:
    """Writes down what passes through linear layers."""

    def __init__(self) -> None:
        self.passed: dict[nn.Linear, _Passed] = {}

    def __call__(self, layer: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        assert isinstance(layer, nn.Linear)
        if layer in self.passed:
            raise GhostError("a layer is used twice")
        self.passed[layer] = _Passed(layer, given[0].detach(), result)


@contextmanager
def _watched(layers: Sequence[nn.Module]) -> Iterator[list[_Passed]]:
    """Give, after a `with` block, what passed through some layers within it."""
    watch = _Watch()
    passed: list[_Passed] = []
    handles = [layer.register_forward_hook(watch) for layer in layers]
    try:
        yield passed
    finally:
        for handle in handles:
            handle.remove()
        passed.extend(watch.passed.values())
