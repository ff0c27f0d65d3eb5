"""Training curves as plain points, from whatever shape a history comes in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: Points that a drawn curve needs at most; longer ones are averaged in runs.
MOST_POINTS: Final = 240
#: Names that say where a value stands, not what it is; the first one present is used.
_STEPS: Final = ("step", "steps", "epoch", "epochs", "update", "updates", "iteration")


def curves(history: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Read the curves of a training history.

    Parameters
    ----------
    history : Mapping or None
        Any of: a name and a list of `[step, value]` pairs; a name and a list of values, beside a list "step"
        ("epoch", ...) of the same length or without one; a name and a list of records
        `{"step": 1, "loss": 0.5}`; or a mapping of such, whose name then stands before theirs. What is not a
        series of numbers is passed over.

    Returns
    -------
    list of dict
        `name` and `points`, a list of `[step, value]`; values that are not finite are left out.
    """
    return _read(history, prefix="") if history else []


def _read(history: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    steps = next((_numbers(history[name]) for name in _STEPS if _is_series(history.get(name))), None)
    found: list[dict[str, Any]] = []
    for name, series in history.items():
        if name in _STEPS:
            continue
        label = _label(prefix, str(name))
        if isinstance(series, Mapping):
            found += _read(series, label)
        elif _is_series(series) and isinstance(series[0], Mapping):
            found += _read(_columns_of(series), label)
        elif _is_series(series):
            points = _thin(_points(series, steps))
            found += [{"name": label, "points": points}] if len(points) > 1 else []
    return found


def _columns_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Turn a list of records into pairs of step and value, name by name."""
    columns: dict[str, list[list[float]]] = {}
    for position, record in enumerate(records):
        step = next((float(record[name]) for name in _STEPS if _is_number(record.get(name))), position + 1.0)
        for name, value in record.items():
            if name not in _STEPS and _is_number(value):
                columns.setdefault(str(name), []).append([step, float(value)])
    return columns


def _points(series: Sequence[Any], steps: list[float] | None) -> list[list[float]]:
    if all(isinstance(entry, Sequence) and len(entry) == 2 for entry in series):
        pairs = [(entry[0], entry[1]) for entry in series]
    else:
        along = steps if steps is not None and len(steps) == len(series) else range(1, len(series) + 1)
        pairs = list(zip(along, series, strict=True))
    numeric = [(step, value) for step, value in pairs if _is_number(step) and _is_number(value)]
    return [[float(step), float(value)] for step, value in numeric if math.isfinite(value)]


def _thin(points: list[list[float]]) -> list[list[float]]:
    """Average runs of neighbouring points, so that at most `MOST_POINTS` remain."""
    run = math.ceil(len(points) / MOST_POINTS)
    groups = [points[start : start + run] for start in range(0, len(points), run or 1)]
    return [[_mean(group, 0), _mean(group, 1)] for group in groups]


def _mean(group: list[list[float]], place: int) -> float:
    return float(f"{sum(point[place] for point in group) / len(group):.6g}")


def _label(prefix: str, name: str) -> str:
    # A lone series of a group needs no name of its own: {"score": {"step": [...], "value": [...]}}.
    if prefix and name in ("value", "values", "points"):
        return prefix
    return f"{prefix} {name}" if prefix else name


def _numbers(series: Sequence[Any]) -> list[float]:
    return [float(entry) for entry in series if _is_number(entry)]


def _is_series(series: Any) -> bool:
    return isinstance(series, Sequence) and not isinstance(series, str) and len(series) > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
