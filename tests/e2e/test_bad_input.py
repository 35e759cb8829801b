"""Bad input to the command: exit code 2, three lines for each fault, and nothing written.

Each case is given to the command line in this process; some are given to the installed command too, to show that it says the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from PIL import Image

from harness import cli
from tests.e2e.command import run_bench

TASK = "tasks/t/task.yaml"
TRAIN = "tasks/t/train.csv"
CARDS = "candidates/mine.yaml"
RUN = "compare --task t --candidates baseline-majority --offline"
PINNED = "revision: '" + "a" * 40 + "'"
ROWS = [(f"message {number} of many", "ab"[number % 2]) for number in range(40)]


def table(rows: Sequence[tuple[str, str]] = ROWS, header: str = "text,label") -> str:
    return "\n".join([header, *(f"{text},{label}" for text, label in rows)]) + "\n"


def task(data: str = "train: train.csv", kind: str = "text-classification", more: str = "") -> str:
    return f"name: t\nkind: {kind}\ndata: {{{data}}}\n{more}"


def picture(number: int) -> bytes:
    """A grey square as PNG."""
    out = BytesIO()
    Image.new("L", (8, 8), number).save(out, format="PNG")
    return out.getvalue()


def pictures() -> dict[str, str | bytes]:
    """Two classes of pictures, two of them broken."""
    sound: dict[str, str | bytes] = {f"tasks/t/pictures/{'ab'[n % 2]}/{n:02}.png": picture(5 * n) for n in range(40)}
    return sound | {"tasks/t/pictures/a/02.png": b"not a picture", "tasks/t/pictures/b/03.png": b""}


def card(name: str, more: str = f"license: mit, {PINNED}") -> str:
    return f"- {{name: {name}, adapter: timm, source: org/x, modality: [image], {more}}}\n"


@dataclass(frozen=True)
class Fault:
    """The three lines: `what` and `where` are exact unless they end in `…`, `hint` is how the third begins."""

    what: str
    where: str
    hint: str


@dataclass(frozen=True)
class Case:
    """Files of a workspace beside a sound task `t`, the words after `bench`, and the faults in their order."""

    name: str
    faults: tuple[Fault, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    words: str = RUN

    def __str__(self) -> str:
        return self.name


def one(name: str, lines: tuple[str, str, str], files: Mapping[str, str | bytes] | None = None, words: str = RUN) -> Case:
    """A case with a single fault."""
    return Case(name, (Fault(*lines),), files or {}, words)


ARGUMENTS = [
    one(
        "unknown task",
        ('unknown task "suport-intents"', "--task", 'use "support-intents" (known: '),
        {},
        "compare --task suport-intents",
    ),
    one(
        "no task there",
        ('there is no task at "tasks/u"', "--task", "name a folder that holds task.yaml"),
        {},
        "compare --task tasks/u",
    ),
    Case(
        "unknown candidates",
        (
            Fault('unknown candidate "minilm-l6-v3"', "--candidates", 'use "minilm-l6-v2" (known: '),
            Fault('unknown candidate "zzzz*"', "--candidates", "known: "),
        ),
        words="compare --task t --candidates minilm-l6-v3,zzzz*",
    ),
    Case(
        "unknown techniques",
        (
            Fault('unknown technique "linear-prob"', "--techniques", 'use "linear-probe" (known: '),
            Fault('unknown technique "magic"', "--techniques", "known: "),
        ),
        words=f"{RUN} --techniques linear-prob,knn,magic",
    ),
    Case(
        "unknown constraints",
        (
            Fault('cannot read the change "latencyms=5"', "--constraint", 'use "latency_ms" (known: '),
            Fault('cannot read the change "memory_mb"', "--constraint", "write KEY=VALUE"),
        ),
        words=f"{RUN} --constraint latencyms=5 --constraint memory_mb",
    ),
    one(
        "unknown metric of a change",
        ('unknown metric "acuracy"', "--constraint metric", 'use "accuracy" (known: '),
        {},
        f"{RUN} --constraint metric=acuracy",
    ),
    one(
        "no such data",
        ('there is no file or folder "tasks/t/trein.csv"', "--data", 'did you mean "train.csv"?'),
        {},
        f"{RUN} --data tasks/t/trein.csv",
    ),
    one(
        "no such workspace",
        ('there is no folder "nowhere"', "--workspace", "make one with: bench init nowhere"),
        {},
        f"{RUN} --workspace nowhere",
    ),
    one(
        "data that is no file",
        ('"null" is of a format that is not read', "/dev/null", "known: .csv"),
        {},
        f"{RUN} --data /dev/null",
    ),
    one(
        "a value that cannot be read",
        ('cannot read the change "license=["', "--constraint", "put a value"),
        {},
        f"{RUN} --constraint license=[",
    ),
    one("unknown run", ('no run "t"', "reports", ""), {}, "report t"),
]

FILES = [
    one(
        "unknown metric",
        ('unknown metric "acuracy"', "tasks/t/task.yaml, line 4, key metric", 'use "accuracy" (known: accuracy, '),
        {TASK: task(more="metric: acuracy\n")},
    ),
    Case(
        "every fault of a task at once",
        (
            Fault('unknown kind "text-clasification"', "tasks/t/task.yaml, line 2, key kind", 'use "text-classification" (known: '),
            Fault('the key "train" is missing', "tasks/t/task.yaml, line 3, key data.train", "add `train: …`"),
            Fault('unknown key "lable"', "tasks/t/task.yaml, line 3, key data.lable", 'use "label" (known: '),
            Fault('expected a number, found "much"', "tasks/t/task.yaml, line 4, key margin", "give a number"),
            Fault('unknown key "mertic"', "tasks/t/task.yaml, line 5, key mertic", 'use "metric" (known: '),
            Fault('expected a list, found "en"', "tasks/t/task.yaml, line 6, key languages", "write it in brackets: [a, b]"),
            Fault('unknown key "ram_mb"', "tasks/t/task.yaml, line 8, key constraints.ram_mb", "known: "),
        ),
        {
            TASK: task("lable: x", "text-clasification", "margin: much\nmertic: mcc\nlanguages: en\nconstraints:\n  ram_mb: 5\n"),
        },
    ),
    one(
        "not YAML",
        ("not valid YAML: …", "tasks/t/task.yaml, line 3", "check quotes, colons and indentation there"),
        {TASK: "name: t\nkind: [\ndata: }\n"},
    ),
    one("an empty task", ("the file is empty", "tasks/t/task.yaml", "fill it in, or delete it"), {TASK: ""}),
    one(
        "missing file",
        ('there is no file "trian.csv" in the task folder', "tasks/t", 'did you mean "train.csv"?'),
        {TASK: task("train: trian.csv")},
    ),
    one(
        "missing column",
        ('there is no column "massage"', "tasks/t/train.csv, key data.text", 'use "message" (known: label, message)'),
        {TASK: task("train: train.csv, text: massage"), TRAIN: table(header="message,label")},
    ),
    Case(
        "missing columns of both files",
        (
            Fault('there is no column "label"', "tasks/t/train.csv, key data.label", "known: answer, text"),
            Fault('there is no column "group"', "tasks/t/train.csv, key data.group", "known: answer, text"),
        ),
        {TASK: task("train: train.csv, label: label, group: group"), TRAIN: table(header="text,answer")},
    ),
    one(
        "a test file without the column",
        ('there is no column "label"', "tasks/t/test.csv", "known: answer, text"),
        {TASK: task("train: train.csv, test: test.csv"), "tasks/t/test.csv": table(header="text,answer")},
    ),
    one(
        "ambiguous column",
        (
            'which column is the label is ambiguous: "category" or "intent"',
            "tasks/t/train.csv",
            "name it in task.yaml: data: {label: …}",
        ),
        {TRAIN: table([(text, f"{label},{label}") for text, label in ROWS], "text,category,intent")},
    ),
    one("empty file", ("the file is empty", "tasks/t/train.csv", "put the rows into it"), {TRAIN: ""}),
    one(
        "single class",
        ('there is a single class, "a"', "tasks/t/train.csv", "give rows of at least two classes"),
        {TRAIN: table([(text, "a") for text, _ in ROWS])},
    ),
    one(
        "a class with one row",
        ('class "c" has one row only', "tasks/t/train.csv", "add rows, merge classes or remove them"),
        {TRAIN: table([*ROWS, ("lonely", "c")])},
    ),
    Case(
        "lonely classes and strange test labels",
        (
            Fault('2 classes have ("c", "d") one row only', "tasks/t/train.csv; tasks/t/test.csv", "add rows"),
            Fault('the test rows have labels that training lacks: "e"', "tasks/t/train.csv; tasks/t/test.csv", "add training rows"),
        ),
        {
            TASK: task("train: train.csv, test: test.csv"),
            TRAIN: table([*ROWS, ("x", "c"), ("y", "d")]),
            "tasks/t/test.csv": table([*ROWS[:4], ("new", "e")]),
        },
    ),
    one(
        "undecodable bytes",
        (
            "the file is not UTF-8: byte 0xfc cannot be decoded",
            "tasks/t/train.csv, line 42",
            "save it as UTF-8, e.g. iconv -f LATIN1",
        ),
        {TRAIN: table().encode() + "für dich,a\n".encode("latin-1")},
    ),
    one(
        "a path that leaves the task",
        ('"../../train.csv" leaves the task folder', "tasks/t", "copy the data into the task folder"),
        {TASK: task("train: ../../train.csv"), "train.csv": table()},
    ),
    one(
        "an absolute path",
        ('"/etc/passwd" leaves the task folder', "tasks/t", "copy the data into the task folder"),
        {TASK: task("train: /etc/passwd")},
    ),
    one(
        "a function that leaves the task",
        ('"../data.py" leaves the task folder', "tasks/t", ""),
        {TASK: task("train: '../data.py:load'"), "tasks/data.py": "raise SystemExit('it was run')\n"},
    ),
    one(
        "a function that raises",
        ("ZeroDivisionError: division by zero (line 2)", "tasks/t/data.py, function load", "correct the file"),
        {TASK: task("train: 'data.py:load'"), "tasks/t/data.py": "def load():\n    return 1 / 0\n"},
    ),
    one(
        "a function that ends its process",
        ("the function ends its process, with exit status 0", "tasks/t/data.py, function load", "return the rows, and raise"),
        {TASK: task("train: 'data.py:load'"), "tasks/t/data.py": "import os\ndef load():\n    os._exit(0)\n"},
    ),
    one(
        "missing test file",
        ('there is no file "test.csv" in the task folder', "tasks/t", "correct the path, or put the file there"),
        {TASK: task("train: train.csv, test: test.csv")},
    ),
    one(
        "broken pictures",
        (
            "2 of 40 pictures are broken",
            "a/02.png (not a picture), b/03.png (not a picture)",
            "mend or remove them, or set `skip_broken: true`",
        ),
        {TASK: task("train: pictures", "image-classification")} | pictures(),
    ),
    one(
        "texts where pictures are wanted",
        ("no column can be told to be the image", "tasks/t/train.csv", "name it in task.yaml: data: {image: …}"),
        {TASK: task(kind="image-classification")},
    ),
    one(
        "a task twice",
        ('the task "t" is defined 2 times', "tasks/t/task.yaml and tasks/u/task.yaml", "rename one"),
        {"tasks/u/task.yaml": task()},
    ),
]

CANDIDATES = [
    one(
        "invalid license",
        (
            '"Apache 2" is not an SPDX license expression: …',
            f"{CARDS}, line 1, key 0.license",
            "use an identifier from spdx.org/licenses",
        ),
        {CARDS: card("mine", "license: Apache 2")},
    ),
    Case(
        "every fault of every card at once",
        (
            Fault('the key "name" is missing', f"{CARDS}, line 1, key 0.name", "add `name: …`"),
            Fault('unknown adapter "tim"', f"{CARDS}, line 2, key 1.adapter", 'use "timm" (known: '),
            Fault('unknown key "licence"', f"{CARDS}, line 3, key 2.licence", 'use "license" (known: '),
            Fault('expected a whole number, found "many"', f"{CARDS}, line 4, key 3.parameters", "give a whole number"),
            Fault('"main" is not a valid revision', f"{CARDS}, line 5, key 4.revision", "give the full commit hash"),
        ),
        {
            CARDS: "- {adapter: timm, source: org/x}\n- {name: a, adapter: tim, source: org/x}\n"
            + card("b", "licence: mit")
            + card("c", "parameters: many")
            + card("d", "revision: main"),
        },
    ),
    one(
        "a name twice",
        ('the candidate "a" is defined 2 times', "candidates/mine.yaml and candidates/more.yaml", "rename one"),
        {CARDS: card("a"), "candidates/more.yaml": card("a")},
    ),
    one(
        "a name of bench's own",
        (
            'the candidate "baseline-majority" is defined 2 times',
            "…",
            "rename one, or choose with user:baseline-majority or builtin:",
        ),
        {CARDS: card("baseline-majority")},
    ),
    one(
        "not a list of cards",
        ("expected a list of cards", f"{CARDS}, line 1", "begin each card with `- name: …`"),
        {CARDS: "name: a\n"},
    ),
]


Run = Callable[[str, Path], CompletedProcess[str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Give words to the command line in this process, as if typed in a workspace."""

    def run_here(words: str, workspace: Path) -> CompletedProcess[str]:
        monkeypatch.chdir(workspace)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        code = cli.run(words.split())
        return CompletedProcess(words, code, *capfd.readouterr())

    return run_here


