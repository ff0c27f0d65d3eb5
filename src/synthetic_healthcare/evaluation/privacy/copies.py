"""Are there training rows in the synthetic table, as they are or nearly so?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.distances import count_within
from synthetic_healthcare.evaluation.encoding import Judged, Keys
from synthetic_healthcare.evaluation.privacy.copied import Copied
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.privacy.people import AllKeys, People
from synthetic_healthcare.evaluation.statistics import difference_interval

Counts = npt.NDArray[np.int64]


@metric("Training patients copied", family="privacy", better="lower", bounds=(0.0, 1.0))
def member_copies(copied: Copied, radius: float, nulls: Nulls) -> Measure:
    """Share of training rows that have a near copy among the synthetic ones, less that of hold-out rows."""
    taken, held = float(copied.train.mean()), float(copied.holdout.mean())
    low, high = difference_interval((taken, len(copied.train)), (held, len(copied.holdout)))
    # Fewer training rows than hold-out rows by luck do not make the upper end smaller.
    surplus = max(0.0, held - taken)
    return Measure(
        max(0.0, taken - held),
        max(0.0, low),
        min(1.0, high + surplus),
        ceiling=nulls.mean("member_copies"),
        detail={"train": taken, "holdout": held, "radius": radius},
    )


@metric("Synthetic rows that are copies", family="privacy", better="lower", bounds=(0.0, 1.0))
def copies(synthetic: Judged, people: People, all_keys: AllKeys, radius: float) -> Measure:
    """Share of synthetic rows that copy a training row, beyond what chance matches with unseen rows explain.

    Equal rows are sought in the whole tables, near copies (within the distance that 1 % of real rows keep
    from their nearest other) in the judged ones; the larger excess counts. The detail holds the one-sided
    p-values of "training rows occur in the synthetic table as often as hold-out rows do", each way round.
    """
    synthetic_keys, train_keys, holdout_keys = all_keys[0], people.train_keys, people.holdout_keys
    train_deep, holdout_deep = people.train_deep, people.holdout_deep
    exact, exact_low, exact_high = copy_excess(
        _multiplicity(synthetic_keys, train_keys),
        _multiplicity(synthetic_keys, holdout_keys),
        train_rows=len(train_keys),
        holdout_rows=len(holdout_keys),
    )
    within_train = count_within(synthetic.matrix, train_deep.matrix, radius=radius)
    within_holdout = count_within(synthetic.matrix, holdout_deep.matrix, radius=radius)
    near, near_low, near_high = copy_excess(
        within_train, within_holdout, train_rows=len(train_deep), holdout_rows=len(holdout_deep)
    )
    found_train = int(np.isin(train_keys, synthetic_keys).sum())
    found_holdout = int(np.isin(holdout_keys, synthetic_keys).sum())
    detail = {
        "exact_excess": exact,
        "near_excess": near,
        "exact_share": float(np.isin(synthetic_keys, train_keys).mean()),
        "near_share": float((within_train > 0).mean()),
        "train_rows_found": found_train,
        "holdout_rows_found": found_holdout,
        "p_value": more_found(found_train, len(train_keys), controls=(found_holdout, len(holdout_keys))),
        # The other way round: the hold-out was not unseen.
        "p_value_holdout": more_found(
            found_holdout, len(holdout_keys), controls=(found_train, len(train_keys))
        ),
        "radius": radius,
        "holdout_rows_in_train": people.shared,
    }
    return Measure(max(exact, near), max(exact_low, near_low), max(exact_high, near_high), 0.0, detail)


def copy_excess(
    in_train: Counts, in_holdout: Counts, *, train_rows: int, holdout_rows: int
) -> tuple[float, float, float]:
    """Excess share of synthetic rows that match a training row, with its 95 % interval.

    The shares are compared at equal numbers of real rows: the expected share that matches a random subset as
    large as the smaller table. What the training table shows beyond the hold-out is then scaled up to all of
    it, since the copies of different subsets are different rows.

    Parameters
    ----------
    in_train, in_holdout : int arrays (n,)
        How many rows of each table each synthetic row matches.
    train_rows, holdout_rows : int
        Sizes of the two tables.
    """
    size = min(train_rows, holdout_rows)
    taken = float(_matches_subset(in_train, train_rows, size).mean())
    held = float(_matches_subset(in_holdout, holdout_rows, size).mean())
    scale = train_rows / size
    # It can be no more than what matches the training table at all.
    most = float((in_train > 0).mean())
    low, high = difference_interval((taken, len(in_train)), (held, len(in_train)))
    value, low, high = (min(most, max(0.0, scale * one)) for one in (taken - held, low, high))
    return value, min(value, low), max(value, high)


def _matches_subset(matches: Counts, rows: int, size: int) -> npt.NDArray[np.float64]:
    """Probability that a random subset of `size` of the `rows` holds one of the matching rows."""
    from scipy.stats import hypergeom

    if size == rows:
        return (matches > 0).astype(np.float64)
    distinct, back = np.unique(matches, return_inverse=True)
    return np.asarray(1.0 - hypergeom.pmf(0, rows, distinct, size))[back]


def _multiplicity(keys: Keys, others: Keys) -> Counts:
    ordered = np.sort(others)
    return np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")


def more_found(found: int, rows: int, *, controls: tuple[int, int]) -> float:
    """One-sided p-value that training rows occur in the synthetic table more often than hold-out rows.

    Fisher's exact test: where the generator copies nobody, the two kinds of rows are exchangeable.
    """
    from scipy.stats import fisher_exact

    table = np.array([[found, rows - found], [controls[0], controls[1] - controls[0]]])
    return float(fisher_exact(table, alternative="greater").pvalue)
