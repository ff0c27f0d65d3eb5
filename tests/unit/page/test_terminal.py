"""The report on a terminal of 80 columns without colour."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport, Score
from synthetic_healthcare.evaluation.terminal import render_terminal


def printed(report: EvaluationReport, width: int = 80) -> str:
    paper = io.StringIO()
    render_terminal(report, Console(file=paper, width=width, no_color=True, force_terminal=False))
    return paper.getvalue()


def flat(words: str) -> str:
    return " ".join(words.split())


def test_everything_is_there_in_80_columns_and_without_colour(report: EvaluationReport) -> None:
    words = printed(report)
    assert all(len(line) <= 80 for line in words.splitlines())
    assert "\x1b" not in words
    assert "…" not in words
    once = flat(words)
    for expected in (
        "Utility 0.87",
        "95 % interval 0.84 to 0.90",
        "Privacy 0.96",
        "95 % interval 0.87 to 1.00",
        "Associations 0.742 0.861 0.86 20%",
        "Membership attacks: advantage 0.082 0.041 0.042",
        "A2: nearer to a synthetic row",
        "0.541 0.50 to 0.58 0.060 0.012",
        "(more often than real)",
        "0.20% 0.00 to 0.80% 3.10% 2.70 to 3.70%",
        "no row - 25.0% 24.6 to 25.6%",
        "Privacy verdict: INCONCLUSIVE",
        report.verdict_reason,
        "Failed: What drives the outcome",
        CAVEAT,
    ):
        assert expected in once, expected


def test_square_brackets_are_words(report: EvaluationReport) -> None:
    component = replace(report.utility.components[0], title="[red]columns[/red]")
    utility = replace(report.utility, components=(component,))
    assert "[red]columns[/red]" in printed(replace(report, utility=utility))


def test_missing_scores_are_said(report: EvaluationReport) -> None:
    bare = EvaluationReport(Score(0.5), Score(None, reason="there is no hold-out"), "NOT AVAILABLE", "", ())
    words = flat(printed(bare))
    assert "No privacy score: there is no hold-out" in words
    assert "Privacy verdict: NOT AVAILABLE" in words
    assert CAVEAT in words


def test_a_terminal_without_unicode_gets_plain_signs(report: EvaluationReport) -> None:
    paper = io.BytesIO()
    with io.TextIOWrapper(paper, encoding="ascii") as stream:
        render_terminal(report, Console(file=stream, width=80, no_color=True, force_terminal=False))
        stream.flush()
        words = paper.getvalue().decode("ascii")
    assert "#####################..." in words
    assert "Privacy verdict: INCONCLUSIVE" in words
