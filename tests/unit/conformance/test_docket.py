from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.conformance import question
from harness.conformance.agenda import EMBEDDING, again, checks
from harness.conformance.docket import Docket
from harness.conformance.finding import Finding, Status
from harness.conformance.messages import Abilities, Names
from harness.conformance.question import OutOfTurn, Timer

Message = tuple[str, str]


def finding(subject: str, check: str, status: Status = "passed") -> Message:
    return "finding", Finding(subject=subject, check=check, status=status, what="seen").model_dump_json()


def names(*found: str) -> Message:
    return "names", Names(names=found).model_dump_json()


ABLE = ("able", Abilities(tried=("embed_text",)).model_dump_json())
IMPORTED = finding("file.py", "import")
ORDER = ("card", "load", "capability", *EMBEDDING, "memory", "files")


def whole(subject: str) -> list[Message]:
    """Return all that is reported of a candidate."""
    told = [finding(subject, check) for check in ORDER]
    return [told[0], ABLE, *told[1:]]


def hear(docket: Docket, messages: Iterable[Message]) -> Docket:
    for message in messages:
        docket.hear(*message)
    return docket


def cards(*found: str) -> Docket:
    return Docket("file.yaml", found, checks, Timer(60))


def plugin(*found: str) -> Docket:
    return Docket("file.py", found, checks, Timer(60))


def test_a_report_is_complete_when_every_check_of_everybody_is_told_once() -> None:
    docket = hear(cards("one", "two"), whole("one"))
    assert (docket.is_complete, docket.subject, docket.check) == (False, "two", "card")
    hear(docket, whole("two")[:-1])
    assert (docket.is_complete, docket.subject, docket.check) == (False, "two", "files")
    hear(docket, whole("two")[-1:])
    assert docket.is_complete
    assert [(found.subject, found.check) for found in docket.findings] == [(n, c) for n in ("one", "two") for c in ORDER]


def test_a_plugin_says_how_its_import_went_and_whom_it_holds() -> None:
    docket = plugin()
    assert (docket.subject, docket.check) == ("file.py", "import")
    hear(docket, [IMPORTED, names("one")])
    assert (docket.names, docket.subject) == (("one",), "one")
    assert hear(docket, whole("one")).is_complete


def test_who_is_not_loaded_has_no_more_checks() -> None:
    assert hear(cards("one"), [finding("one", "card"), finding("one", "load", "failed")]).is_complete


def test_a_file_that_is_not_imported_holds_nobody() -> None:
    assert hear(plugin(), [finding("file.py", "import", "failed"), names()]).is_complete


def test_a_second_process_reports_one_thing() -> None:
    docket = Docket("file.py", ("one",), again, Timer(60))
    assert hear(docket, [IMPORTED, names("one"), finding("one", "processes")]).is_complete


@pytest.mark.parametrize(
    ("before", "message", "what"),
    [
        ([], finding("one", "load"), "load of one, where card of one is due"),
        ([], finding("two", "card"), "card of two, where card of one is due"),
        ([], names("one"), "names, where finding is due"),
        ([], ("finding", "{}"), "no Finding"),
        ([], ABLE, "able, where finding is due"),
        (whole("one")[:1], finding("one", "card"), "card of one, where load of one is due"),
        (whole("one")[:1], finding("one", "load"), "a loaded model, where what it is able to do is due"),
        (whole("one")[:2], ABLE, "able, where finding is due"),
        (whole("one")[:1], ("able", '{"tried": ["fly"]}'), "no Abilities"),
        ([whole("one")[0], ("able", "{}"), finding("one", "load")], finding("one", "capability"), "it can do nothing"),
        ([*whole("one"), *whole("two")], finding("two", "files"), "finding, where nothing more is due"),
        ([*whole("one"), *whole("two")], ("begin", ""), "begin, where nothing more is due"),
    ],
)
def test_nothing_is_heard_out_of_turn(before: list[Message], message: Message, what: str) -> None:
    docket = hear(cards("one", "two"), before)
    with pytest.raises(OutOfTurn, match=what):
        docket.hear(*message)


@pytest.mark.parametrize(
    ("expected", "found", "what"),
    [
        ((), (), "it names 0 candidates"),
        ((), ("one", "one"), "it names 2 candidates, of which 1 differ"),
        (("one",), ("two",), "it holds other candidates: two"),
        (("one", "two"), ("one",), "it holds other candidates: one"),
    ],
)
def test_a_plugin_holds_whom_it_held(expected: tuple[str, ...], found: tuple[str, ...], what: str) -> None:
    docket = hear(plugin(*expected), [IMPORTED])
    with pytest.raises(OutOfTurn, match=what):
        docket.hear(*names(*found))


def test_a_candidate_has_its_time_from_the_end_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(question, "monotonic", lambda: now[0])
    timer = Timer(10)
    docket = Docket("file.yaml", ("one", "two"), checks, timer)
    for message in whole("one"):
        now[0] += 0.7
        docket.hear(*message)
    now[0] += 9
    assert not timer.is_over()
    hear(docket, whole("two")[:-1])
    now[0] += 2
    assert timer.is_over()
