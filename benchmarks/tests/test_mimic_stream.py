"""Made-up chart events are written and read in full; at the full set's size they fit into memory."""

from __future__ import annotations

from pathlib import Path

import mimic_stream
import pytest


@pytest.mark.parametrize("zipped", [False, True])
def test_a_small_stream_is_read_to_its_end(tmp_path: Path, zipped: bool) -> None:
    facts = mimic_stream.measure(tmp_path, rows=30_000, stays=200, zipped=zipped)
    assert (facts["stays"], facts["rows"]) == (200, 30_000)
    # Half of the rows are of 15 itemids, 2 of them heart rates; a third of all times is within the first day.
    assert facts["measured"] == pytest.approx(30_000 / 2 * 2 / 15 / 3, rel=0.15)


@pytest.mark.slow
def test_fifty_million_rows_are_read_in_less_than_two_gigabytes(tmp_path: Path) -> None:
    facts = mimic_stream.measure(tmp_path, rows=50_000_000, stays=61_000, zipped=False)
    if facts["peak_mb"] is None:
        pytest.skip("this system does not tell a process's peak memory")
    assert facts["peak_mb"] < 2000
