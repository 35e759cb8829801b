"""Every example in the documentation is run, or checked by what would run it."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer
from PIL import Image
from yaml import safe_load

import harness
from harness import cli
from harness.cli.init import make_workspace
from harness.comparison import Comparison, compare
from harness.core.data import Dataset, Pair, Rows, Sentence, Split
from harness.core.entities import ragged
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate, RankedContender, Ranking, Recommendation
from harness.core.run import RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Finished, Record, Trial
from harness.core.wording import Wording
from harness.core.writing import Writing
from harness.execute import subject
from harness.execute.plan import check_techniques
from harness.execute.searching import check_found, embed_role, search_needs
from harness.execute.writing import writing_needs
from harness.load.candidates import load_candidates, load_plugin, select
from harness.load.data_function import call_function
from harness.load.overrides import override
from harness.load.suites import list_suites
from harness.load.tasks import list_tasks
from harness.load.workspace import GROUP, Workspace, load_workspaces
from harness.measure.writing import judge_texts
from harness.report.document import FORMATS
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from harness.techniques.writing import fit_author

if TYPE_CHECKING:
    from conftest import Example

ROOT = Path(__file__).parents[2]
TEXTS = ["my card was stolen", "where is my parcel", "the card again", "a parcel is late"]
LABELS = np.array([0, 1, 0, 1])
# Commands that answer at once are run; of the others the words are checked.
QUICK = {"init", "candidates", "tasks", "schema"}
OTHER_PROGRAMS = {"pip", "hf"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_examples_work(python: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "example.py"
    file.write_text(python.text)
    if "candidates = (" in python.text:
        assert sum(bool(line.strip()) for line in python.text.splitlines()) < 15
        for candidate in load_plugin(file):
            model = candidate.load("cpu", "float32")
            ask = next((ask for name, ask in ASKS.items() if f"def {name}(" in python.text), None)
            if ask is None:
                _ask(model, is_image="image" in candidate.card.modality)
            else:
                ask(model)
    elif "def load()" in python.text:
        assert len(call_function(file, "load").train) == 2
    else:
        monkeypatch.setattr(harness, "compare", _stand_in, raising=False)
        exec(compile(python.text, python.place, "exec"), {})  # noqa: S102 - our own text


def _ask_numbers(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, target="number") == {"fit"}
    model.fit_numbers(TEXTS, np.array([4.0, 4.0, 3.0, 4.0]))
    assert model.predict_numbers(TEXTS).tolist() == pytest.approx([4, 4, 3, 4])


def _ask_options(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, target="option") == {"fit"}
    model.fit_options([("a?", ("b", "cc"))], np.array([1]))
    assert model.predict_options([("a?", ("b", "cc")), ("b?", ("ddd", "e"))]).argmax(1).tolist() == [1, 0]


def _ask_pairs(model: Any) -> None:
    pairs = [Pair(*both) for both in zip(TEXTS, reversed(TEXTS), strict=True)]
    assert subject.needs_met(model, is_image=False, is_pair=True) == {"embed"}
    features = subject.embed(model, pairs, is_image=False)
    assert np.array_equal(features[:, :1], subject.embed(model, pairs[:1], is_image=False))
    assert not np.allclose(features[:, 0], features[:, 1])


def _ask_tags(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, target="tags") == {"fit"}
    sentences = [["Ann", "left"], ["it", "rains", "in", "Rome"]]
    inputs = Inputs(np.empty((0, 0, 0), np.float32), sentences, model, names=("O", "B-name", "I-name"))
    head = create("fit", "tags").fit(inputs, np.arange(2), ragged([[1, 0], [0, 0, 0, 1]]), 3)
    assert head.predict(inputs, np.arange(2)).argmax(1).tolist() == [1, 0, 0, 0, 0, 1]


def _ask_in_words(model: Any) -> None:
    assert subject.needs_met(model, is_image=False) == {"ask"}
    wording = Wording("{text} {label}", (("card",), ("parcel",)), is_told=True)
    inputs = Inputs(np.empty((0, 0, 0), np.float32), TEXTS, model, wording=wording)
    for technique in ("prompted", "few-shot"):
        head = create(technique).fit(inputs, np.arange(4), LABELS, 2)
        assert head.predict(inputs, np.arange(4)).argmax(1).tolist() == LABELS.tolist()


def _ask_what_follows(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, has_hypotheses=True) == {"entail"}
    hypotheses = (("This example is card.",), ("This example is parcel.",))
    inputs = Inputs(np.empty((0, 0, 0), np.float32), TEXTS, model, hypotheses=hypotheses)
    head = create("entailment").fit(inputs, np.arange(4), LABELS, 2)
    assert head.predict(inputs, np.arange(4)).argmax(1).tolist() == LABELS.tolist()


def _ask_to_write(model: Any) -> None:
    assert writing_needs(model) == {"ask"}
    writing = Writing(tuple(f"Text: {text}" for text in TEXTS), tuple((text,) for text in TEXTS))
    rows = Rows(("1", "2", "3", "4"), tuple(TEXTS), (1.0,) * 4, (), (), "text")
    data = Dataset(rows, Split((), ((0, 1),), (2, 3)), "", "", writing=writing)
    for technique in ("prompted", "few-shot"):
        found = fit_author(technique, model, data, (2, 3)).write((0, 1))
        assert [judge_texts([one], [[text]])[0, 1] > 0.5 for one, text in zip(found, TEXTS, strict=False)] == [True, True]


def _ask_search(model: Any) -> None:
    assert search_needs(model) == {"fit"}
    model.index(TEXTS)
    found = check_found(model.search(["a parcel", "the card"], 3), 2, len(TEXTS))
    assert found.shape == (2, 3)
    assert found[:, 0].tolist() == [3, 2]


def _ask_roles(model: Any) -> None:
    assert search_needs(model) == {"search"}
    queries, documents = (
        embed_role(model, texts, role) for texts, role in ((["about art"], "query"), (["art", "boats"], "document"))
    )  # type: ignore[arg-type]
    assert (queries @ documents.T).tolist() == [[1, 0]]


def _ask_labels(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, target="labels") == {"fit"}
    model.fit_labels(TEXTS, np.array([[1, 0], [1, 1], [1, 0], [0, 0]], np.float32))
    assert subject.check_shares(model.predict_labels(TEXTS), 4, 2)[0].tolist() == [0.75, 0.25]


def _ask_of_words(model: Any) -> None:
    assert subject.needs_met(model, is_image=False, target="tags") == {"embed"}
    rows = [Sentence(("Ann", "left")), Sentence(("it", "rains"))]
    found = subject.embed(model, rows, is_image=False)
    assert found.shape[1] == 4
    assert np.array_equal(found[:, 2:], subject.embed(model, rows[1:], is_image=False))


def _ask_of_pictures(model: Any) -> None:
    assert subject.needs_met(model, is_image=True) == {"embed", "match"}
    pictures = [Image.new("RGB", (6, 4), color) for color in ("red", "blue")]
    vectors = model.embed_image(pictures)[0] @ model.embed_prompts(["a red thing", "a blue one"]).T
    assert vectors.argmax(1).tolist() == [0, 1]


def _ask_to_repeat(model: Any) -> None:
    assert writing_needs(model) == {"fit"}
    model.fit_texts(["a", "b"], ["c", "d"])
    assert model.write_texts(["b", "e"]) == ["d", "I do not know."]


# How a model is asked, by a method that its code has.
ASKS = {
    "embed_pairs": _ask_pairs,
    "embed_queries": _ask_roles,
    "embed_words": _ask_of_words,
    "embed_prompts": _ask_of_pictures,
    "fit_labels": _ask_labels,
    "fit_texts": _ask_to_repeat,
    "fit_numbers": _ask_numbers,
    "fit_options": _ask_options,
    "fit_tags": _ask_tags,
    "log_likelihood": _ask_in_words,
    "entails": _ask_what_follows,
    "generate": _ask_to_write,
    "search": _ask_search,
}


def _ask(model: Any, *, is_image: bool) -> None:
    """Ask a model of the documentation what a worker would ask it."""
    needs = subject.needs_met(model, is_image=is_image)
    if "fit" in needs:
        model.fit(TEXTS, LABELS, 2)
        assert subject.check_shares(model.predict(TEXTS), 4, 2).argmax(1).tolist() == LABELS.tolist()
    elif is_image:
        pictures = [Image.new("RGB", (6, 4), color) for color in ("red", "blue")]
        features = subject.check_features(model.embed_image(pictures), 2)
        assert not np.allclose(features[:, 0], features[:, 1])
    else:
        features = subject.embed(model, TEXTS, is_image=False)
        assert np.array_equal(features[:, :1], subject.embed(model, TEXTS[:1], is_image=False))


def _stand_in(*given: Any, **named: Any) -> Comparison:
    """Return a finished comparison of one contender, having checked that the real function takes these arguments."""
    asked = inspect.signature(compare).bind(*given, **named)
    settings = asked.arguments["settings"]
    assert isinstance(settings, Settings)
    estimate = Estimate(score=0.5, low=0.4, high=0.6)
    speed = Measurement(name="latency_p95_ms", value=4.0, unit="ms")
    row = RankedContender(
        rank=1, tie=1, candidate="a", technique="knn", metric="macro_f1", validation=estimate, test=None, train_score=None,
        expected_regret=0.0, probability_best=1.0, overfit=False, pareto=True, baseline=False, control=False, license="MIT",
        measurements=(speed,), recipe={},
    )  # fmt: skip
    chosen = Recommendation(
        candidate="a", technique="knn", score=0.5, low=0.4, high=0.6, expected_regret=0.0, probability_best=1.0,
        probability_within_margin=1.0, decisive=True, reason="It is the only one.",
    )  # fmt: skip
    ranking = Ranking(
        task="tickets", metric="macro_f1", higher_is_better=True, margin=0.01, prefer="latency", validation_rows=9, test_rows=0,
        rows=(row,), recommendation=chosen, alternatives=(), excluded=(), failed=(), skipped=(),
    )  # fmt: skip
    trial = Trial(candidate="a", technique="knn", task="tickets", task_digest="", source_digest="")
    record = Record(trial=trial, outcome=Finished(measurements=(speed,)), started="", seconds=1.0)
    return Comparison(Path(), RunInfo.model_construct(settings=settings), ranking, (record,))


def test_yaml_examples_are_read(yaml: Example, tmp_path: Path) -> None:
    content = safe_load(yaml.text)
    here = (Workspace("user", tmp_path),)
    if isinstance(content, list):
        (tmp_path / "candidates").mkdir()
        (tmp_path / "candidates" / "example.yaml").write_text(yaml.text)
        assert len(load_candidates(here).registered) == len(content)
        return
    folder = tmp_path / "tasks" / "example"
    folder.mkdir(parents=True)
    if "tasks" in content:
        (folder / "suite.yaml").write_text(yaml.text)
        assert len(list_suites(here)) == 1
        return
    # A part of a task stands for the whole with that part.
    needed = "" if "name" in content else "name: example\n"
    needed += "" if "kind" in content else "kind: text-classification\n"
    needed += "" if "data" in content else "data: {train: rows.csv}\n"
    (folder / "task.yaml").write_text(needed + yaml.text)
    assert len(list_tasks(here)) == 1


def test_toml_examples_name_the_entry_point_group(toml: Example) -> None:
    assert list(tomllib.loads(toml.text)["project"]["entry-points"]) == [GROUP]


def test_console_examples_work(console: Example, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = console.text.splitlines()
    assert all(line.startswith("$ ") for line in lines), "an example shows commands only"
    for line in lines:
        program, *words = shlex.split(line.removeprefix("$ "))
        if program == "make":
            assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif program != "bench":
            assert program in OTHER_PROGRAMS
        elif words[0] in QUICK:
            assert cli.run(words) == 0, capsys.readouterr().err
            assert capsys.readouterr().out
        else:
            _check_words(words, workspace)


def _check_words(words: list[str], workspace: Path) -> None:
    """Let the command line read the words, and what reads the values read those, without running the command."""
    words = cli.complete(words)
    command: Any = typer.main.get_command(cli.build(words))
    given = command.commands[words[0]].make_context(words[0], words[1:]).params
    override(
        Task.model_validate({"name": "t", "kind": "text-classification", "data": {"train": "t"}}), given.get("constraint") or ()
    )
    check_techniques(_split(given.get("techniques")))
    assert set(_split(given.get("formats"))) <= set(FORMATS)
    # `user:` stands for the reader's own candidates, which are not here.
    patterns = [name for name in _split(given.get("candidates")) if not name.startswith("user:")]
    assert not patterns or select(load_candidates(load_workspaces(workspace)), patterns, "text")


def _split(words: str | None) -> list[str]:
    return [word for word in (words or "").split(",") if word]


@pytest.mark.slow
def test_the_example_of_init_runs_as_its_readme_says(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = re.search(r"^ {4}bench (compare .*)$", (workspace / "README.md").read_text(), re.MULTILINE)
    assert line is not None
    assert cli.run(shlex.split(line[1])) == 0, capsys.readouterr().err
    assert cli.run(["report", "example", "--constraint", "memory_mb=1000", "--out", "what-if"]) == 0
    assert (workspace / "what-if" / "report.html").is_file()
