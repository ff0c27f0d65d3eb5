"""Bias correction: rows resampled until groups are treated alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.cli.main import main
from synthetic_healthcare.errors import ConditionError, ConfigError
from synthetic_healthcare.sampling.parity import Parity, cells_of, draw_to_parity, fill, quotas


def biased(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    sex = rng.choice(["F", "M"], rows, p=[0.3, 0.7])
    died = rng.random(rows) < np.where(sex == "F", 0.1, 0.4)
    return pd.DataFrame({"sex": sex, "died": np.where(died, "yes", "no"), "x": rng.normal(size=rows)})


def source(seed: int = 0) -> object:
    rng = np.random.default_rng(seed)

    def rows(number: int) -> Iterator[pd.DataFrame]:
        yield biased(number, rng)

    return rows


def test_quotas_by_hand() -> None:
    counts = {("F", "yes"): 10, ("F", "no"): 30, ("M", "yes"): 40, ("M", "no"): 20}
    # P(F) = 0.4, P(yes) = 0.5.
    assert quotas(counts, 10, aim="demographic_parity") == {
        ("F", "yes"): 2,
        ("F", "no"): 2,
        ("M", "yes"): 3,
        ("M", "no"): 3,
    }
    # Half each; one woman in four and two men in three.
    found = quotas(counts, 24, aim="representation")
    assert found == {("F", "yes"): 3, ("F", "no"): 9, ("M", "yes"): 8, ("M", "no"): 4}


@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), st.integers(1, 50), min_size=1),
    st.integers(1, 200),
    st.sampled_from(["demographic_parity", "representation"]),
)
def test_quotas_always_add_up(counts: dict[tuple[str, str], int], n: int, aim: str) -> None:
    assert sum(quotas(counts, n, aim=aim).values()) == n


def test_demographic_parity_evens_out_the_target() -> None:
    parity = Parity("demographic_parity", "sex", "died")
    table, told = draw_to_parity(source(), parity, 1000, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    rates = table.groupby("sex")["died"].apply(lambda died: (died == "yes").mean())
    assert len(table) == 1000
    assert rates["F"] == pytest.approx(rates["M"], abs=0.005)
    assert table["sex"].eq("F").mean() == pytest.approx(0.3, abs=0.03)
    assert told.gap_before == pytest.approx(0.3, abs=0.06)
    assert told.gap_after == pytest.approx(0, abs=0.005)
    # No row twice: numbers of a continuum repeat only where a row does.
    assert table["x"].is_unique


def test_representation_evens_out_the_groups_and_keeps_the_target() -> None:
    parity = Parity("representation", "sex", "died")
    table, told = draw_to_parity(source(), parity, 1000, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    assert Counter(table["sex"]) == {"F": 500, "M": 500}
    women, men = told.groups
    assert women["share_before"] == pytest.approx(0.3, abs=0.03)
    assert women["share_after"] == 0.5
    assert men["classes_after"]["yes"] == pytest.approx(men["classes_before"]["yes"], abs=0.01)


def test_lost_rows_are_filled_cell_by_cell() -> None:
    parity = Parity("representation", "sex", "died")
    lost = pd.DataFrame({"sex": ["F", "F", "M"], "died": ["yes", "no", "yes"]})
    again, _ = fill(source(), parity, Counter(cells_of(lost, parity)), rng=np.random.default_rng(0))  # type: ignore[arg-type]
    assert Counter(cells_of(again, parity)) == Counter(cells_of(lost, parity))


def test_a_missing_group_is_one_of_its_own_but_is_not_multiplied() -> None:
    counts = {("F", "yes"): 10, ("missing", "yes"): 10}
    assert quotas(counts, 10, aim="representation") == {("F", "yes"): 10}
    assert quotas(counts, 10, aim="demographic_parity") == {("F", "yes"): 5, ("missing", "yes"): 5}


def test_what_the_model_does_not_draw_is_refused_without_a_value() -> None:
    def rows(number: int) -> Iterator[pd.DataFrame]:
        frame = pd.DataFrame({"sex": ["F", "M"] * number, "died": ["never-seen", "no"] * number})
        yield frame.iloc[:number]

    with pytest.raises(ConditionError, match="'died' in one of the groups of 'sex'") as caught:
        draw_to_parity(rows, Parity("demographic_parity", "sex", "died"), 1500, rng=np.random.default_rng(0))
    assert "never-seen" not in str(caught.value)


def test_a_generator_corrects_on_request() -> None:
    table = biased(400, np.random.default_rng(1))
    generator = SyntheticDataGenerator("copula", random_state=0).fit(table, target="died")
    made = generator.generate(300, fairness="demographic_parity", attribute="sex", random_state=1)
    assert made.columns.tolist() == ["sex", "died", "x"]
    (told,) = generator.last_draw.fairness
    assert len(made) == told.kept == 300
    assert told.gap_before is not None
    assert told.gap_after is not None
    assert told.gap_after < 0.01 < told.gap_before
    again = generator.generate(300, fairness="demographic_parity", attribute="sex", random_state=1)
    pd.testing.assert_frame_equal(made, again)
    for wrong, words in (
        ({"fairness": "demographic_parity"}, "attribute="),
        ({"fairness": "kindness", "attribute": "sex"}, "'kindness'"),
        ({"fairness": "representation", "attribute": "x"}, "'x' is numeric"),
        ({"fairness": "representation", "attribute": "died"}, "'died' is the target"),
        ({"fairness": "representation", "attribute": "sex", "balance": "sex"}, "exclude each other"),
    ):
        with pytest.raises(ConfigError, match=words):
            generator.generate(10, **wrong)


def test_the_command_line_tells_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = biased(300, np.random.default_rng(1))
    model = tmp_path / "m.shm"
    SyntheticDataGenerator("independent", random_state=0).fit(table, target="died").save(model)
    asked = ["generate", str(model), "-n", "100", "-o", str(tmp_path / "s.csv"), "--seed", "1"]
    with pytest.raises(SystemExit) as left:
        main([*asked, "--fairness", "representation", "--attribute", "sex"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "representation of sex: 100 rows kept" in said
    assert "sex F: share" in said
    assert Counter(pd.read_csv(tmp_path / "s.csv")["sex"]) == {"F": 50, "M": 50}
    with pytest.raises(SystemExit) as left:
        main([*asked, "--fairness", "representation", "--attribute", "sex", "--where", "sex=F"])
    assert left.value.code == 1
    assert "exclude each other" in capsys.readouterr().err
