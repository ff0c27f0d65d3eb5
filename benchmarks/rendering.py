"""The result as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from figures import Figure, names, runs, summary, tables
from stages import TRAPPED_S

Records = Sequence[Mapping[str, Any]]
Column = tuple[str, str, str]

#: Columns of a table of methods: key in a run, heading, form of a number.
_COST: Final[tuple[Column, ...]] = (
    ("fit_seconds", "fit, s", ".1f"),
    ("rows_per_second", "rows/s", ",.0f"),
    ("peak_mb", "peak, MB", ",.0f"),
)
_QUALITY: Final[tuple[Column, ...]] = (
    ("c2st", "C2ST AUC", ".3f"),
    ("pairs", "pairs, share of real", ".3f"),
    ("tstr_trees", "TSTR, trees", ".3f"),
    ("tstr_logistic", "TSTR, logistic", ".3f"),
    ("membership", "membership AUC", ".3f"),
    ("exact_excess", "exact copies, excess", "+.3f"),
    ("near_excess", "near copies, excess", "+.3f"),
)
_CODES: Final[tuple[Column, ...]] = (
    ("prevalence", "prevalence, correlation", ".3f"),
    ("prevalence_error", "prevalence, RMS error", ".4f"),
    ("cooccurrence", "co-occurrence, correlation", ".3f"),
    ("codes_per_row", "codes a row, share of real", ".2f"),
    ("unknown_codes", "unknown codes", ".3f"),
)
_REPORT: Final[tuple[Column, ...]] = (
    ("utility", "utility", ".3f"),
    ("privacy", "privacy", ".3f"),
    ("report_marginals", "marginals", ".3f"),
    ("report_pairs", "pairs", ".3f"),
    ("report_c2st", "two-sample", ".3f"),
    ("report_coverage", "coverage", ".3f"),
)
#: Load average, in cores, above which something else was running when a fit began: the fit before leaves one.
_BUSY: Final = 1.5

_DEFINITIONS: Final = f"""\
## How it was measured

- Splits: `df.sample(frac=1, random_state=1)`; the first 70 % are learnt (all of them: `holdout=0`), the rest
  judge. Where patients have several rows (mimic-codes), it is the patients that are shuffled. Synthetic rows:
  as many as were learnt. Every fit runs in a fresh process, one at a time, with `OMP_WAIT_POLICY=PASSIVE` and
  `OMP_NUM_THREADS=1`; the methods take turns within a seed. Our models infer the schema; the peers are told
  which columns are discrete (words, or at most ten values in the training rows). They know no sets of codes:
  they learn one column of 0 and 1 for each code that two training rows hold, and the sets are put together
  again.
- Values are medians of the seeds with their range. "fit" is the call alone; "rows/s" is of a draw that takes
  about a second; "peak" is the process's VmHWM after the releases, 1 MB = 10^6 bytes.
- C2ST AUC: 5-fold, out of fold, HistGradientBoostingClassifier, all synthetic rows against the hold-out; 0.5
  is "cannot be told apart", and lower is better.
- Pairs: mean over pairs of columns of 1 - total variation distance on decile bins (at most ten values: as
  they are), whose edges come from the hold-out, against the hold-out; a share of what the training rows get.
- TSTR: AUC on the hold-out of a classifier of the target trained on the synthetic rows: gradient-boosted
  trees, and logistic regression on standardised columns, each beside the same learner trained on real rows.
- Membership AUC: nearness to a synthetic row as a guess that a patient was learnt; 0.5 is "nothing leaks", a
  copy gets about 1. Mean over 5 releases of one fit (up to 2,000 training rows), 3 (up to 20,000) or 1. In
  large tables only some patients are asked about (400 million pairs of rows at most, half learnt, half not),
  always against all synthetic rows.
- Copies: the share of learnt patients who stand in the release (exact), or have a row of it within the
  distance that 5 % of the held-out patients have a training row in (near), less the same share of held-out
  patients.
- The table "the library's own report" is what `evaluate` says of the first release.
- The C2ST, TSTR and copy judges see a column of words as numbers, and a set of codes as columns of 0 and 1
  for the codes that five real rows hold.
- Large tables: the neural peers' defaults would take hours. CTGAN was shown 1.8 million rows in all,
  TVAE 5.3 million: about four minutes each. Peers are used through their documented interface; their code
  was not read.
