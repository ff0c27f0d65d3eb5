"""The levers of quality on any model: calibration, and pool-and-select, as they are stored and applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.models._base import GenerativeModel
from synthetic_healthcare.sampling.calibrate import Calibration, State, fit_calibration
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.draw import CHUNK, draw
from synthetic_healthcare.sampling.select import Weights, rake
from synthetic_healthcare.sampling.swaps import refined
from synthetic_healthcare.sampling.targets import Targets, read_targets
from synthetic_healthcare.schema.layout import Encoded, joined

#: Rows up to which a draw is refined by swaps; a larger one is as near to its tables by its size alone.
_MOST_SWAPPED: Final = 5000
#: Rows in the pool for each row that is kept, and rows in it at least.
_POOL: Final = 8
_SMALLEST_POOL: Final = 2000


@final
@dataclass(frozen=True)
class Levers:
    """What is done to the rows that a model draws; without arguments: nothing.

    Parameters
    ----------
    calibration : Calibration
        Maps of numbers.
    weights : Weights
        Chances of rows.
    targets : Targets or None
        The tables that swaps refine towards; `None`: no swaps.
    """

    calibration: Calibration = field(default_factory=Calibration)
    weights: Weights = field(default_factory=Weights)
    targets: Targets | None = None

    def draw(self, model: GenerativeModel, n: int, *, seed: int) -> Iterator[Encoded]:
        """Draw `n` rows, chunk by chunk; no row of the model is given twice.

        Parameters
        ----------
        model : GenerativeModel
            Ready to sample.
        n : int
            Rows.
        seed : int
            Equal seeds give equal rows.
        """
        if not self.weights.tables:
            for chunk in draw(model, n, seed=seed):
                yield self.calibration.apply(chunk)
            return
        if n <= _MOST_SWAPPED and self.targets is not None:
            yield self._refined(model, n, seed)
            return
        rng = np.random.default_rng(seed)
        given = 0
        while given < n:
            # A stream of its own for each round: a chunk of the model's is not drawn twice.
            for chunk in draw(model, CHUNK, seed=int(rng.integers(2**62))):
                mapped = self.calibration.apply(chunk)
                kept = np.flatnonzero(rng.random(len(mapped)) < self.weights.chances(mapped))[: n - given]
                given += len(kept)
                yield mapped.take(kept)

    def _refined(self, model: GenerativeModel, n: int, seed: int) -> Encoded:
        """A draw whose rows are exchanged for others of the pool until its tables are at their level."""
        rng = np.random.default_rng(seed)
        pool = self.calibration.apply(joined(draw(model, max(_POOL * n, _SMALLEST_POOL), seed=seed)))
        # The first of exponential clocks are a draw by weight without repeats (Efraimidis, Spirakis 2006).
        clocks = rng.exponential(size=len(pool)) / np.maximum(self.weights.chances(pool), 1e-12)
        order = np.argsort(clocks, kind="stable")
        assert self.targets is not None
        return pool.take(refined(pool, order[:n], order[n:], self.targets, rng=rng))

    def to_state(self) -> State:
        """Return plain facts, and arrays by name."""
        facts: dict[str, Any] = {}
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, part in (("calibration", self.calibration), ("weights", self.weights)):
            facts[name], own = part.to_state()
            arrays |= {f"{name}.{key}": value for key, value in own.items()}
        if self.targets is not None:
            facts["targets"], own = self.targets.to_state()
            arrays |= {f"targets.{key}": value for key, value in own.items()}
        return facts, arrays

    @staticmethod
    def from_state(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Levers:
        """Rebuild what `to_state` gave."""

        def own(name: str) -> dict[str, npt.NDArray[Any]]:
            prefix = f"{name}."
            return {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}

        targets = facts.get("targets")
        return Levers(
            Calibration.from_state(facts["calibration"], own("calibration")),
            Weights.from_state(facts["weights"], own("weights")),
            None if targets is None else Targets.from_state(targets, own("targets")),
        )


def fit_levers(model: GenerativeModel, rows: Encoded, *, config: SamplingConfig, seed: int) -> Levers:
    """Learn what the rows of a model lack.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    rows : Encoded (n,)
        The training rows; only `read_targets` reads them.
    config : SamplingConfig
        Which levers, and how far.
    seed : int
        Equal seeds give equal levers.

    Returns
    -------
    Levers
        They do nothing where the settings ask for nothing.
    """
    if not (config.calibrate or config.select) or not config.strength:
        return Levers()
    rng = np.random.default_rng(seed)
    targets = read_targets(rows, config, rng=rng)
    pool = joined(draw(model, config.pool_rows, seed=int(rng.integers(2**62))))
    calibration = Calibration()
    if config.calibrate:
        calibration = fit_calibration(pool, targets.normal, strength=config.strength)
    if not config.select:
        return Levers(calibration)
    weights = rake(calibration.apply(pool), targets, config)
    return Levers(calibration, weights, targets if weights.tables else None)
