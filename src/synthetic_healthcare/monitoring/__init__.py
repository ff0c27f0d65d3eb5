"""Alerts during training: what is measured, when it is too much, and what is done then."""

from synthetic_healthcare.monitoring.actions import AlertWarning
from synthetic_healthcare.monitoring.alerts import Alert
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.monitoring.records import Record

__all__ = ["Alert", "AlertWarning", "PrivacyMonitor", "Record"]
