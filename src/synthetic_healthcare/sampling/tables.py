"""From a model to tables: chunks are drawn and decoded side by side on all cores, and come in their order.

Each chunk has streams of its own, so the rows are the same however many threads there are, and only a few
chunks are held at a time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import nn

from synthetic_healthcare.models._base import GenerativeModel
from synthetic_healthcare.sampling.draw import CHUNK, chunk_stream, ready_to_sample
from synthetic_healthcare.sampling.levers import Levers, draw_selected
from synthetic_healthcare.transforms.encoder import TableEncoder

#: Most chunks that are made at once: beyond four the interpreter is what they wait for.
_MOST_THREADS: Final = 4


def draw_tables(
    model: GenerativeModel, levers: Levers, encoder: TableEncoder, n: int, *, seed: int
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows as tables with the columns and dtypes that were learnt, chunk by chunk.

    Parameters
    ----------
    model : GenerativeModel
        Ready to sample.
    levers : Levers
        What is done to its rows. Where they select, how many rows a chunk gives is known only afterwards, and
        chunks are made one after another.
    encoder : TableEncoder
        Decodes its rows.
    n : int
        Rows, in all.
    seed : int
        Equal seeds give equal rows on the CPU.
    """
    if levers.weights.tables:
        rng, first_row = np.random.default_rng(seed), 0
        for rows in draw_selected(model, levers, n, seed=seed):
            yield encoder.decode(rows, rng, first_row=first_row)
            first_row += len(rows)
        return
    ready_to_sample(model)

    def table(chunk: int) -> pd.DataFrame:
        start = chunk * CHUNK
        # Inference mode belongs to a thread, so it is entered in the one that samples.
        with torch.inference_mode():
            rows = model.sample(min(CHUNK, n - start), rng=chunk_stream(model, seed, chunk))
        rng = np.random.default_rng([seed, chunk])
        return encoder.decode(levers.calibration.apply(rows), rng, first_row=start)

    chunks = -(-n // CHUNK)
    threads = _threads(model, chunks)
    if threads == 1:
        yield from map(table, range(chunks))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[pd.DataFrame]] = deque()
        for chunk in range(chunks):
            waiting.append(pool.submit(table, chunk))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _threads(model: GenerativeModel, chunks: int) -> int:
    """Chunks to make at once; one on a GPU, which is one queue."""
    if isinstance(model, nn.Module) and next(model.parameters()).device.type != "cpu":
        return 1
    return max(1, min(_MOST_THREADS, os.cpu_count() or 1, chunks))
