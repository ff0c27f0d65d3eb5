"""Are sets of codes (diagnoses, drugs) as real ones are?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fidelity.bins import mentions
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN, shown_share
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.views import Field

Bits = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]

#: Codes whose prevalence is judged one by one (the others together), whose co-occurrence is judged, and which
#: are listed; commonest first.
_JUDGED: Final = 1_000
_PAIRED: Final = 50
_LISTED: Final = 15
_PARTS: Final = ("prevalence", "co-occurrence", "set size")


@metric("Sets of codes", family="fidelity", better="higher", bounds=(0.0, 1.0))
def code_sets(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    fields: tuple[Field, ...],
    weights: Matrix,
) -> Measure:
    """How well codes' prevalences, which codes occur together, and the sizes of sets match the hold-out.

    Prevalence and co-occurrence: 1 - the total difference over their total (Bray-Curtis), the latter over the
    pairs of the 50 commonest codes. Size: 1 - the total variation distance of the numbers of codes a row.
    The figure is the mean of the three, over the columns that hold sets.

    Source: Bray and Curtis 1957, doi:10.2307/1942268 (the dissimilarity).
    """
    sets = [field for field in fields if field.form == "bits" and field.levels]
    if not sets:
        raise NotApplicable("no column holds sets of codes")
    used = np.concatenate([np.ones((1, len(holdout))), weights])
    found, columns, rows = [], {}, []
    for field in sets:
        synthetic, train, real = (
            table.view.values[field.name] for table in (synthetic_sample, train_sample, holdout)
        )
        parts, ceilings = set_similarity(synthetic, real, used), set_similarity(train, real, used[:1])
        found.append((parts.mean(axis=0), float(ceilings.mean())))
        columns[field.name] = {
            name: {"value": float(part[0]), "ceiling": float(ceiling[0])}
            for name, part, ceiling in zip(_PARTS, parts, ceilings, strict=True)
        }
        rows += _prevalences(field, synthetic, real)
    means = np.mean([one for one, _ in found], axis=0)
    low, high = interval(means[1:], float(means[0]))
    detail: dict[str, Any] = {
        "columns": columns,
        "table": {"columns": ["Column", "Code", "Real", "Synthetic"], "rows": rows},
    }
    ceiling = float(np.mean([one for _, one in found]))
    return Measure(float(means[0]), low, high, ceiling=ceiling, detail=detail)


def set_similarity(values: Bits, real: Bits, weights: Matrix) -> Matrix:
    """Similarity of prevalences, co-occurrences and sizes, the second under B weightings; shape (3, B)."""
    total = weights.sum(axis=1, keepdims=True)
    held, real_held = (mentions(one, _JUDGED) for one in (values, real))
    prevalence = _alike(held.mean(axis=0), weights @ real_held / total)
    pairs, real_pairs = (_pairs(one[:, :_PAIRED]) for one in (values, real))
    together = _alike(pairs.mean(axis=0), weights @ real_pairs / total)
    size, real_size = values.sum(axis=1), real.sum(axis=1)
    most = 1 + int(max(size.max(), real_size.max()))
    sizes = weights @ np.eye(most)[real_size] / total
    apart = np.abs(sizes - np.bincount(size, minlength=most) / len(size)).sum(axis=1)
    return np.stack([prevalence, together, 1.0 - 0.5 * apart])


def _pairs(bits: Bits) -> Matrix:
    """Whether each row holds both codes of each pair, shape (n, pairs)."""
    left, right = np.triu_indices(bits.shape[1], 1)
    return (bits[:, left] & bits[:, right]).astype(np.float64)


def _alike(first: Matrix, second: Matrix) -> Matrix:
    whole = (first + second).sum(axis=1)
    apart = np.abs(first - second).sum(axis=1)
    return np.asarray(1.0 - apart / np.where(whole > 0, whole, 1.0))


def _prevalences(field: Field, synthetic: Bits, real: Bits) -> list[list[Any]]:
    """Prevalences of the commonest codes that enough real patients have to be shown."""
    counts = real.sum(axis=0)
    order = np.argsort(-counts, kind="stable")[:_LISTED]
    return [
        [
            field.name,
            field.labels[code] if field.labels else f"[{code + 1}]",
            shown_share(int(counts[code]), len(real)),
            float(synthetic[:, code].mean()),
        ]
        for code in order
        if counts[code] >= LEAST_SHOWN
    ]
