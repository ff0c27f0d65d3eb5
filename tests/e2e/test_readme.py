"""What the README and the docstrings show is run, in the order in which it stands there."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import synthetic_healthcare
from synthetic_healthcare.cli.main import main

MakeTable = Callable[..., pd.DataFrame]

README = Path(__file__).parents[2] / "README.md"
SHELL = ("sh", "shell", "bash", "console")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and source of each fenced block that names a language."""
    return [(match[1], match[2]) for match in BLOCK.finditer(text)]


def commands(source: str) -> Iterator[list[str]]:
    """Words of each command of a shell block; a backslash joins lines, `#` starts a comment."""
    for line in source.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def run_shell(source: str) -> None:
    for words in commands(source):
        assert words[0] == "synthetic-healthcare", f"a command that this test cannot run: {words[0]}"
        with pytest.raises(SystemExit) as leaving:
            main(words[1:])
        assert leaving.value.code in (None, 0), words


@pytest.fixture
def workplace(plain_table: MakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tables that a reader is told to have, and a training that is as short as can be."""
    plain_table(240).to_csv(tmp_path / "patients.csv", index=False)
    plain_table(240, seed=1).to_csv(tmp_path / "train.csv", index=False)
    plain_table(120, seed=2).to_csv(tmp_path / "holdout.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synthetic_healthcare.training.config.DEFAULT_EPOCHS", 1)
    return tmp_path


def test_the_readme_runs(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"__name__": "readme"}
    ran = []
    for language, source in blocks(README.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(source, str(README), "exec"), namespace)
        elif language in SHELL:
            run_shell(source)
        else:
            continue
        ran.append(language)
    assert "python" in ran
    assert set(ran) & set(SHELL)
    made = {path.name for path in workplace.iterdir()}
    assert {"report.html", "report.json", "model.shm", "schema.yaml", "synthetic.csv"} <= made
    assert "wgan-gp" in capsys.readouterr().out


def test_blocks_and_commands_are_read_as_they_are_written() -> None:
    text = "a\n```python\nx = 1\n```\n```\nmake demo\n```\n```sh\none -a \\\n  'b c'  # why\n\ntwo\n```\n"
    (python, shell) = blocks(text)
    assert python == ("python", "x = 1\n")
    assert list(commands(shell[1])) == [["one", "-a", "b c"], ["two"]]


def _modules() -> list[str]:
    found = pkgutil.walk_packages(synthetic_healthcare.__path__, prefix="synthetic_healthcare.")
    sources = {
        module.name: Path(str(module.module_finder.path)) / f"{module.name.rpartition('.')[2]}.py"  # type: ignore[union-attr]
        for module in found
        if not module.ispkg
    }
    return [name for name, path in sources.items() if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", _modules())
def test_examples_in_docstrings_are_true(name: str, workplace: Path) -> None:
    outcome = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert outcome.attempted
    assert outcome.failed == 0
