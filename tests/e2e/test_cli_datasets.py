"""Datasets by name, and other sources of a table, as a person or a script uses them in a shell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from synthetic_healthcare.cli.main import main


class Shell:
    """Runs commands in this process and keeps what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def run(self, *arguments: object) -> int:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        return int(leaving.value.code or 0)

    def refuses(self, *arguments: object) -> str:
        """Run what must fail: one line on standard error, nothing on standard output."""
        assert self.run(*arguments) == 1, self.err
        assert self.out == ""
        line = re.fullmatch(r"error: ([^\n]+)\n", self.err)
        assert line is not None, self.err
        return line[1]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_dataset_by_name_from_the_list_to_the_report(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHETIC_HEALTHCARE_CACHE", str(tmp_path))
    assert shell.run("datasets", "list", "--json") == 0
    assert {"uci-heart", "cdc-diabetes", "breast-cancer", "mimic-iii"} <= {
        each["name"] for each in json.loads(shell.out)
    }
    assert shell.run("datasets", "describe", "uci-heart") == 0
    assert re.search(r"cp +categorical +sensitive +chest pain: 1 typical angina", shell.out)
    assert "CC BY 4.0" in shell.out
    assert shell.run("datasets", "describe", "uci-heart", "--json") == 0
    assert json.loads(shell.out)["rows"] == 303
    assert shell.run("datasets", "fetch", "breast-cancer") == 0
    assert "nothing to fetch" in shell.out
    assert "name a dataset" in shell.refuses("datasets", "describe")
    assert shell.run("schema", "infer", "breast-cancer", "--json") == 0
    assert "bounds" in json.loads(shell.out)["columns"][0]["declared"]
    model, table = tmp_path / "model.shm", tmp_path / "s.csv"
    assert shell.run("fit", "breast-cancer", "-o", model, "--model", "independent", "--seed", 0) == 0
    assert shell.run("inspect", model, "--json") == 0
    assert shell.run("generate", model, "-n", 100, "-o", table, "--seed", 0) == 0
    assert shell.run("evaluate", "--synthetic", table, "--train", "breast-cancer", "--json", "-") == 0
    assert "did you mean 'breast-cancer'" in shell.refuses("fit", "brest-cancer", "-o", model)


def test_what_a_command_takes_for_a_table(
    shell: Shell, plain_table: Callable[[int], pd.DataFrame], tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    plain_table(60).to_parquet(parts / "a.parquet")
    (tmp_path / "join.yaml").write_text(
        f"sources: {{base: {{file: {parts}, key: ward}}}}\ntake: {{age: {{from: base, value: age}}}}\n"
    )
    assert shell.run("schema", "infer", parts, "--json") == 0
    assert [column["name"] for column in json.loads(shell.out)["columns"]][:2] == ["age", "pressure"]
    told = shell.refuses("schema", "infer", tmp_path / "join.yaml")
    assert re.search(r"\d+ repeat one. The base has one row a key", told)
    assert "'x.csv' does not exist" in shell.refuses("schema", "infer", "breast-cancer=x.csv")


def test_a_download_is_announced_and_refused_without_a_network(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHETIC_HEALTHCARE_CACHE", str(tmp_path))
    monkeypatch.delenv("SYNTHETIC_HEALTHCARE_DATA", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert shell.run("fit", "uci-heart", "-o", tmp_path / "m.shm") == 1
    told = shell.err.splitlines()
    assert told[0].startswith("Fetching uci-heart from https://archive.ics.uci.edu/")
    assert str(tmp_path) in told[0]
    assert re.match(r"error: archive.ics.uci.edu is not reached: .* set HTTPS_PROXY; .*NAME=PATH", told[1])


@pytest.mark.filterwarnings("default:uci-heart-1025")
def test_a_copy_of_repeated_rows_is_warned_of(real_data: Path, shell: Shell, tmp_path: Path) -> None:
    copy = real_data / "heart" / "heart_kaggle_1025.csv"
    command = ("fit", f"uci-heart={copy}", "-o", tmp_path / "m.shm", "--model", "independent")
    assert shell.run(*command) == 0
    assert re.search(r"note: uci-heart-1025: the table is 302 distinct rows repeated", shell.err)
