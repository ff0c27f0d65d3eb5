"""Fits under a privacy budget, ours beside smartnoise-synth's: `python private.py --out FILE.md ...`.

Each method learns the training rows of the benchmark's split within the same epsilon, from the same declared
domain (`domains/`), and is judged on the same hold-out. Medians over seeds; the table is written after every
fit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import processes
from records import Record

#: Methods of the peer's environment.
SMARTNOISE: Final = ("sn-aim", "sn-mst", "sn-dpctgan", "sn-patectgan")
OURS: Final = ("auto", "star", "aim", "beta-vae", "cvae", "wae", "wgan-gp", "ctgan", "medgan", "dp-gan")
_COLUMNS: Final = ("tstr_logistic", "tstr_trees", "pairs", "tv2", "c2st", "membership", "fit_seconds")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, judge, and write one line a method and epsilon."""
    asked = _parser().parse_args(arguments)
    os.environ.update(processes.QUIET)
    sys.path.insert(0, str(processes.SOURCE))
    import splits
    from judging import Judging

    table = splits.split(asked.table)
    judging = Judging.of(table)
    found: list[Record] = []
    real = judging.scores([table.train])
    with tempfile.TemporaryDirectory() as folder:
        conditions = processes.Conditions(Path(folder), timeout_s=asked.timeout)
        for seed, name, epsilon in product(range(asked.seeds), asked.models, asked.epsilons):
            method = _method(f"{name}@{epsilon:g}@{asked.delta:g}", asked.smartnoise)
            told = _measured(method, table, seed, conditions, judging)
            found.append({"method": name, "epsilon": epsilon, "seed": seed, **told})
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
            _write(asked, found, real)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="Markdown file; a JSON file stands beside it")
    add("--table", choices=("heart", "brfss"), required=True)
    add("--models", nargs="+", choices=(*OURS, *SMARTNOISE), default=list(OURS))
    add("--epsilons", nargs="+", type=float, default=[1.0])
    add("--delta", type=float, default=1e-6, help="below one in the rows (default 1e-6)")
    add("--seeds", type=int, default=5)
    add("--smartnoise", help="interpreter of an environment with smartnoise-synth")
    add("--timeout", type=float, default=1800.0, help="seconds after which a fit is stopped")
    return parser


def _method(name: str, smartnoise: str | None) -> processes.Method:
    if not name.startswith("sn-"):
        return processes.Method(
            name, processes.HERE / "fit_private.py", sys.executable, (processes.SOURCE, processes.HERE), True
        )
    if smartnoise is None:
        raise SystemExit(f"{name} needs --smartnoise PYTHON")
    script = processes.HERE / "peers" / "run_smartnoise.py"
    return processes.Method(name, script, smartnoise, (processes.HERE,), False)


def _measured(
    method: processes.Method, table: Any, seed: int, conditions: processes.Conditions, judging: Any
) -> Record:
    from judges import pair_accuracy

    try:
        facts, tables = processes.fit_once(method, table, seed, conditions)
    except (RuntimeError, TimeoutError) as problem:
        return {"status": "failed", "reason": str(problem).splitlines()[-1]}
    scores = judging.scores(tables)
    # Against the rows that were learnt: on a small table the hold-out's own chance would hide the noise.
    drawn, learnt = (judging.lens.numbers(rows[list(table.train)]) for rows in (tables[0], table.train))
    tv2 = 1 - pair_accuracy(drawn, learnt)
    return {"status": "ok", "load": os.getloadavg()[0], **facts, **scores, "tv2": tv2}


def _write(asked: argparse.Namespace, found: Sequence[Record], real: Record) -> None:
    lines = [
        f"# Under a budget: {asked.table}, {asked.seeds} seed(s)",
        "",
        "| method | epsilon | fits | " + " | ".join(_COLUMNS) + " |",
        "|" + "---|" * (len(_COLUMNS) + 3),
        "| real rows | - | 1 | " + " | ".join(_figure(real.get(name)) for name in _COLUMNS) + " |",
    ]
    for name, epsilon in product(asked.models, asked.epsilons):
        own = [one for one in found if (one["method"], one["epsilon"]) == (name, epsilon)]
        if own:
            lines.append(_line(name, epsilon, own))
    asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked.out.with_suffix(".json").write_text(json.dumps({"real": real, "fits": list(found)}, indent=1))


def _line(name: str, epsilon: float, own: Sequence[Record]) -> str:
    good = [one for one in own if one["status"] == "ok"]
    figures = [_figure(_median(one.get(column) for one in good)) for column in _COLUMNS]
    note = "" if good else f" ({own[-1]['reason'][:80]})"
    return f"| {name}{note} | {epsilon:g} | {len(good)} of {len(own)} | " + " | ".join(figures) + " |"


def _median(values: Iterable[float | None]) -> float | None:
    held = [value for value in values if value is not None]
    return statistics.median(held) if held else None


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
