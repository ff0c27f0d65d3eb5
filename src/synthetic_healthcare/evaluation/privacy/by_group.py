"""Is membership easier to tell in one group of patients than in another?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.privacy.attacks import ATTACKS, Scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort
from synthetic_healthcare.evaluation.privacy.exposure import MIN_PART, exposure_of
from synthetic_healthcare.evaluation.views import MISSING, Field

#: A protected number (age) is judged by quarters of its patients.
_QUARTERS: Final = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
_MOST_LEVELS: Final = 20


@metric("Membership attacks by group", family="privacy", better="lower", bounds=(0.0, 1.0))
def privacy_by_group(
    cohort: Cohort, scores: Scores, protected: tuple[Field, ...], tables: list[pd.DataFrame]
) -> Measure:
    """Advantage of the attacks that is proven in the group of patients where it is largest.

    Each group of a protected column is judged alone, members against controls of the same group. The value is
    the lower end of the largest advantage after allowing for all groups and attacks that were tried
    (Bonferroni): a handful of patients gives noise, and noise is no finding. The detail holds every group's
    estimate with its interval, and the gap between the best and the worst.
    """
    parts = [part for field in protected for part in _parts(field, cohort, tables)]
    judged = [(name, inside) for name, inside in parts if min(int(one.sum()) for one in inside) >= MIN_PART]
    if not judged:
        raise NotApplicable(
            f"no group of a protected column has {MIN_PART} members and {MIN_PART} controls"
            if protected
            else "no column is protected: give demographic columns the role quasi or sensitive"
        )
    found = []
    for name, inside in judged:
        members, controls = (
            {code: one[flags] for code, one in side.items()}
            for side, flags in zip(scores, inside, strict=True)
        )
        found.append((name, exposure_of(members, controls, comparisons=len(ATTACKS) * len(judged))))
    value = max(one.proven for _, one in found)
    detail: dict[str, Any] = {
        "bars": [
            {"name": name, "real": None, "synthetic": one.value, "lower": one.lower, "upper": one.upper}
            for name, one in found
        ],
        "table": {
            "columns": ["group", "members", "controls", "worst attack", "advantage", "proven"],
            "rows": [
                [name, one.members, one.controls, ATTACKS[one.attack], one.value, one.proven]
                for name, one in found
            ],
        },
        "gap": max(one.value for _, one in found) - min(one.value for _, one in found),
        "too_small": len(parts) - len(judged),
    }
    return Measure(value, value, detail=detail)


Part = tuple[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]


def _parts(field: Field, cohort: Cohort, tables: Sequence[pd.DataFrame]) -> list[Part]:
    """Name the groups of a column, with the members and the controls that belong to each."""
    columns = [table.view.values[field.name] for table in (cohort.members, cohort.controls)]
    if field.form == "number":
        edges = _edges(field, cohort)
        if edges is None:
            return []
        bands = [np.where(np.isnan(one), -1, np.searchsorted(edges, one, "right")) for one in columns]
        return [
            (f"{field.name}: {name}", (bands[0] == place, bands[1] == place))
            for place, name in enumerate(_QUARTERS)
        ]
    names = level_names(field, tables)
    shown = range(min(field.known, _MOST_LEVELS))
    groups = [(names[code], code) for code in shown] + [("missing", MISSING)]
    return [
        (f"{field.name}: {name}", (columns[0] == code, columns[1] == code))
        for name, code in groups
        if (columns[0] == code).any()
    ]


def _edges(field: Field, cohort: Cohort) -> npt.NDArray[np.float64] | None:
    pooled = np.concatenate([_present(one, field) for one in (cohort.members, cohort.controls)])
    return None if not len(pooled) else np.quantile(pooled, [0.25, 0.5, 0.75], method="higher")


def _present(table: Judged, field: Field) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = table.view.values[field.name]
    return values[~np.isnan(values)]


def level_names(field: Field, tables: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """Names of a column's levels that real rows hold, in the order of their codes.

    Codes are given by frequency in the real rows; where two levels are equally frequent, or two spellings
    mean one level, the names are left open.
    """
    real = pd.concat([table[field.name] for table in tables[1:]], ignore_index=True).dropna()
    counts = real.astype(object).map(str).value_counts()
    if len(counts) != field.known:
        return tuple(f"level {code + 1}" for code in range(field.known))
    clear = ~counts.duplicated(keep=False).to_numpy()
    return tuple(
        str(name) if sure else f"level {code + 1}"
        for code, (name, sure) in enumerate(zip(counts.index, clear, strict=True))
    )
