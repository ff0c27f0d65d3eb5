"""Tables leave paid for, noised as they say, and moved by one person no further than was paid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from synthetic_healthcare.errors import BudgetExceededError, ConfigError
from synthetic_healthcare.privacy.charges import Concentrated
from synthetic_healthcare.privacy.counting import PrivateCounts
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger
from synthetic_healthcare.privacy.marginals import MarginalCounts, noise_note
from synthetic_healthcare.privacy.noise import noisy_largest
from synthetic_healthcare.schema.layout import Encoded, Layout, Part, joined
from synthetic_healthcare.schema.variables import Domain

LAYOUT = Layout(
    (
        Part("age", "value", "continuous", 1, 0, 0),
        Part("lab", "present", "categorical", 2, 1, 0),
        Part("lab", "state", "categorical", 2, 3, 1, gate=(1, 1)),
        Part("lab", "value", "continuous", 1, 5, 1, gate=(2, 0)),
        Part("panel", "value", "categorical", 3, 6, 2, gate=(1, 1)),
        Part("drugs", "value", "bits", 2, 9, 0),
    )
)
DOMAIN = Domain(LAYOUT, 4)
PAIRS = list(combinations(range(len(DOMAIN.variables)), 2))
#: Noise of one table at epsilon 1, delta 1e-5 (Balle and Wang 2018, algorithm 1).
ONE = 3.7306


def rows_of(n: int, *, seed: int = 0) -> Encoded:
    rng = np.random.default_rng(seed)
    present = rng.integers(0, 2, n)
    state = np.where(present == 1, rng.integers(0, 2, n), -1)
    panel = np.where(present == 1, rng.integers(0, 3, n), -1)
    value = np.where(state == 0, rng.normal(size=n), 0.0)
    return Encoded(
        LAYOUT,
        np.stack([rng.normal(size=n), value], axis=1).astype(np.float32),
        np.stack([present, state, panel], axis=1).astype(np.int32),
        (rng.random((n, 2)) < 0.3).astype(np.uint8),
    )


def counts_of(*, epsilon: float = 1.0, rows_per_person: int = 1) -> PrivateCounts:
    return PrivateCounts(PrivacyLedger(Budget(epsilon, 1e-5)), rows_per_person=rows_per_person)


def true_tables(rows: Encoded, tables: Sequence[tuple[int, ...]]) -> list[npt.NDArray[np.int64]]:
    """Counted patient by patient."""
    found = []
    states = DOMAIN.read(rows)
    for table in tables:
        counts = np.zeros([DOMAIN.variables[i].states for i in table], dtype=np.int64)
        for patient in range(len(rows)):
            counts[tuple(states[i, patient] for i in table)] += 1
        found.append(counts)
    return found


@dataclass(frozen=True, eq=False)
class Offer:
    table: tuple[int, ...]
    expected: npt.NDArray[np.float64]
    weight: int = 1
    penalty: float = 0.0


def offers(value: float = 0.0, *, weight: int = 1, penalty: float = 0.0) -> list[Offer]:
    shapes = [[DOMAIN.variables[i].states for i in pair] for pair in PAIRS]
    return [
        Offer(pair, np.full(shape, value), weight, penalty) for pair, shape in zip(PAIRS, shapes, strict=True)
    ]


def test_noisy_less_true_cells_are_normal_with_the_deviation_that_is_told() -> None:
    rows = rows_of(300)
    asked = MarginalCounts(rows, counts_of(), rows=300).measure(DOMAIN, PAIRS, share=1.0, purpose="pairs")
    pairs = zip(asked.tables, true_tables(rows, PAIRS), strict=True)
    noise = np.concatenate([(noisy - true).ravel() for noisy, true in pairs])
    low, high = stats.chi2.ppf([5e-6, 1 - 5e-6], noise.size)
    assert low < float((noise**2).sum()) / asked.deviation**2 < high
    assert stats.kstest(noise / asked.deviation, "norm").pvalue > 1e-5
    assert asked.deviation == pytest.approx(ONE * np.sqrt(len(PAIRS)), rel=2e-3)


def test_one_person_moves_the_tables_by_no_more_than_is_paid_for() -> None:
    """Whoever they are: rows with every combination of values, and rows that no encoder would write."""
    rows = rows_of(40)
    tables = [*PAIRS, (0,), (3,)]
    before = true_tables(rows, tables)
    strange = Encoded(
        LAYOUT,
        np.array([[9.0, -9.0], [np.inf, 0.0]], dtype=np.float32),
        np.array([[0, 1, 2], [-1, -1, 0]], dtype=np.int32),
        np.array([[1, 1], [0, 1]], dtype=np.uint8),
    )
    for people in (rows_of(60, seed=1), strange):
        for patient in range(len(people)):
            more = joined([rows, people.take(np.array([patient]))])
            moved = [a - b for a, b in zip(true_tables(more, tables), before, strict=True)]
            assert all(np.abs(table).sum() == 1 for table in moved)
            assert np.sqrt(sum(float((table**2).sum()) for table in moved)) <= np.sqrt(len(tables)) + 1e-12


def test_the_budget_is_spent_whole_and_never_passed() -> None:
    counts = counts_of()
    asked = MarginalCounts(rows_of(100), counts, rows=100)
    asked.measure(DOMAIN, [(0,), (1,)], share=0.3, purpose="one")
    asked.measure(DOMAIN, PAIRS, share=0.7, purpose="two")
    assert 0.995 < counts.ledger.epsilon() <= 1.0
    assert counts.ledger.entries[0].columns == ("age", "lab")
    with pytest.raises(BudgetExceededError, match="three"):
        asked.measure(DOMAIN, [(0,)], share=0.05, purpose="three")


def test_choices_and_measurements_together_spend_the_budget() -> None:
    counts = counts_of()
    asked = MarginalCounts(rows_of(100), counts, rows=100)
    whole = asked.adaptive_share()
    assert 0.7 < whole < 1.0
    for _ in range(5):
        asked.choose(DOMAIN, offers(), share=0.05 * whole, purpose="choice")
        asked.measure(DOMAIN, [PAIRS[0]], share=0.15 * whole, purpose="table")
    assert 0.97 < counts.ledger.epsilon() <= 1.0
    with pytest.raises(BudgetExceededError, match="more"):
        asked.choose(DOMAIN, offers(), share=0.1, purpose="more")


def test_a_share_of_the_budget_leaves_the_rest() -> None:
    counts = PrivateCounts(PrivacyLedger(Budget(1.0, 1e-5)), share=0.25)
    whole = counts_of()
    asked = MarginalCounts(rows_of(100), counts, rows=100)
    ratio = asked.adaptive_share() / MarginalCounts(rows_of(100), whole, rows=100).adaptive_share()
    assert ratio == pytest.approx(1.0)
    assert asked.deviation(1, 1.0) == pytest.approx(2 * whole.deviation(1, 1.0))


def test_a_choice_is_as_likely_as_the_exponential_mechanism_makes_it() -> None:
    scores, scale, times = np.array([0, 3, 6], dtype=np.int64), 3.0, 6000
    found = np.bincount([noisy_largest(scores, scale=scale) for _ in range(times)], minlength=3)
    chances = np.exp(scores / scale)
    assert stats.chisquare(found, times * chances / chances.sum()).pvalue > 1e-5
    with pytest.raises(ConfigError, match="private choice"):
        noisy_largest(scores, scale=0.0)
    with pytest.raises(ConfigError, match="private choice"):
        noisy_largest(scores[:0], scale=1.0)


@pytest.mark.parametrize(("weight", "rows_each"), [(1, 1), (2, 1), (2, 3)])
def test_a_choice_is_charged_for_what_one_person_moves_its_scores_by(
    weight: int, rows_each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scale of the noise is 2 D / epsilon, and rho is epsilon^2 / 8, with D found by brute force."""
    scales: list[float] = []
    seen: list[npt.NDArray[np.int64]] = []

    def spy(scores: npt.NDArray[np.int64], *, scale: float) -> int:
        scales.append(scale)
        seen.append(scores)
        return 0

    monkeypatch.setattr("synthetic_healthcare.privacy.marginals.noisy_largest", spy)
    rows, strangers = rows_of(30), rows_of(20, seed=2)
    tables = [rows, *(joined([rows, strangers.take(np.full(rows_each, i))]) for i in range(20))]
    for table in tables:
        counts = counts_of(rows_per_person=rows_each)
        asked = MarginalCounts(table, counts, rows=30)
        asked.choose(DOMAIN, offers(2.4, weight=weight, penalty=3.3), share=0.1, purpose="choice")
    most = max(int(np.abs(scores - seen[0]).max()) for scores in seen)
    assert most == weight * rows_each
    (entry,) = counts.ledger.entries
    assert isinstance(entry.charge, Concentrated)
    assert entry.charge.rho == pytest.approx((2 * most / scales[0]) ** 2 / 8, rel=1e-9)


