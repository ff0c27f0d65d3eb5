"""A report as Markdown: what a repository, a ticket or a data sheet can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import evidence
from synthetic_healthcare.evaluation.page.parts import written
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport, Score


def write(report: EvaluationReport) -> str:
    """Write the verdict, the scores, their components, every metric and what was compared."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: EvaluationReport) -> Iterator[str]:
    yield "# Report on synthetic patients"
    yield ""
    if report.confidential:
        yield "**Confidential: computed from real patients.**"
    else:
        yield f"Release view. Left out: {_plain('; '.join(report.removed))}."
    yield ""
    yield f"## Privacy verdict: {report.verdict}"
    yield ""
    yield _plain(report.verdict_reason or evidence.VERDICT_WORDS[report.verdict])
    yield evidence.VERDICT_USE[report.verdict]
    yield ""
    yield f"Formal guarantee, beside the scores and in none of them: {_plain(evidence.guarantee(report))}"
    yield ""
    yield f"*{CAVEAT}*"
    yield ""
    yield from _table(
        ("Score", "Value", "95 % interval", ""),
        [
            (name.capitalize(), *_figures(score), _remark(name, score))
            for name, score in report.scores.items()
        ],
    )
    digits = evidence.digits_of(report)
    for name, score in report.scores.items():
        if score.components:
            yield f"### {name.capitalize()}: what the score is made of"
            yield ""
            rows = [
                (part.title, *evidence.component_figures(name, part, digits=digits))
                for part in score.components
            ]
            yield from _table(("Component", *evidence.HEADINGS[name]), rows)
    for family in ("fidelity", "utility", "privacy", "fairness"):
        held = [result for result in report.results if result.family == family]
        if held:
            yield f"## {family.capitalize()}"
            yield ""
            yield from _table(
                ("Metric", "Value", "95 % interval", "Real sample", "What it measures"),
                [_metric(result) for result in held],
            )
    yield "## What was compared"
    yield ""
    for label, words in evidence.facts(report):
        yield f"- {_plain(label)}: {_plain(words)}"
    for note in evidence.notes(report):
        yield f"- {_plain(note)}"


def _remark(name: str, score: Score) -> str:
    return score.reason if score.value is None else evidence.weakest(name, score)


def _figures(score: Score | MetricResult) -> tuple[str, str]:
    ends = evidence.interval(score)
    interval = "–" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
    return ("–" if score.value is None else f"{score.value:.3g}"), interval


def _metric(result: MetricResult) -> tuple[str, ...]:
    said = result.about if result.status == "ok" else f"{result.status.replace('_', ' ')}: {result.reason}"
    return (result.title, *_figures(result), written(result.ceiling), said)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(_plain(cell) for cell in row)} |"
    yield ""


def _plain(words: str) -> str:
    """Names come from tables: nothing in them may become a tag, a link, a picture or a column."""
    flat = " ".join(words.split()).replace("\\", "\\\\")
    for sign in "|[]*_`#!":
        flat = flat.replace(sign, f"\\{sign}")
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
