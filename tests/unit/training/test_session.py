from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import CandidateError
from harness.models.trainable import Trainable
from harness.techniques.catalogue import TRAINED, create_tuning
from harness.techniques.tuning import Lesson
from harness.training import checkpoint
from harness.training.session import Plan, Session, mend_dropout
from tests.unit import tiny_models

RECIPE = {"learning_rate": 3e-3, "batch_size": 8, "warmup": 0.1, "weight_decay": 0.01, "rank": 4, "virtual_tokens": 4}
TEXTS, LABELS = tiny_models.texts(44)


def never() -> bool:
    return False


def model(folder: Path, kind: str = "") -> Trainable:
    found = tiny_models.load(tiny_models.card("transformers", "text", folder), ("a", "b"))
    assert kind in type(found.module).__name__
    return found


def session(trainable: Trainable, technique: str = "full", labels: np.ndarray = LABELS, **settings: str | float) -> Session:
    lesson = Lesson(TEXTS, labels, int(labels.max()) + 1)
    return Session(trainable, create_tuning(technique), lesson, Plan({**RECIPE, **settings}, 3, 0, "cpu"))


def weights(trainable: Trainable) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in trainable.module.state_dict().items()}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_text("Bert", tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("technique", TRAINED)
def test_stopped_and_continued_is_as_if_it_never_stopped(technique: str, bert: Path, tmp_path: Path) -> None:
    whole = model(bert)
    session(whole, technique).advance(3, never)
    first = session(model(bert), technique)
    first.advance(0.5, never)
    first.save(tmp_path, "a")
    assert first.progress.step == 3
    torch.manual_seed(99)
    again = model(bert)
    second = session(again, technique)
    assert second.restore(tmp_path, "a", 3)
    second.advance(1.7, never)
    second.save(tmp_path, "a")
    third = session(last := model(bert), technique)
    assert third.restore(tmp_path, "a", 3)
    third.advance(3, never)
    for name, one in weights(whole).items():
        assert torch.equal(one, weights(last)[name]), name


def averaging(trainable: Trainable, technique: str = "full") -> Session:
    plan = Plan(RECIPE, 3, 0, "cpu", averages=True)
    return Session(trainable, create_tuning(technique), Lesson(TEXTS, LABELS, 2), plan)


@pytest.mark.parametrize("technique", ["full", "lora"])
def test_on_its_way_it_answers_with_the_mean_of_its_weights(technique: str, bert: Path, tmp_path: Path) -> None:
    """Step t of T weighs t(t + 1), as Shamir and Zhang 2013 have it for a power of 2; to be stopped changes nothing."""
    learner = session(model(bert), technique)
    steps = learner.steps_per_epoch
    seen: list[dict[str, torch.Tensor]] = []
    for step in range(1, 9):
        learner.advance(step / steps, never)
        seen.append({name: one.detach().double() for name, one in learner.trainable.module.named_parameters() if one.requires_grad})
    shares = np.array([t * (t + 1) for t in range(1, 9)], np.float64) / sum(t * (t + 1) for t in range(1, 9))
    first = averaging(model(bert), technique)
    first.advance(5 / steps, never)
    first.save(tmp_path, "a")
    second = averaging(model(bert), technique)
    assert second.restore(tmp_path, "a", 3)
    second.advance(8 / steps, never)
    second.save(tmp_path, "a")
    second.settle()
    for name, one in second.trainable.module.named_parameters():
        if one.requires_grad:
            mean = sum(share * weights[name] for share, weights in zip(shares, seen, strict=True))
            torch.testing.assert_close(one.detach().double(), mean, rtol=1e-4, atol=1e-6)
    assert second.settings["weights"] == "averaged"
    third = session(model(bert), technique)
    assert third.restore(tmp_path, "a", 3)
    for name, one in third.trainable.module.named_parameters():
        if one.requires_grad:
            assert torch.equal(one.detach().double(), seen[-1][name]), name


def test_a_mean_is_not_continued_from_where_none_was_kept(bert: Path, tmp_path: Path) -> None:
    plain = session(model(bert))
    plain.advance(1, never)
    plain.save(tmp_path, "a")
    assert not averaging(model(bert)).restore(tmp_path, "a", 3)


def test_only_what_belongs_to_it_is_continued(bert: Path, tmp_path: Path) -> None:
    first = session(model(bert))
    first.advance(1, never)
    first.save(tmp_path, "a")
    assert not session(model(bert)).restore(tmp_path, "b", 3)
    assert not session(model(bert)).restore(tmp_path, "a", 0.5)
    assert not session(model(bert), "lora").restore(tmp_path, "a", 3)
    assert session(model(bert)).restore(tmp_path, "a", 1)
    (tmp_path / checkpoint.FILE).write_bytes((tmp_path / checkpoint.FILE).read_bytes()[:-100])
    assert not session(model(bert)).restore(tmp_path, "a", 3)
    (tmp_path / checkpoint.FILE).write_bytes(b"")
    assert not session(model(bert)).restore(tmp_path, "a", 3)


@pytest.mark.parametrize("settings", [{"learning_rate": 1e6, "warmup": 0.0}, {"learning_rate": float("nan")}])
def test_divergence_is_named(bert: Path, settings: dict[str, float]) -> None:
    with pytest.raises(CandidateError, match=r"training diverged at step \d+") as caught:
        session(model(bert), **settings).advance(3, never)
    assert caught.value.hint.startswith("use a lower learning rate")


def test_a_weight_that_is_no_number_is_named(bert: Path) -> None:
    broken = model(bert)
    with torch.no_grad():
        next(broken.module.parameters())[:] = torch.nan
    with pytest.raises(CandidateError, match="training diverged at step 1"):
        session(broken).advance(1, never)


def limit(trainable: Trainable, cells: int) -> list[int]:
    """Let the module run out of memory above a number of padded tokens; return the list of row numbers that it was asked for."""
    asked: list[int] = []

    def hook(_: torch.nn.Module, __: tuple, given: dict[str, torch.Tensor]) -> None:
        asked.append(len(given["input_ids"]))
        if given["input_ids"].numel() > cells:
            raise torch.OutOfMemoryError

    trainable.module.register_forward_pre_hook(hook, with_kwargs=True)
    return asked


def test_where_memory_runs_out_fewer_rows_are_learned_from_at_once_with_the_same_effect(bert: Path) -> None:
    free = session(whole := model(bert), learning_rate=1e-3)
    _without_dropout(whole)
    free.advance(1, never)
    tight = session(parts := model(bert), learning_rate=1e-3)
    _without_dropout(parts)
    asked = limit(parts, 40)
    tight.advance(1, never)
    assert tight.progress.micro in {2, 4}
    assert asked[:2] == [8, 4]
    assert tight.progress.step == free.progress.step
    before = session(model(bert)).predict(TEXTS)
    assert np.abs(free.predict(TEXTS) - before).max() > 0.02
    np.testing.assert_allclose(tight.predict(TEXTS), free.predict(TEXTS), atol=1e-3)


def _without_dropout(trainable: Trainable) -> None:
    for part in trainable.module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def test_out_of_memory_with_one_row_says_what_would_fit(bert: Path) -> None:
    trainable = model(bert)
    limit(trainable, 4)
    with pytest.raises(CandidateError, match=r"out of memory at batch size 1: a single row of 1\d tokens") as caught:
        session(trainable).advance(1, never)
    fits = caught.value.hint.split()[0]
    assert 2 <= int(fits) <= 4
    assert caught.value.hint.startswith(f"{fits} tokens fit: set context: {fits} in the card, or use lora")


LIMITED = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, ".")
import numpy as np, torch
from harness.techniques.catalogue import create_tuning
from harness.techniques.tuning import Lesson
from harness.training.session import Plan, Session
from tests.unit import tiny_models

