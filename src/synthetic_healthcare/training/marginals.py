"""`learn_marginals`: from encoded rows and a ledger to a model that has seen noisy counts alone."""

from __future__ import annotations

import numpy as np

from synthetic_healthcare import models
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import MarginalModel, ModelConfig
from synthetic_healthcare.privacy.counting import PrivateCounts
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.privacy.marginals import MarginalCounts
from synthetic_healthcare.schema.layout import Encoded


def learn_marginals(
    encoded: Encoded,
    name: str,
    config: ModelConfig,
    *,
    ledger: PrivacyLedger,
    rows: int,
    seed: int,
    rows_per_person: int = 1,
    share: float = 1.0,
) -> MarginalModel:
    """Fit a model of noisy counts, for what is left in a ledger or a share of it.

    Parameters
    ----------
    encoded : Encoded (n,)
        The rows. Their layout, and how they were encoded, must be public or paid for already.
    name, config
        Which model, and its settings.
    ledger : PrivacyLedger
        Pays, before anything is counted.
    rows : int
        Public number of rows.
    seed : int
        Decides the learning from the noisy counts; their noise is the operating system's, and never repeats.
    rows_per_person : int, default 1
        Most rows that one person has in the table.
    share : float, default 1.0
        Of the precision that is left.

    Raises
    ------
    ConfigError
        The model does not learn from counts, a setting does not suit the table, or nothing is left.
    """
    model = models.build(name, encoded.layout, config)
    if not isinstance(model, MarginalModel):
        raise ConfigError(f"model {name!r} learns from rows, not from counts of them")
    counts = PrivateCounts(ledger, rows_per_person=rows_per_person, share=share)
    model.fit(MarginalCounts(encoded, counts, rows=rows), rng=np.random.default_rng(seed))
    return model
