"""`Secrets`: the chance that private training keeps to itself, from the operating system's entropy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal, final, get_args

import numpy as np
import torch

Use = Literal["noise", "rows", "sampling"]

_USES: Final[tuple[Use, ...]] = get_args(Use)


@final
@dataclass(frozen=True)
class Secrets:
    """Where noise, samples of patients and what is drawn beside them come from.

    Whoever knows a seed knows the noise and can take it off: none is ever the user's.

    Parameters
    ----------
    testing_seed : int, optional
        Fixes them, for tests. What is trained so is not private.
    """

    testing_seed: int | None = None

    @property
    def kept(self) -> bool:
        """Whether they are secrets."""
        return self.testing_seed is None

    def tensors(self, use: Use, device: torch.device) -> torch.Generator:
        """Return a new generator of tensors."""
        return torch.Generator(device).manual_seed(self._seed(use))

    def arrays(self, use: Use) -> np.random.Generator:
        """Return a new generator of arrays."""
        if self.testing_seed is None:
            return np.random.default_rng(int.from_bytes(os.urandom(32), "little"))
        return np.random.default_rng(self._seed(use))

    def _seed(self, use: Use) -> int:
        if self.testing_seed is None:
            return int.from_bytes(os.urandom(8), "little") >> 1
        stream = np.random.default_rng([self.testing_seed, _USES.index(use)])
        return int(stream.integers(2**62))
