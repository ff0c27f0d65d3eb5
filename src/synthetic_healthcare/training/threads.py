"""How many CPU threads a training step is worth."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import torch

#: Multiply-adds of one update below which a second thread has never paid: its hand-over costs more.
_SMALL_STEP: Final = 2e8
#: Gain that a second thread must show; below it, one thread leaves the other cores to others.
_WORTH_IT: Final = 1.2
_TRIALS: Final = 3


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Set torch's thread count for the length of a `with` block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def calibrate(step: Callable[[], object], *, multiply_adds: float) -> int:
    """Choose the number of threads for a training step.

    Small steps get one thread without a trial: there the choice cannot depend on what else the machine is
    doing. Larger ones are timed with one thread and with all cores.

    Parameters
    ----------
    step : callable
        Does the work of one update and changes nothing.
    multiply_adds : float
        Estimated multiply-adds of one update.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or multiply_adds < _SMALL_STEP:
        return 1
    alone, together = (_seconds(step, number) for number in (1, cores))
    return cores if alone / together >= _WORTH_IT else 1


def _seconds(step: Callable[[], object], number: int) -> float:
    with threads(number):
        step()
        spent = []
        for _ in range(_TRIALS):
            start = time.perf_counter()
            step()
            spent.append(time.perf_counter() - start)
    return statistics.median(spent)
