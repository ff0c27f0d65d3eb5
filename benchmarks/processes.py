"""Fresh processes under stated conditions, and the methods that are fitted in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from protocol import Task
from splits import TARGET, Split

HERE: Final = Path(__file__).resolve().parent
SOURCE: Final = HERE.parent / "src"
OURS: Final = ("wgan-gp", "beta-vae")
PEERS: Final = ("ctgan", "tvae")

#: Idle OpenMP threads sleep. Left to their default they spin, and take the core from the one that works.
PASSIVE: Final[Mapping[str, str]] = {"OMP_WAIT_POLICY": "PASSIVE"}
_THREAD_VARIABLES: Final = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ERROR_LINES: Final = 15


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
    path : Path
        Put on PYTHONPATH, alone.
    """

    name: str
    script: Path
    python: str
    path: Path


def methods(peer_python: str | None) -> tuple[Method, ...]:
    """Our models and, where their environment is given, the peers."""
    ours = [Method(name, HERE / "fit_model.py", sys.executable, SOURCE) for name in OURS]
    if peer_python is None:
        return tuple(ours)
    return (*ours, *(Method(name, HERE / "peers" / "run_ctgan.py", peer_python, HERE) for name in PEERS))


def run(
    command: Sequence[str],
    *,
    path: Path,
    passive: bool = True,
    timeout_s: float | None = None,
) -> tuple[float, str]:
    """Run a command in a fresh process; give its wall seconds, start-up included, and its output.

    Raises
    ------
    RuntimeError
        It failed; the last lines of its errors are in the message.
    subprocess.TimeoutExpired
        It was stopped after `timeout_s`.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _THREAD_VARIABLES}
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env={**kept, **(PASSIVE if passive else {}), "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-_ERROR_LINES:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{last}")
    return seconds, done.stdout


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
    passive : bool
        Whether idle threads sleep; otherwise nothing is set, as with a user who has read nothing.
    timeout_s : float or None
        Seconds after which it is stopped.
    """

    folder: Path
    epochs: int | None = None
    passive: bool = True
    timeout_s: float | None = None


def fit_once(method: Method, split: Split, seed: int, conditions: Conditions) -> dict[str, Any]:
    """Fit a method to the training rows and draw as many rows.

    Returns
    -------
    dict
        The facts of `protocol.serve`, `process_seconds`, and `synthetic`: the path of the rows drawn.
    """
    stem = f"{split.name}-{method.name}-{seed}"
    train, task, facts, synthetic = (
        conditions.folder / name
        for name in (f"{split.name}.csv", f"{stem}.task.json", f"{stem}.facts.json", f"{stem}.csv")
    )
    split.train.to_csv(train, index=False)
    Task(
        model=method.name,
        train=str(train),
        target=TARGET,
        discrete=split.discrete,
        rows=len(split.train),
        seed=seed,
        epochs=conditions.epochs,
        synthetic=str(synthetic),
    ).write(task)
    seconds, _ = run(
        [method.python, str(method.script), str(task), str(facts)],
        path=method.path,
        passive=conditions.passive,
        timeout_s=conditions.timeout_s,
    )
    told: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
    return {**told, "process_seconds": seconds, "synthetic": str(synthetic)}
