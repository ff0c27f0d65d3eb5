"""Downloads, against a server on this machine that breaks off, lies, redirects and is busy."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthetic_healthcare.datasets import About, cache, downloading, loading
from synthetic_healthcare.datasets.dataset import Recipe, RemoteFile
from synthetic_healthcare.datasets.downloading import download
from synthetic_healthcare.errors import DataError

BODY = bytes(range(256)) * 4000


class Place:
    """What the server gives, and what it was asked for."""

    def __init__(self) -> None:
        self.body = BODY
        self.tag = '"one"'
        #: Bytes after which each of the next answers breaks off.
        self.cuts: list[int] = []
        #: Statuses of the next answers that give nothing.
        self.statuses: list[int] = []
        self.location: str | None = None
        self.asked: list[str | None] = []
        self.url = ""


def _answer(place: Place, request: BaseHTTPRequestHandler) -> None:
    asked = request.headers.get("Range")
    place.asked.append(asked)
    if place.location is not None:
        request.send_response(302)
        request.send_header("Location", place.location)
        request.end_headers()
        place.location = None
        return
    if place.statuses:
        request.send_response(place.statuses.pop(0))
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    start = 0
    if asked is not None and request.headers.get("If-Range") == place.tag:
        start = int(asked.removeprefix("bytes=").rstrip("-"))
    rest = place.body[start:]
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(place.body) - 1}/{len(place.body)}")
    request.send_header("Content-Length", str(len(rest)))
    request.send_header("ETag", place.tag)
    request.end_headers()
    request.wfile.write(rest[: place.cuts.pop(0)] if place.cuts else rest)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Place()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(served, self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/file"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def _get(place: Place, target: Path, *, largest: int = 10_000_000) -> None:
    download(place.url, target, largest=largest, pause_s=0)


def test_a_file_comes_whole_and_leaves_nothing_beside_it(place: Place, tmp_path: Path) -> None:
    _get(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert place.asked == [None]


def test_a_transfer_that_breaks_off_is_gone_on_with(place: Place, tmp_path: Path) -> None:
    place.cuts = [300_000, 200_000]
    _get(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert place.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(place: Place, tmp_path: Path) -> None:
    place.cuts = [1000, 1000, 1000]
    with pytest.raises(DataError, match=r"3,000 of 1,024,000 bytes came.*goes on from there.*HTTPS_PROXY"):
        _get(place, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    _get(place, tmp_path / "file")
    assert place.asked[-1] == "bytes=3000-"
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_part_of_another_version_is_thrown_away(place: Place, tmp_path: Path) -> None:
    place.cuts = [1000, 1000, 1000]
    with pytest.raises(DataError):
        _get(place, tmp_path / "file")
    place.body, place.tag = BODY[::-1], '"two"'
    _get(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY[::-1]


def test_a_weak_etag_promises_nothing(place: Place, tmp_path: Path) -> None:
    place.tag, place.cuts = 'W/"one"', [1000]
    _get(place, tmp_path / "file")
    assert place.asked == [None, None]
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_busy_server_is_asked_again(place: Place, tmp_path: Path) -> None:
    place.statuses = [503, 503]
    _get(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    place.statuses = [503, 503, 503]
    with pytest.raises(DataError, match=r"busy or down .HTTP 503"):
        _get(place, tmp_path / "other")


@pytest.mark.parametrize(("status", "told"), [(404, "it has moved"), (403, "refuses"), (407, "HTTPS_PROXY")])
def test_other_refusals_say_what_to_do(status: int, told: str, place: Place, tmp_path: Path) -> None:
    place.statuses = [status]
    with pytest.raises(DataError, match=f"{told}.*give its place with path="):
        _get(place, tmp_path / "file")
    assert len(place.asked) == 1


def test_a_server_that_is_not_there(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://joe:hunter2@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DataError, match=r"is not reached: the connection was refused.*HTTPS_PROXY") as raised:
        _get(place, tmp_path / "file")
    assert "hunter2" not in str(raised.value)


def test_what_is_too_long_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1,024,000 bytes, and at most 1,000 are expected"):
        _get(place, tmp_path / "file", largest=1000)
    assert not (tmp_path / "file").exists()


def test_redirects_are_followed_but_never_to_less_safety(place: Place, tmp_path: Path) -> None:
    place.location = place.url + "/elsewhere"
    _get(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    place.location = "file:///etc/passwd"
    with pytest.raises(DataError, match="HTTP 302"):
        _get(place, tmp_path / "other")
    request = downloading.urllib.request.Request("https://example.org/file")
    with pytest.raises(DataError, match="redirects from https to http, which is not safe"):
        downloading._Redirects().redirect_request(request, io.BytesIO(), 302, "", {}, "http://example.org/")


def test_a_full_disk_says_so_and_frees_what_was_written(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloading, "_copy", full)
    with pytest.raises(DataError, match=r"no space is left .* SYNTHETIC_HEALTHCARE_CACHE"):
        _get(place, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def _read(path: Path | None) -> pd.DataFrame:
    assert path is not None
    try:
        return pd.read_csv(path)
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise DataError("no table") from error


Make = Callable[..., Recipe]


@pytest.fixture
def make(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a dataset whose official place is the server, with a zip of one table in it."""
    table = b"a,b\n1,2\n3,4\n"
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as file:
        file.writestr("table.csv", table)
    place.body = bundle.getvalue()
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(cache.LOCAL, raising=False)

    def maker(*, sha256: str | None = hashlib.sha256(table).hexdigest(), rows: int = 2) -> Recipe:
        remote = RemoteFile(place.url, "table.csv", 10_000, "table.csv", sha256)
        facts = Recipe("tiny", About("", "", "", ""), _read, None, rows, ("a", "b"), remote=remote)
        monkeypatch.setattr(loading, "recipe", lambda name: facts)
        return facts

    return maker


