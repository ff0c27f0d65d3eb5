"""What charges come to: epsilon at a delta, by two accountants that know nothing of each other.

Both are those of `dp-accounting`. Privacy loss distributions (PLD; Meiser and Mohammadi 2018, Doroshenko et
al. 2022, arXiv:2207.04380) are tight to a fraction of a per cent and decide; Renyi differential privacy (RDP;
Mironov 2017, arXiv:1702.07476) is a looser bound, worked out in another way; it stands beside it as a
check, and decides alone where a charge has no privacy loss distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from scipy.special import log_ndtr

from synthetic_healthcare.privacy.charges import Charge, Concentrated, Failure, Gaussian, SampledGaussian

if TYPE_CHECKING:
    from dp_accounting import DpEvent, PrivacyAccountant

Accountant = Literal["pld", "rdp"]

#: Halvings of a search on the logarithm of a noise multiplier: 2^-40 of the range is far below any error.
_HALVINGS: Final = 60
#: Noise multipliers between which searches look.
_LEAST_NOISE, _MOST_NOISE = 0.05, 1e6
#: Share of the budget that the tight accountant may leave unspent where noise is calibrated with it.
_SLACK: Final = 1e-3
#: Evaluations of the tight accountant in one calibration, at most.
_MOST_STEPS: Final = 12
#: Orders at which Renyi divergences are added up: whole ones are fast, and any order gives a bound.
_ORDERS: Final = (*range(2, 64), *range(64, 257, 16), 512, 1024)
#: First guess of how the logarithm of epsilon falls with that of the multiplier.
_STEEPNESS: Final = -1.5
#: Relative width at which the search with them ends.
_CLOSE: Final = 0.01


def epsilon_of(charges: Sequence[Charge], delta: float, *, by: Accountant) -> float | None:
    """Add charges up.

    Parameters
    ----------
    charges : sequence of Charge
        What was, or would be, released of the same people.
    delta : float
        Probability with which epsilon may be passed.
    by : {"pld", "rdp"}
        The accountant.

    Returns
    -------
    float or None
        An upper bound of epsilon for neighbours that differ by one person; 0 without charges; infinite where
        chances of failure use delta up; `None` where this accountant has no account of a charge (PLD of a
        `Concentrated`).
    """
    delta = delta_left(charges, delta)
    if delta <= 0:
        return math.inf
    if all(isinstance(charge, Failure) for charge in charges):
        return 0.0
    if by == "pld" and any(isinstance(charge, Concentrated) for charge in charges):
        return None
    # Importing the accountants takes seconds, and only private runs need them.
    from dp_accounting import NeighboringRelation, pld, rdp

    relation = NeighboringRelation.ADD_OR_REMOVE_ONE
    if by == "pld":
        return _total(pld.PLDAccountant(relation), charges, delta)
    return _total(rdp.RdpAccountant(_ORDERS, relation), charges, delta)


def decided_epsilon(charges: Sequence[Charge], delta: float) -> float:
    """Return the epsilon that counts: PLD's where it has one, else RDP's."""
    tight = epsilon_of(charges, delta, by="pld")
    if tight is not None:
        return tight
    loose = epsilon_of(charges, delta, by="rdp")
    assert loose is not None
    return loose


def delta_left(charges: Sequence[Charge], delta: float) -> float:
    """Return what chances of failure leave of delta: failures and all else add up (a union bound)."""
    return delta - sum(charge.delta for charge in charges if isinstance(charge, Failure))


def precision_for(epsilon: float, delta: float) -> float:
    """Return the largest sum of 1 / multiplier^2 of Gaussian releases that stays within a budget.

    Gaussian releases of the same people are together one with that precision (Dong, Roth and Su 2019,
    arXiv:1905.02383, corollary 2), whose delta is known exactly (Balle and Wang 2018, arXiv:1805.06530,
    theorem 5): what is planned in shares of it adds up.
    """
    low, high = math.log(_LEAST_NOISE), math.log(_MOST_NOISE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _gaussian_log_delta(math.exp(middle), epsilon) > math.log(delta):
            low = middle
        else:
            high = middle
    return math.exp(-2 * high)


def calibrate(
    earlier: Sequence[Charge], last: Callable[[float], Charge], epsilon: float, delta: float
) -> float:
    """Return the least noise multiplier at which a last charge fits into a budget, to 0.1 % of epsilon.

    Parameters
    ----------
    earlier : sequence of Charge
        What was spent before.
    last : callable
        From a noise multiplier to the charge.
    epsilon, delta : float
        The budget.

    Returns
    -------
    float
        Infinity where no noise is enough: the earlier charges leave nothing.
    """

    from dp_accounting import NeighboringRelation, rdp

    def by_rdp(multiplier: float) -> float:
        account = rdp.RdpAccountant(_ORDERS, NeighboringRelation.ADD_OR_REMOVE_ONE)
        return _total(account, [*earlier, last(multiplier)], delta_left(earlier, delta))

    if decided_epsilon(earlier, delta) >= epsilon:
        return math.inf
    # RDP is fast and never too low: the search starts from what it allows.
    fails, fits = _LEAST_NOISE, 1.0
    while by_rdp(fits) > epsilon:
        fails, fits = fits, 2 * fits
        if fits > _MOST_NOISE:
            return math.inf
    while fits / fails > 1 + _CLOSE:
        middle = math.sqrt(fits * fails)
        fails, fits = (fails, middle) if by_rdp(middle) <= epsilon else (middle, fits)
    if any(isinstance(charge, Concentrated) for charge in [*earlier, last(1.0)]):
        return fits

    def by_pld(multiplier: float) -> float:
        found = epsilon_of([*earlier, last(multiplier)], delta, by="pld")
        assert found is not None
        return found

    return _refine(by_pld, fits, epsilon)


def _refine(spent: Callable[[float], float], start: float, epsilon: float) -> float:
    """Lower a multiplier that fits until what is spent is just below epsilon, by secants on logarithms."""
    aim = math.log(epsilon * (1 - _SLACK / 2))
    place, slope, fits = math.log(start), _STEEPNESS, math.log(start)
    known: tuple[float, float] | None = None
    for _ in range(_MOST_STEPS):
        now = math.log(max(spent(math.exp(place)), 1e-12))
        if now <= math.log(epsilon):
            fits = min(fits, place)
            if now >= math.log(epsilon * (1 - _SLACK)):
                break
        if known is not None and place != known[0]:
            slope = min((now - known[1]) / (place - known[0]), -0.1)
        known = (place, now)
        place += (aim - now) / slope
    return math.exp(fits)


def _total(account: PrivacyAccountant, charges: Sequence[Charge], delta: float) -> float:
    for event in _events(charges):
        account.compose(event)
    return float(account.get_epsilon(delta))


def _events(charges: Sequence[Charge]) -> list[DpEvent]:
    """Read charges as events; what adds up to one is put together, which changes nothing and is faster."""
    import dp_accounting

    events: list[DpEvent] = []
    precision = sum(c.times / c.multiplier**2 for c in charges if isinstance(c, Gaussian))
    if precision:
        events.append(dp_accounting.GaussianDpEvent(precision**-0.5))
    for charge in charges:
        if isinstance(charge, SampledGaussian):
            once = dp_accounting.PoissonSampledDpEvent(
                charge.probability, dp_accounting.GaussianDpEvent(charge.multiplier)
            )
            events.append(dp_accounting.SelfComposedDpEvent(once, charge.times))
    rho = sum(charge.times * charge.rho for charge in charges if isinstance(charge, Concentrated))
    if rho:
        events.append(dp_accounting.ZCDpEvent(rho))
    return events


def _gaussian_log_delta(multiplier: float, epsilon: float) -> float:
    """Logarithm of the exact delta of one Gaussian release."""
    half, shift = 0.5 / multiplier, epsilon * multiplier
    first, second = float(log_ndtr(half - shift)), epsilon + float(log_ndtr(-half - shift))
    # first > second always; their difference is taken on the logarithms, where nothing underflows.
    gap = second - first
    return first + math.log1p(-math.exp(gap)) if gap < 0 else -math.inf
