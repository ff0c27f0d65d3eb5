"""`Violations`: how often rules are broken, in counts only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final


@final
@dataclass(frozen=True)
class RuleCount:
    """How often one rule is broken.

    Parameters
    ----------
    name : str
        The rule.
    concerned : int
        Rows of which it says something: its condition is met and nothing that it compares is missing.
    violating : int
        Those that break it.
    """

    name: str
    concerned: int
    violating: int

    @property
    def rate(self) -> float:
        """Share of the rows concerned that break it; 0 where none is concerned."""
        return self.violating / self.concerned if self.concerned else 0.0


@final
@dataclass(frozen=True)
class Violations(Mapping[str, RuleCount]):
    """How often the rules of a pack are broken in a table; counts, never rows.

    Parameters
    ----------
    rows : int
        Rows of the table.
    violating : int
        Rows that break at least one rule.
    counts : tuple of RuleCount
        One a rule, in the pack's order; as a mapping they are found by name.
    """

    rows: int
    violating: int
    counts: tuple[RuleCount, ...]

    def __getitem__(self, name: str) -> RuleCount:
        for count in self.counts:
            if count.name == name:
                return count
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (count.name for count in self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def rate(self) -> float:
        """Share of all rows that break at least one rule."""
        return self.violating / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "rows": self.rows,
            "violating": self.violating,
            "rate": self.rate,
            "rules": {
                one.name: {"concerned": one.concerned, "violating": one.violating, "rate": one.rate}
                for one in self.counts
            },
        }


def add(tables: Sequence[Violations]) -> Violations:
    """Count several tables as one; all were counted by the same pack."""
    counts = tuple(
        RuleCount(
            name,
            sum(table[name].concerned for table in tables),
            sum(table[name].violating for table in tables),
        )
        for name in tables[0]
    )
    return Violations(sum(one.rows for one in tables), sum(one.violating for one in tables), counts)
