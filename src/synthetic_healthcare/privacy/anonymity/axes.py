"""`Axis`: a column read into integer codes, in the order in which it may be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.privacy.anonymity.hierarchy import Hierarchy, text_of
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS, Column
from synthetic_healthcare.schema.instants import scan_datetimes
from synthetic_healthcare.schema.parsing import parse_codes, scan_numbers, shortest_number

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Axis:
    """One column of a table of n rows with m different values, a missing one included.

    Parameters
    ----------
    name : str
        The column.
    codes : int array (n,)
        Place of each row's value in the order of values.
    first : int array (m,)
        A row that holds each value.
    texts : tuple of str
        The present values as text; none where they were not asked for.
    places : float array (m,)
        Where each value lies between the lowest, 0, and the highest, 1.
    ordered : bool
        Whether between two values there is a middle.
    continuous : bool
        Whether distances between values mean something.
    missing : int
        Code of the missing value, always the highest; -1 where none is missing.
    paths : int array (m, levels)
        Nodes of the hierarchy above each value, from the coarsest down; no levels without one.
    labels : tuple of tuple of str
        Names of those nodes, for the present values.
    """

    name: str
    codes: Ints
    first: Ints
    texts: tuple[str, ...]
    places: Floats
    ordered: bool
    continuous: bool
    missing: int
    paths: Ints
    labels: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> int:
        """Number of different values."""
        return len(self.first)


@dataclass(frozen=True, eq=False)
class _Values:
    """The different cells of a column: where each stands in its order, as text, as a number if it is one."""

    ranks: Ints
    texts: list[str]
    numbers: Floats | None
    ordered: bool


def read_axis(
    series: pd.Series[Any], column: Column, *, hierarchy: Hierarchy | None = None, named: bool = False
) -> Axis:
    """Read a column: numbers, dates and ordinals in their order, categories by hierarchy, else by text.

    Parameters
    ----------
    series : Series (n,)
        The cells.
    column : Column
        Its entry in the schema.
    hierarchy : Hierarchy, optional
        What its values may become.
    named : bool, default False
        Whether the texts are wanted; of many numbers they cost more than all the rest.

    Raises
    ------
    DataError
        A cell is not of the column's kind, or has no place in the hierarchy.
    """
    cells, distinct = identities(series, column)
    values = _ranked(distinct, series, column, named=named or hierarchy is not None)
    by_rank = _first_of_each(values.ranks)
    codes = np.append(values.ranks, -1)[cells]
    texts = [values.texts[at] for at in by_rank] if values.texts else []
    numbers = None if values.numbers is None else values.numbers[by_rank]
    held = np.bincount(codes[codes >= 0], minlength=len(by_rank)) > 0
    labels = [] if hierarchy is None else hierarchy.ancestors(column.name, texts, numbers)
    paths = _paths(labels, len(by_rank))
    # Values that no row holds (levels of a Categorical) go; the others are sorted by node, then by rank.
    kept = np.flatnonzero(held)
    if hierarchy is not None:
        kept = kept[np.lexsort((kept, *paths[kept].T[::-1]))]
    renamed = np.full(len(by_rank) + 1, len(kept), dtype=np.intp)
    renamed[kept] = np.arange(len(kept))
    codes = renamed[codes]
    gap = bool((codes == len(kept)).any())
    first = np.zeros(len(kept) + gap, dtype=np.intp)
    # Of several rows with one value the last assignment stands: that of the first row.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    continuous = column.kind in CONTINUOUS_KINDS
    known = numbers[kept] if continuous and numbers is not None else np.arange(len(first), dtype=np.float64)
    return Axis(
        name=column.name,
        codes=codes,
        first=first,
        texts=tuple(texts[at] for at in kept) if texts else (),
        places=_places(known, len(first)),
        ordered=values.ordered,
        continuous=continuous,
        missing=len(kept) if gap else -1,
        paths=np.vstack([paths[kept], np.full((int(gap), paths.shape[1]), -1, dtype=np.intp)]),
        labels=tuple(labels[at] for at in kept) if labels else (),
    )


def identities(series: pd.Series[Any], column: Column) -> tuple[Ints, pd.Series[Any]]:
    """Each row's place among the column's different cells, -1 where missing, and those cells."""
    if column.kind == "codes":
        sets = parse_codes(series, column.delimiter)
        joined = [None if one is None else ";".join(sorted(one)) for one in sets]
        series = pd.Series(joined, dtype=object, name=series.name)
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy().astype(np.intp), pd.Series(dtype.categories, name=series.name)
    codes, cells = pd.factorize(series)
    return codes.astype(np.intp), pd.Series(cells, name=series.name)


def _ranked(distinct: pd.Series[Any], series: pd.Series[Any], column: Column, *, named: bool) -> _Values:
    if column.kind in ("numeric", "integer"):
        parsed, unread = scan_numbers(distinct)
        _refuse(column, unread, "numbers")
        texts = _number_texts(distinct, parsed.values) if named else []
        return _Values(_ranks(parsed.values, parsed.limits), texts, parsed.values, True)
    if column.kind == "datetime":
        dates, unread = scan_datetimes(distinct)
        _refuse(column, unread, "dates")
        texts = [str(cell).removesuffix(" 00:00:00") for cell in distinct.tolist()] if named else []
        return _Values(_ranks(dates.seconds), texts, dates.seconds, True)
    cells = distinct.astype(object).tolist()
    texts = [text_of(cell) for cell in cells]
    numbers = _as_numbers(cells)
    if column.kind == "ordinal":
        levels = {text_of(level): place for place, level in enumerate(_levels(series, column))}
        known = np.array([levels.get(text, len(levels)) for text in texts], dtype=np.float64)
        within = numbers if numbers is not None else _ranks(np.array(texts, dtype=object)).astype(float)
        return _Values(_ranks(known, within), texts, numbers, True)
    keys = np.array(texts, dtype=object) if numbers is None else numbers
    return _Values(_ranks(keys), texts, numbers, False)


def _number_texts(distinct: pd.Series[Any], values: Floats) -> list[str]:
    """Numbers with as many digits as they need; limits of detection as they were written."""
    return [
        cell.strip() if isinstance(cell, str) else shortest_number(float(value))
        for cell, value in zip(distinct.astype(object).tolist(), values.tolist(), strict=True)
    ]


def _levels(series: pd.Series[Any], column: Column) -> tuple[Any, ...]:
    if isinstance(series.dtype, pd.CategoricalDtype) and series.dtype.ordered:
        return tuple(series.dtype.categories)
    return column.categories or ()


def _refuse(column: Column, unread: int, what: str) -> None:
    if unread:
        raise DataError(
            f"column {column.name!r} is {column.kind}, and {unread} of its different cells are not {what}. "
            "Give the table as it was learnt, or declare another kind"
        )


def _as_numbers(cells: list[Any]) -> Floats | None:
    """Categories that are numbers, to be sorted as numbers."""
    if all(isinstance(cell, int | float | np.number | np.bool_) for cell in cells):
        return np.array(cells, dtype=np.float64)
    return None


def _ranks(*keys: npt.NDArray[Any]) -> Ints:
    """Place of each entry among the different ones, the first key counting most; NaN gives -1."""
    count = len(keys[0])
    if not count:
        return np.zeros(0, dtype=np.intp)
    numbered = [
        np.unique(key.astype(str) if key.dtype == object else key, return_inverse=True) for key in keys
    ]
    order = np.lexsort(tuple(inverse for _, inverse in numbered[::-1]))
    changes = np.zeros(count, dtype=bool)
    for _, inverse in numbered:
        changes[1:] |= np.diff(inverse[order]) != 0
    ranks = np.empty(count, dtype=np.intp)
    ranks[order] = np.cumsum(changes)
    if keys[0].dtype.kind == "f":
        # NaN, a blank cell among numbers, sorts last: taking it out leaves no gap.
        ranks[np.isnan(keys[0])] = -1
    return ranks


def _first_of_each(ranks: Ints) -> Ints:
    """Position of one entry of each rank, in the order of ranks."""
    positions = np.zeros(int(ranks.max(initial=-1)) + 1, dtype=np.intp)
    known = np.flatnonzero(ranks >= 0)
    positions[ranks[known][::-1]] = known[::-1]
    return positions


def _paths(labels: list[tuple[str, ...]], size: int) -> Ints:
    """Number the nodes of each level; nodes under different parents differ whatever their names."""
    depth = len(labels[0]) if labels else 0
    paths = np.zeros((size, depth), dtype=np.intp)
    for level in range(depth):
        nodes = {
            node: number for number, node in enumerate(dict.fromkeys(one[: level + 1] for one in labels))
        }
        paths[:, level] = [nodes[one[: level + 1]] for one in labels]
    return paths


def _places(known: Floats, size: int) -> Floats:
    """Scale to 0..1; a missing value among numbers lies at the far end."""
    places = np.ones(size)
    if len(known):
        low, high = known.min(), known.max()
        # Halved first: a difference of very large numbers must not overflow.
        spread = high / 2 - low / 2
        places[: len(known)] = (known / 2 - low / 2) / spread if spread > 0 else 0.0
    return places
