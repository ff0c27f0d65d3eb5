"""The four judges of quality. They know no model: each gets tables of numbers and gives a number.

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
#: Columns with no more distinct values than this are compared as categories by the membership judge.
_CATEGORY_VALUES: Final = 10
_LOGISTIC_ITERATIONS: Final = 5000
LEARNERS: Final = ("trees", "logistic")


def judge(
    rows: pd.DataFrame, *, train: pd.DataFrame, holdout: pd.DataFrame, target: str
) -> dict[str, float | None]:
    """Judge synthetic (or real) rows by everything below.

    Parameters
    ----------
    rows : DataFrame (n, columns)
        The table to judge; with `rows` = `train` the result is what real rows get.
    train, holdout : DataFrame
        Real rows that were learnt, and real rows that were not.
    target : str
        The column to predict, two classes.

    Returns
    -------
    dict
        `c2st`, `pairs` (share of what the training rows get), `tstr_trees` and `tstr_logistic` (None where
        `rows` have one class only), `membership`.

    Raises
    ------
    ValueError
        `rows` lack a column, or have missing values.
    """
    rows = _aligned(rows, train)
    scores: dict[str, float | None] = {
        "c2st": c2st(rows, holdout),
        "pairs": pair_accuracy(rows, holdout) / pair_accuracy(train, holdout),
    }
    for learner in LEARNERS:
        scores[f"tstr_{learner}"] = tstr(rows, holdout, target=target, learner=learner)
    scores["membership"] = membership(rows, train, holdout)
    return scores


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

    A column's bins are cut at the inner deciles of the hold-out (equal cuts merged); a value on a cut belongs
    to the bin above it. 1 is equality; rows as good as real ones stay below it, since two small samples
    differ.
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


def membership(rows: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame) -> float:
    """How well nearness to a synthetic row tells learnt patients from others: 0.5 nothing, 1 a copy.

    AUC of the distance to the nearest row of `rows`, training against hold-out rows. The distance is the sum
    over columns of the difference of ranks among the real rows (0 to 1) or, where a column has at most 10
    values, of 1 for different values. Source of the attack: Chen et al. 2020, doi:10.1145/3372297.3417238.
    """
    from scipy.spatial.distance import cdist
    from sklearn.metrics import roc_auc_score

    real = pd.concat([train, holdout], ignore_index=True)
    synthetic, people = _places(rows, real), _places(real, real)
    nearest = cdist(people, synthetic, metric="cityblock").min(axis=1)
    learnt = np.repeat([1, 0], [len(train), len(holdout)])
    return float(roc_auc_score(learnt, -nearest))


def _aligned(rows: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    absent = [str(name) for name in real if name not in rows]
    if absent:
        raise ValueError(f"the synthetic table lacks the columns {', '.join(absent)}")
    rows = rows[list(real)]
    gaps = [str(name) for name in rows if rows[name].isna().any()]
    if gaps:
        raise ValueError(f"the synthetic table has missing values, the real one none: {', '.join(gaps)}")
    return rows


def _numbers(rows: pd.DataFrame) -> Matrix:
    return rows.to_numpy(dtype=np.float64)


def _cuts(values: pd.Series) -> Matrix:
    return np.unique(np.quantile(values.to_numpy(dtype=np.float64), np.linspace(0, 1, _BINS + 1)[1:-1]))


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


def _places(rows: pd.DataFrame, real: pd.DataFrame) -> Matrix:
    """Coordinates whose city-block distance is the one that `membership` describes."""
    places: list[Matrix] = []
    for name in real:
        values, known = (table[name].to_numpy(dtype=np.float64) for table in (rows, real))
        levels = np.unique(known)
        if len(levels) <= _CATEGORY_VALUES:
            # Half a unit in each of two coordinates: two different values are 1 apart. A value that no real
            # row has lies half a unit from all of them.
            places.extend(0.5 * (values == level) for level in levels)
        else:
            places.append(_rank(values, np.sort(known)))
    return np.stack(places, axis=1)


def _rank(values: Matrix, ordered: Matrix) -> Matrix:
    """Mid-rank of each value among the real ones, from 0 to 1."""
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(ordered))
