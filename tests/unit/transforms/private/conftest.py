"""A table of everything, what is known of it from elsewhere, and ways to hold the noise still."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.privacy import counting
from synthetic_healthcare.privacy import ledger as ledgers
from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.private.prepare import PrivatelyPrepared, prepare_privately

DECLARED = """\
version: 1
columns:
  age: {kind: integer, bounds: [0, 110]}
  crp: {kind: numeric, bounds: [0, 500], decimals: 1}
  ward: {kind: categorical, categories: [north, south, east, other]}
  stage: {kind: ordinal, categories: [1, 2, 3, 4]}
  smoker: {kind: boolean, categories: [false, true]}
  admitted: {kind: datetime, bounds: [2010-01-01, 2029-12-31]}
  diagnoses: {kind: codes, categories: [I10, E11, N18, J44]}
  site: {kind: integer, bounds: [0, 9]}
  died: {kind: boolean, categories: [0, 1], role: target}
"""


class Prepare(Protocol):
    """Prepares a table with the defaults of these tests."""

    def __call__(
        self, frame: pd.DataFrame, declared: Schema | None = None, *, epsilon: float = 3.0
    ) -> PrivatelyPrepared: ...


@pytest.fixture
def declared() -> Schema:
    """What is known of the table from elsewhere."""
    return Schema.from_yaml(DECLARED)


@pytest.fixture
def table() -> pd.DataFrame:
    """Six hundred patients, every kind of column, one column the same for all."""
    rng = np.random.default_rng(0)
    rows = 600
    age = rng.integers(18, 95, rows)
    sets = [[code for code in ("I10", "E11", "N18", "J44") if rng.random() < 0.4] for _ in range(rows)]
    return pd.DataFrame(
        {
            "age": age,
            "crp": np.where(rng.random(rows) < 0.3, np.nan, np.round(rng.lognormal(1, 1, rows), 1)),
            "ward": rng.choice(["north", "south", "east"], rows, p=[0.5, 0.3, 0.2]),
            "stage": rng.integers(1, 5, rows),
            "smoker": rng.random(rows) < 0.3,
            "admitted": pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D"),
            "diagnoses": pd.Series(sets, dtype=object),
            "site": np.full(rows, 7),
            "died": (age + rng.normal(0, 15, rows) > 75).astype(int),
        }
    )


@pytest.fixture
def prepare() -> Prepare:
    def prepare(
        frame: pd.DataFrame, declared: Schema | None = None, *, epsilon: float = 3.0
    ) -> PrivatelyPrepared:
        return prepare_privately(
            frame,
            declared,
            None if declared else "died",
            ledger=PrivacyLedger(Budget(epsilon, 1e-5)),
            config=TransformConfig(),
            strict_domain=False,
            share=1.0,
        )

    return prepare


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts leave as they are; thresholds stay where the noise would have put them."""
    monkeypatch.setattr(counting, "with_noise", lambda counts, deviation: counts)
    # What it would cost is for the tests of the ledger, and takes the most time.
    monkeypatch.setattr(ledgers, "decided_epsilon", lambda charges, delta: 0.0)


class Told(Exception):
    """What is asked to be released depends on rows: that tells of them."""


class Tape:
    """All that left through the door in one run, played back in another.

    Whatever another table changes is then not due to a release: it was read past the ledger.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._held: list[tuple[Any, Any]] = []
        self._place: int | None = None
        patch.setattr(counting, "with_noise", self._counts)
        patch.setattr(counting, "_above", self._found)
        patch.setattr(ledgers, "decided_epsilon", lambda charges, delta: 0.0)

    def rewind(self) -> None:
        """Play back from here on."""
        self._place = 0

    def _counts(self, counts: IntCounts, deviation: float) -> IntCounts:
        held: IntCounts = self._play((counts.shape, deviation), counts)
        return held

    def _found(self, table: Mapping[str, int], deviation: float, threshold: float) -> Mapping[str, int]:
        kept = {name: held for name, held in sorted(table.items()) if held > threshold}
        found: Mapping[str, int] = self._play((deviation, threshold), kept)
        return found

    def _play(self, asked: object, answer: object) -> Any:
        if self._place is None:
            self._held.append((asked, answer))
            return answer
        recorded, held = self._held[self._place]
        self._place += 1
        if recorded != asked:
            raise Told
        return held


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch) -> Tape:
    return Tape(monkeypatch)


def state(encoder: TableEncoder) -> str:
    """A digest of every byte that is kept of a table."""
    facts, arrays = encoder.to_state()
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    digest.update(repr(encoder.layout).encode())
    return digest.hexdigest()


@pytest.fixture
def same_state(tape: Tape, prepare: Prepare) -> Callable[..., bool]:
    """Whether two tables of as many rows leave the same state when the same counts are released."""

    def same(table: pd.DataFrame, other: pd.DataFrame, declared: Schema | None) -> bool:
        first = state(prepare(table, declared).encoder)
        tape.rewind()
        try:
            return state(prepare(other, declared).encoder) == first
        except Told:
            return False

    return same
