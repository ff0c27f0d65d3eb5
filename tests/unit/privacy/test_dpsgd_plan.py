"""Plans of private trainings: what is paid for is what is done; people's rows stay together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare import models
from synthetic_healthcare.errors import BudgetExceededError, ConfigError
from synthetic_healthcare.models._base import TrainedModel
from synthetic_healthcare.phases import Phase
from synthetic_healthcare.privacy.charges import Gaussian
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.dpsgd import DPSGD
from synthetic_healthcare.training.plan import PrivatePlan, PrivateTraining, plan_training, private_training
from synthetic_healthcare.training.poisson import PoissonRows
from synthetic_healthcare.training.secrets import Secrets

CPU = torch.device("cpu")
LAYOUT = Layout((Part("x", "value", "continuous", 1, 0, 0), Part("y", "value", "continuous", 1, 1, 1)))
BUDGET = Budget(1.0, 1e-5)


def numbered(n: int) -> Encoded:
    """Rows that say which they are."""
    values = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(np.float32)
    return Encoded(LAYOUT, values, np.zeros((n, 0), np.int32), np.zeros((n, 0), np.uint8))


def schedule_of(name: str) -> tuple[Phase, ...]:
    model = models.build(name, LAYOUT, models.settings(name, {}, private=True))
    assert isinstance(model, TrainedModel)
    return model.schedule()


def plan(**changed: float) -> PrivatePlan:
    facts = {
        "rows": 40,
        "probability": 0.5,
        "times": 10,
        "multiplier": 1.0,
        "clip_norm": 1.0,
        "rows_per_person": 1,
    }
    return PrivatePlan(**{**facts, **changed}, training=TrainingConfig())  # type: ignore[arg-type]


def test_a_plan_spends_what_is_left_and_not_more() -> None:
    ledger = PrivacyLedger(BUDGET)
    ledger.spend("counts", Gaussian(6.0))
    found = plan_training(
        ledger, schedule_of("beta-vae"), TrainingConfig(), PrivateTraining(updates=300), rows=5000
    )
    assert found.times == found.training.updates == 300
    assert found.expected_batch == found.training.batch_for(5000) == 512
    ledger.spend("training", found.charge())
    assert 0.997 < ledger.epsilon() <= 1.0
    with pytest.raises(BudgetExceededError):
        plan_training(ledger, schedule_of("beta-vae"), TrainingConfig(), PrivateTraining(), rows=5000)


def test_a_share_leaves_the_rest_for_others() -> None:
    ledger = PrivacyLedger(BUDGET)
    whole = ledger.precision_left()
    found = plan_training(
        ledger, schedule_of("beta-vae"), TrainingConfig(), PrivateTraining(updates=100), rows=900, share=0.6
    )
    ledger.spend("training", found.charge())
    left = ledger.precision_left()
    assert left == pytest.approx(0.4 * whole, rel=0.02)
    ledger.spend("counts", Gaussian((0.99 * left) ** -0.5))
    with pytest.raises(ConfigError, match="share"):
        ledger.calibrate_sampled(0.1, 10, share=0.0)


def test_what_a_person_may_have_multiplies_the_noise_and_not_the_charge() -> None:
    one, three = plan(), plan(rows_per_person=3)
    assert three.deviation == 3 * one.deviation
    assert three.charge() == one.charge()


@pytest.mark.parametrize(
    ("rows", "batch", "updates"), [(303, 303, 200), (5000, 512, 2000), (200_000, 1024, 2000)]
)
def test_length_and_batch_follow_from_the_number_of_rows(rows: int, batch: int, updates: int) -> None:
    fixed = private_training(TrainingConfig(), PrivateTraining(), rows=rows, reads=1)
    assert (fixed.batch_for(rows), fixed.updates_for(rows)) == (batch, updates)
    assert fixed.validation_share == 0
    critics = private_training(TrainingConfig(), PrivateTraining(), rows=rows, reads=5)
    assert critics.updates_for(rows) == max(100, updates // 5)


def test_what_the_user_sets_holds() -> None:
    told = TrainingConfig(epochs=3, batch_size=100, ema_decay=0.9)
    fixed = private_training(told, PrivateTraining(), rows=5000, reads=1)
    assert (fixed.updates_for(5000), fixed.batch_for(5000), fixed.ema_decay) == (150, 100, 0.9)
    fixed = private_training(told, PrivateTraining(updates=7, batch_size=50), rows=5000, reads=1)
    assert (fixed.updates_for(5000), fixed.batch_for(5000)) == (7, 50)
    with pytest.raises(ConfigError, match="float32"):
        private_training(TrainingConfig(precision="bf16"), PrivateTraining(), rows=5000, reads=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(1, 4), st.integers(0, 99))
def test_a_persons_rows_are_sampled_together_and_never_more_than_allowed(
    people: list[int], most: int, seed: int
) -> None:
    owner = np.array(people)
    rows = PoissonRows(
        numbered(len(people)),
        plan(rows=len(people), rows_per_person=most),
        Secrets(seed),
        device=CPU,
        people=owner,
    )
    seen: dict[int, set[frozenset[int]]] = {}
    for _ in range(12):
        index = rows._rows.take(torch.from_numpy(rows.sample()))[:, 0].long().numpy()
        for person in np.unique(owner[index]):
            seen.setdefault(int(person), set()).add(frozenset(index[owner[index] == person].tolist()))
    for person, samples in seen.items():
        # Always the same rows of a person, all of them as far as there may be so many.
        (always,) = samples
        assert len(always) == min(most, int((owner == person).sum()))


def test_noise_that_belongs_to_a_row_is_no_ones_seed_and_moves_no_public_stream() -> None:
    """The run's stream stands where it would without rows: how far it went would tell how many there were."""
    phase = schedule_of("beta-vae")[0]
    rows = PoissonRows(numbered(40), plan(), Secrets(), device=CPU)
    public = torch.Generator().manual_seed(0)
    before = public.get_state()
    first, second = (rows.show(phase, {}, n=20, progress=0.5, rng=public) for _ in range(2))
    assert torch.equal(public.get_state(), before)
    k = min(len(first["row_noise"]), len(second["row_noise"]))
    assert not torch.equal(first["row_noise"][:k], second["row_noise"][:k])


def test_a_plan_for_another_table_is_refused() -> None:
    with pytest.raises(ConfigError, match="plan for 40 rows"):
        PoissonRows(numbered(41), plan(), Secrets(), device=CPU)
    with pytest.raises(ConfigError, match="people"):
        PoissonRows(numbered(40), plan(), Secrets(), device=CPU, people=np.zeros(39, dtype=np.int64))


def test_no_step_is_noised_that_was_not_paid_for() -> None:
    phase = schedule_of("beta-vae")[0]
    computer = DPSGD(plan(times=2), Secrets(), device=CPU)
    rows = PoissonRows(numbered(40), plan(), Secrets(), device=CPU)
    inputs = rows.show(phase, {}, n=20, progress=0.0, rng=torch.Generator())
    for _ in range(2):
        computer(phase, inputs)
    with pytest.raises(BudgetExceededError, match="no patient was read"):
        computer(phase, inputs)
    assert computer.steps == 2
