"""Work on several chunks at once, and give them back in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from torch import nn

from synthetic_healthcare.models._base import GenerativeModel

Result = TypeVar("Result")

#: Most chunks that are made at once: beyond four the interpreter is what they wait for.
_MOST_THREADS: Final = 4


def in_order(make: Callable[[int], Result], numbers: Iterable[int], *, threads: int) -> Iterator[Result]:
    """Call `make` for every number on some threads, a few ahead of what was asked for.

    Parameters
    ----------
    make : callable
        Depends on its number alone, so the results are the same however many threads there are.
    numbers : iterable of int
        May have no end: what is not asked for is not made, but for the few that are ahead.
    threads : int
        1: no other thread is started.
    """
    if threads == 1:
        yield from map(make, numbers)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Result]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def threads_for(model: GenerativeModel, chunks: int) -> int:
    """Return how many of some chunks to make at once: one on a GPU, which is one queue."""
    if isinstance(model, nn.Module) and next(model.parameters()).device.type != "cpu":
        return 1
    return max(1, min(_MOST_THREADS, os.cpu_count() or 1, chunks))
