"""Do models learnt from synthetic rows look at the same columns as models learnt from real ones?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.statistics import interval
from synthetic_healthcare.evaluation.utility.learners import Prediction, Task, learn

Matrix = npt.NDArray[np.float64]

#: Rows explained, and orders of the columns tried for each (half of them reversed): bounds the cost.
_ROWS: Final = 128
_ORDERS: Final = 12


@metric("Reasons of a model", family="utility", better="higher", bounds=(0.0, 1.0))
def importance(
    synthetic_sample: Judged,
    train_sample: Judged,
    holdout: Judged,
    task: Task,
    encoder: Encoder,
    weights: Matrix,
    rng: np.random.Generator,
) -> Measure:
    """Overlap of the columns' shares of mean |Shapley value|, against a model of the hold-out.

    1 - total variation distance between the shares of the model trained on synthetic rows and of the one
    trained on the hold-out; the ceiling is the same for the training rows. The score multiplies it by the
    kept skill (`tstr`): a model that learnt nothing explains nothing.

    Source: Lundberg and Lee 2017, arXiv:1705.07874 (Shapley values of a model's prediction).
    """
    if not len(task.usable(holdout)):
        raise NotApplicable(f"the target {task.name!r} is missing in the hold-out")
    seed = int(rng.integers(2**31))
    groups = [
        np.flatnonzero((task.columns >= span.start) & (task.columns < span.stop))
        for name, span in encoder.spans.items()
        if name != task.name
    ]
    names = [name for name in encoder.spans if name != task.name]
    explained = task.inputs(holdout.first(_ROWS))
    background = task.inputs(holdout)
    state = int(rng.integers(2**31))
    found = []
    for table in (holdout, synthetic_sample, train_sample):
        predict = learn(task, table, learner="gradient boosting", seed=seed)
        # The same orders and background rows for all three models: their noise cancels in the difference.
        values = shapley(predict, explained, groups=groups, background=background, state=state)
        found.append(np.abs(values).sum(axis=2))
    used = np.concatenate([np.ones((1, len(explained))), weights[:, : len(explained)]])
    reference, synthetic, train = (shares(used @ table) for table in found)
    overlap = np.stack([1.0 - 0.5 * np.abs(one - reference).sum(axis=1) for one in (synthetic, train)])
    low, high = interval(overlap[0, 1:], float(overlap[0, 0]))
    columns = {
        name: {"synthetic": float(synthetic[0, place]), "real": float(reference[0, place])}
        for place, name in enumerate(names)
    }
    bars = [
        {"name": name, **one, "lower": None, "upper": None}
        for name, one in sorted(columns.items(), key=lambda item: -item[1]["real"])
    ]
    ranked = {
        side: rank_agreement(one[0], reference[0])
        for side, one in (("synthetic", synthetic), ("real_sample", train))
    }
    return Measure(
        float(overlap[0, 0]),
        low,
        high,
        ceiling=float(overlap[1, 0]),
        detail={"columns": columns, "bars": bars, "rank_agreement": ranked},
        replicates=overlap[:, 1:],
    )


def rank_agreement(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> dict[str, float | None]:
    """Rank correlations of two importances: diagnostics only, a fresh real sample gets about 0.75.

    `None` where one of them does not rank the columns at all.
    """
    from scipy.stats import kendalltau, spearmanr

    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"spearman": None, "kendall": None}
    return {
        "spearman": float(spearmanr(first, second).statistic),
        "kendall": float(kendalltau(first, second).statistic),
    }


def shares(totals: Matrix) -> Matrix:
    """Divide each row by its sum; a row of zeros (a model that looks at nothing) stays zero."""
    whole = totals.sum(axis=1, keepdims=True)
    return np.asarray(totals / np.where(whole > 0, whole, 1.0))


def shapley(
    predict: Prediction,
    rows: Matrix,
    *,
    groups: list[npt.NDArray[np.intp]],
    background: Matrix,
    state: int,
    orders: int = _ORDERS,
) -> npt.NDArray[np.float64]:
    """Sampled Shapley values of groups of inputs.

    For each row, columns are switched one by one, in a random order, from a background row to the row itself;
    a column's value is the mean change of the prediction when its turn comes. Each order is used with its
    reverse, which halves the variance for free.

    Parameters
    ----------
    predict : callable
        Maps inputs (m, d) to predictions (m, outputs).
    rows : float64 array (n, d)
        Rows to explain.
    groups : list of int arrays
        Positions of each column's inputs.
    background : float64 array (b, d)
        Rows that stand for "not known".
    state : int
        Seed: equal states try equal orders.
    orders : int
        Orders tried for each row, an even number.

    Returns
    -------
    float64 array (n, columns, outputs)
        For each row and output they sum to its prediction less the mean prediction of its background rows.

    Source: Štrumbelj and Kononenko 2014, doi:10.1007/s10115-013-0679-x, algorithm 1.
    """
    rng = np.random.default_rng(state)
    n, p = len(rows), len(groups)
    walks = []
    for _ in range(max(1, orders // 2)):
        forward = rng.permuted(np.tile(np.arange(p), (n, 1)), axis=1)
        start = background[rng.integers(len(background), size=n)]
        walks += [_walk(predict, rows, start, order, groups) for order in (forward, forward[:, ::-1])]
    return np.asarray(np.mean(walks, axis=0))


def _walk(
    predict: Prediction,
    rows: Matrix,
    start: Matrix,
    order: npt.NDArray[np.intp],
    groups: list[npt.NDArray[np.intp]],
) -> npt.NDArray[np.float64]:
    """Change of the prediction as each column is switched in its turn; shape (n, columns, outputs)."""
    n, p = order.shape
    owner = np.empty(rows.shape[1], dtype=np.intp)
    for column, places in enumerate(groups):
        owner[places] = column
    turn = np.argsort(order, axis=1)[:, owner]
    steps = [np.where(turn < step, rows, start) for step in range(p + 1)]
    predicted = predict(np.concatenate(steps)).reshape(p + 1, n, -1)
    changes = np.diff(predicted, axis=0).transpose(1, 0, 2)
    found = np.empty_like(changes)
    np.put_along_axis(found, order[:, :, None], changes, axis=1)
    return found
