"""The page as text: self-contained, inert, complete."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

from synthetic_healthcare.evaluation.page import render
from synthetic_healthcare.evaluation.page.figures import collect
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport, Score

VOID = frozenset({"meta", "link", "br", "path", "rect", "circle"})


class Reader(HTMLParser):
    """Reads tags, identities and addresses, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.identities: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.identities += [value for name, value in attrs if name == "id" and value]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_asks_for_nothing(report: EvaluationReport) -> None:
    page = render(report)
    reader = read(page)
    assert not {"script", "img", "iframe", "object", "embed", "form", "base"} & set(reader.tags)
    assert [v for n, v in reader.attributes if n in ("src", "srcset", "action", "data")] == []
    assert all(v and v.startswith(("#", "data:")) for n, v in reader.attributes if n == "href")
    assert not [n for n, _ in reader.attributes if n.startswith("on") or n == "style"]
    assert "url(" not in page
    assert "@import" not in page


def test_the_content_policy_lets_in_only_the_style_sheet(report: EvaluationReport) -> None:
    page = render(report)
    style = page.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_names_from_the_table_are_inert(report: EvaluationReport, sample: SimpleNamespace) -> None:
    page = render(report)
    assert sample.HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;d&gt;" in page


def test_identities_are_unique_and_pictures_have_words(report: EvaluationReport) -> None:
    reader = read(render(report))
    assert len(reader.identities) == len(set(reader.identities))
    labels = [value for name, value in reader.attributes if name == "aria-labelledby" and value]
    assert len(labels) == reader.tags.count("svg")
    assert {part for label in labels for part in label.split()} <= set(reader.identities)
    links = {value for name, value in reader.attributes if name == "href" and value and value != "data:,"}
    assert {link[1:] for link in links} <= set(reader.identities)


def test_the_page_holds_what_a_reader_looks_for(report: EvaluationReport) -> None:
    page = render(report)
    for words in (
        CAVEAT,
        report.verdict_reason,
        "Confidential",
        "0.84 to 0.90",
        "0.87 to 1.00",
        "needed 0.91",
        "Training rows",
        "If nothing leaks",
        "no column of times",
        "A2: nearer to a synthetic row",
        "TPR at 1 % FPR",
        "Pairs that differ most",
    ):
        assert words in page, words
    assert page.count('class="card column"') == len(report.figures["columns"]) + 3


def test_columns_that_differ_most_come_first(report: EvaluationReport) -> None:
    gaps = [float(gap) for gap in re.findall(r"gap (\d\.\d\d)<", render(report))]
    assert gaps == sorted(gaps, reverse=True)
    assert len(gaps) == len(report.figures["columns"])


def test_scores_that_cannot_be_had_are_said(report: EvaluationReport) -> None:
    bare = EvaluationReport(
        Score(None, reason="no hold-out was given"),
        Score(None, reason="there is no hold-out"),
        "NOT AVAILABLE",
        "",
        (),
    )
    page = render(bare)
    read(page)
    assert "no hold-out was given" in page
    assert "NOT AVAILABLE" in page
    assert "Privacy could not be measured." in page
    assert 'id="columns"' not in page


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE", "NOT AVAILABLE"])
def test_every_verdict_has_a_sign_and_a_word(report: EvaluationReport, verdict: str) -> None:
    page = render(replace(report, verdict=verdict))  # type: ignore[arg-type]
    assert f"<h2>{verdict}</h2>" in page
    assert f'class="verdict {verdict.lower().replace(" ", "-")}"' in page


def test_a_wide_table_makes_a_small_page(sample: SimpleNamespace) -> None:
    real, synthetic = sample.patients(1000, 1, laboratory=23), sample.patients(1000, 2, laboratory=23)
    assert real.shape[1] == 31
    figures = collect(synthetic, real, schema=sample.schema_of(real), rng=np.random.default_rng(0))
    report = sample.report(figures)
    page = render(report)
    assert len(page.encode()) < 1_500_000
