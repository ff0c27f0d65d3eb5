"""Cells of a column that are the same for all tables: what histograms are compared in."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.views import MISSING, Array, Field

#: A number with no more distinct values than this has a cell for each.
_DISTINCT: Final = 40
_TENTHS: Final = np.linspace(0.0, 1.0, 11)


def pooled_cells(
    field: Field, values: Array, real: Array
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Put the values of two columns into common cells.

    Missing is a cell of its own. A level has one each. Numbers have one a distinct value where there are few,
    and else cells whose edges are the tenths of both columns, their smallest and largest values among them:
    columns without a common range then share no cell.

    Parameters
    ----------
    field : Field
        A number or a level.
    values, real : arrays (n,), (m,)

    Returns
    -------
    codes : int64 array (n,)
    real_codes : int64 array (m,)
    cells : int
        How many there are.
    """
    if field.form == "level":
        return values - MISSING, real - MISSING, field.levels + 1
    here, there = values[~np.isnan(values)], real[~np.isnan(real)]
    edges = np.unique(np.concatenate([here, there]))
    if len(edges) > _DISTINCT:
        parts = [np.quantile(one, _TENTHS, method="inverted_cdf") for one in (here, there) if len(one)]
        edges = np.unique(np.concatenate(parts))
    codes, real_codes = (
        np.where(np.isnan(one), 0, np.searchsorted(edges, one, "right")) for one in (values, real)
    )
    return codes, real_codes, len(edges) + 1


def shares(codes: npt.NDArray[np.int64], cells: int, *, weights: Array) -> npt.NDArray[np.float64]:
    """Share of each cell under each of B row weightings; shape (B, cells)."""
    found = np.zeros((len(weights), cells))
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    found[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray(found / weights.sum(axis=1, keepdims=True))


def mentions(bits: npt.NDArray[np.bool_], kept: int) -> npt.NDArray[np.float64]:
    """Codes that each row holds: one column for each of the first `kept`, one that counts all others."""
    return np.column_stack([bits[:, :kept], bits[:, kept:].sum(axis=1)]).astype(np.float64)
