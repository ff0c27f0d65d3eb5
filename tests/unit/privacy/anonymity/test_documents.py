"""What docs/anonymity.md shows is run and read as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.plain_yaml import load_plain
from synthetic_healthcare.privacy.anonymity.hierarchy import Hierarchy

PAGE = (Path(__file__).parents[4] / "docs" / "anonymity.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_code_runs(
    plain_table: Callable[..., pd.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain_table(400).to_csv(tmp_path / "patients.csv", index=False)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, namespace)
    assert "groups of at least" in capsys.readouterr().out
    assert namespace["report"].k >= 10


def test_the_configuration_names_every_setting() -> None:
    (block,) = blocks("yaml")
    given = load_plain(block)
    sections = RunConfig.from_mapping(given).privacy
    assert sections.k_anonymity is not None
    assert set(given["privacy"]["k_anonymity"]) == set(type(sections.k_anonymity).model_fields)
    assert set(given["privacy"]["l_diversity"]) == {"l", "sensitive", "kind", "c"}


def test_the_hierarchies_can_be_read() -> None:
    rows = re.findall(r"^\| `(\{.*?\})` \|", PAGE, flags=re.MULTILINE)
    assert len(rows) == 4
    for row in rows:
        Hierarchy.read("x", load_plain(row.replace(", ...}", "}")))
