"""`EvaluationReport`: two scores, a verdict, and everything that they were made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, final

from synthetic_healthcare.evaluation._base import MetricResult

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "NOT AVAILABLE"]

#: Printed in every report.
CAVEAT: Final = (
    "A good privacy score means that these attacks found nothing. It does not prove that the table is "
    "anonymous, and it is no formal guarantee."
)
#: Version of the JSON form; the first number changes when a reader must change.
REPORT_VERSION: Final = "1.1"


@dataclass(frozen=True)
class Component:
    """One part of a score: its value beside what a real sample of the same size gets."""

    name: str
    title: str
    value: float
    ceiling: float
    ratio: float
    weight: float


@dataclass(frozen=True)
class Score:
    """A score from 0 to 1 with its 95 % interval; without a value it says why."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    reason: str = ""
    components: tuple[Component, ...] = ()


@final
@dataclass(frozen=True)
class EvaluationReport(Mapping[str, Any]):
    """The judgement of a synthetic table; confidential, since it is computed from real rows (see `release`).

    As a mapping it gives `report["utility_score"]`, `report["privacy_score"]` (floats, or `None` with the
    reason in `report["privacy_reason"]`), their `_lower` and `_upper` ends, `report["verdict"]`, and the
    value of every metric by name.

    Parameters
    ----------
    utility, privacy : Score
        The two scores. They are never blended into one.
    verdict : Verdict
        The privacy verdict: PASS where the lower end of the score reaches 0.91, FAIL where the upper end does
        not or a gate is broken, INCONCLUSIVE where the sample cannot decide.
    verdict_reason : str
        One sentence on why.
    results : tuple of MetricResult
        Every metric, failed and inapplicable ones too.
    context : Mapping
        Row counts, columns, target, seed, model and the notes of the run (plain data).
    figures : Mapping
        Plain data behind the pictures: distributions, associations, projection, training curves.
    fairness : Score
        The third score, likewise blended with neither.
    confidential : bool
        False for what `release` gives.
    removed : tuple of str
        What `release` left out.
    """

    utility: Score
    privacy: Score
    verdict: Verdict
    verdict_reason: str
    results: tuple[MetricResult, ...]
    context: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    fairness: Score = Score(None, reason="fairness was not judged")
    confidential: bool = True
    removed: tuple[str, ...] = ()

    def _flat(self) -> dict[str, Any]:
        flat: dict[str, Any] = {result.name: result.value for result in self.results}
        for name, score in self.scores.items():
            flat[f"{name}_score"] = score.value
            flat[f"{name}_score_lower"] = score.lower
            flat[f"{name}_score_upper"] = score.upper
            flat[f"{name}_reason"] = score.reason
        flat["verdict"] = self.verdict
        return flat

    def __getitem__(self, key: str) -> Any:
        return self._flat()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._flat())

    def __len__(self) -> int:
        return len(self._flat())

    @property
    def scores(self) -> dict[str, Score]:
        """The scores by name; each stands for itself."""
        return {"utility": self.utility, "privacy": self.privacy, "fairness": self.fairness}

    @property
    def failed(self) -> tuple[MetricResult, ...]:
        """Metrics that raised: a run that has any exits with an error."""
        return tuple(result for result in self.results if result.status == "failed")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; equal runs give equal data."""
        return {
            "report_version": REPORT_VERSION,
            "caveat": CAVEAT,
            "confidential": self.confidential,
            "removed": list(self.removed),
            "verdict": self.verdict,
            "verdict_reason": self.verdict_reason,
            "utility": asdict(self.utility),
            "privacy": asdict(self.privacy),
            "fairness": asdict(self.fairness),
            "results": [result.to_dict() for result in self.results],
            "context": dict(self.context),
            "figures": dict(self.figures),
        }

    def to_json(self) -> str:
        """The report as a JSON text, keys in a fixed order."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, allow_nan=False)

    def to_markdown(self) -> str:
        """The scores, the verdict and every figure as Markdown, for a repository or a ticket."""
        from synthetic_healthcare.evaluation.markdown import write

        return write(self)

    @property
    def figures_available(self) -> tuple[str, ...]:
        """Names of the pictures that `figure` draws."""
        from synthetic_healthcare.evaluation.page.gallery import names

        return names(self)

    def figure(self, name: str) -> str:
        """One picture as an SVG text that stands alone.

        Raises
        ------
        EvaluationError
            There is no such picture; those that there are are listed.
        """
        from synthetic_healthcare.evaluation.page.gallery import draw

        return draw(self, name)

    def release(self) -> EvaluationReport:
        """The part of the report that may leave with the synthetic table; see `evaluation.release`."""
        from synthetic_healthcare.evaluation.release import released

        return released(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one self-contained page, written to `path` where one is given."""
        from synthetic_healthcare.evaluation.page import render

        page = render(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page
