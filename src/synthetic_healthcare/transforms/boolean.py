"""Two values, whatever they are called: yes and no, 0 and 1, F and M."""

from __future__ import annotations

import numpy as np

from synthetic_healthcare.errors import RejectColumn
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms.categorical import FittedCategorical, fit_categorical
from synthetic_healthcare.transforms.cells import Cells
from synthetic_healthcare.transforms.config import TransformConfig


def fit_boolean(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedCategorical, tuple[str, ...]]:
    """Learn a column of two values as two categories; as `categorical.fit_categorical`.

    Raises
    ------
    RejectColumn
        Where it holds more than two values, and as `fit_categorical` does.
    """
    distinct = cells.distinct()
    if distinct > 2:
        raise RejectColumn(
            column.name, f"it is a boolean and holds {distinct} distinct values", "Declare it as categorical"
        )
    return fit_categorical(cells, column, config, rng)
