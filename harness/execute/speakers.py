"""Which candidates are language models and can be asked in words; found without loading any."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.data import Dataset
from harness.core.ranking import SkippedCandidate
from harness.core.technique_names import ASKED
from harness.core.wording import Wording
from harness.execute.screening import Field
from harness.models.language import is_language_model
from harness.techniques.catalogue import TECHNIQUES

# A plugin that can be asked for a class, or for a text, names the capability.
_TELLS, _WRITES = re.compile(rb"\b(log_likelihood|generate)\b"), re.compile(rb"\bgenerate\b")


def find_voices(entered: Field, data: Dataset, techniques: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], Field]:
    """Return the techniques by which candidates can be asked, by name, and the field without those that could only be asked."""
    if data.writing is not None:
        writers = [one.card.name for one, folder in entered.ready if not one.card.baseline and _speaks(one, folder, _WRITES)]
        return dict.fromkeys(writers, ASKED), _leave_out(entered, writers, "it is no language model, and texts are to be written")
    speakers = find_speakers(entered.ready, data.wording)
    return speakers, leave_out_mute(entered, techniques, speakers)


def find_speakers(ready: Sequence[tuple[Registered, Path | None]], wording: Wording | None) -> dict[str, tuple[str, ...]]:
    """Return the techniques by which candidates can be asked, by name: of those that are language models, as their files tell.

    Words that mean nothing by themselves are shown in examples only.
    """
    if wording is None:
        return {}
    techniques = ASKED if wording.is_told else tuple(name for name in ASKED if name != "prompted")
    able = (one for one, folder in ready if not one.card.baseline and _speaks(one, folder, _TELLS))
    return dict.fromkeys((one.card.name for one in able), techniques)


def leave_out_mute(entered: Field, techniques: Sequence[str], speakers: Collection[str]) -> Field:
    """Return the field without the models that are only wanted to be asked, and cannot be."""
    heads = [name for name in techniques if TECHNIQUES[name][0] != "train"]
    if not heads or any(TECHNIQUES[name][0] != "ask" for name in heads):
        return entered
    reason = f"it is no language model, and {' and '.join(heads)} {'ask' if len(heads) > 1 else 'asks'} one"
    return _leave_out(entered, speakers, reason)


def _leave_out(entered: Field, speakers: Collection[str], reason: str) -> Field:
    """Return the field without models that cannot be asked; of plugins their workers say."""
    mute = {one.card.name for one, _ in entered.ready if not (one.is_plugin or one.card.baseline or one.card.name in speakers)}
    skipped = tuple(SkippedCandidate(candidate=name, reason=reason) for name in sorted(mute))
    ready = tuple(pair for pair in entered.ready if pair[0].card.name not in mute)
    return replace(entered, ready=ready, skipped=(*entered.skipped, *skipped))


def _speaks(candidate: Registered, folder: Path | None, capability: re.Pattern[bytes]) -> bool:
    if candidate.card.remote is not None:
        return bool({"chat", "completions"} & set(candidate.card.remote.offers))
    if not candidate.is_plugin:
        return is_language_model(candidate.card, folder)
    try:
        return capability.search(Path(candidate.path).read_bytes()) is not None
    except OSError:
        return False
