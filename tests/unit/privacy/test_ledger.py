"""The ledger: what is spent is true, never passes the budget, and survives a file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_healthcare.errors import BudgetExceededError, ConfigError
from synthetic_healthcare.privacy.accounting import calibrate, decided_epsilon, epsilon_of, precision_for
from synthetic_healthcare.privacy.charges import Charge, Concentrated, Failure, Gaussian, SampledGaussian
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger

BUDGET = Budget(epsilon=1.0, delta=1e-5)


@pytest.mark.parametrize(
    ("epsilon", "delta", "multiplier"),
    # Balle and Wang 2018, algorithm 1: the analytic Gaussian mechanism.
    [(1.0, 1e-5, 3.7306), (1.0, 1e-6, 4.2247), (10.0, 1e-5, 0.4998)],
)
def test_one_gaussian_has_the_exact_epsilon(epsilon: float, delta: float, multiplier: float) -> None:
    assert precision_for(epsilon, delta) ** -0.5 == pytest.approx(multiplier, rel=1e-3)
    assert epsilon_of([Gaussian(multiplier)], delta, by="pld") == pytest.approx(epsilon, rel=1e-3)
    loose = epsilon_of([Gaussian(multiplier)], delta, by="rdp")
    assert loose is not None
    assert epsilon < loose < 1.2 * epsilon


@pytest.mark.parametrize(
    ("probability", "times", "epsilon", "delta", "multiplier"),
    # PLD figures that two independent accountants agreed on to 2 %.
    [
        (4096 / 253_680, 3000, 1.0, 1e-6, 3.85),
        (64 / 303, 1000, 1.0, 1e-3, 17.2),
        (4096 / 253_680, 3000, 10.0, 1e-6, 0.80),
    ],
)
def test_sampled_noise_is_calibrated_to_known_values(
    probability: float, times: int, epsilon: float, delta: float, multiplier: float
) -> None:
    ledger = PrivacyLedger(Budget(epsilon, delta))
    found = ledger.calibrate_sampled(probability, times)
    assert found == pytest.approx(multiplier, rel=0.01)
    ledger.spend("training", SampledGaussian(found, probability, times))
    assert 0.998 * epsilon < ledger.epsilon() <= epsilon


def test_shares_of_the_precision_spend_the_budget_and_no_more() -> None:
    ledger = PrivacyLedger(BUDGET)
    whole = ledger.precision_left()
    for share in (0.2, 0.3, 0.5):
        ledger.spend(f"{share}", Gaussian((share * whole) ** -0.5))
    assert 0.99 < ledger.epsilon() <= 1.0
    assert ledger.precision_left() == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(BudgetExceededError, match="no patient was read"):
        ledger.spend("one more", Gaussian(50.0))
    assert len(ledger.entries) == 3


def test_noise_for_what_is_left_counts_what_was_spent() -> None:
    fresh, used = PrivacyLedger(BUDGET), PrivacyLedger(BUDGET)
    used.spend("counts", Gaussian((0.5 * used.precision_left()) ** -0.5))
    assert used.calibrate_sampled(0.02, 500) > 1.2 * fresh.calibrate_sampled(0.02, 500)


def test_without_a_distribution_of_losses_the_other_accountant_decides() -> None:
    charges: list[Charge] = [Concentrated(0.01, times=2), Gaussian(10.0)]
    assert epsilon_of(charges, 1e-5, by="pld") is None
    # Multiplier 10 keeps rho = 1 / 200, and epsilon <= rho + 2 sqrt(rho log(1 / delta)).
    rho = 0.02 + 0.005
    assert 0 < decided_epsilon(charges, 1e-5) <= rho + 2 * math.sqrt(rho * math.log(1e5))


def test_nothing_is_left_after_all_is_spent() -> None:
    assert calibrate([Gaussian(1.0)], Gaussian, 1.0, 1e-5) == math.inf


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(Gaussian, st.floats(0.5, 100.0), st.integers(1, 3)),
            st.builds(
                SampledGaussian, st.floats(0.6, 20.0), st.sampled_from([0.01, 0.1, 1.0]), st.integers(1, 5)
            ),
        ),
        max_size=6,
    )
)
def test_no_sequence_of_reads_passes_the_budget(charges: list[Charge]) -> None:
    ledger = PrivacyLedger(BUDGET)
    for charge in charges:
        before = ledger.entries
        try:
            ledger.spend("read", charge)
        except BudgetExceededError:
            assert ledger.entries == before
        assert ledger.epsilon() <= BUDGET.epsilon


def test_a_ledger_goes_from_fit_to_fit(tmp_path: Path) -> None:
    ledger = PrivacyLedger(BUDGET, unit="patient")
    ledger.spend("counts", Gaussian(8.0, times=2), columns=["age", "sex"])
    ledger.spend("training", SampledGaussian(10.0, 0.1, 100))
    ledger.write(tmp_path / "ledger.json")
    carried = PrivacyLedger.read(tmp_path / "ledger.json")
    assert carried.entries == ledger.entries
    assert carried.unit == "patient"
    assert carried.epsilon() == ledger.epsilon()
    assert carried.to_frame()["columns"].tolist() == ["age, sex", "all"]
    smaller = Budget(0.1, 1e-5)
    with pytest.raises(BudgetExceededError):
        PrivacyLedger(smaller, entries=carried.entries)


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a privacy ledger"):
        PrivacyLedger.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ConfigError, match="ledger"):
        PrivacyLedger.read(tmp_path / "other.json")


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (float("nan"), 1e-5), (1.0, 0.0), (1.0, 1.0)])
def test_a_budget_out_of_range_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(ConfigError):
        Budget(epsilon, delta)


def test_a_charge_without_noise_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiplier"):
        Gaussian(0.0)
    with pytest.raises(ConfigError, match="probability"):
        SampledGaussian(1.0, 1.5, 10)


def test_a_chance_of_failure_is_taken_off_delta(tmp_path: Path) -> None:
    ledger = PrivacyLedger(BUDGET)
    ledger.spend("thresholds", Failure(4e-6))
    assert ledger.epsilon() == 0.0
    assert ledger.precision_left() == PrivacyLedger(Budget(1.0, 6e-6)).precision_left()
    ledger.spend("counts", Gaussian(ledger.precision_left() ** -0.5))
    assert ledger.epsilon() == decided_epsilon([ledger.entries[1].charge], 6e-6) <= 1.0
    with pytest.raises(BudgetExceededError):
        ledger.spend("more thresholds", Failure(1e-7))
    ledger.write(tmp_path / "ledger.json")
    assert PrivacyLedger.read(tmp_path / "ledger.json").entries == ledger.entries
    with pytest.raises(BudgetExceededError):
        PrivacyLedger(BUDGET).spend("all of delta", Failure(1e-5))
    with pytest.raises(ConfigError, match="below 1"):
        Failure(1.0)


def test_a_chance_of_failure_leaves_less_for_sampled_noise() -> None:
    ledger = PrivacyLedger(BUDGET)
    ledger.spend("thresholds", Failure(5e-6))
    multiplier = ledger.calibrate_sampled(0.02, 500)
    ledger.spend("training", SampledGaussian(multiplier, 0.02, 500))
    assert ledger.epsilon() <= 1.0
    assert multiplier > PrivacyLedger(BUDGET).calibrate_sampled(0.02, 500)
