"""The accountants beside those of Opacus 1.6.0, which are another team's code.

The figures were computed once by Opacus' `PRVAccountant` (`eps_error=0.005`, `delta_error=delta / 1000`) and
`RDPAccountant`, from the history `[(multiplier, probability, times)]`.
"""

from __future__ import annotations

import pytest

from synthetic_healthcare.privacy.accounting import epsilon_of
from synthetic_healthcare.privacy.charges import SampledGaussian

#: multiplier, probability, times, delta; epsilon by its PRV accountant, and by its RDP accountant.
OPACUS = [
    (1.0, 0.01, 1000, 1e-5, 1.83337, 2.10137),
    (0.8, 0.05, 200, 1e-5, 7.70769, 8.73183),
    (2.0, 0.02, 5000, 1e-6, 3.61438, 3.87262),
    (4.0, 0.25, 300, 1e-5, 4.97445, 5.38169),
    (10.0, 1.0, 30, 1e-5, 2.21219, 2.39643),
    (0.6, 0.002, 3000, 1e-6, 3.76019, 4.62540),
]


@pytest.mark.parametrize(("multiplier", "probability", "times", "delta", "prv", "rdp"), OPACUS)
def test_epsilon_is_that_of_opacus_within_two_per_cent(
    multiplier: float, probability: float, times: int, delta: float, prv: float, rdp: float
) -> None:
    charges = [SampledGaussian(multiplier, probability, times)]
    assert epsilon_of(charges, delta, by="pld") == pytest.approx(prv, rel=0.02)
    assert epsilon_of(charges, delta, by="rdp") == pytest.approx(rdp, rel=0.02)
