from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.data import Dataset, Rows, Split
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.measure.memory import PeakMemory
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim, Trainable
from harness.techniques.linear_probe import LinearProbe
from harness.training.contender import Trained, Training, train
from tests.unit import tiny_models

INPUTS, LABELS = tiny_models.texts(90)
HOLD_OUT = Split(learn=tuple(range(50)), folds=(tuple(range(50, 75)),), test=tuple(range(75, 90)))
FOLDS = Split(learn=(), folds=tuple(tuple(range(k, 75, 5)) for k in range(5)), test=tuple(range(75, 90)))
RECIPE = {"learning_rate": 1e-2, "batch_size": 8, "rank": 4}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_text("Bert", tmp_path_factory.mktemp("bert"))


def ask(folder: Path, checkpoint: Path, data: Dataset, fidelity: tuple[float, float] = (4, 4)) -> Training:
    card = tiny_models.card("transformers", "text", folder)
    return Training(
        load=lambda: tiny_models.load(card, data.rows.classes),
        technique="lora",
        recipe=RECIPE,
        fidelity=Fidelity(epochs=fidelity[0], of=fidelity[1]),
        data=data,
        metric="accuracy",
        seed=0,
        device="cpu",
        checkpoint=checkpoint,
    )


def value(found: Trained, name: str) -> float:
    return next(one.value for one in found.measurements if one.name == name)


def test_one_model_learns_and_says_what_it_cost(bert: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    data = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT)
    found = train(dataclasses.replace(ask(bert, tmp_path, data, (6, 6)), tell=lines.append))
    assert found.validation.shape == (25, 2)
    assert found.test.shape == (15, 2)
    score = (found.validation.argmax(1) == LABELS[50:75]).mean()
    assert score > 0.9
    assert value(found, "train_score") > 0.9
    assert 0 < value(found, "trainable_share") < 0.4
    assert value(found, "stored_mb") == pytest.approx(4 * value(found, "trainable_parameters") / 2**20)
    assert value(found, "training_memory_mb") > 0
    assert value(found, "training_s_per_1000_rows") == pytest.approx(value(found, "training_s") * 1000 / 300)
    assert 0 <= value(found, "padding_share") < 0.2
    assert [point.epoch for point in found.curve] == [1, 2, 3, 4, 5, 6]
    assert found.curve[-1].validation_loss < found.curve[0].validation_loss
    assert found.curve[-1].train_loss < found.curve[0].train_loss
    assert found.curve[-1].validation_score == pytest.approx(score)
    assert found.recipe["rank"] == 4
    assert (found.recipe["epochs_reached"], found.recipe["accumulation"], found.recipe["rows_at_once"]) == (6, 1, 8)
    assert len(lines) == 6
    np.testing.assert_allclose(found.answer(INPUTS[50:75]), found.validation, atol=1e-6)


def test_continued_from_a_shorter_training_it_is_the_same(bert: Path, tmp_path: Path) -> None:
    data = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT)
    whole = train(ask(bert, tmp_path / "whole", data))
    short = train(ask(bert, tmp_path / "parts", data, (0.5, 4)))
    assert [point.epoch for point in short.curve] == [pytest.approx(4 / 7)]
    longer = train(ask(bert, tmp_path / "parts", data, (4, 4)))
    assert np.array_equal(longer.validation, whole.validation)
    assert np.array_equal(longer.test, whole.test)
    assert longer.curve == whole.curve
    again = train(ask(bert, tmp_path / "parts", data, (4, 4)))
    assert np.array_equal(again.validation, whole.validation)
    assert value(again, "training_s") == value(longer, "training_s")
    assert value(again, "training_memory_mb") >= value(longer, "training_memory_mb")
    other_schedule = train(ask(bert, tmp_path / "parts", data, (1, 1)))
    assert other_schedule.recipe["epochs_reached"] == 1


@pytest.mark.parametrize("epochs", [0.5, 2])
def test_who_is_asked_on_its_way_is_told_of_as_it_answers(epochs: float, bert: Path, tmp_path: Path) -> None:
    """The last point of the curve is of the answers that are kept, which are those of the mean of the weights."""
    data = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT)
    found = train(ask(bert, tmp_path / "short", data, (epochs, 4)))
    right = found.validation[np.arange(25), LABELS[50:75]]
    assert found.recipe["weights"] == "averaged"
    assert found.curve[-1].validation_loss == pytest.approx(-np.log(right).mean())
    assert found.curve[-1].validation_score == pytest.approx((found.validation.argmax(1) == LABELS[50:75]).mean())
    assert found.curve[-1].train_loss > 0
    whole = train(ask(bert, tmp_path / "whole", data, (4, 4)))
    assert "weights" not in whole.recipe
    if epochs == 2:
        assert found.curve[0] == whole.curve[0]
        assert found.curve[1].train_loss == whole.curve[1].train_loss
        assert found.curve[1].validation_loss != whole.curve[1].validation_loss


