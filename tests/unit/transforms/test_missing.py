"""Missing values: panels, gates, and too few cells to tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder, fit_encoder
from synthetic_healthcare.transforms.missing import find_panels, presence_of


def panel_table(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    lab = rng.random(n) < 0.3
    other = rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "sodium": rng.normal(140, 4, n).round(),
            "age": rng.integers(18, 90, n),
            "potassium": np.where(rng.random(n) < 0.3, 0.0, rng.normal(4, 0.5, n).round(1)),
            "grade": rng.choice(["low", "high"], n),
            "visits": rng.integers(0, 60, n).astype(float),
        }
    )
    frame.loc[lab, ["sodium", "potassium", "grade"]] = np.nan
    frame.loc[other, "visits"] = np.nan
    return frame


def learn_table(frame: pd.DataFrame, **config: object) -> TableEncoder:
    kinds = {"age": "integer", "grade": "categorical"}
    columns = (Column(name, kinds.get(name, "numeric"), dtype=str(frame[name].dtype)) for name in frame)
    settings = TransformConfig.model_validate(config)
    return fit_encoder(frame, Schema(tuple(columns)), config=settings, rng=np.random.default_rng(0))


@pytest.mark.parametrize("numeric", ["quantile", "modes"])
def test_a_panel_is_one_part_and_gates_all_its_columns(numeric: str) -> None:
    frame = panel_table()
    encoder = learn_table(frame, numeric=numeric)
    parts = encoder.layout.parts
    presences = [part for part in parts if part.purpose == "present"]
    assert [part.column for part in presences] == ["sodium", "visits"]
    assert presences[0].marginal[1] == pytest.approx(frame["sodium"].notna().mean())
    first = parts.index(presences[0])
    for part in parts:
        if part.column in ("sodium", "grade") and part.purpose == "value" and numeric == "quantile":
            assert part.gate == (first, 1)
        if part.column == "age" and part.purpose == "value" and numeric == "quantile":
            assert part.gate is None
        assert part.gate is None or part.gate[0] < parts.index(part)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    lab = frame["sodium"].isna().to_numpy()
    np.testing.assert_array_equal(encoded.codes[:, presences[0].store], (~lab).astype(int))
    for part in parts:
        if part.column in ("sodium", "potassium", "grade") and part.purpose != "present":
            held = encoded.continuous if part.kind == "continuous" else encoded.codes
            shut = 0 if part.kind == "continuous" else -1
            assert (held[lab, part.store] == shut).all()


def test_missing_together_stays_missing_together() -> None:
    frame = panel_table()
    encoder = learn_table(frame)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    back = encoder.decode(encoded, np.random.default_rng(1))
    pd.testing.assert_frame_equal(back.isna(), frame.isna())
    assert back.dtypes.equals(frame.dtypes)
    # A generator may choose presence as it likes: the columns follow it, whatever else it writes there.
    encoded.codes[:, 0] = np.arange(600) % 2
    back = encoder.decode(encoded, np.random.default_rng(1))
    for name in ("sodium", "potassium", "grade"):
        np.testing.assert_array_equal(back[name].isna(), np.arange(600) % 2 == 0)


def test_fewer_missing_cells_than_the_floor_are_resampled() -> None:
    frame = panel_table()
    frame.loc[[3, 5, 8], "age"] = np.nan
    encoder = learn_table(frame)
    assert "column 'age': 3 missing cells, fewer than 5, are resampled" in encoder.notes
    assert not any(part.column == "age" and part.purpose == "present" for part in encoder.layout.parts)
    codes = [encoder.encode(frame, np.random.default_rng(seed)).continuous for seed in range(2)]
    assert (codes[0][[3, 5, 8]] != codes[1][[3, 5, 8]]).any()
    back = encoder.decode(encoder.encode(frame, np.random.default_rng(1)), np.random.default_rng(1))
    assert back["age"].notna().all()


def test_another_pattern_at_encoding() -> None:
    frame = panel_table()
    encoder = learn_table(frame)
    # Half of a panel: it counts as present, and what is missing of it is drawn.
    torn = frame.dropna(subset=["sodium"]).reset_index(drop=True)
    torn.loc[0:50, "sodium"] = np.nan
    torn.loc[0:20, "age"] = np.nan
    back = encoder.decode(encoder.encode(torn, np.random.default_rng(1)), np.random.default_rng(1))
    assert back[["sodium", "potassium", "age"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("missing", "present", "answer"),
    [(0, 50, "always"), (5, 45, "sometimes"), (4, 46, "resampled"), (46, 4, "never"), (50, 0, "never")],
)
def test_presence_by_hand(missing: int, present: int, answer: str) -> None:
    mask = np.array([True] * missing + [False] * present)
    assert presence_of(mask, floor=5) == answer


def test_panels_by_hand() -> None:
    masks = [np.array(pattern, dtype=bool) for pattern in ([1, 0, 0], [0, 1, 0], [1, 0, 0])]
    assert find_panels([masks[0], None, masks[1], masks[2]]) == ((0, 3), (2,))
