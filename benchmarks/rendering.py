"""The result as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from figures import Figure, chosen, summary
from measuring import TRAPPED_S
from speed import DRAWN_ROWS

#: Columns of the table of methods: key in a run, heading, form of a number.
_COLUMNS: Final = (
    ("fit_seconds", "fit, s", ".1f"),
    ("process_seconds", "process, s", ".1f"),
    ("peak_mb", "peak, MB", ".0f"),
    ("c2st", "C2ST AUC", ".3f"),
    ("pairs", "pair accuracy, share of real", ".3f"),
    ("tstr_trees", "TSTR AUC, trees", ".3f"),
    ("tstr_logistic", "TSTR AUC, logistic", ".3f"),
    ("membership", "membership AUC", ".3f"),
)

#: Load average, in cores, above which something else was running.
_BUSY: Final = 0.5

_DEFINITIONS: Final = f"""\
## How it was measured

- Splits: `df.sample(frac=1, random_state=1)`; the first 70 % are learnt (all of them: `holdout=0`), the rest
  judge. Synthetic rows: as many as were learnt. Every fit runs in a fresh process, one at a time, with
  `OMP_WAIT_POLICY=PASSIVE` and nothing else set; the methods take turns within a seed. Our models infer the
  schema; the peers are told which columns are discrete (at most ten values in the training rows).
- Values are medians of the seeds with their range. "fit" is the call alone; "process" is everything from
  start-up to the written CSV; "peak" is the process's VmHWM, 1 MB = 10^6 bytes.
- C2ST AUC: 5-fold, out of fold, HistGradientBoostingClassifier, synthetic against hold-out; 0.5 is "cannot be
  told apart", and lower is better.
- Pair accuracy: mean over pairs of columns of 1 - total variation distance on decile bins, whose edges come
  from the hold-out (equal edges merged), against the hold-out; a share of what the training rows get.
- TSTR AUC: a classifier of the target trained on the synthetic rows, tested on the hold-out: gradient-boosted
  trees and logistic regression on standardised columns, each beside the same learner trained on real rows.
- Membership AUC: nearness to a synthetic row as a guess that a patient was learnt; 0.5 is "nothing leaks", a
  copy of the training rows gets about 1. It is here so that utility which was bought with leakage shows.
- Generation: `generate({DRAWN_ROWS:,})`, median of three, the first one included. Evaluation: every metric of
  the report, once after a short fit of each model; median and range of the two.
- The peers are used through their documented interface; their code was not read.
"""


def render(result: Mapping[str, Any], rows: Sequence[Figure]) -> str:
    """Lay the whole result out.

    Parameters
    ----------
    result : Mapping
        What goes into the JSON file.
    rows : sequence of Figure
        The table of the figures that were asked for.
    """
    parts = [
        f"# First light, {result['date']}\n",
        "\n".join(_setting(result)) + "\n",
        "## Figures asked for\n",
        _table(
            ("", "asked", "measured", "verdict"), [(r.what, r.asked, r.measured, r.verdict) for r in rows]
        ),
    ]
    measured = result["measured"]
    if "quality" in measured:
        parts += [_methods(measured["quality"], name) for name in measured["quality"]["real"]]
    if "defaults" in measured:
        parts.append(_defaults(measured))
    return "\n".join([*parts, _DEFINITIONS])


def _setting(result: Mapping[str, Any]) -> Iterator[str]:
    machine, settings = result["machine"], result["settings"]
    yield f"- Command: `{result['command']}`"
    yield (
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['platform']}; load when it began "
        f"{machine['load']:.1f}"
    )
    if machine["load"] > _BUSY:
        yield "- **The machine was not quiet when it began: the seconds are too high, more or less.**"
    for name, versions in result["versions"].items():
        yield f"- {name}: " + ", ".join(f"{package} {version}" for package, version in versions.items())
    yield f"- Seeds: {settings['seeds']}; took {result['seconds'] / 60:.1f} minutes"
    if settings["epochs"] is not None:
        yield f"- **Shortened to {settings['epochs']} epochs: a trial of the benchmark, no result.**"


def _methods(quality: Mapping[str, Any], table: str) -> str:
    runs = quality["runs"]
    names = list(dict.fromkeys(run["method"] for run in runs if run["table"] == table))
    real = [
        f"{quality['real'][table][key]:{form}}" if key in quality["real"][table] else ""
        for key, _, form in _COLUMNS
    ]
    rows = [(name, *(_cell(runs, table, name, key, form) for key, _, form in _COLUMNS)) for name in names]
    best = chosen(quality, table)
    note = "" if best is None else f"Of ours, {best} answers for {table} in the table above. "
    heading = ("method", *(title for _, title, _ in _COLUMNS))
    laid_out = _table(heading, [*rows, ("the training rows themselves", *real)])
    return f"## {table}\n\n{laid_out}\n{note}{_leaks(quality, table, names)}"


def _leaks(quality: Mapping[str, Any], table: str, names: Sequence[str]) -> str:
    """Name the methods whose membership AUC is more than chance explains.

    Two standard errors of an AUC under the null: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    m, n = (quality["rows"][table][side] for side in ("train", "holdout"))
    limit = 0.5 + 2 * math.sqrt((m + n + 1) / (12 * m * n))
    told = [(name, summary(quality["runs"], table, name, of="membership")) for name in names]
    above = [name for name, one in told if one is not None and one.median > limit]
    said = f"above it: {', '.join(above)}" if above else "no method is above it"
    return f"Chance explains a membership AUC of up to {limit:.3f} here (two standard errors); {said}.\n"


def _cell(runs: Sequence[Mapping[str, Any]], table: str, name: str, key: str, form: str) -> str:
    told = summary(runs, table, name, of=key)
    return "undefined" if told is None else told.text(form)


def _defaults(measured: Mapping[str, Any]) -> str:
    rows = [
        (run["table"], run["method"], _passive(measured, run), _stopped(run["fit_seconds"]))
        for run in measured["defaults"]
    ]
    heading = ("table", "method", "idle threads sleep", "nothing set")
    return (
        "## The thread trap\n\nSeconds of one fit (seed 0). With nothing set, idle OpenMP threads spin; "
        "where cores are shared that can cost far more than it gains. The comparison above gives every "
        f"method the better setting.\n\n{_table(heading, rows)}"
    )


def _passive(measured: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    same = [
        one["fit_seconds"]
        for one in measured.get("quality", {"runs": []})["runs"]
        if (one["table"], one["method"], one["seed"]) == (run["table"], run["method"], 0)
    ]
    return f"{same[0]:.1f}" if same else "not measured"


def _stopped(seconds: float | None) -> str:
    return f"stopped after {TRAPPED_S:.0f}" if seconds is None else f"{seconds:.1f}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
