"""Fidelity figures on tables small enough to check by hand, and on tables whose figures are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation.distances import count_within, nearest, ownership
from synthetic_healthcare.evaluation.encoding import Judged, arrange, fit_encoder
from synthetic_healthcare.evaluation.fidelity.associations import associations, design, variables_of
from synthetic_healthcare.evaluation.fidelity.c2st import c2st, out_of_fold_placements
from synthetic_healthcare.evaluation.fidelity.coverage import coverage
from synthetic_healthcare.evaluation.fidelity.marginals import (
    bits_distance,
    level_distance,
    marginals,
    number_distance,
)
from synthetic_healthcare.evaluation.fidelity.pairs import pair_accuracy, pairs
from synthetic_healthcare.evaluation.statistics import bootstrap_weights
from synthetic_healthcare.evaluation.views import Field, read_tables
from synthetic_healthcare.schema.schema import Schema

ONCE = np.ones((1, 4))


def judged(*frames: pd.DataFrame) -> tuple[tuple[Field, ...], list[Judged]]:
    schema = Schema.infer(pd.concat(frames[1:], ignore_index=True))
    fields, views = read_tables(frames, schema)
    encoder = fit_encoder(fields, views[1:])
    return fields, [arrange(view, encoder, seed=0, table=i, rows=5_000)[0] for i, view in enumerate(views)]


def line(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_distances_by_hand() -> None:
    rows, others = line(0, 10), line(1, 3, 10)
    assert nearest(rows, others, k=2).tolist() == [[1, 3], [0, 7]]
    assert nearest(others, others, k=1, same=True)[:, 0].tolist() == [2, 2, 7]
    assert count_within(rows, others, radius=3).tolist() == [2, 1]
    with pytest.raises(ValueError, match="no other row"):
        nearest(line(1), line(1), k=1, same=True)


def test_ownership_splits_ties_by_count() -> None:
    # 0 is nearest to the first table's row; 5 stands between two rows of the first and one of the second.
    found = ownership(line(0, 5), line(0, 4, 6), second=line(6, 20))
    assert found.share == pytest.approx((1 + 2 / 3) / 2)
    assert found.weights == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6, 0])


def test_ownership_is_unbiased_for_unequal_tables_with_ties() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        real = rng.integers(4, size=(30, 2)).astype(float)
        shares.append(
            ownership(rng.integers(4, size=(20, 2)).astype(float), real[:21], second=real[21:]).share
        )
    assert np.mean(shares) == pytest.approx(0.7, abs=4 * np.std(shares) / np.sqrt(300))


def test_number_distance_by_hand() -> None:
    real = np.array([1.0, 2.0, 3.0, 4.0])
    # Half of the synthetic values are above all real ones.
    assert number_distance(np.array([1.0, 2.0, 9.0, 9.0]), real, ONCE)[0] == pytest.approx(0.5)
    # The values agree and half of them are missing.
    holed = np.array([1.0, 2.0, 3.0, 4.0, np.nan, np.nan, np.nan, np.nan])
    assert number_distance(holed, real, ONCE)[0] == pytest.approx(0.5)
    assert number_distance(real, real, ONCE)[0] == 0.0
    assert number_distance(np.full(3, np.nan), real, ONCE)[0] == 1.0
    assert number_distance(np.full(3, np.nan), np.full(4, np.nan), ONCE)[0] == 0.0


def test_number_distance_under_weights_equals_that_of_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    values, real = rng.normal(size=30), rng.normal(size=20)
    weights = bootstrap_weights(20, replicates=5, rng=rng)
    for row, weight in enumerate(weights.astype(int)):
        repeated = np.repeat(real, weight)
        plain = number_distance(values, repeated, np.ones((1, len(repeated))))
        assert number_distance(values, real, weights)[row] == pytest.approx(plain[0])


def test_level_and_bits_distance_by_hand() -> None:
    # Shares 1/2, 1/2 against 1/4, 1/4 and a half missing.
    assert level_distance(np.array([0, 1, -1, -1]), np.array([0, 0, 1, 1]), ONCE)[0] == pytest.approx(0.5)
    real = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=bool)
    synthetic = np.array([[1, 0], [0, 0], [0, 1], [0, 1]], dtype=bool)
    # Prevalences .50 .25 against .25 .50: difference .5 over a total of 1.5.
    assert bits_distance(synthetic, real, ONCE)[0] == pytest.approx(1 / 3)


def test_marginals_is_the_mean_over_columns() -> None:
    real = pd.DataFrame({"a": np.arange(40.0) / 3, "b": ["x", "y"] * 20})
    synthetic = real.assign(b="x")
    fields, tables = judged(synthetic, real, real)
    found = marginals.compute(*tables, fields, np.ones((3, 40)))
    assert found.value == pytest.approx((1.0 + 0.5) / 2)
    assert found.ceiling == 1.0
    assert found.detail["columns"]["b"] == {"value": pytest.approx(0.5), "ceiling": 1.0}
    assert (found.lower, found.upper) == (0.75, 0.75)


def test_associations_against_scipy_and_by_hand() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60)})
    frame["y"] += frame["x"]
    frame["twin"] = np.where(frame["x"] > 0, "up", "down")
    frame["same"] = np.where(frame["x"] > 0, "oben", "unten")
    frame["lone"] = rng.permutation(["p", "q", "r"] * 20)
    fields, (_, table) = judged(frame, frame)
    variables = variables_of(fields, table.view)
    found = associations(design(variables, table.view.values), np.ones((1, 60)))[0]
    at = {variable.name: place for place, variable in enumerate(variables)}
    assert found[at["x"], at["y"]] == pytest.approx(spearmanr(frame["x"], frame["y"]).statistic)
    assert found[at["twin"], at["same"]] == pytest.approx(1.0)
    assert found[at["twin"], at["lone"]] < 0.3
    ranks = frame["x"].rank()
    means = ranks.groupby(frame["twin"]).transform("mean")
    assert found[at["x"], at["twin"]] == pytest.approx(np.sqrt(means.var() / ranks.var()))
    assert (found == found.T).all()


def test_corrected_cramers_v_by_hand() -> None:
    # 2 x 2 table 30, 10, 10, 30: chi2 / n = .25; corrected by 1/79, levels to 2 - 1/79.
    frame = pd.DataFrame(
        {"a": ["u"] * 40 + ["v"] * 40, "b": ["s"] * 30 + ["t"] * 10 + ["s"] * 10 + ["t"] * 30}
    )
    fields, (_, table) = judged(frame, frame)
    found = associations(design(variables_of(fields, table.view), table.view.values), np.ones((1, 80)))[0]
    assert found[0, 1] == pytest.approx(np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))


def test_associations_use_only_rows_that_hold_both() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    x = rng.normal(size=80)
    frame = pd.DataFrame({"x": x, "y": np.where(np.arange(80) < 30, np.nan, x + rng.normal(size=80))})
    fields, (_, table) = judged(frame, frame)
    variables = variables_of(fields, table.view)
    found = associations(design(variables, table.view.values), np.ones((1, 80)))[0]
    assert [variable.name for variable in variables] == ["x", "y", "y (missing)"]
    held = frame.dropna()
    # Ranks are those of the whole column; over the rows that hold both they stay ranks up to gaps.
    expected = np.corrcoef(frame["x"].rank()[held.index], frame["y"].rank()[held.index])[0, 1]
    assert found[0, 1] == pytest.approx(expected)
    assert found[0, 1] == pytest.approx(spearmanr(held["x"], held["y"]).statistic, abs=0.05)


def related(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": x + 0.3 * rng.normal(size=rows),
            "z": np.where(x > 0, "high", "low"),
            "n": rng.random(rows),
        }
    )


def test_pairs_is_one_for_the_holdout_itself_and_zero_for_independent_columns() -> None:
    real, train = related(400, 0), related(400, 1)
    rng = np.random.default_rng(0)
    apart = real.apply(lambda column: rng.permutation(column.to_numpy()))
    weights = bootstrap_weights(400, replicates=20, rng=rng)
    for synthetic, low, high in ((real, 1.0 - 1e-9, 1.0), (apart, 0.0, 0.08)):
        fields, tables = judged(synthetic, train, real)
        found = pairs.compute(*tables, fields, weights, np.random.default_rng(0))
        assert low <= found.value <= high
        assert found.ceiling is not None
        assert found.ceiling > 0.85


def test_a_flipped_sign_is_not_an_association_kept() -> None:
    real = related(400, 0)[["x", "y"]]
    flipped = real.assign(y=-real["y"])
    fields, tables = judged(flipped, real, real)
    found = pairs.compute(*tables, fields, np.ones((1, 400)), np.random.default_rng(0))
    assert found.value == 0.0


def test_pair_accuracy_by_hand() -> None:
    real = pd.DataFrame({"a": ["u", "u", "v", "v"] * 10, "b": ["s", "s", "t", "t"] * 10})
    synthetic = pd.DataFrame({"a": ["u", "u", "v", "v"] * 10, "b": ["s", "t", "s", "t"] * 10})
    fields, tables = judged(synthetic, real, real)
    # Cells us, vt hold a half each; in the synthetic table all four hold a quarter.
    found = pair_accuracy.compute(*tables, fields)
    assert found.value == pytest.approx(0.5)
    assert found.ceiling == pytest.approx(1.0)


def test_two_sample_test_sees_a_shift_and_not_a_fresh_sample() -> None:
    rng = np.random.default_rng(0)
    real, same = rng.normal(size=(300, 3)), rng.normal(size=(300, 3))
    assert out_of_fold_placements(same, real, seed=0).mean() == pytest.approx(0.5, abs=0.08)
    assert out_of_fold_placements(same + 3, real, seed=0).mean() > 0.97


def test_two_sample_score_by_the_area() -> None:
    _, tables = judged(related(100, 0), related(100, 1), related(100, 2))
    found = c2st.compute(*tables, np.ones((2, 100)), np.random.default_rng(0))
    assert found.value == pytest.approx(1 - max(0.0, 2 * found.detail["auc"] - 1))


def test_coverage_by_hand() -> None:
    _, tables = judged(*[pd.DataFrame({"x": np.arange(20.0) + 0.5}) for _ in range(3)])
    only_low = Judged(tables[0].view, tables[0].keys, np.full_like(tables[0].matrix, 0.0))
    only_low.matrix[:, 0] = 0.5 / 20
    # One synthetic value on the lowest row: rows whose fifth neighbour is at least as far as it are covered.
    found = coverage.compute(only_low, tables[1], tables[2], np.ones((1, 20)))
    # Row i (0 to 19) is i steps away; its fifth neighbour is 5, 4, 3, 3, ... steps away: rows 0 to 3.
    assert found.value == pytest.approx(4 / 20)
    assert found.ceiling == 1.0


def test_distances_to_many_rows_find_the_same_neighbours() -> None:
    rng = np.random.default_rng(0)
    others = rng.random((10_500, 6))
    rows = np.concatenate([others[:20], others[20:40] + 0.001, rng.random((20, 6))])
    exact = np.abs(rows[:, None, :] - others[None]).sum(axis=2)
    found = nearest(rows, others, k=3)
    assert found == pytest.approx(np.sort(exact, axis=1)[:, :3])
    assert count_within(rows, others, radius=0.2).tolist() == (exact <= 0.2 + 1e-9).sum(axis=1).tolist()


def test_ownership_among_many_rows_is_the_same() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((8_000, 6)), rng.random((3_000, 6))
    # Rows that many others equal, more than are looked at first.
    first[:300], second[:100] = 0.5, 0.5
    synthetic = np.concatenate([first[300:320], second[100:110] + 0.001, np.full((5, 6), 0.5)])
    found = ownership(synthetic, first, second=second)
    assert found.share == pytest.approx((20 + 5 * 0.75) / 35)
    assert found.weights.sum() == pytest.approx(1.0)
