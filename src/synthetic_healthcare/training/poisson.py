"""`PoissonRows`: each person is in a sample with one probability, whoever else is; the size stays inside."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.phases import Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.plan import PrivatePlan
from synthetic_healthcare.training.secrets import Secrets

People = npt.NDArray[np.integer[Any]]


@final
class PoissonRows:
    """Poisson samples of the training rows, a new one for each update of each phase.

    Parameters
    ----------
    encoded : Encoded
        The rows, as many as the plan says.
    plan : PrivatePlan
        How many of them.
    secrets : Secrets
        Decide who is in a sample, and draw what stands beside a row.
    device : torch.device
        Where batches are made.
    people : int array (n,), optional
        Number of the person of each row, from 0 on: all of a person's rows are in a sample together. Of one
        who has more rows than the plan allows, that many are chosen by chance and the others never read.
        Left out: each row is a person.
    """

    private = True

    def __init__(
        self,
        encoded: Encoded,
        plan: PrivatePlan,
        secrets: Secrets,
        *,
        device: torch.device,
        people: People | None = None,
    ) -> None:
        if len(encoded) != plan.rows:
            raise ConfigError(f"a plan for {plan.rows} rows cannot train on {len(encoded)}")
        self._chance = secrets.arrays("sampling")
        self._beside = secrets.tensors("rows", device)
        self._device = device
        self._probability = plan.probability
        self._n = len(encoded)
        own = np.arange(self._n) if people is None else np.asarray(people, dtype=np.int64)
        if own.shape != (self._n,):
            raise ConfigError(f"people names {len(own)} rows and the table has {self._n}")
        kept = self._bounded(own, plan.rows_per_person)
        self._rows = Rows(encoded.take(kept), device)
        self._person = own[kept]
        self._people = int(own.max(initial=-1)) + 1

    def __len__(self) -> int:
        return self._n

    def show(
        self, phase: Phase, free: Inputs, *, n: int, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Draw a sample, and what a phase puts beside its rows from secret chance of its own.

        `rng` is the run's and may be known to anyone: were it used here, how far it moves would tell how
        many rows there were, and a row's noise would depend on who stands before it.
        """
        index = torch.from_numpy(self.sample()).to(self._device)
        return phase.draw_rows(self._rows.take(index), free, progress, self._beside)

    def sample(self) -> npt.NDArray[np.int64]:
        """Draw the positions of one sample's rows; there may be none."""
        taken = self._chance.random(self._people) < self._probability
        return np.flatnonzero(taken[self._person])

    def _bounded(self, person: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
        """Positions of at most `most` rows of each person, chosen by chance, in the table's order."""
        shuffled = self._chance.permutation(len(person))
        order = shuffled[np.argsort(person[shuffled], kind="stable")]
        sorted_ = person[order]
        first = np.searchsorted(sorted_, sorted_, side="left")
        return np.sort(order[np.arange(len(order)) - first < most])
