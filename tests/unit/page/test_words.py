"""Words that the page, the terminal and Markdown share."""

from __future__ import annotations

import math

import pytest

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import evidence
from synthetic_healthcare.evaluation.report import Component, Score


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.0, 1.0), "0 to 1"),
        ((0.0, math.inf), "0 and more"),
        ((-math.inf, 1.0), "up to 1"),
        ((-math.inf, math.inf), "any"),
    ],
)
def test_ranges_without_an_end(ends: tuple[float, float], words: str) -> None:
    assert evidence.bounds(MetricResult("m", "M", "utility", "higher", ends, "ok")) == words


def test_what_holds_a_score_down_is_named() -> None:
    parts = (Component("a", "First", 0.5, 1.0, 0.5, 0.5), Component("b", "Second", 0.9, 1.0, 0.9, 0.5))
    assert "First, 50%" in evidence.weakest("utility", Score(0.7, components=parts))
    assert "Second, 0.90" in evidence.weakest("privacy", Score(0.1, components=parts))
    calm = (Component("a", "First", 0.01, 0.02, 0.0, 1.0),)
    assert "chance" in evidence.weakest("fairness", Score(1.0, components=calm))
    assert evidence.weakest("utility", Score(None)) == ""
