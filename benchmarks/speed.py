"""Time drawing and judging in this process: `python speed.py MODEL FACTS.json`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd
from protocol import peak_mb
from splits import TARGET, table

from synthetic_healthcare import Schema, SyntheticDataGenerator
from synthetic_healthcare.evaluation.runner import evaluate

DRAWN_ROWS: Final = 200_000
JUDGED_ROWS: Final = 1_000
_REPEATS: Final = 3
#: Neither drawing nor judging takes longer or shorter after a longer training.
_EPOCHS: Final = 20


def measure(model: str) -> dict[str, Any]:
    """Fit a model shortly to WDBC with a fifth kept aside, then time `generate` and `evaluate`.

    Returns
    -------
    dict
        `rows_per_second`: of three draws of 200,000 rows, the first (cold) one too. `split_seconds`: judging
        1,000 synthetic rows against the real table as `fit` split it. `thousands_seconds`: the same against
        1,000 training and 1,000 hold-out rows; those are generated too, because WDBC has only 569.
    """
    real = table("wdbc")
    generator = SyntheticDataGenerator(model, random_state=0)
    generator.fit(real, target=TARGET, epochs=_EPOCHS)
    draws = [_seconds(lambda: generator.generate(DRAWN_ROWS)) for _ in range(_REPEATS)]
    synthetic = generator.generate(JUDGED_ROWS)
    return {
        "rows_per_second": [DRAWN_ROWS / seconds for seconds in draws],
        "split_seconds": _judging(lambda: generator.evaluate(synthetic, real)),
        "thousands_seconds": _thousands(synthetic, generator.generate(2 * JUDGED_ROWS)),
        "peak_mb": peak_mb(),
    }


def _thousands(synthetic: pd.DataFrame, stand_ins: pd.DataFrame) -> float:
    train, holdout = stand_ins[:JUDGED_ROWS], stand_ins[JUDGED_ROWS:].reset_index(drop=True)
    schema = Schema.infer(train, target=TARGET)
    return _judging(lambda: evaluate(synthetic, train=train, holdout=holdout, schema=schema))


def _judging(judge: Callable[[], Any]) -> float:
    """Seconds of an evaluation in which every metric answered: one that broke off is no measurement."""
    start = time.perf_counter()
    report = judge()
    seconds = time.perf_counter() - start
    if report.failed:
        raise RuntimeError(f"metrics failed: {', '.join(result.name for result in report.failed)}")
    return seconds


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(measure(sys.argv[1])), encoding="utf-8")
