"""Small cells: counts of one to ten real patients are not shown, nor what gives them away.

Source: CMS cell size suppression policy (no cell of 1 to 10 is displayed or derivable).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Fewest patients whose number, or whose share, is shown.
LEAST_SHOWN: Final = 11


def is_small(count: int) -> bool:
    """Whether a count is of one to ten patients."""
    return 0 < count < LEAST_SHOWN


def shown_share(count: int, rows: int) -> float | None:
    """Share of the rows, or `None` where the count, or that of the other rows, is small."""
    if rows == 0 or is_small(count) or is_small(rows - count):
        return None
    return count / rows


def shown_parts(counts: Sequence[int]) -> list[int | None]:
    """Counts whose total is known, with the small ones as `None`.

    A single hidden part would follow from the total: then the smallest of the others is hidden with it.
    """
    parts = [None if is_small(count) else count for count in counts]
    if parts.count(None) == 1:
        others = [count for count in parts if count]
        if others:
            parts[parts.index(min(others))] = None
    return parts
