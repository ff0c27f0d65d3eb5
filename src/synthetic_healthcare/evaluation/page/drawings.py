"""Pictures of what any metric leaves in its detail: curves on common axes, and bars of groups or columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from synthetic_healthcare.evaluation.page import svg
from synthetic_healthcare.evaluation.page.charts import shorten

#: Curves and bars that one picture has room for.
MOST_CURVES: Final = 8
MOST_BARS: Final = 16

_WIDTH: Final = 340.0
_PLOT: Final = (46.0, 24.0, 328.0, 206.0)  # left, top, right, bottom
_ROW: Final = 30.0
_LEGEND: Final = 16.0
_LETTERS: Final = 46
#: Dashes tell curves of one colour apart.
_DASHES: Final = ("", "6 3", "2 2", "8 3 2 3")

Series = Sequence[Mapping[str, Any]]


def curves(series: Series, *, titles: tuple[str, str], identity: str, title: str) -> Markup:
    """Draw curves with their bands, a legend beneath, and round numbers on both axes.

    Parameters
    ----------
    series : sequence of Mapping
        Each with `name`, `x`, `y`, and `lower`, `upper`, `side` ("real", "synthetic" or `None`) where known.
    titles : (str, str)
        What the axes are called.
    identity, title : str
        As for `svg.picture`.
    """
    drawn_series = [one for one in series if len(one["x"]) > 0][:MOST_CURVES]
    reach = tuple(_reach(drawn_series, names) for names in (("x",), ("y", "lower", "upper")))
    ticks = [_ticks(*ends) for ends in reach]
    spans = [(steps[0], steps[-1]) for steps in ticks]
    left, top, right, bottom = _PLOT

    def place(x: float, y: float) -> tuple[float, float]:
        shares = [(v - low) / ((high - low) or 1.0) for v, (low, high) in zip((x, y), spans, strict=True)]
        return left + shares[0] * (right - left), bottom - shares[1] * (bottom - top)

    drawn = [svg.box((left, top), (right - left, bottom - top), "plate")]
    for value in ticks[1]:
        height = place(spans[0][0], value)[1]
        drawn.append(svg.line((left, height), (right, height), "grid"))
        drawn.append(svg.text((left - 5, height + 3.5), _short(value), style="tick", anchor="end"))
    for value in ticks[0]:
        across = place(value, spans[1][0])[0]
        drawn.append(svg.line((across, bottom), (across, bottom + 4), "axis"))
        drawn.append(svg.text((across, bottom + 16), _short(value), style="tick", anchor="middle"))
    drawn.append(svg.text((right, bottom + 31), shorten(titles[0], _LETTERS), style="tick", anchor="end"))
    drawn.append(svg.text((4, 12), shorten(titles[1], _LETTERS), style="tick"))
    below = bottom + 40
    for position, one in enumerate(drawn_series):
        drawn += _curve(one, _mark(one, position, drawn_series), place)
        drawn += _legend(one, below + position * _LEGEND, _mark(one, position, drawn_series))
    names = ", ".join(str(one["name"]) for one in drawn_series)
    return svg.picture(
        (_WIDTH, below + len(drawn_series) * _LEGEND + 2),
        drawn,
        identity=identity,
        title=title,
        description=f"{titles[1]} over {titles[0]}: {names}.",
    )


def bars(entries: Series, *, identity: str, title: str) -> Markup:
    """Draw a figure of each group or column: real as a bar, synthetic as a mark with its interval.

    Parameters
    ----------
    entries : sequence of Mapping
        Each with `name`, `real`, `synthetic`, `lower` and `upper`, any of the last four `None`.
    """
    shown = entries[:MOST_BARS]
    keys = ("real", "synthetic", "lower", "upper")
    values = [float(one[key]) for one in shown for key in keys if one.get(key) is not None]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    high = high if high > low else low + 1.0
    left, right = 4.0, _WIDTH - 84.0

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    drawn: list[Markup] = []
    for position, one in enumerate(shown):
        upper = 4 + position * _ROW
        middle = upper + 19
        real, made = one.get("real"), one.get("synthetic")
        drawn.append(svg.text((left, upper + 9), shorten(str(one["name"]), _LETTERS), style="tick bar-name"))
        if real is not None:
            ends = sorted((across(0.0), across(float(real))))
            drawn.append(svg.box((ends[0], middle - 5), (ends[1] - ends[0], 10), "real-bar"))
        if one.get("lower") is not None and one.get("upper") is not None:
            drawn.append(
                svg.line((across(one["lower"]), middle), (across(one["upper"]), middle), "synthetic-stem")
            )
        if made is not None:
            tip = across(float(made))
            drawn.append(svg.line((tip, middle - 6), (tip, middle + 6), "synthetic-mark"))
        words = [("–" if figure is None else _short(float(figure))) for figure in (real, made)]
        drawn.append(svg.text((right + 42, middle + 4), words[0], style="tick real-words", anchor="end"))
        drawn.append(svg.text((_WIDTH - 2, middle + 4), words[1], style="tick synthetic-words", anchor="end"))
    bottom = 4 + len(shown) * _ROW
    drawn.append(svg.line((across(0.0), 14), (across(0.0), bottom), "axis"))
    spoken = "; ".join(_spoken(one) for one in shown[:6])
    return svg.picture((_WIDTH, bottom + 4), drawn, identity=identity, title=title, description=f"{spoken}.")


def _curve(one: Mapping[str, Any], mark: dict[str, svg.Attribute], place: Any) -> list[Markup]:
    points = [place(x, y) for x, y in zip(one["x"], one["y"], strict=True) if _known(x, y)]
    drawn: list[Markup] = []
    if one.get("lower") is not None and one.get("upper") is not None:
        edges = [
            (x, low, high)
            for x, low, high in zip(one["x"], one["lower"], one["upper"], strict=True)
            if _known(x, low, high)
        ]
        corners = [place(x, high) for x, _, high in edges] + [place(x, low) for x, low, _ in reversed(edges)]
        if corners:
            drawn.append(svg.polyline(corners, f"band {mark['class']}-band", closed=True))
    if len(points) == 1:
        (across, height) = points[0]
        points = [(across - 3, height), (across + 3, height)]
    if points:
        path = "M" + "L".join(svg.point(where) for where in points)
        drawn.append(svg.element("path", {**mark, "class": f"drawn {mark['class']}", "d": path}))
    return drawn


def _legend(one: Mapping[str, Any], height: float, mark: dict[str, svg.Attribute]) -> list[Markup]:
    sample = f"M{svg.point((_PLOT[0], height + 5))}h22"
    return [
        svg.element("path", {**mark, "class": f"drawn {mark['class']}", "d": sample}),
        svg.text((_PLOT[0] + 28, height + 9), shorten(str(one["name"]), 42), style="tick"),
    ]


def _mark(one: Mapping[str, Any], position: int, series: Series) -> dict[str, svg.Attribute]:
    """Colour by side; dashes by the place among the curves of that colour."""
    side = one.get("side")
    place = sum(1 for other in series[:position] if other.get("side") == side)
    colour = f"{side}-curve" if side in ("real", "synthetic") else "other-curve"
    dash = _DASHES[place % len(_DASHES)]
    return {"class": colour, "stroke-dasharray": dash} if dash else {"class": colour}


def _reach(series: Series, names: tuple[str, ...]) -> tuple[float, float]:
    values = [float(v) for one in series for name in names for v in one.get(name) or () if v is not None]
    return (min(values), max(values)) if values else (0.0, 1.0)


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers around a range."""
    span = (high - low) or max(abs(high), 1.0)
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, max(last, first + 1) + 1)]


def _known(*values: Any) -> bool:
    return all(value is not None for value in values)


def _short(value: float) -> str:
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 5e-4):
        return f"{value:.1e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    short = f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"
    return short.rstrip("0").rstrip(".") if "." in short else short


def _spoken(one: Mapping[str, Any]) -> str:
    figures = [
        f"{side} {_short(float(one[side]))}" for side in ("real", "synthetic") if one.get(side) is not None
    ]
    return f"{one['name']}: {', '.join(figures) or 'no figure'}"
