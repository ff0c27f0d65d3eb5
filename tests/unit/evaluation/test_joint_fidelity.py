"""Figures of whole rows and of pairs: by hand where that can be done, and on tables of which all is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.distances import count_balls, nearest, outside_share
from synthetic_healthcare.evaluation.encoding import Judged, arrange, fit_encoder
from synthetic_healthcare.evaluation.fidelity.alpha_beta import (
    alpha_precision,
    beta_recall,
    integrated,
    precision_curve,
    recall_curve,
)
from synthetic_healthcare.evaluation.fidelity.association_errors import (
    association_errors,
    information,
    mutual_information,
)
from synthetic_healthcare.evaluation.fidelity.c2st import c2st_logistic
from synthetic_healthcare.evaluation.fidelity.code_sets import code_sets, set_similarity
from synthetic_healthcare.evaluation.fidelity.log_cluster import inequality
from synthetic_healthcare.evaluation.fidelity.mmd import discrepancy
from synthetic_healthcare.evaluation.fidelity.pmse import pmse_trees, propensity
from synthetic_healthcare.evaluation.fidelity.prdc import density, precision, real_balls, recall
from synthetic_healthcare.evaluation.privacy.authenticity import authenticity
from synthetic_healthcare.evaluation.views import Field, read_tables
from synthetic_healthcare.schema import Column, Schema


def judged(*frames: pd.DataFrame, schema: Schema | None = None) -> tuple[tuple[Field, ...], list[Judged]]:
    fields, views = read_tables(frames, schema or Schema.infer(pd.concat(frames[1:], ignore_index=True)))
    encoder = fit_encoder(fields, views[1:])
    return fields, [arrange(view, encoder, seed=0, table=i, rows=5_000)[0] for i, view in enumerate(views)]


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


def shuffled(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return frame.apply(lambda column: rng.permutation(column.to_numpy()))


def replayed(frame: pd.DataFrame) -> pd.DataFrame:
    """Twenty rows, over and over."""
    return frame.iloc[np.arange(len(frame)) % 20].reset_index(drop=True)


def line(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_association_errors_keep_their_sign() -> None:
    real = related(400, 0)[["x", "y"]]
    fields, tables = judged(real.assign(y=-real["y"]), real, real)
    found = association_errors.compute(*tables, fields, np.ones((2, len(real))))
    left, right, there, here, error = found.detail["table"]["rows"][0]
    assert (left, right) == ("x", "y")
    assert (here, error) == (pytest.approx(-there), pytest.approx(-2 * there))
    assert found.value == pytest.approx(2 * there)
    assert found.ceiling == pytest.approx(0.0)
    # Turned round, it is as strong as before.
    assert found.detail["strength_by_kind"] == {"numbers": pytest.approx(0.0, abs=1e-9)}


def test_shuffled_columns_weaken_associations_of_every_kind() -> None:
    real = related(400, 0).assign(w=lambda frame: np.where(frame["y"] > 0, "p", "q"))
    fields, tables = judged(shuffled(real), real, real)
    strengths = association_errors.compute(*tables, fields, np.ones((2, len(real)))).detail[
        "strength_by_kind"
    ]
    assert set(strengths) == {"numbers", "number and level", "levels"}
    assert max(strengths.values()) < -0.1


def test_information_by_hand() -> None:
    same = np.array([0, 0, 1, 1])
    crossed = np.array([0, 1, 0, 1])
    found = information([same, same, crossed], [2, 2, 2])
    assert found[0, 1] == pytest.approx(1.0)
    assert found[0, 2] == pytest.approx(0.0)
    # Two halves against a half and two quarters: I = log 2 of (log 2 + 1.5 log 2) / 2.
    assert information([same, np.array([0, 0, 1, 2])], [2, 3])[0, 1] == pytest.approx(0.8)
    assert information([same, np.zeros(4, int)], [2, 1])[0, 1] == 0.0


def test_information_sees_what_no_correlation_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 500)
    real = pd.DataFrame({"x": x, "square": x**2})
    fields, tables = judged(shuffled(real), real, real)
    assert mutual_information.compute(*tables, fields).value > 0.4
    assert association_errors.compute(*tables, fields, np.ones((2, len(real)))).value < 0.2
    with pytest.raises(NotApplicable, match="no pair"):
        mutual_information.compute(*tables, fields[:1])


def test_logistic_two_sample_test_sees_single_columns_only() -> None:
    real = related(400, 0)
    weights, rng = np.ones((2, 400)), np.random.default_rng(0)
    _, tables = judged(shuffled(real), related(400, 1), real)
    assert c2st_logistic.compute(*tables, weights, rng).value > 0.9
    _, tables = judged(real.assign(x=real["x"] + 2), related(400, 1), real)
    assert c2st_logistic.compute(*tables, weights, rng).value < 0.5


def test_propensity_of_samples_of_one_distribution_is_about_one() -> None:
    rng = np.random.default_rng(0)
    found = [propensity(rng.normal(size=(200, 5)), rng.normal(size=(300, 5))) for _ in range(60)]
    # Five parameters more than one: the ratio is chi-square with 5 degrees of freedom, over 5.
    ratios = np.array([one["ratio"] for one in found])
    assert ratios.mean() == pytest.approx(1.0, abs=4 * math.sqrt(2 / 5 / 60))
    standard = np.array([one["standardised"] for one in found])
    assert standard == pytest.approx((ratios - 1) / math.sqrt(2 / 5))
    assert found[0]["parameters"] == 6


def test_propensity_by_hand() -> None:
    # 30 of 40 with the mark are synthetic, 10 of 40 without: propensities 3/4 and 1/4, all 1/4 from a half.
    marks = [np.repeat([1.0, 0.0], counts)[:, None] for counts in ([30, 10], [10, 30])]
    found = propensity(*marks)
    assert found["pmse"] == pytest.approx(1 / 16)
    assert found["ratio"] == pytest.approx(1 / 16 / (1 / 4 / 80))
    with pytest.raises(NotApplicable, match="constant"):
        propensity(np.ones((9, 2)), np.ones((9, 2)))
    with pytest.raises(NotApplicable, match="too few"):
        propensity(np.eye(9), 2 * np.eye(9))


def test_propensity_by_trees_sees_lost_relations() -> None:
    real = related(200, 0)
    for synthetic, low, high in ((related(200, 2), 0.5, 1.4), (shuffled(related(200, 3)), 1.4, 100.0)):
        _, tables = judged(synthetic, related(200, 1), real)
        found = pmse_trees.compute(*tables, np.random.default_rng(0))
        assert low < found.value < high
        assert found.ceiling is not None
        assert 0.5 < found.ceiling < 1.4


def test_discrepancy_by_hand() -> None:
    # Two rows at 0 and two at 1: kernel 1 within, exp(-1/2) between, where the median distance is 1.
    value, p_value = discrepancy(line(0, 0), line(1, 1), state=0)
    assert value == pytest.approx(2 - 2 * math.exp(-0.5))
    assert p_value > 0.2
    assert discrepancy(line(5, 5, 5), line(5, 5, 5), state=0) == (pytest.approx(0.0), 1.0)


def test_discrepancy_of_a_fresh_sample_and_of_a_shift() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 3))
    value, p_value = discrepancy(rng.normal(size=(150, 3)), real, state=0)
    assert abs(value) < 0.01
    assert p_value > 0.05
    value, p_value = discrepancy(rng.normal(size=(150, 3)) + 0.7, real, state=0)
    assert value > 0.02
    assert p_value == pytest.approx(1 / 201)


def test_balls_by_hand() -> None:
    real = line(*range(10))
    radii = nearest(real, real, k=5, same=True)[:, -1]
    assert radii.tolist() == [5, 4, 3, 3, 3, 3, 3, 3, 4, 5]
    # 12 is within the reach of 9 and of 8; 100 of none.
    assert count_balls(line(12, 100), real, radii=radii).tolist() == [2, 0]


def test_precision_density_and_recall() -> None:
    frame = related(300, 0)
    _, tables = judged(related(300, 1), related(300, 2), frame)
    balls = real_balls(*tables)
    assert precision.compute(balls).value > 0.95
    assert density.compute(balls).value == pytest.approx(1.0, abs=0.15)
    fresh = recall.compute(*tables)
    assert fresh.value > 0.95
    assert fresh.lower is not None
    _, tables = judged(replayed(related(300, 2)), related(300, 2), frame)
    # Twenty real rows lie where real rows lie, and reach no one else.
    assert precision.compute(real_balls(*tables)).value > 0.9
    assert recall.compute(*tables).value < 0.05
    with pytest.raises(NotApplicable, match="more than 5"):
        real_balls(tables[0], tables[1], tables[2].first(5))


def test_alpha_and_beta_curves_by_hand() -> None:
    radii = np.arange(1.0, 31.0)
    # One row more for each thirtieth: the diagonal itself.
    assert integrated(precision_curve(radii, radii)) == pytest.approx(1.0)
    # All rows at the centre: the curve is 1 from the first level on, the area beside it 1/2 less a step.
    collapsed = precision_curve(np.zeros(30), radii)
    assert collapsed[1:].tolist() == [1.0] * 30
    assert integrated(collapsed) == pytest.approx(1 - 2 * (0.5 - 0.5 / 30), abs=1e-9)
    # All beyond the farthest: 0 throughout, area 1/2.
    assert integrated(precision_curve(np.full(30, 99.0), radii)) == pytest.approx(0.0)
    real = np.random.default_rng(0).normal(size=(60, 2))
    reach = nearest(real, real, k=5, same=True)[:, -1]
    assert recall_curve(real, real, reach=reach)[-1] == 1.0
    assert recall_curve(real + 50, real, reach=reach)[-1] == 0.0


def test_alpha_precision_and_beta_recall_of_known_tables() -> None:
    frame, train = related(300, 0), related(300, 2)
    _, tables = judged(related(300, 1), train, frame)
    assert alpha_precision.compute(*tables).value > 0.9
    assert beta_recall.compute(*tables).value > 0.85
    _, tables = judged(replayed(train), train, frame)
    found = beta_recall.compute(*tables)
    assert found.value < 0.6
    assert [curve["side"] for curve in found.detail["curves"]] == ["synthetic", "real"]


def test_a_replay_of_twenty_rows_is_not_authentic_and_a_fresh_sample_is_half() -> None:
    train, holdout = related(300, 0), related(300, 1)
    for synthetic, low, high in ((replayed(train), 0.0, 0.0), (related(300, 2), 0.4, 0.65)):
        _, tables = judged(synthetic, train, holdout)
        found = authenticity.compute(*tables)
        assert low <= found.value <= high
        assert found.ceiling == pytest.approx(0.5, abs=0.12)


def test_authenticity_by_hand() -> None:
    # Nearest others of 0, 1, 5 are 1, 1, 4 away. 7 is 2 from 5: not authentic. -3 is 3 from 0: authentic.
    train = line(0, 1, 5)
    own = nearest(train, train, k=1, same=True)[:, 0]
    assert own.tolist() == [1.0, 1.0, 4.0]
    assert outside_share(line(7, -3), train, radii=own) == 0.5
    # 3 is 2 from 1 (which it beats) and 2 from 5 (which it does not): half.
    assert outside_share(line(3), train, radii=own) == 0.5


def test_clusters_by_hand() -> None:
    groups = np.repeat(np.arange(20.0), 5)[:, None]
    # Every cluster holds as many of one table as of the other, or of one table only.
    assert inequality(groups, groups, seed=0) == pytest.approx(math.log(1e-9))
    assert inequality(groups, groups + 100, seed=0) == pytest.approx(math.log(1 / 4))
    assert inequality(line(*[1.0] * 30), line(*[1.0] * 30), seed=0) == pytest.approx(math.log(1e-9))


def test_code_sets_by_hand() -> None:
    real = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    synthetic = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    prevalence, together, size = set_similarity(synthetic, real, np.ones((1, 4)))[:, 0]
    # The prevalences are a half each; no row holds both; all rows hold one in place of a half of them.
    assert (prevalence, together, size) == (1.0, 0.0, 0.5)
    assert set_similarity(real, real, np.ones((1, 4)))[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_codes_that_lost_their_company() -> None:
    rng = np.random.default_rng(0)

    def drawn(rows: int) -> pd.DataFrame:
        sick = rng.random(rows) < 0.5
        sets = ["I10;E11;N18" if one else "J45" for one in sick]
        return pd.DataFrame({"codes": [*sets[:-3], *["Z99;J45"] * 3]})

    real, train = drawn(200), drawn(200)
    mixed = [
        ";".join(rng.choice(["I10", "E11", "N18", "J45"], rng.integers(1, 4), False)) for _ in range(200)
    ]
    schema = Schema((Column("codes", "codes", delimiter=";"),))
    fields, tables = judged(pd.DataFrame({"codes": mixed}), train, real, schema=schema)
    found = code_sets.compute(*tables, fields, np.ones((2, 200)))
    assert found.value < 0.8 < 0.9 < (found.ceiling or 0.0)
    listed = {row[1]: row[2] for row in found.detail["table"]["rows"]}
    # Three patients have the rare code: it is not listed.
    assert set(listed) == {"I10", "E11", "N18", "J45"}
    assert listed["I10"] == pytest.approx(0.5, abs=0.1)
    fields, tables = judged(related(50, 0), related(50, 1), related(50, 2))
    with pytest.raises(NotApplicable, match="no column holds sets"):
        code_sets.compute(*tables, fields, np.ones((2, 50)))
