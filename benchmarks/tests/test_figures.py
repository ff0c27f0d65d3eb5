"""A figure is reached only by what was measured, by one model at a time, and never by a missing value."""

from __future__ import annotations

from typing import Any

import pytest
from figures import Summary, chosen, figures
from rendering import render

REAL = {"c2st": 0.5, "pairs": 1.0, "tstr_trees": 0.9, "tstr_logistic": 0.9, "membership": 1.0}
GOOD = {"c2st": 0.6, "pairs": 0.97, "tstr_trees": 0.9, "tstr_logistic": 0.9, "membership": 0.5}


def _run(method: str, **scores: float | None) -> dict[str, Any]:
    facts = {"seed": 0, "fit_seconds": 10.0, "process_seconds": 12.0, "peak_mb": 500.0, "versions": {}}
    return {"table": "heart", "method": method, **facts, **GOOD, **scores}


def _quality(*runs: dict[str, Any]) -> dict[str, Any]:
    return {
        "rows": {"heart": {"train": 212, "holdout": 91}},
        "real": {"heart": REAL},
        "runs": list(runs),
    }


def _verdicts(*runs: dict[str, Any]) -> dict[str, str]:
    return {row.what: row.verdict for row in figures({"quality": _quality(*runs)})}


def test_a_summary_is_median_and_range_and_counts_what_is_undefined() -> None:
    assert Summary.of([3.0, 1.0, None, 2.0]) == Summary(2.0, 1.0, 3.0, undefined=1)
    assert Summary.of([None]) is None
    assert Summary(2.0, 1.0, 3.0, undefined=1).text(".1f") == "2.0 (1.0 to 3.0, 1 undefined)"


def test_peers_of_the_same_run_are_the_bar() -> None:
    ours, peers = _run("wgan-gp"), [_run("ctgan", c2st=0.7), _run("tvae", c2st=0.55)]
    # Below the figure that was written down for both peers, but not below what they got here.
    assert _verdicts(ours, *peers)["C2ST AUC, heart"] == "short"
    assert _verdicts(ours)["C2ST AUC, heart"] == "PASS"


def test_the_source_of_the_bar_is_said() -> None:
    asked = {row.what: row.asked for row in figures({"quality": _quality(_run("wgan-gp"))})}
    assert "not run here" in asked["C2ST AUC, heart"]


def test_one_model_answers_for_all_figures_of_a_table() -> None:
    near = _run("wgan-gp", tstr_trees=0.5)
    useful = _run("beta-vae", c2st=0.65)
    assert chosen(_quality(near, useful), "heart") == "beta-vae"
    assert chosen(_quality(_run("wgan-gp"), useful), "heart") == "wgan-gp"
    assert chosen(_quality(_run("ctgan")), "heart") is None


def test_a_target_that_collapsed_is_short_however_good_the_other_seeds_are() -> None:
    runs = [_run("wgan-gp"), _run("wgan-gp"), _run("wgan-gp", tstr_trees=None)]
    verdicts = _verdicts(*runs)
    assert verdicts["TSTR AUC, trees, heart"] == "short"
    assert verdicts["TSTR AUC, logistic, heart"] == "PASS"


@pytest.mark.parametrize(("gap", "verdict"), [(0.029, "PASS"), (0.031, "short")])
def test_tstr_may_be_three_hundredths_below_real(gap: float, verdict: str) -> None:
    assert _verdicts(_run("wgan-gp", tstr_logistic=0.9 - gap))["TSTR AUC, logistic, heart"] == verdict


def test_a_model_that_was_not_fitted_is_not_measured() -> None:
    assert _verdicts(_run("wgan-gp"))["fit, beta-vae, heart"] == "not measured"


def test_torch_in_an_import_is_short_however_fast() -> None:
    told = {"seconds": [0.01], "torch_loaded": True, "generator_seconds": [2.0]}
    assert [row.verdict for row in figures({"imports": told})] == ["short"]
    assert [row.verdict for row in figures({"imports": {**told, "torch_loaded": False}})] == ["PASS"]


def test_the_page_names_what_leaks_and_what_was_shortened() -> None:
    measured = {
        "quality": _quality(_run("wgan-gp"), _run("beta-vae", membership=0.8)),
        "defaults": [{"table": "heart", "method": "wgan-gp", "fit_seconds": None}],
    }
    result = {
        "date": "2026-01-01",
        "command": "python benchmarks/first_light.py",
        "machine": {"cpu": "a chip", "cores": 2, "platform": "Linux", "load": 0.0},
        "versions": {"ours": {"python": "3.11"}},
        "settings": {"seeds": 1, "epochs": 3},
        "seconds": 60.0,
        "measured": measured,
    }
    page = render(result, figures(measured))
    # 0.5 + 2 * sqrt(304 / (12 * 212 * 91)) = 0.572
    assert "up to 0.572 here (two standard errors); above it: beta-vae." in page
    assert "Shortened to 3 epochs" in page
    assert "| heart | wgan-gp | 10.0 | stopped after 60 |" in page
