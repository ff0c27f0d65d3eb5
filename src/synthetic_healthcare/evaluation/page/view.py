"""From a report to the page: words, pictures and rows for the template, which only places them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from markupsafe import Markup

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import charts, distributions, evidence, panels
from synthetic_healthcare.evaluation.page.parts import parts_of, too_small
from synthetic_healthcare.evaluation.report import CAVEAT, Component, EvaluationReport, Score

_FAMILIES: Final = {
    "fidelity": "Fidelity",
    "utility": "Utility",
    "privacy": "Privacy",
    "fairness": "Fairness",
}
#: The style sheet of the page, in the order in which it is read; the first two colour single pictures too.
STYLES: Final = ("colours.css", "pictures.css", "page.css")
_MOST_PAIRS: Final = 10
#: Bins or categories of a column whose numbers are written out beneath its picture.
_MOST_ROWS: Final = 30


def write(report: EvaluationReport) -> str:
    """Fill the template."""
    folder = resources.files("synthetic_healthcare.evaluation.page")
    return filled((folder / "template.html").read_text(encoding="utf-8"), _content(report))


def filled(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template with escaped content and the style sheet, which its content policy lets in by hash."""
    import jinja2

    folder = resources.files("synthetic_healthcare.evaluation.page")
    style = "\n" + "".join((folder / name).read_text(encoding="utf-8") for name in STYLES)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(template)
    return page.render(style=Markup(style), style_hash=_hash(style), **content)


