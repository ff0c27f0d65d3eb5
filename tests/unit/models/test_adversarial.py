"""What sets the GANs apart: true frequencies, the right position of a condition, rows that are all shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synthetic_healthcare import models
from synthetic_healthcare.models._adversarial import Critic
from synthetic_healthcare.models._base import ConditionalModel, TrainedModel
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.sampling.draw import ready_to_sample
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.training.batches import Rows
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.gradients import PlainGradient
from synthetic_healthcare.training.trainer import Trainer

RARE = (0.9, 0.09, 0.01)
WARD = (0.5, 0.3, 0.2)
LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("rare", "value", "categorical", 3, 1, 0, RARE),
        Part("ward", "value", "categorical", 3, 4, 1, WARD),
        Part("lab", "present", "categorical", 2, 7, 2, (0.4, 0.6)),
        Part("lab", "state", "categorical", 2, 9, 3, (0.7, 0.3), gate=(3, 1)),
    )
)


def patients(n: int = 2000) -> Encoded:
    rng = np.random.default_rng(0)
    present = (rng.random(n) < 0.6).astype(np.int32)
    state = np.where(present == 1, (rng.random(n) < 0.3).astype(np.int32), -1)
    codes = [rng.choice(3, n, p=RARE), rng.choice(3, n, p=WARD), present, state]
    age = rng.normal(size=(n, 1)).astype(np.float32)
    return Encoded(LAYOUT, age, np.stack(codes, axis=1).astype(np.int32), np.zeros((n, 0), np.uint8))


def trainer_of(model: TrainedModel, rows: Encoded, *, epochs: int) -> Trainer:
    return Trainer(
        model.schedule(),
        model.sampler(),
        rows=Rows(rows, torch.device("cpu")),
        config=TrainingConfig(epochs=epochs, batch_size=64),
        gradient=PlainGradient(),
        rng=torch.Generator().manual_seed(0),
    )


def trained(name: str, *, epochs: int, rows: Encoded | None = None) -> TrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.build(name, LAYOUT, models.settings(name, {}, rows=300))
    assert isinstance(model, TrainedModel)
    trainer_of(model, rows or patients(), epochs=epochs).run(None, checkpoint=None, progress=Silent())
    ready_to_sample(model)
    return model


@pytest.fixture(scope="module")
def ctgan() -> TrainedModel:
    return trained("ctgan", epochs=25)


def shares(codes: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.float64]:
    held = codes[codes >= 0]
    return np.bincount(held, minlength=width) / len(held)


def test_rare_categories_are_shown_often_and_come_out_as_rare_as_they_are(
    ctgan: TrainedModel,
) -> None:
    (critic,) = {phase for phase in ctgan.schedule() if phase.name == "critic" and phase.reads_rows}
    rows = Rows(patients(), torch.device("cpu"))
    cumulative = rows.cumulative(critic.weigh)
    assert cumulative is not None
    shown = rows.draw(20_000, torch.Generator().manual_seed(0), cumulative=cumulative)
    # 1 % of the patients hold the rarest category; the critic sees it several times as often.
    assert shown[:, 3].mean() > 0.03
    with torch.inference_mode():
        drawn = ctgan.sample(20_000, rng=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(shares(drawn.codes[:, 0], 3), RARE, atol=0.05)
    np.testing.assert_allclose(shares(drawn.codes[:, 1], 3), WARD, atol=0.06)


@pytest.mark.parametrize(("part", "category"), [(1, 2), (2, 0), (2, 2), (3, 0), (4, 1)])
def test_a_condition_sets_the_position_of_its_own_column(
    ctgan: TrainedModel, part: int, category: int
) -> None:
    assert isinstance(ctgan, ConditionalModel)
    wanted = {part: np.arange(LAYOUT.parts[part].width) == category}
    if part == 4:
        # Who wants a part behind a gate wants the gate open.
        wanted[3] = np.array([False, True])
    with torch.inference_mode():
        condition = EncodedCondition(categories=wanted)
        drawn = ctgan.sample_given(500, condition, rng=torch.Generator().manual_seed(0))
    held = drawn.rows.codes[:, LAYOUT.parts[part].store]
    assert (held == category).all()
    marginal = LAYOUT.parts[part].marginal[category] * (0.6 if part == 4 else 1.0)
    np.testing.assert_allclose(drawn.weight, marginal, rtol=1e-4)


def test_a_drawn_row_does_not_depend_on_its_batch() -> None:
    """Normalisation over a batch, left on while drawing, would make it so."""
    model = trained("medgan", epochs=1)
    latent = torch.randn(8, model.config.embedding_dim)  # type: ignore[attr-defined]
    uniform = torch.rand(8, LAYOUT.width)
    generator = model.sampler()
    with torch.inference_mode():
        together = generator(latent, uniform)
        alone = torch.cat([generator(latent[i : i + 1], uniform[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_medgan_trains_its_autoencoder_first_and_sees_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    order: list[str] = []
    rows = patients(200)
    model = models.build("medgan", LAYOUT, models.settings("medgan", {}, rows=200))
    assert isinstance(model, TrainedModel)
    schedule = model.schedule()
    monkeypatch.setattr(model, "schedule", lambda: schedule)
    for phase in dict.fromkeys(schedule):

        def spied(n, progress, rng, *, phase=phase, draw=phase.draw):  # type: ignore[no-untyped-def]
            order.append(phase.name)
            return draw(n, progress, rng)

        def shown(drawn, free, progress, rng, *, phase=phase, draw=phase.draw_rows):  # type: ignore[no-untyped-def]
            seen.setdefault(phase.name, []).append(drawn[:, 0].clone())
            return draw(drawn, free, progress, rng)

        monkeypatch.setattr(phase, "draw", spied)
        monkeypatch.setattr(phase, "draw_rows", shown)
    trainer_of(model, rows, epochs=4).run(None, checkpoint=None, progress=Silent())
    first_game = order.index("critic")
    assert set(order[:first_game]) == {"autoencoder"}
    assert "autoencoder" not in order[first_game:]
    # In the published code the critic saw a tenth of the rows after the first epoch.
    assert len(torch.cat(seen["critic"]).unique()) == 200


def test_packs_share_a_score_and_single_rows_do_not() -> None:
    critic = Critic(4, (8,), pack=2)
    rows = torch.randn(6, 4)
    score = critic(rows)
    assert torch.equal(score[0::2], score[1::2])
    single = Critic(4, (8,))
    torch.testing.assert_close(single(rows)[:1], single(rows[:1]))


@pytest.mark.parametrize("hidden", [(8,), (16, 8)])
def test_the_slope_that_is_written_out_is_the_gradient(hidden: tuple[int, ...]) -> None:
    critic = Critic(5, hidden).double()
    rows = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(rows).sum(), rows)
    torch.testing.assert_close(critic(rows, "slope"), gradient.norm(dim=1), rtol=1e-6, atol=1e-9)
