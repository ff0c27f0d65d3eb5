"""Single pictures of a report, by name, as SVG texts that stand alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation.page import charts, evidence, panels
from synthetic_healthcare.evaluation.page.parts import pictures_of

if TYPE_CHECKING:
    from synthetic_healthcare.evaluation.report import EvaluationReport

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
#: The classes that pictures use; those of the page around them are not needed.
_STYLES: Final = ("colours.css", "pictures.css")

Draw = Callable[[], Markup]


def names(report: EvaluationReport) -> tuple[str, ...]:
    """List the pictures: "score: utility", "column: age", "associations: real", "metric: curves", ..."""
    return tuple(_pictures(report))


def draw(report: EvaluationReport, name: str) -> str:
    """Draw one picture with its own style sheet and size.

    Raises
    ------
    EvaluationError
        There is no picture of that name; those that there are are listed.
    """
    pictures = _pictures(report)
    if name not in pictures:
        raise EvaluationError(f"there is no picture {name!r}; there are: {', '.join(pictures) or 'none'}")
    folder = resources.files("synthetic_healthcare.evaluation.page")
    style = "".join((folder / one).read_text(encoding="utf-8") for one in _STYLES)
    drawn = str(pictures[name]())
    width, height = drawn.split('viewBox="0 0 ')[1].split('"')[0].split()
    head, body = drawn.split(">", 1)
    head = head.replace("<svg", f'<svg xmlns="{_NAMESPACE}" width="{width}" height="{height}"')
    return f"{head}><style>{style}</style>{body}"


def _pictures(report: EvaluationReport) -> dict[str, Draw]:
    figures = report.figures
    found: dict[str, Draw] = {}
    for name, score in report.scores.items():
        if score.value is not None:
            found[f"score: {name}"] = lambda name=name: _gauge(report, name)  # type: ignore[misc]
    for column in figures.get("columns", ()):
        if column["type"] != "suppressed":
            found[f"column: {column['name']}"] = lambda c=column: charts.column_chart(c, identity="column")  # type: ignore[misc]
    if figures.get("associations"):
        for key in ("real", "synthetic", "difference"):
            found[f"associations: {key}"] = lambda k=key: _matrix(figures["associations"], k)  # type: ignore[misc]
    if figures.get("projection"):
        found["projection"] = lambda: panels.scatter(
            figures["projection"], ("real", "synthetic"), identity="scatter", title="Projection"
        )
    for series in figures.get("training", ()):
        found[f"training: {series['name']}"] = lambda s=series: panels.curve(  # type: ignore[misc]
            s["points"], identity="curve", title=f"Training: {s['name']}"
        )
    for result in report.results:
        for one in pictures_of(result):
            found[f"{result.name}: {one['key']}"] = lambda one=one: one["picture"]  # type: ignore[misc]
    return found


def _gauge(report: EvaluationReport, name: str) -> Markup:
    score = report.scores[name]
    needed = evidence.needed(report) if name == "privacy" else None
    return panels.gauge(
        score.value or 0.0,
        evidence.interval(score),
        needed=needed,
        identity=f"gauge-{name}",
        title=f"{name.capitalize()} score",
    )


def _matrix(associations: Mapping[str, Any], key: str) -> Markup:
    title = f"Associations between columns: {key}"
    return panels.matrix(
        associations["names"], associations[key], signed=key == "difference", identity="matrix", title=title
    )
