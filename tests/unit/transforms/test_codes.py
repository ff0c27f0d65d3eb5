"""Sets of codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import RejectColumn

CELLS = ["I10;E11.9"] * 30 + ["I10"] * 20 + [""] * 10 + ["E11.9;Z99.9"] * 2


def test_codes_by_hand(learn) -> None:
    learnt = learn(CELLS, "codes", delimiter=";")
    (part,) = learnt.parts
    assert (part.kind, part.width) == ("bits", 2)
    assert part.marginal == pytest.approx((32 / 62, 50 / 62))  # E11.9, I10
    bits = learnt.encode().bits
    np.testing.assert_array_equal(bits, [[1, 1]] * 30 + [[0, 1]] * 20 + [[0, 0]] * 10 + [[1, 0]] * 2)
    assert learnt.back().tolist() == ["E11.9;I10"] * 30 + ["I10"] * 20 + [""] * 10 + ["E11.9"] * 2
    assert "1 of them" in learnt.encoder.notes[0]


def test_empty_is_not_missing(learn) -> None:
    cells = [None] * 12 + CELLS
    learnt = learn(cells, "codes", delimiter=";")
    back = learnt.back()
    assert back[:12].isna().all()
    assert back[12:].notna().all()
    present, bits = learnt.parts
    assert present.purpose == "present"
    assert bits.gate == (0, 1)


@pytest.mark.parametrize("container", [list, set, tuple, frozenset])
def test_containers_come_back(learn, container: type) -> None:
    cells = pd.Series([container(["a", "b"]), container(["a"]), container([])] * 20, dtype=object)
    back = learn(cells, "codes").back()
    assert [set(cell) for cell in back] == [set(cell) for cell in cells]
    assert {type(cell) for cell in back} == {container}


def test_declared_codes_are_kept(learn) -> None:
    learnt = learn(
        CELLS, "codes", delimiter=";", categories=("I10", "Z99.9"), declared=frozenset({"categories"})
    )
    assert learnt.back().tolist()[-1] == "Z99.9"


def test_the_most_frequent_codes_stay(learn) -> None:
    learnt = learn(CELLS, "codes", delimiter=";", config={"max_categories": 2, "rare_floor": 1})
    assert learnt.parts[-1].width == 2
    assert set(";".join(learnt.back()).split(";")) == {"", "I10", "E11.9"}


def test_no_common_code_is_refused(learn) -> None:
    with pytest.raises(RejectColumn, match="none of its 60 codes") as caught:
        learn([f"c{row}" for row in range(60)], "codes", delimiter=";")
    assert "c1" not in str(caught.value)


def test_no_empty_set_where_no_patient_has_one(learn) -> None:
    learnt = learn(["a;b"] * 30 + ["a"] * 30, "codes", delimiter=";")
    encoded = learnt.encode()
    encoded.bits[:] = 0
    back = learnt.encoder.decode(encoded, np.random.default_rng(0))
    cells = back.iloc[:, 0] if isinstance(back, pd.DataFrame) else back
    assert set(cells) <= {"a", "b"}
    assert (cells == "a").mean() == pytest.approx(2 / 3, abs=0.2)
