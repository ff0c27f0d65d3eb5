"""The named privacy levels: what `privacy_level` stands for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from synthetic_healthcare.errors import ConfigError

LevelName = Literal["none", "low", "medium", "high", "maximum"]

LEVEL_NAMES: Final[tuple[LevelName, ...]] = get_args(LevelName)


@dataclass(frozen=True, slots=True)
class PrivacyLevel:
    """A name for a differential privacy budget.

    Parameters
    ----------
    name : LevelName
        What the user writes.
    epsilon : float or None
        Budget for neighbours that differ by one row (one patient where a group column is declared). `None`:
        no formal guarantee, only the standard protections.
    delta : float or None
        Probability with which the bound of epsilon may fail; `None` together with epsilon.
    """

    name: LevelName
    epsilon: float | None
    delta: float | None


#: A level that has an epsilon means differential privacy from end to end, or an error; never a silence.
LEVELS: Final[Mapping[str, PrivacyLevel]] = MappingProxyType(
    {
        "none": PrivacyLevel("none", None, None),
        "low": PrivacyLevel("low", 10.0, 1e-5),
        "medium": PrivacyLevel("medium", 3.0, 1e-5),
        "high": PrivacyLevel("high", 1.0, 1e-5),
        "maximum": PrivacyLevel("maximum", 0.5, 1e-6),
    }
)


def level_named(name: str) -> PrivacyLevel:
    """Return the level of that name.

    Raises
    ------
    ConfigError
        The name is none of the five.
    """
    if name not in LEVELS:
        near = difflib.get_close_matches(name, LEVELS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"privacy level {name!r} is unknown.{hint} Allowed: {', '.join(LEVELS)}")
    return LEVELS[name]
