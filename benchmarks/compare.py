"""Compare every model of the library, and its peers, on tables of patients.

    python benchmarks/compare.py --out benchmarks/results/ --peer ctgan=PYTHON --peer argn=PYTHON

Prints where the results are: a Markdown page, its pictures, and all single runs as JSON. See the README
beside this file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import processes
import splits
from records import Record, Records

STAGES: Final = ("imports", "quality", "threads", "speed", "stream", "gpu")
_LIBRARIES: Final = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "pyarrow")
_GPU_EPOCHS: Final = 300
_GPU_ROWS: Final = 5_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 where all of ours was measured, whether or not the figures were reached."""
    asked = _parser().parse_args(arguments)
    # Before the judges load their numerical libraries: these read it once.
    os.environ.update(processes.QUIET)
    sys.path.insert(0, str(processes.SOURCE))
    from figures import figures
    from pictures import draw_all
    from rendering import render

    start = time.monotonic()
    asked.out.mkdir(parents=True, exist_ok=True)
    whole = _is_whole(asked)
    result = _context(asked)
    records, absent = _measure(asked)
    result |= {"records": records, "absent": absent, "seconds": round(time.monotonic() - start, 1)}
    rows = figures(records)
    result["figures"] = [asdict(row) for row in rows]
    stem = asked.out / f"compare-{result['date']}{'' if whole else '-part'}"
    shown = draw_all(records, stem)
    _write(stem.with_suffix(".md"), render(result, rows, shown))
    _write(stem.with_suffix(".json"), json.dumps(result, indent=1, allow_nan=False) + "\n")
    print("\n".join(f"{row.verdict:12} {row.what}: {row.measured} (asked: {row.asked})" for row in rows))
    drawn = sum(map(len, shown.values()))
    print(
        f"\nThe results are in {stem.with_suffix('.md')}; beside it are the JSON file and {drawn} pictures."
    )
    return int(any(one["status"] == "failed" and _is_ours(one) for one in records))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder for the results")
    add(
        "--peer",
        action="append",
        default=[],
        type=_peer,
        metavar="NAME=PYTHON",
        help=f"interpreter of a peer's environment; names: {', '.join(processes.PEERS)}; may be repeated",
    )
    add("--tables", nargs="+", choices=splits.known(), default=splits.known(), help="default: all")
    add("--models", nargs="+", help="ours and peers', by name; default: all")
    add("--seeds", type=int, default=5, help="fits of every method on every table (default 5)")
    add("--only", nargs="+", choices=STAGES, default=STAGES, help="stages to run")
    add("--epochs", type=int, help="shorten every fit, to try the benchmark out")
    add("--default-threads", action="store_true", help="the same as naming the stage threads as well")
    add("--speed-rows", type=int, default=1_000_000, help="rows of the speed stage (default 10^6)")
    add("--stream-rows", type=int, default=10_000_000, help="rows of the stream stage (default 10^7)")
    add("--timeout", type=float, default=3600.0, help="seconds after which one fit is stopped")
    return parser


def _measure(asked: argparse.Namespace) -> tuple[list[Record], dict[str, str]]:
    import stages
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    methods = _chosen(processes.methods(dict(asked.peer)), asked.models)
    own = [method.name for method in methods if method.ours]
    wanted = {*asked.only, *(["threads"] if asked.default_threads else [])}
    told: list[Record] = []
    absent: dict[str, str] = {}
    # One thread for the judges, as for the judged.
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        conditions = processes.Conditions(Path(folder), epochs=asked.epochs, timeout_s=asked.timeout)
        desk = stages.Desk(Records(asked.out / "runs.jsonl"), conditions, _say)
        if "imports" in wanted:
            told += stages.imports(desk)
        for name in asked.tables:
            try:
                table = splits.split(name)
            except splits.AbsentError as reason:
                absent[name] = str(reason)
                _say(f"{name}: left out, {reason}")
                continue
            if "quality" in wanted:
                told += stages.quality(methods, table, seeds=asked.seeds, desk=desk)
            # Once is enough for the point, and on a small table.
            if "threads" in wanted and name in ("heart", "wdbc"):
                told += stages.threads(methods, table, desk=desk)
        if "speed" in wanted:
            told += stages.speeds(own, rows=asked.speed_rows, desk=desk)
        if "stream" in wanted:
            told += stages.stream(own, rows=asked.stream_rows, desk=desk)
        if "gpu" in wanted:
            name = "ctgan" if "ctgan" in own else own[0]
            told += stages.gpu([name], epochs=asked.epochs or _GPU_EPOCHS, rows=_GPU_ROWS, desk=desk)
    return told, absent


def _chosen(methods: Sequence[processes.Method], names: Sequence[str] | None) -> list[processes.Method]:
    if names is None:
        return list(methods)
    unknown = set(names) - {method.name for method in methods}
    if unknown:
        known = ", ".join(method.name for method in methods)
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known here: {known} (a peer needs --peer)")
    return [method for method in methods if method.name in names]


def _peer(text: str) -> tuple[str, str]:
    name, sign, python = text.partition("=")
    if name not in processes.PEERS or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=PYTHON; names: {', '.join(processes.PEERS)}")
    if not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"there is no interpreter {python}")
    return name, python


def _context(asked: argparse.Namespace) -> dict[str, Any]:
    from synthetic_healthcare import __version__

    return {
        "date": dt.date.today().isoformat(),
        "command": " ".join(["python", *map(_shown, sys.argv)]),
        "settings": {
            "seeds": asked.seeds,
            "epochs": asked.epochs,
            "tables": list(asked.tables),
            "stages": list(asked.only),
        },
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "platform": platform.platform(terse=True),
            "load": os.getloadavg()[0],
        },
        "versions": {
            "synthetic-healthcare": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _LIBRARIES},
        },
    }


def _is_whole(asked: argparse.Namespace) -> bool:
    """A partial or shortened run must never take the place of a whole one of the same day."""
    everything = set(asked.only) == set(STAGES) and set(asked.tables) == set(splits.known())
    return everything and asked.epochs is None and asked.models is None


def _is_ours(record: Record) -> bool:
    return bool(record.get("method") not in {name for names in processes.PEERS.values() for name in names})


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _shown(argument: str) -> str:
    """An argument without the folders of this machine."""
    name, sign, value = argument.rpartition("=")
    path = Path(value)
    if not path.is_absolute():
        return argument
    if path.is_relative_to(processes.HERE.parent):
        return f"{name}{sign}{path.relative_to(processes.HERE.parent)}"
    return f"{name}{sign}.../{path.name}"


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