def test_the_mean_is_no_part_of_what_a_training_takes(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an early round needed stays known, for a last one that is short may not meet the longest rows."""
    peaks = iter((100.0, 60.0))
    monkeypatch.setattr(PeakMemory, "added_mb", lambda _self: next(peaks))
    data = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT)
    short = train(ask(bert, tmp_path, data, (0.5, 4)))
    mean_mb = 4 * value(short, "trainable_parameters") / 2**20
    assert mean_mb > 0.01
    assert value(short, "training_memory_mb") == pytest.approx(100 - mean_mb)
    assert value(train(ask(bert, tmp_path, data, (4, 4))), "training_memory_mb") == pytest.approx(100 - mean_mb)


def test_each_row_is_predicted_by_a_model_that_did_not_see_it(bert: Path, tmp_path: Path) -> None:
    """A class that only one fold has cannot be known to the model that is asked for it."""
    labels = LABELS.copy()
    labels[list(FOLDS.folds[2])] = 2
    data = tiny_models.dataset(INPUTS, labels, FOLDS, classes=3)
    found = train(ask(bert, tmp_path, data, (2, 2)))
    assert found.validation.shape == (75, 3)
    assert np.isfinite(found.validation).all()
    np.testing.assert_allclose(found.validation.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(found.test.sum(1), 1, atol=1e-5)
    assert (found.validation[list(FOLDS.folds[2])].argmax(1) != 2).all()
    assert value(found, "training_s") > 0
    assert len(list(tmp_path.glob("fold-*/*.safetensors"))) == 5


def test_it_stops_when_the_validation_loss_has_risen_three_times(bert: Path, tmp_path: Path) -> None:
    labels = LABELS.copy()
    labels[50:75] = 1 - labels[50:75]
    data = tiny_models.dataset(INPUTS, labels, HOLD_OUT)
    found = train(ask(bert, tmp_path, data, (12, 12)))
    losses = [point.validation_loss for point in found.curve]
    stopped = found.recipe["stopped_at"]
    assert isinstance(stopped, int)
    assert stopped == len(losses) < 12
    assert losses[-4] < losses[-3] < losses[-2] < losses[-1]
    assert found.notes
    again = train(ask(bert, tmp_path, data, (12, 12)))
    assert np.array_equal(again.validation, found.validation)


def test_test_rows_are_not_touched_where_nobody_asks(bert: Path, tmp_path: Path) -> None:
    data = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT)
    found = train(dataclasses.replace(ask(bert, tmp_path, data, (1, 4)), needs_test=False))
    assert found.test.shape == (0, 2)


def test_pictures_have_several_labels(tmp_path: Path) -> None:
    """Reddish, bluish, both or neither."""
    inputs, truth = [], np.array([[(row // 2) % 2, row % 2] for row in range(64)])
    draw = np.random.default_rng(0)
    for red, blue in truth:
        pixels = draw.integers(0, 130, (32, 32, 3), dtype=np.uint8)
        pixels[:, :, ::2] += np.array([120 * red, 120 * blue], np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        inputs.append(out.getvalue())
    labels = tuple(tuple(np.flatnonzero(one).tolist()) for one in truth)
    rows = Rows(tuple(map(str, range(64))), tuple(inputs), labels, ("red", "blue"), (), "labels")
    split = Split(learn=tuple(range(40)), folds=(tuple(range(40, 56)),), test=tuple(range(56, 64)))
    folder = tiny_models.save_image("ViT", tmp_path / "vit")
    card = tiny_models.card("transformers", "image", folder)

    def load() -> Trainable:
        torch.manual_seed(0)
        return load_trainable(card, folder, "cpu", CAUTIOUS, aim=Aim(rows.classes, "labels"))

    asked = dataclasses.replace(ask(folder, tmp_path / "kept", Dataset(rows, split, "", ""), (5, 5)), load=load, metric="micro_f1")
    found = train(dataclasses.replace(asked, technique="full", recipe={**RECIPE, "learning_rate": 3e-3}))
    assert found.validation.shape == (16, 2)
    told = found.validation > 0.5
    assert (told == truth[40:56]).mean() > 0.9
    # A row can have both or none, so the shares of a row do not sum to 1.
    assert {tuple(one) for one in told.tolist()} == {(False, False), (False, True), (True, False), (True, True)}
    np.testing.assert_allclose(found.answer(rows.inputs[40:56]), found.validation, atol=1e-5)


def test_what_contenders_begin_with_is_fitted_once(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, alone, beside = tiny_models.dataset(INPUTS, LABELS, HOLD_OUT), tmp_path / "alone", tmp_path / "beside"
    expected = train(with_probe(ask(bert, alone / "a", data, (1, 2)), "probe-then-finetune"))
    shared = dataclasses.replace(ask(bert, beside / "a", data, (1, 2)), origin="tiny")
    train(with_probe(shared, "lora"))
    assert not list(alone.glob("probes/*"))
    [kept] = beside.glob("probes/*")
    monkeypatch.setattr(LinearProbe, "fit", None)
    found = train(with_probe(dataclasses.replace(shared, checkpoint=beside / "b"), "probe-then-finetune"))
    np.testing.assert_array_equal(found.validation, expected.validation)
    monkeypatch.undo()
    kept.write_bytes(b"half")
    again = train(with_probe(dataclasses.replace(shared, checkpoint=beside / "c"), "probe-then-finetune"))
    np.testing.assert_array_equal(again.validation, expected.validation)
    other = tiny_models.dataset(INPUTS, LABELS, dataclasses.replace(HOLD_OUT, learn=tuple(range(40))))
    train(dataclasses.replace(with_probe(shared, "lora"), data=other, checkpoint=beside / "d"))
    assert len(list(beside.glob("probes/*"))) == 2


def with_probe(asked: Training, technique: str) -> Training:
    return dataclasses.replace(asked, technique=technique, recipe={**RECIPE, "head": "probe"})
