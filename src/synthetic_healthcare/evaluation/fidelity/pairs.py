"""Two columns at a time: are the associations of the hold-out kept?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.associations import Design, associations, design, variables_of
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import Array, Field

#: Shuffled hold-outs that say what independent columns would score; their mean is used.
_SHUFFLES: Final = 5
#: Pairs listed in the report: those that go together most strongly in the hold-out.
_LISTED: Final = 10


@metric("Associations", family="fidelity", better="higher", bounds=(0.0, 1.0))
def pairs(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Measure:
    """1 - sum of |A_S - A_H| over sum of |A_ind - A_H|, over all pairs of columns.

    A are the associations (see `associations`); A_ind are those of the hold-out with each column shuffled on
    its own. 1: all associations kept; 0: no better than columns drawn one by one.
    """
    variables = variables_of(fields, holdout.view)
    if len(variables) < 2:
        raise NotApplicable("there is only one column: it has no pair")
    real = design(variables, holdout.view.values)
    everyone = np.ones((1, len(holdout)))
    targets = associations(real, np.concatenate([everyone, weights]))
    independent = np.mean([_shuffled(real, rng) for _ in range(_SHUFFLES)], axis=0)
    upper = np.triu_indices(len(variables), 1)
    # Pairs within one column (its codes, its missingness) are judged too: they are part of its pattern.
    against = np.abs(independent - targets)[:, upper[0], upper[1]].sum(axis=1)
    if against[0] < 1e-9:
        raise NotApplicable("the hold-out's columns are all constant: there is no association to keep")
    found = []
    for table in (synthetic_sample, train_sample):
        one = associations(design(variables, table.view.values), np.ones((1, len(table))))[0]
        apart = np.abs(one - targets)[:, upper[0], upper[1]].sum(axis=1)
        found.append((one, (1.0 - apart / np.maximum(against, 1e-9)).clip(0.0, 1.0)))
    (synthetic, values), (_, ceilings) = found
    strongest = np.argsort(-np.abs(targets[0][upper]), kind="stable")[:_LISTED]
    listed = [
        {
            "columns": [variables[upper[0][pair]].name, variables[upper[1][pair]].name],
            "real": float(targets[0][upper][pair]),
            "synthetic": float(synthetic[upper][pair]),
        }
        for pair in strongest
    ]
    low, high = interval(values[1:], float(values[0]))
    return Measure(
        float(values[0]),
        low,
        high,
        ceiling=float(ceilings[0]),
        detail={"strongest": listed},
        replicates=np.stack([values[1:], ceilings[1:]]),
    )


def _shuffled(real: Design, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Associations after shuffling each variable on its own (its columns of the design together)."""
    p = real.numbers
    groups = [[place, p + place, 2 * p + place] for place in range(p)]
    groups += [list(3 * p + np.flatnonzero(owner)) for owner in real.blocks.T]
    matrix = real.matrix.copy()
    for group in groups:
        matrix[:, group] = matrix[rng.permutation(len(matrix))][:, group]
    once = np.ones((1, len(matrix)))
    return np.asarray(associations(Design(matrix, p, real.blocks), once)[0])


@metric("Pair accuracy", family="fidelity", better="higher", bounds=(0.0, 1.0))
def pair_accuracy(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, fields: tuple[Field, ...]
) -> Measure:
    """Mean over the column pairs of 1 - total variation distance of their joint table, numbers in tenths.

    The tenths are those of the hold-out. Not part of the score: a table of independent columns does well.
    """
    single = [field for field in fields if field.form != "bits"]
    if len(single) < 2:
        raise NotApplicable("there are fewer than two columns that have one value a row")
    tables = [synthetic_sample, train_sample, holdout]
    blocks: list[list[npt.NDArray[np.float64]]] = [[], [], []]
    owners: list[int] = []
    for place, field in enumerate(single):
        codes = cells(field, [table.view.values[field.name] for table in tables])
        width = 1 + max(int(code.max()) for code in codes)
        owners += [place] * width
        for block, code in zip(blocks, codes, strict=True):
            block.append(np.eye(width)[code])
    belongs = np.eye(len(single))[owners]
    joint = []
    for block in blocks:
        onehot = np.concatenate(block, axis=1)
        joint.append(onehot.T @ onehot / len(onehot))
    upper = np.triu_indices(len(single), 1)
    kept = [
        float((1.0 - 0.5 * (belongs.T @ np.abs(one - joint[2]) @ belongs))[upper].mean()) for one in joint[:2]
    ]
    return Measure(kept[0], ceiling=kept[1])


def cells(field: Field, columns: list[Array]) -> list[npt.NDArray[np.int64]]:
    """Cell of each row: 0 for missing, then tenths of the hold-out (the last column given) or levels."""
    if field.form == "level":
        return [column + 1 for column in columns]
    real = columns[-1][~np.isnan(columns[-1])]
    edges = np.unique(np.quantile(real, np.linspace(0.1, 0.9, 9))) if len(real) else np.zeros(0)
    return [np.where(np.isnan(column), 0, 1 + np.searchsorted(edges, column, "right")) for column in columns]
