"""The model file as bytes: a plain zip of JSON and safetensors in which every byte is accounted for.

::

    synthetic-healthcare-model.json     what this is: format, versions, size and SHA-256 of every other member
    documents/NAME.json                 settings, schema, transforms, history
    tensors/GROUP.safetensors           weights
    zip comment                         SHA-256, in hexadecimal, of every byte of the file before it

Members are stored uncompressed, in a fixed order, with a fixed date: equal content gives equal bytes. The
outer hash covers what the member hashes do not (headers, directory, padding), so that no byte can change
unseen. Hashes find damage, they do not prove origin: who can write the file can write its hashes too. That is
why reading parses JSON and safetensors only, and runs nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ArtifactError
from synthetic_healthcare.version import __version__

Documents = Mapping[str, Any]
Array = npt.NDArray[Any]
TensorGroups = Mapping[str, Mapping[str, Array]]

FORMAT_NAME: Final = "synthetic-healthcare-model"
#: A reader takes every minor version of its own major version.
FORMAT_VERSION: Final = (1, 0)
MANIFEST: Final = f"{FORMAT_NAME}.json"

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_SEAL_LENGTH: Final = 64
#: A local file header (30 bytes, then the name) opens a zip: the first member's name is our mark.
_MARK: Final = slice(30, 30 + len(MANIFEST))
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_DTYPES: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64"}
)


def pack(documents: Documents, tensors: TensorGroups) -> bytes:
    """Write documents and tensors as the bytes of one model file.

    Parameters
    ----------
    documents : Mapping of str to JSON
        Plain data: mappings with text keys, lists, text, finite numbers, booleans, `None`. The order of keys
        is kept.
    tensors : Mapping of str to Mapping of str to array
        Groups of named arrays (booleans, integers, floats of 16 to 64 bits; any shape).

    Returns
    -------
    bytes
        Equal content gives equal bytes.

    Raises
    ------
    ArtifactError
        A name, a document or an array that the format does not hold.
    """
    members = {
        **{f"documents/{_checked(name)}.json": _json(name, value) for name, value in documents.items()},
        **{f"tensors/{_checked(name)}.safetensors": _tensors(name, group) for name, group in tensors.items()},
    }
    members = dict(sorted(members.items()))
    manifest = {
        "format": FORMAT_NAME,
        "format_version": f"{FORMAT_VERSION[0]}.{FORMAT_VERSION[1]}",
        "package_version": __version__,
        "members": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        },
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {MANIFEST: _json(MANIFEST, manifest), **members}.items():
            archive.writestr(_entry(name), data)
        archive.comment = b"0" * _SEAL_LENGTH
    body = buffer.getvalue()[:-_SEAL_LENGTH]
    return body + hashlib.sha256(body).hexdigest().encode("ascii")


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, dict[str, Array]]]:
    """Read what `pack` wrote: the documents and the tensors.

    Raises
    ------
    ArtifactError
        The bytes are a pickle, a foreign file, damaged, truncated or of a newer major version.
    """
    _require_ours(data)
    _require_sealed(data)
    members = _members(data)
    manifest = _parsed(MANIFEST, members.pop(MANIFEST))
    _require_readable(manifest)
    _require_listed(manifest, members)
    documents: dict[str, Any] = {}
    tensors: dict[str, dict[str, Array]] = {}
    for name, content in members.items():
        folder, _, file = name.partition("/")
        if folder == "documents" and file.endswith(".json"):
            documents[file.removesuffix(".json")] = _parsed(name, content)
        elif folder == "tensors" and file.endswith(".safetensors"):
            tensors[file.removesuffix(".safetensors")] = _loaded(name, content)
    return documents, tensors


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ArtifactError(
            f"{name!r} cannot name a part of a model file: lower-case letters, digits, '_', '-' and '.' only"
        )
    return name


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_DATE)
    # The same bytes on every system: zipfile would otherwise record where it ran.
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _json(name: str, value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as problem:
        raise ArtifactError(f"document {name!r} is not plain JSON data: {problem}") from problem


def _tensors(name: str, group: Mapping[str, Array]) -> bytes:
    from safetensors.numpy import save

    plain: dict[str, Array] = {}
    for key, array in group.items():
        values = np.asarray(array)
        if values.dtype.name not in _DTYPES:
            raise ArtifactError(f"tensor {key!r} of {name!r} holds {values.dtype}: only numbers are kept")
        # Little-endian and C order, which is what the format's bytes mean; 0-d arrays stay 0-d.
        plain[key] = np.array(values, dtype=values.dtype.newbyteorder("<"), order="C", copy=True)
    return bytes(save(plain))


def _require_ours(data: bytes) -> None:
    if data[_MARK] == MANIFEST.encode("ascii") and data[:4] == b"PK\x03\x04":
        return
    if data[:1] == b"\x80" or b"data.pkl" in data[:256]:
        found = "a pickle. Pickles run code when they are opened, so none is ever read"
    elif data[:4] == b"PK\x03\x04":
        found = "a zip of something else"
    elif not data:
        found = "empty"
    else:
        found = "some other kind of file"
    raise ArtifactError(
        f"not a Synthetic Healthcare model: this is {found}. Give a file written by generator.save(path) "
        "or `synthetic-healthcare fit -o`"
    )


def _require_sealed(data: bytes) -> None:
    body, seal = data[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if hashlib.sha256(body).hexdigest().encode("ascii") != seal:
        raise ArtifactError(
            "the model file is damaged or cut short: its bytes do not match its own SHA-256. "
            "Copy it again from where it came, or train again"
        )


def _members(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # Stored members only: nothing in the file can unfold into more than the file.
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
                raise ArtifactError(
                    "the model file has compressed or encrypted members: it was not written here"
                )
            members = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError) as problem:
        raise ArtifactError("the model file is damaged: its directory cannot be read") from problem
    if len(members) != len(entries) or MANIFEST not in members:
        raise ArtifactError("the model file is damaged: its directory lists members twice, or no manifest")
    return members


def _parsed(name: str, content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ArtifactError(f"the model file is damaged: {name} is not JSON") from problem


def _loaded(name: str, content: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except (SafetensorError, KeyError, ValueError) as problem:
        raise ArtifactError(f"the model file is damaged: {name} is not safetensors") from problem
    # The loader's arrays are read-only views of `content`: give the reader arrays of its own.
    return {key: np.array(array) for key, array in sorted(arrays.items())}


def _require_readable(manifest: Any) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT_NAME:
        raise ArtifactError("the model file is damaged: its manifest is not one of ours")
    version = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", str(manifest.get("format_version")))
    if version is None:
        raise ArtifactError("the model file is damaged: its manifest states no format version")
    if int(version[1]) != FORMAT_VERSION[0]:
        relation = "a newer" if int(version[1]) > FORMAT_VERSION[0] else "an older"
        raise ArtifactError(
            f"the model file has {relation} format ({version[0]}, written by version "
            f"{manifest.get('package_version')!s}); this is version {__version__}, which reads "
            f"{FORMAT_VERSION[0]}.x. Install a version that fits, or train again"
        )


def _require_listed(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
    listed = manifest.get("members")
    if not isinstance(listed, dict) or set(listed) != set(members):
        raise ArtifactError("the model file is damaged: its members are not the ones that its manifest lists")
    for name, content in members.items():
        if listed[name] != {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}:
            raise ArtifactError(f"the model file is damaged: {name} does not match the manifest")
