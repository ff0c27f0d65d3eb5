"""The two scores and the verdict. They are never blended into one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from synthetic_healthcare.evaluation._base import Measure, MetricResult
from synthetic_healthcare.evaluation.privacy.nulls import PARTS, PROVEN_PARTS, TRIED_PARTS, Nulls
from synthetic_healthcare.evaluation.report import Component, Score, Verdict

#: Weights of the utility score; what does not apply (no target) is left out and the rest is scaled up.
UTILITY_WEIGHTS: Final[Mapping[str, float]] = {
    "marginals": 0.15,
    "pairs": 0.20,
    "c2st": 0.15,
    "coverage": 0.15,
    "tstr": 0.25,
    "importance": 0.10,
}
#: An excess of exact copies as improbable as this fails the table, whatever the score.
COPY_GATE: Final = 0.01
#: Hold-out rows that are so much nearer to the synthetic table than training rows were not unseen: p-value of
#: their exact copies, and standard errors of the share of synthetic rows nearest to them.
_SEEN_P: Final = 1e-3
_SEEN_Z: Final = -4.0
_HOLDOUT_SEEN: Final = (
    "the synthetic rows are nearer to the hold-out than to the training rows, so the generator has seen the "
    "hold-out, or the two were swapped; give rows that it never saw"
)


@final
@dataclass(frozen=True)
class Judgement:
    """The privacy score with its verdict."""

    score: Score
    verdict: Verdict
    reason: str


def utility_score(results: Mapping[str, MetricResult], measures: Mapping[str, Measure]) -> Score:
    """Weighted mean of min(1, value / the same of a real sample), with a bootstrap interval.

    Parameters
    ----------
    results : Mapping of MetricResult
        All metrics by name.
    measures : Mapping of Measure
        Those that gave a figure, with their bootstrap replicates.

    Returns
    -------
    Score
        Without a value, and with the reason, where a component failed or none applies.
    """
    failed = [name for name in UTILITY_WEIGHTS if results[name].status == "failed"]
    if failed:
        return Score(None, reason=f"{_listed(failed, results)} failed: {results[failed[0]].reason}")
    used = [name for name in UTILITY_WEIGHTS if name in measures]
    if "tstr" not in used:
        # Without a prediction that can be kept there is no explanation of it either.
        used = [name for name in used if name != "importance"]
    if not used:
        return Score(None, reason=results["marginals"].reason)
    whole = sum(UTILITY_WEIGHTS[name] for name in used)
    components, replicates, total = [], [], 0.0
    for name in used:
        measure, weight = measures[name], UTILITY_WEIGHTS[name] / whole
        ceiling = 1.0 if measure.ceiling is None else measure.ceiling
        ratio = float(_ratio(np.array([measure.value]), np.array([ceiling]))[0])
        resampled = np.zeros(0) if measure.replicates is None else _ratio(*measure.replicates)
        if name == "importance":
            ratio *= measures["tstr"].value
            skill = measures["tstr"].replicates
            resampled = resampled if skill is None else resampled * skill[0]
        components.append(Component(name, results[name].title, measure.value, ceiling, ratio, weight))
        replicates.append(weight * resampled)
        total += weight * ratio
    low, high = _percentiles(np.sum(replicates, axis=0), total)
    return Score(min(1.0, total), low, high, components=tuple(components))


def privacy_judgement(
    results: Mapping[str, MetricResult],
    measures: Mapping[str, Measure],
    nulls: Nulls | None,
    *,
    threshold: float,
    holdout_rows: int,
) -> Judgement:
    """1 - the largest excess risk, capped by the share of synthetic rows that are not copies.

    With R the largest part of the risk and q0 what it reads where nothing leaks, the score is
    1 - max(0, (R - q0) / (1 - q0)). Its lower end takes the upper ends of the parts and does not subtract q0,
    so that noise is never counted in the generator's favour.

    Parameters
    ----------
    results, measures : Mapping
        As for `utility_score`.
    nulls : Nulls or None
        The parts under zero leakage; `None` where they could not be drawn.
    threshold : float
        Largest tolerable risk (0.09 = 1/11: EMA Policy 0070, Health Canada).
    holdout_rows : int
        Rows of the hold-out, to say how many it would take.
    """
    needed = (*PARTS, "copies")
    # Attacks on what a table may lack (two columns, a secret) count where they apply; none may have failed.
    optional = [name for name in (*TRIED_PARTS, *PROVEN_PARTS) if name in results]
    absent = [
        *(name for name in needed if name not in measures),
        *(name for name in optional if results[name].status == "failed"),
    ]
    if absent or nulls is None:
        failed = [name for name in absent if results[name].status == "failed"]
        first = (failed or absent or ["membership"])[0]
        reason = results[first].reason
        if failed:
            reason = f"{_listed(failed, results)} failed: {reason}"
        return Judgement(Score(None, reason=reason), "NOT AVAILABLE", f"No privacy score: {reason}.")
    seen = measures["copies"].detail["p_value_holdout"] < _SEEN_P
    if seen or measures["closeness"].detail["z"] < _SEEN_Z:
        reason = f"No privacy score: {_HOLDOUT_SEEN}."
        return Judgement(Score(None, reason=_HOLDOUT_SEEN), "NOT AVAILABLE", reason)
    q0 = nulls.expected_maximum
    parts = {name: measures[name] for name in (*PARTS, *optional) if name in measures}
    worst = max(parts, key=lambda name: parts[name].value)
    risk = parts[worst].value
    excess = max(0.0, (risk - q0) / (1.0 - q0))
    cap = measures["copies"]
    value = min(1.0 - excess, 1.0 - cap.value)
    lower = min(value, 1.0 - max(_end(part, "upper") for part in parts.values()), 1.0 - _end(cap, "upper"))
    upper = min(1.0 - max(_end(part, "lower") for part in parts.values()), 1.0 - _end(cap, "lower"))
    components = []
    for name, part in parts.items():
        beyond = max(0.0, (part.value - q0) / (1.0 - q0))
        weight = 1.0 if name == worst else 0.0
        null = 0.0 if name in PROVEN_PARTS else nulls.mean(name)
        components.append(Component(name, results[name].title, part.value, null, beyond, weight))
    components.append(Component("copies", results["copies"].title, cap.value, 0.0, cap.value, 1.0))
    figures = (_unit(value), _unit(lower), _unit(max(value, upper)))
    verdict, reason = _verdict(figures, float(cap.detail["p_value"]), 1.0 - threshold, holdout_rows)
    return Judgement(Score(*figures, components=tuple(components)), verdict, reason)


def _verdict(
    figures: tuple[float, float, float], p_value: float, wanted: float, holdout_rows: int
) -> tuple[Verdict, str]:
    value, lower, upper = figures
    if p_value < COPY_GATE:
        return "FAIL", (
            "Rows of training patients occur in the synthetic table more often than chance explains "
            f"(p = {p_value:.2g})."
        )
    if upper < wanted:
        return "FAIL", (
            f"Even the upper end of the privacy score, {upper:.2f}, is below the wanted {wanted:.2f}: "
            "these attacks tell training patients from others."
        )
    if lower >= wanted:
        return "PASS", (
            f"Even the lower end of the privacy score, {lower:.2f}, reaches the wanted {wanted:.2f}."
        )
    rows = patients_needed(value, (lower, upper), wanted=wanted, rows=holdout_rows)
    return "INCONCLUSIVE", (
        f"The interval of the privacy score, {lower:.2f} to {upper:.2f}, holds the wanted "
        f"{wanted:.2f}: {holdout_rows:,} held-out patients cannot decide. "
        + (
            f"It would take about {rows:,} of them, and as many training patients."
            if rows is not None
            else "The score stands so near to it that no feasible number of them would."
        )
    )


def patients_needed(value: float, ends: tuple[float, float], *, wanted: float, rows: int) -> int | None:
    """Hold-out rows at which the interval would clear `wanted`, or `None` above ten million.

    The interval shrinks with the square root of the rows; two digits are kept, rounded up.
    """
    gap = abs(value - wanted)
    half = value - ends[0] if value >= wanted else ends[1] - value
    if gap <= 0 or rows * (half / gap) ** 2 > 1e7:
        return None
    needed = max(rows + 1.0, rows * (half / gap) ** 2)
    step = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return int(math.ceil(needed / step) * step)


def _ratio(values: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
    """min(1, value / ceiling); where even a real sample gets nothing, nothing is missing."""
    held = ceilings > 1e-9
    return np.where(held, np.minimum(1.0, values / np.where(held, ceilings, 1.0)), 1.0)


def _percentiles(replicates: np.ndarray, value: float) -> tuple[float | None, float | None]:
    usable = replicates[~np.isnan(replicates)] if replicates.size else replicates
    if not usable.size:
        return None, None
    low, high = np.quantile(usable, [0.025, 0.975])
    return min(value, float(low)), min(1.0, max(value, float(high)))


def _end(measure: Measure, end: str) -> float:
    found = measure.lower if end == "lower" else measure.upper
    return measure.value if found is None else found


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def _listed(names: list[str], results: Mapping[str, MetricResult]) -> str:
    return ", ".join(f"{results[name].title!r}" for name in names)
