"""What one patient alone holds is neither in the model file nor in what is generated."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import RunConfig, Schema, SyntheticDataGenerator, models
from synthetic_healthcare.artifacts.store import read_model
from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.transforms.config import TransformConfig

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

SECRET = 987654.25
DATE = pd.Timestamp("2121-12-21")
#: The secret number as it is and as tens, the secret date as days and as seconds.
SECRET_FORMS = (SECRET, SECRET / 10, DATE.timestamp() / 86_400, DATE.timestamp())
WORDS = ("zebrafish", "Quagga-17", "Z99.777", "quokka")
ROWS = 400
DRAWN = 20_000

#: Models that can be fitted without a budget.
FITTABLE = tuple(name for name in models.available() if not models.model_class(name).requires_privacy)


def with_canary(frame: pd.DataFrame) -> pd.DataFrame:
    """Add columns of every kind in which the last row alone holds something."""
    rng = np.random.default_rng(0)
    n = len(frame)
    frame = frame.assign(
        cost=np.round(rng.gamma(2, 400, n), 2),
        lab=[f"{value:.1f}" if value > 1 else "<1" for value in rng.gamma(2, 3, n)],
        flag=pd.Series(["no"] * n, dtype=object),
        sites=[";".join(sorted(rng.choice(["A1", "B2", "C3"], 2, replace=False))) for _ in range(n)],
        grade=pd.Categorical(
            rng.choice(["low", "high", "top"], n), ["low", "high", "top", "quokka"], ordered=True
        ),
        seen=pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D"),
        rare=pd.Series([np.nan] * n, dtype=object),
    )
    frame["ward"] = frame["ward"].astype(object)
    last = n - 1
    secrets: dict[str, Any] = {"cost": SECRET, "ward": "zebrafish", "flag": "Quagga-17", "lab": "<0.77731"}
    secrets |= {"sites": "A1;Z99.777", "grade": "quokka", "rare": "zebrafish"}
    secrets |= {"seen": DATE, "pressure": SECRET}
    for name, value in secrets.items():
        frame.loc[last, name] = value
    return frame


@dataclass(frozen=True)
class Released:
    """What leaves the house: the file and the rows; beside the table that they were learnt from."""

    table: pd.DataFrame
    rows: pd.DataFrame
    data: bytes
    documents: dict[str, Any]
    tensors: dict[str, dict[str, Any]]

    def numbers(self) -> np.ndarray[Any, Any]:
        """Every number of the file, in tensors and in documents."""
        flat = [np.ravel(array).astype(float) for group in self.tensors.values() for array in group.values()]
        return np.concatenate([*flat, np.array(list(_numbers(self.documents)), dtype=float)])


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        # Seeds and the like are whole numbers beyond doubles; no cell is.
        yield float(value)


@pytest.fixture(scope="module", params=FITTABLE)
def released(
    request: pytest.FixtureRequest,
    plain_table: MakeTable,
    quick_fit: Fit,
    tmp_path_factory: pytest.TempPathFactory,
) -> Released:
    table = with_canary(plain_table(ROWS))
    path = tmp_path_factory.mktemp("released") / "model.shm"
    # Everything is learnt: the canary must not be spared by the hold-out.
    generator = quick_fit(table, request.param, holdout=0, target="outcome", epochs=4)
    generator.save(path)
    return Released(table, generator.generate(DRAWN), path.read_bytes(), *read_model(path))


def test_no_number_of_the_canary_is_in_the_file(released: Released) -> None:
    assert (released.table == SECRET).any(axis=None)
    numbers = released.numbers()
    assert len(numbers) > 1000
    for form in SECRET_FORMS:
        assert np.abs(numbers - form).min() > 0.5
        for layout in ("<f", "<d", ">d"):
            assert struct.pack(layout, form) not in released.data
    assert str(SECRET).encode() not in released.data
    assert b"987654" not in released.data


def test_no_word_of_the_canary_is_in_the_file(released: Released) -> None:
    text = json.dumps(released.documents)
    for word in (*WORDS, "0.77731", "2121-12-21"):
        assert word not in text
        assert word.encode() not in released.data
        assert word.encode("utf-16-le") not in released.data


def test_nothing_of_the_canary_is_generated(released: Released) -> None:
    rows = released.rows
    texts = rows.astype(str)
    for word in (*WORDS, "987654", "0.77731"):
        assert not texts.apply(lambda column, word=word: column.str.contains(word, regex=False)).any(
            axis=None
        )
    assert rows["cost"].max() < SECRET
    assert rows["pressure"].max() < SECRET
    assert rows["seen"].max() < DATE
    assert set(rows["flag"]) == {"no"}
    assert rows["rare"].isna().all()
    assert set(rows["grade"].cat.categories) == {"low", "high", "top"}


@pytest.mark.parametrize("name", ["age", "pressure", "cost", "seen"])
def test_extremes_of_single_patients_are_never_generated(name: str, released: Released) -> None:
    real, made = released.table[name], released.rows[name]
    for end, inside in ((real.min(), made.min() > real.min()), (real.max(), made.max() < real.max())):
        held = int((real == end).sum())
        # An extreme that five patients share is nobody's own.
        assert inside or held >= 5
        assert not (made == end).any() or held >= 5
    assert made.nunique() > 20


def test_categories_and_codes_below_the_floor_are_never_generated(released: Released) -> None:
    for name in ("ward", "flag", "outcome"):
        counts = released.table[name].value_counts()
        assert set(released.rows[name].dropna()) <= set(counts[counts >= 5].index)
    codes = released.rows["sites"].str.split(";").explode()
    assert set(codes) - {""} == {"A1", "B2", "C3"}
    assert (
        not released.rows.astype(str)
        .apply(lambda column: column.str.contains("RARE", case=False))
        .any(axis=None)
    )


def test_only_the_sampler_is_in_the_file(released: Released) -> None:
    """A critic, or an encoder, has been shown every patient: neither is needed to draw, neither is kept."""
    assert set(released.tensors) == {"encoder", "weights", "levers"}
    documents = {"run", "model", "encoder", "format", "origin", "rules", "levers", "ledger"}
    assert set(released.documents) == documents
    names = " ".join(released.tensors["weights"])
    assert not any(word in names for word in ("critic", "discriminator", "encoder", "moment", "exp_avg"))
    name = released.documents["model"]["name"]
    config = models.settings(name, released.documents["model"]["settings"])
    from synthetic_healthcare.transforms.encoder import TableEncoder

    encoder = TableEncoder.from_state(released.documents["encoder"], released.tensors["encoder"])
    whole = models.build(name, encoder.layout, config)
    if not isinstance(whole, TrainedModel):
        return
    sampler = {key: tuple(value.shape) for key, value in whole.sampler().state_dict().items()}
    assert {key: value.shape for key, value in released.tensors["weights"].items()} == sampler
    # Critic and encoder stay behind; the autoregressive net has neither.
    assert len(sampler) < len(whole.state_dict()) or name == "autoregressive"


def test_no_array_of_the_file_has_an_entry_for_each_row(released: Released) -> None:
    for group in released.tensors.values():
        for name, array in group.items():
            assert ROWS not in array.shape, name
            assert round(0.9 * ROWS) not in array.shape, name


# The trees of a forest grow with the rows, up to a bound of its own; each leaf still speaks of many patients.
@pytest.mark.parametrize("name", [name for name in FITTABLE if name != "forest"])
def test_the_file_does_not_grow_with_the_patients(name: str, plain_table: MakeTable, tmp_path: Path) -> None:
    """Up to the bound that `fit_quantiles` states: 4 knots + 8 points of two numbers a column."""
    settings = {
        "model": {"type": name, "training": {"epochs": 1, "batch_size": 1000, "validation_share": 0.0}}
    }
    sizes, weights, encoders = [], [], []
    for rows in (1_000, 20_000):
        generator = SyntheticDataGenerator.from_config(RunConfig.from_mapping(settings), random_state=0)
        generator.fit(plain_table(rows), epochs=1).save(tmp_path / "model.shm")
        _, tensors = read_model(tmp_path / "model.shm")
        sizes.append((tmp_path / "model.shm").stat().st_size)
        weights.append({key: value.shape for key, value in tensors["weights"].items()})
        encoders.append(sum(value.nbytes for value in tensors["encoder"].values()))
    bound = 2 * 8 * (4 * TransformConfig().knots + 8)
    assert weights[0] == weights[1]
    assert max(encoders) <= 2 * bound
    # What is left are digits: counts and shares are written out longer or shorter.
    assert abs(sizes[1] - encoders[1] - sizes[0] + encoders[0]) < 500


@pytest.mark.parametrize("name", FITTABLE)
def test_a_panel_is_missing_together(name: str, clinical_table: MakeTable, quick_fit: Fit) -> None:
    made = quick_fit(clinical_table(), name).generate(DRAWN)
    gone = made["sodium"].isna()
    assert 0.02 < gone.mean() < 0.98
    pd.testing.assert_series_equal(gone, made["potassium"].isna(), check_names=False)


def test_a_patients_many_visits_count_once(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    """Thirty visits of one patient are above every floor on rows, and still the values of one patient."""
    visits = plain_table(300).assign(patient_id=np.arange(300) // 2)
    own = visits.tail(30).assign(patient_id=9999, ward="zebrafish", pressure=SECRET, age=133)
    table = pd.concat([visits, own], ignore_index=True)
    generator = quick_fit(table, holdout=0)
    generator.save(tmp_path / "model.shm")
    documents, tensors = read_model(tmp_path / "model.shm")
    made = generator.generate(DRAWN)
    assert "zebrafish" not in json.dumps(documents)
    assert "zebrafish" not in set(made["ward"])
    assert made["pressure"].max() < SECRET
    assert made["age"].max() < 133
    for array in tensors["encoder"].values():
        assert np.abs(array.astype(float) - SECRET).min(initial=np.inf) > 0.5


def test_levels_that_nobody_holds_are_part_of_the_dtype(plain_table: MakeTable, quick_fit: Fit) -> None:
    """A level of an ordered Categorical that no patient holds was declared; one that few hold is a value."""
    stages = ["I", "II", "III", "IV", "V"]
    table = plain_table(200).assign(
        stage=pd.Categorical(np.resize(["I", "II", "III"], 200), stages, ordered=True)
    )
    table.loc[7, "stage"] = "V"
    made = quick_fit(table, holdout=0).generate(100)
    assert list(made["stage"].cat.categories) == ["I", "II", "III", "IV"]
    assert made["stage"].cat.ordered


def test_identifiers_are_made_afresh(clinical_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    table = clinical_table()
    schema = Schema.infer(table)
    assert schema["visit_id"].kind == "identifier"
    generator = quick_fit(table, schema=schema)
    generator.save(tmp_path / "model.shm")
    text = (tmp_path / "model.shm").read_bytes()
    assert not any(value.encode() in text for value in table["visit_id"])
    assert set(generator.generate(1000)["visit_id"]).isdisjoint(table["visit_id"])
