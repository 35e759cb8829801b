"""A drafted task as the file that its author goes on with: the keys that count, why they are so, and what else they can be."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from harness.core.draft import Draft
from harness.core.kinds import metric_names
from harness.core.metric_facts import facts_of, is_own
from harness.errors import WorkspaceError

FILE = "task.yaml"
_COLUMN = 33
_LONGEST = 200
# More classes than these are not listed for their author to describe.
_CLASSES = 20
_KEYS = ("text", "text_pair", "image", "query", "document", "prompt", "reference", "options", "label", "separator")
_CONSTRAINTS = """# constraints:                   # what the model may be and cost; who fails one is not recommended
#   license: {use: commercial}
#   latency_ms: {p95: 50}
#   memory_mb: 2000
#   parameters: 500M
#   min_quality: 0.80
"""


def write_draft(draft: Draft, folder: Path) -> Path:
    """Write a drafted task into a folder, the rows that it is to have there first; return the path of its file.

    Hidden files and links to folders are not copied.

    Raises:
        WorkspaceError: something cannot be read or written.
    """
    try:
        for name, source in draft.copied.items():
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=_unwanted, dirs_exist_ok=True)
            else:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, folder / name)
        (folder / FILE).write_text(to_yaml(draft), encoding="utf-8")
    except (OSError, shutil.Error) as error:
        what = f"the task cannot be written: {getattr(error, 'strerror', None) or error}"
        raise WorkspaceError(
            what, where=str(folder.parent), hint="look at what may be read and written, or free some space"
        ) from error
    return folder / FILE


def _unwanted(folder: str, names: list[str]) -> set[str]:
    paths = [Path(folder, name) for name in names]
    return {path.name for path in paths if path.name.startswith(".") or (path.is_symlink() and path.is_dir())}


def to_yaml(draft: Draft) -> str:
    """Return the text of the file; read again, it is the task."""
    return "\n".join(line.rstrip() for line in _lines(draft)) + "\n" + _CONSTRAINTS


def _lines(draft: Draft) -> Iterator[str]:
    task = draft.task
    yield "# Written by bench tasks new from the rows. Change what you like. All keys: bench schema task"
    yield f"name: {_value(task.name)}"
    yield _line(f"kind: {task.kind}", draft.found["kind"])
    yield from ["multi_label: true"] if task.multi_label else []
    yield _line("# description: …", "what the answers are for, in a sentence")
    yield "data:"
    yield from _data(draft)
    yield from _classes(draft)
    others = ", ".join(name for name in metric_names(task.target) if name != task.metric)
    yield _line(f"metric: {_value(task.metric)}", f"{draft.found['metric']}; or {others}")
    if task.modality == "text":
        yield _line("# languages: [en]", "rules out models that state other languages only")
    yield _line(f"prefer: {task.prefer}", "among contenders of about equal quality: latency, memory, throughput or parameters")
    if is_own(task.metric) and facts_of(task.metric).is_bounded:
        yield _line(f"margin: {task.margin}", "what difference in the metric does not matter to you")
    else:
        yield _line("# margin: 0.1", "what difference does not matter to you; left out: a hundredth of the values' deviation")


def _data(draft: Draft) -> Iterator[str]:
    data = draft.task.data
    yield f"  train: {_value(data.train)}"
    left_out = "" if data.test else "left out: "
    yield _line(f"  test: {_value(data.test)}" if data.test else "  # test: test.csv", left_out + draft.found["test"])
    for key in _KEYS:
        value = getattr(data, key)
        if value and (key != "separator" or value != type(data).model_fields[key].default):
            yield f"  {key}: {_value(list(value) if key == 'options' else value)}"
    yield _line("  # group: customer_id", "rows of one group never stand on both sides of a split")
    yield _line(f"  license: {_value(data.license)}", "of the rows themselves; state it, such as cc-by-4.0")


def _classes(draft: Draft) -> Iterator[str]:
    """Yield a place to say in words what codes mean."""
    if draft.codes:
        yield _line("# classes:", "what labels mean in words, for techniques that read them")
        yield from (f"#   {_comment(_value(code))}: …" for code in draft.codes[:_CLASSES])


def _line(text: str, comment: str) -> str:
    return f"{text.rstrip():<{_COLUMN - 1}} # {_comment(comment)}"


def _comment(text: str) -> str:
    """Return what can stand on one line behind a number sign: names of columns hold anything."""
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _value(value: object) -> str:
    """Return a value as YAML on one line."""
    # What cannot be printed is escaped: some of it would end the line.
    text = yaml.safe_dump(value, allow_unicode=str(value).isprintable(), width=math.inf, default_flow_style=True)
    return text.removesuffix("...\n").strip()
