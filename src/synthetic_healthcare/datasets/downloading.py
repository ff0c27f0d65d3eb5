"""`download`: one file over HTTP, resumed where it was cut off, in place only when it is whole.

What has come lies beside the target as NAME.part, with what the server said of it in NAME.part.json. A part
is gone on with only where the server confirms by If-Range (RFC 9110, 13.1.5) that the file is still the same.
"""

from __future__ import annotations

import errno
import http.client
import json
import logging
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final, final
from urllib.parse import urlsplit

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.progress import Progress, Silent, phase
from synthetic_healthcare.version import __version__

_log = logging.getLogger(__name__)
_BLOCK: Final = 1 << 18
_TIMEOUT_S: Final = 30.0
_ATTEMPTS: Final = 3
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@final
class _CutOff(Exception):
    """The transfer ended early, or the server was busy: worth another attempt."""


@final
@dataclass(frozen=True)
class _Part:
    """What has come so far, and the server's name for this state of the file."""

    size: int
    validator: str


def download(
    url: str,
    target: Path,
    *,
    largest: int,
    progress: Progress | None = None,
    pause_s: float = 1.0,
) -> None:
    """Fetch `url` into `target`.

    Parameters
    ----------
    url : str
        http or https; a redirect from https to http is refused.
    target : Path
        Takes the file's name only when every byte is there.
    largest : int
        Bytes; a longer answer is refused.
    pause_s : float, default 1.0
        Before the second attempt; doubled for the third.

    Raises
    ------
    DataError
        The server is not reached, does not have the file, breaks off three times, or sends too much; the disk
        is full. Each says what to do.
    """
    shown = progress or Silent()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with phase(shown, "fetch"):
                _attempt(url, target, largest, shown)
            return
        except _CutOff as cut:
            _log.info("attempt %d to fetch %s: %s", attempt, target.name, cut)
            if attempt == _ATTEMPTS:
                raise DataError(
                    f"{url} could not be fetched in {_ATTEMPTS} attempts: {cut}. What has come is "
                    "kept, and asking "
                    f"again goes on from there. {by_hand(url)}"
                ) from cut
            time.sleep(pause_s * 2 ** (attempt - 1))


def by_hand(url: str) -> str:
    """What to do where this machine cannot fetch a file."""
    return (
        "Behind a proxy, set HTTPS_PROXY; without a network, fetch the file elsewhere from "
        f"{url}, unpack it where it is a zip, and give its place with path= (in a shell NAME=PATH)"
    )


def _attempt(url: str, target: Path, largest: int, progress: Progress) -> None:
    part_path = _beside(target, ".part")
    part = _part(target, url)
    headers = {"User-Agent": f"synthetic-healthcare/{__version__}", "Accept-Encoding": "identity"}
    if part is not None:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.validator}
    try:
        response = _opener().open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as refused:
        with refused:
            _refuse(refused.code, url, part, target)
    except (OSError, http.client.HTTPException) as problem:
        raise _unreachable(url, problem) from problem
    with response:
        start, total = _extent(response, part)
        if (total or 0) > largest:
            raise DataError(
                f"{url} holds {total:,} bytes, and at most {largest:,} are expected: it is not the file. "
                f"{by_hand(url)}"
            )
        _remember(target, url, response.headers)
        with writing(target), part_path.open("ab" if start else "wb") as file:
            size = _copy(response, file, start, largest, progress)
    if total is not None and size != total:
        raise _CutOff(f"{size:,} of {total:,} bytes came")
    _put(part_path, target)


def _copy(response: Any, file: IO[bytes], size: int, largest: int, progress: Progress) -> int:
    """Write what comes; returns how many bytes there are in all."""
    while True:
        try:
            block = response.read(_BLOCK)
        except (TimeoutError, ConnectionError, http.client.HTTPException, ssl.SSLError) as cut:
            raise _CutOff(f"the connection broke after {size:,} bytes") from cut
        if not block:
            return size
        size += len(block)
        if size > largest:
            raise DataError(
                f"the answer is longer than {largest:,} bytes: it is not the file that was asked for"
            )
        file.write(block)
        progress.advance(size, megabytes=size / 1e6)


def _extent(response: Any, part: _Part | None) -> tuple[int, int | None]:
    """Where in the file the answer starts (0: it is the whole file), and how long the file is."""
    length = response.headers.get("Content-Length")
    if response.status != 206:
        return 0, None if length is None else int(length)
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None or part is None or int(found[1]) != part.size:
        raise _CutOff("the server answered with another range than was asked for")
    return part.size, None if found[3] == "*" else int(found[3])


def _refuse(code: int, url: str, part: _Part | None, target: Path) -> None:
    """Raise what an HTTP status means."""
    if code == 416 and part is not None:
        _forget(target)
        raise _CutOff("what was there is not a part of the file any more")
    if code in _AGAIN:
        raise _CutOff(f"the server is busy or down (HTTP {code})")
    told = {
        404: "there is no such file at the official place (HTTP 404): it has moved",
        403: "the server refuses the file (HTTP 403)",
        407: "the proxy wants a name and a password (HTTP 407): put them into HTTPS_PROXY",
    }.get(code, f"the server answered with HTTP {code}")
    raise DataError(f"{url}: {told}. {by_hand(url)}")


def _unreachable(url: str, problem: Exception) -> Exception:
    """What a connection that was not made means; the reason itself is not quoted: it may name a proxy."""
    reason = getattr(problem, "reason", problem)
    if isinstance(reason, _CutOff | DataError):
        return reason
    if isinstance(reason, ssl.SSLError):
        told = (
            "its certificate cannot be checked. A proxy that opens connections needs its own certificate: "
            "name it with SSL_CERT_FILE"
        )
    elif isinstance(reason, socket.gaierror):
        told = "its name is not known here: there is no network, or only by a proxy"
    elif isinstance(reason, TimeoutError | ConnectionResetError | http.client.HTTPException):
        return _CutOff("no answer came")
    else:
        told = "the connection was refused: the server is down, or a firewall is in between"
    return DataError(f"{urlsplit(url).hostname} is not reached: {told}. {by_hand(url)}")


@final
class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http, nor to a file."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        schemes = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if schemes[1] not in ("http", "https") or schemes == ("https", "http"):
            raise DataError(
                f"{req.full_url} redirects from {schemes[0]} to {schemes[1]}, which is not safe: somebody on "
                f"the way could change the file. {by_hand(req.full_url)}"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS only, through the proxy that the environment names."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _part(target: Path, url: str) -> _Part | None:
    """The part that a former attempt left, where it can be gone on with."""
    path, memory = _beside(target, ".part"), _beside(target, ".part.json")
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        size, validator = path.stat().st_size, str(known["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _Part(size, validator) if known.get("url") == url and size and validator else None


def _remember(target: Path, url: str, headers: Message) -> None:
    """Keep the server's name for this state of the file; a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    text = json.dumps({"url": url, **asdict(_Part(0, validator))})
    with writing(target):
        _beside(target, ".part.json").write_text(text, encoding="utf-8")


def _put(part: Path, target: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, target)
    _forget(target)


def _forget(target: Path) -> None:
    for ending in (".part", ".part.json"):
        _beside(target, ending).unlink(missing_ok=True)


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn a full disk into what to do about it, and free what was written."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in _FULL:
            raise
        _forget(target)
        raise DataError(
            f"no space is left in {str(target.parent)!r}. Free some, or name another folder with "
            "SYNTHETIC_HEALTHCARE_CACHE"
        ) from problem
