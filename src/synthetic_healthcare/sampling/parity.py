"""Bias correction on request: rows of a model, resampled until groups are treated alike.

Generated rows are drawn as ever, and of each cell (group of the protected attribute, class of the target) as
many are kept as the wanted joint distribution asks for: importance resampling without replacement, so that
no row is given out twice and nothing inside a cell changes. No real row is read; it is post-processing, and
under differential privacy the guarantee stays.

Source: Kamiran and Calders 2012, "Data preprocessing techniques for classification without discrimination",
doi:10.1007/s10115-011-0463-8 (sampling to the joint distribution under independence).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final, Literal, final, get_args

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import ConditionError, ConfigError

Aim = Literal["demographic_parity", "representation"]
Cell = tuple[str, str]
Rows = Callable[[int], Iterator[pd.DataFrame]]

MISSING: Final = "missing"
#: Rows that say how frequent each cell is, at least.
_LEAST_POOL: Final = 2000
#: Rows drawn for each one that is asked for, before a cell counts as one that the model does not draw.
_MOST_DRAWN: Final = 50


@final
@dataclass(frozen=True)
class Parity:
    """What is wanted.

    Parameters
    ----------
    aim : {"demographic_parity", "representation"}
        The same distribution of the target in all groups, each as frequent as before; or all groups equally
        frequent, each with the target that it had.
    attribute : str
        The protected column.
    target : str or None
        The outcome; `None` where there is none and representation is wanted.
    """

    aim: str
    attribute: str
    target: str | None

    def __post_init__(self) -> None:
        if self.aim not in get_args(Aim):
            raise ConfigError(f"fairness is {self.aim!r}; it must be {' or '.join(map(repr, get_args(Aim)))}")
        if self.aim == "demographic_parity" and self.target is None:
            raise ConfigError(
                "fairness 'demographic_parity' evens out the target, and none is declared. Fit with target=, "
                "or ask for 'representation'"
            )
        if self.target == self.attribute:
            raise ConfigError(f"attribute {self.attribute!r} is the target: name a column of groups")


@final
@dataclass(frozen=True)
class ParityDraw:
    """What resampling did: shares of the groups and of the target's classes in each, before and after.

    Parameters
    ----------
    aim, attribute, target
        As in `Parity`.
    drawn, kept : int
        Rows of the model, and those that were given out.
    groups : tuple of dict
        Each with "group", "share_before", "share_after", "classes_before", "classes_after" (class -> share).
    gap_before, gap_after : float or None
        Largest difference between two groups in the share of one class (demographic parity difference).
    """

    aim: str
    attribute: str
    target: str | None
    drawn: int
    kept: int
    groups: tuple[dict[str, Any], ...]
    gap_before: float | None
    gap_after: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def draw_to_parity(
    rows: Rows, parity: Parity, n: int, *, rng: np.random.Generator
) -> tuple[pd.DataFrame, ParityDraw]:
    """Draw rows until `n` of them have the wanted joint distribution of attribute and target.

    Raises
    ------
    ConditionError
        The model hardly draws a cell that is wanted.
    """
    pool = pd.concat(rows(max(n, _LEAST_POOL)), ignore_index=True)
    before = Counter(cells_of(pool, parity))
    wanted = quotas(before, n, aim=parity.aim)
    table, drawn = fill(rows, parity, wanted, rng=rng, pool=pool)
    return table, _told(parity, before, Counter(cells_of(table, parity)), drawn)


def fill(
    rows: Rows,
    parity: Parity,
    wanted: Mapping[Cell, int],
    *,
    rng: np.random.Generator,
    pool: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, int]:
    """Give as many rows of each cell as are wanted, in random order, and how many had to be drawn."""
    n = sum(wanted.values())
    missing, kept = Counter(wanted), []
    frame = pd.concat(rows(max(n, _LEAST_POOL)), ignore_index=True) if pool is None else pool
    seen: Counter[Cell] = Counter()
    drawn = 0
    while True:
        cells = cells_of(frame, parity)
        drawn += len(frame)
        seen.update(cells)
        chosen = []
        for place, cell in enumerate(cells):
            if missing[cell] > 0:
                missing[cell] -= 1
                chosen.append(place)
        kept.append(frame.iloc[chosen])
        short = {cell: count for cell, count in missing.items() if count > 0}
        if not short:
            break
        if drawn >= _MOST_DRAWN * max(n, _LEAST_POOL):
            raise ConditionError(
                f"of {drawn:,} rows that the model drew, too few have one of the classes of "
                f"{parity.target!r} in one of the groups of {parity.attribute!r}: "
                f"{sum(short.values()):,} of {n:,} rows are missing. Ask for fewer rows, for "
                "fairness='representation', or for another attribute"
            )
        # As many as the rarest cell needs, by how often it was drawn so far; one unseen counts as seen once.
        needed = max(count * drawn / max(1, seen[cell]) for cell, count in short.items())
        frame = pd.concat(rows(ceil(min(1.1 * needed + 50, 10 * max(n, _LEAST_POOL)))), ignore_index=True)
    table = pd.concat(kept, ignore_index=True)
    return table.iloc[rng.permutation(len(table))].reset_index(drop=True), drawn


def cells_of(frame: pd.DataFrame, parity: Parity) -> list[Cell]:
    """Group and class of each row, as words."""
    groups = _words(frame[parity.attribute])
    if parity.target is None:
        return [(group, "") for group in groups]
    return list(zip(groups, _words(frame[parity.target]), strict=True))


def quotas(counts: Mapping[Cell, int], n: int, *, aim: str) -> dict[Cell, int]:
    """Share `n` rows out to the cells; what does not divide evenly goes to the largest remainders.

    Demographic parity: P(group) P(class). Representation: P(class | group) / number of groups; rows whose
    group is missing get nothing.
    """
    groups, classes = Counter[str](), Counter[str]()
    for (group, label), count in counts.items():
        groups[group] += count
        classes[label] += count
    total = sum(groups.values())
    if aim == "demographic_parity":
        shares = {(g, c): groups[g] * classes[c] / total**2 for g in groups for c in classes}
    else:
        named = [group for group in groups if group != MISSING]
        if not named:
            raise ConditionError("every drawn row lacks the attribute: there is no group to represent")
        shares = {
            cell: count / groups[cell[0]] / len(named) for cell, count in counts.items() if cell[0] != MISSING
        }
    whole = {cell: int(n * share) for cell, share in shares.items()}
    order = sorted(shares, key=lambda cell: (whole[cell] - n * shares[cell], cell))
    for cell in order[: n - sum(whole.values())]:
        whole[cell] += 1
    return whole


def _words(series: pd.Series[Any]) -> list[str]:
    missing = series.isna().tolist()
    return [MISSING if gone else str(value) for gone, value in zip(missing, series.tolist(), strict=True)]


def _told(parity: Parity, before: Counter[Cell], after: Counter[Cell], drawn: int) -> ParityDraw:
    names = sorted({cell[0] for cell in before})
    groups = []
    for name in names:
        entry: dict[str, Any] = {"group": name}
        for when, counts in (("before", before), ("after", after)):
            own = sum(count for cell, count in counts.items() if cell[0] == name)
            entry[f"share_{when}"] = own / sum(counts.values())
            entry[f"classes_{when}"] = {
                label: counts[(name, label)] / own if own else None
                for label in sorted({cell[1] for cell in before})
                if parity.target is not None
            }
        groups.append(entry)
    gaps = [None if parity.target is None else _gap(groups, when) for when in ("before", "after")]
    aim, attribute, target = parity.aim, parity.attribute, parity.target
    return ParityDraw(aim, attribute, target, drawn, sum(after.values()), tuple(groups), *gaps)


def _gap(groups: list[dict[str, Any]], when: str) -> float:
    tables = [entry[f"classes_{when}"] for entry in groups if entry[f"share_{when}"]]
    spreads = [[float(table[label]) for table in tables] for label in tables[0]]
    return max(max(shares) - min(shares) for shares in spreads)