def _hash(style: str) -> str:
    """Return the source expression under which the content policy lets the style sheet in."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _content(report: EvaluationReport) -> dict[str, Any]:
    figures = report.figures
    return {
        "caveat": CAVEAT,
        "verdict": {
            "name": report.verdict,
            "style": report.verdict.lower().replace(" ", "-"),
            "mark": evidence.VERDICT_MARKS[report.verdict],
            "words": evidence.VERDICT_WORDS[report.verdict],
            "reason": report.verdict_reason,
            "use": evidence.VERDICT_USE[report.verdict],
        },
        "confidential": report.confidential,
        "removed": report.removed,
        "guarantee": evidence.guarantee(report),
        "needed": evidence.needed(report),
        "scores": _scores(report),
        "facts": evidence.facts(report),
        "notes": evidence.notes(report),
        "failed": [result.title for result in report.failed],
        "floor": figures.get("floor", distributions.FLOOR),
        "columns": _columns(figures.get("columns", ())),
        "associations": _associations(figures.get("associations")),
        "projection": _projection(figures.get("projection")),
        "metrics": _metrics(report),
        "rules": evidence.rules(report),
        "rule_headings": evidence.RULE_HEADINGS,
        "attacks": evidence.attacks(report),
        "curves": [
            {
                "name": evidence.words_of(series["name"]),
                "picture": panels.curve(
                    series["points"], identity=f"curve-{place}", title=f"Training: {series['name']}"
                ),
            }
            for place, series in enumerate(figures.get("training", ()))
        ],
    }


def _scores(report: EvaluationReport) -> list[dict[str, Any]]:
    needed = evidence.needed(report)
    return [
        _score(
            (name, name.capitalize(), evidence.QUESTIONS[name]),
            score,
            needed if name == "privacy" else None,
            digits=evidence.digits_of(report),
        )
        for name, score in report.scores.items()
    ]


def _score(words: tuple[str, str, str], score: Score, needed: float | None, *, digits: int) -> dict[str, Any]:
    key, title, question = words
    content: dict[str, Any] = {"key": key, "title": title, "question": question, "reason": score.reason}
    content["value"] = None if score.value is None else f"{score.value:.2f}"
    content["weakest"] = evidence.weakest(key, score)
    content["headings"] = evidence.HEADINGS[key]
    # Risks are small: their common scale ends at the largest, so that they can be told apart.
    top = 1.0 if key == "utility" else max((0.2, *(max(p.value, p.ceiling) for p in score.components)))
    largest = max((part.ratio for part in score.components), default=0.0)
    content["components"] = [
        _component(key, part, top, digits=digits)
        | {"decides": key != "utility" and part.ratio == largest > 0}
        for part in score.components
    ]
    if score.value is not None:
        ends = evidence.interval(score)
        content["interval"] = "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
        content["picture"] = panels.gauge(
            score.value, ends, needed=needed, identity=f"gauge-{key}", title=f"{title} score"
        )
    return content


def _component(score: str, part: Component, top: float, *, digits: int) -> dict[str, Any]:
    return {
        "title": part.title,
        "figures": evidence.component_figures(score, part, digits=digits),
        "picture": panels.bullet(
            part.value, part.ceiling, top=top, identity=f"part-{score}-{part.name}", title=part.title
        ),
    }


def _columns(columns: Any) -> list[dict[str, Any]]:
    """Describe the columns, the one whose two sides differ most first."""
    by_gap = sorted(
        columns, key=lambda column: -1.0 if column["gap"] is None else column["gap"], reverse=True
    )
    return [_column(column, f"column-{place}") for place, column in enumerate(by_gap)]


def _column(column: Mapping[str, Any], identity: str) -> dict[str, Any]:
    missing = column["missing"]
    content: dict[str, Any] = {
        "name": column["name"],
        "kind": column["kind"],
        "unit": column.get("unit"),
        "is_target": column.get("role") == "target",
        "gap": None if column["gap"] is None else f"{column['gap']:.2f}",
        "missing": None,
        "reason": column.get("reason", ""),
        "merged": column.get("merged", 0),
        "sets": column.get("sets", False),
        "rows": [],
    }
    if missing["real"] != 0 or missing["synthetic"] != 0:
        real = (
            f"under {distributions.FLOOR} patients"
            if missing["real"] is None
            else charts.percent(missing["real"])
        )
        content["missing"] = {"real": real, "synthetic": charts.percent(missing["synthetic"])}
    if column["type"] != "suppressed":
        content["picture"] = charts.column_chart(column, identity=identity)
        names = charts.edge_labels(column) if column["type"] == "histogram" else column["labels"]
        content["rows"] = [
            (label, charts.percent(real), charts.percent(synthetic))
            for label, real, synthetic in zip(names, column["real"], column["synthetic"], strict=True)
        ][:_MOST_ROWS]
    return content


def _associations(associations: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if associations is None:
        return None
    names = associations["names"]
    difference = associations["difference"]
    pairs = sorted(
        ((i, j) for i in range(len(names)) for j in range(i)),
        key=lambda pair: -abs(difference[pair[0]][pair[1]]),
    )
    apart = [abs(difference[i][j]) for i, j in pairs]
    titles = {
        "real": "Real",
        "synthetic": "Synthetic",
        "difference": "Difference: synthetic less real",
    }
    return {
        "mean": f"{sum(apart) / len(apart):.3f}" if apart else None,
        "left_out": associations.get("left_out", 0),
        "panels": [
            {
                "title": title,
                "picture": panels.matrix(
                    names,
                    associations[key],
                    signed=key == "difference",
                    identity=f"matrix-{key}",
                    title=f"Associations between columns. {title}",
                ),
                "key": panels.matrix_key(signed=key == "difference", identity=f"key-{key}"),
            }
            for key, title in titles.items()
        ],
        "pairs": [
            {
                "names": (names[j], names[i]),
                "real": f"{associations['real'][i][j]:.2f}",
                "synthetic": f"{associations['synthetic'][i][j]:.2f}",
                "difference": f"{associations['synthetic'][i][j] - associations['real'][i][j]:+.2f}",
            }
            for i, j in pairs[:_MOST_PAIRS]
        ],
    }


def _projection(projection: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if projection is None:
        return None
    choices = {"Both": ("real", "synthetic"), "Real": ("real",), "Synthetic": ("synthetic",)}
    return {
        "explained": [charts.percent(share) for share in projection["explained"]],
        "rows": {side: len(projection[side]) for side in ("real", "synthetic")},
        "panels": [
            {
                "title": title,
                "picture": panels.scatter(
                    projection,
                    show,
                    identity=f"scatter-{title.lower()}",
                    title=f"Projection: {title.lower()}",
                ),
            }
            for title, show in choices.items()
        ],
    }


def _metrics(report: EvaluationReport) -> dict[str, dict[str, Any]]:
    """Group the metrics by family, in the order of the report."""
    families, digits = {}, evidence.digits_of(report)
    for family, title in _FAMILIES.items():
        held = [result for result in report.results if result.family == family]
        parts = [part for part in map(parts_of, held) if part is not None]
        rows = [_metric(result, digits) for result in held]
        families[family] = {"title": title, "rows": rows, "parts": parts, "too_small": too_small(held)}
    return families


def _metric(result: MetricResult, digits: int) -> dict[str, Any]:
    ends = evidence.interval(result)
    return {
        "name": result.name,
        "title": result.title,
        "status": result.status,
        "words": {"ok": "", "failed": "failed", "not_applicable": "not applicable"}[result.status],
        "reason": result.reason,
        "about": result.about,
        "details": evidence.details(result),
        "value": _figure(result.value, digits),
        "interval": "" if ends is None else f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}",
        "ceiling": _figure(result.ceiling, digits),
        "better": result.better,
        "bounds": evidence.bounds(result),
    }


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
