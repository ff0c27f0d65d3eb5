"""Both tables as points on one plane: the first two principal components of the real rows.

Source: Pearson 1901, "On lines and planes of closest fit", doi:10.1080/14786440109462720.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

#: Rows a side that are shown at most.
MOST_POINTS: Final = 500
#: Columns of the encoding that take part, those of largest variance: the cost grows with their cube.
_MOST_COLUMNS: Final = 400


def project(real: Matrix, synthetic: Matrix, *, rng: np.random.Generator) -> dict[str, Any] | None:
    """Project rows of both tables on the plane in which the real rows differ most.

    Parameters
    ----------
    real, synthetic : float array (n, width), (m, width)
        Rows in one encoding.
    rng : numpy.random.Generator
        Chooses the rows that are shown.

    Returns
    -------
    dict or None
        `real` and `synthetic` points, and `explained`, the share of the variance that each axis carries;
        `None` where the real rows do not differ in two directions.
    """
    spread = real.var(axis=0)
    total = float(spread.sum())
    widest = np.sort(np.argsort(-spread, kind="stable")[:_MOST_COLUMNS])
    centre = real[:, widest].mean(axis=0)
    apart = real[:, widest] - centre
    # The scatter matrix is as wide as the encoding, whatever the number of rows.
    variances, directions = np.linalg.eigh(apart.T @ apart / max(len(real), 1))
    if len(variances) < 2 or variances[-2] <= 1e-9:
        return None
    axes = directions[:, [-1, -2]]
    # An eigenvector's sign is arbitrary: the heaviest loading points upwards, on every machine.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return {
        "real": _points(real[:, widest] - centre, axes, rng),
        "synthetic": _points(synthetic[:, widest] - centre, axes, rng),
        "explained": [round(float(variance) / total, 4) for variance in variances[[-1, -2]]],
    }


def _points(rows: Matrix, axes: Matrix, rng: np.random.Generator) -> list[list[float]]:
    if len(rows) > MOST_POINTS:
        rows = rows[np.sort(rng.choice(len(rows), MOST_POINTS, replace=False))]
    points: list[list[float]] = np.round(rows @ axes, 3).tolist()
    return points
