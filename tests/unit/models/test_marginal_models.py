"""Star and AIM: what they learn of a known table, and that it grows with the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synthetic_healthcare import models
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import Candidate, MarginalModel
from synthetic_healthcare.models._marginals import active_variables
from synthetic_healthcare.models._mixture import Measured, Mixture, Targets
from synthetic_healthcare.models._posterior import Grouped, conditionals, group_shares, onto_simplex
from synthetic_healthcare.models._products import Products
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.schema.layout import Encoded, Layout, Part
from synthetic_healthcare.schema.variables import Domain
from synthetic_healthcare.training.marginals import learn_marginals

Counts = npt.NDArray[np.int64]

#: Two categories and a number, and a panel of a lab and a category that exist together.
LAYOUT = Layout(
    (
        Part("a", "value", "categorical", 3, 0, 0),
        Part("b", "value", "categorical", 2, 3, 1),
        Part("x", "value", "continuous", 1, 5, 0),
        Part("lab", "present", "categorical", 2, 6, 2),
        Part("lab", "value", "continuous", 1, 8, 1, gate=(3, 1)),
        Part("panel", "value", "categorical", 2, 9, 3, gate=(3, 1)),
    )
)


def known_table(n: int, *, seed: int = 0) -> Encoded:
    """`b` follows `a`, `x` both, the panel the lab's number, and whether the lab is there `b`."""
    rng = np.random.default_rng(seed)
    a = rng.choice(3, n, p=(0.5, 0.3, 0.2))
    b = (rng.random(n) < np.array([0.1, 0.5, 0.8])[a]).astype(np.int32)
    x = 0.6 * rng.normal(size=n) + 0.8 * (a - 0.7) * np.where(b == 1, 1.0, -0.5)
    present = (rng.random(n) < 0.4 + 0.4 * b).astype(np.int32)
    lab = np.where(present == 1, rng.normal(size=n), 0.0)
    panel = np.where(present == 1, rng.random(n) < 1 / (1 + np.exp(-3 * lab)), -1)
    return Encoded(
        LAYOUT,
        np.stack([x, lab], axis=1).astype(np.float32),
        np.stack([a, b, present, panel], axis=1).astype(np.int32),
        np.zeros((n, 0), np.uint8),
    )


@dataclass(frozen=True)
class Answers:
    tables: tuple[Counts, ...]
    deviation: float


class SeededCounts:
    """Answers like a private source, with noise that a seed repeats."""

    def __init__(self, rows: Encoded, *, noise: float, seed: int = 0) -> None:
        self.rows = len(rows)
        self.asked: list[tuple[int, ...]] = []
        self.spent = 0.0
        self._encoded = rows
        self._noise = noise
        self._draws = np.random.default_rng(seed)

    def adaptive_share(self) -> float:
        return 0.9

    def deviation(self, tables: int, share: float) -> float:
        return self._noise * float(np.sqrt(tables / share))

    def measure(
        self, domain: Domain, tables: Sequence[tuple[int, ...]], *, share: float, purpose: str
    ) -> Answers:
        deviation = self.deviation(len(tables), share)
        self.asked += tables
        self.spent += share
        counted = true_tables(domain, self._encoded, tables)
        noisy = (c + np.rint(self._draws.normal(0, deviation, c.shape)).astype(np.int64) for c in counted)
        return Answers(tuple(noisy), deviation)

    def choose(self, domain: Domain, candidates: Sequence[Candidate], *, share: float, purpose: str) -> int:
        self.spent += share
        true = true_tables(domain, self._encoded, [candidate.table for candidate in candidates])
        errors = [c.weight * np.abs(t - c.expected).sum() for t, c in zip(true, candidates, strict=True)]
        return int(np.argmax(errors))


def true_tables(domain: Domain, rows: Encoded, tables: Sequence[tuple[int, ...]]) -> list[Counts]:
    states = domain.read(rows)
    found = []
    for table in tables:
        counts = np.zeros([domain.variables[i].states for i in table], dtype=np.int64)
        np.add.at(counts, tuple(states[i] for i in table), 1)
        found.append(counts)
    return found


def distance(rows: Encoded, others: Encoded, tables: Sequence[tuple[int, ...]], *, bins: int = 8) -> float:
    """Mean total variation distance of tables."""
    domain = Domain(rows.layout, bins)
    pairs = zip(true_tables(domain, rows, tables), true_tables(domain, others, tables), strict=True)
    return float(np.mean([0.5 * np.abs(a / len(rows) - b / len(others)).sum() for a, b in pairs]))


