"""What a reader looks for in a report, in the words of both the page and the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.report import Component, EvaluationReport, Score, Verdict

#: Level that a privacy score has to reach: 1 - 0.09, the highest re-identification risk that the European
#: Medicines Agency (Policy 0070) and Health Canada accept for a public release.
_DEFAULT_THRESHOLD: Final = 0.09

VERDICT_MARKS: Final[Mapping[Verdict, str]] = {
    "PASS": "✓",
    "FAIL": "✕",
    "INCONCLUSIVE": "?",
    "NOT AVAILABLE": "–",
}
VERDICT_WORDS: Final[Mapping[Verdict, str]] = {
    "PASS": "The attacks found less than the accepted risk.",
    "FAIL": "The attacks found more than the accepted risk, or a gate is broken.",
    "INCONCLUSIVE": "There are too few patients to decide.",
    "NOT AVAILABLE": "Privacy could not be measured.",
}

#: What a reader may do with the table, as far as its privacy goes.
VERDICT_USE: Final[Mapping[Verdict, str]] = {
    "PASS": "You may share the table as you would share aggregate figures of these patients: nothing that "
    "was tried here speaks against it. Say what was tried, and keep this report.",
    "FAIL": "Do not give the table out. Keep it where the real patients are kept, and learn it again with "
    "stronger protection.",
    "INCONCLUSIVE": "Do not give the table out on this evidence: treat it as real patients until more of "
    "them, held out, have decided.",
    "NOT AVAILABLE": "Treat the table as real patients: nothing is known of what it gives away.",
}
#: What each score asks.
QUESTIONS: Final[Mapping[str, str]] = {
    "utility": "Can it stand in for the real table?",
    "privacy": "Do the attacks find who was in the training table?",
    "fairness": "Are groups of patients treated as real data treat them?",
}
#: Said where a table was judged without the model that made it.
NO_MODEL: Final = (
    "None is known: the table was judged without the model that made it. A score is no guarantee, and no "
    "score counts one."
)

#: What the figures of a component are called. Utility is a share of what a real sample gets; privacy is a
#: risk beside the one that is read where nothing can leak, as for a fresh real sample.
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "utility": ("Synthetic", "Real sample", "Ratio", "Weight"),
    "privacy": ("Risk found", "If nothing leaks", "Excess"),
    "fairness": ("Unfairness added", "Between real samples, at most", "Excess"),
}

#: What the figures of a clinical rule are called.
RULE_HEADINGS: Final = ("Real", "95 % interval", "Synthetic", "95 % interval")

#: Plain words for the entries of a report's context, in the order in which they are shown.
_CONTEXT_WORDS: Final[Mapping[str, str]] = {
    "model": "Model",
    "target": "Target column",
    "rows_train": "Training rows",
    "rows_holdout": "Hold-out rows",
    "rows_synthetic": "Synthetic rows",
    "columns": "Columns",
    "left_out": "Columns left out",
    "options_seed": "Seed of the evaluation",
    "options_bootstrap": "Resamples for intervals",
    "options_nulls": "Draws without leakage",
    "options_threshold": "Tolerable risk",
    "options_rules": "Clinical rules",
    "options_suite": "Suite of metrics",
    "options_protected": "Protected attributes",
    "null_risk": "Risk read where nothing leaks",
    "formal_epsilon": "Epsilon, promised",
    "formal_delta": "Delta, promised",
    "formal_membership_advantage_at_most": "Advantage of any membership attack, at most",
}
#: Entries of the context that say nothing to a reader of the page.
_UNSHOWN: Final = frozenset({"notes", "guarantee", "options_figures", "options_max_rows"})
#: Keys of a detail that are drawn or laid out, not written in a line.
_DRAWN: Final = frozenset({"x_title", "y_title", "too_small_to_name"})
#: Measures of an attack in the field's own words.
_MEASURE_WORDS: Final[Mapping[str, str]] = {
    "auc": "AUC",
    "tpr_at_5": "TPR at 5 % FPR",
    "tpr_at_1": "TPR at 1 % FPR",
}


@dataclass(frozen=True)
class Attacks:
    """The membership attacks as a table of words: one row an attack, one column a measure."""

    measures: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class BrokenRule:
    """How often one clinical rule is broken, in words."""

    name: str
    figures: tuple[str, ...]
    more_often: bool


def needed(report: EvaluationReport) -> float:
    """Return the privacy score that a PASS needs."""
    options = report.context.get("options", {})
    return 1.0 - float(options.get("threshold", _DEFAULT_THRESHOLD))


def interval(score: Score | MetricResult) -> tuple[float, float] | None:
    """Return both ends of the 95 % interval, where there is one."""
    if score.lower is None or score.upper is None:
        return None
    return score.lower, score.upper


def facts(report: EvaluationReport) -> list[tuple[str, str]]:
    """List the single facts of the context in plain words, known ones first."""
    flat = {name: words for name, words in _flatten(report.context) if name not in _UNSHOWN}
    known = [(label, flat.pop(name)) for name, label in _CONTEXT_WORDS.items() if name in flat]
    return known + [(words_of(name)[:1].upper() + words_of(name)[1:], words) for name, words in flat.items()]


def notes(report: EvaluationReport) -> list[str]:
    """List the sentences that the run left for its reader."""
    given = report.context.get("notes", ())
    listed = [given] if isinstance(given, str) else [str(note) for note in given]
    # The guarantee has a place of its own.
    return [note for note in listed if note != report.context.get("guarantee")]


def guarantee(report: EvaluationReport) -> str:
    """Say what is formally promised of the table; it stands beside the scores and enters none."""
    return str(report.context.get("guarantee") or NO_MODEL)


def weakest(name: str, score: Score) -> str:
    """Name the component that holds a score down."""
    if not score.components:
        return ""
    if name == "utility":
        part = min(score.components, key=lambda one: one.ratio)
        return f"Weakest: {part.title}, {part.ratio:.0%} of what a real sample gets."
    part = max(score.components, key=lambda one: one.ratio)
    if part.ratio <= 0:
        return "No part reads more than chance explains."
    return f"Decided by: {part.title}, {part.ratio:.2f} beyond chance."


def component_figures(score: str, part: Component, *, digits: int = 3) -> tuple[str, ...]:
    """Write the figures of a component, in the order of `HEADINGS`."""
    figures = (f"{part.value:.{digits}f}", f"{part.ceiling:.{digits}f}")
    if score == "utility":
        return (*figures, f"{part.ratio:.2f}", f"{100 * part.weight:.0f}%")
    return (*figures, f"{part.ratio:.{digits}f}")


def digits_of(report: EvaluationReport) -> int:
    """Digits of the figures of parts and metrics: a release view holds two."""
    return 3 if report.confidential else 2


def attacks(report: EvaluationReport) -> Attacks | None:
    """Gather the figures of every attack from the details of the privacy metrics that ran attacks."""
    gathered: dict[str, dict[str, Any]] = {}
    for result in report.results:
        if result.family == "privacy" and isinstance(result.detail.get("attacks"), Mapping):
            for code, entry in result.detail["attacks"].items():
                gathered.setdefault(str(code), {}).update(entry)
    if not gathered:
        return None
    fields = dict.fromkeys(key for entry in gathered.values() for key in entry if _is_number(entry[key]))
    measures = [key for key in fields if not key.endswith(("_lower", "_upper"))]
    with_ends = {key for key in measures if f"{key}_lower" in fields and f"{key}_upper" in fields}
    headings: list[str] = []
    for key in measures:
        headings += [_MEASURE_WORDS.get(key, words_of(key)), *(["95 % interval"] if key in with_ends else [])]
    rows = []
    for code, entry in gathered.items():
        figures: list[str] = []
        for key in measures:
            figures.append(_rounded(entry.get(key), 3))
            if key in with_ends:
                low, high = (_rounded(entry.get(f"{key}_{end}"), 2) for end in ("lower", "upper"))
                figures.append(f"{low} to {high}")
        rows.append((f"{code}: {entry['title']}" if "title" in entry else code, tuple(figures)))
    return Attacks(tuple(headings), tuple(rows))


def rules(report: EvaluationReport) -> tuple[BrokenRule, ...]:
    """Write out how often each clinical rule is broken, where rules were given."""
    found = [result.detail for result in report.results if result.name == "rule_violations"]
    entries = found[0].get("rules", {}) if found else {}
    return tuple(
        BrokenRule(
            str(name),
            tuple(words for side in ("real", "synthetic") for words in _rule_figures(entry, side)),
            # Told only where the intervals leave no doubt.
            more_often=(entry["synthetic_lower"] or 0.0)
            > (1.0 if entry["real"] is None else entry["real_upper"]),
        )
        for name, entry in entries.items()
    )


def details(result: MetricResult) -> str:
    """Write out the single figures of a metric's detail, and its short lists of figures."""
    words = []
    for key, value in result.detail.items():
        stem = key.removesuffix("_lower").removesuffix("_upper")
        if key in _DRAWN or (stem != key and stem in result.detail):
            continue
        if _is_number(value) or isinstance(value, str):
            ends = [result.detail.get(f"{key}_{end}") for end in ("lower", "upper")]
            beside = f" ({_written(ends[0])} to {_written(ends[1])})" if all(map(_is_number, ends)) else ""
            words.append(f"{words_of(key)} {_written(value)}{beside}")
        elif isinstance(value, Mapping) and 0 < len(value) <= 4 and all(map(_is_number, value.values())):
            listed = ", ".join(f"{words_of(str(name))} {_written(figure)}" for name, figure in value.items())
            words.append(f"{words_of(key)}: {listed}")
    return "; ".join(words)


