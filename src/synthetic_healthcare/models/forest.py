"""Part after part, each given those before it: linear models, and honest trees for what they leave.

The strong choice for small tables. A sequence of plain trees (Reiter 2005) draws from the patients in a leaf
and so gives them away. Here no patient's number is drawn: a linear model with shrinkage carries most of what
is known; trees shift it only where that tells new patients better, and each is summed up by other patients
than those that grew it; leaves hold two smoothed numbers of ten patients or more.

Sources: Reiter 2005 (synthesis by a sequence of trees, J. Official Statistics 21(3)); Athey and Imbens 2016
(honest trees, doi:10.1073/pnas.1510489113); Breiman 1996 (bagging, doi:10.1007/BF00058655).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from synthetic_healthcare.models._base import (
    Arrays,
    ConditionalModel,
    FittedModel,
    ModelConfig,
    Weighted,
    numpy_stream,
)
from synthetic_healthcare.models._design import Design, Features, blank_rows
from synthetic_healthcare.models._forest_choices import ChoiceGiven, fit_choice
from synthetic_healthcare.models._forest_codes import CodesGiven, fit_codes
from synthetic_healthcare.models._forest_numbers import NumberGiven, fit_number
from synthetic_healthcare.models._forest_settings import Growing
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, part_exists

Given = NumberGiven | ChoiceGiven | CodesGiven

#: Most rows that are learnt from; a random choice of larger tables.
_MOST_ROWS: Final = 50_000
#: Rows drawn at a time: bounds the memory of a large draw.
_PORTION: Final = 50_000


@final
class Forest(FittedModel, ConditionalModel):
    """A sequence of linear models with honest trees.

    Nothing that it keeps is of one patient, or indexed by patients: coefficients with shrinkage, rounded
    thresholds, summaries of at least ten patients. That is no formal guarantee.
    """

    name: ClassVar[str] = "forest"

    class Config(ModelConfig):
        """Settings of the forest."""

        trees: int = Field(10, ge=0, description="trees of each column; a row is drawn from one of them")
        leaf: int = Field(10, ge=10, description="fewest patients in a leaf")
        pull: float = Field(
            10.0, gt=0, description="patients' worth of weight that pulls a leaf towards the linear model"
        )
        penalty: float = Field(10.0, gt=0, description="L2 penalty of the logistic models of categories")
        features: int = Field(
            64, ge=1, description="most features, chosen by correlation, that a column is told from"
        )

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self._design = Design.of(layout)
        self._given: dict[int, Given] = {}

    def fit(self, rows: Encoded, *, rng: np.random.Generator) -> None:
        """Learn each part from the rows in which it exists."""
        if len(rows) > _MOST_ROWS:
            rows = rows.take(np.sort(rng.choice(len(rows), _MOST_ROWS, replace=False)))
        growing = Growing(**self.config.model_dump())
        features = np.zeros((len(rows), self._design.width), dtype=np.float32)
        for index in self._design.order:
            self._design.write(features, rows, index)
        for index in self._design.order:
            exists = part_exists(rows, index)
            known, part = rows.take(np.flatnonzero(exists)), self.layout.parts[index]
            start = self._design.starts[index]
            if part.kind == "bits":
                own = features[exists, : start + part.width]
                self._given[index] = fit_codes(own, start, part.width, growing.penalty)
            elif part.kind == "continuous":
                values = known.continuous[:, part.store].astype(np.float64)
                self._given[index] = fit_number(features[exists, :start], values, growing, rng)
            else:
                chosen = known.codes[:, part.store]
                self._given[index] = fit_choice(features[exists, :start], chosen, part.width, growing, rng)

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw rows part by part."""
        return self.sample_given(n, EncodedCondition(), rng=rng).rows

    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw rows part by part, the constrained parts from what is allowed of them.

        The weight of a row is the product of the probabilities that the constraints had when they were
        reached. A constraint counts only where its part exists. Rows that no longer could meet the condition
        have a weight of zero.
        """
        draws = numpy_stream(rng)
        rows = blank_rows(self.layout, n)
        weight = np.ones(n)
        for start in range(0, n, _PORTION):
            portion = slice(start, start + _PORTION)
            some = Encoded(self.layout, rows.continuous[portion], rows.codes[portion], rows.bits[portion])
            weight[portion] = self._draw(some, condition, draws)
        return Weighted(rows, weight)

    def to_state(self) -> Arrays:
        """Return coefficients and trees, by part."""
        return {
            f"{index}.{name}": array
            for index, given in self._given.items()
            for name, array in given.arrays().items()
        }

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take coefficients and trees in."""
        own: dict[int, Arrays] = {index: {} for index in range(len(self.layout.parts))}
        for key, array in arrays.items():
            index, _, name = key.partition(".")
            own[int(index)][name] = array
        self._given = {index: _rebuilt(self.layout.parts[index], own[index]) for index in own}

    def _draw(
        self, rows: Encoded, condition: EncodedCondition, rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        """Fill blank rows in, and return their weights."""
        features: Features = np.zeros((len(rows), self._design.width), dtype=np.float32)
        weight = np.ones(len(rows))
        for index in self._design.order:
            given, part, start = self._given[index], self.layout.parts[index], self._design.starts[index]
            exists = part_exists(rows, index)
            if isinstance(given, CodesGiven):
                mass = given.draw(features, start, condition.bits.get(index), exists, rng)
                rows.bits[:, part.store : part.store + part.width] = features[:, start : start + part.width]
            elif isinstance(given, NumberGiven):
                numbers, mass = given.draw(features, condition.ranges.get(index), rng)
                rows.continuous[:, part.store] = np.where(exists, numbers, 0.0)
                self._design.write(features, rows, index)
            else:
                categories, mass = given.draw(features, condition.categories.get(index), rng)
                rows.codes[:, part.store] = np.where(exists, categories, -1)
                self._design.write(features, rows, index)
            weight *= np.where(exists, mass, 1.0)
        return weight


def _rebuilt(part: Part, arrays: Arrays) -> Given:
    if part.kind == "bits":
        return CodesGiven.of(arrays)
    return NumberGiven.of(arrays) if part.kind == "continuous" else ChoiceGiven.of(arrays)
