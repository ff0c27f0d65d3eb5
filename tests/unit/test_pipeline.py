"""The verbs one by one: what each takes, what it leaves out, and what the same seed gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.errors import DataError, SchemaError
from synthetic_healthcare.models._base import MarginalModel, TrainedModel
from synthetic_healthcare.pipeline import Prepared, Trained
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.sampling.draw import CHUNK
from synthetic_healthcare.schema.layout import expand
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.transforms.config import TransformConfig

MakeTable = Callable[..., pd.DataFrame]
TRAINING = TrainingConfig(epochs=1, threads=1)
NETWORKS = [name for name in models.available() if issubclass(models.model_class(name), TrainedModel)]


def prepared_from(frame: pd.DataFrame, *, seed: int = 0) -> Prepared:
    return pipeline.prepare(
        frame,
        Schema.infer(frame),
        transforms=TransformConfig(),
        rng=np.random.default_rng(seed),
    )


#: Models of counts never see rows: tests/unit/test_private_fit.py has them.
FROM_ROWS = [n for n in models.available() if not issubclass(models.model_class(n), MarginalModel)]


def trained_on(prepared: Prepared, name: str = "beta-vae", *, seed: int = 0) -> Trained:
    config = models.settings(name, {})
    return pipeline.train(
        prepared.encoded, name, config, training=TRAINING, seed=seed, checkpoint=None, progress=Silent()
    )


def test_prepare_encodes_every_row(plain_table: MakeTable) -> None:
    prepared = prepared_from(plain_table(300))
    rows = expand(prepared.encoded)
    assert np.isfinite(rows).all()
    assert rows.shape == (300, prepared.encoder.layout.width)


def test_rows_that_only_judge_are_set_aside_where_they_are_enough(plain_table: MakeTable) -> None:
    encoded = prepared_from(plain_table(300)).encoded
    learnt, judges = pipeline.set_aside(encoded, 0.1, rng=np.random.default_rng(0))
    assert judges is not None
    assert (len(learnt), len(judges)) == (270, 30)
    together = np.concatenate([expand(learnt), expand(judges)])
    np.testing.assert_allclose(np.sort(together[:, 0]), np.sort(expand(encoded)[:, 0]))
    few = encoded.take(np.arange(pipeline.MINIMUM_VALIDATION * 10 - 10))
    assert pipeline.set_aside(few, 0.1, rng=np.random.default_rng(0)) == (few, None)


def test_prepare_gives_the_same_for_the_same_generator(plain_table: MakeTable) -> None:
    first, second, other = (prepared_from(plain_table(), seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(expand(first.encoded), expand(second.encoded))
    assert not np.array_equal(expand(first.encoded), expand(other.encoded))


def test_prepare_refuses_a_table_that_says_nothing() -> None:
    with pytest.raises(DataError, match="none of the 2 columns holds anything to learn"):
        prepared_from(pd.DataFrame({"site": ["north"] * 60, "case_id": [f"A{n:04d}" for n in range(60)]}))


def test_prepare_refuses_equal_rows() -> None:
    with pytest.raises(DataError, match="all 60 rows are the same"):
        prepared_from(pd.DataFrame({"site": ["north"] * 60, "gone": [np.nan] * 60}))


def test_prepare_refuses_a_table_of_another_schema(plain_table: MakeTable) -> None:
    frame = plain_table()
    with pytest.raises(SchemaError, match="'ward' is missing"):
        pipeline.prepare(
            frame.drop(columns="ward"),
            Schema.infer(frame),
            transforms=TransformConfig(),
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_trains_the_same_weights(name: str, plain_table: MakeTable) -> None:
    prepared = prepared_from(plain_table())
    first, second, other = (trained_on(prepared, name, seed=seed).model.to_state() for seed in (0, 0, 1))
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])
    assert any(not np.array_equal(value, other[key]) for key, value in first.items())


def test_training_says_how_it_went(plain_table: MakeTable) -> None:
    facts = trained_on(prepared_from(plain_table(300))).facts
    assert facts["updates"] == 15
    assert 0 < facts["chosen"] <= 15
    assert facts["ended"] == "finished"
    assert np.isfinite(facts["score"])
    assert facts["threads"] == 1


@pytest.mark.parametrize("name", FROM_ROWS)
def test_a_rebuilt_model_draws_the_same_rows(name: str, plain_table: MakeTable) -> None:
    prepared = prepared_from(plain_table())
    model = trained_on(prepared, name).model
    settings = model.config.model_dump(mode="json")
    again = pipeline.rebuild(name, prepared.encoder.layout, settings, model.to_state())
    (drawn,), (redrawn,) = (list(pipeline.sample(one, 50, seed=3)) for one in (model, again))
    np.testing.assert_array_equal(expand(drawn), expand(redrawn))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_is_what_draws_and_not_what_saw_the_rows(name: str, plain_table: MakeTable) -> None:
    model = trained_on(prepared_from(plain_table()), name).model
    assert isinstance(model, TrainedModel)
    kept = sum(value.size for value in model.to_state().values())
    assert kept == sum(value.numel() for value in model.sampler().state_dict().values())
    if name == "autoregressive":
        # It has no part that only training needs.
        return
    # The critic of a GAN and the encoder of a VAE are the larger half; neither is in the sampler.
    assert kept < 0.7 * sum(value.numel() for value in model.state_dict().values())


def test_rows_come_in_chunks_that_add_up(plain_table: MakeTable) -> None:
    model = trained_on(prepared_from(plain_table())).model
    sizes = [len(chunk) for chunk in pipeline.sample(model, 2 * CHUNK + 5, seed=0)]
    assert sizes == [CHUNK, CHUNK, 5]


def test_restored_chunks_make_one_table_with_fresh_identifiers(plain_table: MakeTable) -> None:
    frame = plain_table().assign(visit_id=[f"V{number}" for number in range(120)])
    prepared = prepared_from(frame)
    chunks = [prepared.encoded.take(np.arange(start, start + 40)) for start in (0, 40, 80)]
    tables = list(pipeline.restore(iter(chunks), prepared.encoder, rng=np.random.default_rng(0)))
    assert [list(table.columns) for table in tables] == [list(frame.columns)] * 3
    made = pd.concat(tables)["visit_id"]
    assert made.is_unique
    assert set(made).isdisjoint(frame["visit_id"])


def test_the_global_generators_are_left_alone(plain_table: MakeTable) -> None:
    import torch

    torch.manual_seed(7)
    numpy_before, torch_before = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    model = trained_on(prepared_from(plain_table())).model
    list(pipeline.sample(model, 10, seed=0))
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
