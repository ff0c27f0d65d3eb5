"""The judges of quality. They know no model: each gets tables of numbers and gives a number.

They are written apart from the library's own metrics on purpose, so that it does not mark its own work.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float64]

_FOLDS: Final = 5
_SEED: Final = 0
_BINS: Final = 10
#: Columns with no more distinct values than this are compared as categories.
CATEGORY_VALUES: Final = 10
_LOGISTIC_ITERATIONS: Final = 5000
LEARNERS: Final = ("trees", "logistic")


def c2st(rows: pd.DataFrame, holdout: pd.DataFrame) -> float:
    """Classifier two-sample test: how well gradient-boosted trees tell `rows` from `holdout`.

    The AUC of out-of-fold probabilities over 5 shuffled, stratified folds: 0.5 where they cannot be told
    apart (a small sample scatters around it), 1 where they always can. Source: Lopez-Paz & Oquab 2017,
    arXiv:1610.06545; AUC in place of accuracy because the two tables differ in size.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    both = np.concatenate([_numbers(rows), _numbers(holdout[rows.columns])])
    label = np.repeat([1, 0], [len(rows), len(holdout)])
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    trees = HistGradientBoostingClassifier(random_state=_SEED)
    chance = cross_val_predict(trees, both, label, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(label, chance))


def pair_accuracy(rows: pd.DataFrame, holdout: pd.DataFrame) -> float:
    """Mean over all pairs of columns of 1 - total variation distance between the two joint histograms.

    A column's bins are cut at the inner deciles of the hold-out (equal cuts merged), those of a column with
    at most 10 values at the values themselves; a value on a cut belongs to the bin above it. 1 is equality;
    rows as good as real ones stay below it, since two small samples differ.
    """
    cells = [
        (_bins(rows[name], cuts), _bins(holdout[name], cuts))
        for name, cuts in ((name, _cuts(holdout[name])) for name in holdout)
    ]
    pairs = [_closeness(cells[i], cells[j]) for i in range(len(cells)) for j in range(i)]
    return float(np.mean(pairs))


def tstr(rows: pd.DataFrame, holdout: pd.DataFrame, *, target: str, learner: str) -> float | None:
    """Train on `rows`, test on real rows: AUC of a classifier of `target` on the hold-out.

    Source: Esteban et al. 2017, arXiv:1706.02633. None where `rows` hold one class only: nothing can be
    learnt from them.
    """
    from sklearn.metrics import roc_auc_score

    if rows[target].nunique() < 2:
        return None
    features = [name for name in holdout if name != target]
    model = _classifier(learner)
    model.fit(_numbers(rows[features]), rows[target].to_numpy())
    chance = model.predict_proba(_numbers(holdout[features]))[:, 1]
    return float(roc_auc_score(holdout[target].to_numpy(), chance))


def _numbers(rows: pd.DataFrame) -> Matrix:
    return rows.to_numpy(dtype=np.float64)


def _cuts(values: pd.Series) -> Matrix:
    numbers = values.to_numpy(dtype=np.float64)
    levels = np.unique(numbers)
    if len(levels) <= CATEGORY_VALUES:
        return levels[1:]
    return np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))


def _bins(values: pd.Series, cuts: Matrix) -> npt.NDArray[np.int64]:
    return np.searchsorted(cuts, values.to_numpy(dtype=np.float64), side="right")


def _closeness(first: tuple[Any, Any], second: tuple[Any, Any]) -> float:
    """1 - total variation distance between the joint histograms of two columns, in two tables."""
    one, other = (
        np.bincount(a * _BINS + b, minlength=_BINS * _BINS) / len(a)
        for a, b in zip(first, second, strict=True)
    )
    return 1 - 0.5 * float(np.abs(one - other).sum())


def _classifier(learner: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if learner == "trees":
        return HistGradientBoostingClassifier(random_state=_SEED)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=_LOGISTIC_ITERATIONS))
