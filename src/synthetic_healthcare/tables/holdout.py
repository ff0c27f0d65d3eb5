"""The hold-out: which rows a model never sees, chosen by a keyed hash so that no list of rows is kept."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.tables.keys import row_keys

_WHOLE: Final = 2.0**64


def in_holdout(
    frame: pd.DataFrame, share: float, *, salt: bytes, group: str | None = None
) -> npt.NDArray[np.bool_]:
    """Say of every row whether it is kept aside.

    Equal rows stay together, and so do all rows of a patient where a group column is given. The same salt
    finds the same rows again.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The table.
    share : float
        Expected share of the hold-out, 0 to 1. The hash decides row by row, so the actual share of a small
        table varies around it.
    salt : bytes
        The key; whoever has it and a row can tell that row's side.
    group : str, optional
        The column that names the patient.

    Returns
    -------
    bool array (n,)
    """
    keys = row_keys(frame, columns=None if group is None else [group], salt=salt)
    return keys.astype(np.float64) < share * _WHOLE
