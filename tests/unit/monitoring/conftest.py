"""A watch over a small table, whose generated rows a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import PrivacyMonitor, Schema, pipeline
from synthetic_healthcare.monitoring.tables import Parted, RealRows
from synthetic_healthcare.monitoring.watch import Watch
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.transforms.config import TransformConfig

MakeTable = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def ward(plain_table: MakeTable) -> SimpleNamespace:
    """400 rows to learn, 200 that are not learnt, and 800 further ones: an honest model's best."""
    train, holdout, others = plain_table(400), plain_table(200, seed=1), plain_table(800, seed=2)
    prepared = pipeline.prepare(
        train, Schema.infer(train), transforms=TransformConfig(), rng=np.random.default_rng(0)
    )

    def real() -> RealRows:
        return RealRows(
            train, holdout, schema=prepared.schema, encoder=prepared.encoder, together=True, seed=0
        )

    def watch(monitor: PrivacyMonitor, rows: Encoded, *, epsilon: Callable[[], float] | None = None) -> Watch:
        watched = Watch(monitor, real(), epsilon_after_next=epsilon)
        watched.start(lambda n: rows, Parted(np.arange(400), np.zeros(0, dtype=np.intp)))
        return watched

    encoded = prepared.encoder.encode
    return SimpleNamespace(
        real=real,
        watch=watch,
        copied=encoded(train, np.random.default_rng(0)),
        honest=encoded(others, np.random.default_rng(0)),
        flat=encoded(pd.concat([others.head(1)] * 300, ignore_index=True), np.random.default_rng(0)),
    )
