"""The definitions of k, l and t, counted cell by cell with dictionaries: what every table is held against."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd


def cell(value: Any) -> Hashable:
    """A cell as something that can be compared: all missing ones are one value."""
    if isinstance(value, list | set | tuple | frozenset):
        return tuple(sorted(map(str, value)))
    return "missing" if pd.isna(value) else value


def groups(frame: pd.DataFrame, quasi: Sequence[str], sensitive: str | None = None) -> list[list[Hashable]]:
    """Sensitive values of each group of rows with equal quasi-identifiers."""
    held: dict[tuple[Hashable, ...], list[Hashable]] = defaultdict(list)
    rows = zip(*(frame[name].tolist() for name in quasi), strict=True)
    values = frame[sensitive].tolist() if sensitive is not None else [None] * len(frame)
    for row, value in zip(rows, values, strict=True):
        held[tuple(map(cell, row))].append(cell(value))
    return list(held.values())


def smallest(frame: pd.DataFrame, quasi: Sequence[str]) -> int:
    return min(map(len, groups(frame, quasi)))


def distinct(values: list[Hashable]) -> int:
    return len(set(values))


def effective(values: list[Hashable]) -> float:
    counts = Counter(values).values()
    return math.exp(-sum(n / len(values) * math.log(n / len(values)) for n in counts))


def dominance(values: list[Hashable], l: int) -> float:  # noqa: E741 - the field's own letter
    counts = sorted(Counter(values).values(), reverse=True)
    tail = sum(counts[l - 1 :])
    return counts[0] / tail if tail else math.inf


def variation(values: list[Hashable], table: list[Hashable]) -> float:
    there, here = Counter(table), Counter(values)
    gaps = (abs(Fraction(here[v], len(values)) - Fraction(n, len(table))) for v, n in there.items())
    return float(sum(gaps) / 2)


def ordered_distance(values: list[Any], table: list[Any]) -> float:
    """The earth mover's distance of Li et al.; missing comes after all others."""
    order = sorted(set(table), key=lambda value: (value == "missing", value if value != "missing" else 0))
    if len(order) < 2:
        return 0.0
    running, total = Fraction(0), Fraction(0)
    here, there = Counter(values), Counter(table)
    for value in order:
        running += Fraction(here[value], len(values)) - Fraction(there[value], len(table))
        total += abs(running)
    return float(total / (len(order) - 1))
