"""What training makes small, against the losses that transformers' own heads compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.trust import CAUTIOUS
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim
from harness.techniques.catalogue import TRAINED, create_tuning
from harness.techniques.tuning import Lesson
from harness.training.objective import Objective
from harness.training.session import Plan, Session, save_model
from tests.unit import tiny_models

TEXTS, CLASSES = tiny_models.texts(40)
# Prices: far from 0, and in a unit that no learning rate is made for.
VALUES = 5000.0 + 900.0 * CLASSES + np.random.default_rng(0).normal(size=40)
LABELS = np.stack([CLASSES, 1 - CLASSES, np.zeros(40)], axis=1).astype(np.float32)
RECIPE = {"batch_size": 8, "rank": 4, "virtual_tokens": 4, "head_learning_rate": 1e-2}
RATES = {"full": 3e-3, "probe-then-finetune": 1e-3, "prompt-tuning": 5e-2}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_text("Bert", tmp_path_factory.mktemp("bert"))


def session(folder: Path, technique: str, truth: np.ndarray, epochs: float = 8) -> Session:
    target, names = ("number", ("value",)) if truth.ndim == 1 else ("labels", ("a", "b", "c"))
    torch.manual_seed(0)
    card = tiny_models.card("transformers", "text", folder)
    model = load_trainable(card, folder, "cpu", CAUTIOUS, aim=Aim(names, target))  # type: ignore[arg-type]
    recipe = {**RECIPE, "learning_rate": RATES.get(technique, 1e-2)}
    return Session(model, create_tuning(technique), Lesson(TEXTS, truth, len(names)), Plan(recipe, epochs, 0, "cpu"))


def test_losses_are_those_of_the_library(bert: Path) -> None:
    for truth, problem in ((LABELS, "multi_label_classification"), (VALUES, "regression")):
        one = session(bert, "full", truth)
        module = one.trainable.module.eval()
        assert module.config.problem_type == problem
        batch = one.trainable.encode(TEXTS[:5])
        inner = one.objective.inner(truth[:5])
        with torch.no_grad():
            outputs = one.trainable.logits(batch)
            given = module(**one.trainable._tokens.batch(batch, "cpu"), labels=torch.from_numpy(inner))  # type: ignore[attr-defined]
        found = one.objective.loss(outputs, inner, one.objective.size(inner))
        assert float(found) == pytest.approx(float(given.loss), rel=1e-5)
        answers = one.objective.answers(outputs).numpy()
        assert one.objective.of_answers(answers, truth[:5]) == pytest.approx(float(given.loss), rel=1e-4)


@pytest.mark.parametrize("technique", TRAINED)
def test_values_of_any_unit_are_learned_and_written_in_it(technique: str, bert: Path, tmp_path: Path) -> None:
    from harness.core.finetuned import Contents
    from harness.execute.answering import open_answer
    from harness.execute.assignment import Place

    one = session(bert, technique, VALUES)
    if technique == "probe-then-finetune":
        # It begins as a ridge regression; what this tiny model gives differs so little from row to row that training undoes that.
        assert np.abs(one.predict(TEXTS)[:, 0] - VALUES).mean() < 200
    one.advance(8, lambda: False)
    told = one.predict(TEXTS)[:, 0]
    if technique != "probe-then-finetune":
        assert np.corrcoef(told, VALUES)[0, 1] > 0.6
        assert np.abs(told - VALUES).mean() < 400
    save_model(one, tmp_path, ("value",))
    np.testing.assert_allclose(one.predict(TEXTS)[:, 0], told, rtol=1e-4)
    contents = Contents(
        card=tiny_models.card("transformers", "text", bert), kind="text-regression", technique=technique, target="number", labels=()
    )
    answer = open_answer(contents, Place(tmp_path, bert, "cpu", CAUTIOUS))
    np.testing.assert_allclose(answer(TEXTS)[:, 0], told, rtol=1e-4)


def test_labels_are_learned_each_by_itself(bert: Path) -> None:
    one = session(bert, "probe-then-finetune", LABELS)
    one.advance(8, lambda: False)
    told = one.predict(TEXTS)
    assert ((told > 0.5) == (LABELS > 0)).all(1).mean() > 0.85
    assert told.sum(1).max() < 1.9


def test_classes_are_weighed_and_the_rest_is_not() -> None:
    assert Objective.of(np.array([0] * 9 + [1]), 2).weights is not None
    assert Objective.of(LABELS, 3).weights is None
    values = Objective.of(VALUES, 1)
    assert (values.center, values.scale) == (pytest.approx(VALUES.mean()), pytest.approx(VALUES.std()))
    assert Objective.of(np.full(3, 2.0), 1).scale == 1.0


def test_smoothed_classes_are_those_of_torch_and_told_without_it() -> None:
    outputs, truth = torch.randn(5, 3, generator=torch.manual_seed(0)), np.array([0, 1, 2, 0, 0])
    smoothed = Objective("class", smoothing=0.1)
    right = torch.nn.functional.one_hot(torch.from_numpy(truth), 3) * 0.9 + 0.1 / 3
    by_hand = -(right * outputs.log_softmax(1)).sum() / 5
    assert float(smoothed.loss(outputs, truth, 5)) == pytest.approx(float(by_hand), rel=1e-5)
    assert smoothed.plain(outputs, truth, 5) == float(Objective("class").loss(outputs, truth, 5))
    assert Objective.of(truth, 3, 0.1).smoothing == 0.1
    weights = np.array([0.5, 2.0, 1.5], np.float32)
    weighed = Objective("class", weights, smoothing=0.1)
    by_hand = -((right * outputs.log_softmax(1)).sum(1) * torch.from_numpy(weights[truth])).sum() / weighed.size(truth)
    assert float(weighed.loss(outputs, truth, weighed.size(truth))) == pytest.approx(float(by_hand), rel=1e-5)
    plain = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(truth), weight=torch.from_numpy(weights))
    assert weighed.plain(outputs, truth, weighed.size(truth)) == pytest.approx(float(plain), rel=1e-5)
    assert Objective.of(LABELS, 3, 0.1).smoothing == 0
