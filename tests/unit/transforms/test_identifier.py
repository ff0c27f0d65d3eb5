"""Identifiers: nothing of them is kept but their sort."""

from __future__ import annotations

import json
import uuid

import numpy as np
import pandas as pd
import pytest


def real_ids(sort: str) -> pd.Series:
    rng = np.random.default_rng(0)
    if sort == "uuid":
        return pd.Series([str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in range(60)])
    if sort == "number":
        return pd.Series(rng.permutation(10**6)[:60] + 5 * 10**6)
    return pd.Series([f"MRN/{row + 770000}" for row in range(60)])


@pytest.mark.parametrize("sort", ["uuid", "number", "text"])
def test_fresh_ones_of_the_same_sort_unique_over_chunks(learn, sort: str) -> None:
    cells = real_ids(sort)
    learnt = learn(cells, "identifier", role="identifier")
    assert learnt.parts == ()
    encoded = learnt.encode()
    # The same randomness for both chunks: they must differ by their row numbers alone.
    chunks = [
        learnt.encoder.decode(encoded, np.random.default_rng(1), first_row=first)["x"] for first in (0, 60)
    ]
    fresh = pd.concat(chunks)
    assert fresh.is_unique
    assert fresh.dtype == cells.dtype
    assert not set(fresh) & set(cells)
    if sort == "uuid":
        assert all(str(uuid.UUID(value)) == value for value in fresh)
    if sort == "text":
        assert fresh.iloc[0] == "SYN-000001"
    if sort == "number":
        assert fresh.tolist() == list(range(1, 121))


def test_no_identifier_is_in_the_state(learn) -> None:
    cells = real_ids("text")
    facts, _ = learn(cells, "identifier", role="identifier").encoder.to_state()
    text = json.dumps(facts)
    assert not any(cell in text for cell in cells)


def test_the_patient_of_a_row_is_not_learnt_whatever_its_kind(learn) -> None:
    learnt = learn(np.repeat(np.arange(20) + 900, 3), "integer", role="group")
    assert learnt.parts == ()
    assert learnt.back().tolist() == list(range(1, 61))


def test_digits_stay_text(learn) -> None:
    back = learn([f"{row:05d}" for row in range(60)], "identifier", role="identifier").back()
    assert back.tolist()[:2] == ["1", "2"]
