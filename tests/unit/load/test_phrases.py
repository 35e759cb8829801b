from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.task import Data, Task
from harness.errors import BenchError
from harness.load.data import load_dataset
from harness.load.phrases import describe_classes, form_hypotheses


def task(kind: str = "text-classification", **settings: object) -> Task:
    return Task.model_validate({"name": "t", "kind": kind, "data": {"train": "train.csv"}, **settings})


def test_labels_stand_for_themselves_in_words() -> None:
    assert describe_classes(task(), ["card_arrival", "lostOrStolen"]) == (("card arrival",), ("lost or stolen",))
    found = describe_classes(task("image-classification"), ["golden-retriever", "Siamese Cat"])
    assert found == (("a photo of a golden retriever.",), ("a photo of a siamese cat.",))


@pytest.mark.parametrize(
    "labels", [["0", "1"], ["a", "b"], ["LABEL_0", "LABEL_1"], ["class 3", "class 14"], ["cats", "7"], ["True", "False"]]
)
def test_numbers_and_codes_have_no_words(labels: list[str]) -> None:
    assert describe_classes(task(), labels) == ()


def test_the_task_says_what_labels_mean() -> None:
    given = task(classes={0: "bad news", 1: ["good news", "praise"]}, prompts=["{}", "This is {}."])
    assert describe_classes(given, ["0", "1"]) == (
        ("bad news", "This is bad news."),
        ("good news", "This is good news.", "praise", "This is praise."),
    )


def test_what_a_text_may_entail_is_said_of_classes_and_of_labels() -> None:
    assert form_hypotheses(task(), ["card_arrival", "refund"]) == (("This example is card arrival.",), ("This example is refund.",))
    described = task(classes={"a": "praise", "b": ["blame", "regret"]}, prompts=["It is {}."], multi_label=True)
    assert form_hypotheses(described, ["a", "b"]) == (("It is praise.",), ("It is blame.", "It is regret."))
    assert describe_classes(described, ["a", "b"]) == ()


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({}, ["0", "1"]),
        ({"kind": "image-classification"}, ["cat", "dog"]),
        ({"kind": "text-regression"}, []),
        ({"kind": "multiple-choice"}, ["A", "B"]),
        ({"data": {"train": "x.csv", "text": "a", "text_pair": "b"}}, ["same", "other"]),
    ],
)
def test_nothing_is_said_of_codes_pictures_numbers_options_and_pairs(settings: dict[str, object], labels: list[str]) -> None:
    assert form_hypotheses(task(**{"kind": "text-classification", **settings}), labels) == ()


def test_a_number_is_described_where_another_label_has_words() -> None:
    assert describe_classes(task(classes={"7": "seven"}), ["7", "nothing"]) == (("seven",), ("nothing",))


def test_a_code_is_one_though_all_others_are_described() -> None:
    assert describe_classes(task(classes={"LABEL_0": "a complaint"}), ["LABEL_0", "LABEL_1"]) == ()
    assert describe_classes(task(), ["covid 19", "flu"]) == (("covid 19",), ("flu",))
    assert describe_classes(task(), ["正", "負"]) == (("正",), ("負",))


def test_a_class_that_no_row_has_is_a_fault() -> None:
    with pytest.raises(BenchError, match='no row has the class "refunds"') as caught:
        describe_classes(task(classes={"refunds": "money back"}), ["refund", "card"])
    assert '"refund"' in caught.value.hint
    assert describe_classes(task(classes={"refunds": "money back"}), ["refund", "card"], lenient=True) == (("refund",), ("card",))


@pytest.mark.parametrize("prompt", ["no place", "{} and {}"])
def test_a_prompt_has_one_place_for_the_class(prompt: str) -> None:
    with pytest.raises(ValueError, match="places for the class"):
        task(prompts=[prompt])


def test_braces_in_a_phrase_stay_as_they_are() -> None:
    assert describe_classes(task(classes={"a": "the set {x}", "b": "{}"}), ["a", "b"]) == (("the set {x}",), ("{}",))


def test_the_words_are_part_of_what_a_result_depends_on(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(f"row {i},{'good' if i % 2 else 'poor'}\n" for i in range(40)))

    def digest(**settings: object) -> str:
        given = task(**settings)
        data = load_dataset(
            given.model_copy(update={"data": Data(train="train.csv")}), tmp_path, override=None, seed=0, offline=True
        )
        return data.digest

    several = digest(multi_label=True)
    assert several != digest(multi_label=True, prompts=["It is {}."]) != digest(multi_label=True, prompts=["{}"])
    plain, described = digest(), digest(classes={"good": "praise"})
    assert plain != described != digest(classes={"good": "applause"})
    assert plain == digest()
