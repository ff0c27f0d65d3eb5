"""Missing values, at the level of the table: what is missing together is one thing to learn.

- Columns that are missing in exactly the same rows (a laboratory panel) are a *panel*: one part says whether
  the panel is present, and every part of its columns exists only where it is.
- A column that is missing in fewer rows than the floor has no such part, whatever the schema says of it: too
  few patients share the fact, so their cells are resampled from the column's own distribution and never come
  out missing.
- A column that is present in fewer rows than the floor holds nothing that enough patients share: it comes out
  missing everywhere.
- A column without missing values has no part, and never comes out missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.transforms._base import Block, FittedColumn, draw_independent
from synthetic_healthcare.transforms.cells import Cells

Mask = npt.NDArray[np.bool_]
Presence = Literal["always", "sometimes", "resampled", "never"]


def presence_of(missing: Mask, *, floor: int) -> Presence:
    """Tell how a column's missing cells are handled.

    Returns
    -------
    {"always", "sometimes", "resampled", "never"}
        "always" without missing cells; "sometimes" where the fact is learnt; "resampled" where too few cells
        are missing, "never" where too few are present.
    """
    gone = int(missing.sum())
    if len(missing) - gone < max(floor, 1):
        return "never"
    if gone == 0:
        return "always"
    return "sometimes" if gone >= floor else "resampled"


def find_panels(missing: Sequence[Mask | None]) -> tuple[tuple[int, ...], ...]:
    """Group the columns that are missing in exactly the same rows.

    Parameters
    ----------
    missing : sequence of bool arrays (n,), or None
        One a column; `None` for a column whose missing cells are not learnt.

    Returns
    -------
    tuple of tuples of int
        Positions of the columns of each panel, in order of their first column.
    """
    panels: dict[bytes, list[int]] = {}
    for index, mask in enumerate(missing):
        if mask is not None:
            panels.setdefault(np.packbits(mask).tobytes(), []).append(index)
    return tuple(tuple(columns) for columns in panels.values())


def panel_present(cells: Sequence[Cells]) -> Mask:
    """Tell in which rows any column of a panel is present."""
    missing = cells[0].missing
    for column in cells[1:]:
        missing = missing & column.missing
    return ~missing


def encode_where(fitted: FittedColumn, cells: Cells, exists: Mask | None, rng: np.random.Generator) -> Block:
    """Encode the rows in which a column exists; cells that are missing there are resampled.

    Parameters
    ----------
    fitted : FittedColumn
        The column as it was learnt.
    cells : Cells (n,)
        Its cells, some of which may be missing.
    exists : bool array (n,) or None
        Rows in which the column's panel is present; `None` for all.
    rng : numpy.random.Generator
        Randomness of encoding and resampling.

    Returns
    -------
    Block (n,)
        Zeros and -1 in the rows in which the column does not exist.
    """
    if exists is None and not cells.missing.any():
        return fitted.encode(cells, rng)
    observed = ~cells.missing if exists is None else exists & ~cells.missing
    lacking = cells.missing if exists is None else exists & cells.missing
    known = fitted.encode(cells.take(observed), rng)
    n = len(cells)
    block = Block(
        np.zeros((n, known.continuous.shape[1]), dtype=np.float32),
        np.full((n, known.codes.shape[1]), -1, dtype=np.int32),
        np.zeros((n, known.bits.shape[1]), dtype=np.uint8),
    )
    drawn = draw_independent(fitted.spans, int(lacking.sum()), rng)
    for rows, source in ((observed, known), (lacking, drawn)):
        block.continuous[rows] = source.continuous
        block.codes[rows] = source.codes
        block.bits[rows] = source.bits
    return block
