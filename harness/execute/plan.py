"""Which trials a comparison needs, and what each may take. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.kinds import Kind
from harness.core.run import Settings
from harness.core.task import Task
from harness.core.trial import Pass, Trial
from harness.core.wording import Wording
from harness.errors import WorkspaceError, raise_all, suggest
from harness.execute.limits import Limits, most_of
from harness.techniques.catalogue import FOR_DOCUMENTS, FOR_TAGS, FOR_TEXTS, TECHNIQUES

# What models are used for where it is not to learn from their features of rows.
_USES: dict[Kind, str] = {"retrieval": "search", "image-text-retrieval": "search", "multiple-choice": "compare"}
# Kinds whose rows hold texts that can be compared with each other.
_COMPARED = ("text-similarity", "multiple-choice")
_SECONDS_AT_LEAST = 600.0
_OPERATIONS_PER_S = 5e9
_SECONDS_A_ROW = 1.0
_SECONDS_TO_LEARN_A_ROW = 0.1
_TOKENS = 512
# An answer has few tokens beside a prompt, and each takes its time however small the model is.
_SECONDS_AN_ANSWER, _SHARE_OF_AN_ANSWER = 0.02, 0.05
# So many tokens of a text take about as long as the likelihood of an answer.
_TOKENS_AN_ANSWER = 8
# Of a server: rows are asked about while they choose, confirm and are learned from, and slow ones take their time for each.
_SECONDS_A_CALL, _CALLS_A_ROW = 2.0, 4
# The quickest trial there is, with the start of its process: without a foundation model, and with one.
_SECONDS_FOR_BASELINE, _SECONDS_FOR_MODEL = 2.0, 8.0


def check_budget(budget_s: float | None, passed_s: float, candidates: Sequence[Registered]) -> None:
    """Refuse a budget in which not even the quickest trial of these candidates could be finished.

    `passed_s` is what reading the rows and looking at the candidates took already, which the budget pays for.

    Raises:
        WorkspaceError: it is too small; the hint names the smallest that works.
    """
    if budget_s is None or not candidates:
        return
    least = passed_s + quickest_s(candidates)
    if budget_s < least:
        what = f"a budget of {budget_s:g} s is too small for a single trial"
        takes = f"to begin took {passed_s:.1f} s, and the quickest trial is estimated at {least - passed_s:g} s"
        raise WorkspaceError(what, where="--budget", hint=f"give {math.ceil(least)}s or more: {takes}")


def quickest_s(candidates: Sequence[Registered]) -> float:
    """Return about how long the quickest trial of these candidates takes, in seconds; there must be one."""
    return min(_SECONDS_FOR_BASELINE if one.card.baseline else _SECONDS_FOR_MODEL for one in candidates)


def check_techniques(names: Sequence[str]) -> None:
    """Accept known techniques only.

    Raises:
        WorkspaceError: one or more are unknown.
    """
    raise_all(
        [
            WorkspaceError(f'unknown technique "{n}"', where="--techniques", hint=suggest(n, TECHNIQUES))
            for n in names
            if n not in TECHNIQUES
        ]
    )


def check_words(names: Sequence[str], task: Task, wording: Wording | None, *, has_words: bool) -> None:
    """Refuse techniques that read words for the classes where there are none, or compare texts where rows are not to be alike.

    Raises:
        WorkspaceError: one is asked for by name.
    """
    found = (_find_obstacle(name, task, wording, has_words=has_words) for name in names)
    raise_all([WorkspaceError(what, where="--techniques", hint=hint) for what, hint in found if what])


def _find_obstacle(name: str, task: Task, wording: Wording | None, *, has_words: bool) -> tuple[str, str]:
    """Return why a technique cannot be used on the rows of a task, and what to do; nothing where it can."""
    if not _suits(name, task):
        mine = ", ".join(other for other in TECHNIQUES if _suits(other, task))
        return f"{name} is not for the kind {task.kind}", f"leave it out, or choose among: {mine}"
    need, found = TECHNIQUES[name][0], ("", "")
    told = ("class", "labels") if need == "entail" else ("class",)
    if task.target == "text":
        return found
    if need in {"ask", "match", "entail"} and task.target not in told:
        here = "numbers are told" if task.target == "number" else "a row can have several labels"
        found = f"{name} tells one of several classes, and here {here}", "leave the technique out"
    elif (need == "ask" and wording is None) or (need == "entail" and task.modality != "text"):
        reads = "asks what follows from a text" if need == "entail" else "puts rows to a language model"
        found = f"{name} {reads}, and these are pictures", "leave the technique out"
    elif name == "prompted" and wording is not None and not wording.is_told:
        hint = "describe each label under `classes` in task.yaml, or try few-shot, where examples show what labels mean"
        found = "prompted asks for words for the classes, and these have none", hint
    elif need in {"match", "entail"} and not has_words:
        hint = "describe each label under `classes` in task.yaml, or leave the technique out; pairs of texts have no such words"
        found = f"{name} compares rows with words for the classes, and these have none", hint
    elif need == "compare" and task.kind not in _COMPARED:
        hint = "leave it out, or take the kind text-similarity or multiple-choice"
        found = f"{name} tells how alike two texts are, the kind of the task is {task.kind}", hint
    return found


def _suits(technique: str, task: Task) -> bool:
    """Tell whether a technique tells what the task asks for: a text, documents, tags, or something of each row by itself."""
    need = TECHNIQUES[technique][0]
    if task.target == "text":
        return technique in FOR_TEXTS
    if task.target in {"tags", "documents"}:
        return technique in (FOR_TAGS if task.target == "tags" else FOR_DOCUMENTS)
    if task.kind == "multiple-choice":
        return need in {"fit", "ask", "compare"}
    return need == "fit" or (need == "search") == (task.target == "captions")


@dataclass(frozen=True, slots=True)
class Ground:
    """What every trial of a run stands on: the device, and hashes of the rows, the software and machine, and each candidate."""

    device: str
    data: str
    software: str
    sources: Mapping[str, str]

    def holds(self, trial: Trial) -> bool:
        """Tell whether a trial stands on the same rows, software, machine and files of a candidate that takes part."""
        mine = (self.device, self.data, self.software, self.sources.get(trial.candidate))
        return mine == (trial.device, trial.task_digest, trial.software_digest, trial.source_digest)


def plan(
    task: Task,
    candidates: Sequence[Registered],
    settings: Settings,
    ground: Ground,
    *,
    has_words: bool = False,
    speakers: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[Trial, ...]:
    """Return the trials in order: each candidate's techniques, then its memory, and that of each way in which it is asked.

    `speakers` names the techniques by which a candidate can be asked. What a server takes of its own memory is not measured.
    """
    wishes = settings.techniques
    trials = []
    for candidate in candidates:
        card = candidate.card
        needs = _needs(candidate, task, has_words=has_words)
        # Heads on frozen features are what training is compared with, and chosen by: naming trainings alone leaves them in.
        heads = [n for n in wishes if TECHNIQUES[n][0] != "train"]
        able = [n for n, (need, *_) in TECHNIQUES.items() if need in needs or n in speakers.get(card.name, ())]
        able = [n for n in able if _suits(n, task)]
        wanted = [n for n in able if TECHNIQUES[n][0] == "fit" or not heads or n in heads]
        asked = [n for n in wanted if TECHNIQUES[n][0] in {"ask", "entail"}]
        passes: list[tuple[str, Pass]] = [(n, "quality") for n in wanted]
        if "memory" in settings.measures and card.remote is None:
            passes += [(n, "memory") for n in (*([""] if len(asked) < len(wanted) or not wanted else []), *asked)]
        trials += [
            Trial(
                candidate=card.name,
                technique=technique,
                task=task.name,
                task_digest=ground.data,
                metric=task.metric,
                source_digest=ground.sources[card.name],
                software_digest=ground.software,
                measures=measures,
                timed="latency" in settings.measures,
                device=ground.device,
                seed=settings.seed,
            )
            for technique, measures in passes
        ]
    return tuple(trials)


def _needs(candidate: Registered, task: Task, *, has_words: bool) -> set[str]:
    """Return what a candidate may be used for beside being asked.

    Baselines fit; cards of adapters embed; of a plugin both are planned, and its worker says what the model cannot do. Where the
    classes have words, what embeds may match them too; where pairs are to be alike, it may compare their texts.
    """
    card, use = candidate.card, _USES.get(task.kind, "embed")
    # Of pictures and captions a baseline has vectors, too.
    if card.baseline and task.target != "captions":
        return {"fit"}
    # A text is written only by who is asked, or learns to.
    if task.target == "text":
        return {"fit"} if candidate.is_plugin else set()
    if card.remote is not None and "embeddings" not in card.remote.offers:
        return set()
    found = {use, "fit"} if candidate.is_plugin else {use}
    if use == "embed":
        found |= ({"match"} if has_words else set()) | ({"compare"} if task.kind == "text-similarity" else set())
    return found


def find_gap(card: Card, task: Task) -> str:
    """Return why a server is of no use for a task, by what it offers; nothing where it is of use, or none."""
    if card.remote is None:
        return ""
    wanted = {"class": {"embeddings", "chat", "completions"}, "text": {"chat", "completions"}}.get(task.target, {"embeddings"})
    if task.target == "tags":
        return f"the kind {task.kind} needs features of each word, which no such server gives"
    if wanted & set(card.remote.offers):
        return ""
    needs = "chat or completions" if task.target == "text" else "embeddings"
    return f"{card.host} offers {' and '.join(card.remote.offers)} for it, and the kind {task.kind} needs {needs}"


def answers_in(tokens: int) -> int:
    """Return as how many answers a text of at most so many tokens counts, by the time that it takes.

    >>> answers_in(64), answers_in(1)
    (8, 1)
    """
    return math.ceil(tokens / _TOKENS_AN_ANSWER)


def limits_of(
    card: Card, settings: Settings, rows: int, free_bytes: tuple[int, int], *, epochs: float = 0.0, answers: int = 0
) -> Limits:
    """Return what a worker may take: what the user says, else enough for a slow processor and most of what is free.

    `free_bytes` are of memory and of the disk. The time is ten minutes, a tenth of a second a row to learn from it, and what two
    operations a parameter and token take at five billion a second; a second a row where the parameters are unknown. A step of
    training takes three times as much, and every row takes it `epochs` times. Where rows are asked about, each of the
    `answers` takes a while, too. A server is called some times a row and answer, as slowly as its card lets it be.
    """
    tokens = min(card.context or _TOKENS, _TOKENS)
    operations = 2 * card.parameters * tokens / _OPERATIONS_PER_S if card.parameters is not None else _SECONDS_A_ROW
    asked = answers * (_SECONDS_AN_ANSWER + operations * _SHARE_OF_AN_ANSWER)
    seconds = _SECONDS_AT_LEAST + rows * (_SECONDS_TO_LEARN_A_ROW + operations * (1 + 3 * epochs) + asked)
    if card.remote is not None:
        call = max(_SECONDS_A_CALL / card.remote.concurrency, 60 / (card.remote.requests_per_minute or math.inf))
        seconds += _CALLS_A_ROW * rows * max(1, answers) * call
    most = most_of(free_bytes)
    memory = settings.memory_limit_bytes or most.memory_bytes
    return replace(most, seconds=settings.trial_timeout_s or round(seconds), memory_bytes=memory)
