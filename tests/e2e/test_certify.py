"""`certify` as a person uses it: a private model that stands, a state that is kept, settings refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.cli.main import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    return int(leaving.value.code or 0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    age = rng.integers(20, 90, 300)
    path = tmp_path / "patients.csv"
    pd.DataFrame(
        {
            "age": age,
            "pressure": np.round(90 + 0.6 * age + rng.normal(0, 8, 300), 1),
            "weight": np.round(rng.normal(75, 12, 300), 1),
            "ward": rng.choice(["north", "south", "east"], 300),
        }
    ).to_csv(path, index=False)
    return path


def test_a_private_model_is_tried_and_the_state_kept(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state.json"
    asked = ["certify", table, "--model", "star", "--privacy-level", "high", "--canaries", 500]
    asked += ["--records", 0, "--state", state]
    assert run(*asked) == 0
    said = capsys.readouterr().out
    assert "The claimed epsilon of 1 is not refuted." in said
    assert "not anonymity" in said
    before = state.read_bytes()
    assert run(*asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["claimed_epsilon"], found["refuted"]) == (1.0, False)
    assert state.read_bytes() == before
    assert run(*asked, "--seed", 1) == 1
    assert "another certification" in capsys.readouterr().err
    assert run("certify", table, "--canaries", 7) == 1
    assert "certify.canaries is 7" in capsys.readouterr().err
