"""Each check of candidates passes what is right and finds what is wrong; what crashes or hangs is a finding and ends no other."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import psutil
import pytest

from harness.conformance.finding import Finding
from harness.testing import assert_candidate, check_candidate
from tests.conformance.plugins import DOUBTFUL, EXPECTED, HANGING, RIGHT, WRONG


def write(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    path.write_text(source)
    return path


def checks(findings: list[Finding], status: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.status == status:
            found[finding.subject].add(finding.check)
    return dict(found)


def test_what_is_right_passes_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    findings = check_candidate(write(tmp_path, "right.py", RIGHT))
    assert [str(finding) for finding in findings if finding.status in {"failed", "warning"}] == []
    every = {
        "card",
        "load",
        "capability",
        "shape",
        "determinism",
        "batch size",
        "row order",
        "huge input",
        "memory",
        "files",
        "processes",
    }
    passed = checks(findings, "passed")
    assert every | {"size", "refit", "empty input", "unicode"} <= passed["both"]
    assert every | {"empty input", "unicode"} <= passed["loud"]
    assert every <= passed["colors"]
    assert every | {"empty input", "unicode"} <= passed["speaker"]
    assert every | {"empty input", "unicode"} <= passed["judge"]
    assert every | {"empty input", "unicode"} <= passed["scribe"]
    assert every | {"empty input", "unicode"} <= passed["rote"]


def test_every_check_finds_what_it_is_for(tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.py", WRONG)
    findings = check_candidate(path)
    assert checks(findings, "failed") == EXPECTED
    failed = [finding for finding in findings if finding.status == "failed"]
    assert all(finding.what and finding.hint for finding in failed)
    told = {finding.subject: finding for finding in failed}
    assert told["exiting"].what == "it ended its process, with exit status 3"
    assert "SIGSEGV" in told["crashing"].what
    assert "return ctypes.string_at(0)" in WRONG.splitlines()[int(told["crashing"].where.rpartition(" ")[2]) - 1]
    assert "SystemExit" in told["leaving"].what
    assert told["failing"].what == "OSError: no weights here"
    assert {finding.status for finding in findings if finding.subject == "last"} == {"passed"}


def test_what_is_allowed_and_yet_doubtful_is_a_warning(tmp_path: Path) -> None:
    findings = check_candidate(write(tmp_path, "doubtful.py", DOUBTFUL))
    assert checks(findings, "failed") == {}
    assert checks(findings, "warning") == {
        "same": {"shape"},
        "strict": {"empty input"},
        "seeing": {"capability"},
        "unlicensed": {"card"},
    }


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    findings = check_candidate(write(tmp_path, "hanging.py", HANGING), seconds=2)
    [failed] = [finding for finding in findings if finding.status == "failed"]
    assert (failed.subject, failed.check, failed.what) == ("hanging", "shape", "it gave no answer within 2 s")
    assert "time.sleep(0.01)" in HANGING.splitlines()[int(failed.where.rpartition(" ")[2]) - 1]
    assert {finding.status for finding in findings if finding.subject == "next"} == {"passed"}
    assert not [process for process in psutil.process_iter(["cmdline"]) if "4242.4242" in (process.info["cmdline"] or [])]


@pytest.mark.parametrize(
    ("source", "what", "hint"),
    [
        ("import sys; sys.path.insert(0, __file__.rpartition('/')[0]); import keras\n", "imports keras", "inside `load`"),
        ("import no_such_library\n", "ModuleNotFoundError", "pip install no_such_library"),
        ("import os; os._exit(7)\n", "it ended its process, with exit status 7", "raise an exception"),
        ("card = Card(name='Not A Name')\n", 'the card is not valid: name: ', "bench schema card"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_imported_as_it_should_be(tmp_path: Path, source: str, what: str, hint: str) -> None:
    write(tmp_path, "keras.py", "")
    head = "from harness import Candidate, Card\ncandidates = (Candidate(Card(name='x'), lambda device, dtype: None),)\n"
    with pytest.raises(AssertionError) as raised:
        assert_candidate(write(tmp_path, "plugin.py", head + source))
    lines = str(raised.value).split("\n\n")[0].splitlines()
    assert lines[0].startswith("plugin.py: import: ")
    assert what in lines[0]
    assert lines[1].startswith("where: ")
    assert hint in lines[2]
