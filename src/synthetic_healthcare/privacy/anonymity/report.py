"""`AnonymityReport`: what holds of a table, counted on the table itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from synthetic_healthcare.privacy.anonymity.demands import SLACK
from synthetic_healthcare.privacy.anonymity.requirement import Requirement


@final
@dataclass(frozen=True)
class AnonymityReport:
    """How anonymous a table is, and what that cost; counts and column names, never rows.

    Parameters
    ----------
    rows : int
        Rows of the table.
    classes : int
        Groups of rows that share their quasi-identifiers.
    k : int
        Rows of the smallest group.
    diversity : Mapping of str to float
        Sensitive column -> the least of its groups: distinct values, exp(entropy), or for the recursive kind
        the smallest c that would do.
    closeness : Mapping of str to float
        Sensitive column -> the largest distance between a group and the table.
    suppressed : int
        Rows that were left out.
    loss : Mapping of str to float
        Quasi-identifier -> mean normalised certainty penalty, from 0, as it was, to 1, nothing left; empty
        where a table was only checked.
    """

    rows: int
    classes: int
    k: int
    diversity: Mapping[str, float] = field(default_factory=dict)
    closeness: Mapping[str, float] = field(default_factory=dict)
    suppressed: int = 0
    loss: Mapping[str, float] = field(default_factory=dict)

    def shortfalls(self, requirement: Requirement) -> tuple[str, ...]:
        """What a requirement asks for and the table does not meet, a line each; empty where all is met."""
        found = []
        if self.k < requirement.k:
            found.append(f"a group has {self.k} rows, fewer than k={requirement.k}")
        asked = requirement.diversity
        if asked is not None:
            for name, value in self.diversity.items():
                if asked.kind == "recursive":
                    short = not value < asked.most_common_share
                else:
                    short = value < asked.l - SLACK
                if short:
                    found.append(f"column {name!r} is not {asked.l}-diverse ({asked.kind}) in every group")
        if requirement.closeness is not None:
            t = requirement.closeness.t
            far = [name for name, value in self.closeness.items() if value > t + SLACK]
            found.extend(f"a group of column {name!r} is farther than t={t:g} from the table" for name in far)
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; a diversity that no c would do for is `None`."""
        return {
            "rows": self.rows,
            "classes": self.classes,
            "k": self.k,
            "diversity": {n: value if value < float("inf") else None for n, value in self.diversity.items()},
            "closeness": dict(self.closeness),
            "suppressed": self.suppressed,
            "loss": dict(self.loss),
        }

    def __str__(self) -> str:
        """One line for people."""
        parts = [f"{self.classes:,} groups of at least {self.k:,} rows"]
        parts += [f"diversity of {name!r} {value:.3g}" for name, value in self.diversity.items()]
        parts += [f"distance of {name!r} {value:.3g}" for name, value in self.closeness.items()]
        if self.suppressed:
            parts.append(f"{self.suppressed:,} rows left out")
        if self.loss:
            mean = sum(self.loss.values()) / len(self.loss)
            parts.append(f"information lost {mean:.1%}")
        return "; ".join(parts)
