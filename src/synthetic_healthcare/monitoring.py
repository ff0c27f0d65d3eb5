"""`PrivacyMonitor`: alerts that watch a training run for signs of leakage."""

from __future__ import annotations

from typing import final

from synthetic_healthcare.errors import NotYetAvailableError


@final
class PrivacyMonitor:
    """Alerts as training callbacks; the name is reserved and the class is not in this release.

    An alert on a membership attack or on epsilon reads real rows, so that it must pay into the privacy
    ledger: it comes together with the ledger, and refuses until then rather than watch nothing.

    Raises
    ------
    NotYetAvailableError
        Always.
    """

    def __init__(self) -> None:
        raise NotYetAvailableError(
            "PrivacyMonitor",
            "It arrives with differential privacy. Until then, judge the finished table: "
            "generator.evaluate(synthetic, real) runs the membership attacks.",
        )
