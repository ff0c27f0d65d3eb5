"""Measure the first release against the figures that were set for it, and against CTGAN and TVAE.

    python benchmarks/first_light.py --out benchmarks/results/ --peer-python PATH

Prints a Markdown table, and writes it with all single runs to `first-light-YYYY-MM-DD.md` and `.json`. See
the README beside this file.
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

STAGES: Final = ("imports", "quality", "defaults", "speeds")
_LIBRARIES: Final = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "pyarrow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages asked for; 0 where all was measured, whether or not the figures were reached."""
    asked = _parser().parse_args(arguments)
    # Before the judges load their numerical libraries: these read it once.
    os.environ.update(processes.PASSIVE)
    sys.path.insert(0, str(processes.SOURCE))
    from figures import figures
    from rendering import render

    start = time.monotonic()
    result = _context(asked)
    result["measured"] = _measure(asked)
    result["versions"] |= _peer_versions(result["measured"])
    result["seconds"] = round(time.monotonic() - start, 1)
    rows = figures(result["measured"])
    result["figures"] = [asdict(row) for row in rows]
    text = render(result, rows)
    asked.out.mkdir(parents=True, exist_ok=True)
    stem = asked.out / f"first-light-{result['date']}{'' if _is_whole(asked) else '-part'}"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    stem.with_suffix(".json").write_text(
        json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--peer-python", help="interpreter of the environment that holds ctgan; default: no peers"
    )
    parser.add_argument("--seeds", type=int, default=5, help="fits of every method on every table")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="stages to run")
    parser.add_argument(
        "--tables", nargs="+", choices=splits.available(), default=splits.available(), help="tables to use"
    )
    parser.add_argument("--epochs", type=int, help="shorten every fit, to try the benchmark out")
    return parser


def _measure(asked: argparse.Namespace) -> dict[str, Any]:
    from measuring import defaults, imports, quality, real_rows, speeds
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    methods = processes.methods(asked.peer_python)
    tables = [splits.split(name) for name in asked.tables]
    measured: dict[str, Any] = {}
    # One thread for the judges: on tables of this size a second one only waits.
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        conditions = processes.Conditions(Path(folder), epochs=asked.epochs)
        if "imports" in asked.only:
            measured["imports"] = imports(_say)
        if "quality" in asked.only:
            runs = quality(methods, tables, seeds=asked.seeds, conditions=conditions, say=_say)
            rows = {one.name: {"train": len(one.train), "holdout": len(one.holdout)} for one in tables}
            measured["quality"] = {"rows": rows, "real": real_rows(tables), "runs": runs}
        if "defaults" in asked.only:
            # Once is enough for the point, and these are the slow ones: the wider table.
            measured["defaults"] = defaults(methods, tables[-1:], conditions=conditions, say=_say)
        if "speeds" in asked.only:
            measured["speeds"] = speeds(conditions.folder, _say)
    return measured


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
            "ours": {
                "synthetic-healthcare": __version__,
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in _LIBRARIES},
            }
        },
    }


def _peer_versions(measured: dict[str, Any]) -> dict[str, Any]:
    runs = measured.get("quality", {"runs": []})["runs"]
    told = [run["versions"] for run in runs if run["method"] in processes.PEERS]
    return {"peers": told[0]} if told else {}


def _is_whole(asked: argparse.Namespace) -> bool:
    """A partial or shortened run must never take the place of a whole one of the same day."""
    everything = set(asked.only) == set(STAGES) and set(asked.tables) == set(splits.available())
    return everything and asked.epochs is None


def _shown(argument: str) -> str:
    """An argument without the folders of this machine."""
    path = Path(argument)
    if not path.is_absolute():
        return argument
    if path.is_relative_to(processes.HERE.parent):
        return str(path.relative_to(processes.HERE.parent))
    return f".../{path.name}"


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
