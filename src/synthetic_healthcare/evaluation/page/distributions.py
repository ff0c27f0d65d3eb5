"""How one column is spread in both tables, protected as a published table of counts would be.

The real side is shown only in cells that hold no patient at all or at least `FLOOR` of them (CMS cell size
suppression policy: no cell of 1 to 10, shown or derivable). Histograms begin and end at round numbers near
the mean of the most extreme patients, never at the real minimum or maximum; their first and last bins are
open-ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN

Floats = npt.NDArray[np.float64]

#: Fewest real patients that a shown cell may hold.
FLOOR: Final = LEAST_SHOWN
#: Categories that a picture has room for; the others are counted together.
MOST_CATEGORIES: Final = 12
OTHER: Final = "all others"

#: First digits of a round number.
_MANTISSAS: Final = (1.0, 2.0, 5.0)
_DAY: Final = 86_400.0
_CLOCK_STEPS: Final = tuple(
    seconds * count
    for seconds, counts in (
        (1.0, (1, 5, 15, 30)),
        (60.0, (1, 5, 15, 30)),
        (3600.0, (1, 3, 6, 12)),
        (_DAY, (1, 2, 7, 14)),
    )
    for count in counts
)
#: Whole months, in seconds: a month, a quarter, half a year, a year and so on.
_CALENDAR_STEPS: Final = tuple(365.25 / 12 * _DAY * months for months in (1, 3, 6, 12, 24, 60, 120, 240, 600))
_DATE_STEPS: Final = _CLOCK_STEPS + _CALENDAR_STEPS


def histogram(real: Floats, synthetic: Floats, *, scale: str) -> dict[str, Any]:
    """Count both tables in shared, protected bins.

    Parameters
    ----------
    real, synthetic : float array (n,), (m,)
        Values that are present; for dates, seconds since 1970-01-01 UTC.
    scale : {"numeric", "integer", "date"}
        What the bins are rounded to.

    Returns
    -------
    dict
        `type` "histogram", `edges` (bins + 1), and `real` and `synthetic`, the share of the present values in
        each bin (the first and the last bin hold everything beyond them); or `type` "suppressed" with the
        reason, where fewer than `FLOOR` patients have a value.
    """
    if len(real) < FLOOR:
        return suppressed(f"fewer than {FLOOR} real patients have a value")
    edges = _edges(real, scale)
    real_counts = _count(real, edges)
    keep = _merge(real_counts)
    edges = edges[keep]
    return {
        "type": "histogram",
        "scale": scale,
        "edges": [float(edge) for edge in edges],
        "real": _shares(_count(real, edges)),
        "synthetic": _shares(_count(synthetic, edges)),
    }


def bars(real: Sequence[str], synthetic: Sequence[str], *, order: Sequence[str] | None) -> dict[str, Any]:
    """Count the categories of both tables, small cells merged.

    Parameters
    ----------
    real, synthetic : sequence of str
        One label a row, missing values left out.
    order : sequence of str or None
        The order of the categories, where they have one; otherwise the most frequent stands first.

    Returns
    -------
    dict
        `type` "bars", `labels`, and `real` and `synthetic` shares. Categories held by fewer than `FLOOR` real
        patients, and those that there is no room for, are counted together as "all others"; `merged` says how
        many real or synthetic categories that holds.
    """
    real_counts, synthetic_counts = _tally(real), _tally(synthetic)
    shown = _shown(real_counts, total=len(real))
    if not shown:
        return suppressed(
            f"no category is held by {FLOOR} or more real patients without giving away a smaller one"
        )
    if len(shown) == MOST_CATEGORIES and synthetic_counts.keys() - real_counts.keys():
        # Categories that no real patient has need a row of their own.
        shown = shown[:-1]
    labels = _ordered(shown, real_counts, order)
    merged = (real_counts.keys() | synthetic_counts.keys()) - set(shown)

    def shares(counts: dict[str, int], rows: int) -> list[float]:
        held = [counts.get(label, 0) for label in labels]
        rest = [rows - sum(held)] if merged else []
        return _rounded([count / max(rows, 1) for count in (*held, *rest)])

    return {
        "type": "bars",
        "labels": [*labels, OTHER] if merged else labels,
        "real": shares(real_counts, len(real)),
        "synthetic": shares(synthetic_counts, len(synthetic)),
        "merged": len(merged),
    }


def code_bars(real: Sequence[frozenset[str]], synthetic: Sequence[frozenset[str]]) -> dict[str, Any]:
    """Count in how many rows each code stands; codes of fewer than `FLOOR` real patients are left out.

    Parameters
    ----------
    real, synthetic : sequence of frozenset of str
        The codes of each row that is not missing.

    Returns
    -------
    dict
        As `bars` gives; shares are of rows, so that they do not add up to one, and there are no "others".
    """
    counted = (_tally([code for row in rows for code in row]) for rows in (real, synthetic))
    real_counts, synthetic_counts = counted
    frequent = sorted(
        (code for code, count in real_counts.items() if count >= FLOOR),
        key=lambda code: (-real_counts[code], code),
    )[:MOST_CATEGORIES]
    if not frequent:
        return suppressed(f"no code is held by {FLOOR} or more real patients")
    return {
        "type": "bars",
        "labels": frequent,
        "real": _rounded([real_counts[code] / len(real) for code in frequent]),
        "synthetic": _rounded([synthetic_counts.get(code, 0) / max(len(synthetic), 1) for code in frequent]),
        "merged": len(real_counts.keys() | synthetic_counts.keys()) - len(frequent),
        "sets": True,
    }


def suppressed(reason: str) -> dict[str, Any]:
    """Say why a column has no picture."""
    return {"type": "suppressed", "reason": reason}


def missing_shares(real: int, real_rows: int, synthetic: int, synthetic_rows: int) -> dict[str, float | None]:
    """Share of missing cells on each side; `None` for a real count of 1 to 10."""
    return {
        "real": None if 0 < real < FLOOR else round(real / max(real_rows, 1), 4),
        "synthetic": round(synthetic / max(synthetic_rows, 1), 4),
    }


def gap(distribution: dict[str, Any]) -> float | None:
    """Total variation distance between the two sides as shown: 0 is alike, 1 is nothing in common.

    For sets of codes, the largest difference between the shares of a code.
    """
    if distribution["type"] == "suppressed":
        return None
    apart = np.abs(np.asarray(distribution["real"]) - np.asarray(distribution["synthetic"]))
    if apart.size == 0:
        return None
    return round(float(apart.max() if distribution.get("sets") else min(1.0, apart.sum() / 2)), 4)


def _edges(real: Floats, scale: str) -> Floats:
    """Return round edges around all but the most extreme patients, none of them a real extreme."""
    ordered = np.sort(real)
    # The mean of the outermost patients, never one of them; the tails of large tables are cut at 0.5 %.
    crowd = max(FLOOR, math.ceil(0.005 * len(ordered)))
    low, high = float(ordered[:crowd].mean()), float(ordered[-crowd:].mean())
    bins = min(30, max(10, round(2.5 * len(ordered) ** (1 / 3))))
    step = _step(low, high, bins, scale)
    # Whole numbers sit in the middle of their bins, so that no edge is ever one of them.
    shift = 0.5 if scale == "integer" else 0.0
    edges = _grid(low, high, step, shift)
    if _gives_away(edges, ordered):
        edges = _grid(low, high, step, step / 2)
    # Still one of them (its value differs by half a step at most from a round number): widen the end bins.
    while _gives_away(edges, ordered):
        edges[0] -= step
        edges[-1] += step
    return edges


def _gives_away(edges: Floats, ordered: Floats) -> bool:
    return bool(edges[0] == ordered[0] or edges[-1] == ordered[-1])


def _grid(low: float, high: float, step: float, shift: float) -> Floats:
    first = math.floor((low + shift) / step)
    last = max(math.ceil((high + shift) / step), first + 1)
    decimals = max(1, 2 - math.floor(math.log10(step)))
    return np.round(np.arange(first, last + 1) * step - shift, decimals)


def _step(low: float, high: float, bins: int, scale: str) -> float:
    width = (high - low) / bins
    if scale == "date":
        return next((step for step in _DATE_STEPS if step >= width), _round_up(width, _MANTISSAS))
    if scale == "integer":
        return max(1.0, _round_up(width, _MANTISSAS))
    if width <= 1e-12 * max(abs(low), 1e-300):  # a constant, up to rounding
        width = max(abs(low), 1.0) / 10
    return _round_up(width, _MANTISSAS)


def _round_up(width: float, mantissas: tuple[float, ...]) -> float:
    if width <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    return next((m * power for m in mantissas if m * power >= width * (1 - 1e-9)), 10 * power)


def _count(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Count values a bin, those beyond the ends in the outermost bins."""
    inside = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(inside, minlength=len(edges) - 1).astype(np.int64)


