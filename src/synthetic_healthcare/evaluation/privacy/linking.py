"""Can two halves of what is known of a patient be linked through the synthetic table?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import nearest_rows
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.privacy.people import People
from synthetic_healthcare.evaluation.privacy.tries import COLUMNS, LINKED_SCALE, Tried, worst
from synthetic_healthcare.evaluation.views import Field

Columns = npt.NDArray[np.intp]

_SPLITS: Final = 3
_NEIGHBOURS: Final = (1, 5)
#: Patients that are tried, of each kind.
_TARGETS: Final = 2000


@metric("Linkability", family="privacy", better="lower", bounds=(0.0, 1.0))
def linkability(linked: tuple[Tried, ...], nulls: Nulls) -> Measure:
    """How much more often two halves of a patient's columns meet in one synthetic row, for training patients.

    The columns are halved at random three times; a try succeeds where the nearest synthetic rows by one half
    (the nearest one, or the nearest 5) and those by the other half have a row in common.

    Source: Giomi, Boenisch, Wehmeyer and Tasnadi 2023, doi:10.56553/popets-2023-0055.
    """
    if not linked:
        raise NotApplicable("there are fewer than two columns: nothing can be linked")
    value, lower, upper, title = worst(linked, LINKED_SCALE)
    detail = {
        "worst": title,
        "table": {"columns": list(COLUMNS[:-1]), "rows": [one.row()[:-1] for one in linked]},
    }
    return Measure(value, lower, upper, nulls.mean("linkability"), detail)


def link(
    synthetic: Judged,
    people: People,
    *,
    fields: tuple[Field, ...],
    encoder: Encoder,
    rng: np.random.Generator,
) -> tuple[Tried, ...]:
    """Try three halvings of the columns on training rows and hold-out rows."""
    if len(fields) < 2:
        return ()
    targets = [table.first(_TARGETS) for table in (people.train, people.holdout)]
    found = []
    for number in range(_SPLITS):
        order = rng.permutation(len(fields))
        halves = [columns_of(encoder, [fields[place] for place in half]) for half in np.array_split(order, 2)]
        near = [
            [
                nearest_rows(target.matrix[:, half], synthetic.matrix[:, half], k=max(_NEIGHBOURS))[1]
                for half in halves
            ]
            for target in targets
        ]
        for k in _NEIGHBOURS:
            members, controls = (_meet(first[:, :k], second[:, :k]) for first, second in near)
            found.append(Tried(f"halving {number + 1}, {k} nearest", members, controls))
    return tuple(found)


def columns_of(encoder: Encoder, fields: list[Field]) -> Columns:
    """Positions in the encoded row that belong to some columns."""
    return np.concatenate([np.arange(encoder.width)[encoder.spans[field.name]] for field in fields])


def _meet(first: Columns, second: Columns) -> npt.NDArray[np.bool_]:
    return np.asarray((first[:, :, None] == second[:, None, :]).any(axis=(1, 2)))