def run_installed(words: str, workspace: Path) -> CompletedProcess[str]:
    """Give words to the installed command."""
    return run_bench(*words.split(), cwd=workspace, COLUMNS="200")


def write(workspace: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in ({TASK: task(), TRAIN: table()} | dict(files)).items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def contents(workspace: Path) -> dict[str, bytes]:
    return {path.relative_to(workspace).as_posix(): path.read_bytes() for path in workspace.rglob("*") if path.is_file()}


def is_like(line: str, expected: str) -> bool:
    """Tell whether a line is as expected, which may leave its end open with `…`."""
    return line.startswith(expected.removesuffix("…")) if expected.endswith("…") else line == expected


def check(done: CompletedProcess[str], faults: Sequence[Fault]) -> None:
    assert done.stdout == ""
    found = [block.splitlines() for block in done.stderr.rstrip("\n").split("\n\n")]
    expected = [(fault.what, f"where: {fault.where}", f"do:    {fault.hint}…") for fault in faults]
    assert [len(block) for block in found] == [3] * len(faults), done.stderr
    pairs = [(line, want) for block, wants in zip(found, expected, strict=True) for line, want in zip(block, wants, strict=True)]
    assert [(line, want) for line, want in pairs if not is_like(line, want)] == []
    assert done.returncode == 2


@pytest.mark.parametrize("case", [*ARGUMENTS, *FILES, *CANDIDATES], ids=str)
def test_bad_input_is_told_and_nothing_is_written(case: Case, tmp_path: Path, run: Run) -> None:
    _refused(case, tmp_path, run)


@pytest.mark.parametrize("case", [ARGUMENTS[0], FILES[1], CANDIDATES[1]], ids=str)
def test_the_installed_command_tells_it_too(case: Case, tmp_path: Path) -> None:
    _refused(case, tmp_path, run_installed)


def _refused(case: Case, folder: Path, run: Run) -> None:
    write(folder, case.files)
    before = contents(folder)
    check(run(case.words, folder), case.faults)
    assert contents(folder) == before
    assert not (folder / "reports").exists()


def test_an_unknown_device_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path, {})
    check(
        run_installed(f"{RUN} --device tpu", tmp_path),
        [Fault('unknown device "tpu"', "--device", "use auto, cpu, cuda, cuda:N or mps")],
    )
    assert not (tmp_path / "reports").exists()


def test_what_is_doubtful_is_shown_in_the_report_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Broken pictures that the task skips, and a card without a revision or a license."""
    write(
        tmp_path,
        pictures() | {TASK: task("train: pictures, skip_broken: true", "image-classification"), CARDS: card("loose", "context: 1")},
    )
    done = run_installed(
        "compare --task t --candidates baseline-majority,loose --offline --measure quality --format md --json", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["skipped"][0]["candidate"] == "loose"
    report = (tmp_path / "reports" / "t" / "latest" / "report.md").read_text(encoding="utf-8")
    assert "2 of 40 pictures are broken and left out: a/02.png (not a picture), b/03.png (not a picture)" in report
    assert "loose: the revision is not pinned" in report
    assert "loose: the license is unknown" in report
