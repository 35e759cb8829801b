"""Decoders that learn to write: what is learned is the library's own loss of the answer alone, and what is written follows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.data import Dataset, Pair, Rows, Split
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.core.writing import TURN, Writing
from harness.errors import CandidateError
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim
from harness.models.transformers_writer import TextWriter
from harness.techniques.catalogue import create_tuning
from harness.techniques.tuning import Lesson
from harness.training.asked import Training
from harness.training.writing import TrainedWriter, train_writer
from tests.unit.tiny_models import card, save_language

ROWS = [
    Pair("where is my card", " stolen parcel"),
    Pair("hello", " the"),
    Pair("thank you please help me my refund was", " a refund"),
]


def load(folder: Path) -> TextWriter:
    torch.manual_seed(0)
    found = load_trainable(card("transformers", "text", folder), folder, "cpu", CAUTIOUS, aim=Aim((), "text"))
    assert isinstance(found, TextWriter)
    return found


@pytest.mark.parametrize("kind", ["GPT2LMHead", "LlamaForCausalLM"])
def test_the_loss_is_the_librarys_own_of_the_answers_tokens_and_the_end(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_language(kind, tmp_path)
    writer = load(folder)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    writer.module.eval()
    found = writer.logits(writer.encode(ROWS))
    assert found.shape == (3, 1)
    for row, loss in zip(ROWS, found[:, 0].tolist(), strict=True):
        prompt = [2, *tokenizer(row.first, add_special_tokens=False).input_ids]
        answer = tokenizer(row.second, add_special_tokens=False).input_ids
        # 3 is what the folder's configuration says that a text ends with.
        ids = torch.tensor([[*prompt, *answer, 3]])
        labels = torch.tensor([[-100] * len(prompt) + [*answer, 3]])
        assert loss == pytest.approx(model(input_ids=ids, labels=labels).loss.item(), abs=1e-4)


def task(rows: int = 24) -> Dataset:
    """The answer to each row is the word that stands last in it."""
    words = ["card", "parcel", "refund", "stolen"]
    contents = tuple(f"hello {'the ' * (i % 3)}{words[i % 4]}" for i in range(rows))
    writing = Writing(tuple(f"{one} is" for one in contents), tuple((words[i % 4],) for i in range(rows)), limit=2, stop=())
    fold = tuple(range(rows // 2, rows - 4))
    split = Split(tuple(range(rows // 2)), (fold,), tuple(range(rows - 4, rows)))
    table = Rows(tuple(map(str, range(rows))), contents, (1.0,) * rows, (), (), "text")
    return Dataset(table, split, "digest", "made", writing=writing)


def train(folder: Path, technique: str, epochs: float, checkpoint: Path) -> TrainedWriter:
    recipe = {"learning_rate": 5e-3, "batch_size": 4, "epochs": 12}
    ask = Training(
        load=lambda: load(folder), technique=technique, recipe=recipe, fidelity=Fidelity(epochs=epochs, of=12), data=task(),
        metric="exact_match", seed=0, device="cpu", checkpoint=checkpoint,
    )  # fmt: skip
    return train_writer(ask)


def test_a_decoder_learns_what_to_write(tmp_path: Path) -> None:
    data, done = task(), train(save_language("LlamaForCausalLM", tmp_path / "model"), "full", 12, tmp_path / "kept")
    assert data.writing is not None
    right = [data.writing.references[row][0] for row in data.split.choosing]
    assert sum(text.split()[:1] == [one] for text, one in zip(done.validation, right, strict=True)) >= 6
    losses = [point.validation_loss for point in done.curve]
    assert losses[-1] < losses[0] / 2
    assert len(done.test) == 4
    assert "head" not in done.recipe
    assert done.write((13, 12)) == [done.validation[1], done.validation[0]]


def test_an_adapter_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    folder = save_language("GPT2LMHead", tmp_path / "model")
    once = train(folder, "lora", 3, tmp_path / "once")
    train(folder, "lora", 1, tmp_path / "twice")
    again = train(folder, "lora", 3, tmp_path / "twice")
    assert (again.validation, again.test, again.curve) == (once.validation, once.test, once.curve)
    assert next(one.value for one in once.measurements if one.name == "trainable_share") < 0.9


@pytest.mark.parametrize("kind", ["GPT2LMHead", "LlamaForCausalLM"])
def test_learned_tokens_stand_before_each_prompt_in_any_company(kind: str, tmp_path: Path) -> None:
    writer = load(save_language(kind, tmp_path))
    create_tuning("prompt-tuning").prepare(writer, {"virtual_tokens": 5}, Lesson((), np.empty(0), 1))
    prompts = ["card", "my parcel was stolen and", "hello the card is"]
    written = writer.write(prompts, 6, ())
    base, tokenizer = writer.module.get_base_model().eval(), writer._language.tokenizer
    before, table = writer.module.get_prompt(1).detach(), base.get_input_embeddings()
    for prompt, text in zip(prompts, written, strict=True):
        asked, found = torch.tensor([[2, *tokenizer(prompt, add_special_tokens=False).input_ids]]), []
        for _ in range(6):
            with torch.no_grad():
                found.append(int(base(inputs_embeds=torch.cat([before, table(asked)], 1)).logits[0, -1].argmax()))
            if found[-1] == 3:
                break
            asked = torch.cat([asked, torch.tensor([found[-1:]])], 1)
        assert text == tokenizer.decode(found, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert len(set(written)) > 1
    losses = writer.logits(writer.encode(ROWS))[:, 0]
    alone = torch.stack([writer.logits(writer.encode([row]))[0, 0] for row in ROWS])
    torch.testing.assert_close(losses, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Position ids are not supported")  # of peft, which reads it back
def test_learned_tokens_learn_and_are_read_back(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = save_language("LlamaForCausalLM", tmp_path / "model")
    done = train(folder, "prompt-tuning", 4, tmp_path / "kept")
    assert done.curve[-1].train_loss < done.curve[0].train_loss
    assert next(one.value for one in done.measurements if one.name == "trainable_share") < 0.2
    writer = load(folder)
    create_tuning("prompt-tuning").prepare(writer, {"virtual_tokens": 5}, Lesson((), np.empty(0), 1))
    writer.save(tmp_path / "folder", ())
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), str(tmp_path / "folder")).eval()
    tokenizer = writer._language.tokenizer
    asked = torch.tensor([[2, *tokenizer("the parcel", add_special_tokens=False).input_ids]])
    found = again.generate(input_ids=asked, attention_mask=torch.ones_like(asked), max_new_tokens=5, do_sample=False)
    text = tokenizer.decode(found[0, asked.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert text == writer.write(["the parcel"], 5, ())[0]


def test_who_is_taught_in_turns_of_a_chat_says_so(tmp_path: Path) -> None:
    folder = save_language("LlamaForCausalLM", tmp_path / "model")
    assert "prompt" not in train(folder, "full", 1, tmp_path / "plain").recipe
    (folder / "chat_template.jinja").write_text("{% for one in messages %}my {{ one.content }} please{% endfor %}")
    assert train(folder, "full", 1, tmp_path / "chat").recipe["prompt"] == TURN


def test_a_long_row_keeps_its_answer_and_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    writer = load(save_language("GPT2LMHead", tmp_path / "decoder"))
    [row] = writer.encode([Pair("hello card " * 60, " stolen parcel")])
    assert row.shape[1] <= writer._language.context
    assert np.flatnonzero(row[1]).tolist() == list(range(row.shape[1] - int(row[1].sum()), row.shape[1]))
    with pytest.raises(CandidateError, match="this is an encoder–decoder"):
        load(save_language("BartForConditionalGeneration", tmp_path / "translator"))
