"""Pictures: what is drawn where, and that words in them are inert."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from synthetic_healthcare.evaluation.page import charts, panels, svg


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def test_elements_are_escaped_and_numbers_are_short() -> None:
    written = svg.element("text", {"x": 1.23456, "y": -0.001, "class": 'a"b'}, ["<b> & c"])
    assert written == '<text x="1.23" y="0" class="a&#34;b">&lt;b&gt; &amp; c</text>'
    assert svg.element("path", {"d": "M0 0"}) == '<path d="M0 0"/>'
    assert svg.number(10.0) == "10"
    assert svg.number(100) == "100"


def test_a_picture_has_a_title_and_a_description() -> None:
    drawn = parsed(svg.picture((10, 5), [], identity="p", title="T <1>", description="D"))
    assert drawn.attrib == {"viewBox": "0 0 10 5", "role": "img", "aria-labelledby": "p-t p-d"}
    assert [(child.tag, child.attrib["id"], child.text) for child in drawn] == [
        ("title", "p-t", "T <1>"),
        ("desc", "p-d", "D"),
    ]


def test_areas_of_a_histogram_are_shares() -> None:
    column = {
        "name": "x",
        "type": "histogram",
        "scale": "numeric",
        "edges": [0.0, 1.0, 3.0],
        "real": [0.5, 0.5],
        "synthetic": [0.0, 1.0],
    }
    drawn = parsed(charts.column_chart(column, identity="h"))
    outlines = {path.attrib["class"]: path.attrib["d"] for path in drawn.iter("path")}
    corners = [tuple(map(float, p.split())) for p in re.split("[MLZ]", outlines["real-area"]) if p]
    (left, _), (_, first), (edge, _), (_, second), *_ = (
        corners[0],
        corners[1],
        corners[2],
        corners[3],
        corners,
    )
    base = corners[0][1]
    right = corners[-1][0]
    # Half of the rows in a third of the width: twice as high as the other half in two thirds.
    assert (base - first) == pytest.approx(2 * (base - second), abs=0.05)
    assert (edge - left) == pytest.approx((right - left) / 3, abs=0.05)


def test_bins_are_written_out_open_at_the_ends() -> None:
    column = {"scale": "numeric", "edges": [0.0, 0.5, 1.0, 2.0]}
    assert charts.edge_labels(column) == ["below 0.5", "0.5 to 1", "1 and above"]
    whole = {"scale": "integer", "edges": [0.5, 1.5, 2.5, 5.5, 6.5]}
    assert charts.edge_labels(whole) == ["below 2", "2", "3 to 5", "6 and above"]
    assert charts.edge_labels({"scale": "numeric", "edges": [0.0, 1.0]}) == ["all values"]


@pytest.mark.parametrize(
    ("value", "scale", "span", "words"),
    [
        (1234567.0, "numeric", 1e6, "1.23e+06"),
        (1200.0, "integer", 3000.0, "1,200"),
        (0.065, "numeric", 0.1, "0.065"),
        (0.0, "numeric", 1.0, "0"),
        (0.0, "date", 1e3, "1970-01-01 00:00"),
        (86_400.0 * 365, "date", 86_400.0 * 365, "1971-01-01"),
        (-86_400.0 * 365 * 200, "date", 86_400.0 * 365 * 300, "1770-02"),
        (1e14, "date", 1e14, "year 3170779"),
    ],
)
def test_values_are_written_as_their_axis_allows(value: float, scale: str, span: float, words: str) -> None:
    assert charts.format_value(value, scale, span) == words


def test_shares_are_written_as_percentages() -> None:
    assert [charts.percent(share) for share in (0.0, 0.0004, 0.034, 0.5)] == ["0.0%", "<0.1%", "3.4%", "50%"]
    assert charts.shorten("abcdef", 4) == "abc…"


def test_bars_name_their_categories() -> None:
    column = {
        "name": "x",
        "type": "bars",
        "labels": ["<i>", "b"],
        "real": [0.5, 0.5],
        "synthetic": [0.2, 0.8],
    }
    drawn = parsed(charts.column_chart(column, identity="b"))
    assert [text.text for text in drawn.iter("text")] == ["<i>", "20%", "b", "80%"]


def test_a_gauge_marks_value_interval_and_need() -> None:
    drawn = parsed(panels.gauge(0.5, (0.25, 1.5), needed=0.91, identity="g", title="Privacy"))
    (circle,) = drawn.iter("circle")
    assert float(circle.attrib["cx"]) == 8 + 444 / 2
    interval = next(path for path in drawn.iter("path") if path.attrib["class"] == "interval")
    assert interval.attrib["d"] == "M119 28L452 28"
    assert "0.91 is needed" in (drawn.findtext("desc") or "")


def test_matrices_shade_by_strength_and_direction() -> None:
    strength = panels.matrix(
        ["a", "b"], [[1.0, -0.52], [-0.52, 1.0]], signed=False, identity="m", title="Real"
    )
    cells = {p.attrib["class"]: p.attrib["d"] for p in parsed(strength).iter("path")}
    assert cells == {"tone s10": "M0 0h1v1h-1zM1 1h1v1h-1z", "tone s5": "M1 0h1v1h-1zM0 1h1v1h-1z"}
    apart = panels.matrix(
        ["a", "b"], [[0.0, 0.3], [-0.9, 0.0]], signed=True, identity="d", title="Difference"
    )
    assert {p.attrib["class"] for p in parsed(apart).iter("path")} == {"more s6", "less s10"}


def test_scatter_keeps_its_axes_whatever_is_shown() -> None:
    projection = {"real": [[0, 0], [1, 1]], "synthetic": [[3, 3]], "explained": [0.5, 0.1]}
    both, one = (
        parsed(panels.scatter(projection, show, identity="s", title="S"))
        for show in (("real", "synthetic"), ("real",))
    )
    points = [
        [p.attrib["d"] for p in drawn.iter("path") if "real" in p.attrib["class"]] for drawn in (both, one)
    ]
    assert points[0] == points[1]
    assert len(list(both.iter("path"))) == 2


def test_a_flat_curve_is_drawn() -> None:
    drawn = parsed(panels.curve([[1, 2.0], [2, 2.0]], identity="c", title="loss"))
    assert "From 2 at step 1 to 2 at step 2." in (drawn.findtext("desc") or "")
