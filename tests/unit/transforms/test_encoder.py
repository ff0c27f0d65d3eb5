"""The whole table: order, dtypes, state, refusals, protection and speed on real tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import ArtifactError, DataError, RejectColumn, SchemaError
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.layout import collapse, expand
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder, fit_encoder


def clinic(n: int = 800, seed: int = 0) -> pd.DataFrame:
    """Patients as they are: every kind of column, gaps, heaps, limits, rare values."""
    rng = np.random.default_rng(seed)
    lab = rng.random(n) < 0.25
    troponin = np.array([f"{value:.2f}" for value in rng.lognormal(-1, 1, n)], dtype=object)
    troponin[rng.random(n) < 0.3] = "<0.1"
    known = ["I10", "E11", "N18", "J44"]
    frame = pd.DataFrame(
        {
            "mrn": [f"H{row:06d}" for row in rng.permutation(n)],
            "age": rng.integers(18, 95, n),
            "sex": rng.choice(["F", "M"], n),
            "stage": rng.choice([1, 2, 3, 4], n, p=[0.5, 0.3, 0.15, 0.05]),
            "weight_kg": rng.normal(80, 15, n).round(1),
            "drinks": np.where(rng.random(n) < 0.5, 0.0, rng.gamma(2, 4, n).round()),
            "troponin": troponin,
            "creatinine": rng.lognormal(0, 0.4, n).round(2),
            "admitted": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), unit="D"),
            "codes": [";".join(rng.choice(known, rng.integers(0, 4), False)) for _ in range(n)],
            "died": rng.random(n) < 0.2,
            "site": "north",
        }
    )
    frame.loc[lab, ["troponin", "creatinine"]] = None
    return frame


def clinic_schema(frame: pd.DataFrame) -> Schema:
    kinds = {
        "mrn": "identifier",
        "age": "integer",
        "sex": "boolean",
        "stage": "ordinal",
        "admitted": "datetime",
        "codes": "codes",
        "died": "boolean",
        "site": "categorical",
    }
    columns = (
        Column(
            name,
            kinds.get(name, "numeric"),
            dtype=str(frame[name].dtype),
            decimals=0 if name == "age" else None,
            delimiter=";" if name == "codes" else None,
        )
        for name in frame
    )
    return Schema(tuple(columns))


def learn(frame: pd.DataFrame, schema: Schema | None = None, **config: Any) -> TableEncoder:
    return fit_encoder(
        frame, schema or clinic_schema(frame), config=TransformConfig(**config), rng=np.random.default_rng(0)
    )


@pytest.mark.parametrize("numeric", ["quantile", "modes"])
def test_there_and_back(numeric: str) -> None:
    frame = clinic()
    encoder = learn(frame, numeric=numeric)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    back = encoder.decode(encoded, np.random.default_rng(2))
    assert list(back.columns) == list(frame.columns)
    assert back.dtypes.to_dict() == frame.dtypes.to_dict()
    for name in ("sex", "stage", "died", "site"):
        pd.testing.assert_series_equal(back[name], frame[name])
    np.testing.assert_array_equal(back["troponin"].isna(), back["creatinine"].isna())
    np.testing.assert_array_equal(back["troponin"] == "<0.1", frame["troponin"] == "<0.1")
    before, after = ([set(cell.split(";")) for cell in table["codes"]] for table in (frame, back))
    assert before == after
    # The compact form and the matrix say the same.
    again = collapse(encoder.layout, expand(encoded))
    np.testing.assert_array_equal(again.codes, encoded.codes)
    np.testing.assert_array_equal(again.continuous, encoded.continuous)
    np.testing.assert_array_equal(again.bits, encoded.bits)


@pytest.mark.parametrize("numeric", ["quantile", "modes"])
def test_state_goes_through_json_exactly(numeric: str) -> None:
    frame = clinic()
    encoder = learn(frame, numeric=numeric)
    facts, arrays = encoder.to_state()
    again = TableEncoder.from_state(json.loads(json.dumps(facts, allow_nan=False)), arrays)
    assert again.layout == encoder.layout
    assert again.schema == encoder.schema
    assert again.notes == encoder.notes
    first, second = (one.encode(frame, np.random.default_rng(1)) for one in (encoder, again))
    np.testing.assert_array_equal(first.continuous, second.continuous)
    np.testing.assert_array_equal(first.codes, second.codes)
    np.testing.assert_array_equal(first.bits, second.bits)
    pd.testing.assert_frame_equal(
        encoder.decode(first, np.random.default_rng(2)), again.decode(first, np.random.default_rng(2))
    )
    facts_again, arrays_again = again.to_state()
    assert facts_again == facts
    assert arrays_again.keys() == arrays.keys()


def test_same_seed_same_rows_and_chunks_join_up() -> None:
    frame = clinic()
    encoder = learn(frame)
    encoded = encoder.encode(frame, np.random.default_rng(1))
    np.testing.assert_array_equal(
        encoded.continuous, encoder.encode(frame, np.random.default_rng(1)).continuous
    )
    whole = encoder.decode(encoded, np.random.default_rng(2))
    parts = [
        encoder.decode(encoded.take(np.arange(begin, begin + 200)), np.random.default_rng(2), first_row=begin)
        for begin in range(0, 800, 200)
    ]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_another_column_order_and_other_columns() -> None:
    frame = clinic()
    encoder = learn(frame)
    turned = frame[frame.columns[::-1]]
    encoded = encoder.encode(turned, np.random.default_rng(1))
    np.testing.assert_array_equal(encoded.codes, encoder.encode(frame, np.random.default_rng(1)).codes)
    with pytest.raises(SchemaError, match="'age' is missing"):
        encoder.encode(frame.drop(columns="age"), np.random.default_rng(1))


def test_text_is_refused_by_name() -> None:
    frame = clinic()
    schema = clinic_schema(frame).with_column("troponin", kind="text")
    with pytest.raises(RejectColumn, match="'troponin': free text is not learnt"):
        learn(frame, schema)


def test_nothing_to_learn_is_an_error() -> None:
    frame = clinic()[["mrn", "site"]]
    with pytest.raises(DataError, match="none of the 2 columns"):
        learn(frame)


def test_a_state_of_another_version_is_refused() -> None:
    facts, arrays = learn(clinic()).to_state()
    with pytest.raises(ArtifactError, match="version"):
        TableEncoder.from_state({**facts, "version": 99}, arrays)


def leaves(data: Any) -> Iterator[Any]:
    """Every scalar of nested data, keys included."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from leaves(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from leaves(value)
    else:
        yield data


