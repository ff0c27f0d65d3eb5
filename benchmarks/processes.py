"""Fresh processes under stated conditions, and the methods that are fitted in them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import pandas as pd
from code_sets import Flattening
from protocol import Task
from splits import Split, discrete

HERE: Final = Path(__file__).resolve().parent
SOURCE: Final = HERE.parent / "src"
#: Peers by the environment that they run in; each has an adapter `peers/run_ENVIRONMENT.py`.
PEERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ctgan": ("sdv-ctgan", "sdv-tvae"),
    "argn": ("mostlyai-argn",),
    "synthcity": ("synthcity-bayes", "synthcity-arf"),
}

#: One OpenMP thread, and idle ones sleep. Left to their default they spin, and take the core from the one
#: that works.
QUIET: Final[Mapping[str, str]] = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
_THREAD_VARIABLES: Final = (*QUIET, "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ERROR_LINES: Final = 15
#: The neural peers' defaults take hours on a large table. So many rows are shown to them in all: the 10 and
#: 30 passes over the 177,576 training rows of BRFSS that take each about four minutes.
_ROWS_SHOWN: Final = {"sdv-ctgan": 1_775_760, "sdv-tvae": 5_327_280}
#: Above this number of training rows.
_LARGE: Final = 20_000
#: A code that fewer training rows hold gets no column where a method knows no sets.
_FLAT_CODE_ROWS: Final = 2


@final
@dataclass(frozen=True)
class Method:
    """Something that learns a table, and where it runs.

    Parameters
    ----------
    name : str
        Of the model.
    script : Path
        That fits it; see `protocol.serve`.
    python : str
        Interpreter, and with it the environment.
    path : tuple of Path
        Put on PYTHONPATH, alone.
    ours : bool
        Whether it is a model of this library.
    """

    name: str
    script: Path
    python: str
    path: tuple[Path, ...]
    ours: bool

    @property
    def fingerprint(self) -> str:
        """Changes when the code of this repository that runs changes: older measurements no longer count."""
        folders = [SOURCE] if self.ours else []
        return fingerprint([self.script, *(path for one in folders for path in one.rglob("*.py"))])


def ours() -> tuple[str, ...]:
    """Our models that train without a privacy budget, the one that picks among them first."""
    from synthetic_healthcare import SyntheticDataGenerator, models
    from synthetic_healthcare.errors import SyntheticHealthcareError

    names = [name for name in models.available() if not models.model_class(name).requires_privacy]
    try:
        SyntheticDataGenerator("auto")
    except SyntheticHealthcareError:
        return tuple(names)
    return ("auto", *names)


def methods(peers: Mapping[str, str]) -> tuple[Method, ...]:
    """Our models and those peers whose environment's interpreter is given."""
    own = [Method(name, HERE / "fit_ours.py", sys.executable, (SOURCE, HERE), True) for name in ours()]
    others = [
        Method(name, HERE / "peers" / f"run_{environment}.py", python, (HERE,), False)
        for environment, python in peers.items()
        for name in PEERS[environment]
    ]
    return (*own, *others)


def fingerprint(files: Sequence[Path]) -> str:
    """A few letters that change when the content of a file changes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def run(
    command: Sequence[str],
    *,
    path: Sequence[Path],
    variables: Mapping[str, str] = QUIET,
    timeout_s: float | None = None,
) -> str:
    """Run a command in a fresh process; give its output.

    Raises
    ------
    RuntimeError
        It failed; the last lines of its errors are in the message.
    TimeoutError
        It was stopped after `timeout_s`.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _THREAD_VARIABLES}
    places = os.pathsep.join(map(str, path))
    try:
        done = subprocess.run(
            command,
            env={**kept, **variables, "PYTHONPATH": places},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as late:
        raise TimeoutError(f"stopped after {late.timeout:.0f} s") from None
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-_ERROR_LINES:])
        raise RuntimeError(f"ended with {done.returncode}:\n{last}")
    return done.stdout


@final
@dataclass(frozen=True)
class Conditions:
    """Under which a method is fitted.

    Parameters
    ----------
    folder : Path
        For the files that pass between the processes.
    epochs : int or None
        For all methods, to try the benchmark out; None: each method's own default.
    variables : Mapping
        Of the environment, concerning threads.
    releases : int
        Tables to draw from one fit.
    timeout_s : float or None
        Seconds after which a fit and its draws are stopped.
    """

    folder: Path
    epochs: int | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: QUIET)
    releases: int = 1
    timeout_s: float | None = None


def fit_once(
    method: Method, split: Split, seed: int, conditions: Conditions
) -> tuple[dict[str, Any], list[pd.DataFrame]]:
    """Fit a method to the training rows and draw tables of as many rows.

    A peer knows no sets of codes: it learns, and gives back, one column of 0 and 1 for each code that at
    least two training rows hold.

    Returns
    -------
    dict, list of DataFrame
        The facts of `protocol.serve` and `process_seconds` (start-up and draws included); the tables.
    """
    stem = conditions.folder / f"{split.name}-{method.name}-{seed}"
    train, task, told = (
        stem.with_name(stem.name + end) for end in (".train.csv", ".task.json", ".facts.json")
    )
    releases = [stem.with_name(f"{stem.name}.{number}.csv") for number in range(conditions.releases)]
    flattening = None
    if split.codes is not None and not method.ours:
        flattening = Flattening.of(split.train, split.codes, least=_FLAT_CODE_ROWS)
    rows = split.train if flattening is None else flattening.flat(split.train)
    rows.to_csv(train, index=False)
    Task(
        model=method.name,
        train=str(train),
        target=split.target,
        discrete=discrete(rows),
        rows=len(rows),
        seed=seed,
        epochs=_epochs(method.name, len(rows), conditions.epochs),
        releases=list(map(str, releases)),
    ).write(task)
    start = time.perf_counter()
    run(
        [method.python, str(method.script), str(task), str(told)],
        path=method.path,
        variables=conditions.variables,
        timeout_s=conditions.timeout_s,
    )
    facts = {**json.loads(told.read_text(encoding="utf-8")), "process_seconds": time.perf_counter() - start}
    tables = [pd.read_csv(path, float_precision="round_trip") for path in releases]
    if flattening is not None:
        tables = [flattening.sets(table, names=list(split.train)) for table in tables]
    for path in (train, *releases):
        path.unlink()
    return facts, tables


def _epochs(method: str, rows: int, asked: int | None) -> int | None:
    if asked is not None or rows <= _LARGE or method not in _ROWS_SHOWN:
        return asked
    return max(1, _ROWS_SHOWN[method] // rows)