def fitted(name: str, counts: SeededCounts, **settings: object) -> MarginalModel:
    model = models.build(name, LAYOUT, models.settings(name, settings))
    assert isinstance(model, MarginalModel)
    model.fit(counts, rng=np.random.default_rng(0))
    return model


def drawn(model: MarginalModel, n: int = 60_000) -> Encoded:
    with torch.inference_mode():
        return model.sample(n, rng=torch.Generator().manual_seed(0))


VARIABLES = range(len(Domain(LAYOUT, 8).variables))
ALL_PAIRS = list(combinations(VARIABLES, 2))


@pytest.mark.parametrize("selection", ["all", "adaptive"])
@pytest.mark.parametrize("target", ["a", None])
def test_aim_recovers_all_pairs_of_a_known_table_where_noise_is_small(
    selection: str, target: str | None
) -> None:
    rows = known_table(60_000)
    counts = SeededCounts(rows, noise=0.5)
    model = fitted("aim", counts, selection=selection, target=target, bins=8)
    # Two samples of 60,000 from the same table are 0.007 apart.
    assert distance(drawn(model), rows, ALL_PAIRS) < 0.015
    assert counts.spent == pytest.approx(0.9 if selection == "adaptive" else 1.0)


def test_star_recovers_the_tables_of_its_target_where_noise_is_small() -> None:
    rows = known_table(60_000)
    model = fitted("star", SeededCounts(rows, noise=0.5), target="a", bins=8)
    found = drawn(model)
    assert distance(found, rows, [pair for pair in ALL_PAIRS if 0 in pair]) < 0.012
    # Not what goes together beyond it.
    assert distance(found, rows, [(3, 4)]) > 0.05


@pytest.mark.parametrize("target", ["lab", "panel", "x"])
@pytest.mark.parametrize("name", ["star", "aim"])
def test_a_target_that_is_a_number_or_missing_at_times_is_one_like_any_other(name: str, target: str) -> None:
    rows = known_table(60_000)
    model = fitted(name, SeededCounts(rows, noise=0.5), target=target, bins=8)
    centre = Domain(LAYOUT, 8).of_column(target)[0]
    assert distance(drawn(model), rows, [pair for pair in ALL_PAIRS if centre in pair]) < 0.015


def test_star_without_a_target_is_every_column_alone() -> None:
    rows = known_table(60_000)
    counts = SeededCounts(rows, noise=0.5)
    found = drawn(fitted("star", counts, bins=8))
    assert counts.asked == [(index,) for index in VARIABLES]
    assert distance(found, rows, [(index,) for index in VARIABLES]) < 0.012


@pytest.mark.parametrize("name", ["star", "aim"])
def test_quality_rises_with_epsilon(name: str) -> None:
    rows = known_table(1500)
    distances = []
    for epsilon in (0.3, 1.0, 10.0):
        found = []
        for seed in range(3):
            ledger = PrivacyLedger(Budget(epsilon, 1e-5))
            settings = models.settings(name, {"bins": 8}, target="a")
            model = learn_marginals(rows, name, settings, ledger=ledger, rows=1500, seed=seed)
            assert 0.98 * epsilon < ledger.epsilon() <= epsilon
            found.append(distance(drawn(model), rows, [pair for pair in ALL_PAIRS if 0 in pair]))
        distances.append(np.mean(found))
    assert distances[0] > distances[1] > distances[2]


def test_equal_answers_and_seeds_learn_the_same() -> None:
    rows = known_table(500)
    for name in ("star", "aim"):
        states = [fitted(name, SeededCounts(rows, noise=3.0), target="a").to_state() for _ in range(2)]
        for key, value in states[0].items():
            np.testing.assert_array_equal(value, states[1][key])


def test_the_same_question_is_asked_whatever_the_rows_hold() -> None:
    """Bins, tables and shares follow from the numbers of rows and columns and the noise alone."""
    asked = []
    for seed in (0, 1):
        rows = known_table(700, seed=seed)
        rows = rows if seed == 0 else rows.take(np.zeros(700, dtype=np.intp))
        for name in ("star", "aim"):
            counts = SeededCounts(rows, noise=3.0)
            model = fitted(name, counts, target="a")
            asked.append((name, counts.asked, counts.spent, model.to_state()["bins"].tolist()))
    assert asked[:2] == asked[2:]


def test_a_target_that_is_not_there_is_named() -> None:
    rows = known_table(100)
    for name in ("star", "aim"):
        with pytest.raises(ConfigError, match="target: column 'c'"):
            fitted(name, SeededCounts(rows, noise=1.0), target="c")
    codes = Layout((Part("drugs", "value", "bits", 2, 0, 0), Part("b", "value", "categorical", 2, 2, 0)))
    model = models.build("star", codes, models.settings("star", {}, target="drugs"))
    assert isinstance(model, MarginalModel)
    with pytest.raises(ConfigError, match="'drugs' holds sets of codes"):
        model.fit(SeededCounts(rows, noise=1.0), rng=np.random.default_rng(0))


