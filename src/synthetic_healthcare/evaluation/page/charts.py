"""The small pictures of a column: a histogram and category bars, real filled and synthetic as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from markupsafe import Markup

from synthetic_healthcare.evaluation.page import svg

_WIDTH: Final = 300.0
_PLOT_HEIGHT: Final = 92.0
_AXIS_HEIGHT: Final = 20.0
_ROW_HEIGHT: Final = 18.0
#: Room for the labels of categories: as much as the longest needs, up to a limit.
_LABEL_WIDTHS: Final = (26.0, 112.0)
_LETTER_WIDTH: Final = 6.2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def column_chart(column: Mapping[str, Any], *, identity: str) -> Markup:
    """Draw one entry of the figures' `columns`, whatever its type.

    Parameters
    ----------
    column : Mapping
        With a `type` of "histogram" or "bars" as `distributions` writes them, and a `name`.
    identity : str
        Unique on the page.
    """
    draw = _histogram if column["type"] == "histogram" else _bars
    return draw(column, identity)


def edge_labels(column: Mapping[str, Any]) -> list[str]:
    """Write out the bins of a histogram, the outermost ones open-ended."""
    edges = [float(edge) for edge in column["edges"]]
    if len(edges) == 2:
        return ["all values"]
    whole, span = column["scale"] == "integer", edges[-1] - edges[0]
    # A bin of whole numbers ends at its last one, any other where the next begins.
    starts = [math.ceil(edge) if whole else edge for edge in edges]
    ends = [math.floor(edge) if whole else edge for edge in edges]
    low, high = ([format_value(edge, column["scale"], span) for edge in side] for side in (starts, ends))
    inner = [
        low[place] if low[place] == high[place + 1] else f"{low[place]} to {high[place + 1]}"
        for place in range(1, len(edges) - 2)
    ]
    return [f"below {low[1]}", *inner, f"{low[-2]} and above"]


def format_value(value: float, scale: str, span: float) -> str:
    """Write a number or a date as short as the span of the axis allows."""
    if scale == "date":
        return _format_date(value, span)
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.3g}"
    decimals = max(0, min(8, 3 - math.floor(math.log10(span)))) if span > 0 else 2
    short = f"{value:,.{decimals}f}"
    return short.rstrip("0").rstrip(".") if "." in short else short


def _format_date(seconds: float, span: float) -> str:
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"year {1970 + seconds / (365.25 * 86_400):.0f}"
    if span < 3 * 86_400:
        return moment.strftime("%Y-%m-%d %H:%M")
    return moment.strftime("%Y-%m-%d") if span < 10 * 365 * 86_400 else moment.strftime("%Y-%m")


def _span(column: Mapping[str, Any]) -> float:
    return float(column["edges"][-1]) - float(column["edges"][0])


def _histogram(column: Mapping[str, Any], identity: str) -> Markup:
    edges = [float(edge) for edge in column["edges"]]
    widths = [high - low for low, high in pairwise(edges)]
    # Bins differ in width, since small ones were merged: heights are densities, areas are shares.
    real = [share / width for share, width in zip(column["real"], widths, strict=True)]
    synthetic = [share / width for share, width in zip(column["synthetic"], widths, strict=True)]
    top = max(*real, *synthetic) or 1.0
    margin = 4.0

    def place(value: float, density: float) -> tuple[float, float]:
        across = margin + (value - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - 2 * margin)
        return across, _PLOT_HEIGHT - density / top * (_PLOT_HEIGHT - 6)

    def outline(densities: list[float]) -> list[tuple[float, float]]:
        corners = [place(edges[0], 0.0)]
        for low, high, density in zip(edges[:-1], edges[1:], densities, strict=True):
            corners += [place(low, density), place(high, density)]
        return [*corners, place(edges[-1], 0.0)]

    scale, span = str(column["scale"]), _span(column)
    baseline = _PLOT_HEIGHT + 0.5
    labels = _axis_labels(edges, scale, span, baseline + 14, margin)
    return svg.picture(
        (_WIDTH, _PLOT_HEIGHT + _AXIS_HEIGHT),
        [
            svg.polyline(outline(real), "real-area", closed=True),
            svg.polyline(outline(synthetic), "synthetic-line"),
            svg.line((margin, baseline), (_WIDTH - margin, baseline), "axis"),
            *labels,
        ],
        identity=identity,
        title=f"Distribution of {column['name']}",
        description=(
            f"Real and synthetic densities in {len(widths)} bins from {format_value(edges[0], scale, span)} "
            f"to {format_value(edges[-1], scale, span)}. The numbers are in the table below the picture."
        ),
    )


def _axis_labels(edges: list[float], scale: str, span: float, height: float, margin: float) -> list[Markup]:
    middle = (edges[0] + edges[-1]) / 2
    # Whole numbers stand in the middle of their bins: the ends of the axis name the first and the last.
    first, last = (
        (math.ceil(edges[0]), math.floor(edges[-1])) if scale == "integer" else (edges[0], edges[-1])
    )
    nearest = min(edges, key=lambda edge: abs(edge - middle))
    across = margin + (nearest - edges[0]) / span * (_WIDTH - 2 * margin)
    labels = [
        svg.text((margin, height), format_value(first, scale, span), style="tick"),
        svg.text((_WIDTH - margin, height), format_value(last, scale, span), style="tick", anchor="end"),
    ]
    if _WIDTH * 0.35 < across < _WIDTH * 0.65:
        words = format_value(math.ceil(nearest) if scale == "integer" else nearest, scale, span)
        labels.append(svg.text((across, height), words, style="tick", anchor="middle"))
        labels.append(svg.line((across, height - 14), (across, height - 10.5), "axis"))
    return labels


def _bars(column: Mapping[str, Any], identity: str) -> Markup:
    labels, real, synthetic = column["labels"], column["real"], column["synthetic"]
    top = max(*real, *synthetic, 1e-9)
    longest = max(len(label) for label in labels) * _LETTER_WIDTH + 10
    left = min(max(longest, _LABEL_WIDTHS[0]), _LABEL_WIDTHS[1])
    room = _WIDTH - left - 46
    drawn: list[Markup] = []
    for position, (label, held, made) in enumerate(zip(labels, real, synthetic, strict=True)):
        upper = 4 + position * _ROW_HEIGHT
        middle = upper + _ROW_HEIGHT / 2
        tip = left + made / top * room
        furthest = left + max(held, made) / top * room
        drawn += [
            svg.text((left - 8, middle + 3.5), shorten(label, 16), style="tick", anchor="end"),
            svg.box((left, upper + 3), (held / top * room, _ROW_HEIGHT - 6), "real-bar"),
            svg.line((left, middle), (tip, middle), "synthetic-stem"),
            svg.line((tip, upper + 1.5), (tip, upper + _ROW_HEIGHT - 1.5), "synthetic-mark"),
            svg.text((furthest + 6, middle + 3.5), percent(made), style="tick synthetic-words"),
        ]
    bottom = 4 + len(labels) * _ROW_HEIGHT
    drawn.append(svg.line((left, 2), (left, bottom), "axis"))
    pairs = ", ".join(
        f"{label} {percent(held)} real, {percent(made)} synthetic"
        for label, held, made in zip(labels[:4], real, synthetic, strict=False)
    )
    return svg.picture(
        (_WIDTH, bottom + 4),
        drawn,
        identity=identity,
        title=f"Categories of {column['name']}",
        description=f"Share of each category: {pairs}{' and more' if len(labels) > 4 else ''}.",
    )


def shorten(words: str, most: int) -> str:
    """Cut words to a number of characters, saying so with an ellipsis."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def percent(share: float) -> str:
    """Write a share as a percentage."""
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.1f}%" if share < 0.1 else f"{100 * share:.0f}%"
