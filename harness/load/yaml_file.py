"""YAML that remembers the line of every key, and refuses what a settings file never needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.core.bounds import MAX_DIGITS
from harness.errors import BenchError, raise_all
from harness.load.lines import check_file, undecodable, unreadable
from harness.load.place import where

MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_VALUES = 50_000
Key = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_PLAIN = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHOWN = 100
_CONSTRUCTOR = yaml.constructor.SafeConstructor


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds, and the line (from 1) at which each key path begins."""

    path: Path
    content: object
    lines: dict[Key, int]

    def find_line(self, key: Key) -> int:
        """Return the line of a key; for one that is not written, the line of what should hold it."""
        return next(self.lines[key[:length]] for length in range(len(key), -1, -1) if key[:length] in self.lines)

    def locate(self, key: Key) -> str:
        """Name the place of a key."""
        return where(self.path, self.find_line(key), key)


def read_yaml(path: Path, kind: type[BenchError]) -> YamlFile:
    """Read a file of plain values: mappings, lists, text, numbers, true/false.

    Words that YAML 1.1 takes for something else stay text: dates, `no`, `12:30`.

    Raises:
        BenchError: of the given kind, for anything that keeps the file from being read; duplicate keys are collected.
    """
    text = read_text(path, kind, MAX_BYTES)
    node = _compose(text, path, kind)
    if node is None:
        msg = "the file is empty"
        raise kind(msg, where=where(path), hint="fill it in, or delete it; `bench init` writes an example")
    walk = _Walk(path, kind)
    content = walk.value(node, ())
    raise_all(walk.faults[:_SHOWN])
    return YamlFile(path, content, walk.lines)


def read_value(text: str, place: str, kind: type[BenchError]) -> object:
    """Read one value that was written on the command line, by the rules of a file.

    Raises:
        BenchError: of the given kind, when it cannot be read.
    """
    path = Path(place)
    node = _compose(text, path, kind)
    walk = _Walk(path, kind)
    value = None if node is None else walk.value(node, ())
    raise_all(walk.faults[:_SHOWN])
    return value


def read_text(path: Path, kind: type[BenchError], max_bytes: int) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        BenchError: of the given kind, when the file cannot be read, is larger than `max_bytes` or is not UTF-8.
    """
    check_file(path, kind, max_bytes)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise undecodable(path, kind) from error
    except OSError as error:
        raise unreadable(path, error, kind) from error


def _compose(text: str, path: Path, kind: type[BenchError]) -> yaml.Node | None:
    try:
        _check_events(text, path, kind)
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _syntax_fault(error, path, kind) from error
    except UnicodeError as error:  # half a character, which the command line can hold
        raise kind("not valid YAML: a character is incomplete", where=where(path), hint="write it as UTF-8") from error


def _check_events(text: str, path: Path, kind: type[BenchError]) -> None:
    """Refuse aliases, which can expand without bound, and nesting that would exhaust the stack."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            msg = f'"*{event.anchor}" repeats another part of the file'
            raise kind(msg, where=where(path, line), hint="write the part out again; aliases are not read")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            msg = f"the file is nested more than {MAX_DEPTH} deep"
            raise kind(msg, where=where(path, line), hint="check the brackets and the indentation")
        if number > MAX_VALUES:
            msg = f"the file holds more than {MAX_VALUES:,} values, which is the limit"
            raise kind(msg, where=where(path, line), hint="split it; data belongs in a file of its own")


def _syntax_fault(error: yaml.YAMLError, path: Path, kind: type[BenchError]) -> BenchError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    hint = "check quotes, colons and indentation there; put text that holds a colon in quotes"
    return kind(f"not valid YAML: {problem}", where=where(path, mark.line + 1 if mark else None), hint=hint)


class _Walk:
    """Turns nodes into values, noting lines and faults on the way."""

    def __init__(self, path: Path, kind: type[BenchError]) -> None:
        self.path = path
        self.kind = kind
        self.lines: dict[Key, int] = {}
        self.faults: list[BenchError] = []
        self.constructor = _CONSTRUCTOR()

    def value(self, node: yaml.Node, key: Key) -> object:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if node.tag.removeprefix(_TAG) not in _PLAIN:
            msg = f'the tag "{node.tag}" is not read'
            self.faults.append(self.kind(msg, where=where(self.path, self.lines[key], key), hint="remove the tag"))
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, key))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*key, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, object]]:
        seen: dict[str, int] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else "?"
            if name in seen:
                msg = f'the key "{name}" is given twice'
                place = where(self.path, line, (*key, name))
                self.faults.append(self.kind(msg, where=place, hint=f"keep one; the first is in line {seen[name]}"))
                continue
            seen[name] = line
            self.lines[*key, name] = line
            yield name, self.value(value_node, (*key, name))

    def _scalar(self, node: yaml.Node) -> object:
        tag = node.tag.removeprefix(_TAG)
        text = str(node.value)
        if tag == "bool":
            return text.lower() == "true" if text.lower() in {"true", "false"} else text
        if tag not in {"int", "float", "null"} or ":" in text:
            return text
        try:
            if tag == "int" and len(text) > MAX_DIGITS:
                return text
            return self.constructor.construct_object(node)
        except ValueError:  # such as 0x_, which YAML takes for a number and Python does not
            return text
