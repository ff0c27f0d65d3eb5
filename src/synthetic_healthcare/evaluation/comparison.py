"""`Comparison`: several synthetic tables, judged against the same real rows, side by side.

The pair of utility and privacy is always shown. Where one order has to be made, it is that of a weighted mean
whose weights are the user's choice and stand in its name; it measures nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport

COMPARISON_VERSION: Final = "1.0"


@final
@dataclass(frozen=True)
class Entry:
    """One table of a comparison.

    Parameters
    ----------
    name : str
        The model, or the file.
    report : EvaluationReport or None
        Its judgement; `None` where there is no table.
    problem : str
        Why there is none.
    seconds : float
        What fitting and drawing took; 0 for a finished table. Not in the JSON.
    """

    name: str
    report: EvaluationReport | None
    problem: str = ""
    seconds: float = 0.0


@final
@dataclass(frozen=True)
class Comparison:
    """Judged tables, in the order in which they were given; confidential like the reports in it.

    Parameters
    ----------
    entries : tuple of Entry
        The first one is what the others are compared with.
    privacy_weight, utility_weight : float
        Weights of the mean that orders them; together 1.
    """

    entries: tuple[Entry, ...]
    privacy_weight: float = 0.5
    utility_weight: float = 0.5

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            raise EvaluationError(
                f"a comparison needs tables of different names; {', '.join(twice) or 'there is none'}"
            )
        if abs(self.privacy_weight + self.utility_weight - 1.0) > 1e-6:
            raise EvaluationError("evaluation.privacy_weight and evaluation.utility_weight must add up to 1")

    @property
    def confidential(self) -> bool:
        """Whether a report in it is: those that `release` gave are not."""
        return any(entry.report is None or entry.report.confidential for entry in self.entries)

    @property
    def label(self) -> str:
        """What the mean is called wherever it is shown."""
        return (
            f"{self.privacy_weight:g} × privacy + {self.utility_weight:g} × utility "
            "(weights chosen, not measured)"
        )

    def mean(self, entry: Entry) -> tuple[float, float, float] | None:
        """The weighted mean with the means of the lower and of the upper ends, `None` without both scores."""
        if entry.report is None:
            return None
        utility, privacy = entry.report.utility, entry.report.privacy
        if utility.value is None or privacy.value is None:
            return None
        ends = [
            self.privacy_weight * _or(getattr(privacy, end), privacy.value)
            + self.utility_weight * _or(getattr(utility, end), utility.value)
            for end in ("value", "lower", "upper")
        ]
        return ends[0], ends[1], ends[2]

    def ranking(self) -> tuple[Entry, ...]:
        """Best first: by the weighted mean, but what fails the privacy verdict behind all that does not.

        Tables without both scores, and models that gave no table, come last.
        """

        def key(entry: Entry) -> tuple[bool, bool, float]:
            mean = self.mean(entry)
            fails = entry.report is None or entry.report.verdict == "FAIL"
            return mean is None, fails, 0.0 if mean is None else -mean[0]

        return tuple(sorted(self.entries, key=key))

    def front(self) -> tuple[Entry, ...]:
        """The tables that no other one equals or beats in both utility and privacy, by growing privacy."""
        scored = [entry for entry in self.entries if self.mean(entry) is not None]
        pairs = {entry.name: _pair(entry) for entry in scored}

        def beaten(entry: Entry) -> bool:
            own = pairs[entry.name]
            return any(other[0] >= own[0] and other[1] >= own[1] and other != own for other in pairs.values())

        return tuple(sorted((one for one in scored if not beaten(one)), key=lambda one: pairs[one.name][1]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: every report without its pictures, the front and the labelled order."""
        front = [entry.name for entry in self.front()]
        return {
            "comparison_version": COMPARISON_VERSION,
            "caveat": CAVEAT,
            "confidential": self.confidential,
            "order_label": self.label,
            "order": [entry.name for entry in self.ranking()],
            "pareto_front": front,
            "entries": [self._entry(entry) for entry in self.entries],
        }

    def _entry(self, entry: Entry) -> Mapping[str, Any]:
        mean = self.mean(entry)
        named = None if mean is None else dict(zip(("value", "lower", "upper"), mean, strict=True))
        report = None if entry.report is None else replace(entry.report, figures={}).to_dict()
        return {"name": entry.name, "problem": entry.problem, "weighted_mean": named, "report": report}

    def to_json(self) -> str:
        """The comparison as a JSON text, keys in a fixed order."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, allow_nan=False)

    def to_html(self, path: str | Path | None = None) -> str:
        """The comparison as one self-contained page, written to `path` where one is given."""
        from synthetic_healthcare.evaluation.page.compared import write

        page = write(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page


def _pair(entry: Entry) -> tuple[float, float]:
    assert entry.report is not None
    return float(entry.report["utility_score"]), float(entry.report["privacy_score"])


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
