"""Which associations are too weak, too strong or turned round?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.associations import (
    Variable,
    associations,
    design,
    variables_of,
)
from synthetic_healthcare.evaluation.fidelity.pairs import cells
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import Field

Matrix = npt.NDArray[np.float64]

#: Pairs listed in the report: those that go together most strongly in the hold-out.
_LISTED: Final = 10
#: Resamples of the hold-out behind the interval: each costs a cross-product of the table.
_RESAMPLES: Final = 50
#: Codes of a set that take part, commonest first.
_MAX_CODES: Final = 20
#: Levels told apart in shared information; rarer ones are taken together.
_MAX_LEVELS: Final = 50


@metric("Errors of associations", family="fidelity", better="lower", bounds=(0.0, 2.0))
def association_errors(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Matrix,
) -> Measure:
    """Mean difference of the associations of two columns from those of the hold-out, signs kept apart.

    Numbers: Spearman's rank correlation; levels: bias-corrected Cramer's V; a number and a level: correlation
    ratio of the ranks. The detail gives the signed errors of the ten strongest pairs, and for each kind of
    pair whether associations are weakened (below 0) or exaggerated on average.

    Source: Bergsma 2013, doi:10.1016/j.jkss.2012.10.002 (corrected Cramer's V).
    """
    variables = variables_of(fields, holdout.view)
    if len(variables) < 2:
        raise NotApplicable("there is only one column: it has no pair")
    synthetic, train = (
        associations(design(variables, table.view.values), np.ones((1, len(table))))[0]
        for table in (synthetic_sample, train_sample)
    )
    used = np.concatenate([np.ones((1, len(holdout))), weights[:_RESAMPLES]])
    resampled = associations(design(variables, holdout.view.values), used)
    real = resampled[0]
    left, right = np.triu_indices(len(variables), 1)
    errors, ceilings = (np.abs(one - resampled)[:, left, right].mean(axis=1) for one in (synthetic, train))
    low, high = interval(errors[1:], float(errors[0]), bounds=(0.0, 2.0))
    detail = {
        "table": signed_errors([one.name for one in variables], real, synthetic=synthetic),
        "strength_by_kind": _strengths(variables, real, synthetic=synthetic),
    }
    return Measure(float(errors[0]), low, high, ceiling=float(ceilings[0]), detail=detail)


def signed_errors(names: list[str], real: Matrix, *, synthetic: Matrix) -> dict[str, Any]:
    """Errors of the strongest pairs of the hold-out, for show."""
    left, right = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(real[left, right]), kind="stable")[:_LISTED]
    rows = []
    for pair in order:
        there, here = float(real[left[pair], right[pair]]), float(synthetic[left[pair], right[pair]])
        rows.append([names[left[pair]], names[right[pair]], there, here, here - there])
    return {"columns": ["Column", "Column", "Real", "Synthetic", "Error"], "rows": rows}


def _strengths(variables: tuple[Variable, ...], real: Matrix, *, synthetic: Matrix) -> dict[str, float]:
    """Mean change of strength by the kind of pair."""
    number = np.array([one.form == "number" for one in variables])
    left, right = np.triu_indices(len(variables), 1)
    change = (np.abs(synthetic) - np.abs(real))[left, right]
    numbers = number[left].astype(int) + number[right]
    words = {2: "numbers", 1: "number and level", 0: "levels"}
    return {word: float(change[numbers == k].mean()) for k, word in words.items() if (numbers == k).any()}


@metric("Shared information", family="fidelity", better="lower", bounds=(0.0, 1.0))
def mutual_information(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, fields: tuple[Field, ...]
) -> Measure:
    """Mean difference of the normalised mutual information of two columns from that of the hold-out.

    2 I(X; Y) / (H(X) + H(Y)) on tenths of the hold-out for numbers: unlike a correlation it sees relations of
    any form. The detail gives the signed errors of the ten strongest pairs.

    Source: Kvalseth 1987, "Entropy and correlation: some comments", doi:10.1109/TSMC.1987.4309069.
    """
    tables = (synthetic_sample, train_sample, holdout)
    names, columns = _coded(fields, tables)
    if len(names) < 2:
        raise NotApplicable("there is only one column: it has no pair")
    widths = [1 + max(int(code.max()) for code in one) for one in columns]
    synthetic, train, real = (
        information([one[place] for one in columns], widths) for place in range(len(tables))
    )
    upper = np.triu_indices(len(names), 1)
    apart, ceiling = (float(np.abs(one - real)[upper].mean()) for one in (synthetic, train))
    return Measure(apart, ceiling=ceiling, detail={"table": signed_errors(names, real, synthetic=synthetic)})


def _coded(
    fields: tuple[Field, ...], tables: tuple[Judged, ...]
) -> tuple[list[str], list[list[npt.NDArray[np.int64]]]]:
    names, columns = [], []
    for field in fields:
        values = [table.view.values[field.name] for table in tables]
        if field.form != "bits":
            names.append(field.name)
            columns.append([np.minimum(one, _MAX_LEVELS) for one in cells(field, values)])
            continue
        for code in range(min(field.known, _MAX_CODES)):
            names.append(f"{field.name} [{code + 1}]")
            columns.append([one[:, code].astype(np.int64) for one in values])
    return names, columns


def information(codes: list[npt.NDArray[np.int64]], widths: list[int]) -> Matrix:
    """Normalised mutual information of each two coded columns, shape (v, v); 0 where both are constant."""
    onehot = np.concatenate([np.eye(width)[code] for code, width in zip(codes, widths, strict=True)], axis=1)
    owners = np.eye(len(codes))[np.repeat(np.arange(len(codes)), widths)]
    joint = onehot.T @ onehot / len(onehot)
    single = np.diag(joint)
    logs = np.log(np.where(joint > 0, joint, 1.0) / np.where(joint > 0, np.outer(single, single), 1.0))
    shared = owners.T @ (joint * logs) @ owners
    entropy = -(single * np.log(np.where(single > 0, single, 1.0))) @ owners
    total = entropy[:, None] + entropy
    return np.asarray((2.0 * shared / np.where(total > 1e-12, total, 1.0)).clip(0.0, 1.0))
