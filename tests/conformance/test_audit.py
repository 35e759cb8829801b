"""Each check of tasks passes what is right and finds what is wrong."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import yaml
from PIL import Image

from harness.conformance.finding import Finding
from harness.errors import BenchError
from harness.load import data_function
from harness.testing import assert_task, check_task

Row = Sequence[str]


def rows(number: int = 1500, classes: Sequence[str] = ("refund", "parcel", "login")) -> list[Row]:
    return [(f"message {i} about {classes[i % len(classes)]}", classes[i % len(classes)]) for i in range(number)]


def table(folder: Path, name: str, content: Iterable[Row], header: Row = ("text", "label")) -> None:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *content])


def task(folder: Path, **data: object) -> Path:
    """A task that is right, but for what is given."""
    given = {"train": "rows.csv", "license": "cc0-1.0"} | data
    kind = "image-classification" if "image" in data else "text-classification"
    (folder / "task.yaml").write_text(yaml.safe_dump({"name": "mine", "kind": kind, "data": given}))
    (folder / "README.md").write_text("# mine\n\nRows made for a test.\n")
    return folder


def told(findings: Iterable[Finding], check: str) -> tuple[str, str]:
    """The one thing that was noticed, and that it was noticed by this check."""
    [finding] = [finding for finding in findings if finding.status in {"failed", "warning"} and finding.check != "precision"]
    assert finding.check == check
    assert finding.hint
    return finding.status, finding.what


def test_what_is_right_passes_every_check(tmp_path: Path) -> None:
    table(tmp_path, "rows.csv", rows())
    findings = check_task(task(tmp_path))
    assert {finding.status for finding in findings} == {"passed", "not applicable"}
    assert [finding.check for finding in findings] == [
        "readme", "license", "data", "columns", "rows", "classes", "duplicates", "leakage", "labels", "lengths", "precision",
        "determinism",
    ]  # fmt: skip
    assert_task(tmp_path)


def test_the_interval_is_that_of_a_share(tmp_path: Path) -> None:
    """1.96 √(0.8 × 0.2 / 30) is 0.143, and 246 rows make it 0.05."""
    table(tmp_path, "rows.csv", rows(150))
    [finding] = [finding for finding in check_task(task(tmp_path)) if finding.check == "precision"]
    assert (finding.status, "±0.143 on 30 test rows" in finding.what, "246 test rows" in finding.hint) == ("warning", True, True)


def test_a_task_without_a_readme_or_a_license(tmp_path: Path) -> None:
    table(tmp_path, "rows.csv", rows())
    task(tmp_path, license="unknown")
    assert told(check_task(tmp_path), "license") == ("warning", "the license of the rows is unknown")
    task(tmp_path)
    (tmp_path / "README.md").unlink()
    assert told(check_task(tmp_path), "readme") == ("warning", "no README.md")


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    status, what = told(check_task(task(tmp_path)), "data")
    assert (status, 'there is no file "rows.csv"' in what) == ("failed", True)
    with pytest.raises(AssertionError, match="mine: data: there is no file"):
        assert_task(tmp_path)


def test_a_task_that_is_not_valid_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: mine\nkind: text-clasification\n")
    with pytest.raises(BenchError, match="text-clasification"):
        check_task(tmp_path)


ALIKE = [(f"odd {i}", "Refund ") for i in range(90)]
TORN = [(f"text number {i}", name) for i in range(5) for name in ("refund", "parcel")]
SIGNS = [(chr(0x4E00 + i), "refund") for i in range(200)]


@pytest.mark.parametrize(
    ("content", "check", "expected"),
    [
        ([*rows(), *[("", "refund")] * 30], "rows", "warning: 30 of 1530 rows lack text or label"),
        ([*rows(), *[(f"rare thing {i}", "rare") for i in range(20)]], "classes", "warning: the classes are very unequal"),
        ([*rows(), ("one", "tiny"), ("two", "tiny"), ("three", "tiny")], "classes", "warning: fewer than 10 rows to learn from"),
        ([*rows(), *ALIKE], "classes", 'failed: classes differ in case or spaces only: "Refund" and "refund"'),
        ([*rows(), rows()[0], rows()[0]], "duplicates", "warning: 2 of 1502 rows repeat another row"),
        ([*rows(), *TORN], "labels", "warning: 5 contents occur with different labels"),
        ([(f"{i // 2}", "ab"[i % 2]) for i in range(1500)], "labels", "failed: 750 contents occur with different labels"),
        ([*rows(), *SIGNS], "lengths", "warning: 12% of the texts have at most 2 characters"),
        ([(text + " and so on" * 300, label) for text, label in rows()], "lengths", "warning: 100% of the texts are longer"),
        ([*rows(), ("endless " * 20_000, "refund")], "lengths", "warning: the longest text has 159999 characters"),
    ],
)
def test_doubtful_rows(tmp_path: Path, content: list[Row], check: str, expected: str) -> None:
    table(tmp_path, "rows.csv", content)
    found = [f"{finding.status}: {finding.what}" for finding in check_task(task(tmp_path)) if finding.check == check]
    assert [text for text in found if expected.partition(": ")[2] in text and text.startswith(expected[:6])], found


def test_rows_that_differ_in_case_and_spaces(tmp_path: Path) -> None:
    table(tmp_path, "rows.csv", rows())
    table(tmp_path, "test.csv", [*rows(300), *[(f"  MESSAGE {i}  about {label}", label) for i, (_, label) in enumerate(rows(20))]])
    findings = check_task(task(tmp_path, test="test.csv"))
    found = {(finding.check, finding.status): finding.what for finding in findings if finding.status in {"failed", "warning"}}
    assert "20 rows repeat another one but for case" in " ".join(
        finding.what for finding in findings if finding.check == "duplicates"
    )
    assert found["leakage", "failed"].startswith("300 of 320 test rows have the same content as a training row")
    assert found["leakage", "warning"].startswith("20 of 320 test rows are those of training but for case")


@pytest.mark.parametrize(
    ("group", "what"),
    [
        (lambda i: f"{i}", "every row is a group of its own"),
        (lambda i: f"{i % 6}", "there are 6 groups only"),
        (lambda i: "big" if i % 3 else f"{i}", 'the group "big" holds 1000 of 1500 rows'),
    ],
)
def test_groups_that_do_not_divide(tmp_path: Path, group: object, what: str) -> None:
    table(tmp_path, "rows.csv", [(*row, group(i)) for i, row in enumerate(rows(classes=("a", "b")))], ("text", "label", "who"))  # type: ignore[operator]
    findings = check_task(task(tmp_path, group="who"))
    assert [finding.status for finding in findings if finding.check == "groups" and what in finding.what] == ["warning"]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("texts = sorted({f'text {i}' for i in range(900)})", "passed"),
        ("texts = list({f'text {i}' for i in range(900)})", "failed"),
        ("import os; texts = [os.urandom(8).hex() for i in range(900)]", "failed"),
    ],
)
def test_a_function_gives_the_same_rows_in_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, status: str
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    (tmp_path / "data.py").write_text(f"def load():\n    {source}\n    return {{'text': texts, 'label': ['a', 'b', 'c'] * 300}}\n")
    [finding] = [finding for finding in check_task(task(tmp_path, train="data.py:load")) if finding.check == "determinism"]
    assert finding.status == status, finding


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("import os; os._exit(0)", "the function ends its process, with exit status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the function kills its process with SIGSEGV"),
        ("import time; time.sleep(1000)", "the function takes longer than 3 s"),
    ],
)
def test_a_function_that_never_returns_ends_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, how: str
) -> None:
    monkeypatch.setattr(data_function, "SECONDS", 3.0)
    (tmp_path / "data.py").write_text(f"def load():\n    {source}\n")
    [finding] = [finding for finding in check_task(task(tmp_path, train="data.py:load")) if finding.check == "data"]
    assert finding.status == "failed"
    assert how in finding.what


def test_broken_pictures(tmp_path: Path) -> None:
    for i in range(40):
        path = tmp_path / "pictures" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (i, 2 * i, 3 * i)).save(path)
    (tmp_path / "pictures" / "a" / "broken.png").write_bytes(b"no picture")
    status, what = told(check_task(task(tmp_path, train="pictures", image="image")), "data")
    assert (status, what) == ("failed", "1 of 41 pictures are broken")
    status, what = told(check_task(task(tmp_path, train="pictures", image="image", skip_broken=True)), "rows")
    assert (status, what.partition(":")[0]) == ("warning", "1 of 41 pictures are broken and left out")


def test_other_data_is_checked_in_place_of_the_task_s_own(tmp_path: Path) -> None:
    table(tmp_path, "rows.csv", rows())
    table(tmp_path, "other.csv", [*rows(), rows()[0]])
    task(tmp_path)
    assert told(check_task(tmp_path, data=tmp_path / "other.csv"), "duplicates")[1].startswith("1 of 1501")