def test_only_models_of_counts_are_learnt_from_counts() -> None:
    ledger = PrivacyLedger(Budget(1.0, 1e-5))
    with pytest.raises(ConfigError, match="'copula' learns from rows"):
        learn_marginals(
            known_table(50), "copula", models.settings("copula", {}), ledger=ledger, rows=50, seed=0
        )
    assert ledger.entries == ()


def test_the_nearest_distribution_is_found() -> None:
    np.testing.assert_allclose(onto_simplex(np.array([0.2, 0.3, 0.5])), [0.2, 0.3, 0.5])
    np.testing.assert_allclose(onto_simplex(np.array([0.9, 0.4, -0.5])), [0.75, 0.25, 0.0])
    rng = np.random.default_rng(0)
    values = rng.normal(size=5)
    found = onto_simplex(values)
    others = rng.dirichlet(np.ones(5), size=5000)
    assert ((found - values) ** 2).sum() <= ((others - values) ** 2).sum(axis=1).min()


def test_shares_of_groups_weigh_each_table_by_its_precision() -> None:
    tables = [
        Grouped(np.array([[30.0, 30.0], [20.0, 20.0]]), np.zeros(1, dtype=bool)),
        Grouped(np.array([[10.0] * 4, [15.0] * 4]), np.zeros(3, dtype=bool)),
    ]
    # Sums 60, 40 with a variance of 2 and 40, 60 with one of 4: weights 2 and 1.
    np.testing.assert_allclose(group_shares(tables, 100), [160 / 300, 140 / 300], atol=1e-9)


def test_noise_is_not_taken_for_structure() -> None:
    """A table of nothing but noise comes out nearly flat; one that stands out of it comes out as it is."""
    rng = np.random.default_rng(0)
    flat = rng.normal(0, 40.0, (2, 8)) + 12.5
    steps = np.ones(7, dtype=bool)
    shares = np.array([0.5, 0.5])
    (found,) = conditionals([Grouped(flat, steps)], shares, rows=200, deviation=40.0)
    raw = np.stack([onto_simplex(row / 100) for row in flat])
    assert np.abs(found - 0.125).sum() < 0.5 * np.abs(raw - 0.125).sum()
    true = np.outer([5e4, 5e4], np.arange(1, 9) / 36)
    (found,) = conditionals([Grouped(true, steps)], shares, rows=100_000, deviation=5.0)
    np.testing.assert_allclose(found, true / 5e4, atol=1e-3)


def test_the_tables_of_a_mixture_are_those_of_the_rows_it_draws() -> None:
    """Gates and all: what is fitted is what comes out."""
    domain = Domain(LAYOUT, 3)
    rng = np.random.default_rng(0)
    chances = rng.random((4, domain.spans[-1].stop)) ** 3 + 0.02
    for span in domain.spans:
        chances[:, span] /= chances[:, span].sum(axis=1, keepdims=True)
    start = Products(domain, np.array([0.4, 0.3, 0.2, 0.1]), chances)
    targets = Targets(domain, tuple(VARIABLES), 1000)
    mixture = Mixture(targets, start, 4, torch.Generator().manual_seed(0))
    rows = mixture.products().draw(400_000, torch.Generator().manual_seed(0))
    expected = mixture.expected(ALL_PAIRS)
    for pair, table in zip(ALL_PAIRS, true_tables(domain, rows, ALL_PAIRS), strict=True):
        np.testing.assert_allclose(expected[pair] / 1000, table / len(rows), atol=0.004, err_msg=str(pair))


def test_measurements_of_one_table_are_joined_by_their_precision() -> None:
    joined = Measured(np.array([10.0]), 1.0).joined(Measured(np.array([16.0]), 2.0))
    assert joined.counts.tolist() == [14.0]
    assert joined.precision == 3.0


def test_of_very_wide_tables_the_target_and_the_first_columns_are_measured_in_pairs() -> None:
    parts = [Part("codes", "value", "bits", 1000, 0, 0)]
    parts += [Part(f"c{i}", "value", "categorical", 2, 1000 + 2 * i, i) for i in range(5)]
    domain = Domain(Layout(tuple(parts)), 4)
    active = active_variables(domain, 1003)
    assert {1000, 1001, 1002, 1003, 1004} < set(active)
    assert len(active) * (len(active) - 1) // 2 <= 10_000
    assert active_variables(Domain(LAYOUT, 8), None) == tuple(VARIABLES)
