"""What every transform keeps, whatever the kind of the column and however odd its cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.schema.column import Column, Kind
from synthetic_healthcare.schema.layout import Encoded, Layout, collapse, expand
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder, fit_encoder

ROWS = 300


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """A tail so long that its sum is its largest value."""
    return np.exp(rng.standard_cauchy(n).clip(-30, 30))


def zipf(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.minimum(rng.zipf(1.7, n), 40)


def dates(rng: np.random.Generator, n: int, days: int) -> pd.Series:
    return pd.Series(np.datetime64("1990-01-01") + rng.integers(0, days, n).astype("timedelta64[D]"))


def sets(names: np.ndarray) -> pd.Series:
    return pd.Series([";".join(sorted({str(name), "Z00"} - {"1"})) for name in names])


Maker = Callable[[np.random.Generator, int], Any]

USUAL: dict[Kind, Maker] = {
    "numeric": lambda rng, n: rng.normal(5, 1, n).round(2),
    "integer": lambda rng, n: rng.integers(18, 90, n),
    "categorical": lambda rng, n: rng.choice(["a", "b", "c"], n),
    "ordinal": lambda rng, n: rng.choice([1, 2, 3, 4], n),
    "boolean": lambda rng, n: rng.random(n) < 0.3,
    "datetime": lambda rng, n: dates(rng, n, 5000),
    "codes": lambda rng, n: sets(rng.integers(0, 5, n)),
    "identifier": lambda rng, n: np.array([f"id-{row}" for row in range(n)]),
}
CONSTANT: dict[Kind, Maker] = {
    "numeric": lambda rng, n: np.full(n, 2.5),
    "integer": lambda rng, n: np.full(n, 7),
    "categorical": lambda rng, n: np.full(n, "only"),
    "ordinal": lambda rng, n: np.full(n, 3),
    "boolean": lambda rng, n: np.full(n, True),
    "datetime": lambda rng, n: dates(rng, n, 1),
    "codes": lambda rng, n: sets(np.zeros(n)),
    "identifier": lambda rng, n: np.full(n, "same"),
}
HEAVY: dict[Kind, Maker] = {
    "numeric": heavy,
    "integer": lambda rng, n: heavy(rng, n).round().astype(np.int64),
    "categorical": lambda rng, n: np.array([f"c{value}" for value in zipf(rng, n)]),
    "ordinal": zipf,
    "boolean": lambda rng, n: np.arange(n) < 6,
    "datetime": lambda rng, n: pd.Series(
        np.datetime64("1700-01-01") + zipf(rng, n).astype("timedelta64[h]") * 2000
    ),
    "codes": lambda rng, n: sets(zipf(rng, n)),
    "identifier": lambda rng, n: rng.integers(0, 2**60, n),
}
SHAPES = {"usual": USUAL, "constant": CONSTANT, "heavy": HEAVY}
CASES = [
    pytest.param(kind, shape, gaps, numeric, id=f"{kind}-{shape}-{gaps}-{numeric}")
    for kind in USUAL
    for shape in SHAPES
    for gaps in ("full", "gaps", "few gaps", "few values", "empty")
    for numeric in ("quantile", "modes")
    if (numeric == "quantile" or kind in ("numeric", "integer", "datetime"))
    and not (kind == "identifier" and gaps != "full")
]


def table(kind: Kind, shape: str, gaps: str, n: int = ROWS) -> tuple[pd.DataFrame, Schema]:
    """A column "x" of the case beside a filler."""
    rng = np.random.default_rng(17)
    cells = pd.Series(SHAPES[shape][kind](rng, n))
    gone = {
        "full": np.zeros(n, dtype=bool),
        "gaps": rng.random(n) < 0.3,
        "few gaps": np.arange(n) < 3,
        "few values": np.arange(n) >= 3,
        "empty": np.ones(n, dtype=bool),
    }[gaps]
    if gone.any():
        dtype = {"integer": "Int64", "boolean": "boolean", "ordinal": "Int64"}.get(kind)
        cells = (cells if dtype is None else cells.astype(dtype)).mask(gone)
    frame = pd.DataFrame({"x": cells, "filler": rng.normal(size=n)})
    role = "identifier" if kind == "identifier" else "feature"
    column = Column("x", kind, role, str(frame["x"].dtype), delimiter=";" if kind == "codes" else None)
    return frame, Schema((column, Column("filler", "numeric", dtype="float64")))


def learn(frame: pd.DataFrame, schema: Schema, numeric: str) -> TableEncoder:
    config = TransformConfig.model_validate({"numeric": numeric})
    return fit_encoder(frame, schema, config=config, rng=np.random.default_rng(0))


@cache
def case(kind: Kind, shape: str, gaps: str, numeric: str) -> tuple[pd.DataFrame, TableEncoder]:
    """The table of a case as it was learnt, once for all tests."""
    frame, schema = table(kind, shape, gaps)
    return frame, learn(frame, schema, numeric)


def numbers(series: pd.Series) -> np.ndarray:
    """Numbers, and dates as seconds."""
    return np.array([cell.timestamp() if isinstance(cell, pd.Timestamp) else float(cell) for cell in series])


def draw(layout: Layout, n: int, rng: np.random.Generator) -> Encoded:
    """Rows as a careless generator would draw them: wide scores, any category, gates obeyed."""
    matrix = np.zeros((n, layout.width), dtype=np.float32)
    for part in layout.parts:
        exists = np.ones(n, dtype=bool)
        if part.gate is not None:
            exists = matrix[:, layout.parts[part.gate[0]].start + part.gate[1]] > 0
        if part.kind == "continuous":
            matrix[:, part.start] = exists * rng.normal(0, 3, n)
        elif part.kind == "bits":
            matrix[:, part.start : part.stop] = exists[:, None] * rng.integers(0, 2, (n, part.width))
        else:
            matrix[np.arange(n), part.start + rng.integers(0, part.width, n)] = exists
    return collapse(layout, matrix)


@pytest.mark.parametrize(("kind", "shape", "gaps", "numeric"), CASES)
def test_there_and_back(kind: Kind, shape: str, gaps: str, numeric: str) -> None:
    frame, encoder = case(kind, shape, gaps, numeric)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    back = encoder.decode(encoded, np.random.default_rng(2))
    assert back.dtypes.equals(frame.dtypes)
    assert len(back) == ROWS
    present = {"few gaps": np.full(ROWS, False), "few values": np.full(ROWS, True)}
    np.testing.assert_array_equal(back["x"].isna(), present.get(gaps, frame["x"].isna().to_numpy()))
    if shape == "constant" and gaps != "few values" and kind != "identifier":
        assert set(back["x"].dropna()) == set(frame["x"].dropna())


@pytest.mark.parametrize(("kind", "shape", "gaps", "numeric"), CASES)
def test_layout_and_arrays_agree(kind: Kind, shape: str, gaps: str, numeric: str) -> None:
    frame, encoder = case(kind, shape, gaps, numeric)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    parts = encoder.layout.parts
    assert [part.start for part in parts] == np.cumsum([0, *(part.width for part in parts)])[:-1].tolist()
    assert np.isfinite(encoded.continuous).all()
    for index, part in enumerate(parts):
        assert part.gate is None or part.gate[0] < index
        exists = np.ones(ROWS, dtype=bool)
        if part.gate is not None:
            exists = encoded.codes[:, parts[part.gate[0]].store] == part.gate[1]
        if part.kind == "categorical":
            codes = encoded.codes[:, part.store]
            assert part.width >= 2
            assert sum(part.marginal) == pytest.approx(1.0)
            assert min(part.marginal) > 0
            assert len(part.marginal) == part.width
            np.testing.assert_array_equal(codes >= 0, exists)
            assert codes.max() < part.width
        elif part.kind == "continuous":
            assert part.marginal == ()
            assert (encoded.continuous[~exists, part.store] == 0).all()
        else:
            assert len(part.marginal) == part.width
            assert (encoded.bits[~exists] == 0).all()
    again = collapse(encoder.layout, expand(encoded))
    np.testing.assert_array_equal(again.codes, encoded.codes)
    np.testing.assert_array_equal(again.bits, encoded.bits)
    np.testing.assert_array_equal(again.continuous, encoded.continuous)


@pytest.mark.parametrize(("kind", "shape", "gaps", "numeric"), CASES)
def test_any_drawn_row_becomes_a_legal_patient(kind: Kind, shape: str, gaps: str, numeric: str) -> None:
    frame, encoder = case(kind, shape, gaps, numeric)
    drawn = encoder.decode(draw(encoder.layout, 500, np.random.default_rng(3)), np.random.default_rng(4))
    assert drawn.dtypes.equals(frame.dtypes)
    values, real = drawn["x"].dropna(), frame["x"].dropna()
    if gaps in ("full", "few gaps"):
        assert len(values) == 500
    if kind in ("categorical", "ordinal", "boolean"):
        assert set(values) <= set(real)
        kept = real.value_counts()
        assert all(kept[value] >= 5 for value in set(values))
    elif kind in ("numeric", "integer", "datetime") and len(values) and shape != "constant":
        for sign in (-1.0, 1.0):
            held, reached = sign * numbers(real), (sign * numbers(values)).max()
            allowed = held.max() if (held == held.max()).sum() >= 5 else np.nextafter(held.max(), -np.inf)
            assert reached <= allowed
    elif kind == "identifier":
        assert values.is_unique


@pytest.mark.parametrize(("kind", "shape", "gaps", "numeric"), CASES)
def test_state_is_plain_exact_and_bounded(kind: Kind, shape: str, gaps: str, numeric: str) -> None:
    frame, encoder = case(kind, shape, gaps, numeric)
    facts, arrays = encoder.to_state()
    again = TableEncoder.from_state(json.loads(json.dumps(facts, allow_nan=False)), arrays)
    first, second = (one.encode(frame, np.random.default_rng(1)) for one in (encoder, again))
    np.testing.assert_array_equal(first.continuous, second.continuous)
    np.testing.assert_array_equal(first.codes, second.codes)
    np.testing.assert_array_equal(first.bits, second.bits)
    pd.testing.assert_frame_equal(
        encoder.decode(first, np.random.default_rng(2)), again.decode(second, np.random.default_rng(2))
    )
    for name, array in arrays.items():
        # A knot stands for five rows, two edges go with each stretch between heaps, and nothing is per row.
        assert array.size <= 2 * ROWS / 5 + 8, name


@pytest.mark.parametrize(("kind", "shape", "gaps", "numeric"), CASES)
def test_the_same_randomness_gives_the_same_rows(kind: Kind, shape: str, gaps: str, numeric: str) -> None:
    frame, first = case(kind, shape, gaps, numeric)
    second = learn(*table(kind, shape, gaps), numeric)
    left, right = (one.encode(frame, np.random.default_rng(1)) for one in (first, second))
    np.testing.assert_array_equal(left.continuous, right.continuous)
    np.testing.assert_array_equal(left.codes, right.codes)
    before = frame.copy(deep=True)
    pd.testing.assert_frame_equal(
        first.decode(left, np.random.default_rng(2)), second.decode(right, np.random.default_rng(2))
    )
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("kind", list(USUAL))
@pytest.mark.parametrize("n", [5, 6, 11])
def test_tiny_tables(kind: Kind, n: int) -> None:
    """A handful of rows is learnt, or refused by name; nothing breaks."""
    frame, schema = table(kind, "usual", "full", n)
    if kind in ("categorical", "ordinal", "boolean"):
        frame["x"] = frame["x"].iloc[0]
    encoder = learn(frame, schema, "quantile")
    back = encoder.decode(encoder.encode(frame, np.random.default_rng(1)), np.random.default_rng(2))
    assert back.dtypes.equals(frame.dtypes)
    assert back.shape == frame.shape
