"""`Charge`: what one read of patients costs, as frozen values that an accountant adds up.

Noise is always told as a multiple of the L2 sensitivity: how much one person (one row, or all rows of
one patient) can move what is released.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from synthetic_healthcare.errors import ConfigError


@final
@dataclass(frozen=True, slots=True)
class Gaussian:
    """A release with Gaussian noise, or several with the same.

    Parameters
    ----------
    multiplier : float
        Standard deviation of the noise over the L2 sensitivity.
    times : int, default 1
        Releases.
    """

    multiplier: float
    times: int = 1

    def __post_init__(self) -> None:
        _require_positive(multiplier=self.multiplier, times=self.times)


@final
@dataclass(frozen=True, slots=True)
class SampledGaussian:
    """Releases with Gaussian noise, each of a Poisson sample of its own.

    Parameters
    ----------
    multiplier : float
        As in `Gaussian`.
    probability : float, above 0 and at most 1
        With which each person is in a sample, independent of the others and of other samples.
    times : int
        Releases.
    """

    multiplier: float
    probability: float
    times: int

    def __post_init__(self) -> None:
        _require_positive(multiplier=self.multiplier, probability=self.probability, times=self.times)
        if self.probability > 1:
            raise ConfigError(f"a sampling probability is at most 1; this is {self.probability}")


@final
@dataclass(frozen=True, slots=True)
class Concentrated:
    """A release that keeps zero-concentrated differential privacy (Bun and Steinke 2016, arXiv:1605.02065).

    The exponential mechanism with `e` keeps it with rho = e^2 / 8 (Cesar and Rogers 2021, arXiv:2004.07223).

    Parameters
    ----------
    rho : float
        Its parameter.
    times : int, default 1
        Releases.
    """

    rho: float
    times: int = 1

    def __post_init__(self) -> None:
        _require_positive(rho=self.rho, times=self.times)


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """A chance that a release gives something of one person away, set aside before it is taken.

    It is taken off the delta that the other charges may use: they hold but with this probability.

    Parameters
    ----------
    delta : float, above 0 and below 1
        The probability.
    """

    delta: float

    def __post_init__(self) -> None:
        _require_positive(delta=self.delta)
        if self.delta >= 1:
            raise ConfigError(f"a chance of failure is below 1; this is {self.delta}")


Charge = Gaussian | SampledGaussian | Concentrated | Failure

_NAMES: Final[dict[str, type[Charge]]] = {
    "gaussian": Gaussian,
    "sampled gaussian": SampledGaussian,
    "concentrated": Concentrated,
    "failure": Failure,
}


def mechanism(charge: Charge) -> str:
    """Return the name of a charge's mechanism, as it stands in files and tables."""
    return next(name for name, kind in _NAMES.items() if isinstance(charge, kind))


def to_dict(charge: Charge) -> dict[str, Any]:
    """Plain data for JSON."""
    return {"mechanism": mechanism(charge), **asdict(charge)}


def from_dict(data: dict[str, Any]) -> Charge:
    """Rebuild what `to_dict` gave."""
    facts = dict(data)
    return _NAMES[facts.pop("mechanism")](**facts)


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"a charge's {name} must be a number above 0; this is {value}")
