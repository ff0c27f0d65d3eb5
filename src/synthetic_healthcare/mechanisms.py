"""What `add_privacy_mechanism` is given, read into the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict, get_args

from pydantic import BaseModel

from synthetic_healthcare.config import DifferentialPrivacySection, RunConfig
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.anonymity.settings import (
    Diversity,
    KAnonymity,
    LDiversity,
    Recode,
    Stage,
    TCloseness,
)

Mechanism = Literal["differential_privacy", "k_anonymity", "l_diversity", "t_closeness"]

#: What each mechanism can be told are the settings of its section under `privacy`.
_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "differential_privacy": DifferentialPrivacySection,
    "k_anonymity": KAnonymity,
    "l_diversity": LDiversity,
    "t_closeness": TCloseness,
}


class MechanismSettings(TypedDict, total=False):
    """How a mechanism works, beside the number that it promises."""

    quasi_identifiers: Sequence[str]
    recode: Recode
    suppression_limit: float
    hierarchies: Mapping[str, Mapping[str, Any]]
    stage: Stage
    sensitive: Sequence[str]
    kind: Diversity
    c: float


def with_mechanism(config: RunConfig, mechanism: Mechanism, given: Mapping[str, Any]) -> RunConfig:
    """Return the configuration with a mechanism's section put in, in place of one that was there.

    Parameters
    ----------
    config : RunConfig
        All settings.
    mechanism : Mechanism
        Which one.
    given : Mapping
        What it is told, by name; `None` counts as not told.

    Raises
    ------
    ConfigError
        The mechanism is unknown, or it is told too little, too much or a value out of range.
    """
    if mechanism not in get_args(Mechanism):
        raise ConfigError(f"mechanism {mechanism!r} is unknown; known: {', '.join(get_args(Mechanism))}")
    fields = _SECTIONS[mechanism].model_fields
    told = {name: _plain(value) for name, value in given.items() if value is not None}
    foreign = [name for name in told if name not in fields]
    if foreign:
        raise ConfigError(f"mechanism {mechanism!r} takes no {foreign[0]!r}; it takes {', '.join(fields)}")
    absent = [name for name, field in fields.items() if field.is_required() and name not in told]
    if absent:
        raise ConfigError(f"mechanism {mechanism!r} needs {absent[0]!r}, for example {absent[0]}=5")
    settings = config.to_dict()
    settings["privacy"][mechanism] = told
    return RunConfig.from_mapping(settings)


def _plain(value: Any) -> Any:
    """A list for any sequence of names; a single name stays text and is refused by the section."""
    return list(value) if isinstance(value, tuple | set | frozenset) else value
