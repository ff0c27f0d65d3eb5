"""`RealRows`: the rows that generated ones are compared with during a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.cohort import MIN_HOLDOUT
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.evaluation.views import judged_columns
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.keys import row_keys
from synthetic_healthcare.transforms.encoder import TableEncoder

#: Gives so many encoded rows.
Draw = Callable[[int], Encoded]
Positions = npt.NDArray[np.intp]

#: Most rows on each side of a comparison.
ROWS: Final = 2000


@final
@dataclass(frozen=True)
class Parted:
    """Positions, among the rows given to a training, of those that it learns from and of those that judge."""

    learnt: Positions
    aside: Positions


@final
class RealRows:
    """Training rows beside rows that the model does not learn from, at most 2,000 of each.

    Unseen are the rows of the hold-out; where there are too few, those that the training keeps aside to
    choose its best moment. Attacks see no row twice: an attacker who knows half of the unseen rows would
    know the equal ones of the other half, and only these, which looks like a leak.

    Parameters
    ----------
    train, holdout : DataFrame
        The rows given to the training, and those kept aside before.
    schema : Schema
        Their columns.
    encoder : TableEncoder
        Turns generated rows into tables.
    together : bool
        Whether equal rows are on one side of the hold-out, as where it was split off by a hash.
    seed : int
        Decides which rows are compared and how.
    """

    def __init__(
        self,
        train: pd.DataFrame,
        holdout: pd.DataFrame,
        *,
        schema: Schema,
        encoder: TableEncoder,
        together: bool,
        seed: int,
    ) -> None:
        self._train = train
        self._holdout = holdout
        self._schema = schema
        self._encoder = encoder
        self._together = together
        # Learners of the evaluation take seeds of 32 bits.
        self._seed = seed % 2**32
        self._draw: Draw | None = None
        #: Training rows for each one that is compared.
        self.scale = 1.0

    def part(self, draw: Draw, parted: Parted) -> None:
        """Choose the rows for a model that learns from some of them.

        Raises
        ------
        ConfigError
            There are too few rows that it does not learn from.
        """
        learnt, aside = self._train.iloc[parted.learnt], self._train.iloc[parted.aside]
        held = len(self._holdout) >= MIN_HOLDOUT
        unseen = self._holdout if held else aside
        if len(unseen) < MIN_HOLDOUT:
            raise ConfigError(
                f"an alert compares with rows that the model does not learn from: the hold-out has "
                f"{len(self._holdout)} and the validation share {len(aside)}, and at least {MIN_HOLDOUT} are "
                "needed. Give a larger holdout, or leave the alert out"
            )
        rng = np.random.default_rng(self._seed)
        self._all = (_some(learnt, ROWS, rng), _some(unseen, ROWS, rng))
        if held and self._together:
            # Whole sets of equal rows were split: one row of each set is then a fair sample of either side.
            learnt, unseen = self._distinct(learnt), self._distinct(unseen)
            self._once = (_some(learnt, ROWS, rng), _some(unseen, ROWS, rng))
            self.scale = len(learnt) / len(self._once[0])
        else:
            # Rows were split: of more rows, a larger share of the distinct ones would be rare.
            size = min(ROWS, len(learnt), len(unseen))
            self._once = (
                self._distinct(_some(learnt, size, rng)),
                self._distinct(_some(unseen, size, rng)),
            )
            self.scale = len(learnt) / size
        self._draw = draw

    def drawn(self) -> pd.DataFrame:
        """Draw the rows to compare from the model as it stands."""
        assert self._draw is not None
        return self._encoder.decode(self._draw(ROWS), np.random.default_rng(self._seed))

    def beside(self, synthetic: pd.DataFrame, *, once: bool) -> Inputs:
        """Put generated rows beside the real ones, as the evaluation does; `once`: each real row once."""
        options = EvaluationOptions(seed=self._seed, max_rows=ROWS)
        inputs, _ = inputs_of([synthetic, *(self._once if once else self._all)], self._schema, options)
        return inputs

    def _distinct(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The first of each set of rows that are equal in what is judged."""
        names = [column.name for column in judged_columns(self._schema)[0]]
        keys = row_keys(frame, columns=names, salt=b"distinct")
        return frame.iloc[np.sort(np.unique(keys, return_index=True)[1])].reset_index(drop=True)


def _some(frame: pd.DataFrame, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """At most so many rows, at random."""
    if len(frame) > rows:
        frame = frame.iloc[np.sort(rng.choice(len(frame), rows, replace=False))]
    return frame.reset_index(drop=True)
