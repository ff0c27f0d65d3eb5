"""The figures that were asked for, beside those measured, and whether they were reached."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from judges import LEARNERS
from processes import OURS, PEERS

Verdict = Literal["PASS", "short", "not measured"]

IMPORT_SECONDS: Final = 0.3
FIT_SECONDS: Final = 30.0
FIT_PEAK_MB: Final = 700.0
TSTR_GAP: Final = 0.03
ROWS_PER_SECOND: Final = 100_000.0
JUDGING_SECONDS: Final = 15.0
#: Medians that were written down for `ctgan` 0.12 when the figures were set; they stand in where the peers
#: are not run.
WRITTEN_PEERS: Final = {
    "heart": {"c2st": {"ctgan": 0.98, "tvae": 0.88}, "pairs": {"ctgan": 0.78, "tvae": 0.86}},
    "wdbc": {"c2st": {"ctgan": 0.998, "tvae": 0.94}, "pairs": {"ctgan": 0.67, "tvae": 0.83}},
}


@final
@dataclass(frozen=True)
class Figure:
    """One row of the table: what, how much was asked, how much was measured, reached or not."""

    what: str
    asked: str
    measured: str
    verdict: Verdict


@final
@dataclass(frozen=True)
class Summary:
    """Median and range of the seeds; `undefined` counts the runs that gave no value."""

    median: float
    low: float
    high: float
    undefined: int = 0

    @staticmethod
    def of(values: Sequence[float | None]) -> Summary | None:
        """Summarise; None where no run gave a value."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return Summary(statistics.median(known), min(known), max(known), len(values) - len(known))

    def text(self, form: str) -> str:
        """The median and, in brackets, the range."""
        lost = f", {self.undefined} undefined" if self.undefined else ""
        return f"{self.median:{form}} ({self.low:{form}} to {self.high:{form}}{lost})"


def summary(runs: Sequence[Mapping[str, Any]], table: str, method: str, *, of: str) -> Summary | None:
    """Summarise one value of one method on one table over the seeds."""
    return Summary.of([run[of] for run in runs if run["table"] == table and run["method"] == method])


def figures(measured: Mapping[str, Any]) -> list[Figure]:
    """Make the rows of the table from what the stages gave; a stage that was left out gives none."""
    stages: dict[str, Callable[[Any], Iterator[Figure]]] = {
        "imports": _imports,
        "quality": _quality,
        "speeds": _speeds,
    }
    return [row for name, rows in stages.items() if name in measured for row in rows(measured[name])]


def chosen(quality: Mapping[str, Any], table: str) -> str | None:
    """The better of our models on a table: the one that reaches most, by C2ST among equals.

    One model has to answer for all the figures of a table: the best of each would be no model at all.
    """
    scored = {name: summary(quality["runs"], table, name, of="c2st") for name in OURS}
    known = {name: score.median for name, score in scored.items() if score is not None}
    if not known:
        return None
    reached = {
        name: sum(row.verdict == "PASS" for row in _model_rows(quality, table, name)) for name in known
    }
    return min(known, key=lambda name: (-reached[name], known[name]))


def _imports(imports: Mapping[str, Any]) -> Iterator[Figure]:
    seconds = Summary.of(imports["seconds"])
    assert seconds is not None
    loaded = "torch loaded" if imports["torch_loaded"] else "no torch"
    reached = seconds.median < IMPORT_SECONDS and not imports["torch_loaded"]
    yield Figure(
        "import synthetic_healthcare",
        f"< {IMPORT_SECONDS} s, no torch",
        f"{seconds.text('.3f')} s, {loaded}",
        _verdict(reached),
    )


def _quality(quality: Mapping[str, Any]) -> Iterator[Figure]:
    tables = list(quality["real"])
    for table in tables:
        for name in OURS:
            yield from _fit_rows(quality["runs"], table, name)
    for table in tables:
        best = chosen(quality, table)
        if best is not None:
            yield from _model_rows(quality, table, best)


def _fit_rows(runs: Sequence[Mapping[str, Any]], table: str, name: str) -> Iterator[Figure]:
    limits = (
        ("fit_seconds", "fit", FIT_SECONDS, "s", ".1f"),
        ("peak_mb", "peak memory", FIT_PEAK_MB, "MB", ".0f"),
    )
    for key, title, limit, unit, form in limits:
        told = summary(runs, table, name, of=key)
        what, asked = f"{title}, {name}, {table}", f"< {limit:.0f} {unit}"
        if told is None:
            yield Figure(what, asked, "", "not measured")
        else:
            yield Figure(what, asked, f"{told.text(form)} {unit}", _verdict(told.median < limit))


def _model_rows(quality: Mapping[str, Any], table: str, name: str) -> Iterator[Figure]:
    runs = quality["runs"]
    for key, title, sign in (("c2st", "C2ST AUC", -1), ("pairs", "pair accuracy, share of real", 1)):
        ours = summary(runs, table, name, of=key)
        assert ours is not None
        peers, source = _peers(runs, table, key)
        yield Figure(
            f"{title}, {table}",
            f"{'above' if sign > 0 else 'below'} {_listed(peers)} ({source})",
            f"{name} {ours.text('.3f')}",
            _verdict(all(sign * ours.median > sign * peer for peer in peers.values())),
        )
    for learner in LEARNERS:
        yield _tstr_row(quality, table, name, learner)


def _tstr_row(quality: Mapping[str, Any], table: str, name: str, learner: str) -> Figure:
    key = f"tstr_{learner}"
    real = quality["real"][table][key]
    ours = summary(quality["runs"], table, name, of=key)
    # A run that gave no value was worse than any value: it must not leave the median.
    reached = ours is not None and not ours.undefined and ours.median >= real - TSTR_GAP
    return Figure(
        f"TSTR AUC, {learner}, {table}",
        f">= {real - TSTR_GAP:.3f} (real-trained {real:.3f})",
        f"{name} {'undefined' if ours is None else ours.text('.3f')}",
        _verdict(reached),
    )


def _peers(runs: Sequence[Mapping[str, Any]], table: str, key: str) -> tuple[dict[str, float], str]:
    told = {name: summary(runs, table, name, of=key) for name in PEERS}
    measured = {name: one.median for name, one in told.items() if one is not None}
    if len(measured) == len(PEERS):
        return measured, f"this run; written: {_listed(WRITTEN_PEERS[table][key])}"
    return WRITTEN_PEERS[table][key], "as written; not run here"


def _speeds(speeds: Mapping[str, Any]) -> Iterator[Figure]:
    for name, told in speeds.items():
        rate = Summary.of(told["rows_per_second"])
        assert rate is not None
        yield Figure(
            f"generation, {name}, wdbc",
            f"> {ROWS_PER_SECOND:,.0f} rows/s",
            f"{rate.text(',.0f')} rows/s",
            _verdict(rate.median > ROWS_PER_SECOND),
        )
    for key, title in (
        ("split_seconds", "evaluation, 1,000 x 31 against 569 real rows split 80/20"),
        ("thousands_seconds", "evaluation, 1,000 x 31 against 1,000 + 1,000 rows"),
    ):
        seconds = Summary.of([told[key] for told in speeds.values()])
        assert seconds is not None
        yield Figure(
            title,
            f"< {JUDGING_SECONDS:.0f} s",
            f"{seconds.text('.1f')} s",
            _verdict(seconds.high < JUDGING_SECONDS),
        )


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _verdict(reached: bool) -> Verdict:
    return "PASS" if reached else "short"
