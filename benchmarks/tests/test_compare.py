"""A short run of the whole script writes its files, and the same command again measures nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from compare import main
from processes import ours

SCRIPT = Path(__file__).parents[1] / "compare.py"


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--tables", "diabetes", "--models", "independent", "--only", "quality", "--seeds", "1"]
    command = [sys.executable, str(SCRIPT), "--out", str(folder), *arguments, "--epochs", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_short_run_writes_page_data_and_pictures_and_goes_on(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("*.md")
    assert page.stem.endswith("-part")
    assert str(page) in done.stdout
    result = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert [one["stage"] for one in result["records"]] == ["real", "quality"]
    run = result["records"][1]
    assert (run["status"], run["method"], run["chose"]) == ("ok", "independent", "independent")
    assert run["rows_per_second"] > 0
    assert str(tmp_path) not in result["command"]
    assert len(list(tmp_path.glob("*.svg"))) == 4
    again = _run(tmp_path)
    assert "quality diabetes independent seed 0: measured before" in again.stderr


def test_models_that_need_a_budget_are_left_out() -> None:
    assert {"independent", "wgan-gp", "beta-vae"} <= set(ours())
    assert "dp-gan" not in ours()


@pytest.mark.parametrize(
    "arguments", [["--models", "gan"], ["--peer", "ctgan"], ["--peer", "ctgan=/nowhere"], ["--peer", "x=y"]]
)
def test_what_is_unknown_is_refused(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--out", str(tmp_path), *arguments])
    assert refused.value.code != 0
