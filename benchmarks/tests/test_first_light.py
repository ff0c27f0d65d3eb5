"""The splits are those that were set, and a short run of the whole script writes its two files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import splits

SCRIPT = Path(__file__).parents[1] / "first_light.py"


def test_wdbc_is_split_398_to_171_with_no_row_lost() -> None:
    whole, parts = splits.table("wdbc"), splits.split("wdbc")
    assert (len(parts.train), len(parts.holdout)) == (398, 171)
    again = pd.concat([parts.train, parts.holdout])
    pd.testing.assert_frame_equal(
        again.sort_values(list(again)).reset_index(drop=True),
        whole.sort_values(list(whole)).reset_index(drop=True),
    )
    assert parts.discrete == [splits.TARGET]


def test_heart_is_split_212_to_91() -> None:
    try:
        parts = splits.split("heart")
    except FileNotFoundError as absent:
        pytest.skip(str(absent))
    assert (len(parts.train), len(parts.holdout)) == (212, 91)
    assert "sex" in parts.discrete
    assert "chol" not in parts.discrete


def test_a_short_run_writes_what_it_prints(tmp_path: Path) -> None:
    arguments = [
        "--out",
        str(tmp_path),
        "--tables",
        "wdbc",
        "--only",
        "quality",
        "--seeds",
        "1",
        "--epochs",
        "1",
    ]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page, data = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (page.suffix, data.suffix) == (".md", ".json")
    assert page.stem.endswith("-part")
    assert page.read_text(encoding="utf-8").strip() == done.stdout.strip()
    result = json.loads(data.read_text(encoding="utf-8"))
    assert [run["method"] for run in result["measured"]["quality"]["runs"]] == ["wgan-gp", "beta-vae"]
    assert str(tmp_path) not in result["command"]
