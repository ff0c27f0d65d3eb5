"""What metrics ask for by parameter name: computed when first asked for, shared by all that ask."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.inputs import FAIRNESS_INPUTS
from synthetic_healthcare.evaluation.fidelity.inputs import FIDELITY_INPUTS
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.inputs import PRIVACY_INPUTS
from synthetic_healthcare.evaluation.statistics import bootstrap_weights
from synthetic_healthcare.evaluation.utility.inputs import UTILITY_INPUTS


@final
class Inputs:
    """Gives each metric the inputs that it names.

    Parameters
    ----------
    given : Mapping
        Inputs that are there.
    absent : Mapping of str
        Inputs that are not, with the reason.
    seed : int
        Each asker of `rng` gets a stream of its own, made of the seed and the asker's name.
    """

    def __init__(self, given: Mapping[str, Any], absent: Mapping[str, str], *, seed: int) -> None:
        self._ready = dict(given)
        self._failed: dict[str, Exception] = {name: NotApplicable(reason) for name, reason in absent.items()}
        self._seed = seed

    def call(self, function: Callable[..., Any], name: str) -> Any:
        """Call a function with the inputs that its parameters name.

        Raises
        ------
        NotApplicable
            Where an input is not there.
        """
        needed = inspect.signature(function).parameters
        return function(**{one: self._rng(name) if one == "rng" else self.get(one) for one in needed})

    def get(self, name: str) -> Any:
        """One input, computed at the first request; what it raised then, it raises again."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._ready:
            try:
                self._ready[name] = self.call(_PROVIDERS[name], name)
            except Exception as error:
                self._failed[name] = error
                raise
        return self._ready[name]

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(name.encode())])


def _synthetic_sample(synthetic: Judged, train: Judged) -> Judged:
    # The synthetic and the training rows are judged at equal numbers, or the larger table would look better.
    return synthetic.first(len(train))


def _train_sample(synthetic: Judged, train: Judged) -> Judged:
    return train.first(len(synthetic))


def _weights(
    holdout: Judged, options: EvaluationOptions, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    return bootstrap_weights(len(holdout), replicates=options.bootstrap, rng=rng)


_PROVIDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "synthetic_sample": _synthetic_sample,
    "train_sample": _train_sample,
    "weights": _weights,
    **FIDELITY_INPUTS,
    **UTILITY_INPUTS,
    **PRIVACY_INPUTS,
    **FAIRNESS_INPUTS,
}
