"""Are protected groups as frequent among synthetic patients as among real ones?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.fairness.groups import NAMED, Grouping, too_small
from synthetic_healthcare.evaluation.statistics import Z
from synthetic_healthcare.evaluation.views import View

Counts = npt.NDArray[np.float64]

#: Odds ratios within which a group counts as fairly represented (the four-fifths rule and its inverse).
FAIR: Final = (0.8, 1.25)


@metric("Representation of the worst group", family="fairness", better="higher", bounds=(0.0, 1.0))
def representation(
    synthetic_deep: Judged, train_deep: Judged, holdout_deep: Judged, groupings: tuple[Grouping, ...]
) -> Measure:
    """How far the odds of belonging to a group are moved, for the group that is moved most: 1 is not at all.

    The odds ratio of a group, odds(share of synthetic rows) / odds(share of training rows), or its inverse
    where that is smaller; 0.8 and more is fair. Half a row is added to every count, so that an absent group
    has a finite ratio. The ceiling is that of the hold-out.

    Source: Bhanot et al. 2021, "The problem of fairness in synthetic healthcare data",
    doi:10.3390/e23091165 (log disparity).
    """
    found = [(grouping, *log_odds(grouping, synthetic_deep.view, train_deep.view)) for grouping in groupings]
    logs, errors = (np.concatenate([one[place] for one in found]) for place in (1, 2))
    worst = int(np.argmax(np.abs(logs)))
    far, error = abs(float(logs[worst])), Z * float(errors[worst])
    detail = {
        "worst": [label for one in found for label in one[0].labels][worst],
        "fair_from": FAIR[0],
        **too_small(groupings),
        "table": _table(found, synthetic_deep.view, train_deep.view),
    }
    return Measure(
        float(np.exp(-far)),
        float(np.exp(-far - error)),
        float(np.exp(-max(0.0, far - error))),
        ceiling=1.0 - moved(groupings, holdout_deep.view, train_deep.view),
        detail=detail,
    )


def moved(groupings: Sequence[Grouping], synthetic: View, train: View) -> float:
    """1 - the odds ratio (or its inverse) of the group that is moved most."""
    logs = np.concatenate([log_odds(grouping, synthetic, train)[0] for grouping in groupings])
    return 1.0 - float(np.exp(-np.abs(logs).max()))


def log_odds(grouping: Grouping, synthetic: View, train: View) -> tuple[Counts, Counts]:
    """Log odds ratio of each group's share, synthetic against training, with its standard error (Woolf)."""
    logs, variances = [], []
    for view in (synthetic, train):
        held = grouping.members(view).sum(axis=0) + 0.5
        rest = view.rows + 1.0 - held
        logs.append(np.log(held / rest))
        variances.append(1.0 / held + 1.0 / rest)
    return logs[0] - logs[1], np.sqrt(variances[0] + variances[1])


def _table(found: Sequence[tuple[Grouping, Counts, Counts]], synthetic: View, train: View) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for grouping, logs, errors in found:
        made, held = (grouping.members(view).sum(axis=0) for view in (synthetic, train))
        others = train.rows - int(held.sum())
        for place, label in enumerate(grouping.labels):
            # Where the other groups together hold 1 to 10 patients, one more share has to be withheld.
            derivable = 0 < others < NAMED and place == len(held) - 1
            shown = held[place] >= NAMED and not derivable
            ratio = float(np.exp(logs[place]))
            ends = [float(np.exp(logs[place] + sign * Z * errors[place])) for sign in (-1, 1)]
            rows.append(
                [
                    label,
                    round(float(held[place]) / train.rows, 4) if shown else None,
                    round(float(made[place]) / synthetic.rows, 4),
                    round(ratio, 3) if shown else None,
                    f"{ends[0]:.2f} to {ends[1]:.2f}" if shown else None,
                    ("yes" if FAIR[0] <= ratio <= FAIR[1] else "no") if shown else None,
                ]
            )
    columns = ["Group", "Training share", "Synthetic share", "Odds ratio", "95 % interval", "0.8 to 1.25"]
    return {"columns": columns, "rows": rows}
