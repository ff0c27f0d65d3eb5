"""AIM: a mixture fitted to noisy tables of pairs (McKenna et al. 2022, arXiv:2201.12677).

It starts from the star, a table of every variable against the target, and learns from tables of other pairs
what goes together beyond it. Either all pairs are measured at once, or, round by round, one that the mixture
has least right is chosen by the exponential mechanism and measured.

# DIFF: the paper starts from tables of single variables, and fits a graphical model, which does not fit into
memory where many pairs are chosen; ours starts from the target, and is a mixture of products.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Literal, final

import numpy as np
import torch
from pydantic import Field

from synthetic_healthcare.models._base import Candidate, CountSource, ModelConfig
from synthetic_healthcare.models._marginals import active_variables, bins_for, centre_of, signal_of
from synthetic_healthcare.models._mixture import Measured, Mixture, Targets
from synthetic_healthcare.models._products import ProductModel, Products
from synthetic_healthcare.models.star import ask_star
from synthetic_healthcare.schema.variables import Domain

Pair = tuple[int, int]

#: Bins of a number for each root of the rows that stand against one deviation of a pair's noise.
_BINS_PER_ROOT: Final = 1.25
#: Share of the budget for the first tables, times the root of the rows that stand against one deviation: the
#: less can be learnt of other pairs, the more goes to the target's. Measured on 212 to 177,576 rows.
_FIRST: Final = 3.5
_LEAST_FIRST, _MOST_FIRST = 0.2, 0.8
#: So few pairs are measured all at once, and so are more where so many rows stand against one deviation of
#: the noise of all. On 22 columns in which most pairs go together a little, choosing lost at every size; on
#: 31 and 101 in which few pairs do, and strongly, it won up to these many rows.
_FEW_PAIRS, _ENOUGH_FOR_ALL = 300, 500.0
#: How much more the errors of the target's tables count.
_TARGET_WEIGHT: Final = 2
#: Rounds for each variable, and in all, at most; a round in which little changes makes those that follow more
#: precise, and fewer.
_ROUNDS, _MOST_ROUNDS = 2, 200
#: Share of a round that is spent on the measurement; the rest is spent on the choice (McKenna et al., 3.2).
_MEASURING: Final = 0.9
#: Mean of the size of a standard normal number: what noise alone puts into a cell.
_MEAN_SIZE: Final = math.sqrt(2 / math.pi)
#: Share of the iterations that are made after each choice, at most.
_ROUND_ITERATIONS: Final = 0.125


@final
class Aim(ProductModel):
    """A private mixture of what noisy tables of pairs say."""

    name: ClassVar[str] = "aim"

    class Config(ModelConfig):
        """Settings of AIM."""

        target: str | None = Field(
            None, description="column whose tables come first; where it is not set: the target, if any"
        )
        bins: int = Field(
            0, ge=0, le=256, description="bins of each number; 0: by the number of rows and the noise"
        )
        selection: Literal["auto", "all", "adaptive"] = Field(
            "auto",
            description="measure all pairs at once, or choose them one by one; auto: by rows and noise",
        )
        components: int = Field(512, ge=1, le=8192, description="products that are mixed")
        iterations: int = Field(600, ge=1, description="updates of the fit, at most")
        learning_rate: float = Field(0.05, gt=0, description="of the fit")

    config: Config

    def learn(self, counts: CountSource, *, rng: np.random.Generator) -> Products:
        """Measure the target's tables, then pairs, and fit the mixture to them."""
        count = len(Domain(self.layout, 1).variables)
        signal = signal_of(counts, count * (count - 1) // 2)
        domain = Domain(self.layout, self.config.bins or bins_for(signal, _BINS_PER_ROOT))
        centre = centre_of(domain, self.config.target)
        active = active_variables(domain, centre)
        pairs = [(a, b) for a in active for b in active if a < b and centre not in (a, b)]
        adaptive = self.config.selection == "adaptive"
        if self.config.selection == "auto":
            # The numbers of rows and columns and the budget decide, and no row.
            adaptive = len(pairs) > _FEW_PAIRS and signal < _ENOUGH_FOR_ALL
        whole = counts.adaptive_share() if adaptive and pairs else 1.0
        first = min(max(_FIRST / signal**0.5, _LEAST_FIRST), _MOST_FIRST) if pairs else 1.0
        start, targets, known = _first_tables(domain, centre, active, counts, share=first * whole)
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        mixture = Mixture(targets, start, self.config.components, draws)
        left = (1 - first) * whole
        if pairs and adaptive:
            self._measure_chosen(counts, mixture, known, pairs, left)
        elif pairs:
            asked = counts.measure(domain, pairs, share=left, purpose="tables of all pairs")
            for pair, table in zip(pairs, asked.tables, strict=True):
                targets.put(pair, Measured(table.astype(np.float64), asked.deviation**-2), weight=1.0)
        mixture.fit(self.config.iterations, self.config.learning_rate)
        return mixture.products()

    def _measure_chosen(
        self,
        counts: CountSource,
        mixture: Mixture,
        known: dict[tuple[int, ...], Measured],
        pairs: list[Pair],
        share: float,
    ) -> None:
        """Choose and measure, round by round, until the share is spent.

        A round takes an equal part of it; where what is measured was nearly known, the noise is too wide to
        tell more, and the parts of the rounds that follow are four times as large.
        """
        targets, domain = mixture.targets, mixture.targets.domain
        centre = next((t[0] for t in known if len(t) == 2), None)
        candidates = [*pairs, *((table[0], table[1]) for table in known if len(table) == 2)]
        part = share / min(_ROUNDS * len(domain.variables), _MOST_ROUNDS)
        while share > 0:
            # What would be left for one more round goes into this one.
            part = share if share < 2 * part else part
            mixture.fit(self._round_iterations, self.config.learning_rate)
            deviation = counts.deviation(1, _MEASURING * part)
            expected = mixture.expected(candidates)
            offered = [
                Candidate(
                    pair,
                    expected[pair],
                    _TARGET_WEIGHT if pair[0] == centre else 1,
                    _MEAN_SIZE * deviation * expected[pair].size,
                )
                for pair in candidates
            ]
            place = counts.choose(domain, offered, share=(1 - _MEASURING) * part, purpose="choice of a pair")
            pair = candidates[place]
            asked = counts.measure(domain, [pair], share=_MEASURING * part, purpose="table of a pair")
            found = Measured(asked.tables[0].astype(np.float64), asked.deviation**-2)
            known[pair] = known[pair].joined(found) if pair in known else found
            weight = float(offered[place].weight)
            targets.put(pair, known[pair], weight=weight)
            share -= part
            mixture.fit(self._round_iterations, self.config.learning_rate)
            change = float(np.abs(mixture.expected([pair])[pair] - expected[pair]).sum())
            if change <= offered[place].penalty:
                part = min(4 * part, share)

    @property
    def _round_iterations(self) -> int:
        return max(1, round(_ROUND_ITERATIONS * self.config.iterations))


def _first_tables(
    domain: Domain, centre: int | None, active: tuple[int, ...], counts: CountSource, *, share: float
) -> tuple[Products, Targets, dict[tuple[int, ...], Measured]]:
    """Measure every variable against the target, or alone, and make a star of it."""
    asked = ask_star(domain, centre, counts, share=share, purpose="first tables")
    targets = Targets(domain, active, counts.rows)
    known: dict[tuple[int, ...], Measured] = {}
    for table, found in asked.tables.items():
        known[table] = Measured(found.astype(np.float64), asked.deviation**-2)
        targets.put(table, known[table], weight=1.0 if asked.centre is None else float(_TARGET_WEIGHT))
    return asked.products, targets, known
