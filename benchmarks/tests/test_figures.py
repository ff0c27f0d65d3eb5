"""A figure is reached only by what was measured, and never by a missing value; page and pictures show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from figures import Summary, figures
from pictures import draw_all
from rendering import render

GOOD = {
    "c2st": 0.57,
    "pairs": 0.99,
    "tstr_trees": 0.93,
    "tstr_logistic": 0.9,
    "membership": 0.5,
    "exact_excess": 0.0,
    "exact_noise": 0.0,
    "near_excess": 0.01,
    "near_noise": 0.03,
}
FACTS = {"fit_seconds": 10.0, "rows_per_second": 1e5, "peak_mb": 500.0, "versions": {"python": "3.11"}}
REAL = {"stage": "real", "table": "heart", "status": "ok", "load": 0.1, "c2st": 0.5, "tstr_trees": 0.9}


def _run(method: str, *, ours: bool = True, table: str = "heart", **values: Any) -> dict[str, Any]:
    key = {"stage": "quality", "table": table, "method": method, "seed": 0, "ours": ours, "load": 0.1}
    return {**key, "status": "ok", "reason": "", **GOOD, **FACTS, **values}


def _peers(**values: float) -> list[dict[str, Any]]:
    return [
        _run(name, ours=False, **{"c2st": 0.9, "pairs": 0.8, **values}) for name in ("sdv-ctgan", "sdv-tvae")
    ]


def _verdicts(*records: dict[str, Any]) -> dict[str, str]:
    return {row.what: row.verdict for row in figures(records)}


def test_a_summary_is_median_and_range_and_counts_what_is_undefined() -> None:
    assert Summary.of([3.0, 1.0, None, 2.0]) == Summary(2.0, 1.0, 3.0, undefined=1)
    assert Summary.of([None]) is None
    assert Summary(2.0, 1.0, 3.0, undefined=1).text(".1f") == "2.0 (1.0 to 3.0, 1 undefined)"


@pytest.mark.parametrize(("c2st", "verdict"), [(0.58, "PASS"), (0.581, "SHORT")])
def test_auto_is_held_to_its_figure(c2st: float, verdict: str) -> None:
    assert _verdicts(_run("auto", c2st=c2st))["auto, C2ST AUC, heart"] == verdict


def test_what_did_not_run_is_not_measured() -> None:
    broken = {**_run("auto"), "status": "failed", "reason": "it broke"}
    assert _verdicts(broken)["auto, C2ST AUC, heart"] == "not measured"
    assert _verdicts(_run("forest"))["wgan-gp, fit seconds, heart"] == "not measured"


def test_a_target_that_collapsed_is_short_however_good_the_other_seeds_are() -> None:
    records = [_run("auto"), _run("auto"), _run("auto", tstr_trees=None)]
    assert _verdicts(*records)["auto, TSTR AUC, trees, heart"] == "SHORT"


def test_each_model_must_beat_both_peers_of_the_same_run() -> None:
    what = "wgan-gp, C2ST AUC, heart"
    assert _verdicts(_run("wgan-gp"), *_peers())[what] == "PASS"
    assert _verdicts(_run("wgan-gp"), *_peers(c2st=0.55))[what] == "SHORT"
    assert _verdicts(_run("wgan-gp"))[what] == "not measured"


def test_a_leak_is_short_and_costs_the_frontier() -> None:
    leaky = _verdicts(_run("forest", membership=0.56, exact_excess=0.1))
    assert leaky["forest, membership AUC, heart"] == "SHORT"
    assert leaky["forest, excess of copies, heart"] == "SHORT"
    assert leaky["the frontier, heart"] == "SHORT"
    assert _verdicts(_run("forest"))["the frontier, heart"] == "PASS"


def test_no_two_models_share_the_frontier() -> None:
    # One has the utility and leaks, the other is safe and useless: together they reach nothing.
    records = [_run("forest", membership=0.6), _run("independent", tstr_trees=0.5)]
    assert _verdicts(*records)["the frontier, heart"] == "SHORT"


def test_ahead_of_a_peer_is_faster_and_better_at_once() -> None:
    what = "quality per second against sdv-tvae, heart"
    assert _verdicts(_run("forest"), *_peers(fit_seconds=11.0))[what] == "PASS"
    assert _verdicts(_run("forest"), *_peers(fit_seconds=9.0))[what] == "SHORT"


def test_brfss_is_held_to_what_real_rows_give() -> None:
    real = {**REAL, "table": "brfss", "tstr_trees": 0.816}
    near, far = (_run("auto", table="brfss", tstr_trees=value) for value in (0.8115, 0.8105))
    assert _verdicts(real, near)["auto, TSTR AUC, trees, brfss"] == "PASS"
    assert _verdicts(real, far)["auto, TSTR AUC, trees, brfss"] == "SHORT"
    slow = _run("auto", table="brfss", c2st=0.54, pairs=0.996, fit_seconds=51.0)
    assert _verdicts(real, slow)["fit, brfss, one thread"] == "SHORT"
    assert _verdicts(real, {**slow, "fit_seconds": 49.0})["fit, brfss, one thread"] == "PASS"


def test_where_nobody_tuned_every_peer_must_be_beaten() -> None:
    what = "auto, C2ST AUC, diabetes (nobody tuned for it)"
    ours, peer = _run("auto", table="diabetes"), _run("sdv-tvae", ours=False, table="diabetes", c2st=0.6)
    assert _verdicts(ours, peer)[what] == "PASS"
    assert _verdicts(ours, {**peer, "c2st": 0.5})[what] == "SHORT"
    assert _verdicts(ours)[what] == "not measured"


def test_torch_in_an_import_is_short_however_fast() -> None:
    told = {"stage": "imports", "status": "ok", "seconds": [0.01], "torch_loaded": True}
    assert [row.verdict for row in figures([told])] == ["SHORT"]
    assert [row.verdict for row in figures([{**told, "torch_loaded": False}])] == ["PASS"]


@pytest.mark.parametrize(("last", "verdict"), [(449.0, "PASS"), (451.0, "SHORT"), (None, "not measured")])
def test_a_stream_that_grows_is_short(last: float | None, verdict: str) -> None:
    peaks = {"10%": 400.0, "50%": 410.0, "100%": last}
    told = {"stage": "stream", "status": "ok", "method": "forest", "rows": 10, "rows_per_second": 1.0}
    assert [row.verdict for row in figures([{**told, "peaks": peaks}])] == [verdict]


def test_the_page_shows_methods_ratios_and_what_did_not_run() -> None:
    records = [
        {**REAL, "rows": {"train": 212, "holdout": 91}},
        _run("auto", chose="forest", utility=0.9, verdict="PASS"),
        *_peers(),
        {**_run("medgan"), "status": "failed", "reason": "RuntimeError: ended with 1:\nmany lines\nit broke"},
        {
            "stage": "threads",
            "table": "heart",
            "method": "auto",
            "status": "ok",
            "fit_seconds": 99.0,
            "load": 0.1,
        },
    ]
    page = render(_result(records), figures(records), {"heart": ["one.svg"]})
    assert "| auto (chose forest) | 10.0 (10.0 to 10.0) |" in page
    assert "Shortened to 3 epochs" in page
    assert "![one.svg](one.svg)" in page
    assert "| heart | medgan 0 | failed: RuntimeError: ended with 1: ... it broke |" in page
    assert "| brfss |  | not here |" in page
    assert "| heart | auto | 10.0 | 99.0 |" in page
    # Excess .07 of .40 above a half; loss .01 of .20.
    assert "| heart | auto | sdv-ctgan | 1.00 | 1.00 | 1.00 | 0.17 | 0.05 |" in page


def test_pictures_are_whole_drawings_that_load_nothing(tmp_path: Path) -> None:
    records = [_run("auto"), _run("a <tag>", c2st=0.6, fit_seconds=0.1), *_peers(fit_seconds=300.0)]
    shown = draw_all(records, tmp_path / "compare")
    assert len(shown["heart"]) == 4
    for name in shown["heart"]:
        text = (tmp_path / name).read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        said = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {"auto", "a <tag>", "sdv-ctgan", "sdv-tvae"} <= set(said)
        assert "href" not in text
        assert "url(" not in text


def _result(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "date": "2026-01-01",
        "command": "python benchmarks/compare.py",
        "machine": {"cpu": "a chip", "cores": 2, "platform": "Linux", "load": 0.0},
        "versions": {"python": "3.11"},
        "settings": {"seeds": 1, "epochs": 3},
        "seconds": 60.0,
        "records": records,
        "absent": {"brfss": "not here"},
    }
