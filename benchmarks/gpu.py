"""Fit and draw on a GPU: `python gpu.py FACTS.json MODEL ROWS EPOCHS [BATCH [DRAWN.parquet]]`.

A larger batch makes fewer, fuller updates of an epoch. Given a file, the training rows of the split are
learnt, and as many are drawn into it, to be judged on a machine without a GPU.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from protocol import peak_mb
from splits import AbsentError, Split, split

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.config import RunConfig


def measure(
    model: str, rows: int, epochs: int, table: Split, *, batch: int | None, drawn: str | None
) -> dict[str, Any]:
    """Fit a model to the whole of BRFSS, or to the rows of its split, on the GPU, then draw.

    Returns
    -------
    dict
        `rows`, `batch`, `fit_seconds`, `rows_per_second` (through `generate`, decoding included), `device`,
        `gpu_mb`.
    """
    training = {"device": "cuda", "batch_size": batch, "validation_share": 0.0}
    config = RunConfig.model_validate({"model": {"type": model, "training": training}})
    generator = SyntheticDataGenerator.from_config(config, random_state=0)
    learnt = table.train if drawn else pd.concat([table.train, table.holdout], ignore_index=True)
    start = time.perf_counter()
    generator.fit(learnt, target=table.target, holdout=0, epochs=epochs)
    torch.cuda.synchronize()
    fitted = time.perf_counter()
    generator.generate(10_000)
    warm = time.perf_counter()
    generator.generate(rows)
    told = time.perf_counter()
    if drawn:
        generator.generate_to(drawn, len(table.train))
    return {
        "rows": len(learnt),
        "batch": batch,
        "fit_seconds": fitted - start,
        "training": generator.describe()["training"],
        "rows_per_second": rows / (told - warm),
        "device": torch.cuda.get_device_name(),
        "gpu_mb": torch.cuda.max_memory_allocated() / 1e6,
        "peak_mb": peak_mb(),
    }


def main(facts: str, model: str, rows: str, epochs: str, batch: str = "", drawn: str | None = None) -> None:
    """Measure and write the facts, or the reason why there are none."""
    told: dict[str, Any]
    if not torch.cuda.is_available():
        told = {"skipped": f"no GPU: torch {torch.__version__} finds no CUDA device"}
    else:
        try:
            told = measure(
                model,
                int(rows),
                int(epochs),
                split("brfss"),
                batch=int(batch) if batch else None,
                drawn=drawn,
            )
        except AbsentError as absent:
            told = {"skipped": str(absent)}
    Path(facts).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
