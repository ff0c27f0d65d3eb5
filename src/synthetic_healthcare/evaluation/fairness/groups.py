"""Protected groups: which columns protect whom, how numbers are banded, and which groups are large enough.

Protected attributes are those that the options name. Without a word they are the columns that the schema
calls quasi-identifiers (sex, ethnicity, age and the like) and whose values are classes, and those that are
ages. An age in years is cut at 18, 45, 65 and 80; any other number at the thirds of the real rows, so that no
unit matters. A missing value is a group of its own: patients whose ethnicity nobody wrote down are patients
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN
from synthetic_healthcare.evaluation.views import MISSING, Array, Field, View, judged_columns, spelled
from synthetic_healthcare.schema.column import DISCRETE_KINDS, Column
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.vocabulary import names_quasi_identifier, words

Codes = npt.NDArray[np.int64]

#: Held-out patients that a group needs before anything is said of it.
MIN_ROWS: Final = 50
#: With the outcome, and without it: one more than ten, so that no shown rate rests on a cell of 1 to 10.
MIN_CLASS: Final = LEAST_SHOWN
#: Fewest real patients of a group that is named.
NAMED: Final = LEAST_SHOWN
#: Where ages are cut, in years: of age, middle age, 65 as in Medicare and the geriatric literature, very old.
AGE_CUTS: Final = (18.0, 45.0, 65.0, 80.0)
_AGE_LABELS: Final = ("under 18", "18 to 44", "45 to 64", "65 to 79", "80 and over")
_THIRDS: Final = ("lowest third", "middle third", "highest third")
#: An age in years reaches beyond the first and stays below the second; other codes of age do not.
_YEARS: Final = (30.0, 125.0)
_AGE_WORDS: Final = frozenset({"age", "ages", "alter"})
NO_ATTRIBUTE: Final = (
    "no protected attribute is known: give the column the role 'quasi' in the schema, or name it "
    "(EvaluationOptions(protected=...), evaluate --protected)"
)


@final
@dataclass(frozen=True)
class Attribute:
    """A protected attribute: the classes of a column, or the bands of a number.

    Parameters
    ----------
    name : str
        The column.
    labels : tuple of str
        What each class is called; the last one is that of missing values.
    cuts : tuple of float or None
        Where a number is cut: a band holds its lower end.
    """

    name: str
    labels: tuple[str, ...]
    cuts: tuple[float, ...] | None = None

    def codes(self, view: View) -> Codes:
        """Class of each row; shape (n,)."""
        values = view.values[self.name]
        last = len(self.labels) - 1
        if self.cuts is None:
            return np.where(values == MISSING, last, values).astype(np.int64)
        return np.where(np.isnan(values), last, np.searchsorted(self.cuts, values, "right")).astype(np.int64)


@final
@dataclass(frozen=True)
class Grouping:
    """One attribute, or two crossed, with the groups that are large enough.

    Parameters
    ----------
    attributes : tuple of Attribute
        One or two.
    kept : tuple of int
        Codes of the groups with at least `MIN_ROWS` held-out patients, the most frequent first.
    small : tuple of str
        Names of the groups that are too small, where at least `NAMED` real patients belong to them.
    unnamed : int
        How many groups are smaller still.
    """

    attributes: tuple[Attribute, ...]
    kept: tuple[int, ...] = ()
    small: tuple[str, ...] = ()
    unnamed: int = 0

    @property
    def name(self) -> str:
        """The columns, as a reader calls them."""
        return " × ".join(attribute.name for attribute in self.attributes)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the kept groups are called."""
        return tuple(self.label(code) for code in self.kept)

    def label(self, code: int) -> str:
        """What a group is called."""
        parts = []
        for attribute in reversed(self.attributes):
            code, own = divmod(code, len(attribute.labels))
            parts.append(f"{attribute.name} {attribute.labels[own]}")
        return ", ".join(reversed(parts))

    def codes(self, view: View) -> Codes:
        """Group of each row; shape (n,)."""
        codes = np.zeros(view.rows, dtype=np.int64)
        for attribute in self.attributes:
            codes = codes * len(attribute.labels) + attribute.codes(view)
        return codes

    def members(self, view: View) -> npt.NDArray[np.bool_]:
        """Which row belongs to which kept group; shape (n, groups)."""
        return np.asarray(self.codes(view)[:, None] == np.array(self.kept, dtype=np.int64))


def check_protected(options: EvaluationOptions, schema: Schema) -> None:
    """Refuse protected attributes that cannot be grouped.

    Raises
    ------
    EvaluationError
        Naming the column and what to do.
    """
    judged = {column.name: column for column in judged_columns(schema)[0]}
    for name in options.protected or ():
        if name not in judged:
            raise EvaluationError(
                f"protected attribute {name!r} is no column that is judged; these are: {', '.join(judged)}"
            )
        if judged[name].kind == "codes":
            raise EvaluationError(
                f"protected attribute {name!r} holds a set of codes a row, which makes no groups. Name a "
                "column with one value a row"
            )
        if name == schema.target:
            raise EvaluationError(
                f"protected attribute {name!r} is the target: what is predicted cannot be protected. Name "
                "another column, or declare another target"
            )


