"""Can one patient be singled out by conditions read off the synthetic table?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.privacy.people import People
from synthetic_healthcare.evaluation.privacy.tries import COLUMNS, SINGLED_SCALE, Tried, worst
from synthetic_healthcare.evaluation.views import MISSING, Array, Field

Flags = npt.NDArray[np.bool_]

#: Conditions of several columns: as many as there are synthetic rows, within these ends; and attempts at each
#: before giving up.
_FEWEST: Final = 1000
_MOST: Final = 3000
_ATTEMPTS: Final = 4
#: Random exchanges of training rows and hold-out rows that say how far the result varies by chance.
_DRAWS: Final = 200
#: Fewer conditions say nothing.
_LEAST: Final = 20


@metric("Singling out", family="privacy", better="lower", bounds=(0.0, 1.0))
def singling_out(singled: tuple[Tried, ...], nulls: Nulls) -> Measure:
    """How much more often conditions read off a synthetic row fit one training patient than one unseen one.

    A condition that holds for exactly one synthetic row is tried on as many training rows as there are
    hold-out rows, and on the hold-out; it succeeds where exactly one row meets it. Most join 2 to 4 columns,
    some take the smallest and largest value or a rare category of one column.

    Source: Giomi, Boenisch, Wehmeyer and Tasnadi 2023, doi:10.56553/popets-2023-0055. DIFF: both tables are
    tried at equal size instead of being corrected for unequal ones.
    """
    if not singled:
        raise NotApplicable(f"fewer than {_LEAST} conditions hold for a single synthetic row")
    value, lower, upper, _ = worst(singled, SINGLED_SCALE)
    detail = {
        "table": {"columns": list(COLUMNS[:-1]), "rows": [one.row()[:-1] for one in singled]},
        "predicates": sum(len(one.members) for one in singled),
    }
    return Measure(value, lower, upper, nulls.mean("singling_out"), detail)


def single_out(
    synthetic: Judged, people: People, *, fields: tuple[Field, ...], rng: np.random.Generator
) -> tuple[Tried, ...]:
    """Try conditions on training rows and hold-out rows, equally many of each."""
    size = min(len(people.train), len(people.holdout))
    tables = [people.train.first(size), people.holdout.first(size)]
    conditions = [*_joint(synthetic, fields, rng), *_single(synthetic, fields)]
    if len(conditions) < _LEAST:
        return ()
    met = [np.array([_meets(table, condition) for condition in conditions]) for table in tables]
    members, controls = (one.sum(axis=1) == 1 for one in met)
    spread = _without_leak(np.concatenate(met, axis=1), rng)
    return (Tried("conditions of one synthetic row", members, controls, spread=spread),)


def _without_leak(met: Flags, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Residual when training rows and hold-out rows change places at random, shape (draws,).

    Conditions are tried on the same rows, so their outcomes hang together: counted as independent tries they
    would seem far more certain than they are.

    Parameters
    ----------
    met : bool array (conditions, 2 n)
        Which row meets which condition; n rows of each table.
    rng : np.random.Generator
        Draws the exchanges.
    """
    from scipy.sparse import csr_array

    rows = met.shape[1]
    chosen = rng.permuted(np.tile(np.arange(rows) < rows // 2, (_DRAWS, 1)), axis=1).T.astype(np.float64)
    inside = csr_array(met.astype(np.float64)) @ chosen
    outside = met.sum(axis=1)[:, None] - inside
    taken, held = (np.mean(one == 1.0, axis=0) for one in (inside, outside))
    return np.asarray((taken - held) / np.where(held < 1.0, 1.0 - held, np.inf))


#: Column, how it is compared, and with what.
Condition = tuple[tuple[Field, str, float], ...]


def _joint(synthetic: Judged, fields: tuple[Field, ...], rng: np.random.Generator) -> Iterator[Condition]:
    """Conditions of 2 to 4 columns that a random synthetic row meets alone."""
    if len(fields) < 2:
        return
    middles = {field.name: _middle(synthetic, field) for field in fields if field.form == "number"}
    seen: set[tuple[int, tuple[int, ...]]] = set()
    found = 0
    wanted = min(_MOST, max(_FEWEST, len(synthetic)))
    for _ in range(_ATTEMPTS * wanted):
        row = int(rng.integers(len(synthetic)))
        chosen = rng.choice(len(fields), size=min(len(fields), int(rng.integers(2, 5))), replace=False)
        columns = tuple(sorted(int(one) for one in chosen))
        if (row, columns) in seen:
            continue
        seen.add((row, columns))
        condition = tuple(_condition(synthetic, fields[place], row, middles, rng) for place in columns)
        if _meets(synthetic, condition).sum() == 1:
            found += 1
            yield condition
        if found == wanted:
            return


def _single(synthetic: Judged, fields: tuple[Field, ...]) -> Iterator[Condition]:
    """Conditions of one column that one synthetic row meets alone: its ends, and what occurs once."""
    for field in fields:
        values = synthetic.view.values[field.name]
        if field.form == "number":
            there = np.unique(values[~np.isnan(values)])
            ends = [(">=", there[-1]), ("<=", there[0])] if len(there) else []
        elif field.form == "level":
            counts = np.bincount(values[values != MISSING], minlength=field.levels)
            ends = [("==", code) for code in np.flatnonzero(counts == 1)]
        else:
            ends = [("has", code) for code in np.flatnonzero(values.sum(axis=0) == 1)]
        for sign, value in ends:
            condition = ((field, sign, float(value)),)
            if _meets(synthetic, condition).sum() == 1:
                yield condition


def _middle(table: Judged, field: Field) -> float:
    values = table.view.values[field.name]
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else 0.0


def _condition(
    table: Judged, field: Field, row: int, middles: dict[str, float], rng: np.random.Generator
) -> tuple[Field, str, float]:
    """What a synthetic row says of one column: the side of the middle on which it lies, or its category."""
    value = table.view.values[field.name][row]
    if field.form == "number":
        return field, ">=" if value >= middles[field.name] else "<=", float(value)
    if field.form == "level":
        return field, "==", float(value)
    held = np.flatnonzero(value)
    return (field, "has", float(rng.choice(held))) if len(held) else (field, "none", 0.0)


def _meets(table: Judged, condition: Condition) -> Flags:
    flags = np.ones(len(table), dtype=bool)
    for field, sign, value in condition:
        flags &= _compare(table.view.values[field.name], sign, value)
    return flags


def _compare(values: Array, sign: str, value: float) -> Flags:
    if sign == "has":
        return np.asarray(values[:, int(value)], dtype=bool)
    if sign == "none":
        return np.asarray(~values.any(axis=1), dtype=bool)
    if np.isnan(value):
        return np.asarray(np.isnan(values), dtype=bool)
    compare = {">=": np.greater_equal, "<=": np.less_equal, "==": np.equal}[sign]
    return np.asarray(compare(values, value), dtype=bool)
