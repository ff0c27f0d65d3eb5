"""Time drawing in this process: `python speed.py FACTS.json MODEL ROWS`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd
from protocol import peak_mb
from splits import AbsentError, split

from synthetic_healthcare import SyntheticDataGenerator

TABLE: Final = "brfss-50000"
_WARM_ROWS: Final = 20_000


def measure(model: str, rows: int, *, train: pd.DataFrame, target: str) -> dict[str, Any]:
    """Fit a model for one epoch, then draw: drawing takes no longer after a longer training.

    Returns
    -------
    dict
        `memory_rows_per_second`: through `generate`. `parquet_rows_per_second`: through `generate_to`, the
        write included. `peak_mb`: of the whole process, with the table in memory.
    """
    generator = SyntheticDataGenerator(model, random_state=0).fit(train, target=target, holdout=0, epochs=1)
    generator.generate(_WARM_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        to_file = _seconds(lambda: generator.generate_to(path, rows))
        size = path.stat().st_size
    in_memory = _seconds(lambda: generator.generate(rows))
    return {
        "memory_rows_per_second": rows / in_memory,
        "parquet_rows_per_second": rows / to_file,
        "parquet_mb": size / 1e6,
        "peak_mb": peak_mb(),
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


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
