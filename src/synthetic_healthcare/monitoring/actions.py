"""What an alert does when it fires."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, final

from synthetic_healthcare.monitoring.records import Record
from synthetic_healthcare.training.watching import ALERT, PAUSED

_log = logging.getLogger(__name__)
# Who sets up no logging has the Python warning, and need not read the same line twice.
_log.addHandler(logging.NullHandler())

#: Longest that a webhook's server may take.
TIMEOUT_S: Final = 10.0


class AlertWarning(UserWarning):
    """An alert fired, or went wrong."""


@final
@dataclass(frozen=True)
class Action:
    """What an action comes to.

    Parameters
    ----------
    means : str
        What it does, for a reader.
    ends : str
        Why the training then ended; empty where it goes on.
    says : bool
        Whether it gives a Python warning.
    """

    means: str
    ends: str = ""
    says: bool = True


#: Every action, by the name that users write.
ACTIONS: Final[Mapping[str, Action]] = {
    "stop_training": Action("end at the next step boundary, keep the best moment so far", ALERT),
    "pause": Action("save to the checkpoint and end; the next fit goes on", PAUSED),
    "warn": Action("a Python warning and a line in the log"),
    "webhook": Action("post the figures as JSON", says=False),
    "callback": Action("call a function with the record", says=False),
    "block_release": Action("go on; the model then neither generates nor is saved"),
}


def say(text: str) -> None:
    """Log, and warn; where warnings are errors, the log and the history have to do."""
    _log.warning(text)
    try:
        warnings.warn(text, AlertWarning, stacklevel=2)
    except AlertWarning:
        # A training must not die of being watched.
        return


@final
class Webhooks:
    """Posts records from threads of their own, and keeps what went wrong until it is asked for."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._failures: SimpleQueue[str] = SimpleQueue()

    def post(self, url: str, record: Record) -> None:
        """Post a record as JSON; it holds the figures of the alert and nothing of any patient."""
        body = json.dumps({**record.to_dict(), "text": record.text}, allow_nan=False).encode()
        thread = threading.Thread(target=self._send, args=(url, body), name="alert-webhook", daemon=True)
        self._threads.append(thread)
        thread.start()

    def failures(self, *, wait: bool = False) -> list[str]:
        """Take what went wrong so far; `wait` gives what is on its way time to arrive."""
        if wait:
            for thread in self._threads:
                thread.join(TIMEOUT_S)
        found = []
        while True:
            try:
                found.append(self._failures.get_nowait())
            except Empty:
                return found

    def _send(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                pass
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong is the monitor's to tell
            code = getattr(problem, "code", None)
            # Only the kind of error: a message may quote the address, and with it a key.
            self._failures.put(f"{type(problem).__name__}{'' if code is None else f' {code}'}")
