"""`Watch`: a monitor at work on one fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, final

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
    real : RealRows
        What generated rows are compared with.
    epsilon_after_next : callable, optional
        Privacy loss after one more update, for runs with a ledger.
    """

    def __init__(
        self,
        monitor: PrivacyMonitor,
        real: RealRows,
        *,
        epsilon_after_next: Callable[[], float] | None = None,
    ) -> None:
        self._alerts = monitor.alerts
        self._journal = monitor.journal
        self._real = real
        self._epsilon_after_next = epsilon_after_next
        self._webhooks = Webhooks()
        self._told: dict[Alert, int] = {}

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
        if any(alert.measure.reads_real_rows for alert in self._alerts):
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
        for problem in self._webhooks.failures(wait=True):
            self._fail("webhook", problem, update)
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
        found: list[Inputs] = []

        def inputs() -> Inputs:
            # Drawn once for all that ask at this moment.
            if not found:
                with averaged():
                    rows = self._real.drawn()
                found.append(self._real.beside(rows))
            return found[0]

        return Moment(losses, norms, self._epsilon_after_next, inputs, self._real.scale)

    def _take_all(self, due: Sequence[Alert], moment: Moment, update: int) -> set[str]:
        """Measure, write down, act; each metric is measured once, whatever alerts there are on it."""
        for problem in self._webhooks.failures():
            self._fail("webhook", problem, update)
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
        passed = alert.measure.is_beyond(alert.limit, measured)
        fired = passed and not self._is_cooling(alert, update)
        figures = (measured.value, measured.standard_error, alert.limit)
        note = "cooling down" if passed and not fired else ""
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

    def _is_cooling(self, alert: Alert, update: int) -> bool:
        last = self._journal.last_fired(alert.metric, alert.limit, action=alert.action)
        return last is not None and update - last < alert.cooldown

    def _tell_once(self, alert: Alert, reason: str, update: int) -> None:
        """Write down why there is no figure, once a fit."""
        if alert not in self._told:
            self._told[alert] = update
            self._journal.add(_without_value(alert, update, f"not applicable: {reason}"))

    def _fail(self, alert: Alert | str, problem: str, update: int) -> None:
        """Raise the monitor's own alert. Only kinds of errors are told: a message may quote cells."""
        what, action = (alert, alert) if isinstance(alert, str) else (alert.metric, alert.action)
        record = Record(
            update, FAILED, None, None, None, fired=True, action=action, note=f"{what}: {problem}"
        )
        self._journal.add(record)
        if isinstance(alert, str):
            say(record.text)
        elif alert not in self._told or update - self._told[alert] >= alert.cooldown:
            self._told[alert] = update
            say(record.text)


def _is_due(alert: Alert, step: Step) -> bool:
    if step.update == 0:
        return alert.measure.before_first
    young = step.update < alert.measure.from_share * step.total
    return step.update % alert.interval == 0 and not young


def _measure(alert: Alert, moment: Moment) -> Measured | Exception:
    # One thread, as in the evaluation: sums come out bit for bit the same.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    try:
        with threadpool_limits(limits=1):
            return alert.measure.take(moment)
    except Exception as problem:  # noqa: BLE001 - a broken alert must not end the training
        return problem


def _without_value(alert: Alert, update: int, note: str) -> Record:
    return Record(update, alert.metric, None, None, alert.limit, fired=False, action=alert.action, note=note)
