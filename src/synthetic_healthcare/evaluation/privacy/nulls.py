"""What the privacy measures read where nothing leaks: pseudo-members drawn from the hold-out.

Each measure is the largest of several noisy figures, so it is above zero even for a table that knows nothing
of the training rows. Here members are drawn from the hold-out, which the generator never saw, as many as
there really are; what the measures then read is subtracted from what they read on the real members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.distances import Ownership
from synthetic_healthcare.evaluation.privacy.copied import Copied
from synthetic_healthcare.evaluation.privacy.tries import (
    INFERRED_SCALE,
    LINKED_SCALE,
    SINGLED_SCALE,
    Scale,
    Tried,
    null_risks,
)
from synthetic_healthcare.evaluation.statistics import placements, true_positive_rate

Vector = npt.NDArray[np.float64]

#: The false positive rate at which the attacks' hits are counted; the lower one needs enough controls.
FALSE_POSITIVE_RATE: Final = 0.05
LOW_FALSE_POSITIVE_RATE: Final = 0.01
_MIN_CONTROLS_FOR_LOW: Final = 1000
#: The parts of the risk; the score is made of their largest.
PARTS: Final = ("membership", "membership_hits", "member_copies", "closeness")
#: Parts that count where they apply, with the scale that each is measured on.
TRIED_PARTS: Final[Mapping[str, Scale]] = {
    "singling_out": SINGLED_SCALE,
    "linkability": LINKED_SCALE,
    "attribute_inference": INFERRED_SCALE,
}
#: Parts that are lower bounds already: where nothing leaks they read 0, but for the error they allow for.
PROVEN_PARTS: Final = ("membership_isolated", "privacy_by_group")


@final
@dataclass(frozen=True)
class Nulls:
    """Each part of the risk under zero leakage.

    Parameters
    ----------
    parts : Mapping of float64 arrays (nulls,)
        By part; entry i of all parts belongs to the same draw.
    """

    parts: Mapping[str, Vector]

    def mean(self, part: str) -> float:
        """What this part reads on average where nothing leaks."""
        return float(self.parts[part].mean())

    @property
    def expected_maximum(self) -> float:
        """q0: what the largest part reads on average where nothing leaks."""
        return float(np.max(list(self.parts.values()), axis=0).mean())


def advantage(members: Vector, controls: Vector) -> float:
    """2 AUC - 1 of one attack: 0 for a guess, 1 where it never errs."""
    return float(2.0 * placements(members, controls).mean() - 1.0)


def hit_rates(controls: int) -> tuple[float, ...]:
    """False positive rates that this many controls can resolve."""
    enough = controls >= _MIN_CONTROLS_FOR_LOW
    return (FALSE_POSITIVE_RATE, LOW_FALSE_POSITIVE_RATE) if enough else (FALSE_POSITIVE_RATE,)


def excess_hits(members: Vector, controls: Vector, *, false_positive_rate: float) -> float:
    """(TPR - FPR) / (1 - FPR): share of the members caught beyond what guessing catches."""
    caught = true_positive_rate(members, controls, false_positive_rate=false_positive_rate)
    return (caught - false_positive_rate) / (1.0 - false_positive_rate)


def draw_nulls(
    controls: Mapping[str, Vector],
    copied: Copied,
    owned: Ownership,
    *,
    tries: Mapping[str, Sequence[Tried]],
    members: int,
    nulls: int,
    rng: np.random.Generator,
) -> Nulls:
    """Read every part of the risk on `nulls` draws without leakage.

    Parameters
    ----------
    controls : Mapping of float64 arrays
        Attack scores of the controls.
    copied : Copied
        Which rows have a near copy.
    owned : Ownership
        Which real rows the synthetic ones are nearest to. Here members are any of these, at random: that is
        how the share varies where training rows are no nearer than others.
    tries : Mapping of sequences of Tried
        By part; one that does not apply has none.
    members : int
        Number of members that the attacks were judged on.
    nulls : int
        Number of draws.
    rng : np.random.Generator
        Draws the pseudo-members.
    """
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    size = len(next(iter(controls.values())))
    for _ in range(nulls):
        pseudo, others = rng.integers(size, size=members), rng.integers(size, size=size)
        drawn: list[tuple[Any, Any]] = [(score[pseudo], score[others]) for score in controls.values()]
        found["membership"].append(max(0.0, *(advantage(one, other) for one, other in drawn)))
        found["membership_hits"].append(
            max(
                0.0,
                *(
                    excess_hits(one, other, false_positive_rate=rate)
                    for one, other in drawn
                    for rate in hit_rates(size)
                ),
            )
        )
        taken, held = (
            rng.binomial(len(flags), copied.holdout.mean()) / len(flags)
            for flags in (copied.train, copied.holdout)
        )
        found["member_copies"].append(max(0.0, float(taken - held)))
        share = float(owned.weights[rng.random(len(owned.weights)) < owned.chance].sum())
        found["closeness"].append(max(0.0, (share - owned.chance) / (1.0 - owned.chance)))
    drawn_parts = {part: np.array(values) for part, values in found.items()}
    for part, outcomes in tries.items():
        drawn_parts[part] = null_risks(outcomes, TRIED_PARTS[part], nulls=nulls, rng=rng)
    return Nulls(drawn_parts)
