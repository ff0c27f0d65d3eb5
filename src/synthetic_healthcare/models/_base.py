"""What every generative model is to the rest of the package.

A model is built from a `Layout` and its own `Config`, and gives encoded rows. There are three kinds:

- a `TrainedModel` is a neural network. It gives a schedule of phases, and the trainer drives it, plainly or
  privately; the model cannot tell which, and has no fit loop of its own;
- a `FittedModel` (trees, a copula, marginals) learns by itself, in one call;
- a `MarginalModel` sees no row: it asks a `CountSource` for noisy tables of counts, which pays for them.

What a model can do beyond drawing rows it says by descent: a `ConditionalModel` draws under conditions, an
`ImputingModel` fills gaps. No model holds optimiser, device handling, logging, file or table code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from synthetic_healthcare.phases import Phase
from synthetic_healthcare.schema.condition import EncodedCondition
from synthetic_healthcare.schema.layout import Encoded, Layout
from synthetic_healthcare.schema.variables import Domain

#: Rows below which a model's settings for small tables are its defaults.
SMALL_TABLE: Final = 500

Arrays = dict[str, npt.NDArray[Any]]


class ModelConfig(BaseModel):
    """Settings of a model: frozen, and strict about unknown names.

    Attributes
    ----------
    small : Mapping
        Defaults that stand in for the fields' own where the table has fewer than `SMALL_TABLE` rows: with few
        rows a large network remembers patients where a small one still learns the table.
    separable : Mapping
        Settings under which a row's loss is its own, whatever its neighbours in the batch are: what the model
        has to switch to under differential privacy (no packing of rows, no averages over a batch).
    private : Mapping
        Defaults under differential privacy beside these: what is best where gradients are clipped and noised.
    """

    small: ClassVar[Mapping[str, Any]] = {}
    separable: ClassVar[Mapping[str, Any]] = {}
    private: ClassVar[Mapping[str, Any]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid")


class GenerativeModel(ABC):
    """What gives encoded rows.

    Attributes
    ----------
    name : str
        What users call it ("wgan-gp"); the file's name with hyphens.
    Config : type of ModelConfig
        Its settings, with their defaults.
    requires_privacy : bool
        Whether it may be fitted only under differential privacy.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ModelConfig]]
    requires_privacy: ClassVar[bool] = False
    layout: Layout
    config: ModelConfig

    @abstractmethod
    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        """Make the model for a layout; first weights come from torch's global generator, as in torch."""
        self.layout = layout
        self.config = self.Config.model_validate(config.model_dump())

    @abstractmethod
    def sample(self, n: int, *, rng: torch.Generator) -> Encoded:
        """Draw `n` encoded rows from the learnt distribution.

        Parameters
        ----------
        n : int
            Rows.
        rng : torch.Generator
            On the model's device; the only source of randomness.

        Returns
        -------
        Encoded (n,)
            Categories are drawn (never the likeliest), codes too (never a threshold).
        """

    @abstractmethod
    def to_state(self) -> Arrays:
        """Return what sampling needs, by name; nothing in it is indexed by row."""

    @abstractmethod
    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take in what `to_state` gave."""


class TrainedModel(nn.Module, GenerativeModel):
    """A neural network whose parameters the trainer moves."""

    @abstractmethod
    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        """Make the networks."""
        nn.Module.__init__(self)
        GenerativeModel.__init__(self, layout, config)

    @abstractmethod
    def schedule(self) -> tuple[Phase, ...]:
        """Phases of one update, in order."""

    @abstractmethod
    def sampler(self) -> nn.Module:
        """Return the part that `sample` uses: what an average of the weights over time has to follow."""

    def to_state(self) -> Arrays:
        """Return the sampler's weights; critics and encoders, which know rows best, are not kept."""
        state = self.sampler().state_dict()
        return {name: value.detach().cpu().contiguous().numpy() for name, value in state.items()}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put weights into the sampler."""
        self.sampler().load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
        )


class FittedModel(GenerativeModel):
    """A model that learns by itself."""

    @abstractmethod
    def fit(self, rows: Encoded, *, rng: np.random.Generator) -> None:
        """Learn encoded rows.

        Parameters
        ----------
        rows : Encoded (n,)
            All rows to learn from.
        rng : numpy.random.Generator
            The only source of randomness.
        """


@runtime_checkable
class NoisyTables(Protocol):
    """Tables of counts as they may be seen."""

    @property
    def tables(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Noisy counts, one axis a variable; cells may be below 0."""

    @property
    def deviation(self) -> float:
        """Standard deviation of each cell's noise, in rows."""


