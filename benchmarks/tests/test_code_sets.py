"""Sets of codes survive the way through columns of 0 and 1; their judges agree with what a hand works out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from code_sets import Flattening, code_scores, parse
from judging import Judging
from splits import Split, icd9_category


def _admissions(rng: np.random.Generator, n: int) -> pd.DataFrame:
    failing = rng.random(n) < 0.4
    codes = [
        ";".join(
            code for code, share in (("428", 0.9), ("584", 0.7), ("V45", 0.3)) if rng.random() < share * f
        )
        for f in np.where(failing, 1.0, 0.3)
    ]
    died = failing & (rng.random(n) < 0.7)
    age = rng.integers(40, 90, n)
    sex = rng.choice(["F", "M"], n)
    return pd.DataFrame({"age": age, "sex": sex, "diagnoses": codes, "died": died.astype(int)})


def test_cells_are_read_as_sets() -> None:
    cells = pd.Series(["428;584", "", None, " 428 ;428"])
    assert parse(cells) == [{"428", "584"}, set(), set(), {"428"}]


def test_what_was_flattened_comes_back_without_the_rare_codes() -> None:
    rows = pd.DataFrame({"codes": ["584;428", "428;999", ""], "died": [1, 0, 0]})
    flattening = Flattening.of(rows, "codes", least=1)
    assert flattening.codes[0] == "428"
    back = flattening.sets(flattening.flat(rows), names=["codes", "died"])
    assert list(back["codes"]) == ["428;584", "428;999", ""]
    common = Flattening.of(rows, "codes", least=2)
    assert list(common.sets(common.flat(rows), names=["codes"])["codes"]) == ["428", "428", ""]


def test_scores_of_codes_are_worked_out_by_hand() -> None:
    holdout = pd.Series(["a;b", "a;b", "a", ""])
    rows = pd.Series(["a;b", "a", "a;x", ""])
    scores = code_scores(rows, pd.Series(["a;b", "b"]), holdout)
    # Shares of a and b: .75 and .25 against .75 and .5.
    assert scores["prevalence"] == pytest.approx(1.0)
    assert scores["prevalence_error"] == pytest.approx(np.sqrt(0.25**2 / 2))
    assert scores["codes_per_row"] == pytest.approx(5 / 5)
    assert scores["unknown_codes"] == pytest.approx(1 / 5)
    # Two codes make one pair, and one pair has no correlation.
    assert scores["cooccurrence"] is None


def test_codes_that_no_longer_go_together_are_seen() -> None:
    holdout, apart = pd.Series(["a;b", "c;d"]), pd.Series(["a;c", "b;d"])
    kept, lost = (code_scores(rows, holdout, holdout) for rows in (holdout, apart))
    assert kept["prevalence_error"] == lost["prevalence_error"] == 0.0
    assert kept["cooccurrence"] == pytest.approx(1.0)
    # Six pairs, two of which hold half of the rows, and other two than in the hold-out.
    assert lost["cooccurrence"] == pytest.approx(-0.5)


def test_a_table_of_words_and_codes_is_judged() -> None:
    rng = np.random.default_rng(1)
    split = Split("admissions", _admissions(rng, 200), _admissions(rng, 100), "died", codes="diagnoses")
    fresh = _admissions(rng, 200)
    scores = Judging.of(split).scores([fresh])
    assert scores["prevalence"] is not None
    assert scores["prevalence"] > 0.9
    assert scores["c2st"] == pytest.approx(0.5, abs=0.12)
    wrong = Judging.of(split).scores([fresh.assign(sex="X", diagnoses="401")])
    assert wrong["c2st"] > 0.99
    assert wrong["unknown_codes"] == 1.0


@pytest.mark.parametrize(
    ("code", "category"), [("42821", "428"), ("V4501", "V45"), ("E8788", "E878"), ("042", "042")]
)
def test_codes_are_rolled_up_to_their_categories(code: str, category: str) -> None:
    assert icd9_category(code) == category
