"""What every generative model is to the rest of the package.

A model is built from a `Layout` and its own `Config`, and gives rows. It holds no optimiser, device handling,
logging, file or table code, and no fit loop: the trainer drives it through its phases, plainly or privately,
and the model cannot tell which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.layout import Layout

#: Rows below which a model's settings for small tables are its defaults.
SMALL_TABLE: Final = 500


class ModelConfig(BaseModel):
    """Settings of a model: frozen, and strict about unknown names.

    Attributes
    ----------
    small : Mapping
        Defaults that stand in for the fields' own where the table has fewer than `SMALL_TABLE` rows: with few
        rows a large network remembers patients where a small one still learns the table.
    """

    small: ClassVar[Mapping[str, Any]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainedModel(nn.Module, ABC):
    """A model whose parameters the trainer moves.

    Attributes
    ----------
    name : str
        What users call it ("wgan-gp"); the file's name with hyphens.
    Config : type of ModelConfig
        Its settings, with their defaults.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ModelConfig]]
    layout: Layout
    config: ModelConfig

    @abstractmethod
    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        """Make the networks for a layout; weights come from torch's global generator, as in torch itself."""
        super().__init__()

    @abstractmethod
    def schedule(self) -> tuple[Phase, ...]:
        """Phases of one update, in order."""

    @abstractmethod
    def sampler(self) -> nn.Module:
        """Return the part that `sample` uses: what an average of the weights over time has to follow."""

    @abstractmethod
    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """Draw `n` encoded rows from the learnt distribution.

        Returns
        -------
        Tensor (n, width)
            Hard rows: one-hot blocks are drawn (never the likeliest), bits too (never a threshold).
        """