def _merge(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Choose the edges to keep, so that every bin holds no patient or at least `FLOOR` of them."""
    kept = [0]
    closed: list[int] = []
    running = 0
    for position, count in enumerate(counts):
        running += int(count)
        if running == 0 or running >= FLOOR:
            kept.append(position + 1)
            closed.append(running)
            running = 0
    # What is left at the upper end joins the last bin that holds patients.
    if running:
        while closed and closed[-1] == 0:
            closed.pop()
            kept.pop()
        kept[-1 if closed else len(kept) :] = [len(counts)]
    return np.asarray(kept, dtype=np.int64)


def _tally(labels: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts


def _shown(counts: dict[str, int], total: int) -> list[str]:
    """Choose the categories that may be shown, the remainder being large enough or empty."""
    frequent = sorted(
        (label for label, count in counts.items() if count >= FLOOR),
        key=lambda label: (-counts[label], label),
    )
    room = MOST_CATEGORIES if len(frequent) == len(counts) else MOST_CATEGORIES - 1
    shown = frequent if len(frequent) <= room else frequent[: MOST_CATEGORIES - 1]
    rest = total - sum(counts[label] for label in shown)
    # A remainder of 1 to 10 patients would be the total less what is shown: one more category goes with it.
    while shown and 0 < rest < FLOOR:
        rest += counts[shown.pop()]
    return shown


def _ordered(shown: list[str], counts: dict[str, int], order: Sequence[str] | None) -> list[str]:
    if order is not None:
        place = {label: position for position, label in enumerate(order)}
        return sorted(shown, key=lambda label: (place.get(label, len(place)), label))
    by_number: Callable[[str], float] | None = float if all(_is_number(label) for label in shown) else None
    return (
        sorted(shown, key=by_number)
        if by_number
        else sorted(shown, key=lambda label: (-counts[label], label))
    )


def _is_number(label: str) -> bool:
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def _shares(counts: npt.NDArray[np.int64]) -> list[float]:
    return _rounded((counts / max(int(counts.sum()), 1)).tolist())


def _rounded(shares: Sequence[float]) -> list[float]:
    return [round(share, 4) for share in shares]
