"""A report on a terminal: the scores, what they are made of, the attacks and the verdict, in 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from synthetic_healthcare.evaluation.page import evidence
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport, Score

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_STYLES: Final = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow", "NOT AVAILABLE": "dim"}
_BAR_LENGTH: Final = 24


def render_terminal(report: EvaluationReport, console: Console) -> None:
    """Print a report; everything is said in words and figures too, so that no colour is needed.

    Parameters
    ----------
    report : EvaluationReport
        The judgement.
    console : rich.console.Console
        Where to print; 80 columns are enough.
    """
    console.print()
    plain = console.options.ascii_only
    console.print(_scores(report, plain))
    for name, score in _named(report):
        if score.components:
            console.print(_components(name, score))
    if rules := evidence.rules(report):
        console.print(_rules(rules))
    if (attacks := evidence.attacks(report)) is not None:
        console.print(_attacks(attacks))
    for part in _remarks(report, plain):
        console.print(part)


def _named(report: EvaluationReport) -> list[tuple[str, Score]]:
    return [(name.capitalize(), score) for name, score in report.scores.items()]


def _scores(report: EvaluationReport, plain: bool) -> Table:
    table = _table("")
    table.show_header = False
    for _ in range(4):
        table.add_column(no_wrap=True)
    for name, score in _named(report):
        if score.value is None:
            continue
        ends = evidence.interval(score)
        words = "" if ends is None else f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}"
        table.add_row(f"[bold]{name}", f"[bold]{score.value:.2f}", _bar(score.value, plain), words)
    return table


def _bar(value: float, plain: bool) -> str:
    full, empty = ("#", ".") if plain else ("█", "░")
    filled = round(min(max(value, 0.0), 1.0) * _BAR_LENGTH)
    return full * filled + empty * (_BAR_LENGTH - filled)


def _components(name: str, score: Score) -> Table:
    table = _table(f"{name}: each part beside a real sample of the same size")
    table.add_column("Component", ratio=1)
    for heading in evidence.HEADINGS[name.lower()]:
        table.add_column(heading, justify="right")
    for part in score.components:
        table.add_row(_plain(part.title), *evidence.component_figures(name.lower(), part))
    return table


def _rules(rules: tuple[evidence.BrokenRule, ...]) -> Table:
    table = _table("Clinical rules: share of the rows concerned that break them")
    # Names are the user's own: a long word is broken, not cut off.
    table.add_column("Rule", ratio=1, overflow="fold")
    for heading in evidence.RULE_HEADINGS:
        table.add_column(heading, justify="right", width=15 if "interval" in heading else None)
    for rule in rules:
        mark = " [bold](more often than real)" if rule.more_often else ""
        table.add_row(_plain(rule.name) + mark, *rule.figures)
    return table


def _attacks(attacks: evidence.Attacks) -> Table:
    table = _table("Membership attacks: an AUC of 0.5 is guessing")
    table.add_column("Attack", ratio=1)
    for measure in attacks.measures:
        # Beside narrow figures there is room for the name of an attack; headings take two lines.
        table.add_column(measure, justify="right", width=14 if "interval" in measure else 6)
    for name, figures in attacks.rows:
        table.add_row(_plain(name), *figures)
    return table


def _remarks(report: EvaluationReport, plain: bool) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    mark = "" if plain else f"{evidence.VERDICT_MARKS[report.verdict]} "
    style = _STYLES[report.verdict]
    lines = [
        Text(f"{mark}Privacy verdict: {report.verdict}", style=f"bold {style}"),
        Text(report.verdict_reason or evidence.VERDICT_WORDS[report.verdict]),
    ]
    lines.append(Text(evidence.VERDICT_USE[report.verdict]))
    for name, score in _named(report):
        if score.value is None:
            lines.append(Text(f"No {name.lower()} score: {score.reason}"))
    for result in report.failed:
        lines.append(Text(f"Failed: {result.title}: {result.reason}", style="red"))
    lines.append(Text(CAVEAT, style="italic"))
    return [Padding(line, (0, 1, 1 if line is lines[-1] else 0, 1)) for line in lines]


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, expand=False
    )


def _plain(words: str) -> str:
    """Keep square brackets of a name from being read as a style."""
    from rich.markup import escape

    return escape(words)
