"""Can a classifier tell synthetic rows from the hold-out?"""

from __future__ import annotations

from typing import Any, Final

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
    return _told_apart((synthetic_sample, train_sample), holdout, weights=weights, rng=rng)


@metric("Told from real rows, logistic", family="fidelity", better="higher", bounds=(0.0, 1.0))
def c2st_logistic(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    weights: Matrix,
    rng: np.random.Generator,
) -> Measure:
    """1 - max(0, 2 AUC - 1) of a logistic regression that tells synthetic rows from the hold-out, 5 folds.

    Not part of the score: it sees single columns only, so that a table of independent columns passes. Far
    below 1, it says that the single columns already give the table away.

    Source: Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", arXiv:1610.06545.
    """
    if min(len(holdout), len(synthetic_sample), len(train_sample)) < _MIN_ROWS:
        raise NotApplicable(f"it needs at least {_MIN_ROWS} rows in each table")
    tables = (synthetic_sample, train_sample)
    return _told_apart(tables, holdout, weights=weights, rng=rng, learner="logistic")


def _told_apart(
    tables: tuple[Judged, Judged],
    holdout: Judged,
    *,
    weights: Matrix,
    rng: np.random.Generator,
    learner: str = "gradient boosting",
) -> Measure:
    seed = int(rng.integers(2**31))
    apart, ceiling_apart = (
        out_of_fold_placements(table.matrix, holdout.matrix, seed=seed, learner=learner) for table in tables
    )
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


def out_of_fold_placements(
    synthetic: Matrix, real: Matrix, *, seed: int, learner: str = "gradient boosting"
) -> npt.NDArray[np.float64]:
    """Share of the fold's synthetic rows that look more synthetic than each real row; shape of `real` rows.

    Their mean is the cross-validated area under the curve, averaged over the folds.
    """
    rows = np.concatenate([synthetic, real])
    is_synthetic = np.concatenate([np.ones(len(synthetic)), np.zeros(len(real))])
    # The order of rows is a hash of their content: every fifth row is a random fifth.
    fold = np.concatenate([np.arange(len(synthetic)) % _FOLDS, np.arange(len(real)) % _FOLDS])
    found = np.empty(len(real))
    for held in range(_FOLDS):
        out = fold == held
        model = _classifier(learner, seed)
        model.fit(rows[~out], is_synthetic[~out])
        scores = model.predict_proba(rows[out])[:, 1]
        fake = is_synthetic[out] == 1.0
        found[fold[len(synthetic) :] == held] = 1.0 - placements(scores[~fake], scores[fake])
    return found


def _classifier(learner: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    if learner == "logistic":
        return LogisticRegression(max_iter=5000)
    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
