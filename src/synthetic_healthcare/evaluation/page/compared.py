"""A comparison as one page: the pair of scores, the labelled order, every metric beside the first table."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import evidence, svg
from synthetic_healthcare.evaluation.page.charts import shorten
from synthetic_healthcare.evaluation.page.parts import written
from synthetic_healthcare.evaluation.page.view import filled
from synthetic_healthcare.evaluation.report import CAVEAT, Score

if TYPE_CHECKING:
    from synthetic_healthcare.evaluation.comparison import Comparison, Entry

_WIDTH: Final = 400.0
_PLOT: Final = (36.0, 26.0, 290.0, 270.0)  # left, top, right, bottom
_LABEL_GAP: Final = 15.0
_FAMILIES: Final = ("fidelity", "utility", "privacy", "fairness")


def write(comparison: Comparison) -> str:
    """Fill the template."""
    reports = [entry.report for entry in comparison.entries if entry.report is not None]
    template = resources.files("synthetic_healthcare.evaluation.page") / "compared.html"
    front = {entry.name for entry in comparison.front()}
    return filled(
        template.read_text(encoding="utf-8"),
        {
            "caveat": CAVEAT,
            "label": comparison.label,
            "confidential": comparison.confidential,
            "needed": f"{evidence.needed(reports[0]):.2f}" if reports else "",
            "picture": plane(comparison, identity="plane"),
            "ranking": [
                _row(comparison, entry, place, entry.name in front)
                for place, entry in enumerate(comparison.ranking(), start=1)
            ],
            "names": [entry.name for entry in comparison.entries if entry.report is not None],
            "families": _families(comparison),
            "problems": [(entry.name, entry.problem) for entry in comparison.entries if entry.problem],
            "facts": evidence.facts(reports[0]) if reports else [],
        },
    )


def plane(comparison: Comparison, *, identity: str) -> Markup:
    """Draw every table by privacy and utility, with both intervals, and the front of those unbeaten."""
    scored = [entry for entry in comparison.entries if comparison.mean(entry) is not None]
    left, top, right, bottom = _PLOT
    ends = [_lowest([_ends(_score(entry, name)) for entry in scored]) for name in ("privacy", "utility")]

    def place(privacy: float, utility: float) -> tuple[float, float]:
        shares = [(value - low) / (1.0 - low) for value, low in zip((privacy, utility), ends, strict=True)]
        return left + shares[0] * (right - left), bottom - shares[1] * (bottom - top)

    drawn = [svg.box((left, top), (right - left, bottom - top), "plate")]
    drawn += _axes(ends, place)
    front = [place(*_values(entry)) for entry in comparison.front()]
    if len(front) > 1:
        drawn.append(svg.polyline(front, "front"))
    for entry in scored:
        drawn += _cross(entry, place)
    drawn += _labels([(entry.name, place(*_values(entry))) for entry in scored])
    spoken = "; ".join(
        f"{entry.name}: utility {_values(entry)[1]:.2f}, privacy {_values(entry)[0]:.2f}" for entry in scored
    )
    return svg.picture(
        (_WIDTH, bottom + 40),
        drawn,
        identity=identity,
        title="Utility and privacy",
        description=f"{spoken or 'No table has both scores'}.",
    )


def _axes(ends: list[float], place: Any) -> list[Markup]:
    left, _, right, bottom = _PLOT
    drawn = [
        svg.text((4, 13), "Utility", style="tick"),
        svg.text((right, bottom + 34), "Privacy", style="tick", anchor="end"),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        for axis, low in enumerate(ends):
            value = low + share * (1.0 - low)
            across, height = place(value, value) if axis else place(value, ends[1])
            if axis == 0:
                drawn.append(svg.text((across, bottom + 17), f"{value:.2f}", style="tick", anchor="middle"))
                drawn.append(svg.line((across, bottom), (across, bottom + 4), "axis"))
            else:
                drawn.append(svg.line((left, height), (right, height), "grid"))
                drawn.append(svg.text((left - 6, height + 4), f"{value:.2f}", style="tick", anchor="end"))
    return drawn


def _cross(entry: Entry, place: Any) -> list[Markup]:
    privacy, utility = _values(entry)
    spans = (_ends(_score(entry, "privacy")), _ends(_score(entry, "utility")))
    where = place(privacy, utility)
    failed = entry.report is not None and entry.report.verdict == "FAIL"
    style = "mark-fail" if failed else "mark-table"
    return [
        svg.line(place(spans[0][0], utility), place(spans[0][1], utility), f"reach {style}"),
        svg.line(place(privacy, spans[1][0]), place(privacy, spans[1][1]), f"reach {style}"),
        svg.element("circle", {"class": style, "cx": where[0], "cy": where[1], "r": 5}),
    ]


def _labels(points: list[tuple[str, tuple[float, float]]]) -> list[Markup]:
    """Write the names in a column beside the plane, each with a line to its mark, none over another."""
    _, top, right, bottom = _PLOT
    ordered = sorted(points, key=lambda one: one[1][1])
    heights: list[float] = []
    for _, (_, height) in ordered:
        least = heights[-1] + _LABEL_GAP if heights else top + 4
        heights.append(max(height, least))
    # Pushed beyond the lower edge, they move up together.
    for place in range(len(heights) - 1, -1, -1):
        most = bottom - _LABEL_GAP * (len(heights) - 1 - place)
        heights[place] = min(heights[place], most)
    drawn = []
    for (name, where), height in zip(ordered, heights, strict=True):
        drawn.append(svg.line((where[0] + 6, where[1]), (right + 12, height), "leader"))
        drawn.append(svg.text((right + 15, height + 4), shorten(name, 15), style="tick plane-name"))
    return drawn


def _lowest(spans: list[tuple[float, float]]) -> float:
    """A round start of an axis that ends at 1: as much of it as the marks need."""
    least = min((low for low, _ in spans), default=0.0)
    return next((start for start in (0.8, 0.6, 0.4, 0.2) if least >= start), 0.0)


def _row(comparison: Comparison, entry: Entry, place: int, on_front: bool) -> dict[str, Any]:
    mean = comparison.mean(entry)
    report = entry.report
    scores = {} if report is None else report.scores
    return {
        "place": place,
        "name": entry.name,
        "on_front": on_front,
        "verdict": "NO TABLE" if report is None else report.verdict,
        "style": "not-available" if report is None else report.verdict.lower().replace(" ", "-"),
        "scores": [_words(scores.get(name)) for name in ("utility", "privacy", "fairness")],
        "mean": ("–", "") if mean is None else (f"{mean[0]:.2f}", f"{mean[1]:.2f} to {mean[2]:.2f}"),
        "guarantee": "" if report is None else evidence.guarantee(report),
        "reason": entry.problem if report is None else report.verdict_reason,
        "seconds": f"{entry.seconds:.0f} s" if entry.seconds else "",
    }


def _families(comparison: Comparison) -> list[dict[str, Any]]:
    """Every metric: what a real sample gets, the first table, and each other one with its change."""
    entries = [entry for entry in comparison.entries if entry.report is not None]
    by_name = [{result.name: result for result in entry.report.results} for entry in entries if entry.report]
    families = []
    for family in _FAMILIES:
        rows = []
        for name, first in by_name[0].items() if by_name else ():
            if first.family != family:
                continue
            held = [results[name] for results in by_name if name in results]
            # A gap between groups that real rows have too is no fault: what counts is to be as they are.
            as_real = "change" in first.detail
            rows.append(
                {
                    "title": first.title,
                    "better": "as real" if as_real else first.better,
                    "ceiling": written(first.ceiling),
                    "cells": [_cell(result, first, as_real=as_real) for result in held],
                }
            )
        if rows:
            families.append({"title": family.capitalize(), "rows": rows})
    return families


def _cell(result: MetricResult, first: MetricResult, *, as_real: bool) -> dict[str, str]:
    if result.value is None:
        return {"value": "–", "change": "", "style": ""}
    shown = f"{result.value:.3f}"
    if result is first or first.value is None or shown == f"{first.value:.3f}":
        return {"value": shown, "change": "", "style": ""}
    if as_real and result.ceiling is not None and first.ceiling is not None:
        gained = abs(result.value - result.ceiling) < abs(first.value - first.ceiling)
    else:
        gained = (result.value > first.value) == (result.better == "higher")
    return {
        "value": shown,
        "change": f"{result.value - first.value:+.3f}",
        "style": "gain" if gained else "loss",
    }


def _words(score: Score | None) -> tuple[str, str]:
    if score is None or score.value is None:
        return "–", ""
    low, high = _ends(score)
    return f"{score.value:.2f}", f"{low:.2f} to {high:.2f}"


def _score(entry: Entry, name: str) -> Score:
    assert entry.report is not None
    return entry.report.scores[name]


def _values(entry: Entry) -> tuple[float, float]:
    return float(_score(entry, "privacy").value or 0.0), float(_score(entry, "utility").value or 0.0)


def _ends(score: Score) -> tuple[float, float]:
    value = score.value or 0.0
    return (value if score.lower is None else score.lower), (value if score.upper is None else score.upper)
