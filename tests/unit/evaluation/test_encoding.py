"""Reading and encoding: the same rows give the same vectors, however they are spelt, ordered or measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation.encoding import arrange, fit_encoder
from synthetic_healthcare.evaluation.views import check_columns, judged_columns, read_tables
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

SCHEMA = Schema(
    (
        Column("weight", "numeric"),
        Column("sex", "categorical"),
        Column("drugs", "codes", delimiter=";"),
        Column("mrn", "identifier", "identifier"),
    )
)


def table(**changes: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "weight": [50.0, 60.0, None, 80.0],
        "sex": ["F", "M", "F", None],
        "drugs": ["a;b", "a", None, "c"],
        "mrn": ["p1", "p2", "p3", "p4"],
    }
    return pd.DataFrame({**columns, **changes})


def encode(synthetic: pd.DataFrame, train: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    fields, views = read_tables([synthetic, train], SCHEMA)
    encoder = fit_encoder(fields, views[1:])
    return encoder.encode(views[0]), encoder.row_keys(views[0], seed=3)


def test_vector_by_hand() -> None:
    fields, views = read_tables([table(), table()], SCHEMA)
    encoder = fit_encoder(fields, views[1:])
    matrix = encoder.encode(views[1])
    weight = matrix[:, encoder.spans["weight"]]
    # Three values: mid-ranks 1/6, 3/6, 5/6; a missing one stands in the middle and raises its flag.
    assert weight.tolist() == [[1 / 6, 0.0], [3 / 6, 0.0], [0.5, 0.5], [5 / 6, 0.0]]
    sex = matrix[:, encoder.spans["sex"]]
    # F is commoner than M; then "any other" and "missing".
    assert sex.tolist() == [[0.5, 0, 0, 0], [0, 0.5, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0.5]]
    drugs = matrix[:, encoder.spans["drugs"]]
    # Four codes over four rows: one a row, so a code weighs a half and disjoint rows are 1 apart.
    assert np.abs(drugs[1] - drugs[3]).sum() == 1.0
    assert drugs.sum(axis=1).tolist() == [1.0, 0.5, 0.0, 0.5]


def test_identifiers_are_left_out() -> None:
    judged, left_out = judged_columns(SCHEMA)
    assert [column.name for column in judged] == ["drugs", "sex", "weight"]
    assert left_out == ("mrn",)


def test_units_spelling_and_column_order_are_invisible() -> None:
    before = encode(table(), table())
    pounds = [None if one is None else one * 2.20462 for one in [50.0, 60.0, None, 80.0]]
    relabelled = table(weight=pounds, sex=["zz", "aa", "zz", None])[["mrn", "sex", "drugs", "weight"]]
    after = encode(relabelled, relabelled)
    assert (before[0] == after[0]).all()
    assert (before[1] == after[1]).all()


def test_numbers_written_as_floats_are_the_same_levels() -> None:
    whole, floats = table(sex=[1, 2, 1, None]), table(sex=[1.0, 2.0, 1.0, None])
    assert (encode(whole, floats)[0] == encode(floats, floats)[0]).all()


def test_unseen_level_is_a_level_of_its_own_and_no_real_one() -> None:
    matrix, keys = encode(table(sex=["X", "M", "F", None]), table())
    _, real_keys = encode(table(), table())
    assert keys[0] != real_keys[0]
    assert (keys[1:] == real_keys[1:]).all()
    assert matrix.shape[1] == encode(table(), table())[0].shape[1]


def test_keys_are_equal_for_equal_rows_only() -> None:
    _, keys = encode(table(weight=[50.0, 50.0, 55.0, 80.0], sex=["F"] * 4, drugs=["a"] * 4), table())
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 3


def test_arrangement_forgets_the_order_and_keeps_the_share_of_repeats() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"weight": np.repeat(rng.normal(size=20), 50).round(3), "sex": "F"})
    schema = Schema((Column("weight", "numeric"), Column("sex", "categorical")))
    shuffled = frame.sample(frac=1, random_state=5)
    found = []
    for one in (frame, shuffled):
        fields, views = read_tables([one, frame], schema)
        encoder = fit_encoder(fields, views[1:])
        judged, _ = arrange(views[0], encoder, seed=1, table=0, rows=400)
        found.append(judged)
    assert (found[0].matrix == found[1].matrix).all()
    kept = pd.Series(found[0].keys).value_counts()
    # 20 rows repeated 50 times, 400 of 1,000 kept: each keeps about 20 of its repeats.
    assert len(kept) == 20
    assert kept.between(8, 32).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda frame: frame.drop(columns="sex"), "sex"),
        (lambda frame: frame.assign(height=1.0), "height"),
        (lambda frame: frame.set_axis(["weight", "weight", "drugs", "mrn"], axis=1), "weight"),
        (lambda frame: frame.iloc[:0], "no rows"),
    ],
)
def test_other_columns_are_refused_by_name(change: object, named: str) -> None:
    with pytest.raises(EvaluationError, match=named):
        check_columns(change(table()), SCHEMA, what="synthetic")  # type: ignore[operator]


def test_unreadable_column_is_named_without_its_cells() -> None:
    with pytest.raises(EvaluationError, match="weight") as caught:
        read_tables([table(weight=["heavy", "light", "heavy", "light"]), table()], SCHEMA)
    assert "heavy" not in str(caught.value)


def test_subsamples_of_equal_tables_are_drawn_independently() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"weight": np.arange(400.0), "sex": rng.choice(["F", "M"], 400)})
    schema = Schema((Column("weight", "numeric"), Column("sex", "categorical")))
    fields, views = read_tables([frame, frame], schema)
    encoder = fit_encoder(fields, views[1:])
    kept = [
        set(arrange(view, encoder, seed=1, table=place, rows=100)[0].keys.tolist())
        for place, view in enumerate(views)
    ]
    # A quarter of a quarter by chance, not all: else chance matches of subsamples would look like copies.
    assert 10 < len(kept[0] & kept[1]) < 40
