"""What can be asked for: the sections `k_anonymity`, `l_diversity` and `t_closeness` of a configuration."""

from __future__ import annotations

from typing import Any, Final, Literal, final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synthetic_healthcare.privacy.anonymity.hierarchy import Hierarchy

Recode = Literal["value", "interval"]
Stage = Literal["output", "input"]
Diversity = Literal["distinct", "entropy", "recursive"]

#: The c of recursive (c, l)-diversity where none is given.
DEFAULT_C: Final = 3.0


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Generalisation(_Section):
    """How the quasi-identifiers of a table are made coarser."""

    quasi_identifiers: tuple[str, ...] | None = Field(
        None, min_length=1, description="columns that others may know; default: those of the role quasi"
    )
    recode: Recode = Field(
        "value", description="value: one of the group's own values, dtypes kept; interval: text such as 60-69"
    )
    suppression_limit: float = Field(
        0.05, ge=0, lt=1, description="share of the rows that may be left out where generalising cannot do it"
    )
    hierarchies: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="column -> {width: [5, 10]}, {prefix: [3, 1]}, {calendar: [month, year]} or "
        "{values: {value: [parent, grandparent]}}",
    )
    stage: Stage = Field(
        "output", description="output: every table that is released; input: the table to learn, before fit"
    )

    @field_validator("hierarchies", mode="before")
    @classmethod
    def _hierarchies_can_be_read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        # As plain data with text for keys, the way JSON gives it back.
        return {str(name): Hierarchy.read(str(name), settings).to_dict() for name, settings in given.items()}


@final
class KAnonymity(Generalisation):
    """Each combination of quasi-identifiers that is released is shared by k rows."""

    k: int = Field(ge=2, description="fewest rows that share a combination of quasi-identifiers")


@final
class LDiversity(_Section):
    """Each such group has l well-represented sensitive values."""

    l: int = Field(ge=2)  # noqa: E741 - the field's own letter, and the name in the file
    sensitive: tuple[str, ...] | None = Field(
        None, min_length=1, description="default: columns of the role sensitive, else the target"
    )
    kind: Diversity = Field("distinct", description="distinct values, exp(entropy), or recursive (c, l)")
    c: float | None = Field(None, gt=0, description=f"of recursive (c, l)-diversity; default {DEFAULT_C:g}")

    @model_validator(mode="after")
    def _only_recursive_has_c(self) -> LDiversity:
        if self.c is not None and self.kind != "recursive":
            raise ValueError(f"c belongs to kind 'recursive', and the kind is {self.kind!r}")
        return self

    @property
    def most_common_share(self) -> float:
        """The c of recursive (c, l)-diversity: the commonest value stays below c times the tail."""
        return DEFAULT_C if self.c is None else self.c


@final
class TCloseness(_Section):
    """Within each such group sensitive values are distributed nearly as in the whole table."""

    t: float = Field(
        gt=0, le=1, description="largest distance between a group's distribution and the table's"
    )
    sensitive: tuple[str, ...] | None = Field(
        None, min_length=1, description="default: columns of the role sensitive, else the target"
    )
