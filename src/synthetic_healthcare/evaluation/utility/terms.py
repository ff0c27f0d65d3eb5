"""A table's columns as terms of a regression: numbers by their SD, levels against the commonest, codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN
from synthetic_healthcare.evaluation.views import MISSING, Array, Field

Matrix = npt.NDArray[np.float64]

#: Levels of one column, and codes of a set, that have a term of their own; commonest first.
_MAX_LEVELS: Final = 8
_MAX_CODES: Final = 10


@final
@dataclass(frozen=True)
class Term:
    """One term of a regression.

    Parameters
    ----------
    name : str
        For show: the column, and the level against its reference.
    field : Field
        The column.
    code : int
        Level or code; `MISSING` for whether the value is missing.
    centre, scale : float
        Of a number: mean and standard deviation of the hold-out.
    """

    name: str
    field: Field
    code: int | None = None
    centre: float = 0.0
    scale: float = 1.0

    def of(self, table: Judged) -> npt.NDArray[np.float64]:
        """The term's values, shape (n,); a missing number stands at the mean."""
        values = table.view.values[self.field.name]
        if self.field.form == "bits":
            return np.asarray(values[:, self.code], dtype=np.float64)
        if self.field.form == "level":
            return np.asarray(values == self.code, dtype=np.float64)
        if self.code == MISSING:
            return np.asarray(np.isnan(values), dtype=np.float64)
        return np.asarray(np.where(np.isnan(values), 0.0, (values - self.centre) / self.scale))


def terms_of(fields: tuple[Field, ...], real: Judged) -> tuple[Term, ...]:
    """Choose the terms from the fields and the hold-out.

    A level, a code or a gap has a term where at least eleven hold-out patients have it and eleven do not: an
    effect of fewer would be an effect of single patients. Levels without one are part of the reference.
    """
    chosen: list[Term] = []
    for field in fields:
        values = real.view.values[field.name]
        chosen += {"bits": _of_codes, "level": _of_levels, "number": _of_number}[field.form](field, values)
    return tuple(chosen)


def _of_codes(field: Field, values: Array) -> list[Term]:
    counts = values.sum(axis=0)[: field.known]
    return [
        Term(f"{field.name}: {_label(field, int(code))}", field, int(code))
        for code in np.argsort(-counts, kind="stable")[:_MAX_CODES]
        if _enough(int(counts[code]), len(values))
    ]


def _of_levels(field: Field, values: Array) -> list[Term]:
    reference = _label(field, 0) if field.levels else ""
    return [
        Term(
            f"{field.name}: {'missing' if code == MISSING else _label(field, code)} against {reference}",
            field,
            code,
        )
        for code in (*range(1, min(field.known, _MAX_LEVELS)), MISSING)
        if _enough(int((values == code).sum()), len(values))
    ]


def _of_number(field: Field, values: Array) -> list[Term]:
    here = values[~np.isnan(values)]
    found = []
    if len(here) >= LEAST_SHOWN and np.ptp(here) > 0:
        centre, scale = float(here.mean()), float(here.std())
        found.append(Term(f"{field.name} (per SD)", field, None, centre, scale))
    if _enough(len(values) - len(here), len(values)):
        found.append(Term(f"{field.name}: missing", field, MISSING))
    return found


def _enough(count: int, rows: int) -> bool:
    return LEAST_SHOWN <= count <= rows - LEAST_SHOWN


def _label(field: Field, code: int) -> str:
    return field.labels[code] if field.labels else f"[{code + 1}]"


def design_of(terms: tuple[Term, ...], table: Judged) -> Matrix:
    """Write a table out, one column a term; shape (n, terms)."""
    return np.column_stack([term.of(table) for term in terms])
