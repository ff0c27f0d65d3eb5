"""`RealRows`: the rows that generated ones are compared with during a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.evaluation.inputs import EvaluationOptions, Inputs
from synthetic_healthcare.evaluation.privacy.cohort import MIN_HOLDOUT
from synthetic_healthcare.evaluation.runner import inputs_of
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.schema.schema import Schema
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
    choose its best moment.

    Parameters
    ----------
    train, holdout : DataFrame
        The rows given to the training, and those kept aside before.
    schema : Schema
        Their columns.
    encoder : TableEncoder
        Turns generated rows into tables.
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
        seed: int,
    ) -> None:
        self._train = train
        self._holdout = holdout
        self._schema = schema
        self._encoder = encoder
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
        aside = self._train.iloc[parted.aside]
        unseen = self._holdout if len(self._holdout) >= MIN_HOLDOUT else aside
        if len(unseen) < MIN_HOLDOUT:
            raise ConfigError(
                f"an alert compares with rows that the model does not learn from: the hold-out has "
                f"{len(self._holdout)} and the validation share {len(aside)}, and at least {MIN_HOLDOUT} are "
                "needed. Give a larger holdout, or leave the alert out"
            )
        rng = np.random.default_rng(self._seed)
        self._members = _some(self._train.iloc[parted.learnt], rng)
        self._unseen = _some(unseen, rng)
        self.scale = len(parted.learnt) / len(self._members)
        self._draw = draw

    def drawn(self) -> Encoded:
        """Draw the rows to compare from the model as it stands."""
        assert self._draw is not None
        return self._draw(ROWS)

    def beside(self, rows: Encoded) -> Inputs:
        """Put generated rows beside the real ones, as the evaluation does."""
        synthetic = self._encoder.decode(rows, np.random.default_rng(self._seed))
        options = EvaluationOptions(seed=self._seed, max_rows=ROWS)
        inputs, _ = inputs_of([synthetic, self._members, self._unseen], self._schema, options)
        return inputs


def _some(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """At most so many rows as are compared, at random."""
    if len(frame) > ROWS:
        frame = frame.iloc[np.sort(rng.choice(len(frame), ROWS, replace=False))]
    return frame.reset_index(drop=True)
