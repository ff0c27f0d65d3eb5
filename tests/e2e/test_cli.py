"""The command line as a person or a script uses it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.cli.main import main

COMMANDS = (
    "demo",
    "fit",
    "generate",
    "impute",
    "evaluate",
    "certify",
    "models",
    "inspect",
    "schema infer",
    "datasets list",
    "datasets fetch",
    "datasets describe",
    "rules check",
)


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

    def refuses(self, *arguments: object, code: int = 1) -> str:
        """Run what must fail: one line on standard error, nothing on standard output."""
        assert self.run(*arguments) == code, self.err
        assert self.out == ""
        line = re.fullmatch(r"error: ([^\n]+)\n", self.err)
        assert line is not None, self.err
        return line[1]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def _patients(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, rows)
    pressure = np.round(90 + 0.6 * age + rng.normal(0, 8, rows), 1)
    return pd.DataFrame(
        {
            "age": age,
            "sex": rng.choice(["F", "M"], rows),
            "pressure": pressure,
            "ward": rng.choice(["north", "south", "east"], rows, p=[0.5, 0.3, 0.2]),
            "outcome": np.where(pressure + rng.normal(0, 10, rows) > 125, "ill", "well"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables and one model, fitted once, briefly."""
    home = tmp_path_factory.mktemp("cli")
    _patients(240, seed=1).to_csv(home / "train.csv", index=False)
    _patients(120, seed=2).to_csv(home / "holdout.csv", index=False)
    _patients(200, seed=3).to_csv(home / "other.csv", index=False)
    with pytest.raises(SystemExit) as leaving:
        main(
            ["fit", f"{home}/train.csv", "-o", f"{home}/model.shm", "--target", "outcome", "--seed", "0"]
            + ["--epochs", "1", "--max-seconds", "5", "--holdout", f"{home}/holdout.csv"]
        )
    assert leaving.value.code == 0
    return home


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, shell: Shell) -> None:
    assert shell.run(*command.split(), "--help") == 0
    assert f"Example: synthetic-healthcare {command}" in " ".join(shell.out.split())
    assert "Exit codes:" in shell.out


def test_the_version_is_printed(shell: Shell) -> None:
    assert shell.run("--version") == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", shell.out)


def test_wrong_use_has_its_own_code(shell: Shell) -> None:
    assert shell.run("fit") == 2
    assert shell.run("nothing") == 2
    assert shell.run("models", "--nothing") == 2


def test_help_loads_no_torch() -> None:
    program = (
        "import sys\nfrom synthetic_healthcare.cli.main import main\n"
        "try:\n    main(['fit', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules\n"
    )
    _python("-c", program)


