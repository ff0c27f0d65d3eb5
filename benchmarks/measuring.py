"""The stages of the benchmark: each gives plain data for the JSON file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
from judges import judge
from processes import HERE, OURS, SOURCE, Conditions, Method, fit_once, run
from splits import TARGET, Split

IMPORTS: Final = 9
#: Seconds after which a fit under the default thread settings is stopped: by then the point is made.
TRAPPED_S: Final = 60.0

_IMPORT: Final = """
import json, sys, time
start = time.perf_counter()
import synthetic_healthcare
bare = time.perf_counter() - start
torch = "torch" in sys.modules
synthetic_healthcare.SyntheticDataGenerator
print(json.dumps({"seconds": bare, "torch": torch, "generator_seconds": time.perf_counter() - start}))
"""

Say = Callable[[str], None]


def imports(say: Say) -> dict[str, Any]:
    """Import the package in fresh processes; the first one, which writes the bytecode, does not count."""
    say("import")
    told = [json.loads(run([sys.executable, "-c", _IMPORT], path=SOURCE)[1]) for _ in range(IMPORTS + 1)][1:]
    return {
        "seconds": [one["seconds"] for one in told],
        "torch_loaded": any(one["torch"] for one in told),
        "generator_seconds": [one["generator_seconds"] for one in told],
    }


def quality(
    methods: Sequence[Method], splits: Sequence[Split], *, seeds: int, conditions: Conditions, say: Say
) -> list[dict[str, Any]]:
    """Fit every method to every table, `seeds` times, and judge what it draws.

    The methods take turns within a seed, so that a machine that slows down slows all of them.
    """
    runs = []
    for split, seed, method in _turns(splits, seeds, methods):
        facts = fit_once(method, split, seed, conditions)
        synthetic = pd.read_csv(facts.pop("synthetic"), float_precision="round_trip")
        scores = judge(synthetic, train=split.train, holdout=split.holdout, target=TARGET)
        runs.append({"table": split.name, "method": method.name, "seed": seed, **facts, **scores})
        told = f"fit {facts['fit_seconds']:.1f} s, C2ST {scores['c2st']:.3f}, pairs {scores['pairs']:.3f}"
        say(f"{split.name} seed {seed} {method.name}: {told}")
    return runs


def real_rows(splits: Sequence[Split]) -> dict[str, dict[str, float | None]]:
    """What the training rows themselves get: the mark to reach, and for membership the worst there is."""
    return {
        split.name: judge(split.train, train=split.train, holdout=split.holdout, target=TARGET)
        for split in splits
    }


def defaults(
    methods: Sequence[Method], splits: Sequence[Split], *, conditions: Conditions, say: Say
) -> list[dict[str, Any]]:
    """Fit once more with no thread variable set; `fit_seconds` is None where it was stopped."""
    unset = replace(conditions, passive=False, timeout_s=TRAPPED_S)
    return [
        {"table": split.name, "method": method.name, "fit_seconds": _trapped(method, split, unset, say)}
        for split, _, method in _turns(splits, 1, methods)
    ]


def speeds(folder: Path, say: Say) -> dict[str, dict[str, Any]]:
    """Time drawing and judging, each model in a process of its own."""
    told = {}
    for name in OURS:
        facts = folder / f"speed-{name}.json"
        run([sys.executable, str(HERE / "speed.py"), name, str(facts)], path=SOURCE)
        told[name] = json.loads(facts.read_text(encoding="utf-8"))
        say(f"{name}: {max(told[name]['rows_per_second']):,.0f} rows/s at best")
    return told


def _turns(
    splits: Sequence[Split], seeds: int, methods: Sequence[Method]
) -> Iterator[tuple[Split, int, Method]]:
    return ((split, seed, method) for split in splits for seed in range(seeds) for method in methods)


def _trapped(method: Method, split: Split, conditions: Conditions, say: Say) -> float | None:
    try:
        seconds: float = fit_once(method, split, 0, conditions)["fit_seconds"]
    except subprocess.TimeoutExpired:
        say(f"{split.name} {method.name}, threads left to default: stopped after {TRAPPED_S:.0f} s")
        return None
    say(f"{split.name} {method.name}, threads left to default: fit {seconds:.1f} s")
    return seconds
