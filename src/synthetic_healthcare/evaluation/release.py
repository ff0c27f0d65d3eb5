"""`released`: of a report, what may leave with the synthetic table.

A report is computed from real rows, and exact figures of attacks are an oracle for whoever may ask for many
(Ganev and De Cristofaro 2023, arXiv:2312.05114). What leaves is therefore chosen, not what stays: scores and
metrics to two digits; tables, bars and curves of groups and columns to two digits, without counts of 1 to 10
(CMS cell size suppression); distributions whose small cells were merged before; associations to two digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page.distributions import FLOOR
from synthetic_healthcare.evaluation.report import Component, EvaluationReport, Score

_DIGITS: Final = 2
#: Keys of a metric's detail that hold groups and columns, and the words that go with them.
_KEPT: Final = (
    "table",
    "bars",
    "curves",
    "x_title",
    "y_title",
    "worst",
    "change",
    "change_lower",
    "change_upper",
)
#: Families whose details leave; what single attacks found stays.
_OPEN_FAMILIES: Final = frozenset({"fidelity", "utility", "fairness"})
_CONTEXT: Final = ("model", "guarantee", "formal", "rows", "columns", "left_out", "target", "options")
_REMOVED: Final = (
    "the projection, whose marks are single patients",
    "what each attack found",
    "training curves",
    "notes of the run and reasons of failures",
    f"counts of fewer than {FLOOR} patients",
    "digits beyond the second",
)


def released(report: EvaluationReport) -> EvaluationReport:
    """Return a report of what may leave; it says of itself what was removed."""
    figures = report.figures
    kept_figures: dict[str, Any] = {}
    if figures:
        kept_figures = {
            "rows": figures.get("rows"),
            "floor": figures.get("floor", FLOOR),
            "columns": [_column(column) for column in figures.get("columns", ())],
            "associations": rounded(figures.get("associations")),
            "projection": None,
            "training": [],
        }
    return EvaluationReport(
        _score(report.utility),
        _score(report.privacy),
        report.verdict,
        report.verdict_reason,
        tuple(_result(result) for result in report.results),
        {name: report.context[name] for name in _CONTEXT if name in report.context},
        kept_figures,
        _score(report.fairness),
        confidential=False,
        removed=_REMOVED,
    )


def rounded(data: Any) -> Any:
    """Round every float of plain data to two digits, and withhold whole numbers from 1 to 10.

    Which whole number counts patients cannot be told from here, so none of them is shown.
    """
    if isinstance(data, bool) or data is None or isinstance(data, str):
        return data
    if isinstance(data, int):
        return None if 0 < abs(data) < FLOOR else data
    if isinstance(data, float):
        return round(data, _DIGITS) if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: rounded(value) for key, value in data.items()}
    return [rounded(value) for value in data]


def _result(result: MetricResult) -> MetricResult:
    detail: dict[str, Any] = {}
    if result.family in _OPEN_FAMILIES:
        detail = {name: rounded(result.detail[name]) for name in _KEPT if name in result.detail}
    # What an exception says may quote a cell of the table.
    reason = "it failed" if result.status == "failed" else result.reason
    return replace(
        result,
        value=_two(result.value),
        lower=_two(result.lower),
        upper=_two(result.upper),
        ceiling=_two(result.ceiling),
        detail=detail,
        reason=reason,
        seconds=0.0,
    )


def _score(score: Score) -> Score:
    components = tuple(_component(part) for part in score.components)
    return replace(
        score,
        value=_two(score.value),
        lower=_two(score.lower),
        upper=_two(score.upper),
        components=components,
    )


def _component(part: Component) -> Component:
    return replace(
        part,
        value=round(part.value, _DIGITS),
        ceiling=round(part.ceiling, _DIGITS),
        ratio=round(part.ratio, _DIGITS),
    )


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    """A distribution whose shares have two digits; its edges are round numbers already."""
    exact = ("edges", "merged")
    return {
        name: value if name in exact else rounded(value) for name, value in column.items() if name != "merged"
    } | {"merged": rounded(column.get("merged", 0)) or 0}
