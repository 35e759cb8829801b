"""Every parser of bench, what it is fed, and what must hold of the outcome: a value, or an error of three lines."""

from __future__ import annotations

import functools
import io
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import strategies as st
from PIL import Image

from harness.builtin import builtin_root
from harness.core.card import Card
from harness.core.constraint import LicensePolicy
from harness.core.measurement import Measurement
from harness.core.quantity import parse_duration, parse_size
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Data, Task
from harness.core.trial import Failed, Finished, Record, Trial
from harness.errors import BenchError, CandidateError, TaskError, raise_all
from harness.load.candidates import load_candidates
from harness.load.data import load_dataset
from harness.load.faults import validate
from harness.load.overrides import override
from harness.load.picture import find_problem
from harness.load.place import inside
from harness.load.suites import list_suites
from harness.load.tasks import list_tasks
from harness.load.workspace import Workspace
from harness.load.yaml_file import YamlFile
from harness.models.pictures import decode
from harness.rank.licenses import check_policy, explain_commercial_use
from harness.store import journal, predictions, runs
from tests.fuzz.strategies import ANY_TEXT, as_yaml, exchanged, files, mutated, noise

ROWS = [{"text": f"message {i} of many", "label": "ab"[i % 2], "number": i} for i in range(24)]
CONLL = b"".join(b"-DOCSTART-\tO\n\nAnn%d\tB-person\nleft\tO\nRome\tI-place\n\n" % i for i in range(12))
SPANS = b"".join(
    b'{"text": "Ann%d left", "entities": [[0, 3, "p"], {"start": 5, "end": 9, "label": "q"}]}\n' % i for i in range(12)
)


@dataclass(frozen=True, slots=True)
class Parser:
    """A way into bench: `put` writes the input to where it is read from, `read` reads it, `share` is its part of all inputs."""

    inputs: Callable[[], st.SearchStrategy[Any]]
    read: Callable[[Path, Any], object]
    put: Callable[[Path, Any], None] = lambda _folder, _content: None
    share: int = 1


def _file(name: str) -> Callable[[Path, bytes], None]:
    def put(folder: Path, content: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return put


def _real(pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(builtin_root().glob(pattern)) if "_builtin" not in path.parts]


def _cards() -> list[bytes]:
    """The first two cards of each real file; a longer file makes the hunt slower, not wider."""
    return [b"\n- name".join(text.split(b"\n- name")[:2]) for text in _real("candidates/*.yaml")]


def _data(name: str, kind: str = "text-classification") -> Callable[[Path, Any], object]:
    task = Task(name="t", kind=kind, data=Data(train=name))
    return lambda folder, _: load_dataset(task, folder, override=None, seed=0, offline=True)


def _delimited(mark: str) -> list[bytes]:
    lines = ["text\tlabel\tnumber", *(f'"{row["text"]}"\t{row["label"]}\t{row["number"]}' for row in ROWS)]
    return ["\n".join(lines).replace("\t", mark).encode(), "\r\n".join(lines[1:]).replace("\t", mark).encode()]


@functools.cache
def _tables() -> tuple[bytes, ...]:
    found = []
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    more = {"tags": [["a"]] * 24, "when": pa.array([0] * 24, pa.timestamp("ns")), "kind": pa.array(["a"] * 24).dictionary_encode()}
    for table, options in (
        (columns, {"compression": "zstd"}),
        (columns, {"compression": "none", "use_dictionary": False}),
        (columns | more, {"compression": "snappy", "row_group_size": 7}),
    ):
        out = io.BytesIO()
        pq.write_table(pa.table(table), out, **options)
        found.append(out.getvalue())
    return tuple(found)


@functools.cache
def _pictures() -> tuple[bytes, ...]:
    found = []
    noisy = Image.effect_noise((24, 18), 60)
    deep = Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 160)
    for form, image, options in (
        ("PNG", noisy.convert("RGB"), {}),
        ("PNG", noisy.convert("P"), {"transparency": 3}),
        ("PNG", noisy.convert("LA"), {}),
        ("PNG", deep, {}),
        ("JPEG", noisy.convert("RGB"), {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}),
        ("JPEG", noisy.convert("CMYK"), {"progressive": True}),
        ("BMP", noisy, {}),
        ("WEBP", noisy.convert("RGBA"), {}),
        ("GIF", noisy.convert("P"), {"save_all": True, "append_images": [noisy.rotate(90).convert("P")]}),
        ("TIFF", noisy.convert("RGB"), {"compression": "tiff_lzw"}),
        ("TIFF", deep, {}),
    ):
        out = io.BytesIO()
        image.save(out, form, **options)
        found.append(out.getvalue())
    return tuple(found)


