"""`Hierarchy`: what the values of a column are generalised to, level by level; declared, so public."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConfigError, DataError
from synthetic_healthcare.schema.spelling import unknown

Form = Literal["values", "prefix", "width", "calendar"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)

#: Units of a calendar, the finest first.
UNITS: Final = ("day", "month", "quarter", "year")

#: Label of all values together.
EVERYTHING: Final = "*"


def text_of(cell: object) -> str:
    """Write 1, 1.0 and True alike, as files may hold a category in either way."""
    if isinstance(cell, bool | np.bool_):
        return str(int(cell))
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


@final
@dataclass(frozen=True)
class Hierarchy:
    """Levels above the values of a column; the top, which is everything, needs no declaration.

    Parameters
    ----------
    form : Form
        "width": bands of a number, from 0 on; "prefix": first characters of a text; "calendar": units of a
        date; "values": parents value by value.
    levels : tuple
        Finest first: widths, numbers of characters or units; empty for "values".
    parents : Mapping of str to tuple of str
        For "values": value -> its parent, that one's parent, and so on; all equally long.
    """

    form: Form
    levels: tuple[Any, ...] = ()
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def read(column: str, settings: object) -> Hierarchy:
        """Read `{width: [5, 10]}` and the like.

        Raises
        ------
        ConfigError
            It is of no known form, or its levels do not lie within each other.
        """
        if not isinstance(settings, Mapping) or len(settings) != 1:
            raise ConfigError(f"hierarchy of column {column!r}: it needs one of {', '.join(FORMS)}")
        ((form, levels),) = settings.items()
        if form not in FORMS:
            raise ConfigError(f"hierarchy of column {column!r}: {unknown('form', str(form), FORMS)}")
        if form == "values":
            return Hierarchy("values", parents=_parents(column, levels))
        listed = list(levels) if isinstance(levels, list | tuple) else [levels]
        return Hierarchy(form, levels=_nested(column, form, listed))

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `read` undoes it."""
        if self.form == "values":
            return {"values": {value: list(above) for value, above in self.parents.items()}}
        return {self.form: list(self.levels)}

    def ancestors(
        self, column: str, texts: Sequence[str], numbers: npt.NDArray[np.float64] | None
    ) -> list[tuple[str, ...]]:
        """Labels above each of some values, from the coarsest down to the finest.

        Parameters
        ----------
        column : str
            For messages.
        texts : sequence of str (m,)
            The values as text.
        numbers : float array (m,) or None
            The values as numbers, or as seconds since 1970-01-01 UTC; `None` where they are neither.

        Raises
        ------
        DataError
            A value has no place in the hierarchy.
        """
        if self.form == "values":
            lost = sum(text not in self.parents for text in texts)
            if lost:
                raise DataError(
                    f"column {column!r}: {lost} of its {len(texts)} values have no parents in the hierarchy. "
                    "Declare them under hierarchies"
                )
            return [self.parents[text][::-1] for text in texts]
        coarsest_first = self.levels[::-1]
        if self.form == "prefix":
            return [tuple(_prefix(text, length) for length in coarsest_first) for text in texts]
        if numbers is None:
            needed = "a number" if self.form == "width" else "a date"
            raise DataError(f"column {column!r}: a hierarchy of {self.form} needs {needed}")
        if self.form == "width":
            return [tuple(_band(number, width) for width in coarsest_first) for number in numbers.tolist()]
        return [tuple(_period(second, unit) for unit in coarsest_first) for second in numbers.tolist()]


def _parents(column: str, given: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"hierarchy of column {column!r}: 'values' maps each value to its parents")
    parents = {
        text_of(value): tuple(map(text_of, above)) if isinstance(above, list | tuple) else (text_of(above),)
        for value, above in given.items()
    }
    depths = {len(above) for above in parents.values()}
    if len(depths) != 1 or 0 in depths:
        raise ConfigError(
            f"hierarchy of column {column!r}: all values need equally many parents, at least one"
        )
    above_of: dict[tuple[int, str], str] = {}
    for above in parents.values():
        for level, (node, parent) in enumerate(pairwise(above)):
            if above_of.setdefault((level, node), parent) != parent:
                raise ConfigError(
                    f"hierarchy of column {column!r}: {node!r} has two different parents on level {level + 1}"
                )
    return parents


def _nested(column: str, form: str, levels: list[Any]) -> tuple[Any, ...]:
    where = f"hierarchy of column {column!r}: "
    if not levels:
        raise ConfigError(f"{where}{form!r} needs at least one level")
    if form == "calendar":
        for unit in levels:
            if unit not in UNITS:
                raise ConfigError(where + unknown("unit", str(unit), UNITS))
        ranks = [UNITS.index(unit) for unit in levels]
        if ranks != sorted(set(ranks)):
            raise ConfigError(f"{where}the units must go from the finest to the coarsest")
        return tuple(levels)
    wrong = any(isinstance(level, bool) or not isinstance(level, int | float) for level in levels)
    if wrong or any(not 0 < level < math.inf for level in levels):
        raise ConfigError(f"{where}the levels of {form!r} must be numbers above 0")
    if form == "prefix":
        if any(level != int(level) for level in levels) or levels != sorted(set(levels), reverse=True):
            raise ConfigError(f"{where}the lengths must be whole numbers from the longest to the shortest")
        return tuple(int(level) for level in levels)
    for finer, wider in pairwise(levels):
        # 1e-9: 0.3 / 0.1 and the like are not exact in binary.
        if wider <= finer or abs(wider / finer - round(wider / finer)) > 1e-9:
            raise ConfigError(f"{where}each width must be a multiple of the one before it")
    return tuple(levels)


def _prefix(text: str, length: int) -> str:
    return text[:length] + EVERYTHING


def _band(number: float, width: float) -> str:
    """The band of a number; a band of whole numbers names its last one, another where it ends."""
    # 1e-9: 0.3 / 0.1 must not fall short of 3.
    low = math.floor(number / width + 1e-9) * width
    whole = float(width).is_integer()
    high = low + width - 1 if whole else low + width
    joint = "-" if low >= 0 else " to "
    return f"{low:.12g}{joint}{high:.12g}" if width != 1 else f"{low:.12g}"


def _period(seconds: float, unit: str) -> str:
    day = np.datetime64(math.floor(seconds), "s").astype("datetime64[D]")
    year, month = str(day)[:-6], str(day)[:-3]
    quarter = f"{year}-Q{(int(month[-2:]) + 2) // 3}"
    return {"day": str(day), "month": month, "quarter": quarter, "year": year}[unit]
