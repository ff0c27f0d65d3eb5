"""Are the typical real rows, and the unusual ones, both there in their proportion?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import TOLERANCE, nearest, nearest_row
from synthetic_healthcare.evaluation.encoding import Judged

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

#: Points of the curves.
_LEVELS: Final = np.linspace(0.0, 1.0, 31)
#: Neighbour of a hold-out row that says how near a synthetic row must be to stand for it.
# DIFF: the paper takes the first; with it a fresh real sample covers half of the rows only.
_K: Final = 5
#: Rows of each table that are compared, all with all.
_ROWS: Final = 2_000


@metric("Alpha-precision", family="fidelity", better="higher", bounds=(0.0, 1.0))
def alpha_precision(synthetic_sample: Judged, train_sample: Judged, holdout: Judged) -> Measure:
    """Whether a share alpha of synthetic rows lies among the alpha most typical real ones, for every alpha.

    1 - twice the area between the curve and the diagonal; typical are the rows nearest to the hold-out's
    centre. Below the diagonal the synthetic rows are too unusual, above it too typical.

    Source: Alaa et al. 2022, arXiv:2102.08921, section 4.2 (without the embedding: rows as encoded).
    """
    centre = holdout.matrix.mean(axis=0)
    real = _radii(holdout.matrix, centre)
    curves = [
        precision_curve(_radii(table.matrix, centre), real) for table in (synthetic_sample, train_sample)
    ]
    return _measure(curves, "Alpha (share of real rows)", "Share of rows within")


@metric("Beta-recall", family="fidelity", better="higher", bounds=(0.0, 1.0))
def beta_recall(synthetic_sample: Judged, train_sample: Judged, holdout: Judged) -> Measure:
    """Whether the beta most typical synthetic rows stand for a share beta of real rows, for every beta.

    1 - twice the area between the curve and the diagonal; a synthetic row stands for a hold-out row that is
    nearer to it than to its fifth real neighbour. Below the diagonal kinds of real rows are absent. At most
    2,000 rows of each table, all compared with all.

    Source: Alaa et al. 2022, arXiv:2102.08921, section 4.2.
    """
    if len(holdout) <= _K:
        raise NotApplicable(f"it needs more than {_K} hold-out rows")
    real = holdout.first(_ROWS).matrix
    reach = nearest(real, real, k=_K, same=True)[:, -1]
    curves = [
        recall_curve(table.first(_ROWS).matrix, real, reach=reach)
        for table in (synthetic_sample, train_sample)
    ]
    return _measure(curves, "Beta (share of synthetic rows)", "Share of real rows stood for")


def precision_curve(radii: Vector, real: Vector) -> Vector:
    """Share of rows whose distance to the centre is within each quantile of the real rows'."""
    edges = np.quantile(real, _LEVELS, method="inverted_cdf")
    found = np.searchsorted(np.sort(radii), edges + TOLERANCE, "right") / len(radii)
    # No row lies among the 0 most typical ones.
    return np.asarray(np.where(_LEVELS == 0.0, 0.0, found))


def recall_curve(rows: Matrix, real: Matrix, *, reach: Vector) -> Vector:
    """Share of real rows whose nearest row is within reach and among each share of the most typical rows."""
    radii = _radii(rows, rows.mean(axis=0))
    apart, owner = nearest_row(real, rows)
    held = apart <= reach + TOLERANCE
    edges = np.quantile(radii, _LEVELS, method="inverted_cdf")
    return np.array(
        [
            0.0 if level == 0.0 else float((held & (radii[owner] <= edge + TOLERANCE)).mean())
            for level, edge in zip(_LEVELS, edges, strict=True)
        ]
    )


def _radii(rows: Matrix, centre: Vector) -> Vector:
    return np.asarray(np.abs(rows - centre).sum(axis=1))


def _measure(curves: list[Vector], x_title: str, y_title: str) -> Measure:
    value, ceiling = (float(integrated(curve)) for curve in curves)
    drawn: list[dict[str, Any]] = [
        {"name": name, "x": _LEVELS.tolist(), "y": curve.tolist(), "lower": None, "upper": None, "side": side}
        for name, side, curve in zip(("Synthetic", "Real sample"), ("synthetic", "real"), curves, strict=True)
    ]
    detail = {"curves": drawn, "x_title": x_title, "y_title": y_title}
    return Measure(value, ceiling=ceiling, detail=detail)


def integrated(curve: Vector) -> float:
    """1 - twice the area between a curve and the diagonal (equation 9)."""
    return max(0.0, 1.0 - 2.0 * float(np.trapezoid(np.abs(curve - _LEVELS), _LEVELS)))
