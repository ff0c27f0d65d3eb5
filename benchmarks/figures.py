"""The figures that were asked for, beside those measured, and whether they were reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

Verdict = Literal["PASS", "SHORT", "not measured"]
Records = Sequence[Mapping[str, Any]]

IMPORT_SECONDS: Final = 0.3
#: What the picking model shall reach: metric, direction, limit; by table.
AUTO: Final[Mapping[str, tuple[tuple[str, str, float], ...]]] = {
    "heart": (("c2st", "<=", 0.58), ("pairs", ">=", 0.98), ("tstr_trees", ">=", 0.89)),
    "wdbc": (("c2st", "<=", 0.65), ("pairs", ">=", 0.97), ("tstr_trees", ">=", 0.985)),
    "brfss": (("c2st", "<=", 0.55), ("pairs", ">=", 0.995)),
}
#: Below what is learnt from real rows.
TSTR_GAP: Final = 0.005
#: The models that the product names.
SEVEN: Final = ("wgan-gp", "ctgan", "medgan", "dp-gan", "beta-vae", "cvae", "wae")
BEATEN: Final = ("sdv-ctgan", "sdv-tvae")
#: C2ST AUC, pair accuracy and TSTR AUC of a plain sequence of CART trees, which leaks.
FRONTIER: Final = {"heart": (0.65, 0.96, 0.92), "wdbc": (0.59, 0.97, 0.99)}
MEMBERSHIP: Final = 0.55
SMALL_FIT_SECONDS: Final = 20.0
LARGE_FIT_SECONDS: Final = 50.0
LARGE_PAIRS: Final = 0.992
LARGE_C2ST: Final = 0.55
LARGE_PEAK_MB: Final = 1000.0
ROWS_PER_SECOND: Final = 500_000.0
#: Growth of the peak between a tenth and all of a stream that still counts as constant memory.
STREAM_GROWTH_MB: Final = 50.0
GPU_FIT_SECONDS: Final = 60.0
GPU_ROWS_PER_SECOND: Final = 5_000_000.0
UNTUNED: Final = ("diabetes", "brfss-1000", "mimic-codes")

TITLES: Final[Mapping[str, str]] = {
    "c2st": "C2ST AUC",
    "pairs": "pair accuracy, share of real",
    "tstr_trees": "TSTR AUC, trees",
    "membership": "membership AUC",
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


def runs(records: Records, table: str, method: str) -> list[Mapping[str, Any]]:
    """The runs of one method on one table that came to their end."""
    return [
        one
        for one in records
        if one["stage"] == "quality"
        and one["status"] == "ok"
        and (one["table"], one["method"]) == (table, method)
    ]


def summary(records: Records, table: str, method: str, *, of: str) -> Summary | None:
    """Summarise one value of one method on one table over the seeds."""
    return Summary.of([one.get(of) for one in runs(records, table, method)])


def tables(records: Records) -> list[str]:
    """Tables of the quality stage, in the order in which they were taken."""
    return list(dict.fromkeys(one["table"] for one in records if one["stage"] == "quality"))


def names(records: Records, table: str, *, ours: bool | None = None) -> list[str]:
    """Methods that gave something on a table: all, only ours, or only the peers."""
    return list(
        dict.fromkeys(
            one["method"]
            for one in records
            if one["stage"] == "quality"
            and one["status"] == "ok"
            and one["table"] == table
            and ours in (None, one["ours"])
        )
    )


def figures(records: Records) -> list[Figure]:
    """Make the rows of the table from what the stages gave; a stage that was left out gives none."""
    rows: list[Figure] = []
    for table in tables(records):
        for part in (_auto, _better_than_peers, _leaks, _frontier, _fits):
            rows += part(records, table)
    return [*rows, *_imports(records), *_speeds(records), *_stream(records), *_gpu(records)]


def is_reached(value: Summary | None, sign: str, limit: float) -> bool:
    """Whether the median reaches a limit. A run without a value was worse than any value: it never passes."""
    if value is None or value.undefined:
        return False
    return value.median <= limit if sign == "<=" else value.median >= limit


def _auto(records: Records, table: str) -> Iterator[Figure]:
    """What is asked of `auto`."""
    for key, sign, limit in AUTO.get(table, ()):
        yield _limit(f"auto, {TITLES[key]}, {table}", records, table, of=key, sign=sign, limit=limit)
    if table == "brfss":
        told = [one for one in records if one["stage"] == "real" and one["table"] == table]
        real = told[-1]["tstr_trees"]
        limit = real - TSTR_GAP
        row = _limit("", records, table, of="tstr_trees", sign=">=", limit=limit)
        yield Figure(
            f"auto, {TITLES['tstr_trees']}, {table}",
            f">= {limit:.3f} (real-trained {real:.3f})",
            row.measured,
            row.verdict,
        )
    if table in UNTUNED:
        yield from _beats_all(records, table)


def _beats_all(records: Records, table: str) -> Iterator[Figure]:
    """On tables that no figure was set for: better than every peer of this run."""
    peers = names(records, table, ours=False)
    for key, sign in (("c2st", -1), ("pairs", 1)):
        what = f"auto, {TITLES[key]}, {table} (nobody tuned for it)"
        ours = summary(records, table, "auto", of=key)
        told = {name: summary(records, table, name, of=key) for name in peers}
        known = {name: one.median for name, one in told.items() if one is not None}
        asked = f"{'above' if sign > 0 else 'below'} {_listed(known) or 'every peer'}"
        if ours is None or not known:
            yield Figure(what, asked, "" if ours is None else ours.text(".3f"), "not measured")
        else:
            reached = not ours.undefined and all(sign * ours.median > sign * one for one in known.values())
            yield Figure(what, asked, ours.text(".3f"), _verdict(reached))


def _better_than_peers(records: Records, table: str) -> Iterator[Figure]:
    """Each of the seven against CTGAN and TVAE of the same run."""
    if table not in FRONTIER:
        return
    for key, sign in (("c2st", -1), ("pairs", 1)):
        bars = {name: summary(records, table, name, of=key) for name in BEATEN}
        known = {name: one.median for name, one in bars.items() if one is not None}
        for name in SEVEN:
            ours = summary(records, table, name, of=key)
            what = f"{name}, {TITLES[key]}, {table}"
            asked = f"{'above' if sign > 0 else 'below'} {_listed(known) or ' and '.join(BEATEN)}"
            if ours is None or len(known) < len(BEATEN):
                yield Figure(what, asked, "" if ours is None else ours.text(".3f"), "not measured")
            else:
                reached = all(sign * ours.median > sign * one for one in known.values())
                yield Figure(what, asked, ours.text(".3f"), _verdict(reached))


def _leaks(records: Records, table: str) -> Iterator[Figure]:
    """Membership and copies, of every model of ours."""
    if table not in AUTO:
        return
    for name in names(records, table, ours=True):
        yield _limit(
            f"{name}, membership AUC, {table}",
            records,
            table,
            of="membership",
            sign="<=",
            limit=MEMBERSHIP,
            name=name,
        )
        excess = {kind: summary(records, table, name, of=f"{kind}_excess") for kind in ("exact", "near")}
        noise = {kind: summary(records, table, name, of=f"{kind}_noise") for kind in ("exact", "near")}
        told = [(kind, excess[kind], noise[kind]) for kind in excess]
        measured = ", ".join(f"{kind} {one.text('.3f')}" for kind, one, _ in told if one is not None)
        reached = all(
            one is not None and two is not None and one.median <= two.median for _, one, two in told
        )
        limits = ", ".join(f"{kind} {two.median:.3f}" for kind, _, two in told if two is not None)
        yield Figure(
            f"{name}, excess of copies, {table}", f"<= noise ({limits})", measured, _verdict(reached)
        )


def _frontier(records: Records, table: str) -> Iterator[Figure]:
    """The utility of a plain sequence of trees without its leak, by one model of ours."""
    if table not in FRONTIER:
        return
    c2st, pairs, useful = FRONTIER[table]
    wanted = (
        ("c2st", "<=", c2st),
        ("pairs", ">=", pairs),
        ("tstr_trees", ">=", useful),
        ("membership", "<=", MEMBERSHIP),
    )
    reached = [
        name
        for name in names(records, table, ours=True)
        if all(is_reached(summary(records, table, name, of=key), sign, limit) for key, sign, limit in wanted)
    ]
    asked = f"one model: C2ST <= {c2st}, pairs >= {pairs}, TSTR >= {useful}, membership <= {MEMBERSHIP}"
    found = ", ".join(reached) or "none reaches all four"
    yield Figure(f"the frontier, {table}", asked, found, _verdict(bool(reached)))


def _fits(records: Records, table: str) -> Iterator[Figure]:
    """Seconds and memory of a fit."""
    if table in FRONTIER:
        for name in SEVEN:
            yield _limit(
                f"{name}, fit seconds, {table}",
                records,
                table,
                of="fit_seconds",
                sign="<=",
                limit=SMALL_FIT_SECONDS,
                name=name,
                form=".1f",
            )
        yield from _dominance(records, table)
    if table == "brfss":
        yield from _large_fit(records, table)


def _dominance(records: Records, table: str) -> Iterator[Figure]:
    """For every peer one model of ours that is faster, nearer to real, and pairs columns better."""
    for peer in names(records, table, ours=False):
        bar = [summary(records, table, peer, of=key) for key in ("fit_seconds", "c2st", "pairs")]
        ahead = []
        for name in names(records, table, ours=True):
            own = [summary(records, table, name, of=key) for key in ("fit_seconds", "c2st", "pairs")]
            signs = (-1, -1, 1)
            if all(
                one is not None and two is not None and sign * one.median > sign * two.median
                for one, two, sign in zip(own, bar, signs, strict=True)
            ):
                ahead.append(name)
        yield Figure(
            f"quality per second against {peer}, {table}",
            "a model that is faster, with lower C2ST AUC and higher pair accuracy",
            ", ".join(ahead) or "none",
            _verdict(bool(ahead)),
        )


def _large_fit(records: Records, table: str) -> Iterator[Figure]:
    limits = (
        ("fit_seconds", "<=", LARGE_FIT_SECONDS),
        ("c2st", "<=", LARGE_C2ST),
        ("pairs", ">=", LARGE_PAIRS),
        ("peak_mb", "<=", LARGE_PEAK_MB),
    )
    reached, told = [], []
    for name in names(records, table, ours=True):
        values = [(summary(records, table, name, of=key), sign, limit) for key, sign, limit in limits]
        if all(is_reached(*one) for one in values):
            reached.append(name)
        seconds, peak = values[0][0], values[3][0]
        if seconds is not None and peak is not None:
            told.append(f"{name} {seconds.median:.0f} s, {peak.median:,.0f} MB")
    asked = (
        f"one model: fit <= {LARGE_FIT_SECONDS:.0f} s, C2ST <= {LARGE_C2ST}, pairs >= {LARGE_PAIRS}, "
        f"peak <= {LARGE_PEAK_MB:,.0f} MB"
    )
    measured = f"reached by {', '.join(reached)}" if reached else f"by none; {'; '.join(told)}"
    yield Figure(f"fit, {table}, one thread", asked, measured, _verdict(bool(reached)))


def _imports(records: Records) -> Iterator[Figure]:
    for one in _ok(records, "imports"):
        seconds = Summary.of(one["seconds"])
        assert seconds is not None
        loaded = "torch loaded" if one["torch_loaded"] else "no torch"
        reached = seconds.median < IMPORT_SECONDS and not one["torch_loaded"]
        asked = f"< {IMPORT_SECONDS} s, no torch"
        measured = f"{seconds.text('.3f')} s, {loaded}"
        yield Figure("import synthetic_healthcare", asked, measured, _verdict(reached))


def _speeds(records: Records) -> Iterator[Figure]:
    for one in _ok(records, "speed"):
        if one["threads"] == 2:
            rates = (one["memory_rows_per_second"], one["parquet_rows_per_second"])
            yield Figure(
                f"{one['method']}, generation, {one['rows']:,} rows of BRFSS, two threads",
                f">= {ROWS_PER_SECOND:,.0f} rows/s",
                f"{rates[0]:,.0f} rows/s in memory, {rates[1]:,.0f} to Parquet",
                _verdict(max(rates) >= ROWS_PER_SECOND),
            )


def _stream(records: Records) -> Iterator[Figure]:
    for one in _ok(records, "stream"):
        peaks = one["peaks"]
        # Where the system does not tell its memory, nothing is proved.
        known = [value for value in peaks.values() if value is not None]
        grown = known[-1] - known[0] if len(known) == len(peaks) and known else None
        shown = ", ".join(f"{value:,.0f} MB at {mark}" for mark, value in peaks.items() if value is not None)
        yield Figure(
            f"{one['method']}, {one['rows']:,} rows streamed",
            f"constant memory (peak grows by <= {STREAM_GROWTH_MB:.0f} MB after a tenth)",
            f"{shown}; {one['rows_per_second']:,.0f} rows/s",
            "not measured" if grown is None else _verdict(grown <= STREAM_GROWTH_MB),
        )


def _gpu(records: Records) -> Iterator[Figure]:
    for one in _ok(records, "gpu"):
        name, device = one["method"], one["device"]
        yield Figure(
            f"{name}, {one['epochs']} epochs of BRFSS, {device}",
            f"<= {GPU_FIT_SECONDS:.0f} s",
            f"{one['fit_seconds']:.1f} s",
            _verdict(one["fit_seconds"] <= GPU_FIT_SECONDS),
        )
        yield Figure(
            f"{name}, generation, {device}",
            f">= {GPU_ROWS_PER_SECOND:,.0f} rows/s",
            f"{one['rows_per_second']:,.0f} rows/s",
            _verdict(one["rows_per_second"] >= GPU_ROWS_PER_SECOND),
        )
    for one in records:
        if one["stage"] == "gpu" and one["status"] != "ok":
            yield Figure(f"{one['method']} on a GPU", "", one["reason"], "not measured")


def _limit(
    what: str,
    records: Records,
    table: str,
    *,
    of: str,
    sign: str,
    limit: float,
    name: str = "auto",
    form: str = ".3f",
) -> Figure:
    value = summary(records, table, name, of=of)
    asked = f"{sign} {limit:g}"
    if value is None and not runs(records, table, name):
        return Figure(what, asked, "", "not measured")
    measured = "undefined" if value is None else value.text(form)
    return Figure(what, asked, measured, _verdict(is_reached(value, sign, limit)))


def _ok(records: Records, stage: str) -> list[Mapping[str, Any]]:
    return [one for one in records if one["stage"] == stage and one["status"] == "ok"]


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _verdict(reached: bool) -> Verdict:
    return "PASS" if reached else "SHORT"
