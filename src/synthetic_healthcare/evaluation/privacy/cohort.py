"""Who is a member and who is not: the rows that privacy is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.distances import nearest
from synthetic_healthcare.evaluation.encoding import Judged, mix

#: With fewer hold-out rows there are too few controls for any attack to be judged.
MIN_HOLDOUT: Final = 20
#: Share of real rows whose nearest other real row is closer than what counts as a near copy.
_NEAR: Final = 0.01


@final
@dataclass(frozen=True)
class Cohort:
    """Members, controls that were never shown to the generator, and a reference sample for the attacker.

    Parameters
    ----------
    members : Judged
        Training rows, as many as there are controls.
    controls : Judged
        One half of the hold-out.
    reference : Judged
        The other half: what an attacker knows of the population.
    """

    members: Judged
    controls: Judged
    reference: Judged


def draw_cohort(train: Judged, holdout: Judged, *, seed: int, by_chance: bool = False) -> Cohort:
    """Halve the hold-out by content, patients and equal rows kept whole, and take as many members.

    Parameters
    ----------
    train, holdout : Judged
        Candidates.
    seed : int
        Decides the halves.
    by_chance : bool
        Whether equal rows are different patients; then they are not kept together.

    Raises
    ------
    NotApplicable
        Where the hold-out is too small.
    """
    if len(holdout) < MIN_HOLDOUT:
        raise NotApplicable(
            f"the hold-out has {len(holdout)} rows, or patients; judging privacy needs at least {MIN_HOLDOUT}"
        )
    # Rows of one patient resemble each other: split between the halves, they would look like leaks.
    whole = _rows_or_patients(holdout) if by_chance else together(holdout)
    is_control = _half_of_groups(whole, holdout, seed)
    controls = holdout.take(np.flatnonzero(is_control))
    reference = holdout.take(np.flatnonzero(~is_control))
    if not (len(controls) and len(reference)):
        raise NotApplicable("the hold-out holds a single patient, or equal rows only: it cannot be halved")
    size = min(len(train), len(controls))
    return Cohort(train.first(size), controls.first(size), reference)


def _rows_or_patients(table: Judged) -> npt.NDArray[np.int64]:
    return np.arange(len(table)) if table.view.groups is None else table.view.groups


def together(table: Judged) -> npt.NDArray[np.int64]:
    """Number what must not be separated: rows of one patient, equal rows, and what these connect.

    Returns
    -------
    int64 array (n,)
        Equal numbers belong together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    contents, content = np.unique(table.keys, return_inverse=True)
    if table.view.groups is None:
        return np.asarray(content, dtype=np.int64)
    codes, group = np.unique(table.view.groups, return_inverse=True)
    # Patients and contents are the nodes, each row ties its patient to its content.
    nodes = len(codes) + len(contents)
    ties = coo_array((np.ones(len(group)), (group, len(codes) + content)), shape=(nodes, nodes))
    _, part = connected_components(ties, directed=False)
    return np.asarray(part[group], dtype=np.int64)


def _half_of_groups(groups: npt.NDArray[np.int64], holdout: Judged, seed: int) -> npt.NDArray[np.bool_]:
    codes, group = np.unique(groups, return_inverse=True)
    # A patient's key is the smallest key of its rows: the content decides, not the patient's number.
    keys = np.full(len(codes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(keys, group, mix(holdout.keys + np.uint64(seed)))
    sizes = np.bincount(group)
    order = np.argsort(keys, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = np.zeros(len(codes), dtype=bool)
    chosen[order] = before < len(groups) / 2
    return chosen[group]


def near_radius(holdout: Judged) -> float:
    """Distance within which a row counts as a near copy of another.

    The 1 % quantile of the distance from a hold-out row to its nearest other: two real patients are rarely
    that close. 0 where they often coincide; then only equal rows count.
    """
    if len(holdout) < 2:
        raise NotApplicable("the hold-out has one row")
    alone = nearest(holdout.matrix, holdout.matrix, k=1, same=True)[:, 0]
    return float(np.quantile(alone, _NEAR, method="lower"))
