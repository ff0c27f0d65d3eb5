"""Pictures and tables that any metric may leave in its detail, and how the page lays them out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import drawings, evidence, render
from synthetic_healthcare.evaluation.page.parts import parts_of, pictures_of, written
from synthetic_healthcare.evaluation.report import EvaluationReport, Score

HOSTILE = "<script>alert(1)</script>"
CURVES = [
    {"name": HOSTILE, "x": [0, 0.5, 1], "y": [0, 0.7, 1], "lower": None, "upper": None, "side": "real"},
    {
        "name": "made",
        "x": [0, 0.5, 1],
        "y": [0, 0.6, None],
        "lower": [0, 0.5, 0.9],
        "upper": [0, 0.7, 1],
        "side": "synthetic",
    },
    {"name": "chance", "x": [0, 1], "y": [0, 1], "lower": None, "upper": None, "side": None},
]
BARS = [
    {"name": f"group {HOSTILE}", "real": 0.5, "synthetic": 0.4, "lower": 0.3, "upper": 0.5},
    {"name": "withheld", "real": None, "synthetic": -0.2, "lower": None, "upper": None},
]
TABLE = {"columns": ["Group", "Share"], "rows": [[f"g{HOSTILE}", 0.25], ["small", None]]}


def result(name: str = "shown", family: str = "fairness", **detail: Any) -> MetricResult:
    return MetricResult(
        name,
        "Shown",
        family,  # type: ignore[arg-type]
        "lower",
        (0.0, 1.0),
        "ok",
        0.2,
        detail=detail,
        about="It says something.",
    )


def heights(picture: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    assert found is not None
    return float(found[1]), float(found[2])


def test_curves_are_drawn_escaped_with_band_and_legend() -> None:
    picture = str(drawings.curves(CURVES, titles=("x <b>", "y"), identity="i", title="t"))
    assert HOSTILE not in picture
    assert "&lt;script&gt;" in picture
    assert "x &lt;b&gt;" in picture
    # Each curve and its sample in the legend; one band; the missing point is left out.
    assert picture.count('class="drawn real-curve"') == 2
    assert picture.count('class="drawn other-curve"') == 2
    assert picture.count("synthetic-curve-band") == 1
    assert "nan" not in picture.lower().replace("nance", "")


def test_curves_stay_inside_their_picture() -> None:
    for reach in (1e-5, 1.0, 3e7):
        series = [{"name": "a", "x": [0, reach], "y": [-reach, 2 * reach], "side": None}]
        picture = str(drawings.curves(series, titles=("x", "y"), identity="i", title="t"))
        width, height = heights(picture)
        for path in re.findall(r' d="([^"]+)"', picture):
            numbers = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", path.split("h")[0])]
            assert all(-0.5 <= x <= width + 0.5 for x in numbers[::2])
            assert all(-0.5 <= y <= height + 0.5 for y in numbers[1::2])


def test_curves_of_one_colour_differ_by_their_dashes() -> None:
    series = [{"name": str(place), "x": [0, 1], "y": [0, 1], "side": "synthetic"} for place in range(3)]
    picture = str(drawings.curves(series, titles=("x", "y"), identity="i", title="t"))
    assert len(set(re.findall(r'stroke-dasharray="([^"]+)"', picture))) == 2


def test_bars_know_negative_and_withheld_figures() -> None:
    picture = str(drawings.bars(BARS, identity="i", title="t"))
    assert HOSTILE not in picture
    assert picture.count('class="real-bar"') == 1
    assert picture.count('class="synthetic-mark"') == 2
    assert picture.count('class="synthetic-stem"') == 1
    assert ">–<" in picture
    assert ">-0.2<" in picture
    many = [{"name": str(place), "real": 1.0, "synthetic": 1.0} for place in range(40)]
    assert str(drawings.bars(many, identity="i", title="t")).count("real-bar") == drawings.MOST_BARS


def test_ticks_are_round_and_hold_the_range() -> None:
    assert drawings._ticks(0.0, 1.0) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    for low, high in ((0.13, 0.94), (-3.2, 7.7), (5.0, 5.0), (0.0, 1e-9)):
        ticks = drawings._ticks(low, high)
        assert ticks[0] <= low + 1e-12
        assert ticks[-1] >= high - 1e-12
        assert 2 <= len(ticks) <= 8


def test_parts_take_what_was_agreed_and_pass_over_the_rest() -> None:
    assert parts_of(result()) is None
    assert parts_of(result(curves="a word", bars={"a": 1}, table=[1])) is None
    assert [one["key"] for one in pictures_of(result(curves=CURVES, bars=BARS))] == ["curves", "bars"]
    parts = parts_of(result(table=TABLE))
    assert parts is not None
    assert parts["table"]["rows"] == [[f"g{HOSTILE}", "0.25"], ["small", "–"]]
    assert not parts["table"]["folded"]
    folded = parts_of(result(table={"columns": ["a"], "rows": [[place] for place in range(9)]}))
    assert folded is not None
    assert folded["table"]["folded"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (None, "–"),
        (True, "yes"),
        (12345, "12,345"),
        (0.123456, "0.123"),
        (123456.0, "123,456"),
        ("a", "a"),
    ],
)
def test_cells_are_written_short(cell: Any, words: str) -> None:
    assert written(cell) == words


def test_the_page_shows_them_under_their_family(report: EvaluationReport) -> None:
    shown = result(
        curves=CURVES, x_title="risk", y_title="share", bars=BARS, table=TABLE, too_small=["sex X"],
        too_small_to_name=2, change=0.1, change_lower=-0.1, change_upper=0.2,
    )  # fmt: skip
    fair = Score(0.9, 0.8, 0.95)
    others = tuple(one for one in report.results if one.family != "fairness")
    page = render(replace(report, results=(*others, shown), fairness=fair))
    section = page.split('<section id="fairness"')[1].split("</section>")[0]
    assert HOSTILE not in page
    assert section.count("<svg") == 2
    assert "It says something." in section
    assert "sex X; 2 of fewer than 11 patients" in section
    assert "change 0.1 (-0.1 to 0.2)" in section
    assert "<details><summary>Table of 2 rows" in section
    assert page.index('id="utility"') < page.index('id="privacy"') < page.index('id="fairness"')
    assert "http" not in re.sub(r"Content-Security-Policy|http-equiv", "", page)


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE", "NOT AVAILABLE"])
def test_every_verdict_says_what_may_be_done(report: EvaluationReport, verdict: str) -> None:
    page = render(replace(report, verdict=verdict))  # type: ignore[arg-type]
    assert evidence.VERDICT_USE[verdict] in page  # type: ignore[index]


def test_the_guarantee_stands_beside_the_scores(report: EvaluationReport) -> None:
    assert evidence.NO_MODEL in render(report)
    promised = replace(report, context={**report.context, "guarantee": "epsilon 1", "notes": ["epsilon 1"]})
    page = render(promised)
    assert evidence.NO_MODEL not in page
    # Once: it is not repeated among the notes.
    assert page.count("epsilon 1") == 1
