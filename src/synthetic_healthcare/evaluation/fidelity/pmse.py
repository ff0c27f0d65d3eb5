"""How unevenly are synthetic and real rows spread over a classifier's predictions?"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.regressions import independent_columns, logistic, with_intercept

Matrix = npt.NDArray[np.float64]

#: Rows for each parameter below which the null distribution of the formula does not hold.
_ROWS_A_PARAMETER: Final = 5
#: Shuffles of the labels behind the null of trees, and the size of the trees.
_SHUFFLES: Final = 20
_TREES: Final = 50
_DEPTH: Final = 4


@metric("Propensity", family="fidelity", better="lower", bounds=(0.0, math.inf))
def pmse(synthetic_sample: Judged, train_sample: Judged, holdout: Judged) -> Measure:
    """How much better than by chance a logistic regression fits which rows are synthetic: 1 is chance.

    The mean squared difference of its propensities from the share c of synthetic rows (pMSE), over what it is
    on average where both tables are samples of one distribution, (k - 1) c (1 - c) / N with k parameters and
    N rows. The detail gives pMSE itself and its distance from that mean in standard deviations.

    Source: Snoke et al. 2018, doi:10.1111/rssa.12358 (pMSE, its ratio and its standardised form).
    """
    found = propensity(synthetic_sample.matrix, holdout.matrix)
    real = propensity(train_sample.matrix, holdout.matrix)
    return Measure(found["ratio"], ceiling=real["ratio"], detail={"synthetic": found, "real_sample": real})


def propensity(synthetic: Matrix, real: Matrix) -> dict[str, float]:
    """pMSE of a logistic regression, over its null mean, and standardised by the null.

    Raises
    ------
    NotApplicable
        Where the rows are too few for the parameters.
    """
    rows = np.concatenate([synthetic, real])
    labels = np.concatenate([np.ones(len(synthetic)), np.zeros(len(real))])
    inputs = with_intercept(rows - rows.mean(axis=0))
    inputs = inputs[:, independent_columns(inputs)]
    parameters = inputs.shape[1]
    if parameters < 2:
        raise NotApplicable("all columns are constant: there is nothing to fit")
    if len(rows) < _ROWS_A_PARAMETER * parameters:
        raise NotApplicable(
            f"{len(rows)} rows are too few for the {parameters} parameters of the model of propensity"
        )
    fitted = logistic(inputs, labels)
    chance = 1.0 / (1.0 + np.exp(-(inputs @ fitted.coefficients).clip(-500.0, 500.0)))
    share = float(labels.mean())
    error = float(((chance - share) ** 2).mean())
    # DIFF: the paper's null has (1 - c)^2 c: there the synthetic rows are drawn from a model of the very rows
    # that they are compared with, whose own noise then does not count. The hold-out is a sample of its own,
    # so it does: N pMSE / (c (1 - c)) is a score statistic, chi-square with k - 1 degrees of freedom.
    scale = (1.0 - share) * share / len(rows)
    expected, deviation = (parameters - 1) * scale, math.sqrt(2.0 * (parameters - 1)) * scale
    return {
        "pmse": error,
        "ratio": error / expected,
        "standardised": (error - expected) / deviation,
        "parameters": float(parameters),
    }


@metric("Propensity by trees", family="fidelity", better="lower", bounds=(0.0, math.inf), suite="full")
def pmse_trees(
    synthetic_sample: Judged, train_sample: Judged, holdout: Judged, rng: np.random.Generator
) -> Measure:
    """How much better than by chance gradient boosting fits which rows are synthetic: 1 is chance.

    As the figure by logistic regression, with trees that see how columns act together; the null comes from
    shuffled labels.

    Source: Snoke et al. 2018, doi:10.1111/rssa.12358 (null by permutation).
    """
    seed = int(rng.integers(2**31))
    found, real = (
        _by_trees(table.matrix, holdout.matrix, seed=seed) for table in (synthetic_sample, train_sample)
    )
    return Measure(found["ratio"], ceiling=real["ratio"], detail={"synthetic": found, "real_sample": real})


def _by_trees(synthetic: Matrix, real: Matrix, *, seed: int) -> dict[str, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    rows = np.concatenate([synthetic, real])
    labels = np.concatenate([np.ones(len(synthetic)), np.zeros(len(real))])
    shuffled = [rng.permutation(labels) for _ in range(_SHUFFLES)]
    errors = []
    for one in (labels, *shuffled):
        model = HistGradientBoostingClassifier(
            max_iter=_TREES, max_depth=_DEPTH, early_stopping=False, random_state=seed
        )
        chance = model.fit(rows, one).predict_proba(rows)[:, 1]
        errors.append(float(((chance - labels.mean()) ** 2).mean()))
    null = np.array(errors[1:])
    if null.mean() <= 0:
        raise NotApplicable("the trees find nothing to split: there are too few rows, or all are alike")
    return {
        "pmse": errors[0],
        "ratio": errors[0] / float(null.mean()),
        "standardised": (errors[0] - float(null.mean())) / max(float(null.std(ddof=1)), 1e-12),
    }
