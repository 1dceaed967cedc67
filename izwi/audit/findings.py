"""Findings of the audit, and their text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# Test data took part in training; something other than speech predicts the target; test differs
# from train; worth knowing.
LEAK, CUE, SHIFT, NOTE = "leak", "cue", "shift", "note"
# A figure may be too good where one of these is found.
FLATTERING = (LEAK, CUE)
SHOWN = 5
# The split reports this itself.
TOLD_BEFORE = "teacher"


@dataclass
class Finding:
    """One thing that was found.

    Args:
        kind: what it is about, such as ``speakers`` or ``padding_end``
        grade: ``leak``, ``cue``, ``shift`` or ``note``
        line: all of it in one line
        counts: the numbers of the line, by name
        examples: a few rows or speakers
    """

    kind: str
    grade: str
    line: str
    counts: dict[str, Any] = field(default_factory=dict)
    examples: list[Any] = field(default_factory=list)


GRADES = (LEAK, CUE, SHIFT, NOTE)


def joined(several: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Findings of several audits, each once, the gravest first.

    Args:
        several: ``findings`` of their reports
    """
    found: list[dict[str, Any]] = []
    for one in several:
        found += [finding for finding in one if finding not in found]
    return sorted(found, key=lambda finding: GRADES.index(finding["grade"]))


def report(findings: list[Finding]) -> dict[str, Any]:
    """Findings, gravest first, ready for JSON.

    Returns:
        ``findings``; ``warnings`` and ``notes``, the lines by grade
    """
    findings = sorted(findings, key=lambda finding: GRADES.index(finding.grade))
    new = [finding for finding in findings if finding.kind != TOLD_BEFORE]
    return {
        "findings": [asdict(finding) for finding in findings],
        "warnings": [line_of(finding) for finding in new if finding.grade != NOTE],
        "notes": [line_of(finding) for finding in new if finding.grade == NOTE],
    }


def line_of(finding: Finding) -> str:
    """The line of a finding as the log and metrics.json have it."""
    return f"audit: {finding.line}"


def percent(share: float) -> str:
    """A share as text: ``23 %``, but ``0.4 %``."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1g} %"


def decimals(value: float) -> str:
    """A number between 0 and 1 as text: ``0.314``."""
    return f"{value:.3f}"
