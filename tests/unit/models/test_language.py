from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.models.adapters import load_model
from harness.models.language import is_language_model
from harness.models.transformers_language import LanguageModel
from tests.unit.tiny_models import LANGUAGE, card, save_language, save_text

REAL = Path("../shared/models/stories260k")
PROMPTS = [
    "hello my card was",
    "the parcel is",
    "where is my refund please",
    "a card is",
    "hello",
    "thank you please help me the a",
]
ANSWERS = [" stolen", " where is the parcel", " refund me please"]


def load(folder: Path) -> LanguageModel:
    found = load_model(card("transformers", "text", folder), folder, "cpu", CAUTIOUS)
    assert isinstance(found, LanguageModel)
    return found


def ask(model: LanguageModel, prompts: list[str]) -> np.ndarray:
    """Likelihoods `(prompts, answers, 2)`."""
    found = model.log_likelihood([one for one in prompts for _ in ANSWERS], ANSWERS * len(prompts))
    assert found.dtype == np.float32
    return found.reshape(len(prompts), len(ANSWERS), 2)


@torch.inference_mode()
def by_hand(folder: Path, prompts: list[str], context: int) -> np.ndarray:
    """The same by the library alone: one prompt with one answer at a time, read whole."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    has_encoder = json.loads((folder / "config.json").read_text()).get("is_encoder_decoder", False)
    model = (AutoModelForSeq2SeqLM if has_encoder else AutoModelForCausalLM).from_pretrained(folder).eval()
    found = []
    for prompt in prompts:
        longest = max(len(tokenizer(one, add_special_tokens=False).input_ids) for one in ANSWERS)
        for answer in ANSWERS:
            if has_encoder:
                labels = tokenizer(text_target=answer.strip(), return_tensors="pt").input_ids
                given = tokenizer(prompt, return_tensors="pt").input_ids[:, -context:]
                loss = model(input_ids=given, labels=labels).loss
                found.append((-float(loss) * labels.shape[1], labels.shape[1]))
                continue
            asked = [tokenizer("a").input_ids[0], *tokenizer(prompt, add_special_tokens=False).input_ids]
            asked = [asked[0], *asked[1:][-(context - longest - 1) :]]
            size = len(tokenizer(prompt, add_special_tokens=False).input_ids)
            goes_on = tokenizer(prompt + answer, add_special_tokens=False).input_ids[size:]
            logits = model(torch.tensor([asked + goes_on])).logits[0].log_softmax(-1)
            sums = sum(float(logits[len(asked) - 1 + i, token]) for i, token in enumerate(goes_on))
            found.append((sums, len(goes_on)))
    return np.array(found).reshape(len(prompts), len(ANSWERS), 2)


@pytest.mark.parametrize("kind", sorted(LANGUAGE))
def test_likelihoods_equal_the_library_used_by_hand_in_any_company(kind: str, tmp_path: Path) -> None:
    model = load(save_language(kind, tmp_path))
    # A long beginning in common is read once.
    prompts = PROMPTS + ["where is the card please thank you help me hello my parcel was " * 2 + one for one in PROMPTS[:3]]
    found = ask(model, prompts)
    np.testing.assert_allclose(found, by_hand(tmp_path, prompts, model.context), atol=1e-4)
    assert np.ptp(found[:, 0, 0]) > 0.1
    assert model._scorer is not None
    for batches in (model._scorer.prompts, model._scorer.answers):
        batches.budget = 1
    np.testing.assert_allclose(np.concatenate([ask(model, [one]) for one in prompts]), found, atol=1e-4)


def test_a_long_prompt_is_cut_off_at_its_beginning(tmp_path: Path) -> None:
    model = load(save_language("GPT2LMHead", tmp_path))
    prompts = ["hello " * 60 + "my card was", "thank " * 90 + "you"]
    assert (model.count_tokens(prompts) > model.context).all()
    np.testing.assert_allclose(ask(model, prompts), by_hand(tmp_path, prompts, model.context), atol=1e-4)
    np.testing.assert_array_equal(model.log_likelihood(["hello"], [""]), [[0, 0]])
    with pytest.raises(CandidateError, match="an answer of 60 tokens is longer than the 48"):
        model.log_likelihood(["hello"], [" card" * 60])


@pytest.mark.parametrize("kind", ["LlamaForCausalLM", "T5ForConditionalGeneration"])
def test_features_stay_the_same_once_it_was_asked(kind: str, tmp_path: Path) -> None:
    model = load(save_language(kind, tmp_path))
    before, size = model.embed_text(PROMPTS), model.weights().parameters
    ask(model, PROMPTS)
    np.testing.assert_allclose(model.embed_text(PROMPTS), before, atol=1e-6)
    assert model.weights().parameters > size


def test_a_body_alone_is_no_language_model(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_language("LlamaForCausalLM", tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop("lm_head.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    model = load(folder)
    for _ in range(2):
        with pytest.raises(CandidateError, match=r"lacks weights of a language model: lm_head\.weight"):
            ask(model, PROMPTS)


def test_which_folders_hold_a_language_model(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    save_text("Bert", tmp_path / "bert")
    folder = save_language("LlamaForCausalLM", tmp_path)
    known = card("transformers", "text", folder)
    assert is_language_model(known, folder)
    assert not is_language_model(known, tmp_path / "bert")
    assert not is_language_model(known.model_copy(update={"control": True}), folder)
    short = Card.model_validate(known.model_dump() | {"options": {"layers": 2}})
    assert not is_language_model(short, folder)
    shutil.copytree(folder, tmp_path / "sentences")
    (tmp_path / "sentences" / "modules.json").write_text("[]")
    assert not is_language_model(known, tmp_path / "sentences")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real weights are not here")
def test_a_real_model_equals_the_library_used_by_hand() -> None:
    model = load(REAL)
    prompts = ["Once upon a time, there was a little", "Lily said,", "The dog was very happy because it saw"]
    np.testing.assert_allclose(ask(model, prompts), by_hand(REAL, prompts, model.context), atol=1e-4)
