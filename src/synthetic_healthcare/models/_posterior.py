"""What noisy tables say of a variable in each group, with what is known of tables beforehand.

The likeliest conditional distributions under a prior, with the noise as wide as it is known to be. A raw
noisy table has cells below 0, and its noise would be taken for structure; a shape that is a priori smooth
over the bins of a number, and alike between groups, keeps what stands out of the noise and little of the
rest. All of it is post-processing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from synthetic_healthcare.schema.variables import Floats

#: Prior variance of the logarithm of a category's share, and of what a group makes of it.
_SHARE, _GROUP = 2.0, 0.5
#: A bin of a number is tied to its neighbour by this multiple of the precision of a category, and to nothing
#: else but by the other.
_STEP, _LOOSE = 2.0, 0.1
_ITERATIONS: Final = 200
#: Groups never have less than this share of the rows: each keeps a distribution of its own.
_LEAST_SHARE: Final = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Grouped:
    """A noisy table of groups against the states of a variable.

    Parameters
    ----------
    counts : array (groups, states)
        With noise.
    steps : bool array (states - 1,)
        Whether a state is the next bin of the number of which the state before it is a bin.
    """

    counts: Floats
    steps: npt.NDArray[np.bool_]


def group_shares(tables: Sequence[Grouped], rows: int) -> Floats:
    """Return the share of each group, from the sums that all tables have of it, each as precise as it is."""
    precision = sum(1 / table.counts.shape[1] for table in tables)
    sums = sum(table.counts.sum(axis=1) / table.counts.shape[1] for table in tables) / precision
    shares = np.maximum(onto_simplex(np.asarray(sums) / rows), _LEAST_SHARE)
    found: Floats = shares / shares.sum()
    return found


def onto_simplex(values: Floats) -> Floats:
    """Return the distribution nearest to some values (Duchi et al. 2008, doi:10.1145/1390156.1390191)."""
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1.0) / np.arange(1, len(values) + 1)
    nearest: Floats = np.maximum(values - excess[np.flatnonzero(falling > excess)[-1]], 0.0)
    return nearest


def conditionals(tables: Sequence[Grouped], shares: Floats, *, rows: int, deviation: float) -> list[Floats]:
    """Return the likeliest distributions of every variable in every group, each (groups, states).

    Parameters
    ----------
    tables : sequence of Grouped
        All with the same groups.
    shares : float array (groups,)
        Of the groups.
    rows : int
        Public number of rows.
    deviation : float
        Standard deviation of the noise of each cell.
    """
    size = max(table.counts.shape[1] for table in tables)
    counts = torch.zeros(len(tables), len(shares), size, dtype=torch.float64)
    stands = torch.zeros(len(tables), 1, size, dtype=torch.bool)
    steps = torch.zeros(len(tables), 1, max(size - 1, 0), dtype=torch.float64)
    for index, table in enumerate(tables):
        states = table.counts.shape[1]
        counts[index, :, :states] = torch.from_numpy(table.counts)
        stands[index, :, :states] = True
        steps[index, 0, : states - 1] = torch.from_numpy(table.steps.astype(np.float64))
    found = _likeliest(counts, stands, steps, torch.from_numpy(shares * rows)[None, :, None], deviation)
    return [found[i, :, : table.counts.shape[1]].numpy() for i, table in enumerate(tables)]


def _likeliest(
    counts: Float[Tensor, "tables groups states"],
    stands: Bool[Tensor, "tables one states"],
    steps: Float[Tensor, "tables one steps"],
    size: Float[Tensor, "one groups one"],
    deviation: float,
) -> Float[Tensor, "tables groups states"]:
    """Maximise noise times prior over logits: one for a state, and one for a state in a group."""
    total = counts.sum(dim=1, keepdim=True).clamp(min=deviation * counts.shape[1] ** 0.5)
    common = (total / size.sum()).log().masked_fill(~stands, 0.0)
    common = (common - common.sum(dim=2, keepdim=True) / stands.sum(dim=2, keepdim=True)).requires_grad_()
    own = torch.zeros_like(counts, requires_grad=True)
    chained = torch.zeros_like(stands, dtype=torch.float64)
    chained[:, :, 1:] += steps
    chained[:, :, :-1] += steps
    ridge = torch.where(chained > 0, _LOOSE, 1.0) * stands

    def chances() -> Tensor:
        return (common + own).masked_fill(~stands, -torch.inf).softmax(dim=2)

    def rough(logits: Tensor) -> Tensor:
        return (ridge * logits**2).sum() + _STEP * (steps * logits.diff(dim=2) ** 2).sum()

    def unlikely() -> Tensor:
        optimizer.zero_grad()
        noise = ((counts - size * chances()) ** 2 * stands).sum() / deviation**2
        loss = 0.5 * (noise + rough(common) / _SHARE + rough(own) / _GROUP)
        torch.autograd.backward(loss)
        return loss

    optimizer = torch.optim.LBFGS(
        [common, own], max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )
    with torch.enable_grad():
        optimizer.step(unlikely)  # type: ignore[no-untyped-call]
    return chances().detach()
