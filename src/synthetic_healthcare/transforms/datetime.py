"""Dates and instants: counted in the coarsest step that all of them are multiples of, then as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.transforms._base import Block, FittedColumn, Span, State
from synthetic_healthcare.transforms.cells import Array, Cells
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.numeric import FittedNumeric, fit_numeric, restore_numeric


@final
@dataclass(frozen=True, eq=False)
class FittedDatetime(FittedColumn):
    """A column of instants as it was learnt.

    Parameters
    ----------
    steps : FittedNumeric
        The instants as whole numbers of steps since 1970-01-01 UTC.
    step : float
        Seconds of a step: 86,400 for whole days, 60, 1, ... down to 1e-6.
    """

    steps: FittedNumeric
    step: float

    @property
    def spans(self) -> tuple[Span, ...]:
        """Those of the counted steps."""
        return self.steps.spans

    def encode(self, cells: Cells, rng: np.random.Generator) -> Block:
        """Encode the counted steps."""
        return self.steps.encode(replace(cells, values=np.rint(cells.values / self.step)), rng)

    def decode(self, block: Block, rng: np.random.Generator, *, first_row: int) -> Cells:
        """Return seconds since 1970-01-01 UTC."""
        counted = self.steps.decode(block, rng, first_row=first_row)
        return replace(counted, values=counted.values * self.step)

    def to_state(self) -> State:
        """Return the state of the counted steps, and the step."""
        facts, arrays = self.steps.to_state()
        return {"step": self.step, "steps": facts}, arrays


def fit_datetime(
    cells: Cells, column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedDatetime, tuple[str, ...]]:
    """Learn a column of instants; parameters, returns and raises as `numeric.fit_numeric`."""
    step = float(cells.form["step"])
    bounds = column.bounds
    counted = replace(
        column,
        kind="integer",
        # Whole steps inside the declared range.
        bounds=None
        if bounds is None
        else (float(np.ceil(bounds[0] / step)), float(np.floor(bounds[1] / step))),
        # A count of days is not "written in tens" because the dates happen to be.
        decimals=0,
        declared=column.declared | {"decimals"},
    )
    numbers = replace(cells, values=np.rint(cells.values / step))
    steps, notes = fit_numeric(numbers, counted, config, rng)
    return FittedDatetime(steps, step), notes


def restore_datetime(facts: dict[str, Any], arrays: dict[str, Array]) -> FittedDatetime:
    """Rebuild what `FittedDatetime.to_state` gave."""
    return FittedDatetime(restore_numeric(facts["steps"], arrays), float(facts["step"]))
