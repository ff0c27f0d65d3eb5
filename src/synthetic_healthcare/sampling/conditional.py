"""Rows that meet conditions: drawn so by the model where it can, and otherwise by trial and error.

Either way the decoded table has the last word: a row counts only where its cells meet the conditions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from synthetic_healthcare.errors import ConditionError
from synthetic_healthcare.models._base import ConditionalModel, GenerativeModel, Weighted
from synthetic_healthcare.sampling.conditions import Conditions
from synthetic_healthcare.sampling.draw import CHUNK, chunk_stream, ready_to_sample
from synthetic_healthcare.sampling.levers import Levers
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.wanted import constrain

OnRare = Literal["raise", "warn"]

#: Rows that are drawn first, to learn how rare the condition is and how uneven the weights are.
_PILOT: Final = 4096
#: A condition right at the floor is expected to be met so often in the draws before it counts as rarer.
_SIGHTINGS: Final = 10
#: Most draws that are made for the first row that meets a condition.
_MOST_DRAWS: Final = 4_000_000

_log = logging.getLogger(__name__)


@final
@dataclass
class ConditionalDraw:
    """How a conditional draw went; filled while it runs.

    Attributes
    ----------
    what : str
        What the conditions are on, or the class that was balanced.
    rows : int
        Rows given so far.
    drawn : int
        Rows drawn for them.
    accepted : int
        Rows among these that could be given; the last batch may hold more than were still wanted.
    probability : float
        Learnt probability of the conditions, as far as the draws tell.
    effective_patients : float
        That probability times the patients that were learnt: how many real patients stand behind the rows,
        however many rows are drawn.
    native : bool
        Whether the model drew under the conditions by itself.
    """

    what: str
    rows: int = 0
    drawn: int = 0
    accepted: int = 0
    probability: float = 0.0
    effective_patients: float = 0.0
    native: bool = False
    _weight: float = field(default=0.0, repr=False)
    _squared: float = field(default=0.0, repr=False)

    @property
    def acceptance_rate(self) -> float:
        """Rows that could be given for each row drawn."""
        return self.accepted / self.drawn if self.drawn else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "what": self.what,
            "rows": self.rows,
            "drawn": self.drawn,
            "acceptance_rate": self.acceptance_rate,
            "probability": self.probability,
            "effective_patients": self.effective_patients,
            "native": self.native,
        }

    def note(self, drawn: int, weight: npt.NDArray[np.float64], patients: int) -> None:
        """Take in a batch: rows drawn, and the weights of those that meet the conditions."""
        self.drawn += drawn
        self._weight += float(weight.sum())
        self._squared += float(np.square(weight).sum())
        self.probability = self._weight / self.drawn
        self.effective_patients = self.probability * patients

    def surely_above(self, floor: int, patients: int) -> bool:
        """Whether the patients behind the conditions are more than the floor, beyond chance (2 errors)."""
        least = (self._weight - 2 * np.sqrt(self._squared)) / self.drawn
        return bool(least * patients >= floor)


@final
@dataclass(frozen=True)
class ConditionalRequest:
    """What a conditional draw is asked for.

    Parameters
    ----------
    conditions : Conditions
        What is wanted.
    n : int
        Rows.
    patients : int
        Patients that were learnt.
    floor : int
        Patients that have to stand behind the conditions.
    on_rare : {"raise", "warn"}
        What to do where fewer do.
    """

    conditions: Conditions
    n: int
    patients: int
    floor: int
    on_rare: OnRare = "raise"


def draw_conditional(
    model: GenerativeModel,
    encoder: TableEncoder,
    levers: Levers,
    request: ConditionalRequest,
    *,
    seed: int,
    told: ConditionalDraw,
) -> Iterator[pd.DataFrame]:
    """Draw exactly `request.n` rows that meet the conditions, table by table.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    encoder : TableEncoder
        Decodes its rows.
    levers : Levers
        What is done to its rows.
    request : ConditionalRequest
        What is wanted.
    seed : int
        Equal seeds give equal rows.
    told : ConditionalDraw
        Filled on the way.

    Raises
    ------
    ConditionError
        No row can meet the conditions, or fewer patients than the floor do.
    """
    condition = constrain(encoder, request.conditions.wishes)
    told.native = isinstance(model, ConditionalModel)
    ready_to_sample(model)
    waiting: list[tuple[pd.DataFrame, npt.NDArray[np.float64]]] = []
    decided, bound, turn = False, 0.0, 0
    while told.rows < request.n:
        size = _next_size(request.n, told) if decided else _PILOT * 2 ** min(turn, 2)
        rng = np.random.default_rng([seed, turn])
        batch = _batch(model, levers, condition, size, chunk_stream(model, seed, turn))
        frame, weight = _meeting(batch, condition, encoder, request.conditions, rng, first_row=told.drawn)
        told.note(size, weight, request.patients)
        turn += 1
        if len(frame):
            waiting.append((frame, weight))
        decided = decided or _decide(request, told)
        if not decided:
            continue
        for table, weights in waiting:
            # Taken at the rate of their weights, rows follow the learnt distribution given the conditions.
            bound = max(bound, float(weights.max()))
            kept = table[rng.random(len(table)) * bound < weights]
            told.accepted += len(kept)
            kept = kept.head(request.n - told.rows)
            told.rows += len(kept)
            if len(kept):
                yield kept.reset_index(drop=True)
        waiting.clear()


def _decide(request: ConditionalRequest, told: ConditionalDraw) -> bool:
    """Whether the draws so far say that enough patients stand behind the conditions."""
    if told.surely_above(request.floor, request.patients):
        return True
    enough = min(_MOST_DRAWS, max(_PILOT, _SIGHTINGS * request.patients / max(request.floor, 1)))
    if told.drawn < enough:
        return False
    if told.effective_patients >= request.floor:
        return True
    if request.on_rare == "raise" or (not told.probability and told.drawn >= _MOST_DRAWS):
        raise ConditionError(_too_rare(request, told))
    if told.probability:
        _log.warning("%s", _too_rare(request, told))
    return bool(told.probability)


def _batch(
    model: GenerativeModel, levers: Levers, condition: EncodedCondition, n: int, rng: torch.Generator
) -> Weighted:
    """Rows as they are given, with what the levers think of them in their weights."""
    with torch.inference_mode():
        if isinstance(model, ConditionalModel):
            ranges = {i: levers.calibration.undo(i, ends) for i, ends in condition.ranges.items()}
            drawn = model.sample_given(n, replace(condition, ranges=ranges), rng=rng)
        else:
            drawn = Weighted(model.sample(n, rng=rng), np.ones(n))
    rows = levers.calibration.apply(drawn.rows)
    # What a row counts for is relative to the average row, which the levers keep with a chance of 1 / bound.
    return Weighted(rows, drawn.weight * levers.weights.chances(rows) * levers.weights.bound)


def _meeting(
    batch: Weighted,
    condition: EncodedCondition,
    encoder: TableEncoder,
    conditions: Conditions,
    rng: np.random.Generator,
    *,
    first_row: int,
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Decode the rows that may meet the conditions, and keep those that do, with their weights."""
    likely = np.flatnonzero(condition.holds(batch.rows) & (batch.weight > 0))
    frame = encoder.decode(batch.rows.take(likely), rng, first_row=first_row)
    met = conditions.hold(frame)
    return frame[met].reset_index(drop=True), batch.weight[likely][met]


def _next_size(n: int, told: ConditionalDraw) -> int:
    """Rows to draw next: as many as the rate so far says are needed, a tenth more, within a chunk."""
    rate = max(told.acceptance_rate, 1 / told.drawn)
    return int(min(CHUNK, max(256, 1.1 * (n - told.rows) / rate)))


def _too_rare(request: ConditionalRequest, told: ConditionalDraw) -> str:
    columns = ", ".join(map(repr, request.conditions.wishes))
    return (
        f"the conditions on {columns} are met by about {told.effective_patients:.1f} of the "
        f"{request.patients:,} patients that were learnt (estimated by the model from {told.drawn:,} draws), "
        f"fewer than {request.floor}: rows drawn under them would say next to nothing, and might say it of "
        "single patients. Widen the conditions, or allow it with on_rare='warn'"
    )
