"""What a user reads when something is wrong."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import errors
from harness.errors import (
    BenchError,
    CandidateError,
    Faults,
    SetupError,
    TaskError,
    Unavailable,
    WorkspaceError,
    raise_all,
    suggest,
)


def test_an_error_is_three_lines() -> None:
    error = TaskError('unknown metric "acuracy"', where="task.yaml, line 7", hint='use "accuracy"')
    assert str(error) == 'unknown metric "acuracy"\nwhere: task.yaml, line 7\ndo:    use "accuracy"'


def test_empty_parts_are_left_out() -> None:
    assert str(BenchError("broken")) == "broken"
    assert str(BenchError("broken", hint="mend it")) == "broken\ndo:    mend it"


def test_the_tree_says_who_must_act() -> None:
    assert all(issubclass(kind, BenchError) for kind in (WorkspaceError, TaskError, CandidateError, SetupError, Faults))
    assert issubclass(Unavailable, CandidateError)
    for name in ("WorkspaceError", "TaskError", "CandidateError", "Unavailable", "SetupError"):
        assert name in (errors.__doc__ or ""), "the tree at the top of the file"


@pytest.mark.parametrize("kind", [BenchError, TaskError, Unavailable])
def test_an_error_travels_whole_between_processes(kind: type[BenchError]) -> None:
    back = pickle.loads(pickle.dumps(kind("what", where="here", hint="do this")))  # noqa: S301 - our own bytes
    assert (type(back), back.what, back.where, back.hint) == (kind, "what", "here", "do this")


def test_faults_travel_and_show_everything() -> None:
    faults = Faults([TaskError("one", where="a"), CandidateError("two")])
    back = pickle.loads(pickle.dumps(faults))  # noqa: S301 - our own bytes
    assert str(back) == str(faults) == "one\nwhere: a\n\ntwo"
    assert [type(fault) for fault in back.faults] == [TaskError, CandidateError]


def test_no_fault_raises_nothing_one_raises_itself_and_several_raise_together() -> None:
    raise_all([])
    with pytest.raises(TaskError, match="alone"):
        raise_all([TaskError("alone")])
    with pytest.raises(Faults) as caught:
        raise_all([TaskError("one"), TaskError("two")])
    assert len(caught.value.faults) == 2


def test_a_near_word_is_suggested_and_a_far_one_is_not() -> None:
    assert suggest("acuracy", ["macro_f1", "accuracy"]) == 'use "accuracy" (known: accuracy, macro_f1)'
    assert suggest("zzz", ["accuracy"]) == "known: accuracy"
    assert suggest("x", [f"name{i:02}" for i in range(20)]).endswith("name11, … 20 in all")


@given(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_a_known_word_is_its_own_nearest(word: str, others: list[str]) -> None:
    assert suggest(word, [word, *others]).startswith(f'use "{word}"')


def test_what_a_file_holds_cannot_leave_its_line_or_steer_the_terminal() -> None:
    text = str(BenchError("a\nb\x1b[2J\ud800", where="c\u2028d", hint="e" * 5000))
    lines = text.split("\n")
    assert lines[:2] == ["a\ufffdb\ufffd[2J\ufffd", "where: c\ufffdd"]
    assert len(lines) == 3
    assert lines[2].endswith("e…")
    assert len(lines[2]) < 2100


def test_long_words_are_compared_in_part() -> None:
    assert suggest("a" * 10**6, ["a" * 10**6, "b"]).startswith('use "aaa')
