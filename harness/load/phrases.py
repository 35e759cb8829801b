"""What the classes of a task are in words, for techniques that read them instead of labelled rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.core.card import Modality
from harness.core.task import Task
from harness.core.wording import CHOICE_TEMPLATE, PAIR_TEMPLATE, TEMPLATE, Wording
from harness.errors import BenchError, TaskError, raise_all, suggest

# For pictures the sentence that CLIP was published with: Radford et al. 2021, section 3.1.4.
PROMPTS: dict[Modality, tuple[str, ...]] = {"text": ("{}",), "image": ("a photo of a {}.",)}
# What a text is asked to entail; the default of transformers.
HYPOTHESIS = "This example is {}."
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[_\-/\s]+")
# Two letters, or a single sign of a script that writes words with one.
_WORD = re.compile(r"[^\W\d_]{2}|[\u3040-\u9fff\uac00-\ud7af]")
_NUMBER = re.compile(r"\d+")


def describe_classes(task: Task, classes: Sequence[str], *, lenient: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return the phrases of each class, put into every prompt; nothing where the labels are numbers or codes and not described.

    Nothing is said of pairs: a class of theirs is no topic of either text.

    With `lenient`, descriptions of classes that no row has are passed over, for data that replaces the task's own.

    Raises:
        TaskError: the task describes a class that no row has.
    """
    faults: list[BenchError] = [
        TaskError(f'no row has the class "{label}"', where="task.yaml, key classes", hint=suggest(label, classes))
        for label in task.classes
        if label not in classes and not lenient
    ]
    raise_all(faults)
    return _put(task, classes, task.prompts or PROMPTS[task.modality]) if task.target == "class" else ()


def form_hypotheses(task: Task, classes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return what a text may entail, some sentences for each class or label; nothing where these have no words, or for pictures."""
    if task.modality != "text" or task.target not in {"class", "labels"}:
        return ()
    return _put(task, classes, task.prompts or (HYPOTHESIS,))


def _put(task: Task, classes: Sequence[str], prompts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the words of each class in every prompt, nothing where they say nothing of a row."""
    is_told = all(label in task.classes or _is_word(label, classes) for label in classes)
    if task.data.text_pair or task.kind == "multiple-choice" or not is_told:
        return ()
    phrases = [task.classes.get(label) or (to_words(label),) for label in classes]
    return tuple(tuple(prompt.replace("{}", one) for one in some for prompt in prompts) for some in phrases)


def word_task(task: Task, classes: Sequence[str]) -> Wording | None:
    """Return how texts and classes are put to a language model; a code stands for itself, and tells nothing.

    None for pictures, and where something else is told than one class. Questions bring their own options.
    """
    if task.modality != "text" or task.target != "class":
        return None
    if task.kind == "multiple-choice":
        return _word_options(task)
    words = [task.classes.get(label) or ((to_words(label),) if _is_word(label, classes) else (label,)) for label in classes]
    return Wording(
        template=task.ask.template or (PAIR_TEMPLATE if task.data.text_pair else TEMPLATE),
        words=tuple(words),
        instruction=task.ask.instruction,
        normalize=task.ask.normalize or "prior",
        is_told=all(label in task.classes or _is_word(label, classes) for label in classes),
    )


def _word_options(task: Task) -> Wording:
    """Return how questions are put to a language model."""
    template = task.ask.template or CHOICE_TEMPLATE
    normalize = task.ask.normalize or ("none" if "letter" in task.ask.fields else "tokens")
    return Wording(template, (), task.ask.instruction, normalize)


def to_words(label: str) -> str:
    """Write a label as it would stand in a sentence.

    >>> to_words("card_arrival"), to_words("lostOrStolen-card"), to_words("NASA")
    ('card arrival', 'lost or stolen card', 'NASA')
    """
    words = _BETWEEN.sub(" ", _HUMP.sub(" ", label)).strip().split(" ")
    return " ".join(word.lower() if word.istitle() and len(words) > 1 else word for word in words)


def _is_word(label: str, classes: Sequence[str]) -> bool:
    """Tell a label that means something from numbers and codes such as `7`, `a`, `True`, `LABEL_0`, `class 3`."""
    if not _WORD.search(label) or label.casefold() in {"true", "false"}:
        return False
    stem = _NUMBER.sub("", label)
    return stem == label or not any(_NUMBER.sub("", other) == stem for other in classes if other != label)
