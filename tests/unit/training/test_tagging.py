"""Taggers are trained: on what the words say, by every technique that can, and the folder answers as what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.data import Dataset, Rows, Sentence, Split
from harness.core.entities import ragged
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.measure.decisions import decide
from harness.measure.quality import OwnMetric
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim
from harness.techniques.catalogue import FOR_TAGS, TRAINED
from harness.training.contender import Training, train
from harness.training.objective import Objective
from tests.unit import tiny_models

NAMES = ("O", "B-crime", "I-crime", "B-money", "I-money")


def make_data(count: int = 60) -> Dataset:
    """Sentences in which two words in a row are the entity of one type, one word that of another."""
    draw = np.random.default_rng(0)
    filler = ["the", "a", "was", "my", "where", "is", "hello", "please"]
    inputs, labels = [], []
    for _ in range(count):
        words, tags = [], []
        for part in draw.integers(0, 3, 3):
            some, told = (
                (list(draw.choice(filler, 2)), [0, 0])
                if part == 0
                else (["stolen", "card"], [1, 2])
                if part == 1
                else (["refund"], [3])
            )
            words += [str(word) for word in some]
            tags += told
        inputs.append(Sentence(words))
        labels.append(tuple(tags))
    rows = Rows(tuple(map(str, range(count))), tuple(inputs), tuple(labels), ("crime", "money"), (), "tags")
    return Dataset(rows, Split(tuple(range(36)), (tuple(range(36, 48)),), tuple(range(48, count))), "d", "made")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_text("Bert", tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("technique", [name for name in FOR_TAGS if name in TRAINED])
def test_every_technique_learns_what_words_say_and_its_folder_says_the_same(technique: str, bert: Path, tmp_path: Path) -> None:
    data = make_data()
    known = tiny_models.card("transformers", "text", bert)
    trained = train(
        Training(
            load=lambda: load_trainable(known, bert, "cpu", CAUTIOUS, aim=Aim(data.rows.names, "tags")),
            technique=technique,
            recipe={"learning_rate": 5e-3, "batch_size": 8, "epochs": 12, "head_learning_rate": 2e-2},
            fidelity=Fidelity(epochs=12, of=12),
            data=data,
            metric="micro_f1",
            seed=0,
            device="cpu",
            checkpoint=tmp_path / "kept",
        )
    )
    assert data.rows.names == NAMES
    test = data.split.test
    assert trained.test.shape == (sum(data.rows.words(test)), len(NAMES))
    told = decide(trained.test, "tags", words=data.rows.words(test))
    assert OwnMetric("micro_f1", "tags").value(data.rows.truth()[list(test)], told) > (0.4 if technique == "ia3" else 0.9)
    assert trained.curve[-1].validation_score > 0.4
    assert "random" not in str(trained.recipe.get("head", ""))
    again = trained.answer([data.rows.inputs[i] for i in test])
    np.testing.assert_allclose(again, trained.test, atol=1e-5)
    if technique == "full":
        trained.save(tmp_path / "saved")
        _check_alone(tmp_path / "saved", data.rows.take(test), told)


def _check_alone(folder: Path, rows: Rows, told: np.ndarray) -> None:
    """Look at the folder with transformers alone: the tags of each word's first token, mended, are those that were told."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForTokenClassification.from_pretrained(folder).eval()
    for words, expected in zip(rows.inputs, told, strict=True):
        given = tokenizer(list(words), is_split_into_words=True, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            names = [model.config.id2label[int(tag)] for tag in model(**given).logits[0].argmax(1)]
        places = [given.word_ids().index(i) for i in range(len(words))]
        assert decide(np.eye(5, dtype=np.float32)[[NAMES.index(names[i]) for i in places]], "tags", words=(len(words),))[
            0
        ].tolist() == list(expected)


def test_the_loss_is_the_mean_over_words() -> None:
    truth = ragged([[0, 1], [2]])
    objective = Objective.of(truth, 3)
    outputs = torch.tensor([[2.0, 0, 0], [0, 1, 0], [0, 0, 3]])
    expected = torch.nn.functional.cross_entropy(outputs, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(objective.loss(outputs, truth, objective.size(truth)), expected)
    assert objective.of_answers(objective.answers(outputs).numpy(), truth) == pytest.approx(float(expected), rel=1e-5)
