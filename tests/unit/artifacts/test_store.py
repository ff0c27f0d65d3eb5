"""A model file on disk is whole or untouched."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from synthetic_healthcare import files
from synthetic_healthcare.artifacts.store import read_model, write_model
from synthetic_healthcare.errors import ArtifactError
from synthetic_healthcare.files import replacing


def test_round_trip_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "model.shm"
    write_model(path, documents={"a": [1, 2]}, tensors={"g": {"w": np.ones(3, dtype=np.float32)}})
    documents, tensors = read_model(path)
    assert documents == {"a": [1, 2]}
    np.testing.assert_array_equal(tensors["g"]["w"], np.ones(3, dtype=np.float32))
    assert os.listdir(tmp_path) == ["model.shm"]


def test_writing_again_replaces_and_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.shm"
    write_model(path, documents={"a": 1}, tensors={})
    first = path.read_bytes()
    write_model(path, documents={"a": 2}, tensors={})
    assert read_model(path)[0] == {"a": 2}
    write_model(path, documents={"a": 1}, tensors={})
    assert path.read_bytes() == first


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_model(tmp_path / "m", documents={}, tensors={})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o640


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.shm"
    write_model(path, documents={"a": "old"}, tensors={})

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(ArtifactError, match=r"No space left on device.*unchanged"):
        write_model(path, documents={"a": "new"}, tensors={})
    monkeypatch.undo()
    assert read_model(path)[0] == {"a": "old"}
    assert os.listdir(tmp_path) == ["model.shm"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_device_that_is_really_full_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.shm"
    write_model(path, documents={"a": "old"}, tensors={})
    draft = tmp_path / "draft"

    def onto_full_device(target: Path) -> tuple[IO[bytes], Path]:
        draft.touch()
        return Path("/dev/full").open("wb"), draft

    monkeypatch.setattr(files, "open_draft", onto_full_device)
    with pytest.raises(ArtifactError, match="No space left on device"):
        write_model(path, documents={"a": "new"}, tensors={})
    monkeypatch.undo()
    assert read_model(path)[0] == {"a": "old"}
    assert os.listdir(tmp_path) == ["model.shm"]


def test_an_error_inside_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="half way"), replacing(path) as file:
        file.write(b"new")
        raise RuntimeError("half way")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere.*No such file or directory"):
        write_model(tmp_path / "nowhere" / "m", documents={}, tensors={})


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"absent\.shm.*No such file"):
        read_model(tmp_path / "absent.shm")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_model(tmp_path)
    path = tmp_path / "cut.shm"
    write_model(path, documents={"a": 1}, tensors={})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"cut\.shm: .*damaged or cut short"):
        read_model(path)


def test_reading_and_writing_need_neither_torch_nor_pickle(tmp_path: Path) -> None:
    program = """
import sys
import numpy as np
from synthetic_healthcare.artifacts.store import read_model, write_model
loaded = set(sys.modules)
write_model(sys.argv[1], documents={"a": 1}, tensors={"g": {"w": np.ones(2)}})
read_model(sys.argv[1])
assert "torch" not in sys.modules
assert "pandas" not in sys.modules
assert "_pickle" not in set(sys.modules) - loaded
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "m")], check=True, env=_environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
