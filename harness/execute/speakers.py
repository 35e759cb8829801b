"""Which candidates can be asked in words, or what follows from a text; found without loading any."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Dataset
from harness.core.ranking import SkippedCandidate
from harness.core.technique_names import ASKED
from harness.core.wording import Wording
from harness.execute.screening import Field
from harness.models.inference import explain_lack, find_verdicts
from harness.models.language import is_language_model
from harness.techniques.catalogue import TECHNIQUES

# A plugin that can be asked for a class, or for a text, names the capability.
_TELLS, _WRITES = re.compile(rb"\b(log_likelihood|generate)\b"), re.compile(rb"\bgenerate\b")
_ENTAILS = re.compile(rb"\bentails\b")
_ENTAILMENT = "entailment"
# Why a card's model in its folder is left out.
Explain = Callable[[Card, Path | None], str]


def find_voices(entered: Field, data: Dataset, techniques: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], Field]:
    """Return the techniques by which candidates can be asked, by name, and the field without those that could only be asked."""
    if data.writing is not None:
        writers = [one.card.name for one, folder in entered.ready if not one.card.baseline and _speaks(one, folder, _WRITES)]
        reason = "it is no language model, and texts are to be written"
        return dict.fromkeys(writers, ASKED), _leave_out(entered, writers, lambda _card, _folder: reason)
    speakers = find_speakers(entered.ready, data.wording)
    for name in find_reasoners(entered.ready, data.hypotheses):
        speakers[name] = (*speakers.get(name, ()), _ENTAILMENT)
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


def find_reasoners(ready: Sequence[tuple[Registered, Path | None]], hypotheses: Sequence[object]) -> list[str]:
    """Return the names of candidates that were trained to tell what follows from a text, as their files tell."""
    able = (one for one, folder in ready if not one.card.baseline and _reasons(one, folder)) if hypotheses else ()
    return [one.card.name for one in able]


def leave_out_mute(entered: Field, techniques: Sequence[str], speakers: Mapping[str, Sequence[str]]) -> Field:
    """Return the field without the models that are only wanted to be asked, and cannot be."""
    heads = [name for name in techniques if TECHNIQUES[name][0] != "train"]
    if not heads or any(TECHNIQUES[name][0] not in {"ask", "entail"} for name in heads):
        return entered
    asking = [name for name in heads if name != _ENTAILMENT]
    mute = f"it is no language model, and {' and '.join(asking)} {'ask' if len(asking) > 1 else 'asks'} one"

    def explain(card: Card, folder: Path | None) -> str:
        lacks = ([mute] if asking else []) + ([explain_lack(card, folder)] if _ENTAILMENT in heads else [])
        return "; ".join(lacks)

    return _leave_out(entered, [name for name, mine in speakers.items() if set(mine) & set(heads)], explain)


def _leave_out(entered: Field, speakers: Sequence[str], explain: Explain) -> Field:
    """Return the field without models that cannot be asked; of plugins their workers say."""
    kept, mute = [], {}
    for one, folder in entered.ready:
        if one.is_plugin or one.card.baseline or one.card.name in speakers:
            kept.append((one, folder))
        else:
            mute[one.card.name] = explain(one.card, folder)
    skipped = tuple(SkippedCandidate(candidate=name, reason=mute[name]) for name in sorted(mute))
    return replace(entered, ready=tuple(kept), skipped=(*entered.skipped, *skipped))


def _speaks(candidate: Registered, folder: Path | None, capability: re.Pattern[bytes]) -> bool:
    if candidate.card.remote is not None:
        return bool({"chat", "completions"} & set(candidate.card.remote.offers))
    return _names(candidate, capability) if candidate.is_plugin else is_language_model(candidate.card, folder)


def _reasons(candidate: Registered, folder: Path | None) -> bool:
    if candidate.card.remote is not None:
        return False
    return _names(candidate, _ENTAILS) if candidate.is_plugin else find_verdicts(candidate.card, folder) is not None


def _names(candidate: Registered, capability: re.Pattern[bytes]) -> bool:
    """Tell whether a plugin's code names a capability."""
    try:
        return capability.search(Path(candidate.path).read_bytes()) is not None
    except OSError:
        return False
