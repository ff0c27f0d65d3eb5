"""The conditional VAE: exact conditions, the rest as it goes with them, the target as the default."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from synthetic_healthcare import SyntheticDataGenerator, models
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import ConditionalModel, TrainedModel
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.trainer import Trainer

MakeTable = Callable[..., pd.DataFrame]
LAYOUT = Layout(
    (
        Part("level", "value", "continuous", 1, 0, 0),
        Part("outcome", "value", "categorical", 3, 1, 0, (0.6, 0.3, 0.1)),
        Part("sex", "value", "categorical", 2, 4, 1, (0.5, 0.5)),
    )
)
CENTRES = np.array([-1.0, 0.0, 1.5])
SHARES = np.array([0.6, 0.3, 0.1])


@pytest.fixture(scope="module")
def model() -> ConditionalModel:
    """A model of 800 rows whose number lies around the centre of their outcome."""
    rng = np.random.default_rng(0)
    outcome = rng.choice(3, 800, p=SHARES)
    level = CENTRES[outcome] + 0.2 * rng.normal(size=800)
    codes = np.stack([outcome, rng.integers(0, 2, 800)], axis=1).astype(np.int32)
    rows = Encoded(LAYOUT, level[:, None].astype(np.float32), codes, np.zeros((800, 0), np.uint8))
    torch.manual_seed(0)
    settings = {"conditions": ("outcome",), "encoder_layers": (16,), "decoder_layers": (16,)}
    built = models.build("cvae", LAYOUT, models.settings("cvae", settings))
    assert isinstance(built, TrainedModel)
    assert isinstance(built, ConditionalModel)
    trainer = Trainer(
        built.schedule(),
        built.sampler(),
        rows=Rows(rows, torch.device("cpu")),
        config=TrainingConfig(epochs=50),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    trainer.run(None, checkpoint=None, progress=Silent())
    return built


@pytest.mark.parametrize("outcome", [0, 1, 2])
@torch.inference_mode()
def test_every_row_meets_its_condition_and_the_rest_follows_it(model: ConditionalModel, outcome: int) -> None:
    condition = EncodedCondition(categories={1: np.arange(3) == outcome})
    found = model.sample_given(2000, condition, rng=torch.Generator().manual_seed(0))
    assert (found.rows.codes[:, 0] == outcome).all()
    assert found.rows.continuous.mean() == pytest.approx(CENTRES[outcome], abs=0.15)
    assert found.rows.continuous.std() == pytest.approx(0.2, abs=0.12)
    # One condition column: the weight is its probability, the same for every row.
    assert found.weight.max() == pytest.approx(found.weight.min())
    assert found.weight.mean() == pytest.approx(SHARES[outcome], abs=0.04)


@torch.inference_mode()
def test_what_is_asked_of_other_columns_is_left_to_chance(model: ConditionalModel) -> None:
    condition = EncodedCondition(categories={2: np.array([True, False])}, ranges={0: (5.0, 6.0)})
    found = model.sample_given(500, condition, rng=torch.Generator().manual_seed(0))
    assert (found.weight == 1).all()
    assert set(found.rows.codes[:, 1]) == {0, 1}


def test_conditions_are_the_target_where_they_are_not_set() -> None:
    def conditions(architecture: dict[str, object], target: str | None) -> object:
        return models.settings("cvae", architecture, target=target).model_dump()["conditions"]

    assert conditions({}, "outcome") == ("outcome",)
    assert conditions({}, None) == ()
    assert conditions({"conditions": ()}, "outcome") == ()
    assert conditions({"conditions": ["sex"]}, "outcome") == ("sex",)
    assert models.settings("beta-vae", {}, target="outcome") == models.settings("beta-vae", {})


def test_a_fit_with_a_target_conditions_on_it(plain_table: MakeTable) -> None:
    generator = SyntheticDataGenerator("cvae", random_state=0)
    generator.fit(plain_table(120), target="outcome", epochs=1)
    rows = generator.generate(50)
    assert set(rows["outcome"]) <= {"ill", "well"}
    with pytest.raises(ConfigError, match="'age'"):
        SyntheticDataGenerator("cvae", random_state=0).fit(plain_table(120), target="age", epochs=1)
