"""A measurement is taken once, a failed one again, and a file that was cut off loses its last line alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from processes import Conditions
from records import Records
from stages import Desk, SkippedError

KEY = {"stage": "quality", "table": "heart", "method": "forest", "seed": 0}


def _desk(path: Path) -> Desk:
    return Desk(Records(path / "runs.jsonl"), Conditions(path), lambda text: None)


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    first = _desk(tmp_path).take(KEY, lambda: {"c2st": 0.6})
    assert first["status"] == "ok"
    again = _desk(tmp_path).take(KEY, lambda: pytest.fail("measured twice"))
    assert again == first
    assert _desk(tmp_path).take({**KEY, "seed": 1}, lambda: {"c2st": 0.7})["c2st"] == 0.7


def test_a_failure_is_kept_with_its_reason_and_tried_again(tmp_path: Path) -> None:
    def breaks() -> dict[str, Any]:
        raise TimeoutError("stopped after 60 s")

    broken = _desk(tmp_path).take(KEY, breaks)
    assert (broken["status"], broken["reason"]) == ("failed", "TimeoutError: stopped after 60 s")
    assert _desk(tmp_path).take(KEY, lambda: {"c2st": 0.6})["status"] == "ok"


def test_what_this_machine_cannot_measure_is_skipped(tmp_path: Path) -> None:
    def absent() -> dict[str, Any]:
        raise SkippedError("no GPU")

    assert _desk(tmp_path).take(KEY, absent)["status"] == "skipped"


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    desk = _desk(tmp_path)
    desk.take(KEY, lambda: {"c2st": 0.6})
    with desk.records.path.open("a", encoding="utf-8") as file:
        file.write('{"stage": "qual')
    other = {**KEY, "seed": 1}
    _desk(tmp_path).take(other, lambda: {"c2st": 0.7})
    told = Records(desk.records.path)
    assert told.find(KEY) is not None
    assert told.find(other) is not None
