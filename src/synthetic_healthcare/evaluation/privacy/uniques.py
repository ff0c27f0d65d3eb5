"""Do combinations and extreme values that belong to one training patient come back?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.privacy.people import People
from synthetic_healthcare.evaluation.statistics import difference_interval
from synthetic_healthcare.evaluation.views import Field

Codes = npt.NDArray[np.intp]

#: Fewer unique combinations, or extreme values, of either kind say nothing.
_LEAST: Final = 20
#: Values at each end of a column, and the share of different values that makes it continuous.
_ENDS: Final = 5
_CONTINUOUS: Final = 0.5


@metric("Unique combinations that come back", family="privacy", better="lower", bounds=(0.0, 1.0))
def replicated_uniques(synthetic_deep: Judged, people: People, quasi: tuple[Field, ...]) -> Measure:
    """Share of the combinations of quasi-identifiers held by one training patient that are in the table.

    Less the same share for combinations that one hold-out patient holds, both among equally many rows.
    """
    size = min(len(people.train_deep), len(people.holdout_deep))
    tables = [synthetic_deep, people.train_deep.first(size), people.holdout_deep.first(size)]
    released, *real = combinations(tables, quasi)
    shares = []
    for codes in real:
        values, counts = np.unique(codes, return_counts=True)
        shares.append(np.isin(values[counts == 1], released))
    if min(len(one) for one in shares) < _LEAST:
        raise NotApplicable(
            f"fewer than {_LEAST} combinations of quasi-identifiers belong to one patient alone"
        )
    return _excess(shares[0], shares[1], {"columns": [field.name for field in quasi]})


@metric("Extreme values that come back", family="privacy", better="lower", bounds=(0.0, 1.0))
def extremes_reused(synthetic_deep: Judged, people: People, fields: tuple[Field, ...]) -> Measure:
    """Share of the largest and smallest exact values of training patients that occur in the synthetic table.

    The 5 largest and the 5 smallest values of every continuous column that the other real table does not
    hold, less the same share for the hold-out. A table of resampled real values gets 1.
    """
    found: list[list[bool]] = [[], []]
    columns = []
    for field in fields:
        if field.form != "number":
            continue
        released, *real = (
            _values(table, field) for table in (synthetic_deep, people.train_deep, people.holdout_deep)
        )
        if any(len(one) < 2 * _ENDS or len(np.unique(one)) < _CONTINUOUS * len(one) for one in real):
            continue
        columns.append(field.name)
        for mine, other, kept in ((real[0], real[1], found[0]), (real[1], real[0], found[1])):
            alone = np.setdiff1d(mine, other)
            ends = np.unique(np.concatenate([alone[:_ENDS], alone[-_ENDS:]]))
            kept.extend(np.isin(ends, released).tolist())
    if min(len(one) for one in found) < _LEAST:
        raise NotApplicable("too few columns are continuous: exact values say nothing of a patient")
    return _excess(np.array(found[0]), np.array(found[1]), {"columns": columns})


def _excess(
    taken: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_], detail: dict[str, list[str]]
) -> Measure:
    shares = (float(taken.mean()), len(taken)), (float(held.mean()), len(held))
    low, high = difference_interval(*shares)
    gap = shares[0][0] - shares[1][0]
    return Measure(
        max(0.0, gap),
        min(max(0.0, gap), max(0.0, low)),
        min(1.0, max(0.0, high + max(0.0, -gap))),
        0.0,
        {"train": shares[0][0], "holdout": shares[1][0], **detail},
    )


def _values(table: Judged, field: Field) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = table.view.values[field.name]
    return values[~np.isnan(values)]


def combinations(tables: Sequence[Judged], fields: Sequence[Field]) -> list[Codes]:
    """Number the combinations of some columns' values, the same for all tables; shape (n,) each."""
    sizes = [len(table) for table in tables]
    code = np.zeros(sum(sizes), dtype=np.intp)
    for field in fields:
        pooled = np.concatenate([table.view.values[field.name] for table in tables])
        # A missing value is a value like any other (NaN equals NaN here).
        _, column = np.unique(pooled, axis=0, return_inverse=True) if pooled.ndim > 1 else _number(pooled)
        _, code = np.unique(code * (int(column.max(initial=0)) + 1) + column.ravel(), return_inverse=True)
    return list(np.split(code, np.cumsum(sizes)[:-1]))


def _number(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Codes]:
    different, codes = np.unique(values, return_inverse=True)
    return different, codes