def bounds(result: MetricResult) -> str:
    """Write the range of a metric; an end that is not there is not named."""
    low, high = result.bounds
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(low):
        return f"up to {high:g}"
    return f"{low:g} and more" if math.isinf(high) else f"{low:g} to {high:g}"


def words_of(name: str) -> str:
    """Turn the name of a field into words."""
    return name.replace("_", " ")


def _rule_figures(entry: Mapping[str, Any], side: str) -> tuple[str, str]:
    if entry[side] is None:
        return "no row", "-"
    low, high = (_percent(entry[f"{side}_{end}"]) for end in ("lower", "upper"))
    return f"{_percent(entry[side])}%", f"{low} to {high}%"


def _percent(share: float) -> str:
    """Write a share in per cent: small ones, as rules are broken, with two decimals."""
    return f"{100 * share:.2f}" if share < 0.1 else f"{100 * share:.1f}"


def _rounded(value: Any, decimals: int) -> str:
    return f"{value:.{decimals}f}" if _is_number(value) else "-"


def _flatten(context: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the words of each entry, nested mappings written out."""
    for key, value in context.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}_")
        elif name == "columns" and isinstance(value, Sequence):
            yield name, str(len(value))
        elif value is not None and value != "":
            yield name, _written(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(entry) for entry in value) or "none"
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
