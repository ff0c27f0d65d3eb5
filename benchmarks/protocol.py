"""What the benchmark and a fitting process say to each other: a task and its facts, both JSON files.

Every method, ours or a peer, is fitted in a fresh process of its own by `serve`, so that seconds and memory
are taken in the same way for all. It needs pandas, nothing of the library: peers run it too.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final, final

import pandas as pd

Sampler = Callable[[int], pd.DataFrame]

#: A draw that is timed lasts at least so long, or has so many rows.
_DRAW_SECONDS: Final = 1.0
_DRAW_ROWS: Final = (2_000, 256_000)


@final
@dataclass(frozen=True)
class Task:
    """One fit and what is drawn from it.

    Parameters
    ----------
    model : str
        Name of the method.
    train : str
        CSV file to learn.
    target : str
        Column to predict.
    discrete : list of str
        Columns with few values, for methods that must be told.
    rows : int
        Synthetic rows of a release.
    seed : int
        Of the fit and the draws.
    epochs : int or None
        Passes over the rows; None: the method's own default.
    releases : list of str
        CSV files to write, each a draw of its own from the one fit; none: only the fit is timed.
    """

    model: str
    train: str
    target: str
    discrete: list[str]
    rows: int
    seed: int
    epochs: int | None
    releases: list[str]

    def write(self, path: Path) -> None:
        """Write the task where `serve` reads it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


@final
@dataclass(frozen=True)
class Learnt:
    """A method that has learnt a table.

    Parameters
    ----------
    draw : callable
        Draws so many rows.
    facts : Mapping
        What else there is to say (plain data).
    """

    draw: Sampler
    facts: Mapping[str, Any] = field(default_factory=dict)


def serve(fit: Callable[[pd.DataFrame, Task], Learnt], *, packages: tuple[str, ...]) -> None:
    """Do the task in the file named first on the command line, write the facts to the one named second.

    The facts: `fit_seconds`, `peak_mb` (when the releases are written), `rows_per_second` (of a draw that
    lasts about a second, after them; None without any), `versions`, and what the method adds.

    Parameters
    ----------
    fit : callable
        Learns a table. Its imports should be done: only its call is timed.
    packages : tuple of str
        Whose versions belong to the facts.
    """
    task = Task(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    train = pd.read_csv(task.train, float_precision="round_trip")
    start = time.perf_counter()
    learnt = fit(train, task)
    seconds = time.perf_counter() - start
    for path in task.releases:
        learnt.draw(task.rows).to_csv(path, index=False)
    facts = {
        **learnt.facts,
        "fit_seconds": seconds,
        "peak_mb": peak_mb(),
        "rows_per_second": rows_per_second(learnt.draw) if task.releases else None,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
    }
    Path(sys.argv[2]).write_text(json.dumps(facts), encoding="utf-8")


def rows_per_second(draw: Sampler) -> float:
    """Time ever larger draws until one takes a second, so that no method is judged by its start-up."""
    rows, most = _DRAW_ROWS
    while True:
        start = time.perf_counter()
        draw(rows)
        seconds = time.perf_counter() - start
        if seconds >= _DRAW_SECONDS or rows >= most:
            return rows / seconds
        rows = min(most, rows * 4)


def peak_mb() -> float | None:
    """Most memory that this process has held at once, in megabytes (10**6 bytes); None where not told.

    VmHWM and not `getrusage`: the latter starts, in a child, from what its parent held.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = status.read_text(encoding="ascii").splitlines()
    kibibytes = next(line for line in lines if line.startswith("VmHWM")).split()[1]
    return int(kibibytes) * 1024 / 1e6
