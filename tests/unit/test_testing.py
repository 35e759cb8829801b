from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli, testing
from harness.cli.init import make_workspace
from harness.conformance.inspection import find_files
from harness.errors import BenchError, CandidateError
from harness.testing import assert_candidate, check_candidate, check_task

FLAT = """
import numpy as np
from harness import Candidate, Card

class Flat:
    def embed_text(self, texts):
        return np.ones((len(texts), 3), np.float32)

candidates = (Candidate(Card(name="flat", license="MIT"), lambda device, dtype: Flat()),)
"""
CARDS = """
- {name: one, adapter: transformers, source: ./models/one, license: mit}
- {name: two, adapter: transformers, source: org/two}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_workspace(tmp_path)
    return tmp_path


def test_the_public_names() -> None:
    assert testing.__all__ == ["Finding", "assert_candidate", "assert_task", "check_candidate", "check_task"]


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, harness.testing; sys.exit(str([name for name in ('numpy', 'torch', 'PIL') if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


def test_a_candidate_that_is_right(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["candidates", "check", "hashing", "--workspace", str(workspace), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "bench.check/1"
    assert document["counts"]["failed"] == 0
    assert {"card", "load", "shape", "memory"} <= {item["check"] for item in document["findings"] if item["status"] == "passed"}


def test_a_candidate_that_is_wrong(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = workspace / "candidates" / "flat.py"
    path.write_text(FLAT)
    with pytest.raises(AssertionError, match=r"^flat: shape: features have shape \(10, 3\).*\ndo:    return float32"):
        assert_candidate(path)
    assert cli.run(["candidates", "check", str(path), "--quiet"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "flat"
    assert lines[1].split()[:2] == ["failed", "shape"]
    assert "passed" not in "".join(lines[:-1])
    assert lines[-1].startswith("1 failed, ")


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("no-such-name", 'unknown candidate "no-such-name"'),
        ("no/such/file.py", 'there is no card file or plugin "no/such/file.py"'),
        ("README.md/", 'there is no card file or plugin "README.md/"'),
    ],
)
def test_what_does_not_exist_is_bad_input(workspace: Path, target: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["candidates", "check", target, "--workspace", str(workspace)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0] == what
    assert [line[:6] for line in err[1:]] == ["where:", "do:   "]


def test_a_card_that_is_not_valid_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cards.yaml").write_text("- {name: one, adapter: transformer, source: org/one, licence: mit}\n")
    assert cli.run(["candidates", "check", str(tmp_path / "cards.yaml")]) == 2
    assert 'unknown key "licence"' in capsys.readouterr().err
    assert cli.run(["candidates", "check", str(tmp_path / "cards.yaml"), "--timeout", "soon"]) == 2


def test_a_folder_means_what_lies_in_it(workspace: Path) -> None:
    expected = [workspace / "candidates" / name for name in ("cards.yaml", "hashing.py")]
    assert [file.path for file in find_files(str(workspace), Path(), 60)] == expected
    assert [file.path for file in find_files(str(workspace / "candidates"), Path(), 60)] == expected
    with pytest.raises(CandidateError, match="holds no candidates"):
        find_files(f"{workspace}/reports", Path(), 60)


def test_weights_that_are_not_here_are_told_and_not_fetched(workspace: Path) -> None:
    path = workspace / "candidates" / "more.yaml"
    path.write_text(CARDS)
    findings = check_candidate(path, workspace=workspace)
    found = {(finding.subject, finding.check): finding for finding in findings}
    assert set(found) == {(name, check) for name in ("one", "two") for check in ("card", "load")}
    assert found["one", "card"].status == "passed"
    assert str(workspace / "models" / "one") in found["one", "load"].what
    assert found["two", "card"].status == "warning"
    assert "the revision is not pinned" in found["two", "card"].what
    assert "the license is unknown" in found["two", "card"].what
    assert (found["two", "load"].status, found["two", "load"].hint) == ("failed", "bring them with: bench candidates fetch two")


def test_a_plugin_that_ends_its_process_keeps_no_name_from_being_looked_up(workspace: Path) -> None:
    bad = workspace / "candidates" / "bad.py"
    bad.write_text("import os\nos._exit(4)\n")
    with pytest.raises(CandidateError, match="unknown candidate") as caught:
        check_candidate("nobody", workspace=workspace)
    assert "ends its process, with exit status 4" in caught.value.hint
    [found] = find_files("hashing", workspace, 60)
    assert found.path == workspace / "candidates" / "hashing.py"
    assert find_files(str(workspace / "candidates" / "hashing.py"), workspace, 60)


def test_tasks_are_checked_by_name_and_by_path(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workspace / "tasks" / "example"
    by_name = check_task("example", workspace=workspace)
    assert by_name == check_task(folder)
    assert "failed" not in {finding.status for finding in by_name}
    assert cli.run(["tasks", "check", "example", str(folder), "--workspace", str(workspace)]) == 0
    assert capsys.readouterr().out.startswith("example\n  ")


def test_a_task_that_fails_and_one_that_is_not_there(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "tasks" / "example" / "messages.csv").unlink()
    assert cli.run(["tasks", "check", "example", "--workspace", str(workspace)]) == 1
    assert "do:    " in capsys.readouterr().out
    assert cli.run(["tasks", "check", "exmaple", "--workspace", str(workspace)]) == 2
    with pytest.raises(BenchError, match="unknown task"):
        check_task("exmaple", workspace=workspace)
