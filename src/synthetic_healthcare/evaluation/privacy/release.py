"""What the classic measures of disclosure control say of the released table: description, not evidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.uniques import combinations
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN
from synthetic_healthcare.evaluation.views import Field
from synthetic_healthcare.privacy.anonymity.measures import Tally, distinct, ordered_distance, variation
from synthetic_healthcare.schema.schema import Schema

Codes = npt.NDArray[np.intp]


@metric("k-anonymity of the released table", family="privacy", better="higher", bounds=(0.0, math.inf))
def release_anonymity(
    synthetic_deep: Judged,
    train_deep: Judged,
    holdout_deep: Judged,
    quasi: tuple[Field, ...],
    fields: tuple[Field, ...],
    schema: Schema,
) -> Measure:
    """Size of the smallest group of synthetic rows that share all quasi-identifiers.

    A group of synthetic rows is no group of patients, so this describes the table and proves nothing. The
    detail holds k-map (the smallest number of real rows that share the quasi-identifiers of a synthetic one),
    and for each sensitive column l (fewest values in a group) and t (largest distance of a group's values
    from the table's).

    Sources: Sweeney 2002, doi:10.1142/S0218488502001648 (k-anonymity); Sweeney 2001 (k-map); the others in
    `privacy.anonymity.measures`.
    """
    released, *real = combinations([synthetic_deep, train_deep, holdout_deep], quasi)
    _, group, sizes = np.unique(released, return_inverse=True, return_counts=True)
    there = np.bincount(np.concatenate(real), minlength=int(released.max()) + 1)[np.unique(released)]
    matched = there[there > 0]
    least = int(matched.min()) if len(matched) else 0
    rows = []
    for field in fields:
        if schema[field.name].role == "sensitive" and field.form != "bits":
            diverse, distance = _diversity(group, synthetic_deep, field)
            rows.append([field.name, diverse, distance])
    detail: dict[str, Any] = {
        "columns": [field.name for field in quasi],
        "groups": len(sizes),
        "rows_in_groups_below_11": float((sizes[group] < LEAST_SHOWN).mean()),
        "k_map": least if least == 0 or least >= LEAST_SHOWN else None,
        "k_map_below_11": 0 < least < LEAST_SHOWN,
        "rows_unlike_any_patient": float((there[group] == 0).mean()),
        "table": {"columns": ["sensitive column", "l (distinct values)", "t (distance)"], "rows": rows},
    }
    return Measure(float(sizes.min()), detail=detail)


@metric("Re-identification risk of the released table", family="privacy", better="lower", bounds=(0.0, 1.0))
def release_risk(
    synthetic_deep: Judged,
    train_deep: Judged,
    holdout_deep: Judged,
    quasi: tuple[Field, ...],
    options: EvaluationOptions,
) -> Measure:
    """Share of synthetic rows that a marketer would match to the right patient if they were real rows.

    1/n sum over groups of f / F, with f the synthetic and F the real rows that share the quasi-identifiers
    (marketer risk; a group without real rows adds nothing). The detail holds the prosecutor's risk 1/f, who
    knows that the patient is in the table, and the journalist's 1/F, who does not: the mean, the largest, and
    the share of rows above the tolerable risk. Synthetic rows are not patients: this is how a reviewer would
    read the table by the rules for real ones, an upper view, not what the attacks find.

    Source: El Emam 2013, "Guide to the de-identification of personal health information", chapters 16-18;
    Dankar and El Emam 2010, doi:10.1145/1754239.1754271 (marketer risk).
    """
    released, *real = combinations([synthetic_deep, train_deep, holdout_deep], quasi)
    _, group, sizes = np.unique(released, return_inverse=True, return_counts=True)
    there = np.bincount(np.concatenate(real), minlength=int(released.max()) + 1)[np.unique(released)]
    # More synthetic than real rows of a kind match no more than all of these.
    marketer = float(np.where(there > 0, np.minimum(1.0, 1.0 / np.maximum(1, there)), 0.0)[group].mean())
    prosecutor = 1.0 / sizes[group]
    journalist = np.where(there > 0, 1.0 / np.maximum(1, there), 0.0)[group]
    most = float(journalist.max())
    rows = [
        ["prosecutor", float(prosecutor.mean()), float(prosecutor.max()), _above(prosecutor, options)],
        # The largest risk is one over the smallest count of real patients: not shown below 11.
        [
            "journalist",
            float(journalist.mean()),
            most if most <= 1.0 / LEAST_SHOWN else None,
            _above(journalist, options),
        ],
        ["marketer", marketer, None, None],
    ]
    columns = ["attacker", "mean", "largest", f"share of rows above {options.threshold:g}"]
    detail = {
        "columns": [field.name for field in quasi],
        "table": {"columns": columns, "rows": rows},
    }
    return Measure(marketer, detail=detail)


def quasi_of(fields: tuple[Field, ...], schema: Schema) -> tuple[Field, ...]:
    """The columns that others may know of a patient.

    Raises
    ------
    NotApplicable
        Where the schema declares none.
    """
    found = tuple(field for field in fields if schema[field.name].role == "quasi")
    if not found:
        raise NotApplicable("no column has the role quasi: the schema does not say what others may know")
    return found


def _above(risks: npt.NDArray[np.float64], options: EvaluationOptions) -> float:
    return float((risks > options.threshold).mean())


def _diversity(group: Codes, table: Judged, field: Field) -> tuple[float, float]:
    """l and t of a sensitive column: numbers are compared in their order, categories are all equally far."""
    values, code = np.unique(table.view.values[field.name], return_inverse=True)
    shares = np.bincount(code, minlength=len(values)) / len(code)
    tally = Tally.of(group.astype(np.intp), code.astype(np.intp), np.ones(len(code), dtype=np.intp))
    apart = ordered_distance if field.form == "number" else variation
    return float(distinct(tally).min()), float(apart(tally, shares).max())