def planted(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Any]]:
    """Give the first patient values that nobody else has."""
    frame = frame.copy()
    row = {
        "mrn": "H-CANARY",
        "age": 47,
        "weight_kg": 83.7654321,
        "drinks": 4711.0,
        "troponin": "<0.0777",
        "creatinine": 17.17,
        "admitted": pd.Timestamp("1911-11-11"),
        "codes": "Q99.CANARY",
    }
    for name, value in row.items():
        frame.loc[0, name] = value
    frame["stage"] = frame["stage"].where(frame.index != 0, 7777)
    frame["site"] = np.where(frame.index == 0, "CANARYTOWN", np.where(frame.index % 2 == 0, "north", "south"))
    days = (pd.Timestamp("1911-11-11") - pd.Timestamp("1970-01-01")).days
    numbers = [83.7654321, 4711.0, 0.0777, 17.17, days, days * 86400, 7777]
    return frame, ["H-CANARY", "Q99.CANARY", "CANARYTOWN", *numbers]


@pytest.mark.parametrize("numeric", ["quantile", "modes"])
def test_one_patient_is_nowhere_in_the_state_nor_in_what_comes_out(numeric: str) -> None:
    frame, canaries = planted(clinic())
    schema = clinic_schema(frame).with_column("site", kind="categorical")
    # Levels as inference reads them from the data, the rare one among them.
    inferred = tuple(
        Column(**{**{f: getattr(c, f) for f in c.__slots__}, "categories": (1, 2, 3, 4, 7777)})
        if c.name == "stage"
        else c
        for c in schema.columns
    )
    encoder = learn(frame, Schema(inferred), numeric=numeric)
    facts, arrays = encoder.to_state()
    held = list(leaves(facts)) + [value for array in arrays.values() for value in array.ravel().tolist()]
    texts = [value for value in held if isinstance(value, str)]
    numbers = np.array([value for value in held if isinstance(value, int | float)], dtype=float)
    for canary in canaries:
        if isinstance(canary, str):
            assert not any(canary in text for text in texts), canary
        else:
            assert not np.isclose(numbers, canary, rtol=1e-9, atol=0).any(), canary
    for name in ("weight_kg", "creatinine", "drinks"):
        values = pd.to_numeric(frame[name])
        place = f"{list(frame).index(name)}."
        own = np.concatenate([array for key, array in arrays.items() if key.startswith(place)])
        for extreme in (values.max(), values.min()):
            if (values == extreme).sum() < 5:
                assert not np.isclose(own, extreme, rtol=1e-9, atol=0).any(), name
    back = encoder.decode(encoder.encode(frame, np.random.default_rng(1)), np.random.default_rng(2))
    text = back.to_csv()
    assert not [name for name in ("CANARY", "4711", "17.17", "0.0777", "1911-11-11") if name in text]
    assert 7777 not in set(back["stage"])


