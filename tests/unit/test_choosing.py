"""`auto`: chosen by size where size tells, by a trial on held-out rows where it does not, and said so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator, choosing
from synthetic_healthcare.choosing import CANDIDATES, LARGE, Choice, choose
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.progress import Silent
from synthetic_healthcare.schema.layout import Encoded, Layout, Part

MakeTable = Callable[..., pd.DataFrame]


def rows_of(n: int, *, codes: int = 0) -> Encoded:
    rng = np.random.default_rng(0)
    parts = [Part("x", "value", "continuous", 1, 0, 0)]
    if codes:
        parts.append(Part("codes", "value", "bits", codes, 1, 0, (0.1,) * codes))
    return Encoded(
        Layout(tuple(parts)),
        rng.normal(size=(n, 1)).astype(np.float32),
        np.zeros((n, 0), np.int32),
        (rng.random((n, codes)) < 0.1).astype(np.uint8),
    )


def chosen(rows: Encoded) -> Choice:
    return choose(rows, RunConfig(), target=None, seed=0, progress=Silent())


def test_large_tables_and_tables_of_codes_are_told_by_their_size() -> None:
    large, codes = chosen(rows_of(LARGE)), chosen(rows_of(300, codes=200))
    assert (large.name, large.scores) == ("autoregressive", {})
    assert "2,000 rows" in large.reason
    assert (codes.name, codes.scores) == ("medgan", {})
    assert "200 codes" in codes.reason


def test_the_preferred_one_stays_unless_another_is_better_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 60)
    alike = {"a": 1.0 + noise, "b": 0.99 + rng.normal(0, 0.1, 60)}
    assert choosing._preferred(alike) == "a"
    apart = {"a": 1.0 + noise, "b": 0.8 + noise + rng.normal(0, 0.05, 60)}
    assert choosing._preferred(apart) == "b"


def test_a_small_table_is_tried_and_the_model_says_what_was_chosen_and_why(plain_table: MakeTable) -> None:
    first, second = (
        SyntheticDataGenerator(random_state=0).fit(plain_table(150), epochs=1, target="outcome")
        for _ in range(2)
    )
    training = first.describe()["training"]
    assert set(training["trial_scores"]) == set(CANDIDATES)
    assert training["chosen_model"] == first.describe()["model"]
    assert training["chosen_model"] in CANDIDATES
    assert "held-out rows" in training["chosen_because"]
    pd.testing.assert_frame_equal(first.generate(50), second.generate(50))


def test_a_model_that_was_asked_for_is_not_tried(plain_table: MakeTable) -> None:
    training = SyntheticDataGenerator("independent").fit(plain_table()).describe()["training"]
    assert (training["chosen_model"], training["trial_scores"]) == ("independent", {})


def test_settings_of_a_model_need_its_name() -> None:
    with pytest.raises(ConfigError, match=r"architecture\.hidden: .*'auto' chooses it"):
        SyntheticDataGenerator(architecture={"hidden": 3})
