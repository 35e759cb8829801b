"""How a comparison ends on the command line: what is printed, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from harness.comparison import Comparison
    from harness.suites import SuiteComparison


def close(found: Comparison | SuiteComparison, *, as_json: bool) -> None:
    """Print the result on stdout: one JSON document, or the table and the recommendation."""
    from harness.cli.suite_summary import print_suite_summary  # noqa: PLC0415 - help does without
    from harness.cli.summary import print_summary  # noqa: PLC0415 - as above
    from harness.comparison import Comparison  # noqa: PLC0415 - as above

    if as_json:
        typer.echo(json.dumps(_to_document(found), ensure_ascii=False, indent=1))
    elif isinstance(found, Comparison):
        print_summary(found.result, found.files)
    else:
        print_suite_summary(found.result, found.files)


def exit_code(found: Comparison | SuiteComparison) -> int:
    """Return 130 where it was interrupted, 0 where all that was asked for is recommended, else 1."""
    from harness.comparison import Comparison  # noqa: PLC0415 - help does without

    has_answer = found.recommendation is not None if isinstance(found, Comparison) else found.result.has_choice
    return 130 if found.interrupted else 0 if has_answer else 1


def _to_document(found: Comparison | SuiteComparison) -> dict[str, object]:
    from harness.comparison import Comparison  # noqa: PLC0415 - help does without

    if isinstance(found, Comparison):
        from harness.report.document import to_document  # noqa: PLC0415 - the table does without

        return to_document(found.info, found.result, found.files)
    from harness.report import suite_document  # noqa: PLC0415 - as above

    return suite_document.to_document(found.info, found.result, found.files)