def test_state_does_not_grow_with_the_rows() -> None:
    sizes = []
    for n in (2_000, 20_000):
        rng = np.random.default_rng(n)
        letters = rng.choice(list("abc"), n)
        frame = pd.DataFrame({"x": rng.normal(size=n), "y": rng.gamma(2.0, 1.0, n), "z": letters})
        schema = Schema((Column("x", "numeric"), Column("y", "numeric"), Column("z", "categorical")))
        facts, arrays = learn(frame, schema).to_state()
        sizes.append((sum(array.nbytes for array in arrays.values()), len(list(leaves(facts)))))
    assert sizes[0] == sizes[1]


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="rare_flor"):
        TransformConfig.model_validate({"rare_flor": 3})
    with pytest.raises(ValueError, match="spike_share"):
        TransformConfig(spike_share=0.0)


def real_tables() -> Path:
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real tables at {folder}")
    return folder


def test_heart_keeps_its_distributions() -> None:
    from scipy.stats import ks_2samp

    frame = pd.read_csv(real_tables() / "heart" / "heart_kaggle_303.csv")
    schema = Schema.infer(frame, target="target")
    encoder = learn(frame, schema)
    back = encoder.decode(encoder.encode(frame, np.random.default_rng(1)), np.random.default_rng(2))
    assert back.dtypes.equals(frame.dtypes)
    for name in ("age", "trestbps", "chol", "thalach", "oldpeak"):
        assert ks_2samp(back[name], frame[name], method="asymp").statistic < 0.025
        assert back[name].max() < frame[name].max()
    np.testing.assert_array_equal(back["target"], frame["target"])
    np.testing.assert_array_equal(back["oldpeak"] == 0, frame["oldpeak"] == 0)


def test_a_quarter_of_a_million_rows_come_back() -> None:
    path = real_tables() / "brfss2015" / "diabetes_binary_health_indicators_BRFSS2015.csv.gz"
    frame = pd.read_csv(path)
    encoder = learn(frame, Schema.infer(frame))
    back = encoder.decode(encoder.encode(frame, np.random.default_rng(1)), np.random.default_rng(2))
    assert back.shape == frame.shape
    pd.testing.assert_frame_equal(back.drop(columns=["BMI"]), frame.drop(columns=["BMI"]))
    assert (back["BMI"] == frame["BMI"]).mean() > 0.9999
