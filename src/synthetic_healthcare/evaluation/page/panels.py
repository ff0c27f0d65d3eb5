"""The larger pictures: scores with their intervals, association matrices, the projection, training curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from synthetic_healthcare.evaluation.page import svg
from synthetic_healthcare.evaluation.page.charts import percent, shorten

#: Shades of a matrix cell on each side of zero.
_SHADES: Final = 10
#: Difference of associations that takes the darkest shade.
_DARKEST_DIFFERENCE: Final = 0.5
_MATRIX_WIDTH: Final = 480.0


def gauge(
    value: float, interval: tuple[float, float] | None, *, needed: float | None, identity: str, title: str
) -> Markup:
    """Draw a score from 0 to 1, its 95 % interval and, where there is one, the level that it has to reach."""
    margin, length, middle = 8.0, 444.0, 28.0

    def across(share: float) -> float:
        return margin + min(max(share, 0.0), 1.0) * length

    drawn = [
        svg.box((margin, middle - 5), (length, 10), "track", radius=5),
        svg.box((margin, middle - 5), (across(value) - margin, 10), "filled", radius=5),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn.append(svg.text((across(share), 57), f"{share:g}", style="scale", anchor="middle"))
        drawn.append(svg.line((across(share), 40), (across(share), 44), "axis"))
    if needed is not None:
        drawn.append(svg.line((across(needed), 6), (across(needed), 44), "needed"))
        words = f"needed {needed:.2f}"
        drawn.append(svg.text((across(needed) - 6, 13), words, style="scale needed-words", anchor="end"))
    spoken = f"{value:.3f}"
    if interval is not None:
        low, high = across(interval[0]), across(interval[1])
        drawn.append(svg.line((low, middle), (high, middle), "interval"))
        drawn += [svg.line((end, middle - 7), (end, middle + 7), "interval") for end in (low, high)]
        spoken += f", 95 % interval {interval[0]:.3f} to {interval[1]:.3f}"
    drawn.append(svg.element("circle", {"class": "value", "cx": across(value), "cy": middle, "r": 6}))
    if needed is not None:
        spoken += f"; {needed:.2f} is needed"
    return svg.picture((460, 62), drawn, identity=identity, title=title, description=spoken)


def bullet(value: float, ceiling: float, *, top: float, identity: str, title: str) -> Markup:
    """Draw a figure (mark) over what a real sample gets (bar), on a scale from 0 to `top`."""
    start, length = 4.0, 132.0

    def across(figure: float) -> float:
        return start + min(max(figure / top, 0.0), 1.0) * length

    drawn = [
        svg.line((start, 15.5), (start + length, 15.5), "axis"),
        svg.box((start, 4), (across(ceiling) - start, 9), "real-bar"),
        svg.line((across(value), 1.5), (across(value), 15.5), "synthetic-mark"),
    ]
    spoken = f"{value:.3f}; a real sample of the same size gets {ceiling:.3f}"
    return svg.picture((140, 18), drawn, identity=identity, title=title, description=spoken)


def matrix(
    names: Sequence[str], cells: Sequence[Sequence[float]], *, signed: bool, identity: str, title: str
) -> Markup:
    """Draw a square matrix of associations (0 to 1), or of their differences where it is signed."""
    label_room = min(104.0, 8 + 5.4 * max(len(name) for name in names))
    size = min(26.0, (_MATRIX_WIDTH - label_room) / len(names))
    side = size * len(names)
    left = _MATRIX_WIDTH - side
    paths: dict[str, list[str]] = {}
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            if shade := _shade(value, signed):
                paths.setdefault(shade, []).append(f"M{column} {row}h1v1h-1z")
    frame: dict[str, svg.Attribute] = {"transform": f"translate({svg.number(left)} 2) scale({size:.4g})"}
    drawn = [svg.box((left, 2), (side, side), "plate")]
    shades = (svg.element("path", {"class": shade, "d": "".join(d)}) for shade, d in sorted(paths.items()))
    drawn.append(svg.element("g", frame, shades))
    for position, name in enumerate(names):
        middle = 2 + (position + 0.5) * size
        words = shorten(name, 18)
        drawn.append(svg.text((left - 5, middle + 3), words, style="fine", anchor="end"))
        place = f"translate({svg.number(left + middle + 1)} {svg.number(side + 8)}) rotate(-90)"
        drawn.append(
            svg.element("text", {"class": "fine", "text-anchor": "end", "transform": place}, [words])
        )
    strongest = max((abs(value) for row in _off_diagonal(cells) for value in row), default=0.0)
    return svg.picture(
        (_MATRIX_WIDTH, side + label_room + 4),
        drawn,
        identity=identity,
        title=title,
        description=f"{len(names)} by {len(names)} columns; the strongest pair has {strongest:.2f}. "
        "The pairs that differ most are in the table beside it.",
    )


def matrix_key(*, signed: bool, identity: str) -> Markup:
    """Draw what the shades of a matrix mean."""
    steps = range(-_SHADES, _SHADES + 1) if signed else range(_SHADES + 1)
    reach = _DARKEST_DIFFERENCE if signed else 1.0
    swatches = [(step, _shade(step / _SHADES * reach, signed)) for step in steps]
    end = 210.0
    width = end / len(swatches)
    drawn = [svg.box((0, 0), (end, 10), "plate")]
    drawn += [
        svg.box(((step - steps[0]) * width, 0), (width, 10), shade) for step, shade in swatches if shade
    ]
    words = (f"-{reach:g} weaker", "0", f"+{reach:g} stronger") if signed else ("0", "", "1")
    drawn += [
        svg.text((0, 23), words[0], style="fine"),
        svg.text((end / 2, 23), words[1], style="fine", anchor="middle"),
        svg.text((end, 23), words[2], style="fine", anchor="end"),
    ]
    meaning = "blue: weaker in the synthetic table, orange: stronger" if signed else "darker is stronger"
    return svg.picture((end, 27), drawn, identity=identity, title="Key", description=meaning)


def scatter(projection: Mapping[str, Any], show: Sequence[str], *, identity: str, title: str) -> Markup:
    """Draw projected rows of the tables named in `show`, on axes that do not depend on the choice."""
    everything = [*projection["real"], *projection["synthetic"]]
    ends = [(min(p[axis] for p in everything), max(p[axis] for p in everything)) for axis in (0, 1)]
    side, margin = 300.0, 10.0

    def place(where: Sequence[float]) -> tuple[float, float]:
        shares = [
            (coordinate - low) / ((high - low) or 1.0)
            for coordinate, (low, high) in zip(where, ends, strict=True)
        ]
        return margin + shares[0] * (side - 2 * margin), side - margin - shares[1] * (side - 2 * margin)

    drawn = [svg.box((0.5, 0.5), (side - 1, side - 1), "frame", radius=6)]
    for name, mark in (("real", _dot), ("synthetic", _cross)):
        if name in show:
            path = "".join(mark(place(where)) for where in projection[name])
            drawn.append(svg.element("path", {"class": f"{name}-points", "d": path}))
    explained = ", ".join(percent(share) for share in projection["explained"])
    return svg.picture(
        (side, side),
        drawn,
        identity=identity,
        title=title,
        description=f"Rows on two principal components of the real rows ({explained} of the variance).",
    )


def curve(points: Sequence[Sequence[float]], *, identity: str, title: str) -> Markup:
    """Draw one training curve over its steps."""
    width, height, left, bottom = 300.0, 110.0, 44.0, 92.0
    steps, values = [point[0] for point in points], [point[1] for point in points]
    low, high = min(values), max(values)
    span = (high - low) or max(abs(high), 1.0)
    low = low if high > low else low - span / 2

    def place(step: float, value: float) -> tuple[float, float]:
        across = left + (step - steps[0]) / ((steps[-1] - steps[0]) or 1.0) * (width - left - 6)
        return across, bottom - (value - low) / span * (bottom - 10)

    drawn = [
        svg.line((left, bottom + 0.5), (width - 6, bottom + 0.5), "axis"),
        svg.line((left - 0.5, 8), (left - 0.5, bottom), "axis"),
        svg.polyline((place(step, value) for step, value in points), "curve"),
        svg.text((left - 5, bottom), _short(low), style="tick", anchor="end"),
        svg.text((left - 5, 16), _short(low + span), style="tick", anchor="end"),
        svg.text((left, height - 3), f"{steps[0]:,.0f}", style="tick"),
        svg.text((width - 6, height - 3), f"{steps[-1]:,.0f}", style="tick", anchor="end"),
    ]
    spoken = (
        f"From {_short(values[0])} at step {steps[0]:,.0f} to {_short(values[-1])} at step {steps[-1]:,.0f}."
    )
    return svg.picture((width, height), drawn, identity=identity, title=title, description=spoken)


def _shade(value: float, signed: bool) -> str:
    reach = _DARKEST_DIFFERENCE if signed else 1.0
    level = min(_SHADES, math.floor(abs(value) / reach * _SHADES + 0.5))
    if level == 0:
        return ""
    side = ("more" if value > 0 else "less") if signed else "tone"
    return f"{side} s{level}"


def _off_diagonal(cells: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[v for column, v in enumerate(values) if column != row] for row, values in enumerate(cells)]


def _dot(where: tuple[float, float]) -> str:
    return f"M{svg.point(where)}h0"


def _cross(where: tuple[float, float]) -> str:
    x, y = where
    return f"M{svg.point((x - 2.2, y))}h4.4M{svg.point((x, y - 2.2))}v4.4"


def _short(value: float) -> str:
    return f"{value:.3g}"
