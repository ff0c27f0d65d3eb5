"""The fairness score: shown beside utility and privacy, never blended with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from synthetic_healthcare.evaluation._base import Measure, MetricResult, NotApplicable
from synthetic_healthcare.evaluation.fairness.nulls import GapNulls
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.report import Component, Score

#: What the score is made of. Equal opportunity is one half of equalized odds and stands in the report alone.
PARTS: Final = (
    "representation",
    "demographic_parity",
    "equalized_odds",
    "group_calibration",
    "subgroup_fidelity",
)
#: Share of the pairs of real samples whose difference counts as chance: the largest of five parts decides.
_USUAL: Final = 0.9


def fairness_score(
    results: Mapping[str, MetricResult], measures: Mapping[str, Measure], inputs: Inputs
) -> Score:
    """1 - the largest unfairness that the synthetic table adds to what real rows have.

    The parts: 1 - the representation of the worst group; the change of the gaps of demographic parity and
    equalized odds and of the worst calibration error when models are trained on synthetic instead of real
    rows, in either direction; the gap between the best and the worst group's fidelity. Of each part r, what
    nine in ten pairs of real samples stay below, q, is taken off: max(0, (r - q) / (1 - q)). Its lower end
    takes the upper ends of the parts and takes nothing off, so that noise is never counted in the generator's
    favour.

    Returns
    -------
    Score
        Without a value, and with the reason, where there is no protected attribute or a part failed.
    """
    failed = [name for name in PARTS if results[name].status == "failed"]
    if failed:
        return Score(None, reason=f"{results[failed[0]].title!r} failed: {results[failed[0]].reason}")
    used = [name for name in PARTS if name in measures]
    if "representation" not in used:
        return Score(None, reason=results["representation"].reason)
    nulls = _nulls(inputs)
    used = [name for name in used if name in nulls]
    figures = {name: _part(name, measures[name]) for name in used}
    # Each part has a noise of its own: that of a rare group's share must not hide a gap between models.
    usual = {name: float(np.quantile(nulls[name], _USUAL)) for name in used}
    beyond = {name: _beyond(figures[name][0], usual[name]) for name in used}
    worst = max(used, key=lambda name: beyond[name])
    value = 1.0 - beyond[worst]
    components = tuple(
        Component(
            name,
            results[name].title,
            figures[name][0],
            usual[name],
            beyond[name],
            1.0 if name == worst else 0.0,
        )
        for name in used
    )
    lower = min(value, 1.0 - max(upper for _, _, upper in figures.values()))
    upper = max(value, 1.0 - max(lower for _, lower, _ in figures.values()))
    return Score(value, max(0.0, lower), min(1.0, upper), components=components)


def _part(name: str, measure: Measure) -> tuple[float, float, float]:
    """A part of the score with both ends, from 0 (as real) to 1."""
    if name == "representation":
        low, high = (measure.value if end is None else end for end in (measure.lower, measure.upper))
        return 1.0 - measure.value, 1.0 - high, 1.0 - low
    change, low, high = (float(measure.detail[f"change{end}"]) for end in ("", "_lower", "_upper"))
    nearest = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
    return abs(change), nearest, max(abs(low), abs(high))


def _beyond(part: float, null: float) -> float:
    return max(0.0, (part - null) / (1.0 - null)) if null < 1.0 else 0.0


def _nulls(inputs: Inputs) -> dict[str, np.ndarray]:
    """What the parts read under no unfairness; those without a target are there where it is not."""
    found: dict[str, np.ndarray] = {}
    for name in ("group_nulls", "outcome_nulls"):
        try:
            nulls: GapNulls = inputs.get(name)
        except NotApplicable:
            continue
        found |= nulls.parts
    return found
