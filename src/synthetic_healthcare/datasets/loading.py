"""`load`: a dataset by name, or a user's own file, folder, database or joined files; `fetch`: its file."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synthetic_healthcare.datasets import cache
from synthetic_healthcare.datasets.dataset import Dataset, Recipe, RemoteFile, content_digest
from synthetic_healthcare.datasets.downloading import by_hand, download, writing
from synthetic_healthcare.datasets.registry import MIMIC, available, recipe
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.files import replacing
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def load(
    name_or_path: str | Path,
    *,
    path: str | Path | None = None,
    target: str | None = None,
    schema: Schema | str | Path | None = None,
    query: str | None = None,
    accept_terms: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return a table with its schema, licence and warnings.

    Parameters
    ----------
    name_or_path : str or Path
        A dataset's name (`available()`); else a .csv, .csv.gz or .parquet file, a folder of Parquet files, a
        database (`sqlite:///clinic.db#visits`), or a YAML file that joins several files (docs/datasets.md).
        A name stands for the dataset even beside a folder of that name; write `./uci-heart` for the folder.
    path : path, optional
        The user's own copy of a named dataset; for "mimic-iii" the folder of its tables.
    target : str, optional
        Column to predict, in place of the dataset's own.
    schema : Schema or path, optional
        In place of the dataset's own, or of the inferred one.
    query : str, optional
        For a database: the name of a table, or one SELECT statement.
    accept_terms : bool, default False
        That the terms of a dataset with terms of use are accepted.
    progress : Progress, optional
        Watches a download.

    Raises
    ------
    DataError
        Unknown name, or a file that is absent, damaged, or not the dataset; no way to fetch it. Each says
        what to do.
    SchemaError
        The schema does not fit the table.
    """
    name = str(name_or_path)
    if name == MIMIC:
        folder = _mimic_folder() if path is None else Path(path)
        if folder is None:
            raise DataError(
                "'mimic-iii' is a folder of tables and is not downloaded: give it with path=FOLDER. "
                "The open demo "
                "is at https://physionet.org/content/mimiciii-demo/1.4/"
            )
        from synthetic_healthcare.datasets.mimic3 import load_mimic3

        found = load_mimic3(folder, target=target, accept_terms=accept_terms, progress=progress)
        return found if schema is None else replace(found, schema=_schema(schema, found.data, target))
    if isinstance(name_or_path, str) and name in available():
        if query is not None:
            raise DataError(f"dataset {name!r} is no database: leave out the query")
        return _named(recipe(name), path, schema, target, progress)
    if path is not None:
        raise DataError(
            f"path= goes with a dataset's name ({', '.join(available())}), not with {_shown(name)}"
        )
    return _own(name_or_path, schema, target, query)


def _mimic_folder() -> Path | None:
    """The demo's tables in the folder that SYNTHETIC_HEALTHCARE_DATA names."""
    local = cache.local_folder()
    return local / "mimic3_demo" if local is not None and (local / "mimic3_demo").is_dir() else None


def located(name: str) -> Path | None:
    """Where the file of a dataset lies on this machine; `None` where it would have to be fetched."""
    facts = recipe(name)
    folder = cache.local_folder()
    if folder is not None and facts.local is not None and (folder / facts.local).is_file():
        return folder / facts.local
    if facts.remote is None:
        return None
    kept = _kept(facts, facts.remote)
    return kept if kept.is_file() else None


def fetch(name: str, *, progress: Progress | None = None) -> Path | None:
    """Bring a dataset's file to this machine, and check it.

    Returns
    -------
    Path or None
        Where it lies; `None` where the dataset ships with a dependency.

    Raises
    ------
    DataError
        It cannot be fetched, or what came is not the dataset.
    """
    if name == MIMIC:
        raise DataError(
            "'mimic-iii' is not fetched: the full database needs an account at PhysioNet. The open "
            "demo is at "
            "https://physionet.org/content/mimiciii-demo/1.4/. Give the folder of its files with path="
        )
    facts = recipe(name)
    found = located(name)
    if found is not None:
        return found
    if facts.remote is None:
        if facts.local is None:
            return None
        raise DataError(
            f"dataset {name!r} cannot be fetched without an account: download it from "
            f"{facts.about.source} and "
            f"give the file with path=, or put it into the folder that {cache.LOCAL} names, as {facts.local}"
        )
    return _fetch(facts, facts.remote, progress)


def _fetch(facts: Recipe, remote: RemoteFile, progress: Progress | None) -> Path:
    kept = _kept(facts, remote)
    _log.info("fetching %s from %s into %s", facts.name, remote.url, kept.parent)
    draft = kept.with_name(kept.name + ".new")
    with writing(draft):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with cache.locked(kept):
            # Another process may have fetched it while this one waited.
            if not kept.is_file():
                download(remote.url, draft, largest=remote.largest, progress=progress)
                _accept(facts, remote, draft, kept)
    return kept


