"""What a metric has to show besides its figures: pictures and tables from the agreed keys of its detail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import drawings

#: Rows of a table that are shown without unfolding it.
_MOST_OPEN: Final = 8
#: Rows that a page holds at all; all of them are in the JSON.
_MOST_ROWS: Final = 200


def parts_of(result: MetricResult) -> dict[str, Any] | None:
    """Draw the curves and bars of a metric and lay out its table; `None` where it has none."""
    detail = result.detail
    pictures = pictures_of(result)
    table = _table(detail.get("table"), open_rows=0 if pictures else _MOST_OPEN)
    if not pictures and table is None:
        return None
    return {
        "name": result.name,
        "title": result.title,
        "about": result.about,
        "pictures": pictures,
        "table": table,
        "sides": _has_sides(detail),
        "more": max(0, len(detail.get("bars") or ()) - drawings.MOST_BARS),
    }


def too_small(results: Iterable[MetricResult]) -> str:
    """Name the groups that were too small for a family's metrics, once for all of them."""
    for result in results:
        listed = result.detail.get("too_small")
        # Another family may hold a number under this key: it stands with its metric's other figures.
        names = [str(name) for name in listed] if isinstance(listed, list | tuple) else []
        unnamed = int(result.detail.get("too_small_to_name") or 0)
        rest = [f"{unnamed} of fewer than 11 patients"] if unnamed else []
        if names or rest:
            return "; ".join([*names, *rest])
    return ""


def pictures_of(result: MetricResult) -> list[dict[str, Any]]:
    """The pictures of a metric, each with the key that it was drawn from."""
    detail, found = result.detail, []
    if _drawable(detail.get("curves"), ("name", "x", "y")):
        titles = (str(detail.get("x_title", "x")), str(detail.get("y_title", "y")))
        picture = drawings.curves(
            detail["curves"], titles=titles, identity=f"curves-{result.name}", title=result.title
        )
        found.append({"key": "curves", "picture": picture})
    if _drawable(detail.get("bars"), ("name",)):
        picture = drawings.bars(
            detail["bars"], identity=f"bars-{result.name}", title=f"{result.title}: real and synthetic"
        )
        found.append({"key": "bars", "picture": picture})
    return found


def written(cell: Any) -> str:
    """Write a cell of a table: short figures, a dash for what is withheld."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 10_000 else f"{cell:.3g}"
    return str(cell)


def _table(table: Any, *, open_rows: int) -> dict[str, Any] | None:
    if not isinstance(table, Mapping) or not table.get("rows"):
        return None
    rows = [[written(cell) for cell in row] for row in table["rows"]]
    return {
        "columns": [str(name) for name in table["columns"]],
        "rows": rows[:_MOST_ROWS],
        "count": len(rows),
        "folded": len(rows) > open_rows,
    }


def _drawable(series: Any, needed: tuple[str, ...]) -> bool:
    """Whether a key holds what was agreed on; another metric may use the name for something else."""
    return (
        isinstance(series, list)
        and len(series) > 0
        and all(isinstance(one, Mapping) and all(name in one for name in needed) for one in series)
    )


def _has_sides(detail: Mapping[str, Any]) -> bool:
    """Whether colours mean real and synthetic here, so that their key is worth showing."""
    return bool(detail.get("bars"))
