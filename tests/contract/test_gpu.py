"""Every network on a GPU: it learns there, with and without a budget, and its file is read on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from synthetic_healthcare import SyntheticDataGenerator, models
from synthetic_healthcare.models._base import TrainedModel

MakeTable = Callable[..., pd.DataFrame]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")

NETWORKS = tuple(name for name in models.available() if issubclass(models.model_class(name), TrainedModel))
PLAIN = tuple(name for name in NETWORKS if not models.model_class(name).requires_privacy)


@pytest.mark.parametrize("name", PLAIN)
def test_a_network_learns_on_the_gpu_and_is_read_on_the_cpu(
    name: str, clinical_table: MakeTable, tmp_path: Path
) -> None:
    table = clinical_table(600)
    generator = SyntheticDataGenerator(name, random_state=0, device="cuda")
    generator.fit(table, target="died", epochs=20)
    rows = generator.generate(2000, random_state=0)
    assert (rows["sex"] == "F").mean() == pytest.approx((table["sex"] == "F").mean(), abs=0.12)
    assert rows["age"].mean() == pytest.approx(table["age"].mean(), abs=0.5 * table["age"].std())
    generator.save(tmp_path / "model.shm")
    again = SyntheticDataGenerator.load(tmp_path / "model.shm").generate(2000, random_state=0)
    assert list(again.columns) == list(rows.columns)
    assert (again["sex"] == "F").mean() == pytest.approx((rows["sex"] == "F").mean(), abs=0.08)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_private_network_keeps_its_budget_on_the_gpu(name: str, plain_table: MakeTable) -> None:
    generator = SyntheticDataGenerator(name, privacy_level="high", random_state=0, device="cuda")
    generator.fit(plain_table(800), target="outcome", epochs=5)
    assert 0 < generator.describe()["ledger"]["totals"]["pld"] <= 1.0
    assert len(generator.generate(500)) == 500
