"""The report as one self-contained HTML page: no script, no request, readable for years."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthetic_healthcare.evaluation.report import EvaluationReport


def render(report: EvaluationReport) -> str:
    """Write a report as one HTML page that asks for nothing outside itself.

    The page carries a content policy that forbids scripts and requests; every name that comes from a table is
    escaped. It holds what the report holds, so that it is as confidential.

    Parameters
    ----------
    report : EvaluationReport
        The judgement, with its figures where there are any.

    Returns
    -------
    str
        The page, UTF-8.
    """
    from synthetic_healthcare.evaluation.page.view import write

    return write(report)