def _read_picture(_folder: Path, content: bytes) -> object:
    """What loading accepts must be a picture for the candidates too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as loading has it
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        problem = find_problem(content)
        if problem:
            raise TaskError(f"a picture is broken: {problem}")
        return decode(content).size


def _read_license(folder: Path, expression: str) -> object:
    file = YamlFile(folder / "cards.yaml", None, {(): 1})
    card = validate(Card, {"name": "a", "license": expression}, file, CandidateError)
    policy = validate(LicensePolicy, {"use": "commercial", "deny": [expression]}, file, CandidateError)
    for found in (card, policy):
        if isinstance(found, list):
            raise_all(found)
    assert isinstance(card, Card)
    assert isinstance(policy, LicensePolicy)
    return explain_commercial_use(card.license), check_policy(card.license, policy)


def _licenses() -> st.SearchStrategy[str]:
    words = st.sampled_from(
        [
            "MIT",
            "apache-2.0",
            "GPL-2.0-only",
            "CC-BY-NC-4.0",
            "LicenseRef-x",
            "LicenseRef-",
            "Classpath-exception-2.0",
            "(",
            ")",
            "AND",
            "OR",
            "WITH",
            "or",
            "with",
            "+",
            "unknown",
            "",
            "\n",
            "\0",
            "é",
        ]
    )
    written = st.lists(words, max_size=9).map(" ".join)
    deep = st.integers(1, 3000).map(lambda depth: "(" * depth + "MIT" + ")" * depth)
    return (
        written
        | st.lists(words, max_size=6).map("".join)
        | ANY_TEXT
        | deep
        | st.integers(1, 3000).map(lambda n: " OR ".join(["MIT"] * n))
    )


def _quantities(units: str) -> st.SearchStrategy[str]:
    number = (
        st.integers().map(str)
        | st.floats().map(str)
        | st.decimals(allow_nan=False).map(str)
        | st.text("0123456789.,_-+e", max_size=30)
    )
    return ANY_TEXT | st.tuples(number, st.sampled_from(["", " ", "\n", "\u00a0"]), st.sampled_from(units.split())).map("".join)


TASK = Task(name="t", kind="text-classification", data=Data(train="a.csv"))
KEYS = [
    "latency_ms",
    "latency_ms.p95",
    "license",
    "license.allow",
    "license.deny",
    "memory_mb",
    "parameters",
    "context",
    "margin",
    "prefer",
    "metric",
    "min_quality",
    "name",
    "a.b.c",
]


def _changes() -> st.SearchStrategy[str]:
    words = st.sampled_from(
        [
            "5",
            "commercial",
            "[MIT]",
            "{p95: 5}",
            "{use: any}",
            "500M",
            "[&a [1], *a]",
            "!!python/object:a.b {}",
            ".inf",
            "1e400",
            "0x_",
            "9" * 5000,
            "[" * 3000,
            "{a: " * 50,
            "null",
            "~",
            "2020-99-99",
            "{[1]: 2}",
            "{1: 2}",
            "'",
            "evaluate:x",
        ]
    )
    return ANY_TEXT | st.tuples(st.sampled_from(KEYS) | ANY_TEXT, st.just("="), words | ANY_TEXT).map("".join)


@functools.cache
def _records() -> tuple[dict[str, Any], ...]:
    trial = Trial(candidate="a", technique="knn", task="t", task_digest="d", source_digest="s")
    score = Measurement(name="score", value=0.5, low=0.4, high=0.6, n=3)
    outcomes = Finished(measurements=(score,), recipe={"C": 0.1}), Failed(stage="load", error="no", log=("line",))
    made = [Record(trial=trial, outcome=outcome, started="2026-01-01T00:00:00", seconds=1.5) for outcome in outcomes]
    return tuple(json.loads(record.model_dump_json()) for record in made)


def _lines(document: Any) -> bytes:
    return json.dumps(document).encode() + b"\n"


def _journals() -> st.SearchStrategy[bytes]:
    whole = b"".join(map(_lines, _records()))
    changed = st.lists(exchanged(_records()).map(_lines), min_size=1, max_size=3).map(b"".join)
    return files([whole, whole + whole[:50]]) | changed


def _read_journal(folder: Path, _content: bytes) -> object:
    try:
        return journal.read(folder / "records.jsonl")
    finally:
        os.unlink(folder / "records.jsonl")  # noqa: PTH108 - the copy below is mended instead
        _mend(folder, _content)


def _mend(folder: Path, content: bytes) -> None:
    """Whatever a journal holds, mending makes it readable; and only mending may leave a file."""
    path = folder / "records.jsonl"
    path.write_bytes(content)
    journal.repair(path)
    journal.read(path)
    path.with_name("records.damaged.jsonl").unlink(missing_ok=True)


@functools.cache
def _heads() -> tuple[dict[str, Any], ...]:
    facts = DataFacts(
        source="a.csv", digest="d", classes=("a", "b"), train=8, validation=4, folds=5, test=2, smallest_class=4, largest_class=4
    )
    info = RunInfo(
        run="r",
        task=TASK,
        task_path="t",
        settings=Settings(),
        data=facts,
        cards=(Card(name="a"),),
        environment={"cores": 2},
        versions={"python": "3"},
        started="2026-01-01T00:00:00",
    )
    whole = json.loads(info.model_dump_json())
    return whole, whole | {"format": "bench.run/1"}


def _run_files() -> st.SearchStrategy[bytes]:
    return files([json.dumps(head, indent=1).encode() for head in _heads()]) | exchanged(_heads()).map(_lines)


@functools.cache
def _answers() -> tuple[bytes, ...]:
    columns: dict[str, Any] = {
        "id": ["a", "b", "c"],
        "split": ["validation", "validation", "test"],
        "reference": [0, 1, 1],
        "prediction": [0, 1, 0],
        "group": [None, "g", None],
        "probabilities": pa.array([[0.5, 0.5]] * 3, pa.list_(pa.float32(), 2)),
    }
    found = []
    for changed in (
        {},
        {"reference": [0.5, 1.0, None]},
        {"prediction": ["a", "b", "c"]},
        {"split": [1, 2, 3]},
        {"group": [[1], [2], [3]]},
    ):
        out = io.BytesIO()
        table = pa.table(columns | changed).replace_schema_metadata({"validation_sample": b"\0" * (15 if changed else 16)})
        pq.write_table(table, out, compression="zstd")
        found.append(out.getvalue())
    return tuple(found)


def _read_name(folder: Path, name: str) -> object:
    """A name of a task leads to a place inside its folder, or nowhere."""
    found = inside(folder / "task", name)
    assert found == (folder / "task").resolve() or (folder / "task").resolve() in found.parents
    return found


def _place(folder: Path, _name: str) -> None:
    (folder / "task" / "rows").mkdir(parents=True)
    (folder / "secret.csv").write_text("text,label\n")
    (folder / "task" / "out").symlink_to(folder)
    (folder / "task" / "loop").symlink_to("loop")
    (folder / "task" / "rows" / "link.csv").symlink_to("../../secret.csv")


def _names() -> st.SearchStrategy[str]:
    parts = st.sampled_from(
        ["..", ".", "", "out", "loop", "rows", "link.csv", "secret.csv", "~", "~nobody", "/", "\0", "\ud800", "a" * 300, "é", " "]
    )
    return ANY_TEXT | st.lists(parts, max_size=8).map("/".join) | st.integers(1, 3000).map(lambda n: "a/" * n)


PARSERS: Mapping[str, Parser] = {
    "cards (YAML)": Parser(
        lambda: files(_cards()) | as_yaml([yaml.safe_load(text) for text in _cards()]),
        lambda folder, _: load_candidates((Workspace("user", folder),)),
        _file("candidates/cards.yaml"),
        share=2,
    ),
    "tasks (YAML)": Parser(
        lambda: files(_real("tasks/*/task.yaml")) | as_yaml([yaml.safe_load(text) for text in _real("tasks/*/task.yaml")]),
        lambda folder, _: list_tasks((Workspace("user", folder),)),
        _file("tasks/t/task.yaml"),
        share=2,
    ),
    "suites (YAML)": Parser(
        lambda: files(_real("tasks/*/suite.yaml")) | as_yaml([yaml.safe_load(text) for text in _real("tasks/*/suite.yaml")]),
        lambda folder, _: list_suites((Workspace("user", folder),)),
        _file("tasks/t/suite.yaml"),
    ),
    "CSV": Parser(lambda: files([*_delimited(","), *_delimited(";")]), _data("d.csv"), _file("d.csv"), share=2),
    "TSV": Parser(lambda: files(_delimited("\t")), _data("d.tsv"), _file("d.tsv")),
    "CoNLL": Parser(lambda: files([CONLL, CONLL.replace(b"\t", b" ")]), _data("d.conll", "token-classification"), _file("d.conll")),
    "spans": Parser(lambda: files([SPANS]), _data("d.jsonl", "token-classification"), _file("d.jsonl")),
    "JSON lines": Parser(
        lambda: (
            files([b"".join(map(_lines, ROWS))])
            | exchanged([ROWS]).filter(lambda rows: isinstance(rows, list)).map(lambda rows: b"".join(map(_lines, rows)))
        ),
        _data("d.jsonl"),
        _file("d.jsonl"),
        share=2,
    ),
    "JSON array": Parser(
        lambda: files([json.dumps(ROWS, indent=1).encode()]) | exchanged([ROWS]).map(_lines), _data("d.json"), _file("d.json")
    ),
    "Parquet": Parser(
        lambda: noise() | mutated(_tables()) | mutated(_tables()) | mutated(_tables()),
        _data("d.parquet"),
        _file("d.parquet"),
        share=2,
    ),
    "pictures": Parser(
        lambda: noise() | mutated(_pictures()) | mutated(_pictures()) | mutated(_pictures()), _read_picture, share=2
    ),
    "license expressions": Parser(_licenses, _read_license, share=2),
    "durations": Parser(lambda: _quantities("s m min h d S ms w"), lambda _, text: parse_duration(text, "--trial-timeout")),
    "sizes": Parser(lambda: _quantities("B kB MB GB TB MiB GiB gb x"), lambda _, text: parse_size(text, "--memory-limit")),
    "KEY=VALUE": Parser(_changes, lambda _, text: override(TASK, [text])),
    "names of files": Parser(_names, _read_name, _place),
    "journal": Parser(_journals, _read_journal, _file("records.jsonl")),
    "run.json": Parser(_run_files, lambda folder, _: runs.read_info(folder), _file("run.json")),
    "predictions": Parser(lambda: files(_answers()), lambda folder, _: predictions.read(folder / "p.parquet"), _file("p.parquet")),
}


def check(parser: Parser, folder: Path, content: Any) -> str:
    """Read once, and return `value` or `error`; anything else that comes of it is a fault of bench and is raised."""
    parser.put(folder, content)
    before = sorted(folder.rglob("*"))
    try:
        parser.read(folder, content)
        outcome = "value"
    except BenchError as error:
        for fault in str(error).split("\n\n"):
            lines = fault.split("\n")
            assert 1 <= len(lines) <= 3, fault
            assert lines[0], fault
            assert all(line.startswith(("where: ", "do:    ")) for line in lines[1:]), fault
            assert fault.encode(), fault
            assert all(line.isprintable() for line in lines), fault
        outcome = "error"
    assert sorted(folder.rglob("*")) == before
    return outcome
