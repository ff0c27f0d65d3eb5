"""Tables on their way out: put together, topped up, and never fewer rows than were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import AnonymityError
from synthetic_healthcare.privacy.anonymity import (
    KAnonymity,
    LDiversity,
    Requirement,
    TCloseness,
    check_anonymity,
    release,
)
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

SCHEMA = Schema((Column("age", "integer", "quasi"), Column("ill", "categorical", "target")))


def drawn(rows: int, *, seed: int, share: float = 0.4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"age": rng.integers(20, 90, rows), "ill": np.where(rng.random(rows) < share, "yes", "no")}
    )


def requirement(**asked: object) -> Requirement:
    found = Requirement.of(SCHEMA, **asked)  # type: ignore[arg-type]
    assert found is not None
    return found


def no_refill(lost: pd.DataFrame) -> pd.DataFrame:
    raise AssertionError("nothing has to be drawn anew")


def test_many_tables_are_one_that_meets_what_was_asked(
    recount: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "TOGETHER", 100)
    wanted = requirement(k_anonymity=KAnonymity(k=4), l_diversity=LDiversity(l=2))
    for sizes in ([30, 30, 30, 30, 30, 30, 30, 7], [250], [3, 2], [100, 100, 49], [100, 100, 51]):
        frames = [drawn(size, seed=number) for number, size in enumerate(sizes)]
        given = list(release.released(iter(frames), SCHEMA, wanted, refill=no_refill))
        whole = pd.concat([frame for frame, _ in given], ignore_index=True)
        assert len(whole) == sum(sizes)
        assert whole["ill"].tolist() == pd.concat(frames)["ill"].tolist()
        assert recount.smallest(whole, ["age"]) >= 4
        assert not check_anonymity(whole, SCHEMA, wanted).shortfalls(wanted)
        # Few rows at the end are not left alone: they would have to be made very coarse.
        assert min(report.rows for _, report in given) >= min(50, sum(sizes))


def test_tables_are_taken_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "TOGETHER", 100)
    asked_for = []

    def frames() -> Iterator[pd.DataFrame]:
        for number in range(20):
            asked_for.append(number)
            yield drawn(50, seed=number)

    given = release.released(frames(), SCHEMA, requirement(k_anonymity=KAnonymity(k=3)), refill=no_refill)
    next(given)
    assert len(asked_for) == 4


def test_the_distance_is_to_the_whole_table(
    recount: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "TOGETHER", 100)
    wanted = requirement(t_closeness=TCloseness(t=0.1))
    frames = [drawn(100, seed=1, share=0.1), drawn(100, seed=2, share=0.9)]
    ((whole, report),) = release.released(frames, SCHEMA, wanted, refill=no_refill)
    assert report.rows == 200
    table = whole["ill"].tolist()
    for values in recount.groups(whole, ["age"], "ill"):
        assert recount.variation(values, table) <= 0.1 + 1e-9


def test_rows_that_are_left_out_are_drawn_anew(recount: SimpleNamespace) -> None:
    how = KAnonymity(k=2, suppression_limit=0.5)
    strict = LDiversity(l=2, kind="entropy")
    asked_for = []

    def refill(lost: pd.DataFrame) -> pd.DataFrame:
        asked_for.append(len(lost))
        return drawn(len(lost), seed=len(asked_for))

    ((whole, report),) = release.released(
        [drawn(100, seed=0, share=0.35)],
        SCHEMA,
        requirement(k_anonymity=how, l_diversity=strict),
        refill=refill,
    )
    assert len(whole) == 100
    assert report.suppressed == sum(asked_for) > 0
    assert all(recount.effective(values) >= 2 - 1e-9 for values in recount.groups(whole, ["age"], "ill"))


def test_it_ends_where_fresh_rows_do_not_help() -> None:
    how = KAnonymity(k=2, suppression_limit=0.9)
    strict = LDiversity(l=2, kind="entropy")
    with pytest.raises(AnonymityError, match=r"30 times over.*still not diverse enough"):
        list(
            release.released(
                [drawn(100, seed=0, share=0.2)],
                SCHEMA,
                requirement(k_anonymity=how, l_diversity=strict),
                refill=lambda lost: lost,
            )
        )
