from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.data import Pair
from harness.core.task import Task
from harness.core.wording import Wording
from harness.errors import BenchError
from harness.load.phrases import word_task
from harness.load.tasks import load_task
from harness.load.workspace import Workspace

HEAD = "name: t\nkind: text-classification\n"


def task(**settings: object) -> Task:
    return Task.model_validate({"name": "t", "kind": "text-classification", "data": {"train": "x"}, **settings})


def read(folder: Path, text: str) -> Task:
    (folder / "tasks" / "t").mkdir(parents=True)
    (folder / "tasks" / "t" / "task.yaml").write_text(text)
    return load_task("t", (Workspace("user", folder),)).task


def test_a_template_is_filled_and_divided_at_the_label() -> None:
    found = Wording("Message {{1}}: {text}\nTeam:  {label} (sure)", (("card",), ("a {text}", "mail")))
    assert found.prompt("my {label}") == "Message {1}: my {label}\nTeam:"
    assert found.answer("card") == "  card (sure)"
    assert found.example("hello", 1) == "Message {1}: hello\nTeam:  a {text} (sure)"
    assert found.prompt(None) == "Message {1}: \nTeam:"


def test_pairs_fill_both_places() -> None:
    found = Wording("{text_pair} | {text} | {label}", (("same",), ("other",)))
    assert found.example(Pair("first", "second"), 0) == "second | first | same"


def test_spaces_at_the_end_of_a_text_are_no_part_of_the_answer() -> None:
    found = Wording("{text}{label}", (("good",),))
    assert (found.prompt("so "), found.answer("good")) == ("so ", "good")


def test_the_words_for_classes_are_the_tasks_or_the_labels() -> None:
    plain = word_task(task(classes={"1": ["good news", "praise"]}), ["0", "1"])
    assert plain is not None
    assert (plain.words, plain.is_told) == ((("0",), ("good news", "praise")), False)
    named = word_task(task(), ["cardArrival", "lost_card"])
    assert named is not None
    assert (named.words, named.is_told) == ((("card arrival",), ("lost card",)), True)
    assert named.example("Where is it?", 1) == "Text: Where is it?\nCategory: lost card"
    paired = word_task(task(data={"train": "x", "text": "a", "text_pair": "b"}), ["yes", "no"])
    assert paired is not None
    assert paired.example(Pair("one", "two"), 0) == "Text 1: one\nText 2: two\nCategory: yes"
    assert word_task(task(kind="image-classification"), ["cat", "dog"]) is None
    assert word_task(task(multi_label=True), ["cat", "dog"]) is None
    assert word_task(task(kind="text-regression"), []) is None


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{text} {team}", "ask.template has an unknown field {team}"),
        ("{text.upper} {label}", "ask.template has an unknown field {text.upper}"),
        ("Team: {label}", "ask.template has 0 places for the text and 1 for the label"),
        ("{text}: {label} or {label}", "ask.template has 1 places for the text and 2 for the label"),
        ("{label}: {text}", "ask.template has {text} behind the label"),
        ("{text} {", "ask.template cannot be read: "),
        ("{text} {label!r}", "ask.template cannot be read: a field is a name in braces and nothing more"),
        ("{text} {} {label}", "ask.template cannot be read: a field is a name in braces and nothing more"),
        ("{text} {text_pair} {label}", "ask.template has {text_pair}, and the rows are not pairs"),
    ],
)
def test_a_template_that_cannot_be_filled_is_told_in_three_lines(template: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as caught:
        read(tmp_path, f"{HEAD}data: {{train: rows.csv}}\nask:\n  template: '{template}'\n")
    assert str(caught.value).startswith(said)
    assert "task.yaml" in caught.value.where
    assert "{text" in caught.value.hint or "{label}" in caught.value.hint


def test_other_faults_of_how_to_ask(tmp_path: Path) -> None:
    data = "data: {train: rows.csv, text: a, text_pair: b}\n"
    with pytest.raises(BenchError, match=r"ask.template has no \{text_pair\}, and the rows are pairs"):
        read(tmp_path / "1", f"{HEAD}{data}ask: {{template: '{{text}} {{label}}'}}\n")
    with pytest.raises(BenchError, match='unknown normalize "token"') as caught:
        read(tmp_path / "2", f"{HEAD}data: {{train: rows.csv}}\nask: {{normalize: token}}\n")
    assert '"tokens"' in caught.value.hint
    with pytest.raises(BenchError, match='unknown key "templat"'):
        read(tmp_path / "3", f"{HEAD}data: {{train: rows.csv}}\nask: {{templat: x}}\n")
    for number, (kind, said) in enumerate(
        {
            "image-classification": "image-classification",
            "text-regression": "text-regression",
            "text-classification\nmulti_label: true": "text-classification with multi_label",
        }.items()
    ):
        with pytest.raises(BenchError, match=f"ask is for texts of one class each, the kind is {said}"):
            read(tmp_path / f"of {number}", f"name: t\nkind: {kind}\ndata: {{train: rows}}\nask: {{instruction: x}}\n")
