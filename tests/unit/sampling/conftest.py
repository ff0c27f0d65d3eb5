"""A small world with a known answer, and models that get it wrong in a known way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import ndtri

from synthetic_healthcare.models._base import Arrays, GenerativeModel, ModelConfig, numpy_stream
from synthetic_healthcare.sampling.draw import draw
from synthetic_healthcare.schema.layout import Encoded, Layout, Part

#: Rates of the stages, of a lab that was taken, and of two drugs.
STAGES = (0.5, 0.3, 0.2)
TAKEN = 0.7
DRUGS = (0.4, 0.2)
LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("stage", "value", "categorical", 3, 1, 0, STAGES),
        Part("lab", "present", "categorical", 2, 4, 1, (1 - TAKEN, TAKEN)),
        Part("lab", "value", "continuous", 1, 6, 1, gate=(2, 1)),
        Part("drugs", "value", "bits", 2, 7, 0, DRUGS),
    )
)


def patients(
    n: int,
    *,
    rng: np.random.Generator,
    link: float = 0.8,
    stages: tuple[float, ...] = STAGES,
    shift: float = 0.0,
) -> Encoded:
    """Patients of whom all that is known goes with age by a normal copula; `link` is its correlation."""
    age = rng.standard_normal(n)
    other = link * age[:, None] + np.sqrt(1 - link**2) * rng.standard_normal((n, 4))
    stage = np.searchsorted(ndtri(np.cumsum(stages)[:-1]), other[:, 0])
    taken = rng.random(n) < TAKEN
    lab = np.where(taken, other[:, 1] + shift, 0.0)
    drugs = other[:, 2:] > -ndtri(np.array(DRUGS))
    return Encoded(
        LAYOUT,
        np.stack([age + shift, lab], axis=1).astype(np.float32),
        np.stack([stage, taken], axis=1).astype(np.int32),
        drugs.astype(np.uint8),
    )


class Told(GenerativeModel):
    """A model that draws patients as it was told to."""

    name: ClassVar[str] = "told"
    Config = ModelConfig

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        self.told: dict[str, Any] = {}

    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        return patients(n, rng=numpy_stream(rng), **self.told)

    def to_state(self) -> Arrays:
        return {}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        pass


def model(**told: Any) -> Told:
    """A model of the world with what is told of it wrong."""
    built = Told(LAYOUT, ModelConfig())
    built.told = told
    return built


def together(chunks: Any) -> Encoded:
    """All chunks as one table."""
    held = list(chunks)
    arrays = (
        np.concatenate([getattr(rows, name) for rows in held]) for name in ("continuous", "codes", "bits")
    )
    return Encoded(held[0].layout, *arrays)


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """Return the functions above, and `drawn(model, n, seed)`: rows of a model as one table."""

    def drawn(source: GenerativeModel, n: int, seed: int = 0) -> Encoded:
        return together(draw(source, n, seed=seed))

    pick: Callable[..., Encoded] = drawn
    return SimpleNamespace(
        patients=patients, model=model, together=together, drawn=pick, STAGES=STAGES, DRUGS=DRUGS
    )
