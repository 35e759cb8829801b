"""How findings of checks are shown, and which exit code they mean."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import typer

from harness.conformance.finding import Finding, Status

_ORDER: tuple[Status, ...] = ("failed", "warning", "not applicable", "passed")


def conclude(findings: Sequence[Finding], *, as_json: bool, quiet: bool) -> None:
    """Print findings and exit with 1 if one failed; `quiet` leaves out what is as it should be.

    Raises:
        typer.Exit: a check failed.
    """
    if as_json:
        counts = Counter(finding.status for finding in findings)
        document = {"schema": "bench.check/1", "counts": {name: counts[name] for name in _ORDER}}
        content = document | {"findings": [finding.model_dump() for finding in findings]}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        shown = [finding for finding in findings if not quiet or finding.status in {"failed", "warning"}]
        typer.echo("\n\n".join(_block(subject, list(group)) for subject, group in groupby(shown, lambda finding: finding.subject)))
        typer.echo(f"\n{_count(findings)}")
    if any(finding.status == "failed" for finding in findings):
        raise typer.Exit(1)


def _block(subject: str, findings: Sequence[Finding]) -> str:
    width = max(len(finding.check) for finding in findings)
    return "\n".join([subject, *(line for finding in findings for line in _lines(finding, width))])


def _lines(finding: Finding, width: int) -> list[str]:
    """Return a check's line, and below it where and what to do."""
    indent = " " * (width + 20)
    more = [f"{indent}where: {finding.where}"] * bool(finding.where) + [f"{indent}do:    {finding.hint}"] * bool(finding.hint)
    return [f"  {finding.status:<14}  {finding.check:<{width}}  {finding.what}", *more]


def _count(findings: Sequence[Finding]) -> str:
    """Return how many checks went how.

    >>> _count([Finding(subject="a", check="load", status="passed", what="")])
    '1 passed'
    """
    counts = Counter(finding.status for finding in findings)
    return ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])
