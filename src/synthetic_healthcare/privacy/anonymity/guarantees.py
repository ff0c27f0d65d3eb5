"""`anonymize` a table, and `check_anonymity` of any table by counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import AnonymityError, DataError
from synthetic_healthcare.privacy.anonymity import measures
from synthetic_healthcare.privacy.anonymity.axes import Ints, identities, read_axis
from synthetic_healthcare.privacy.anonymity.demands import demands_of, superfluous
from synthetic_healthcare.privacy.anonymity.measures import Tally
from synthetic_healthcare.privacy.anonymity.partition import partition
from synthetic_healthcare.privacy.anonymity.recode import as_intervals, as_values, loss
from synthetic_healthcare.privacy.anonymity.report import AnonymityReport
from synthetic_healthcare.privacy.anonymity.requirement import Requirement
from synthetic_healthcare.schema.schema import Schema


def anonymize(
    frame: pd.DataFrame, schema: Schema, requirement: Requirement
) -> tuple[pd.DataFrame, AnonymityReport]:
    """Make the quasi-identifiers of a table coarser until every group of equal ones meets what is asked.

    Deterministic. What comes back is counted again before it is returned.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table; not changed.
    schema : Schema
        Its columns.
    requirement : Requirement
        As `Requirement.of` gives it.

    Returns
    -------
    frame : DataFrame (n - suppressed, columns)
        Rows in their order, with their index. With `recode='value'` all dtypes are kept and each cell of a
        quasi-identifier is one that a row of its group holds, so that a bound, a decimal or a condition on a
        single column that held for all rows still holds; with `recode='interval'` these columns are text.
        Other columns are as they were.
    report : AnonymityReport
        Counted on that table.

    Raises
    ------
    AnonymityError
        The table as a whole cannot meet what is asked: fewer than k rows, fewer than l sensitive values, or
        more rows to leave out than the limit allows.
    DataError
        A column is missing, or cells are not of its kind.

    Examples
    --------
    >>> from synthetic_healthcare.privacy.anonymity import KAnonymity
    >>> from synthetic_healthcare.schema.column import Column
    >>> schema = Schema((Column("age", "integer", "quasi"), Column("ill", "boolean")))
    >>> table = pd.DataFrame({"age": [31, 33, 70, 74], "ill": [True, False, False, True]})
    >>> kept, report = anonymize(table, schema, Requirement.of(schema, k_anonymity=KAnonymity(k=2)))
    >>> kept["age"].tolist(), report.k
    ([31, 31, 70, 70], 2)
    """
    gone = suppressed(frame, schema, requirement)
    kept = frame[~gone]
    if len(kept) < max(requirement.k, 1):
        raise AnonymityError(
            f"{len(kept)} rows cannot be shared by k={requirement.k}. Ask for more rows, or for a smaller k"
        )
    named = requirement.how.recode == "interval"
    axes = [
        read_axis(kept[name], schema[name], hierarchy=requirement.hierarchy(name), named=named)
        for name in requirement.quasi_identifiers
    ]
    groups = partition(axes, demands_of(kept, schema, requirement), requirement.k)
    recode = as_intervals if named else as_values
    released = kept.assign(**{axis.name: recode(kept[axis.name], axis, groups) for axis in axes})
    report = check_anonymity(released, schema, requirement)
    short = report.shortfalls(requirement)
    if short:
        raise AnonymityError(
            f"the table does not meet what was asked, and is not given out: {'; '.join(short)}"
        )
    return released, replace(
        report, suppressed=int(gone.sum()), loss={axis.name: loss(axis, groups) for axis in axes}
    )


def suppressed(frame: pd.DataFrame, schema: Schema, requirement: Requirement) -> npt.NDArray[np.bool_]:
    """Say which rows of a table have to be left out before it can be anonymised, shape (n,).

    Raises
    ------
    AnonymityError, DataError
        See `anonymize`.
    """
    _require_columns(frame, requirement)
    demands = demands_of(frame, schema, requirement) if len(frame) else []
    return superfluous(demands, len(frame), requirement.how.suppression_limit)


def check_anonymity(frame: pd.DataFrame, schema: Schema, requirement: Requirement) -> AnonymityReport:
    """Count how anonymous a table is, whoever made it; rows are one group where their cells are equal.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    schema : Schema
        Its columns. Of the quasi-identifiers only equality counts, so they may have become text.
    requirement : Requirement
        Says which columns and which kinds; `AnonymityReport.shortfalls` compares.

    Raises
    ------
    DataError
        A column is missing.
    """
    _require_columns(frame, requirement)
    if not len(frame):
        return AnonymityReport(rows=0, classes=0, k=0)
    groups = _groups(frame, schema, requirement)
    diversity, closeness = {}, {}
    ones = np.ones(len(frame), dtype=np.intp)
    for demand in demands_of(frame, schema, requirement):
        tally = Tally.of(groups, demand.codes, ones)
        asked = demand.diversity
        if asked is not None:
            diversity[demand.name] = float(
                measures.dominance(tally, asked.l).max()
                if asked.kind == "recursive"
                else (measures.distinct if asked.kind == "distinct" else measures.effective)(tally).min()
            )
        if demand.t is not None:
            closeness[demand.name] = float(demand.distances(tally).max())
    sizes = np.bincount(groups)
    return AnonymityReport(len(frame), len(sizes), int(sizes.min()), diversity, closeness)


def _groups(frame: pd.DataFrame, schema: Schema, requirement: Requirement) -> Ints:
    """Number the groups of rows with equal quasi-identifiers, from 0 without gaps."""
    groups = np.zeros(len(frame), dtype=np.int64)
    for name in requirement.quasi_identifiers:
        column = schema[name]
        if requirement.how.recode == "interval" and column.kind == "codes":
            column = replace(column, kind="categorical", delimiter=None)
        cells, distinct = identities(frame[name], column)
        # Numbered anew after each column, so that the product of all never leaves 64 bits.
        combined = groups * (len(distinct) + 1) + cells + 1
        groups = np.unique(combined, return_inverse=True)[1]
    return groups.astype(np.intp)


def _require_columns(frame: pd.DataFrame, requirement: Requirement) -> None:
    absent = [
        name for name in (*requirement.quasi_identifiers, *requirement.sensitive) if name not in frame.columns
    ]
    if absent:
        raise DataError(f"columns {', '.join(map(repr, absent))} are missing from the table")
