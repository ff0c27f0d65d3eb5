"""Stream rows to a file in this process and watch its memory: `python stream.py FACTS.json MODEL ROWS`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, final

import pandas as pd
from protocol import peak_mb
from speed import TABLE
from splits import AbsentError, split

from synthetic_healthcare import SyntheticDataGenerator

#: Shares of the rows at which the memory is read.
MARKS: Final = (0.1, 0.5, 1.0)


@final
class MemoryWatch:
    """A progress display that reads the process's peak memory when a share of the rows is written."""

    def __init__(self) -> None:
        self.peaks: dict[str, float | None] = {}
        self._total = 0

    def start(self, phase: str, total: int | None = None) -> None:
        """Note how many rows there will be."""
        self._total = total or 0

    def advance(self, done: int, **facts: float) -> None:
        """Read the memory where a mark was passed."""
        for mark in MARKS:
            if f"{mark:.0%}" not in self.peaks and done >= mark * self._total:
                self.peaks[f"{mark:.0%}"] = peak_mb()

    def finish(self) -> None:
        """Nothing is left to do."""


def measure(model: str, rows: int, *, train: pd.DataFrame, target: str) -> dict[str, Any]:
    """Fit a model for one epoch and write `rows` rows as Parquet.

    Returns
    -------
    dict
        `peaks`: VmHWM in megabytes by share of the rows written; `seconds`, `rows_per_second`, `file_mb`.
    """
    generator = SyntheticDataGenerator(model, random_state=0).fit(train, target=target, holdout=0, epochs=1)
    watch = MemoryWatch()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        start = time.perf_counter()
        generator.generate_to(path, rows, progress=watch)
        seconds = time.perf_counter() - start
        size = path.stat().st_size
    return {
        "peaks": watch.peaks,
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "file_mb": size / 1e6,
    }


def main(facts: str, model: str, rows: str) -> None:
    """Measure on BRFSS and write the facts, or the reason why there are none."""
    try:
        table = split(TABLE)
    except AbsentError as absent:
        told: dict[str, Any] = {"skipped": str(absent)}
    else:
        told = measure(model, int(rows), train=table.train, target=table.target)
    Path(facts).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
