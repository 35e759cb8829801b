"""Which trials of a run are done, so that they need not be run again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.core.trial import Failed, Finished, Record, Skipped, Trial
from harness.errors import WorkspaceError
from harness.store import journal, predictions


def done(folder: Path, trials: Iterable[Trial]) -> dict[str, Record]:
    """Return, by the key of their trial, the last records that stand.

    A finished trial stands if its predictions can be read. A failed one stands unless another try can go otherwise; a
    skipped one is tried again.
    """
    path = folder / "records.jsonl"
    wanted = {trial.key for trial in trials}
    last = {record.trial.key: record for record in (journal.read(path) if path.is_file() else ())}
    return {key: record for key, record in last.items() if key in wanted and _stands(record, folder)}


def _stands(record: Record, folder: Path) -> bool:
    outcome = record.outcome
    if isinstance(outcome, Skipped) or (isinstance(outcome, Failed) and outcome.may_pass):
        return False
    if isinstance(outcome, Finished) and record.trial.measures == "quality":
        try:
            predictions.read(folder / "predictions" / record.predictions)
        except WorkspaceError:
            return False
    return True
