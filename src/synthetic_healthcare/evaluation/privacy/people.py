"""Which real rows stand for a person each: rows of one patient, and equal rows, are one candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.encoding import Judged, Keys
from synthetic_healthcare.evaluation.privacy.cohort import MIN_HOLDOUT, together

AllKeys = tuple[Keys, Keys, Keys]

#: Training rows that equal a given row by chance, from which on equal rows need no other explanation. Copied
#: records of a table like the heart-disease one expect 1e-6 of them, nine yes-or-no columns a dozen.
_EXPECTED: Final = 0.05


@final
@dataclass(frozen=True)
class People:
    """The real rows that privacy is judged on.

    Parameters
    ----------
    train, holdout : Judged
        Candidates: rows of which it can be said who was a member. No two of one table are equal or of one
        patient, and none of one equals one of the other.
    train_deep, holdout_deep : Judged
        Rows among which near ones are sought.
    train_keys, holdout_keys : uint64 arrays
        Keys of the whole tables, for exact copies.
    shared : float
        Share of the hold-out's rows that equal a training row.
    by_chance : bool
        Whether rows are equal because few different rows are possible at all; then each row is a candidate.
    """

    train: Judged
    holdout: Judged
    train_deep: Judged
    holdout_deep: Judged
    train_keys: Keys
    holdout_keys: Keys
    shared: float
    by_chance: bool = False


def distinguish(
    train: Judged, holdout: Judged, train_deep: Judged, holdout_deep: Judged, *, all_keys: AllKeys
) -> People:
    """Choose the rows that can be told apart as members and non-members.

    Equal rows are most often one patient entered twice; even where they are not, an attacker cannot tell them
    apart. Counted one by one they would stand on both sides of an attack, or count as so many independent
    observations; so would the rows of one patient, where a column names the patients, and one of them stands
    for all. There are two cases, and in each training rows and hold-out rows are exchangeable where
    nothing leaks:

    - No row of the hold-out equals a training row (equal rows were kept together when the tables were
      split): each content counts once in its table.
    - Some do (the split was made row by row): of a content that occurs more than once in the two tables
      together it cannot be said whether the generator saw it, and how often it occurs decides on which side
      it is likely to lie. Contents that occur once are the candidates. Distances to all rows remain fair,
      for there the rows themselves are exchangeable. In a table of a few coarse columns hardly any content
      occurs once, and equal rows are different patients: then every row is a candidate.

    Raises
    ------
    NotApplicable
        Where hardly any row of the hold-out is unlike all training rows.
    """
    _, train_keys, holdout_keys = all_keys
    seen = np.isin(holdout_keys, train_keys)
    if not seen.any():
        return People(
            _persons(train),
            _persons(holdout),
            _distinct(train_deep),
            _distinct(holdout_deep),
            np.unique(train_keys),
            np.unique(holdout_keys),
            0.0,
        )
    contents, counts = np.unique(np.concatenate([train_keys, holdout_keys]), return_counts=True)
    once = contents[counts == 1]
    alone = [table.take(np.flatnonzero(np.isin(table.keys, once))) for table in (train, holdout)]
    if min(len(one) for one in alone) < MIN_HOLDOUT:
        if len(train_keys) * chance_of_equality(train) >= _EXPECTED:
            share = float(seen.mean())
            return People(train, holdout, train_deep, holdout_deep, train_keys, holdout_keys, share, True)
        raise NotApplicable(
            f"{int(seen.sum())} of the hold-out's {len(seen)} rows equal training rows, and hardly any other "
            "row occurs once: nobody in it can be called unseen. Split the table so that equal rows (rows of "
            "one patient) stay together"
        )
    persons = [_persons(table) for table in alone]
    return People(
        persons[0], persons[1], train_deep, holdout_deep, train_keys, holdout_keys, float(seen.mean())
    )


def chance_of_equality(table: Judged) -> float:
    """Probability that two rows are equal where the columns are independent: a lower bound, most often."""
    chance = 1.0
    for values in table.view.values.values():
        for one in values.T if values.ndim > 1 else (values,):
            _, counts = np.unique(one, return_counts=True)
            chance *= float(((counts / len(one)) ** 2).sum())
    return chance


def _persons(table: Judged) -> Judged:
    """The first row of each patient, and of each set of equal rows, in the table's order."""
    _, first = np.unique(together(table), return_index=True)
    return table if len(first) == len(table) else table.take(np.sort(first))


def _distinct(table: Judged) -> Judged:
    """The first of each set of equal rows, in the table's order."""
    _, first = np.unique(table.keys, return_index=True)
    return table if len(first) == len(table) else table.take(np.sort(first))
