"""Are the patients of every protected group drawn as well as those of the others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.groups import NAMED, Grouping, too_small
from synthetic_healthcare.evaluation.fairness.outcomes import change_of
from synthetic_healthcare.evaluation.fidelity.marginals import similarity
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import Field

Matrix = npt.NDArray[np.float64]

#: Resamples behind the intervals: every column of every group is compared under each of them.
_REPLICATES: Final = 50


@metric("Fidelity to the worst group", family="fairness", better="higher", bounds=(0.0, 1.0))
def subgroup_fidelity(
    synthetic: Judged,
    train: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    groupings: tuple[Grouping, ...],
    weights: Matrix,
) -> Measure:
    """How well the columns of the worst protected group are kept, as a share of what real rows of it keep.

    Inside each group, the mean over the columns of 1 - the distance to the hold-out's distribution (as for
    single columns), over the same of training rows, at equal numbers of rows. A group of fewer than 11
    synthetic rows gets 0. The gap is that to the best group.
    """
    used = np.concatenate([np.ones((1, len(holdout))), weights[:_REPLICATES]])
    labels, ratios = kept_by_group(groupings, (synthetic, train, holdout), fields, used)
    if len(ratios) < 2:
        raise NotApplicable("fewer than two groups have rows enough to compare them")
    worst, gaps = ratios.min(axis=0), ratios.max(axis=0) - ratios.min(axis=0)
    value = float(worst[0])
    low, high = interval(worst[1:], value)
    ends = [interval(one[1:], float(one[0])) for one in ratios]
    detail: dict[str, Any] = {
        "worst": labels[int(np.argmin(ratios[:, 0]))],
        # The gap of real rows is 0 by definition: each group is measured against its own.
        **change_of(gaps, np.zeros_like(gaps)),
        **too_small(groupings),
        "bars": [
            {"name": label, "real": 1.0, "synthetic": float(one[0]), "lower": low, "upper": high}
            for label, one, (low, high) in zip(labels, ratios, ends, strict=True)
        ],
    }
    return Measure(value, low, high, ceiling=1.0, detail=detail)


def kept_by_group(
    groupings: Sequence[Grouping],
    tables: tuple[Judged, Judged, Judged],
    fields: tuple[Field, ...],
    weights: Matrix,
) -> tuple[list[str], Matrix]:
    """Names of the groups and their share of the real rows' similarity; shape (groups, B)."""
    labels, ratios = [], []
    for grouping in groupings:
        own = {attribute.name for attribute in grouping.attributes}
        compared = [field for field in fields if field.name not in own]
        members = [grouping.members(table.view) for table in tables]
        for place, label in enumerate(grouping.labels):
            made, seen, held = (np.flatnonzero(inside[:, place]) for inside in members)
            if len(seen) < NAMED or not compared:
                continue
            labels.append(label)
            if len(made) < NAMED:
                ratios.append(np.zeros(len(weights)))
                continue
            rows = min(len(made), len(seen))
            pair = [
                _similar(table, chosen[:rows], (tables[2], held), compared, weights)
                for table, chosen in ((tables[0], made), (tables[1], seen))
            ]
            ratios.append(np.minimum(1.0, pair[0] / np.maximum(pair[1], 1e-9)))
    return labels, np.array(ratios)


def _similar(
    table: Judged,
    rows: npt.NDArray[np.intp],
    real: tuple[Judged, npt.NDArray[np.intp]],
    fields: Sequence[Field],
    weights: Matrix,
) -> Matrix:
    """Mean similarity of the columns of some rows to the hold-out's, under each weighting; shape (B,)."""
    holdout, held = real
    inside = weights[:, held]
    # A resample without a patient of the group says nothing of it: it counts as the group as it is.
    inside = np.where(inside.sum(axis=1, keepdims=True) > 0, inside, 1.0)
    found = [
        similarity(field, table.view.values[field.name][rows], holdout.view.values[field.name][held], inside)
        for field in fields
    ]
    return np.asarray(np.mean(found, axis=0))