card = tiny_models.card("transformers", "text", Path(sys.argv[1]))
trainable = tiny_models.load(card, ("a", "b"))
rows = [("the card was stolen " * 7).strip()] * 256
plan = Plan({"batch_size": 256, "learning_rate": 1e-3}, 1, 0, "cpu")
session = Session(trainable, create_tuning("full"), Lesson(rows, np.arange(256) % 2, 2), plan)
session.trainable.logits([session._rows[0]]).sum().backward()
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 24 * 2**20,) * 2)
session.advance(1, lambda: False)
print(json.dumps({"micro": session.progress.micro, "step": session.progress.step}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_with_little_memory_finds_how_many_rows_fit(bert: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(bert)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["step"] == 1
    assert 1 <= found["micro"] < 256


def test_rare_classes_weigh_as_much_as_common_ones(bert: Path) -> None:
    rare = np.where(np.arange(44) % 11 == 1, 1, 0)
    found = session(model(bert), labels=rare)
    assert found.settings == {"class_weights": "balanced"}
    assert session(model(bert)).settings == {}
    found.advance(1, never)
    assert found.progress.step == 6


def test_answers_do_not_depend_on_what_is_asked_beside_them(bert: Path) -> None:
    found = session(model(bert))
    found.advance(1, never)
    alone = np.concatenate([found.predict([text]) for text in TEXTS[:9]])
    np.testing.assert_allclose(found.predict(TEXTS)[:9], alone, atol=1e-5)
    np.testing.assert_allclose(alone.sum(1), 1, atol=1e-5)


def test_batch_norms_keep_what_they_know(tmp_path: Path) -> None:
    trainable = tiny_models.load(tiny_models.card("transformers", "image", tiny_models.save_image("ResNet", tmp_path)), ("a", "b"))
    inputs, labels = tiny_models.pictures(16)
    before = {name: one for name, one in weights(trainable).items() if "running" in name or "num_batches" in name}
    found = Session(trainable, create_tuning("full"), Lesson(inputs, labels, 2), Plan(RECIPE, 2, 0, "cpu"))
    found.advance(2, never)
    assert before
    for name, one in before.items():
        assert torch.equal(one, weights(trainable)[name])


def test_a_dropout_that_leaves_nothing_is_taken_for_the_share_that_is_kept() -> None:
    module = torch.nn.Sequential(torch.nn.Dropout(0.999), torch.nn.Dropout(0.8), torch.nn.Dropout(0.1))
    assert mend_dropout(module) == {"dropout": "0.001, since 0.999 must be the share that is kept"}
    assert [part.p for part in module] == pytest.approx([0.001, 0.8, 0.1])


def test_a_head_that_is_asked_to_begins_as_a_probe(bert: Path) -> None:
    def accuracy(one: Session) -> float:
        return float((one.predict(TEXTS).argmax(1) == LABELS).mean())

    begun = session(model(bert), "lora", head="probe")
    assert accuracy(begun) > accuracy(session(model(bert), "lora")) + 0.1
    assert begun.settings == {}
    lesson = Lesson(TEXTS, np.zeros_like(LABELS), 2)
    one_class = Session(model(bert), create_tuning("lora"), lesson, Plan({**RECIPE, "head": "probe"}, 3, 0, "cpu"))
    assert one_class.settings == {"head": "random, since all rows that it would learn from are of one class"}