@runtime_checkable
class CountSource(Protocol):
    """What answers for the rows: each answer is noisy, and paid for before a row is read.

    Shares are of one precision (the sum of 1 / multiplier^2 over all answers) and add up; together they are
    at most 1, and at most `adaptive_share` where anything is chosen.
    """

    @property
    def rows(self) -> int:
        """Number of rows, which is public."""

    def adaptive_share(self) -> float:
        """Return what may be used in all where tables are chosen by the rows, and not only measured."""

    def deviation(self, tables: int, share: float) -> float:
        """Return the noise that so many tables, measured together, would have for a share."""

    def measure(
        self, domain: Domain, tables: Sequence[tuple[int, ...]], *, share: float, purpose: str
    ) -> NoisyTables:
        """Measure tables of variables, given by their indices in a domain."""

    def choose(self, domain: Domain, candidates: Sequence[Candidate], *, share: float, purpose: str) -> int:
        """Return the place of a candidate whose expected table is, nearly, furthest from the counts."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A table that may be worth its measurement.

    Parameters
    ----------
    table : tuple of int
        Variables.
    expected : float array
        Counts that are expected without it.
    weight : int, from 1 on
        How much its error counts.
    penalty : float
        Taken off its error: what noise would put in its place.
    """

    table: tuple[int, ...]
    expected: npt.NDArray[np.float64]
    weight: int
    penalty: float


class MarginalModel(GenerativeModel):
    """A model that learns from noisy tables of counts alone."""

    requires_privacy: ClassVar[bool] = True

    @abstractmethod
    def fit(self, counts: CountSource, *, rng: np.random.Generator) -> None:
        """Ask for counts, and learn from the answers.

        Parameters
        ----------
        counts : CountSource
            Answers for the rows.
        rng : numpy.random.Generator
            Randomness of the learning; the noise of the answers has its own.
        """


@dataclass(frozen=True)
class Weighted:
    """Rows drawn with a condition in mind.

    Parameters
    ----------
    rows : Encoded (n,)
        They meet the condition as far as the model could see to it; the others are left out afterwards.
    weight : float array (n,)
        Probability of the row under the learnt distribution over that under which it was drawn, at most 1.
        The mean of weight times "it meets the condition" is the learnt probability of the condition.
    """

    rows: Encoded
    weight: npt.NDArray[np.float64]


class ConditionalModel(ABC):
    """A model that draws under conditions by itself, instead of by trial and error."""

    @abstractmethod
    def sample_given(self, n: int, condition: EncodedCondition, *, rng: torch.Generator) -> Weighted:
        """Draw `n` rows with a condition in mind."""


class ImputingModel(ABC):
    """A model that fills the gaps of rows."""

    @abstractmethod
    def complete(self, rows: Encoded, known: npt.NDArray[np.bool_], *, rng: torch.Generator) -> Encoded:
        """Draw the unknown parts of rows given the known ones.

        Parameters
        ----------
        rows : Encoded (n,)
            What stands in unknown parts does not matter.
        known : bool array (n, parts)
            Which parts of each row are known.
        rng : torch.Generator
            On the model's device.
        """


def numpy_stream(rng: torch.Generator) -> np.random.Generator:
    """Derive a numpy generator from a torch one, which moves on by one draw."""
    seed = torch.randint(2**62, (1,), generator=rng, device=rng.device)
    return np.random.default_rng(int(seed))