def test_fetch_keeps_the_checked_file_and_asks_once(make: Make, place: Place, tmp_path: Path) -> None:
    make()
    assert loading.located("tiny") is None
    first = loading.fetch("tiny")
    assert first == tmp_path / "cache" / "tiny" / "table.csv"
    assert first.read_bytes() == b"a,b\n1,2\n3,4\n"
    assert sorted(path.name for path in first.parent.iterdir()) == ["table.csv", "table.csv.lock"]
    assert loading.fetch("tiny") == loading.located("tiny") == first
    assert len(place.asked) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [({"sha256": "0" * 64}, "SHA-256 .* expected.*not kept"), ({"rows": 3}, "has 2 rows and 2 columns")],
)
def test_what_is_not_the_file_is_not_kept(change: dict[str, Any], told: str, make: Make) -> None:
    make(**change)
    with pytest.raises(DataError, match=told):
        loading.fetch("tiny")
    assert loading.located("tiny") is None


@pytest.mark.parametrize("damage", [lambda zipped: b"<html>log in</html>", lambda zipped: zipped[:-30]])
def test_a_page_or_half_a_zip_is_told(damage: Callable[[bytes], bytes], make: Make, place: Place) -> None:
    make()
    place.body = damage(place.body)
    with pytest.raises(DataError, match=r"not a zip file with 'table.csv' in it. A proxy may"):
        loading.fetch("tiny")
    assert loading.located("tiny") is None


def test_a_part_names_the_address_that_it_came_from(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"xyz")
    (tmp_path / "file.part.json").write_text(json.dumps({"url": "http://other", "validator": '"one"'}))
    _get(place, tmp_path / "file")
    assert place.asked == [None]
    assert (tmp_path / "file").read_bytes() == BODY


def test_one_file_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        cache.locked(tmp_path / "file"),
        pytest.raises(DataError, match="another process has been fetching"),
        cache.locked(tmp_path / "file", timeout_s=0),
    ):
        pass
    with cache.locked(tmp_path / "file", timeout_s=0):
        pass


def test_two_at_once_fetch_once(make: Make, place: Place) -> None:
    make()
    found: list[Path | None] = []
    threads = [threading.Thread(target=lambda: found.append(loading.fetch("tiny"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(place.asked) == 1
