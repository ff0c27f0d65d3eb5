"""Fit and draw on a GPU in this process: `python gpu.py FACTS.json MODEL ROWS EPOCHS`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from protocol import peak_mb
from splits import AbsentError, Split, split

from synthetic_healthcare import SyntheticDataGenerator


def measure(model: str, rows: int, epochs: int, table: Split) -> dict[str, Any]:
    """Fit a model to the whole of BRFSS on the GPU, then draw.

    Returns
    -------
    dict
        `fit_seconds`, `rows_per_second` (through `generate`, decoding included), `device`, `gpu_mb`.
    """
    generator = SyntheticDataGenerator(model, random_state=0, device="cuda")
    start = time.perf_counter()
    generator.fit(table.train, target=table.target, holdout=0, epochs=epochs)
    torch.cuda.synchronize()
    fitted = time.perf_counter()
    generator.generate(10_000)
    warm = time.perf_counter()
    generator.generate(rows)
    return {
        "fit_seconds": fitted - start,
        "training": generator.describe()["training"],
        "rows_per_second": rows / (time.perf_counter() - warm),
        "device": torch.cuda.get_device_name(),
        "gpu_mb": torch.cuda.max_memory_allocated() / 1e6,
        "peak_mb": peak_mb(),
    }


def main(facts: str, model: str, rows: str, epochs: str) -> None:
    """Measure and write the facts, or the reason why there are none."""
    told: dict[str, Any]
    if not torch.cuda.is_available():
        told = {"skipped": f"no GPU: torch {torch.__version__} finds no CUDA device"}
    else:
        try:
            told = measure(model, int(rows), int(epochs), split("brfss"))
        except AbsentError as absent:
            told = {"skipped": str(absent)}
    Path(facts).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
