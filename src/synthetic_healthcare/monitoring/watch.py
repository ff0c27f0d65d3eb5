"""`Watch`: a monitor at work on one fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, final

import pandas as pd

from synthetic_healthcare.evaluation._base import NotApplicable
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.monitoring.actions import ACTIONS, Webhooks, say
from synthetic_healthcare.monitoring.alerts import Alert
from synthetic_healthcare.monitoring.measures import Measured, Moment
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.monitoring.records import FAILED, Record
from synthetic_healthcare.monitoring.tables import Draw, Parted, RealRows
from synthetic_healthcare.training.watching import ALERT, PAUSED, Step

_NO_STEPS: Final = "not applicable: the model learns in one go, it has no updates"


@final
class Watch:
    """Measures at step boundaries and once at the end, and acts.

    Parameters
    ----------
    monitor : PrivacyMonitor
        Its alerts, and where the records go.
    real : RealRows or None
        What generated rows are compared with; `None` where no alert may read real rows.
    epsilon_after_next : callable, optional
        Privacy loss after one more update, for runs with a ledger.
    """

    def __init__(
        self,
        monitor: PrivacyMonitor,
        real: RealRows | None,
        *,
        epsilon_after_next: Callable[[], float] | None = None,
    ) -> None:
        self._alerts = monitor.alerts
        self._journal = monitor.journal
        self._real = real
        self._epsilon_after_next = epsilon_after_next
        self._webhooks = Webhooks()
        self._told: dict[int, int] = {}

    def start(self, draw: Draw, parted: Parted) -> None:
        """Begin anew with a model.

        Parameters
        ----------
        draw : callable
            Gives so many encoded rows of the model as it stands.
        parted : Parted
            Which training rows it learns from, and which it does not.

        Raises
        ------
        ConfigError
            An alert compares with unseen rows, and there are too few.
        """
        self._journal.replace([])
        self._told = {}
        if self._real is not None and any(alert.measure.reads_real_rows for alert in self._alerts):
            self._real.part(draw, parted)

    def resume(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Go on with the records of an earlier attempt."""
        self._journal.replace(state)

    def wants_norms(self, update: int) -> bool:
        """Whether a gradient's norm is measured after this update."""
        due = (alert for alert in self._alerts if alert.metric == "gradient_explosion")
        return any(update % alert.interval == 0 for alert in due)

    def look(self, step: Step) -> str:
        """Measure what is due at a boundary, and act on it."""
        due = [alert for alert in self._alerts if _is_due(alert, step)]
        moment = self._moment(step.losses, step.norms, step.averaged)
        ends = self._take_all(due, moment, step.update)
        return next((reason for reason in (ALERT, PAUSED) if reason in ends), "")

    def look_at_result(self, update: int, *, in_steps: bool) -> str:
        """Measure the model as it is kept, once; nothing is left then to stop, but it is marked.

        Parameters
        ----------
        update : int
            Updates that it took.
        in_steps : bool
            Whether it took updates at all.

        Returns
        -------
        str
            `ALERT` where an alert with the action "stop_training" fired.
        """
        for alert in self._alerts:
            if alert.measure.in_steps and not in_steps:
                self._journal.add(_without_value(alert, update, _NO_STEPS))
        due = [alert for alert in self._alerts if not alert.measure.in_steps]
        ends = self._take_all(due, self._moment(dict, {}, nullcontext), update)
        return ALERT if ALERT in ends else ""

    def finish(self, update: int) -> list[dict[str, Any]]:
        """Wait for what is on its way, and return the records as plain data."""
        self._fail_webhooks(self._webhooks.failures(wait=True), update)
        return self.to_state()

    def to_state(self) -> list[dict[str, Any]]:
        """The records as plain data."""
        return self._journal.to_state()

    def _moment(
        self,
        losses: Callable[[], Mapping[str, float]],
        norms: Mapping[str, float],
        averaged: Callable[[], AbstractContextManager[None]],
    ) -> Moment:
        drawn: list[pd.DataFrame] = []
        found: dict[bool, Inputs] = {}

        def inputs(once: bool) -> Inputs:
            # Drawn and read once for all that ask at this moment.
            assert self._real is not None, "no alert of a private run reads real rows"
            if not drawn:
                with averaged():
                    drawn.append(self._real.drawn())
            if once not in found:
                found[once] = self._real.beside(drawn[0], once=once)
            return found[once]

        scale = 1.0 if self._real is None else self._real.scale
        return Moment(losses, norms, self._epsilon_after_next, inputs, scale)

    def _take_all(self, due: Sequence[Alert], moment: Moment, update: int) -> set[str]:
        """Measure, write down, act; each metric is measured once, whatever alerts there are on it."""
        self._fail_webhooks(self._webhooks.failures(), update)
        measured: dict[str, Measured | Exception] = {}
        ends = set()
        for alert in due:
            if alert.metric not in measured:
                measured[alert.metric] = _measure(alert, moment)
            taken = measured[alert.metric]
            if isinstance(taken, NotApplicable):
                self._tell_once(alert, str(taken), update)
            elif isinstance(taken, Exception):
                self._fail(alert, type(taken).__name__, update)
            else:
                ends.add(self._act(alert, taken, update))
        return ends

    def _act(self, alert: Alert, measured: Measured, update: int) -> str:
        """Write a figure down and do what the alert says; return how the training ends, if it does."""
        figures = (measured.value, measured.standard_error, alert.limit)
        beyond = alert.measure.is_beyond(alert.limit, measured)
        note = self._held_back(alert, measured, update) if beyond else ""
        fired = beyond and not note
        record = Record(update, alert.metric, *figures, fired=fired, action=alert.action, note=note)
        self._journal.add(record)
        if not fired:
            return ""
        action = ACTIONS[alert.action]
        if action.says:
            say(record.text)
        try:
            if alert.url is not None:
                self._webhooks.post(alert.url, record)
            if alert.callback is not None:
                alert.callback(record)
        except Exception as problem:  # noqa: BLE001 - a broken alert must not end the training
            self._fail(alert, type(problem).__name__, update)
        return action.ends

    def _held_back(self, alert: Alert, measured: Measured, update: int) -> str:
        """Why a figure beyond the threshold is not acted on; empty where it is."""
        if alert.measure.is_chance(measured):
            return "chance explains it"
        last = self._journal.last_fired(alert.metric, alert.limit, action=alert.action)
        return "cooling down" if last is not None and update - last < alert.cooldown else ""

    def _tell_once(self, alert: Alert, reason: str, update: int) -> None:
        """Write down why there is no figure, once a fit."""
        if id(alert) not in self._told:
            self._told[id(alert)] = update
            self._journal.add(_without_value(alert, update, f"not applicable: {reason}"))

    def _fail(self, alert: Alert, problem: str, update: int) -> None:
        """Raise the monitor's own alert, and warn again only after the cooldown."""
        # A gate that cannot be read is shut.
        action = alert.action if alert.action == "block_release" else "warn"
        record = _failure(f"{alert.metric}: {problem}", update, action=action)
        self._journal.add(record)
        if id(alert) not in self._told or update - self._told[id(alert)] >= alert.cooldown:
            self._told[id(alert)] = update
            say(record.text)

    def _fail_webhooks(self, problems: Sequence[str], update: int) -> None:
        for problem in problems:
            record = _failure(f"webhook: {problem}", update, action="warn")
            self._journal.add(record)
            say(record.text)


def _is_due(alert: Alert, step: Step) -> bool:
    if step.update == 0:
        return alert.measure.before_first
    young = step.update < alert.measure.from_share * step.total
    return step.update % alert.interval == 0 and not young


def _measure(alert: Alert, moment: Moment) -> Measured | Exception:
    # One thread, as in the evaluation: sums come out bit for bit the same.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # Setting the limit takes longer than a look at a loss.
    heavy = alert.measure.reads_real_rows
    try:
        with threadpool_limits(limits=1) if heavy else nullcontext():
            return alert.measure.take(moment)
    except Exception as problem:  # noqa: BLE001 - a broken alert must not end the training
        return problem


def _failure(what: str, update: int, *, action: str) -> Record:
    """What the monitor says of itself; of an error only its kind, since a message may quote cells."""
    return Record(update, FAILED, None, None, None, fired=True, action=action, note=what)


def _without_value(alert: Alert, update: int, note: str) -> Record:
    return Record(update, alert.metric, None, None, alert.limit, fired=False, action=alert.action, note=note)
