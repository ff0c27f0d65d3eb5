"""Gaps are filled; nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.errors import ConfigError

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]


def test_a_model_that_cannot_fill_gaps_says_which_can(plain_table: MakeTable, quick_fit: Fit) -> None:
    table = plain_table()
    with pytest.raises(ConfigError, match=r"'beta-vae' cannot fill gaps\. Fit 'autoregressive'"):
        quick_fit(table).impute(table)
