"""Several tables side by side: the front, the labelled order, and the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare.cli.main import main
from synthetic_healthcare.comparing import compare_models
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError, EvaluationError
from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.comparison import Comparison, Entry
from synthetic_healthcare.evaluation.page.compared import plane
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport, Score, Verdict

HOSTILE = "<script>alert(1)</script>"


def entry(
    name: str, utility: float, privacy: float | None, verdict: Verdict = "PASS", gap: float = 0.3
) -> Entry:
    results = (
        MetricResult("pairs", "Associations", "fidelity", "higher", (0.0, 1.0), "ok", utility, ceiling=0.9),
        MetricResult(
            "parity", "Gap", "fairness", "lower", (0.0, 1.0), "ok", gap, ceiling=0.3, detail={"change": 0.0}
        ),
    )
    scores = Score(utility, utility - 0.02, utility + 0.01), Score(privacy, reason="no hold-out")
    return Entry(name, EvaluationReport(*scores, verdict, "", results))


def test_the_mean_is_weighted_labelled_and_has_ends() -> None:
    one = entry("a", 0.6, 0.9)
    found = Comparison((one,), 0.7, 0.3)
    assert found.mean(one) == pytest.approx(
        (0.7 * 0.9 + 0.3 * 0.6, 0.7 * 0.9 + 0.3 * 0.58, 0.7 * 0.9 + 0.3 * 0.61)
    )
    assert found.label == "0.7 × privacy + 0.3 × utility (weights chosen, not measured)"
    assert found.to_dict()["order_label"] == found.label


def test_the_weights_decide_the_order_and_a_failed_verdict_goes_behind() -> None:
    useful, private = entry("useful", 0.95, 0.5), entry("private", 0.5, 0.95)
    leaking, unknown = entry("leaking", 1.0, 0.9, "FAIL"), entry("unknown", 1.0, None, "NOT AVAILABLE")
    entries = (unknown, leaking, private, useful, Entry("broken", None, "ConfigError: no"))

    def order(privacy: float) -> list[str]:
        return [one.name for one in Comparison(entries, privacy, 1 - privacy).ranking()]

    assert order(0.2) == ["useful", "private", "leaking", "unknown", "broken"]
    assert order(0.8) == ["private", "useful", "leaking", "unknown", "broken"]


def test_the_front_holds_what_no_other_beats() -> None:
    entries = (entry("a", 0.9, 0.5), entry("b", 0.5, 0.9), entry("c", 0.5, 0.5), entry("twin", 0.9, 0.5))
    assert {one.name for one in Comparison(entries).front()} == {"a", "b", "twin"}


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(EvaluationError, match="different names; a"):
        Comparison((entry("a", 1, 1), entry("a", 1, 1)))
    with pytest.raises(EvaluationError, match="add up to 1"):
        Comparison((entry("a", 1, 1),), 0.7, 0.7)


def test_the_plane_stays_inside_and_labels_do_not_meet() -> None:
    entries = tuple(entry(f"{HOSTILE}{place}", 0.9 + place / 1000, 0.95) for place in range(12))
    picture = str(plane(Comparison(entries), identity="i"))
    assert HOSTILE not in picture
    width, height = (float(one) for one in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)[0])
    heights = sorted(float(one) for one in re.findall(r'y="([\d.]+)" class="tick plane-name"', picture))
    assert len(heights) == 12
    assert all(later - first > 12 for first, later in pairwise(heights))
    assert heights[-1] < height
    assert all(0 <= float(one) <= width for one in re.findall(r'cx="([-\d.]+)"', picture))


def test_the_page_says_what_changed_and_asks_for_nothing() -> None:
    entries = (
        entry("before", 0.5, 0.9, gap=0.1),
        entry(HOSTILE, 0.7, 0.9, gap=0.25),
        Entry("gone", None, "no"),
    )
    page = Comparison(entries).to_html()
    assert HOSTILE not in page
    assert CAVEAT in page
    assert "+0.200" in page
    # A gap that comes nearer to that of real rows is a gain, though it grew.
    assert '<span class="gain">+0.150</span>' in page
    assert "weights chosen, not measured" in page
    assert "<strong>gone:</strong> no" in page
    assert "script" not in re.sub(r"&lt;script|/script&gt;|no script", "", page)
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    identities = re.findall(r' id="([^"]+)"', page)
    assert len(identities) == len(set(identities))


def test_json_is_plain_and_holds_no_picture() -> None:
    one = entry("a", 0.5, 0.9)
    assert one.report is not None
    drawn = replace(one, report=replace(one.report, figures={"projection": {"real": [[0.1, 0.2]]}}))
    data = json.loads(Comparison((drawn,)).to_json())
    assert data["entries"][0]["report"]["figures"] == {}
    assert data["confidential"] is True
    assert data["pareto_front"] == ["a"]


def test_unknown_models_are_refused_before_the_first_fit(hospital: Any) -> None:
    with pytest.raises(ConfigError, match="'copulla'"):
        compare_models(hospital[0], ["independent", "copulla"])


def test_models_are_fitted_on_one_split(hospital: Any) -> None:
    settings = RunConfig().with_overrides(["evaluation={privacy_weight: 0.7, utility_weight: 0.3}"])
    found = compare_models(hospital[0].iloc[:300], ["independent", "dp-gan"], config=settings, target="died")
    independent, private = found.entries
    assert independent.report is not None
    assert independent.report.context["rows"]["train"] + independent.report.context["rows"]["holdout"] == 300
    # It trains under a budget only: it stands there with the reason.
    assert private.report is None
    assert "differential privacy" in private.problem
    assert found.privacy_weight == 0.7


def test_finished_tables_are_compared_from_the_command_line(
    hospital: Any, simulated: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, holdout, _ = hospital
    tables = {
        "t": train[:150],
        "h": holdout[:150],
        "before": simulated(150, seed=5),
        "after": simulated(150, seed=6),
    }
    for name, frame in tables.items():
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    files = [
        f"--{flag}={tmp_path / name}.csv"
        for flag, name in (("synthetic", "before"), ("synthetic", "after"), ("train", "t"), ("holdout", "h"))
    ]
    with pytest.raises(SystemExit) as left:
        main(["compare", *files, "--target", "died", "-o", str(tmp_path / "out")])
    assert left.value.code == 0
    assert "weights chosen, not measured" in capsys.readouterr().out
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["01-before.html", "02-after.html", "comparison.html", "comparison.json"]
    with pytest.raises(SystemExit) as left:
        main(["compare", str(tmp_path / "t.csv"), *files[:1]])
    assert left.value.code == 1
    assert "--models" in capsys.readouterr().err
