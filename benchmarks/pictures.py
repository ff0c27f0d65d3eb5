"""The pictures of a comparison, each one SVG file that needs nothing else: quality against seconds, and
usefulness against leakage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from figures import MEMBERSHIP, Summary, names, summary, tables
from markupsafe import Markup

from synthetic_healthcare.evaluation.page import svg

_WIDTH: Final = 560.0
_HEIGHT: Final = 400.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 24.0, 44.0, 52.0
_LETTER: Final = 7.6
_LINE: Final = 13.0
_MARK: Final = 5.0
_STYLE: Final = """
text{font:12px system-ui,sans-serif;fill:#1f2933}
.head{font-size:14px;font-weight:600}.tick,.note{fill:#52606d;font-size:11px}
.ours-words{fill:#0b5d85;font-weight:600}.peer-words{fill:#9c4a00}
.paper{fill:#fff}.grid{stroke:#e4e7eb;fill:none}.axis{stroke:#9aa5b1;fill:none}
.limit{stroke:#b42318;stroke-dasharray:5 4;fill:none}
.ours{fill:#0b7fb3;stroke:#fff}.peer{fill:#e07b00;stroke:#fff}
.ours-range{stroke:#0b7fb3;stroke-opacity:.35;stroke-width:2;fill:none}
.peer-range{stroke:#e07b00;stroke-opacity:.35;stroke-width:2;fill:none}
.leader{stroke:#9aa5b1;stroke-width:.7;fill:none}
@media (prefers-color-scheme:dark){text{fill:#e4e7eb}.tick,.note{fill:#9aa5b1}.paper{fill:#171c22}
.grid{stroke:#2b333c}.ours-words{fill:#7cc8ee}.peer-words{fill:#f0a85a}.ours,.peer{stroke:#171c22}}
"""


@final
@dataclass(frozen=True)
class Dot:
    """One method: a median with its range on both axes."""

    label: str
    ours: bool
    across: Summary
    up: Summary


@final
@dataclass(frozen=True)
class Axis:
    """One axis.

    Parameters
    ----------
    key : str
        Of the value in a run.
    title : str
        What it is, with the unit and which end is the good one.
    log : bool
        Whether it grows by factors.
    limit : float or None
        Where a broken line is drawn.
    """

    key: str
    title: str
    log: bool = False
    limit: float | None = None


_SECONDS: Final = Axis("fit_seconds", "fit, seconds at one thread (left is better)", log=True)
_LEAK: Final = Axis("membership", "membership AUC (left is better; 0.5 leaks nothing)", limit=MEMBERSHIP)
_C2ST: Final = Axis("c2st", "C2ST AUC (low is better)")
_PAIRS: Final = Axis("pairs", "pair accuracy, share of real (high is better)")
_TSTR: Final = Axis("tstr_trees", "TSTR AUC, trees (high is better)")
#: Suffix of the file, heading, axes.
_PICTURES: Final = (
    ("c2st-seconds", "Told apart, against seconds", _SECONDS, _C2ST),
    ("pairs-seconds", "Pairs of columns, against seconds", _SECONDS, _PAIRS),
    ("c2st-leak", "Told apart, against leakage", _LEAK, _C2ST),
    ("tstr-leak", "Usefulness, against leakage", _LEAK, _TSTR),
)


def draw_all(records: Sequence[Mapping[str, Any]], stem: Path) -> dict[str, list[str]]:
    """Write all pictures beside the results.

    Parameters
    ----------
    records : sequence of Mapping
        All measurements.
    stem : Path
        Of the results' files; a picture's name begins with it.

    Returns
    -------
    dict
        Names of the files by table.
    """
    written: dict[str, list[str]] = {}
    for table in tables(records):
        for suffix, heading, across, up in _PICTURES:
            dots = _dots(records, table, across=across, up=up)
            if dots:
                path = stem.with_name(f"{stem.name}-{table}-{suffix}.svg")
                path.write_text(scatter(dots, f"{heading}: {table}", across=across, up=up), encoding="utf-8")
                written.setdefault(table, []).append(path.name)
    return written


def scatter(dots: Sequence[Dot], heading: str, *, across: Axis, up: Axis) -> str:
    """Draw methods as points with their ranges.

    Parameters
    ----------
    dots : sequence of Dot
        At least one.
    heading : str
        Of the picture.
    across, up : Axis
        The two axes.
    """
    horizontal = _Scale.of([dot.across for dot in dots], across, (_LEFT, _WIDTH - _RIGHT))
    vertical = _Scale.of([dot.up for dot in dots], up, (_HEIGHT - _BOTTOM, _TOP))
    places = [(horizontal.place(dot.across.median), vertical.place(dot.up.median)) for dot in dots]
    # Our marks lie on top.
    order = sorted(range(len(dots)), key=lambda i: dots[i].ours)
    body = [
        svg.box((0, 0), (_WIDTH, _HEIGHT), "paper"),
        svg.text((_LEFT, 22), heading, style="head"),
        *_grid(horizontal, vertical, across=across, up=up),
        *(one for i in order for one in _mark(dots[i], places[i], horizontal, vertical)),
        *_labels(dots, places),
        *_legend(),
    ]
    said = "; ".join(f"{d.label} {d.across.median:.3g} and {d.up.median:.3g}" for d in dots)
    children = [
        svg.element("title", {}, [heading]),
        svg.element("desc", {}, [f"{across.title}; {up.title}. Medians: {said}."]),
        svg.element("style", {}, [Markup(_STYLE)]),
        *body,
    ]
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        "width": _WIDTH,
        "height": _HEIGHT,
        "role": "img",
    }
    return f"{svg.element('svg', attributes, children)}\n"


@final
@dataclass(frozen=True)
class _Scale:
    """From values to places."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    @staticmethod
    def of(values: Sequence[Summary], axis: Axis, places: tuple[float, float]) -> _Scale:
        ends = [end for one in values for end in (one.low, one.high)]
        if axis.limit is not None:
            ends.append(axis.limit)
        low, high = min(ends), max(ends)
        if axis.log:
            return _Scale(math.log10(low) - 0.12, math.log10(high) + 0.12, *places, True)
        room = 0.06 * (high - low) or 0.05
        return _Scale(low - room, high + room, *places, False)

    def place(self, value: float) -> float:
        inner = math.log10(value) if self.log else value
        return self.start + (inner - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside: 1, 2 and 5 times powers of ten, or steps of such a size."""
        if self.log:
            powers = range(math.floor(self.low), math.ceil(self.high) + 1)
            wide = self.high - self.low > 2.2
            each = [10.0**power * digit for power in powers for digit in ((1,) if wide else (1, 2, 5))]
            return [value for value in each if self.low <= math.log10(value) <= self.high]
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= raw)
        first = math.ceil(self.low / step)
        return [count * step for count in range(first, math.floor(self.high / step) + 1)]


def _dots(records: Sequence[Mapping[str, Any]], table: str, *, across: Axis, up: Axis) -> list[Dot]:
    found = []
    for ours in (True, False):
        for name in names(records, table, ours=ours):
            x, y = (summary(records, table, name, of=axis.key) for axis in (across, up))
            if x is not None and y is not None:
                found.append(Dot(name, ours, x, y))
    return found


def _grid(horizontal: _Scale, vertical: _Scale, *, across: Axis, up: Axis) -> list[Markup]:
    floor, wall = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    drawn = []
    for value in horizontal.ticks():
        x = horizontal.place(value)
        drawn += [
            svg.line((x, _TOP), (x, floor), "grid"),
            svg.text((x, floor + 15), f"{value:.6g}", style="tick", anchor="middle"),
        ]
    for value in vertical.ticks():
        y = vertical.place(value)
        drawn += [
            svg.line((_LEFT, y), (wall, y), "grid"),
            svg.text((_LEFT - 6, y + 4), f"{value:.6g}", style="tick", anchor="end"),
        ]
    drawn += [
        svg.line((_LEFT, floor), (wall, floor), "axis"),
        svg.line((_LEFT, _TOP), (_LEFT, floor), "axis"),
    ]
    if across.limit is not None:
        x = horizontal.place(across.limit)
        drawn.append(svg.line((x, _TOP), (x, floor), "limit"))
    drawn.append(svg.text(((_LEFT + wall) / 2, floor + 34), across.title, style="note", anchor="middle"))
    # Beside the axis it would have to be read sideways.
    drawn.append(svg.text((_LEFT - 44, _TOP - 8), up.title, style="note"))
    return drawn


def _mark(dot: Dot, place: tuple[float, float], horizontal: _Scale, vertical: _Scale) -> list[Markup]:
    x, y = place
    kind = "ours" if dot.ours else "peer"
    ranges = (
        ((horizontal.place(dot.across.low), y), (horizontal.place(dot.across.high), y)),
        ((x, vertical.place(dot.up.low)), (x, vertical.place(dot.up.high))),
    )
    if dot.ours:
        shape = svg.element("circle", {"class": kind, "cx": x, "cy": y, "r": _MARK})
    else:
        corners = [(x, y - _MARK - 1), (x + _MARK + 1, y), (x, y + _MARK + 1), (x - _MARK - 1, y)]
        shape = svg.polyline(corners, kind, closed=True)
    return [*(svg.line(start, end, f"{kind}-range") for start, end in ranges), shape]


def _labels(dots: Sequence[Dot], places: Sequence[tuple[float, float]]) -> list[Markup]:
    """Each name as near to its mark as it finds room, with a thin line where that is not beside it."""
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in places]
    drawn: list[Markup] = []
    for dot, (x, y) in sorted(zip(dots, places, strict=True), key=lambda pair: pair[1][1]):
        width = len(dot.label) * _LETTER + 4
        reach, corner = _room(x, y, width, taken)
        left, top = corner
        taken.append((left, top, left + width, top + _LINE))
        if reach > 1:
            near = (left if left > x else min(left + width, x), top + _LINE / 2)
            drawn.append(svg.line((x, y), near, "leader"))
        style = "ours-words" if dot.ours else "peer-words"
        drawn.append(svg.text((left + 2, top + _LINE - 3), dot.label, style=style))
    return drawn


def _room(
    x: float, y: float, width: float, taken: Sequence[tuple[float, float, float, float]]
) -> tuple[int, tuple[float, float]]:
    """Upper left corner of the nearest free place for a label, and how far out it was found."""
    for reach in range(1, 12):
        far = 9.0 * reach
        for left, top in (
            (x + far, y - _LINE / 2),
            (x - far - width, y - _LINE / 2),
            (x - width / 2, y - far - _LINE),
            (x - width / 2, y + far),
            (x + far, y - far - _LINE / 2),
            (x + far, y + far - _LINE / 2),
            (x - far - width, y - far - _LINE / 2),
            (x - far - width, y + far - _LINE / 2),
        ):
            inside = _LEFT <= left <= _WIDTH - width and _TOP <= top <= _HEIGHT - _BOTTOM - _LINE
            if inside and not any(_overlap((left, top, left + width, top + _LINE), one) for one in taken):
                return reach, (left, top)
    return 1, (min(x + 9.0, _WIDTH - width), y - _LINE / 2)


def _overlap(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _legend() -> list[Markup]:
    right = _WIDTH - _RIGHT
    x, y = right - 128, 18.0
    diamond = [(x + 66, y - 6), (x + 72, y), (x + 66, y + 6), (x + 60, y)]
    return [
        svg.element("circle", {"class": "ours", "cx": x, "cy": y, "r": _MARK}),
        svg.text((x + 9, y + 4), "ours", style="ours-words"),
        svg.polyline(diamond, "peer", closed=True),
        svg.text((x + 77, y + 4), "peers", style="peer-words"),
    ]
