"""`Rows`: the encoded table on the device, written out as one-hot only inside a batch.

A `RowSource` is what a trainer gets the inputs of a phase's row term from: `Rows` themselves, or, under
differential privacy, samples of them that keep how many they are to themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, final

import torch
from jaxtyping import Float
from torch import Tensor

from synthetic_healthcare.phases import Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout, PartKind

#: Rows that are written out at once when all of them are weighed.
_PORTION: Final = 8192


class RowSource(Protocol):
    """Where the inputs of row terms come from."""

    #: Whether rows are patients' secret: nothing but noised gradients may then be made of them.
    private: bool

    def __len__(self) -> int:
        """Rows in the table."""

    def show(
        self, phase: Phase, free: Inputs, *, n: int, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Draw rows and what a phase puts beside them.

        Parameters
        ----------
        phase : Phase
            One that reads rows.
        free : Mapping
            What the phase's `draw` gave.
        n : int
            Batch size; under privacy only expected.
        progress : float
            Share of the training that is done.
        rng : torch.Generator
            The run's own source of randomness, for sources that keep no secret.
        """


@final
class Rows:
    """The encoded training rows, held as small integers and float32.

    Parameters
    ----------
    encoded : Encoded
        Rows to train on.
    device : torch.device
        Where batches are made.
    """

    private = False

    def __init__(self, encoded: Encoded, device: torch.device) -> None:
        layout = encoded.layout
        self.n = len(encoded)
        self.width = layout.width
        self._continuous = torch.as_tensor(encoded.continuous).to(device)
        self._codes = torch.as_tensor(encoded.codes).to(device)
        self._bits = torch.as_tensor(encoded.bits).to(device)
        starts = [part.start for part in layout.of_kind("categorical")]
        self._starts = torch.tensor(starts, dtype=torch.long, device=device)
        self._continuous_at = _span(layout, "continuous", device)
        self._bits_at = _span(layout, "bits", device)
        self._odds: dict[str, Tensor | None] = {}

    def __len__(self) -> int:
        return self.n

    def take(self, index: Tensor) -> Float[Tensor, "n width"]:
        """Write the rows at `index` out as a batch."""
        # One position past the row takes the writes of shut categories and is cut off.
        batch = torch.zeros(index.shape[0], self.width + 1, device=index.device)
        codes = self._codes[index].long()
        positions = torch.where(codes >= 0, codes + self._starts, self.width)
        batch.scatter_(1, positions, 1.0)
        batch[:, self._continuous_at] = self._continuous[index]
        batch[:, self._bits_at] = self._bits[index].float()
        return batch[:, :-1]

    def show(
        self, phase: Phase, free: Inputs, *, n: int, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Draw `n` rows, as often as the phase wants each of them, and what it puts beside them."""
        if phase.name not in self._odds:
            self._odds[phase.name] = self.cumulative(phase.weigh)
        rows = self.draw(n, rng, cumulative=self._odds[phase.name])
        return phase.draw_rows(rows, free, progress, rng)

    def cumulative(self, weigh: Callable[[Tensor], Tensor | None]) -> Tensor | None:
        """Weigh all rows and add the weights up, shape (n,), for `draw`; `None` where all weigh the same."""
        weights = []
        for start in range(0, self.n, _PORTION):
            stop = min(start + _PORTION, self.n)
            weight = weigh(self.take(torch.arange(start, stop, device=self._codes.device)))
            if weight is None:
                return None
            weights.append(weight.double())
        return torch.cat(weights).cumsum(dim=0)

    def draw(
        self, n: int, rng: torch.Generator, *, cumulative: Tensor | None = None
    ) -> Float[Tensor, "n width"]:
        """Draw a batch of `n` rows, each at most once where there are enough; or by weight, with replacement.

        Parameters
        ----------
        n : int
            Rows.
        rng : torch.Generator
            On the rows' device.
        cumulative : Tensor, optional
            From `cumulative`.
        """
        if cumulative is not None:
            uniform = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
            drawn = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True)
            return self.take(drawn.clamp(max=self.n - 1))
        if n > self.n:
            return self.take(torch.randint(self.n, (n,), generator=rng, device=rng.device))
        if 4 * n > self.n:
            return self.take(torch.randperm(self.n, generator=rng, device=rng.device)[:n])
        return self.take(torch.randint(self.n, (n,), generator=rng, device=rng.device))


def _span(layout: Layout, kind: PartKind, device: torch.device) -> Tensor:
    spans = [torch.arange(part.start, part.stop) for part in layout.of_kind(kind)]
    return (torch.cat(spans) if spans else torch.zeros(0, dtype=torch.long)).to(device)