- A method asked of a stopped or broken run gives nothing: see "What did not run".
- The thread trap: a fit is stopped after {TRAPPED_S:.0f} s.
"""


def render(result: Mapping[str, Any], rows: Sequence[Figure], shown: Mapping[str, Sequence[str]]) -> str:
    """Lay the whole result out.

    Parameters
    ----------
    result : Mapping
        What goes into the JSON file.
    rows : sequence of Figure
        The table of the figures that were asked for.
    shown : Mapping
        Names of the pictures' files, by table.
    """
    records: Records = result["records"]
    parts = [f"# Comparison, {result['date']}\n", "\n".join(_setting(result)) + "\n"]
    if rows:
        told = [(row.what, row.asked, row.measured, row.verdict) for row in rows]
        parts += ["## Figures asked for\n", _table(("", "asked", "measured", "verdict"), told)]
    for table in tables(records):
        parts += _methods(records, table)
        parts += [f"![{name}]({name})\n" for name in shown.get(table, ())]
    parts += _ratios(records)
    parts += _threads(records)
    parts += _speeds(records)
    parts += _lost(records, result["absent"])
    return "\n".join([*parts, _DEFINITIONS])


def _setting(result: Mapping[str, Any]) -> Iterator[str]:
    machine, settings, records = result["machine"], result["settings"], result["records"]
    yield f"- Command: `{result['command']}`"
    yield f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['platform']}"
    loads = sorted(one["load"] for one in records)
    if loads:
        yield f"- Load when a measurement began: {loads[len(loads) // 2]:.1f} (up to {loads[-1]:.1f})"
    if loads and loads[len(loads) // 2] > _BUSY:
        yield "- **The machine was not quiet: the seconds are too high, more or less.**"
    yield "- ours: " + ", ".join(f"{package} {version}" for package, version in result["versions"].items())
    for name, versions in _peer_versions(records).items():
        yield f"- {name}: " + ", ".join(f"{package} {version}" for package, version in versions.items())
    yield f"- Seeds: {settings['seeds']}; took {result['seconds'] / 60:.1f} minutes"
    if settings["epochs"] is not None:
        yield f"- **Shortened to {settings['epochs']} epochs: a trial of the benchmark, no result.**"


def _peer_versions(records: Records) -> dict[str, dict[str, str]]:
    found = (
        one for one in records if one["stage"] == "quality" and one["status"] == "ok" and not one["ours"]
    )
    return {one["method"]: one["versions"] for one in found}


def _methods(records: Records, table: str) -> Iterator[str]:
    found = names(records, table)
    real = [one for one in records if one["stage"] == "real" and one["table"] == table and "c2st" in one]
    yield f"## {table}\n"
    if real:
        rows = real[-1]["rows"]
        yield f"{rows['train']:,} rows were learnt, {rows['holdout']:,} judge.\n"
    columns = (*_COST, *_QUALITY)
    laid_out = [(_name(records, table, name), *_cells(records, table, name, columns)) for name in found]
    if real:
        laid_out.append(("the training rows themselves", *_real(real[-1], columns)))
    yield _table(("method", *(title for _, title, _ in columns)), laid_out)
    if any("prevalence" in one for name in found for one in runs(records, table, name)):
        laid_out = [(name, *_cells(records, table, name, _CODES)) for name in found]
        if real:
            laid_out.append(("the training rows themselves", *_real(real[-1], _CODES)))
        yield "Sets of codes:\n"
        yield _table(("method", *(title for _, title, _ in _CODES)), laid_out)
    yield "The library's own report:\n"
    laid_out = [
        (name, *_cells(records, table, name, _REPORT), _verdicts(records, table, name)) for name in found
    ]
    yield _table(("method", *(title for _, title, _ in _REPORT), "privacy verdicts"), laid_out)


def _name(records: Records, table: str, name: str) -> str:
    """The method and, of one that picks, what it picked."""
    chose = list(dict.fromkeys(one.get("chose", name) for one in runs(records, table, name)))
    return name if chose in ([name], []) else f"{name} (chose {', '.join(chose)})"


def _cells(records: Records, table: str, name: str, columns: Iterable[Column]) -> list[str]:
    told = [(summary(records, table, name, of=key), form) for key, _, form in columns]
    return ["undefined" if one is None else one.text(form) for one, form in told]


def _real(real: Mapping[str, Any], columns: Iterable[Column]) -> list[str]:
    return [f"{real[key]:{form}}" if real.get(key) is not None else "" for key, _, form in columns]


def _verdicts(records: Records, table: str, name: str) -> str:
    told = [one.get("verdict", "no report") for one in runs(records, table, name)]
    return ", ".join(f"{told.count(one)} {one}" for one in dict.fromkeys(told))


def _ratios(records: Records) -> Iterator[str]:
    """Ours to each peer, medians of the same run."""
    lines = [line for table in tables(records) for line in _ratio_lines(records, table)]
    if not lines:
        return
    yield "## Ours against peers, side by side\n"
    yield (
        "Medians of the same run, ours divided by the peer's; the excess is what the C2ST AUC has above 0.5, "
        "the loss what the pair accuracy lacks of that of real rows. Below 1 is better for all but rows/s.\n"
    )
    heading = ("table", "ours", "peer", "fit seconds", "rows/s", "peak memory", "C2ST excess", "pair loss")
    yield _table(heading, lines)


def _ratio_lines(records: Records, table: str) -> Iterator[tuple[str, ...]]:
    for name in names(records, table, ours=True):
        for peer in names(records, table, ours=False):
            told = []
            for key in ("fit_seconds", "rows_per_second", "peak_mb", "c2st", "pairs"):
                own, other = (summary(records, table, one, of=key) for one in (name, peer))
                told.append(None if own is None or other is None else (own.median, other.median))
            plain = [_share(one) for one in told[:3]]
            excess = _share(told[3] and (max(told[3][0] - 0.5, 0.0), max(told[3][1] - 0.5, 0.0)))
            loss = _share(told[4] and (max(1 - told[4][0], 0.0), max(1 - told[4][1], 0.0)))
            yield table, name, peer, *plain, excess, loss


def _share(values: tuple[float, float] | None) -> str:
    if values is None or not values[1]:
        return ""
    share = values[0] / values[1]
    return f"{share:.2f}" if share < 10 else f"{share:,.0f}"


def _threads(records: Records) -> Iterator[str]:
    told = [one for one in records if one["stage"] == "threads"]
    if not told:
        return
    rows = [(one["table"], one["method"], _quiet(records, one), _loud(one)) for one in told]
    yield "## The thread trap\n"
    yield (
        "Seconds of one fit (seed 0). With nothing set, idle OpenMP threads spin; on shared cores that "
        "can cost far more than it gains. The comparison above gives every method one thread.\n"
    )
    yield _table(("table", "method", "one thread, passive", "nothing set"), rows)


def _quiet(records: Records, run: Mapping[str, Any]) -> str:
    same = [one for one in runs(records, run["table"], run["method"]) if one["seed"] == 0]
    return f"{same[0]['fit_seconds']:.1f}" if same else "not measured"


def _loud(run: Mapping[str, Any]) -> str:
    return f"{run['fit_seconds']:.1f}" if run["status"] == "ok" else _line(run["reason"])


def _speeds(records: Records) -> Iterator[str]:
    told = [one for one in records if one["stage"] == "speed" and one["status"] == "ok"]
    if not told:
        return
    rows = [
        (
            one["method"],
            str(one["threads"]),
            f"{one['rows']:,}",
            f"{one['memory_rows_per_second']:,.0f}",
            f"{one['parquet_rows_per_second']:,.0f}",
            "" if one["peak_mb"] is None else f"{one['peak_mb']:,.0f}",
        )
        for one in told
    ]
    yield "## Generation, BRFSS\n"
    heading = ("model", "threads", "rows", "in memory, rows/s", "to Parquet, rows/s", "peak, MB")
    yield _table(heading, rows)


def _lost(records: Records, absent: Mapping[str, str]) -> Iterator[str]:
    rows = [(table, "", reason) for table, reason in absent.items()]
    for one in records:
        title = " ".join(str(one[key]) for key in ("method", "seed", "threads") if key in one)
        if one["status"] != "ok":
            rows.append(
                (str(one.get("table", one["stage"])), title, f"{one['status']}: {_line(one['reason'])}")
            )
        elif one.get("report_reason") or one.get("failed_metrics"):
            reason = one.get("report_reason") or f"metrics that failed: {one['failed_metrics']}"
            rows.append((one["table"], title, f"no report: {_line(reason)}"))
    if rows:
        yield "## What did not run\n"
        yield _table(("table or stage", "run", "why"), rows)


def _line(text: str) -> str:
    """A reason in one short line that breaks no table: its beginning, and its last words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    whole = lines[0] if len(lines) == 1 else f"{lines[0]} ... {lines[-1]}"
    return whole.replace("|", "/")[:300]


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
