"""`Levers`: what makes the rows of any model better after it has been trained, and how they are drawn then.

Two levers, which know a model by its rows alone:

- *calibration* brings every number to the distribution that it was encoded to, and every category and code to
  its protected marginal;
- *pool-and-select* draws more rows than are asked for and keeps those that bring pairs of columns to where
  unseen patients have them (`select`).

What they may know of the training rows is in `Targets`, and no other thing here reads a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch

from synthetic_healthcare.errors import ArtifactError
from synthetic_healthcare.models._base import GenerativeModel
from synthetic_healthcare.sampling.ahead import in_order, threads_for
from synthetic_healthcare.sampling.calibrate import Calibration, State, fit_calibration
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.draw import CHUNK, chunk_stream, draw, ready_to_sample
from synthetic_healthcare.sampling.select import Weights, fit_weights
from synthetic_healthcare.sampling.targets import Targets, read_targets
from synthetic_healthcare.schema.layout import Encoded, joined

_STATE_VERSION: Final = 1
#: Rows drawn beyond those that are kept on average, so that a second draw is seldom needed.
_SPARE: Final = 1.05


@final
@dataclass(frozen=True, eq=False)
class Levers:
    """What was learnt about a model's rows; without arguments: nothing, and rows stay as they are.

    Parameters
    ----------
    calibration : Calibration
        Maps of the numbers.
    weights : Weights
        Chances of being kept, for calibrated rows.
    """

    calibration: Calibration = field(default_factory=Calibration)
    weights: Weights = field(default_factory=Weights)

    @property
    def rows_per_kept(self) -> float:
        """Rows that are drawn for each one that is kept, on average."""
        return self.weights.bound

    def select(self, rows: Encoded, *, rng: np.random.Generator) -> Encoded:
        """Calibrate rows and keep each with its chance; their order stays."""
        rows = self.calibration.apply(rows)
        if not self.weights.tables:
            return rows
        kept = rng.random(len(rows)) < self.weights.chances(rows)
        return rows.take(np.flatnonzero(kept))

    def to_state(self) -> State:
        """Return plain facts, and arrays by name: knots and factors, no table of the training rows."""
        facts: dict[str, Any] = {"version": _STATE_VERSION}
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, lever in (("calibration", self.calibration), ("weights", self.weights)):
            facts[name], own = lever.to_state()
            arrays |= {f"{name}.{key}": array for key, array in own.items()}
        return facts, arrays

    @staticmethod
    def from_state(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Levers:
        """Rebuild what `to_state` gave.

        Raises
        ------
        ArtifactError
            The state was written by a release with another format.
        """
        if facts.get("version") != _STATE_VERSION:
            raise ArtifactError(f"the levers' state is not of version {_STATE_VERSION}. Fit the model again")
        calibration, weights = (
            {
                key.removeprefix(f"{name}."): array
                for key, array in arrays.items()
                if key.startswith(f"{name}.")
            }
            for name in ("calibration", "weights")
        )
        return Levers(
            Calibration.from_state(facts["calibration"], calibration),
            Weights.from_state(facts["weights"], weights),
        )


def levers_for(model: GenerativeModel, rows: Encoded, *, config: SamplingConfig, seed: int) -> Levers:
    """Learn what a model's rows lack beside others, as far as the settings ask for it.

    Parameters
    ----------
    model : GenerativeModel
        Fitted.
    rows : Encoded (n,)
        What its rows should be like.
    config : SamplingConfig
        Which levers.
    seed : int
        Equal seeds give equal levers.
    """
    if not (config.calibrate or config.select):
        return Levers()
    targets = read_targets(rows, config, rng=np.random.default_rng(seed))
    return fit_levers(model, targets, config=config, seed=seed)


def fit_levers(model: GenerativeModel, targets: Targets, *, config: SamplingConfig, seed: int) -> Levers:
    """Learn how a trained model's rows are to be calibrated and selected.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample; its rows, `config.pool_rows` of them, are all that is read besides the targets.
    targets : Targets
        What `read_targets` counted, or noised tables in its place.
    config : SamplingConfig
        Which levers, and how strongly.
    seed : int
        Decides the rows that are drawn.
    """
    pool = joined(draw(model, config.pool_rows, seed=seed))
    parts = targets.normal if config.calibrate else ()
    calibration = fit_calibration(pool, parts, strength=config.strength)
    return Levers(calibration, fit_weights(calibration.apply(pool), targets, config))


def draw_selected(model: GenerativeModel, levers: Levers, n: int, *, seed: int) -> Iterator[Encoded]:
    """Draw `n` encoded rows that the levers were applied to, chunk by chunk, in constant memory.

    Each row of the model is given out at most once. Levers with nothing to mend give the rows of `draw`.
    Chunks are made on all cores and come in their order.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    levers : Levers
        Learnt from rows of this model.
    n : int
        Rows, in all.
    seed : int
        Equal seeds give equal rows on the CPU.
    """
    ready_to_sample(model)
    selects = bool(levers.weights.tables)
    size = min(CHUNK, ceil(_SPARE * n * levers.rows_per_kept) + 1) if selects else min(CHUNK, n)
    chunks = ceil(n * levers.rows_per_kept / size)

    def chunk(number: int) -> Encoded:
        wanted = size if selects else min(size, n - number * size)
        # Inference mode belongs to a thread, so it is entered in the one that samples.
        with torch.inference_mode():
            rows = model.sample(wanted, rng=chunk_stream(model, seed, number))
        return levers.select(rows, rng=np.random.default_rng([seed, number]))

    # How many rows a selected chunk gives is known only afterwards: there is always another one to ask for.
    numbers = count() if selects else range(chunks)
    left = n
    for rows in in_order(chunk, numbers, threads=threads_for(model, chunks)):
        kept = rows if len(rows) <= left else rows.take(np.arange(left))
        left -= len(kept)
        if len(kept):
            yield kept
        if not left:
            return
