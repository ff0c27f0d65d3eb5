"""`Requirement`: what is asked of a table, column by column, read against its schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.privacy.anonymity.hierarchy import Hierarchy
from synthetic_healthcare.privacy.anonymity.settings import (
    Generalisation,
    KAnonymity,
    LDiversity,
    TCloseness,
)
from synthetic_healthcare.schema.column import UNLEARNT_KINDS
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.spelling import unknown


@final
@dataclass(frozen=True)
class Requirement:
    """What has to hold of every group of rows that share their quasi-identifiers.

    Parameters
    ----------
    quasi_identifiers : tuple of str
        The columns that make the groups.
    k : int
        Fewest rows of a group; 1 asks nothing.
    how : Generalisation
        How the quasi-identifiers are made coarser.
    diversity : LDiversity or None
        What is asked of the sensitive values of a group ...
    diverse : tuple of str
        ... in each of these columns by itself.
    closeness : TCloseness or None
        How near a group's sensitive values are to the table's ...
    close : tuple of str
        ... in each of these columns by itself.
    """

    quasi_identifiers: tuple[str, ...]
    k: int
    how: Generalisation
    diversity: LDiversity | None = None
    diverse: tuple[str, ...] = ()
    closeness: TCloseness | None = None
    close: tuple[str, ...] = ()

    @staticmethod
    def of(
        schema: Schema,
        *,
        k_anonymity: KAnonymity | None = None,
        l_diversity: LDiversity | None = None,
        t_closeness: TCloseness | None = None,
    ) -> Requirement | None:
        """Put together what is asked for; `None` where nothing is.

        Quasi-identifiers that are not named are the columns of the role `quasi`. Sensitive columns that are
        not named are those of the role `sensitive`; where there are none, the target.

        Raises
        ------
        ConfigError
            There are no such columns, a named one is unknown or an identifier, or a column would be both.
        """
        if k_anonymity is None and l_diversity is None and t_closeness is None:
            return None
        how = Generalisation() if k_anonymity is None else k_anonymity
        quasi = _quasi_identifiers(schema, how)
        for name in how.hierarchies:
            if name not in quasi:
                raise ConfigError(
                    f"privacy.k_anonymity.hierarchies: {unknown('quasi-identifier', name, quasi)}"
                )
        requirement = Requirement(
            quasi,
            1 if k_anonymity is None else k_anonymity.k,
            how,
            l_diversity,
            () if l_diversity is None else _sensitive(schema, l_diversity.sensitive, "l_diversity"),
            t_closeness,
            () if t_closeness is None else _sensitive(schema, t_closeness.sensitive, "t_closeness"),
        )
        both = [name for name in requirement.sensitive if name in quasi]
        if both:
            raise ConfigError(
                f"column {both[0]!r} is a quasi-identifier and sensitive at once: either others know it, or "
                "it is to be hidden from them. Name it in one of quasi_identifiers and sensitive"
            )
        return requirement

    @property
    def sensitive(self) -> tuple[str, ...]:
        """All columns of which something sensitive is asked, each once."""
        return tuple(dict.fromkeys((*self.diverse, *self.close)))

    def hierarchy(self, name: str) -> Hierarchy | None:
        """The declared hierarchy of a column."""
        settings = self.how.hierarchies.get(name)
        return None if settings is None else Hierarchy.read(name, settings)

    def describe(self) -> str:
        """One sentence on what holds, and what that is not."""
        parts = []
        if self.k > 1:
            parts.append(f"{self.k}-anonymous")
        if self.diversity is not None:
            parts.append(f"{self.diversity.l}-diverse ({self.diversity.kind}) in {_listed(self.diverse)}")
        if self.closeness is not None:
            parts.append(f"{self.closeness.t:g}-close in {_listed(self.close)}")
        what = (
            "Every table of synthetic rows that is given out is"
            if self.how.stage == "output"
            else "The rows that were learnt had been made"
        )
        return (
            f"{what} {', '.join(parts)}; quasi-identifiers: {_listed(self.quasi_identifiers)}. This is a "
            "property of a table, not a bound on what can be learnt of a patient."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _quasi_identifiers(schema: Schema, how: Generalisation) -> tuple[str, ...]:
    if how.quasi_identifiers is None:
        names = tuple(column.name for column in schema.of_role("quasi") if _is_shared(schema, column.name))
        if not names:
            raise ConfigError(
                "no column has the role 'quasi', so there is nothing to be anonymous by. Name the columns "
                "that others may know of a patient: quasi_identifiers=[...], or role: quasi in the schema"
            )
        return names
    return _known(schema, how.quasi_identifiers, "k_anonymity.quasi_identifiers")


def _sensitive(schema: Schema, named: tuple[str, ...] | None, section: str) -> tuple[str, ...]:
    if named is not None:
        return _known(schema, named, f"{section}.sensitive")
    names = tuple(column.name for column in schema.of_role("sensitive") if _is_shared(schema, column.name))
    if names:
        return names
    if schema.target is None:
        raise ConfigError(
            f"privacy.{section}: no column has the role 'sensitive' and there is no target. Name the columns "
            "that nobody may learn of a patient: sensitive=[...], or role: sensitive in the schema"
        )
    return (schema.target,)


def _known(schema: Schema, names: tuple[str, ...], where: str) -> tuple[str, ...]:
    for name in names:
        if name not in schema.names:
            raise ConfigError(f"privacy.{where}: {unknown('column', name, schema.names)}")
        if not _is_shared(schema, name):
            raise ConfigError(
                f"privacy.{where}: column {name!r} is an identifier; generated rows get fresh ones, so it "
                "names nobody. Leave it out"
            )
    return tuple(dict.fromkeys(names))


def _is_shared(schema: Schema, name: str) -> bool:
    """Whether rows can share the column's values: not an identifier, not free text."""
    column = schema[name]
    return column.kind not in UNLEARNT_KINDS and column.role not in ("identifier", "group")