def test_a_choice_finds_what_stands_out() -> None:
    rows = rows_of(2000)
    offered = [Offer(p, t.astype(np.float64)) for p, t in zip(PAIRS, true_tables(rows, PAIRS), strict=True)]
    wrong = next(i for i, pair in enumerate(PAIRS) if pair == (1, 2))
    offered[wrong] = Offer(PAIRS[wrong], offered[wrong].expected[::-1])
    sources = (MarginalCounts(rows, counts_of(), rows=2000) for _ in range(10))
    assert {s.choose(DOMAIN, offered, share=0.2, purpose="choice") for s in sources} == {wrong}


def test_nothing_is_read_that_was_not_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("patients were read")

    monkeypatch.setattr(Domain, "read", forbidden)
    asked = MarginalCounts(rows_of(50), counts_of(), rows=50)
    with pytest.raises(BudgetExceededError):
        asked.measure(DOMAIN, PAIRS, share=1.2, purpose="too much")
    with pytest.raises(BudgetExceededError):
        asked.choose(DOMAIN, [Offer((0,), np.zeros(4))], share=1.2, purpose="too much")
    asked.adaptive_share()
    asked.deviation(3, 0.5)
    noise_note(DOMAIN, counts_of(), rows=50, target="outcome")


@pytest.mark.parametrize(
    ("rows", "says"), [(100, "cannot be learnt"), (1000, "where it is strong"), (10**6, "can be learnt.")]
)
def test_the_note_says_what_noise_leaves(rows: int, says: str) -> None:
    note = noise_note(DOMAIN, counts_of(), rows=rows, target="outcome")
    assert says in note
    assert f"about {ONE * np.sqrt(len(DOMAIN.variables) - 1):.1f} patients" in note
    assert f"and {ONE * np.sqrt(len(PAIRS)):.0f} in one" in note


def test_the_number_of_rows_is_given() -> None:
    with pytest.raises(ConfigError, match="public number"):
        MarginalCounts(rows_of(5), counts_of(), rows=0)
