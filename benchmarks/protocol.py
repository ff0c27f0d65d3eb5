"""What the benchmark and a fitting process say to each other: a task and its facts, both JSON files.

Every method, ours or a peer, is fitted in a fresh process of its own by `serve`, so that seconds and memory
are taken in the same way for all. Needs pandas and nothing of the library: it runs in the peers' environment.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import final

import pandas as pd

Sampler = Callable[[int], pd.DataFrame]


@final
@dataclass(frozen=True)
class Task:
    """One fit and one draw.

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
        Synthetic rows to draw.
    seed : int
        Of the fit and the draw.
    epochs : int or None
        Passes over the rows; None: the method's own default.
    synthetic : str
        CSV file to write.
    """

    model: str
    train: str
    target: str
    discrete: list[str]
    rows: int
    seed: int
    epochs: int | None
    synthetic: str

    def write(self, path: Path) -> None:
        """Write the task where `serve` reads it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def serve(fit: Callable[[pd.DataFrame, Task], Sampler], *, packages: tuple[str, ...]) -> None:
    """Do the task in the file named first on the command line, write the facts to the one named second.

    Parameters
    ----------
    fit : callable
        Learns a table; gives a function that draws rows. Its imports should be done: only its call is timed.
    packages : tuple of str
        Whose versions belong to the facts.
    """
    task = Task(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    train = pd.read_csv(task.train, float_precision="round_trip")
    start = time.perf_counter()
    draw = fit(train, task)
    fitted = time.perf_counter()
    synthetic = draw(task.rows)
    drawn = time.perf_counter()
    synthetic.to_csv(task.synthetic, index=False)
    facts = {
        "fit_seconds": fitted - start,
        "draw_seconds": drawn - fitted,
        "peak_mb": peak_mb(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
    }
    Path(sys.argv[2]).write_text(json.dumps(facts), encoding="utf-8")


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
