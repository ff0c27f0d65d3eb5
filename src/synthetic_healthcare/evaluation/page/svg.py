"""A few lines that write SVG: elements, escaped attributes and short numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markupsafe import Markup, escape

Attribute = str | float | int


def element(tag: str, attributes: Mapping[str, Attribute], children: Iterable[Markup | str] = ()) -> Markup:
    """Write one element; attribute values and children that are not markup are escaped.

    Parameters
    ----------
    tag : str
        Name of the element; from the code, never from data.
    attributes : Mapping
        Names (from the code) and values; numbers are written with at most two decimals.
    children : iterable of Markup or str
        What stands inside, in order.
    """
    written = "".join(f' {name}="{_attribute(value)}"' for name, value in attributes.items())
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>")


def picture(
    size: tuple[float, float], children: Iterable[Markup], *, identity: str, title: str, description: str
) -> Markup:
    """Write a drawing that scales to the width that it is given, with its name and its words.

    Parameters
    ----------
    size : (float, float)
        Width and height in the drawing's own units.
    children : iterable of Markup
        The drawing.
    identity : str
        Unique on the page; ties the drawing to its title and description.
    title, description : str
        What a screen reader says.
    """
    width, height = size
    words = (
        element("title", {"id": f"{identity}-t"}, [title]),
        element("desc", {"id": f"{identity}-d"}, [description]),
    )
    attributes = {
        "viewBox": f"0 0 {number(width)} {number(height)}",
        "role": "img",
        "aria-labelledby": f"{identity}-t {identity}-d",
    }
    return element("svg", attributes, [*words, *children])


def text(position: tuple[float, float], words: str, *, style: str = "", anchor: str = "start") -> Markup:
    """Write words at a point; `style` is a class of the page's style sheet."""
    attributes: dict[str, Attribute] = {"x": position[0], "y": position[1]}
    if style:
        attributes["class"] = style
    if anchor != "start":
        attributes["text-anchor"] = anchor
    return element("text", attributes, [words])


def line(start: tuple[float, float], end: tuple[float, float], style: str) -> Markup:
    """Draw a straight line of a class of the style sheet."""
    return element("path", {"class": style, "d": f"M{point(start)}L{point(end)}"})


def box(corner: tuple[float, float], size: tuple[float, float], style: str, *, radius: float = 0.0) -> Markup:
    """Draw a rectangle from its upper left corner."""
    attributes: dict[str, Attribute] = {
        "class": style,
        "x": corner[0],
        "y": corner[1],
        "width": max(size[0], 0.0),
        "height": max(size[1], 0.0),
    }
    if radius:
        attributes["rx"] = radius
    return element("rect", attributes)


def polyline(points: Iterable[tuple[float, float]], style: str, *, closed: bool = False) -> Markup:
    """Draw a line through points, filled where it is closed."""
    path = "L".join(point(where) for where in points)
    return element("path", {"class": style, "d": f"M{path}{'Z' if closed else ''}"})


def point(where: tuple[float, float]) -> str:
    """Write a point of a path."""
    return f"{number(where[0])} {number(where[1])}"


def number(value: float) -> str:
    """Write a coordinate with at most two decimals."""
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _attribute(value: Attribute) -> str:
    return number(value) if isinstance(value, int | float) else str(escape(value))
