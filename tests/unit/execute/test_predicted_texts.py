"""New rows of a model that has learned to write get the texts by which it was judged."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.card import Card
from harness.core.data import Dataset
from harness.core.finetuned import Contents, Made
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.core.writing import TURN
from harness.core.written import COLUMNS
from harness.errors import CandidateError
from harness.execute import predict_pass
from harness.execute.assignment import Place, Question, Training
from harness.execute.finetune_pass import finetune
from harness.measure.writing import judge_texts
from tests.unit.tiny_models import save_language
from tests.unit.training.test_writing import task

CHAT = "{% for one in messages %}my {{ one.content }} please{% endfor %}"


def data() -> Dataset:
    """The rows of a task, put with an opening and ended by a text, with the answer in what is written."""
    found = task(16)
    assert found.writing is not None
    template = (("", "question"), (" is", ""))
    writing = replace(found.writing, opening="help me. ", limit=5, stop=("e",), pattern=r"\w+", template=template)
    return replace(found, writing=writing)


def train(base: Path, out: Path, technique: str) -> tuple[Made, Contents]:
    rows = data()
    assert rows.writing is not None
    recipe: dict[str, str | int | float] = {"learning_rate": 5e-3 if technique == "full" else 0.05, "epochs": 8, "batch_size": 4}
    contents = Contents(
        card=Card(name="tiny", adapter="transformers", source=str(base)), kind="generation", technique=technique, recipe=recipe,
        target="text", labels=(), writing=rows.writing.manner,
    )  # fmt: skip
    out.mkdir()
    order = Training(contents, Place(out, base, "cpu", CAUTIOUS), Fidelity(epochs=8, of=8), rows, "chrf", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = finetune(order, lambda _line: None)
    return made, contents.model_copy(update={"recipe": made.recipe})


def ask(contents: Contents, out: Path, base: Path, batch: int | None = None) -> list[str]:
    rows = data()
    assert rows.writing is not None
    prompts = tuple(rows.writing.prompts[row] for row in rows.split.test)
    file, told = out.parent / "texts.json", list[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = predict_pass.predict(Question(contents, Place(out, base, "cpu", CAUTIOUS, batch), prompts, file), told.append)
    assert (done.rows, told[0], told[-1]) == (4, "loading", "4 of 4 rows answered")
    found: list[str] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize(("technique", "template"), [("full", CHAT), ("prompt-tuning", "")])
def test_new_rows_get_the_texts_by_which_the_model_was_judged(
    technique: str, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, out = save_language("LlamaForCausalLM", tmp_path / "base"), tmp_path / "out"
    if template:
        (base / "chat_template.jinja").write_text(template)
    made, contents = train(base, out, technique)
    assert contents.recipe.get("prompt") == (TURN if template else None)
    texts, rows = ask(contents, out, base), data()
    assert rows.writing is not None
    figures = judge_texts(texts, rows.writing.of(rows.split.test), rows.writing.pattern)
    assert figures[:, COLUMNS.index("chrf")].mean() == pytest.approx(made.test.score, abs=1e-9)
    assert 0 < made.test.score < 1
    assert len(set(texts)) > 1
    monkeypatch.setattr(predict_pass, "_WRITTEN_AT_ONCE", 3)
    assert ask(contents, out, base, batch=1) == texts
    if template:
        (out / "chat_template.jinja").unlink()
        with pytest.raises(CandidateError, match="trained with a template for chats"):
            ask(contents, out, base)