def test_idle_threads_sleep_before_torch_is_loaded() -> None:
    # The OpenMP runtime shows the settings that it started with: what counts is when it read them.
    program = (
        "import sys\nfrom synthetic_healthcare.cli.main import main\n"
        "try:\n    main(['models'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' in sys.modules\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    shown = _python("-c", program, environment={**environment, "OMP_DISPLAY_ENV": "TRUE"}).stderr
    policies = re.findall(r"OMP_WAIT_POLICY *= *'(\w+)'", shown)
    if not policies:
        pytest.skip("this build of torch uses an OpenMP runtime that does not show its settings")
    assert set(policies) == {"PASSIVE"}


def test_schema_infer_writes_what_fit_reads(folder: Path, shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    assert shell.run("schema", "infer", folder / "train.csv", "-o", path, "--target", "outcome") == 0
    assert re.search(r"outcome +boolean, target", shell.out)
    assert shell.run("schema", "infer", folder / "train.csv", "--target", "outcome") == 0
    assert shell.out == path.read_text(encoding="utf-8")
    assert shell.run("schema", "infer", folder / "train.csv", "--json") == 0
    assert [column["name"] for column in json.loads(shell.out)["columns"]] == [
        *("age", "sex", "pressure", "ward", "outcome")
    ]


def test_generate_gives_the_rows_asked_for_and_the_same_for_a_seed(folder: Path, shell: Shell) -> None:
    first, second = folder / "first.csv", folder / "second.csv"
    assert shell.run("generate", folder / "model.shm", "-n", 150, "-o", first, "--seed", 7) == 0
    assert "150" in shell.out
    assert shell.run("generate", folder / "model.shm", "-n", 150, "-o", second, "--seed", 7, "--json") == 0
    facts = json.loads(shell.out)
    assert facts["rows"] == 150
    assert facts["bytes"] == second.stat().st_size
    assert first.read_bytes() == second.read_bytes()
    synthetic = pd.read_csv(first)
    assert list(synthetic.columns) == ["age", "sex", "pressure", "ward", "outcome"]
    assert len(synthetic) == 150
    assert set(synthetic["ward"]) <= {"north", "south", "east"}


def test_generate_writes_parquet(folder: Path, shell: Shell) -> None:
    path = folder / "synthetic.parquet"
    assert shell.run("generate", folder / "model.shm", "-n", 50, "-o", path, "--seed", 7) == 0
    assert len(pd.read_parquet(path)) == 50


def test_evaluate_prints_and_writes_the_report(folder: Path, shell: Shell) -> None:
    tables = ("--synthetic", folder / "other.csv", "--train", folder / "train.csv")
    files = ("--html", folder / "report.html", "--json", folder / "report.json")
    asked = ("--holdout", folder / "holdout.csv", "--target", "outcome", "--full")
    code = shell.run("evaluate", *tables, *asked, *files)
    assert code == 0, shell.err
    assert "Utility" in shell.out
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    # Rows of the same source as the training rows: as useful as real ones, and no copies.
    assert report["utility"]["value"] > 0.8
    assert report["verdict"] in ("PASS", "INCONCLUSIVE")
    assert (folder / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_rules_are_checked_and_reach_the_report(folder: Path, shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        'rules:\n  "[adults]": {holds: age >= 20}\n  never: {holds: pressure < 0}\n',
        encoding="utf-8",
    )
    assert shell.run("rules", "check", folder / "train.csv", path) == 0, shell.err
    assert re.search(r"\[adults\] +240 +0 +0\.00%", shell.out)
    assert re.search(r"never +240 +240 +100\.00%", shell.out)
    assert "240 of 240 rows break a rule (100.00%)" in shell.out
    assert shell.run("rules", "check", folder / "train.csv", path, "--json") == 0
    assert json.loads(shell.out)["rules"]["never"] == {"concerned": 240, "violating": 240, "rate": 1.0}
    tables = ("--synthetic", folder / "other.csv", "--train", folder / "train.csv")
    assert shell.run("evaluate", *tables, "--rules", path, "--json", "-") == 0
    found = {one["name"]: one for one in json.loads(shell.out)["results"]}["rule_violations"]
    assert (found["value"], found["ceiling"]) == (1.0, 1.0)
    path.write_text("rules:\n  a: {holds: agee >= 20}\n", encoding="utf-8")
    assert "did you mean 'age'" in shell.refuses("rules", "check", folder / "train.csv", path)
    assert "did you mean 'age'" in shell.refuses("evaluate", *tables, "--rules", path)
    assert "does not exist" in shell.refuses("rules", "check", folder / "train.csv", tmp_path / "absent.yaml")


def test_evaluate_without_a_holdout_gives_a_reason_and_no_privacy_score(folder: Path, shell: Shell) -> None:
    tables = ("--synthetic", folder / "other.csv", "--train", folder / "train.csv")
    assert shell.run("evaluate", *tables, "--json", "-") == 0
    privacy = json.loads(shell.out)["privacy"]
    assert privacy["value"] is None
    assert "hold-out" in privacy["reason"]


def test_evaluate_refuses_the_training_table_as_synthetic(folder: Path, shell: Shell) -> None:
    train = folder / "train.csv"
    assert "same rows" in shell.refuses("evaluate", "--synthetic", train, "--train", train)


def test_evaluate_refuses_the_training_table_as_holdout(folder: Path, shell: Shell) -> None:
    tables = ("--synthetic", folder / "other.csv", "--train", folder / "train.csv")
    assert "never learnt" in shell.refuses("evaluate", *tables, "--holdout", folder / "train.csv")


def test_inspect_says_what_the_model_is(folder: Path, shell: Shell) -> None:
    assert shell.run("inspect", folder / "model.shm", "--json") == 0
    facts = json.loads(shell.out)
    assert facts["file"]["bytes"] == (folder / "model.shm").stat().st_size
    assert shell.run("inspect", folder / "model.shm") == 0
    assert f"model: {facts['model']}" in shell.out


def test_models_lists_what_fit_takes(shell: Shell) -> None:
    assert shell.run("models", "--json") == 0
    listed = {model["name"]: model["settings"] for model in json.loads(shell.out)}
    assert {"wgan-gp", "beta-vae"} <= set(listed)
    assert "generator_layers" in listed["wgan-gp"]
    assert shell.run("models") == 0
    assert "wgan-gp" in shell.out
    assert shell.run("models", "beta-vae") == 0
    assert "wgan-gp" not in shell.out
    assert "Higgins" in shell.out


@pytest.mark.parametrize("command", ["models", "datasets describe"])
def test_the_page_of_the_docs_is_what_the_command_writes(command: str, shell: Shell) -> None:
    assert shell.run(*command.split(), "--markdown") == 0
    page = Path(__file__).parents[2] / "docs" / f"{command.split()[0]}.md"
    assert page.read_text(encoding="utf-8").strip() == shell.out.strip()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--privacy-level", "high", "--model", "forest"], "'forest'.*no private form"),
        (["--privacy-level", "hihg"], "privacy.level"),
        (["--model", "dp-gan"], "'dp-gan' trains under differential privacy only"),
        (["--model", "wgan"], "Did you mean 'wgan-gp'"),
        (["--model", "wgan-gp", "--set", "model.architecture.generator_layer=[8]"], "generator_layers"),
        (["--set", "model.architecture.hidden=8"], "'auto' chooses it"),
        (["--set", "privacy.k_anonymity.k=1"], "privacy.k_anonymity.k"),
        (["--set", "nothing"], "path.to.key=value"),
        (["--config", "config/high_privacy.yaml"], "quasi_identifiers"),
        (["--config", "absent.yaml"], "absent.yaml.*No such file"),
        (["--target", "outcom"], "outcome"),
        (["--holdout", "1.5"], "1.5 is not a share"),
        (["--holdout", "absent.csv"], "absent.csv"),
        (["--epochs", "0"], "model.training.epochs"),
    ],
)
def test_fit_refuses_in_one_line_that_names_the_cure(
    flags: list[str], message: str, folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    told = shell.refuses("fit", folder / "train.csv", "-o", folder / "refused.shm", *flags)
    assert re.search(message, told), told
    assert not (folder / "refused.shm").exists()


def test_unusable_files_are_refused_by_name(folder: Path, shell: Shell, tmp_path: Path) -> None:
    assert "absent.csv" in shell.refuses("fit", tmp_path / "absent.csv", "-o", tmp_path / "m")
    damaged = tmp_path / "damaged.shm"
    damaged.write_bytes((folder / "model.shm").read_bytes()[:-100])
    for command in (("inspect", damaged), ("generate", damaged, "-n", 5, "-o", tmp_path / "s.csv")):
        assert "damaged" in shell.refuses(*command)
    assert "not a Synthetic Healthcare model" in shell.refuses("inspect", folder / "train.csv")


@pytest.mark.parametrize("rows", [0, -3])
def test_generate_refuses_no_rows(rows: int, folder: Path, shell: Shell, tmp_path: Path) -> None:
    told = shell.refuses("generate", folder / "model.shm", "-n", rows, "-o", tmp_path / "s.csv")
    assert "n_samples" in told
    assert list(tmp_path.iterdir()) == []


def test_anonymity_goes_with_the_model_and_is_told(folder: Path, shell: Shell, tmp_path: Path) -> None:
    settings = tmp_path / "run.yaml"
    settings.write_text(
        "model: {type: independent}\n"
        "privacy: {k_anonymity: {k: 5, quasi_identifiers: [age, ward]}, "
        "l_diversity: {l: 2, sensitive: [outcome]}}\n",
        encoding="utf-8",
    )
    model, table = tmp_path / "model.shm", tmp_path / "s.csv"
    assert shell.run("fit", folder / "train.csv", "-o", model, "--config", settings) == 0
    assert shell.run("generate", model, "-n", 200, "-o", table) == 0
    assert re.search(
        r"Anonymity, 200 rows: \d+ groups of at least \d+ rows; diversity of 'outcome' 2", shell.out
    )
    assert pd.read_csv(table).groupby(["age", "ward"], dropna=False).size().min() >= 5
    assert shell.run("generate", model, "-n", 200, "-o", table, "--json") == 0
    (report,) = json.loads(shell.out)["anonymity"]
    assert report["k"] >= 5
    assert shell.run("inspect", model, "--json") == 0
    assert "5-anonymous" in json.loads(shell.out)["anonymity"]
    # Three rows may also hold one outcome alone.
    told = shell.refuses("generate", model, "-n", 3, "-o", table)
    assert re.search(r"3 rows cannot be shared by k=5|2-diverse", told)


def test_rows_under_conditions(folder: Path, shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "s.csv"
    command = ("generate", folder / "model.shm", "-n", 25, "-o", table, "--seed", 0)
    assert shell.run(*command, "--where", "age=60..80", "--where", "ward!=north") == 0
    assert re.search(r"age, ward: 25 rows, .* accepted\); they rest on about \d+ real patients", shell.out)
    drawn = pd.read_csv(table)
    assert len(drawn) == 25
    assert drawn["age"].between(60, 80).all()
    assert "north" not in set(drawn["ward"])
    assert shell.run(*command, "--balance", "outcome", "--json") == 0
    assert [draw["rows"] for draw in json.loads(shell.out)["draws"]] == [13, 12]
    assert "unknown column 'agee'" in shell.refuses(*command, "--where", "agee=3")
    assert "exclude each other" in shell.refuses(*command, "--where", "age=60", "--balance", "ward")


def test_a_traceback_is_shown_only_with_debug(shell: Shell) -> None:
    assert "Traceback" not in shell.refuses("inspect", "absent.shm")
    assert shell.run("inspect", "absent.shm", "--debug") == 1
    assert "Traceback" in shell.err
    assert shell.err.splitlines()[-1].startswith("error: ")


def test_a_fault_of_the_program_tells_no_values(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: object) -> None:
        raise KeyError("a patient's name")

    monkeypatch.setattr("synthetic_healthcare.tables.read_table", fail)
    told = shell.refuses("schema", "infer", "patients.csv", code=4)
    assert "KeyError" in told
    assert "patient's name" not in told


def test_the_demo_writes_its_files_and_their_manifest(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert shell.run("demo", "-o", out, "--epochs", 1) == 0, shell.err
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in out.iterdir()) == sorted([*manifest["files"], "manifest.json"])
    assert set(manifest["files"]) == {"synthetic.csv", "synthetic.parquet", "model.shm", "report.html"}
    assert manifest["files"]["model.shm"]["bytes"] == (out / "model.shm").stat().st_size
    assert manifest["settings"]["seed"] == 0
    assert set(manifest["scores"]["utility"]) == {"value", "lower", "upper", "reason"}
    synthetic = pd.read_parquet(out / "synthetic.parquet")
    assert synthetic.shape == (1000, 31)
    assert set(synthetic["diagnosis"]) <= {"malignant", "benign"}
    assert len(pd.read_csv(out / "synthetic.csv")) == 1000


def _python(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**(environment or os.environ), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
