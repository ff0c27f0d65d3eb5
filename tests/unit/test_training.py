"""The trainer: it stops, resumes, chooses and anneals as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from synthetic_healthcare.errors import CheckpointError, TrainingError
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.checkpoints import Checkpoint, recorded_seed
from synthetic_healthcare.training.config import UPDATES_PER_EPOCH, TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.threads import calibrate
from synthetic_healthcare.training.trainer import Outcome, Score, Trainer
from synthetic_healthcare.training.watching import ALERT, PAUSED, Step


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, rows: Tensor) -> Tensor:
        return rows - self.value


class Fit(Phase):
    """Least squares: the mean of the rows is the answer."""

    name = "fit"
    reads_rows = True
    learning_rate = 0.05
    betas = (0.9, 0.99)
    weight_decay = 0.0

    def __init__(self, module: Mean) -> None:
        self.module = module

    def draw_rows(
        self, rows: Tensor, free: Inputs, progress: float, rng: torch.Generator
    ) -> dict[str, Tensor]:
        return {"row_values": rows + 0.1 * torch.randn(rows.shape, generator=rng)}

    def row_loss(self, call: Call, inputs: Inputs) -> Tensor:
        return call(inputs["row_values"]).square().sum(dim=1)


def rows_of(values: list[float]) -> Rows:
    layout = Layout((Part("x", "value", "continuous", 1, 0, 0),))
    data = torch.tensor(values)[:, None].numpy()
    n = len(values)
    encoded = Encoded(layout, data, torch.zeros(n, 0).int().numpy(), torch.zeros(n, 0).byte().numpy())
    return Rows(encoded, torch.device("cpu"))


def run(
    config: TrainingConfig, *, score: Score | None = None, checkpoint: Checkpoint | None = None
) -> tuple[Mean, Outcome]:
    module = Mean()
    trainer = Trainer(
        (Fit(module),),
        module,
        rows=rows_of([1.0, 2.0, 3.0, 4.0]),
        config=config,
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    return module, trainer.run(score, checkpoint=checkpoint, progress=Silent())


def test_it_learns() -> None:
    module, outcome = run(TrainingConfig(epochs=40))
    assert module.value.item() == pytest.approx(2.5, abs=0.1)
    assert outcome.reason == "finished"
    assert outcome.updates == outcome.chosen == 40 * UPDATES_PER_EPOCH
    curve = outcome.history.curves["fit"]
    assert curve[0][1] > 2 * curve[-1][1]


def test_a_slower_pace_takes_shorter_steps() -> None:
    moved = []
    for pace in (1.0, 0.1):
        module = Mean()
        trainer = Trainer(
            (Fit(module),),
            module,
            rows=rows_of([1.0, 2.0, 3.0, 4.0]),
            config=TrainingConfig(updates=1, ema_decay=0.0),
            gradient=PlainGradient(),
            rng=torch.Generator().manual_seed(0),
            pace=pace,
        )
        trainer.run(None, checkpoint=None, progress=Silent())
        moved.append(module.value.item())
    # Adam's first step is as long as the step size.
    assert moved == pytest.approx([0.05, 0.005], rel=1e-3)


def test_an_epoch_of_a_small_table_has_a_least_number_of_updates() -> None:
    assert TrainingConfig(epochs=100).updates_for(300) == 100 * UPDATES_PER_EPOCH
    assert TrainingConfig(epochs=2, batch_size=100).updates_for(10_000) == 200


def checked(
    means: list[float], *, noise: float, patience: int | None = 3
) -> tuple[list[float], Outcome, Mean]:
    """Train with checks of given means, whose rows differ between checks by `noise` standard errors."""
    seen: list[float] = []
    module = Mean()
    trainer = Trainer(
        (Fit(module),),
        module,
        rows=rows_of([1.0, 2.0]),
        config=TrainingConfig(epochs=40, checks=len(means), patience=patience),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    rng = np.random.default_rng(0)

    def score() -> npt.NDArray[np.float64]:
        rows = rng.normal(size=50)
        rows = noise * (rows - rows.mean()) + means[len(seen)]
        seen.append(module.value.item())
        return rows

    return seen, trainer.run(score, checkpoint=None, progress=Silent()), module


def test_a_check_that_is_worse_beyond_chance_is_not_kept_and_patience_ends_it() -> None:
    seen, outcome, module = checked([3.0, 1.0, 2.0, 2.0, 2.0, 2.0], noise=0.1)
    assert outcome.reason == "patience"
    assert len(seen) == 5
    assert outcome.score == pytest.approx(1.0)
    assert module.value.item() == seen[1]
    assert outcome.chosen == outcome.history.curves["score"][1][0]


def test_a_later_check_is_kept_where_chance_explains_the_difference() -> None:
    seen, outcome, module = checked([3.0, 1.0, 1.1, 1.2], noise=10.0)
    assert outcome.reason == "finished"
    assert outcome.score == pytest.approx(1.2)
    assert module.value.item() == seen[3]


def test_seconds_run_out() -> None:
    _, outcome = run(TrainingConfig(epochs=10**6, max_seconds=0.05))
    assert outcome.reason == "max_seconds"
    assert 0 < outcome.updates < 10**6 * UPDATES_PER_EPOCH


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=10, checkpoint_every=7, checks=5)
    whole, told = run(config, score=lambda: np.ones(3))
    calls = 0

    def deadly() -> npt.NDArray[np.float64]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return np.ones(3)

    with pytest.raises(Killed):
        run(config, score=deadly, checkpoint=Checkpoint(tmp_path, {"table": "a"}, seed=5))
    assert recorded_seed(tmp_path) == 5
    resumed, outcome = run(
        config, score=lambda: np.ones(3), checkpoint=Checkpoint(tmp_path, {"table": "a"}, seed=5)
    )
    assert torch.equal(resumed.value, whole.value)
    assert outcome.history.to_dict() == told.history.to_dict()


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=3)
    first, _ = run(config, checkpoint=Checkpoint(tmp_path, {}, seed=0))
    again, outcome = run(config, checkpoint=Checkpoint(tmp_path, {}, seed=0))
    assert torch.equal(first.value, again.value)
    assert outcome.updates == 3 * UPDATES_PER_EPOCH


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=1)
    run(config, checkpoint=Checkpoint(tmp_path, {"table": "a", "settings": "s"}, seed=0))
    with pytest.raises(CheckpointError, match="its table differ"):
        run(config, checkpoint=Checkpoint(tmp_path, {"table": "b", "settings": "s"}, seed=0))


def test_a_loss_that_is_not_finite_stops_with_advice() -> None:
    module = Mean()
    with torch.no_grad():
        module.value.fill_(float("inf"))
    trainer = Trainer(
        (Fit(module),),
        module,
        rows=rows_of([1.0, 2.0]),
        config=TrainingConfig(epochs=2),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    with pytest.raises(TrainingError, match="learning_rate"):
        trainer.run(None, checkpoint=None, progress=Silent())


def test_small_steps_take_one_thread_without_a_trial() -> None:
    def never() -> None:
        raise AssertionError

    assert calibrate(never, multiply_adds=1e6) == 1


def test_calibration_leaves_the_thread_count_as_it_was() -> None:
    before = torch.get_num_threads()
    assert calibrate(lambda: torch.ones(10).sum(), multiply_adds=1e12) >= 1
    assert torch.get_num_threads() == before


def test_batches_write_out_what_was_encoded() -> None:
    layout = Layout(
        (
            Part("x", "value", "continuous", 1, 0, 0),
            Part("c", "value", "categorical", 3, 1, 0),
            Part("b", "value", "bits", 2, 4, 0),
        )
    )
    encoded = Encoded(
        layout,
        torch.tensor([[0.5], [1.5]]).numpy(),
        torch.tensor([[2], [-1]]).int().numpy(),
        torch.tensor([[1, 0], [0, 1]]).byte().numpy(),
    )
    batch = Rows(encoded, torch.device("cpu")).take(torch.tensor([1, 0]))
    assert batch.tolist() == [[1.5, 0, 0, 0, 0, 1], [0.5, 0, 0, 1, 1, 0]]


def test_the_default_length_is_bounded_for_large_tables() -> None:
    assert TrainingConfig().updates_for(300) == 1500
    assert TrainingConfig().updates_for(250_000) == 5000
    assert TrainingConfig(epochs=100).updates_for(250_000) > 40_000


class Looks:
    """A watcher that ends the training at one update, for one reason."""

    def __init__(self, update: int, reason: str) -> None:
        self._end = (update, reason)
        self.seen: list[tuple[int, dict[str, float], dict[str, float], float]] = []
        self.module: Mean | None = None

    def resume(self, state: Sequence[Mapping[str, Any]]) -> None:
        self.resumed = list(state)

    def wants_norms(self, update: int) -> bool:
        return update % 2 == 0

    def look(self, step: Step) -> str:
        with step.averaged():
            average = self.module.value.item() if self.module is not None else 0.0
        self.seen.append((step.update, dict(step.losses()), dict(step.norms), average))
        return self._end[1] if step.update == self._end[0] else ""

    def to_state(self) -> list[dict[str, Any]]:
        return [{"seen": len(self.seen)}]


def watched(
    looks: Looks,
    *,
    score: Score | None = None,
    checkpoint: Checkpoint | None = None,
    config: TrainingConfig | None = None,
    start: float = 0.0,
) -> tuple[Mean, Outcome]:
    module = Mean()
    looks.module = module
    with torch.no_grad():
        module.value.fill_(start)
    trainer = Trainer(
        (Fit(module),),
        module,
        rows=rows_of([1.0, 2.0, 3.0, 4.0]),
        config=config or TrainingConfig(epochs=4),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    return module, trainer.run(score, checkpoint=checkpoint, progress=Silent(), watcher=looks)


def test_a_watcher_sees_every_boundary_and_changes_nothing() -> None:
    looks = Looks(-1, "")
    module, outcome = watched(looks)
    alone, _ = run(TrainingConfig(epochs=4))
    assert torch.equal(module.value, alone.value)
    assert [update for update, *_ in looks.seen] == list(range(61))
    assert looks.seen[0][1:3] == ({}, {})
    assert all(set(losses) == {"fit"} for _, losses, _, _ in looks.seen[1:] if losses)
    assert [update for update, _, norms, _ in looks.seen if norms] == list(range(2, 61, 2))
    # The last average that was shown is the one that is kept.
    assert looks.seen[-1][3] == module.value.item()
    assert outcome.watched == []


def test_a_norm_is_that_of_the_gradient() -> None:
    looks = Looks(-1, "")
    watched(looks, config=TrainingConfig(epochs=1, batch_size=4), start=1000.0)
    # d/dv of the mean of (x - v)^2 is 2 (v - mean x), and v has hardly moved.
    assert looks.seen[2][2]["fit"] == pytest.approx(2 * (1000 - 2.5), rel=0.01)


@pytest.mark.parametrize("reason", [ALERT, PAUSED])
def test_a_watcher_ends_it_at_the_boundary(reason: str) -> None:
    _, outcome = watched(Looks(7, reason))
    assert (outcome.updates, outcome.reason) == (7, reason)


def test_a_paused_training_goes_on_and_one_that_was_stopped_does_not(tmp_path: Path) -> None:
    whole, told = run(TrainingConfig(epochs=4), score=lambda: np.ones(3))
    for reason, updates in ((PAUSED, 60), (ALERT, 7)):
        place = Checkpoint(tmp_path / reason, {}, seed=0)
        watched(Looks(7, reason), score=lambda: np.ones(3), checkpoint=place)
        looks = Looks(-1, "")
        module, outcome = watched(looks, score=lambda: np.ones(3), checkpoint=place)
        assert looks.resumed == [{"seen": 8}]
        assert outcome.updates == updates
        if reason == PAUSED:
            assert torch.equal(module.value, whole.value)
            assert outcome.history.to_dict() == told.history.to_dict()


def test_patience_that_is_out_is_not_paused() -> None:
    means = iter([1.0, 2.0, 2.0, 2.0])
    config = TrainingConfig(epochs=4, checks=4, patience=1)
    # Checks are at updates 26, 38, 49 and 60.
    _, outcome = watched(Looks(38, PAUSED), score=lambda: np.full(3, next(means)), config=config)
    assert (outcome.updates, outcome.reason) == (38, "patience")


def test_what_was_kept_is_kept_when_a_watcher_ends_a_divergence() -> None:
    kept: list[float] = []
    looks = Looks(30, ALERT)

    def score() -> npt.NDArray[np.float64]:
        assert looks.module is not None
        kept.append(looks.module.value.item())
        return np.ones(3)

    class Diverging(Fit):
        calls = 0

        def row_loss(self, call: Call, inputs: Inputs) -> Tensor:
            self.calls += 1
            return super().row_loss(call, inputs) * (float("nan") if self.calls == 30 else 1.0)

    module = looks.module = Mean()
    trainer = Trainer(
        (Diverging(module),),
        module,
        rows=rows_of([1.0, 2.0]),
        config=TrainingConfig(epochs=4, checks=10),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )
    outcome = trainer.run(score, checkpoint=None, progress=Silent(), watcher=looks)
    assert np.isnan(looks.seen[-1][1]["fit"])
    assert (outcome.updates, outcome.reason) == (30, ALERT)
    assert module.value.item() == kept[-1]


def test_a_divergence_before_anything_was_kept_is_an_error() -> None:
    with pytest.raises(TrainingError, match="before any moment of it was kept"):
        watched(Looks(1, ALERT), score=lambda: np.ones(3), start=float("nan"))
