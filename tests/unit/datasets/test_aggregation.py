"""Streaming sums are those of the whole table, whatever its order and however it is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.datasets.aggregation import STATISTICS, EventColumns, Statistic, Tally, aggregate
from synthetic_healthcare.errors import ConfigError, DataError

COLUMNS = EventColumns(group="patient", concept="what", value="value", order="at")
EVENTS = pd.DataFrame(
    {
        "patient": [7, 7, 7, 7, 9, 9, 8],
        "what": ["hr", "hr", "hr", "bp", "hr", "hr", "other"],
        "value": [80.0, 60.0, np.nan, 120.0, 0.0, 0.0, 1.0],
        "at": [2, 1, 3, 1, 5, 4, 1],
    }
)


def summed(events: pd.DataFrame, *, size: int = 1000, statistics: Any = STATISTICS) -> pd.DataFrame:
    batches = pa.Table.from_pandas(events, preserve_index=False).to_batches(max_chunksize=size)
    return aggregate(
        batches, columns=COLUMNS, groups=[7, 9, 11], concepts=["hr", "bp"], statistics=statistics
    )


def test_a_table_worked_out_by_hand() -> None:
    table = summed(EVENTS)
    assert table.index.tolist() == [7, 9, 11]
    assert table.loc[7, "hr"].to_dict() == {
        "min": 60,
        "max": 80,
        "mean": 70,
        "first": 60,
        "last": 80,
        "count": 2,
        "sum": 140,
        "any": True,
    }
    assert table.loc[9, ("hr", "count")] == 2
    assert not table.loc[9, ("hr", "any")]
    assert table.loc[7, ("bp", "last")] == 120


def test_what_was_never_measured_is_missing_and_counts_as_none() -> None:
    nobody = summed(EVENTS).loc[11, "hr"]
    assert nobody[["min", "max", "mean", "first", "last"]].isna().all()
    assert (nobody["count"], nobody["sum"], nobody["any"]) == (0, 0, False)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([7, 8, 9, 11]),
            st.sampled_from(["hr", "bp", "other"]),
            st.one_of(st.integers(-5, 5).map(float), st.just(float("nan"))),
            st.integers(0, 4),
        ),
        min_size=1,
        max_size=40,
    ),
    size=st.integers(1, 10),
    seed=st.integers(0, 99),
)
def test_neither_the_order_of_rows_nor_the_cut_into_batches_matters(rows: Any, size: int, seed: int) -> None:
    events = pd.DataFrame(rows, columns=["patient", "what", "value", "at"])
    shuffled = events.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(summed(events), summed(shuffled, size=size))


def test_the_figures_are_those_of_pandas() -> None:
    rng = np.random.default_rng(0)
    events = pd.DataFrame(
        {
            "patient": rng.choice([7, 9, 11], 2000),
            "what": rng.choice(["hr", "bp"], 2000),
            "value": np.where(rng.random(2000) < 0.1, np.nan, rng.normal(80, 10, 2000)),
            "at": rng.permutation(2000),
        }
    )
    expected = events.sort_values("at").groupby(["patient", "what"])["value"]
    names: tuple[Statistic, ...] = ("min", "max", "mean", "first", "last", "count", "sum")
    found = summed(events, size=100, statistics=names).stack("concept", future_stack=True)
    wanted = expected.agg(list(names))
    for name in names:
        np.testing.assert_allclose(
            found[name].sort_index().to_numpy(float), wanted[name].sort_index().to_numpy(float)
        )


def test_events_without_value_or_concept_are_counted() -> None:
    batch = pa.record_batch({"patient": ["a", "b", "a", None]})
    table = aggregate(
        [batch],
        columns=EventColumns(group="patient"),
        groups=["a", "b", "c"],
        concepts=["visits"],
        statistics=["count", "any"],
    )
    assert table["visits"]["count"].tolist() == [2, 1, 0]
    assert table["visits"]["any"].tolist() == [True, True, False]


def test_instants_order_events() -> None:
    at = pa.array(np.array(["2101-01-02", "2101-01-01"], dtype="datetime64[s]"))
    batch = pa.record_batch({"patient": [1, 1], "value": [3.0, 4.0], "at": at})
    columns = EventColumns(group="patient", value="value", order="at")
    table = aggregate([batch], columns=columns, groups=[1], concepts=["x"], statistics=["first"])
    assert table.loc[1, ("x", "first")] == 4


def test_memory_is_that_of_the_cells() -> None:
    tally = Tally(10, 3, statistics=("min", "last"))
    before = tally.values("min").nbytes
    for _ in range(50):
        rows = np.zeros(1000, dtype=np.int64)
        tally.add(rows, rows, np.arange(1000.0), order=np.arange(1000))
    assert tally.values("min").nbytes == before == 10 * 3 * 8


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"statistics": ["median"]}, ConfigError, "median"),
        ({"statistics": ["first"], "columns": EventColumns(group="patient")}, ConfigError, "order"),
        ({"columns": EventColumns(group="pateint")}, DataError, "did you mean 'patient'"),
        ({"groups": [7, 7]}, DataError, "stands twice"),
    ],
)
def test_what_cannot_be_summed_is_refused(changes: Any, error: type[Exception], message: str) -> None:
    asked: dict[str, Any] = {
        "columns": COLUMNS,
        "groups": [7],
        "concepts": ["hr"],
        "statistics": ["count"],
        **changes,
    }
    with pytest.raises(error, match=message):
        aggregate(pa.Table.from_pandas(EVENTS).to_batches(), **asked)


def test_an_order_with_gaps_is_refused() -> None:
    batch = pa.record_batch({"patient": [7], "value": [1.0], "at": pa.array([None], pa.int64())})
    with pytest.raises(DataError, match="1 gaps"):
        aggregate(
            [batch],
            columns=EventColumns(group="patient", value="value", order="at"),
            groups=[7],
            concepts=["x"],
            statistics=["last"],
        )
