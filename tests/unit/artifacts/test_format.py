"""A model file holds exactly what was put in, and no byte of it can change unseen."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from synthetic_healthcare.artifacts import format as model_format
from synthetic_healthcare.artifacts.format import MANIFEST, pack, unpack
from synthetic_healthcare.errors import ArtifactError

DOCUMENTS = {"schema": {"columns": [{"name": "größe", "unit": None}], "b": 1, "a": 0.1}, "config": {}}
TENSORS = {
    "generator": {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float64(0.5)},
    "empty": {},
    "other": {"mask": np.array([True, False]), "none": np.zeros((0, 4), dtype=np.int32)},
}


@pytest.fixture(scope="module")
def packed() -> bytes:
    return pack(DOCUMENTS, TENSORS)


def _sealed(archive: zipfile.ZipFile, buffer: io.BytesIO) -> bytes:
    """Close a hand-made archive with a right outer hash, as a forger could."""
    archive.comment = b"0" * 64
    archive.close()
    body = buffer.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def _forged(members: list[tuple[str, bytes]], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    archive = zipfile.ZipFile(buffer, "w", compression)
    for name, data in members:
        archive.writestr(name, data)
    return _sealed(archive, buffer)


def _manifest(members: dict[str, bytes], **changes: object) -> bytes:
    listed = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    content = {"format": "synthetic-healthcare-model", "format_version": "1.0", "members": listed}
    return json.dumps({**content, **changes}).encode()


def test_gives_back_what_was_put_in(packed: bytes) -> None:
    documents, tensors = unpack(packed)
    assert documents == DOCUMENTS
    assert list(documents["schema"]) == ["columns", "b", "a"]
    assert set(tensors) == set(TENSORS)
    for group, arrays in TENSORS.items():
        assert set(tensors[group]) == set(arrays)
        for name, array in arrays.items():
            expected = np.asarray(array)
            found = tensors[group][name]
            assert found.dtype == expected.dtype
            assert found.shape == expected.shape
            np.testing.assert_array_equal(found, expected)


def test_arrays_that_come_back_can_be_written_to(packed: bytes) -> None:
    array = unpack(packed)[1]["generator"]["w"]
    array[0, 0] = 7.0
    assert unpack(packed)[1]["generator"]["w"][0, 0] == 0.0


def test_memory_order_and_byte_order_do_not_change_the_values() -> None:
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    for given in (np.asfortranarray(plain), plain.T.copy().T, plain.astype(">f4")):
        np.testing.assert_array_equal(unpack(pack({}, {"g": {"w": given}}))[1]["g"]["w"], plain)
    np.testing.assert_array_equal(unpack(pack({}, {"g": {"w": plain[:, ::2]}}))[1]["g"]["w"], plain[:, ::2])


def test_equal_content_gives_equal_bytes_whatever_the_order_of_members(packed: bytes) -> None:
    shuffled = {group: dict(reversed(arrays.items())) for group, arrays in reversed(TENSORS.items())}
    assert pack(dict(reversed(DOCUMENTS.items())), shuffled) == packed


def test_is_a_plain_zip_that_other_tools_open(packed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == MANIFEST
        assert json.loads(archive.read("documents/schema.json")) == DOCUMENTS["schema"]


def test_every_changed_byte_is_refused(packed: bytes) -> None:
    for position in range(len(packed)):
        damaged = bytearray(packed)
        damaged[position] ^= 0x01
        with pytest.raises(ArtifactError):
            unpack(bytes(damaged))


def test_every_truncation_is_refused(packed: bytes) -> None:
    for length in range(len(packed)):
        with pytest.raises(ArtifactError):
            unpack(packed[:length])


def test_added_bytes_are_refused(packed: bytes) -> None:
    for changed in (packed + b"\0", b"\0" + packed, packed + packed):
        with pytest.raises(ArtifactError):
            unpack(changed)


def test_a_pickle_is_named_and_never_opened() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("the pickle was opened",))

    with pytest.raises(ArtifactError, match="pickle"):
        unpack(pickle.dumps(Bomb()))


def test_foreign_files_are_named() -> None:
    with pytest.raises(ArtifactError, match="zip of something else"):
        unpack(_forged([("readme.txt", b"hello")]))
    with pytest.raises(ArtifactError, match="pickle"):  # what torch.save writes
        unpack(_forged([("archive/data.pkl", b"\x80\x02.")]))
    with pytest.raises(ArtifactError, match="empty"):
        unpack(b"")
    with pytest.raises(ArtifactError, match="some other kind"):
        unpack(b"age,sex\n63,1\n")


def test_damage_says_so(packed: bytes) -> None:
    with pytest.raises(ArtifactError, match="damaged or cut short"):
        unpack(packed[:-10])


def test_another_package_version_loads(packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_format, "__version__", "0.9.3")
    written_later = pack(DOCUMENTS, TENSORS)
    monkeypatch.undo()
    assert written_later != packed
    assert unpack(written_later)[0] == DOCUMENTS


@pytest.mark.parametrize(("version", "loads"), [((1, 7), True), ((2, 0), False), ((0, 9), False)])
def test_only_the_same_major_format_loads(
    version: tuple[int, int], loads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_format, "FORMAT_VERSION", version)
    data = pack(DOCUMENTS, {})
    monkeypatch.undo()
    if loads:
        assert unpack(data)[0] == DOCUMENTS
    else:
        with pytest.raises(ArtifactError, match=r"(newer|older) format"):
            unpack(data)


def test_a_member_with_a_wrong_hash_is_refused_even_when_the_outer_hash_is_right() -> None:
    content = b'{"a":1}'
    manifest = _manifest({"documents/x.json": b'{"a":2}'})
    with pytest.raises(ArtifactError, match=r"documents/x\.json does not match"):
        unpack(_forged([(MANIFEST, manifest), ("documents/x.json", content)]))


def test_members_that_the_manifest_does_not_list_are_refused() -> None:
    with pytest.raises(ArtifactError, match="not the ones"):
        unpack(_forged([(MANIFEST, _manifest({})), ("documents/x.json", b"{}")]))


def test_compressed_members_are_refused() -> None:
    bomb = _forged([(MANIFEST, _manifest({}))], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArtifactError, match="compressed"):
        unpack(bomb)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_is_refused() -> None:
    twice = [(MANIFEST, _manifest({"documents/x.json": b"{}"}))] + [("documents/x.json", b"{}")] * 2
    with pytest.raises(ArtifactError, match="twice"):
        unpack(_forged(twice))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("documents/x.json", b"not json"),
        ("documents/x.json", b"\xff\xfe"),
        ("documents/x.json", b"[" * 100_000),
        ("tensors/x.safetensors", b"not safetensors"),
        ("tensors/x.safetensors", b"\xff" * 16),
    ],
)
def test_members_that_cannot_be_read_are_named(name: str, content: bytes) -> None:
    with pytest.raises(ArtifactError, match=name):
        unpack(_forged([(MANIFEST, _manifest({name: content})), (name, content)]))


@pytest.mark.parametrize(
    "manifest", [b"[]", b"{}", b'{"format": "other"}', _manifest({}, format_version="x")]
)
def test_a_foreign_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(ArtifactError, match="manifest"):
        unpack(_forged([(MANIFEST, manifest)]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), np.float32(1.0)])
def test_documents_must_be_plain_json(value: object) -> None:
    with pytest.raises(ArtifactError, match="'settings'"):
        pack({"settings": {"x": value}}, {})


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.array([1j])])
def test_tensors_must_be_numbers(array: np.ndarray) -> None:
    with pytest.raises(ArtifactError, match="'w' of 'g'"):
        pack({}, {"g": {"w": array}})


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".hidden"])
def test_names_cannot_leave_their_folder(name: str) -> None:
    with pytest.raises(ArtifactError, match="cannot name"):
        pack({name: 1}, {})
