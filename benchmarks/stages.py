"""The stages of the benchmark: each gives records, plain data for the JSON file.

Every record has `stage`, `status` ("ok", "failed" or "skipped"), `reason` where it is not ok, and the key by
which a run that was cut off finds it again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

from judging import Judging
from processes import HERE, SOURCE, Conditions, Method, fingerprint, fit_once, run
from records import Record, Records
from splits import Split

#: Seconds after which a fit under the default thread settings is stopped: by then the point is made.
TRAPPED_S: Final = 180.0
#: Tables drawn from one fit, by its training rows: the judges of leakage are noisy on few.
_RELEASES: Final = ((2_000, 5), (20_000, 3))
_IMPORTS: Final = 9
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
Measure = Callable[[], Mapping[str, Any]]


class SkippedError(Exception):
    """What was asked for cannot be measured on this machine; the message says why."""


@final
@dataclass(frozen=True)
class Desk:
    """Where measurements are kept, and under which conditions they are taken.

    Parameters
    ----------
    records : Records
        Finds what was measured before, keeps what is measured now.
    conditions : Conditions
        Of the fits.
    say : callable
        Told of every measurement.
    """

    records: Records
    conditions: Conditions
    say: Say

    def take(self, key: Mapping[str, Any], measure: Measure) -> Record:
        """Give the record of a key: the one that is there, or a new measurement, whatever comes of it."""
        found = self.records.find(key)
        if found is not None:
            self.say(f"{_title(key)}: measured before")
            return found
        load = os.getloadavg()[0]
        outcome: dict[str, Any]
        try:
            outcome = {"status": "ok", "reason": "", **measure()}
        except SkippedError as skipped:
            outcome = {"status": "skipped", "reason": str(skipped)}
        except Exception as error:  # noqa: BLE001 - one method that breaks must not cost the others
            outcome = {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
        record = {**key, **outcome, "load": round(load, 2)}
        self.records.add(record)
        self.say(f"{_title(key)}: {_told(record)}")
        return record


def quality(methods: Sequence[Method], split: Split, *, seeds: int, desk: Desk) -> list[Record]:
    """Fit every method to a table, `seeds` times, and judge what it draws; the real rows are judged too.

    The methods take turns within a seed, so that a machine that slows down slows all of them.
    """
    judging = Judging.of(split)
    conditions = replace(desk.conditions, releases=_releases(len(split.train)))

    def real() -> dict[str, Any]:
        return {**judging.scores([split.train]), "rows": _rows(split)}

    def measure(method: Method, seed: int) -> dict[str, Any]:
        facts, tables = fit_once(method, split, seed, conditions)
        return {"ours": method.ours, **facts, **judging.scores(tables), **_report(judging, tables[0])}

    judges = _judges()
    told = [desk.take({"stage": "real", "table": split.name, "judges": judges}, real)]
    for seed in range(seeds):
        for method in methods:
            key = {**_key("quality", split, method, desk.conditions), "seed": seed, "judges": judges}
            told.append(desk.take(key, lambda method=method, seed=seed: measure(method, seed)))
    return told


def threads(methods: Sequence[Method], split: Split, *, desk: Desk) -> list[Record]:
    """Fit once more with no thread variable set, as with a user who has read nothing."""
    unset = replace(desk.conditions, variables={}, releases=0, timeout_s=TRAPPED_S)

    def measure(method: Method) -> dict[str, Any]:
        return {"fit_seconds": fit_once(method, split, 0, unset)[0]["fit_seconds"]}

    return [
        desk.take(_key("threads", split, method, unset), lambda method=method: measure(method))
        for method in methods
    ]


def imports(desk: Desk) -> list[Record]:
    """Import the package in fresh processes; the first one, which writes the bytecode, does not count."""

    def measure() -> dict[str, Any]:
        command = [sys.executable, "-c", _IMPORT]
        told = [json.loads(run(command, path=[SOURCE])) for _ in range(_IMPORTS + 1)][1:]
        return {
            "seconds": [one["seconds"] for one in told],
            "torch_loaded": any(one["torch"] for one in told),
            "generator_seconds": [one["generator_seconds"] for one in told],
        }

    return [desk.take({"stage": "imports", "source": _source()}, measure)]


def speeds(names: Sequence[str], *, rows: int, desk: Desk) -> list[Record]:
    """Time drawing on BRFSS, at one thread and at two; each model in a process of its own."""
    return [
        desk.take(
            {"stage": "speed", "method": name, "threads": count, "rows": rows, "source": _source()},
            lambda name=name, count=count: _child("speed.py", name, rows, threads=count, desk=desk),
        )
        for name in names
        for count in (1, 2)
    ]


def stream(names: Sequence[str], *, rows: int, desk: Desk) -> list[Record]:
    """Stream rows to a file and watch the memory."""
    return [
        desk.take(
            {"stage": "stream", "method": name, "rows": rows, "source": _source()},
            lambda name=name: _child("stream.py", name, rows, threads=2, desk=desk),
        )
        for name in names
    ]


def gpu(names: Sequence[str], *, epochs: int, rows: int, desk: Desk) -> list[Record]:
    """Fit and draw on a GPU, where there is one."""
    return [
        desk.take(
            {"stage": "gpu", "method": name, "epochs": epochs, "rows": rows, "source": _source()},
            lambda name=name: _child("gpu.py", name, rows, str(epochs), threads=2, desk=desk),
        )
        for name in names
    ]


def _child(script: str, name: str, rows: int, *more: str, threads: int, desk: Desk) -> dict[str, Any]:
    """Run a script of this folder that writes its facts to a file; `skipped` among them is the reason."""
    facts = desk.conditions.folder / f"{script}-{name}-{threads}.json"
    variables = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, str(HERE / script), str(facts), name, str(rows), *more]
    run(command, path=(SOURCE, HERE), variables=variables, timeout_s=desk.conditions.timeout_s)
    told: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
    if "skipped" in told:
        raise SkippedError(told["skipped"])
    return told


def _report(judging: Judging, table: Any) -> dict[str, Any]:
    """The library's own report; that it cannot read a peer's table is said, and costs no other figure."""
    try:
        return dict(judging.report(table))
    except Exception as error:  # noqa: BLE001 - see above
        return {"report_reason": f"{type(error).__name__}: {error}"}


def _key(stage: str, split: Split, method: Method, conditions: Conditions) -> dict[str, Any]:
    return {
        "stage": stage,
        "table": split.name,
        "method": method.name,
        "epochs": conditions.epochs,
        "code": method.fingerprint,
    }


def _source() -> str:
    """Changes when the library or a script that runs it here changes."""
    return fingerprint(
        [*SOURCE.rglob("*.py"), *(HERE / name for name in ("speed.py", "stream.py", "gpu.py"))]
    )


def _judges() -> str:
    """Changes when a judge changes."""
    names = ("judges.py", "judging.py", "nearness.py", "code_sets.py", "splits.py")
    return fingerprint([HERE / name for name in names])


def _releases(rows: int) -> int:
    return next((count for limit, count in _RELEASES if rows <= limit), 1)


def _rows(split: Split) -> dict[str, int]:
    return {"train": len(split.train), "holdout": len(split.holdout)}


def _title(key: Mapping[str, Any]) -> str:
    shown = (key.get(name) for name in ("stage", "table", "method"))
    seed = f"seed {key['seed']}" if "seed" in key else None
    count = f"{key['threads']} threads" if "threads" in key else None
    return " ".join(str(part) for part in (*shown, seed, count) if part is not None)


def _told(record: Record) -> str:
    if record["status"] != "ok":
        return f"{record['status']}: {record['reason']}"
    forms = (("fit_seconds", "fit", ".1f"), ("c2st", "C2ST", ".3f"), ("pairs", "pairs", ".3f"))
    shown = [f"{title} {record[name]:{form}}" for name, title, form in forms if name in record]
    return ", ".join(shown) or "done"