def _accept(facts: Recipe, remote: RemoteFile, draft: Path, kept: Path) -> None:
    """Give what came its place, once it is known to be the dataset; else throw it away."""
    try:
        if remote.member is not None:
            _unpack(draft, remote)
        _check_bytes(draft, remote)
        _check_table(facts, facts.read(draft), f"what came from {remote.url}")
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)


def _unpack(draft: Path, remote: RemoteFile) -> None:
    """Put one file of a zip in the zip's place."""
    try:
        with zipfile.ZipFile(draft) as bundle:
            member = bundle.getinfo(str(remote.member))
            if member.file_size > remote.largest:
                raise DataError(f"{remote.member!r} in the zip from {remote.url} is too large to be the file")
            with bundle.open(member) as source, replacing(draft) as file:
                shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise DataError(
            f"what came from {remote.url} is not a zip file with {remote.member!r} in it. A proxy may have "
            f"answered with a page of its own. {by_hand(remote.url)}"
        ) from error


def _check_bytes(draft: Path, remote: RemoteFile) -> None:
    if remote.sha256 is None:
        return
    with draft.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != remote.sha256:
        raise DataError(
            f"what came from {remote.url} has the SHA-256 {found[:16]}..., and {remote.sha256[:16]}... was "
            "expected: the file was damaged on the way or changed at its place; it is not kept. "
            f"{by_hand(remote.url)}"
        )


def _check_table(facts: Recipe, frame: pd.DataFrame, where: str) -> None:
    if frame.shape != (facts.rows, len(facts.columns)):
        raise DataError(
            f"{where} has {len(frame):,} rows and {frame.shape[1]} columns, and {facts.name!r} has "
            f"{facts.rows:,} "
            f"and {len(facts.columns)}: it is not this dataset. To load it all the same, give it with path="
        )


def _kept(facts: Recipe, remote: RemoteFile) -> Path:
    return cache.cache_folder() / facts.name / remote.name


def _named(
    facts: Recipe,
    path: str | Path | None,
    schema: Schema | str | Path | None,
    target: str | None,
    progress: Progress | None,
) -> Dataset:
    place: Path | None = None
    if path is not None:
        given = Path(path)
        if not given.is_file():
            raise DataError(f"file {str(given)!r} does not exist")
        frame, facts = _read_copy(facts, given)
    else:
        place = fetch(facts.name, progress=progress)
        frame = facts.read(place)
        _check_table(facts, frame, f"file {str(place)!r}")
    about = facts.about
    if content_digest(frame) != facts.content:
        if path is None and (facts.remote is None or facts.remote.sha256 is not None):
            raise DataError(
                f"file {str(place)!r} does not hold the numbers of {facts.name!r}: it is damaged, or another "
                "version. Delete it and ask again, or give your own copy with path="
            )
        odd = (
            f"the table differs from the {facts.rows:,} rows of {facts.name!r} that this release knows "
            f"({len(frame):,} rows came): notes and counts of its description may not hold"
        )
        about = replace(about, warnings=(*about.warnings, odd))
    for text in about.warnings:
        warnings.warn(f"{facts.name}: {text}", UserWarning, stacklevel=3)
    assert facts.schema is not None
    declared = facts.schema if schema is None else _schema(schema, frame, None)
    return Dataset(facts.name, frame, declared if target is None else declared.with_target(target), about)


def _read_copy(facts: Recipe, given: Path) -> tuple[pd.DataFrame, Recipe]:
    """Read a user's copy of a dataset; a copy of Heart Disease is told by its header and rows."""
    if not facts.name.startswith("uci-heart"):
        return facts.read(given), facts
    from synthetic_healthcare.datasets.heart import first_line, is_kaggle

    names = [name.strip(' "') for name in first_line(given).split(",")]
    if not is_kaggle(names):
        official = recipe("uci-heart")
        return official.read(given), official
    frame = recipe("uci-heart-303").read(given)
    return frame, recipe("uci-heart-1025" if len(frame) > 400 else "uci-heart-303")


def _own(
    source: str | Path, schema: Schema | str | Path | None, target: str | None, query: str | None
) -> Dataset:
    from synthetic_healthcare.datasets import own

    text = str(source)
    if isinstance(source, str) and _URL.match(text):
        frame, about, declared = (*own.read_database(text, query), None)
    elif query is not None:
        raise DataError("a query goes with a database, such as sqlite:///clinic.db")
    elif text.lower().endswith((".yaml", ".yml")):
        frame, about, declared = own.read_joined(Path(source))
    else:
        frame, about = own.read_files(Path(source))
        declared = None
    known = declared if schema is None and declared is not None else _schema(schema, frame, target)
    return Dataset(about.title, frame, known if target is None else known.with_target(target), about)


def _schema(given: Schema | str | Path | None, frame: pd.DataFrame, target: str | None) -> Schema:
    if given is None:
        return Schema.infer(frame, target=target)
    known = given if isinstance(given, Schema) else Schema.from_yaml(given)
    known.check(frame)
    return known if target is None else known.with_target(target)


def _shown(name: str) -> str:
    """A path for a message; an address may hold a password and is not shown."""
    return "the address of a database" if _URL.match(name) else repr(name)