def attributes_of(
    schema: Schema,
    fields: tuple[Field, ...],
    tables: Sequence[pd.DataFrame],
    views: Sequence[View],
    options: EvaluationOptions,
) -> tuple[Attribute, ...]:
    """Find the protected attributes, by name.

    Raises
    ------
    NotApplicable
        There is none.
    """
    check_protected(options, schema)
    columns = {column.name: column for column in judged_columns(schema)[0]}
    named = options.protected
    wanted = [name for name, column in columns.items() if named is None and _protects(column)]
    wanted = sorted(set(wanted if named is None else named))
    found = []
    for field in fields:
        if field.name in wanted:
            real = [view.values[field.name] for view in views[1:]]
            frames = [frame[field.name] for frame in tables[1:]]
            found.append(_banded(field, real) if field.form == "number" else _classes(field, frames, real))
    if not found:
        raise NotApplicable(NO_ATTRIBUTE)
    return tuple(found)


def _protects(column: Column) -> bool:
    # A private fit reads no role off the data: there the name alone says it. A declared role is a decision.
    unsaid = column.role == "feature" and "role" not in column.declared
    quasi = column.role == "quasi" or (unsaid and names_quasi_identifier(column.name))
    return quasi and (column.kind in DISCRETE_KINDS or _names_age(column))


def _names_age(column: Column) -> bool:
    return any(word in _AGE_WORDS for word in words(column.name)) and column.kind in ("numeric", "integer")


def _banded(field: Field, real: list[Array]) -> Attribute:
    pooled = np.concatenate(real)
    pooled = pooled[~np.isnan(pooled)]
    if not len(pooled):
        return Attribute(field.name, ("missing",), ())
    in_years = pooled.min() >= 0 and _YEARS[0] < pooled.max() < _YEARS[1]
    if in_years and any(word in _AGE_WORDS for word in words(field.name)):
        return Attribute(field.name, (*_AGE_LABELS, "missing"), AGE_CUTS)
    low, high = (float(cut) for cut in np.quantile(pooled, [1 / 3, 2 / 3], method="higher"))
    return Attribute(field.name, (*_THIRDS, "missing"), (low, high))


def _classes(field: Field, frames: list[pd.Series[Any]], real: list[Array]) -> Attribute:
    """Name the classes as the real rows write them; what no real row holds is no group of patients."""
    labels = ["not in real rows"] * field.levels
    for series, codes in zip(frames, real, strict=True):
        present, rows = np.unique(codes, return_index=True)
        for code, row in zip(present.tolist(), rows.tolist(), strict=True):
            if code != MISSING:
                labels[code] = spelled(series.iloc[row])
    return Attribute(field.name, (*labels, "missing"))


def groupings_of(attributes: tuple[Attribute, ...], train: View, holdout: View) -> tuple[Grouping, ...]:
    """Every attribute and every pair of them, with the groups that are large enough.

    Raises
    ------
    NotApplicable
        No attribute has two such groups.
    """
    found = [_sized(chosen, train, holdout) for count in (1, 2) for chosen in combinations(attributes, count)]
    if not any(len(grouping.kept) > 1 for grouping in found):
        names = ", ".join(repr(attribute.name) for attribute in attributes)
        raise NotApplicable(
            f"no two groups of the protected attributes {names} have {MIN_ROWS} held-out patients each"
        )
    return tuple(found)


def _sized(attributes: tuple[Attribute, ...], train: View, holdout: View) -> Grouping:
    grouping = Grouping(attributes)
    size = int(np.prod([len(attribute.labels) for attribute in attributes]))
    held, seen = (np.bincount(grouping.codes(view), minlength=size) for view in (holdout, train))
    # By number, not by name: the order of the groups must not depend on their spelling.
    order = sorted(range(size), key=lambda code: (-int(held[code] + seen[code]), code))
    small = [code for code in order if held[code] < MIN_ROWS and held[code] + seen[code] > 0]
    named = [code for code in small if held[code] + seen[code] >= NAMED]
    return Grouping(
        attributes,
        tuple(code for code in order if held[code] >= MIN_ROWS),
        tuple(grouping.label(code) for code in named),
        len(small) - len(named),
    )


def too_small(groupings: Sequence[Grouping]) -> dict[str, Any]:
    """The groups of which nothing is said, by name, for a report."""
    return {
        "too_small": [name for grouping in groupings for name in grouping.small],
        "too_small_to_name": sum(grouping.unnamed for grouping in groupings),
    }
