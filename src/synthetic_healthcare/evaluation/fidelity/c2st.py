"""Can a classifier tell synthetic rows from the hold-out?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.statistics import interval, placements

Matrix = npt.NDArray[np.float64]

_FOLDS: Final = 5
#: Fewer hold-out rows than this cannot be split into folds that say anything.
_MIN_ROWS: Final = 20


@metric("Told from real rows", family="fidelity", better="higher", bounds=(0.0, 1.0))
def c2st(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    weights: Matrix,
    rng: np.random.Generator,
) -> Measure:
    """1 - max(0, 2 AUC - 1) of gradient boosting that tells synthetic rows from the hold-out, 5 folds.

    Against the hold-out and not against the training rows: a copy of these then scores as real rows do.

    Source: Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", arXiv:1610.06545.
    """
    if min(len(holdout), len(synthetic_sample), len(train_sample)) < _MIN_ROWS:
        raise NotApplicable(f"it needs at least {_MIN_ROWS} rows in each table")
    seed = int(rng.integers(2**31))
    apart = out_of_fold_placements(synthetic_sample.matrix, holdout.matrix, seed=seed)
    ceiling_apart = out_of_fold_placements(train_sample.matrix, holdout.matrix, seed=seed)
    all_weights = np.concatenate([np.ones((1, len(holdout))), weights])
    shares = all_weights / all_weights.sum(axis=1, keepdims=True)
    areas = np.stack([shares @ apart, shares @ ceiling_apart])
    scores = 1.0 - (2.0 * areas - 1.0).clip(0.0, 1.0)
    low, high = interval(scores[0, 1:], float(scores[0, 0]))
    return Measure(
        float(scores[0, 0]),
        low,
        high,
        ceiling=float(scores[1, 0]),
        detail={"auc": float(areas[0, 0]), "auc_ceiling": float(areas[1, 0])},
        replicates=scores[:, 1:],
    )


def out_of_fold_placements(synthetic: Matrix, real: Matrix, *, seed: int) -> npt.NDArray[np.float64]:
    """Share of the fold's synthetic rows that look more synthetic than each real row; shape of `real` rows.

    Their mean is the cross-validated area under the curve, averaged over the folds.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = np.concatenate([synthetic, real])
    is_synthetic = np.concatenate([np.ones(len(synthetic)), np.zeros(len(real))])
    # The order of rows is a hash of their content: every fifth row is a random fifth.
    fold = np.concatenate([np.arange(len(synthetic)) % _FOLDS, np.arange(len(real)) % _FOLDS])
    found = np.empty(len(real))
    for held in range(_FOLDS):
        out = fold == held
        model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        model.fit(rows[~out], is_synthetic[~out])
        scores = model.predict_proba(rows[out])[:, 1]
        fake = is_synthetic[out] == 1.0
        found[fold[len(synthetic) :] == held] = 1.0 - placements(scores[~fake], scores[fake])
    return found
