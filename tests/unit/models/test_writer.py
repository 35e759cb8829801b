"""What language models write: the library's own greedy text of each prompt alone, in any company, up to stop texts and limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness.core.card import Options
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.models.adapters import load_model
from harness.models.transformers_language import LanguageModel
from harness.models.writer import _Ending
from tests.unit.tiny_models import LANGUAGE, card, save_language

REAL = Path("../shared/models/stories260k")
# Places that are learned, turned, windowed, or held in a state, and two ways in which an encoder is read.
KINDS = [kind for kind in sorted(LANGUAGE) if kind not in {"BloomForCausalLM", "GemmaForCausalLM"}]
PROMPTS = ["hello my card was", "the parcel is", "where is my refund please thank you help me", "a", "hello hello card", ""]


def load(folder: Path, *, chat: bool | None = None) -> LanguageModel:
    known = card("transformers", "text", folder).model_copy(update={"options": Options(chat=chat)})
    found = load_model(known, folder, "cpu", CAUTIOUS)
    assert isinstance(found, LanguageModel)
    return found


def save(kind: str, folder: Path) -> Path:
    """Write a language model; one of T5's kind gets larger weights, with which it writes more than a final mark."""
    from transformers import AutoModelForSeq2SeqLM

    save_language(kind, folder)
    if kind.startswith("T5"):
        model = AutoModelForSeq2SeqLM.from_pretrained(folder)
        torch.manual_seed(0)
        with torch.no_grad():
            for one in model.parameters():
                one.add_(torch.randn_like(one))
        model.save_pretrained(folder)
    return folder


@torch.inference_mode()
def by_hand(folder: Path, prompts: list[str], limit: int) -> list[str]:
    """The same by the library alone: one prompt at a time, with whatever settings are needed for greedy decoding."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(folder)
    has_encoder = json.loads((folder / "config.json").read_text()).get("is_encoder_decoder", False)
    model = (AutoModelForSeq2SeqLM if has_encoder else AutoModelForCausalLM).from_pretrained(folder).eval()
    model.generation_config = GenerationConfig(
        eos_token_id=model.config.eos_token_id, pad_token_id=0, decoder_start_token_id=model.config.decoder_start_token_id
    )
    texts = []
    for prompt in prompts:
        ids = tokenizer(prompt).input_ids if has_encoder else [2, *tokenizer(prompt, add_special_tokens=False).input_ids]
        found = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=limit, do_sample=False
        )[0]
        texts.append(tokenizer.decode(found[1 if has_encoder else len(ids) :], skip_special_tokens=True))
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_texts_equal_those_of_the_library_for_each_prompt_alone_in_any_company(kind: str, tmp_path: Path) -> None:
    model = load(save(kind, tmp_path))
    found = model.generate(PROMPTS, 12, ())
    assert found == by_hand(tmp_path, PROMPTS, 12)
    assert len(set(found)) > 2
    assert [model.generate([one], 12, ())[0] for one in PROMPTS] == found
    assert model.generate(PROMPTS[::-1], 12, ())[::-1] == found
    assert model._writer is not None
    model._writer._batches.budget = 30
    assert model.generate(PROMPTS, 12, ()) == found
    assert model.generate([], 12, ()) == []


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared models are not here")
def test_a_real_model_tells_a_story_until_a_stop_text() -> None:
    model = load(REAL)
    prompts = ["Once upon a time", "The dog was sad. One day", "Lily"]
    found = model.generate(prompts, 60, ())
    assert found[0].startswith(", there was a little girl named L")
    stopped = model.generate(prompts, 60, (" a ", ". "))
    assert stopped == [min((one.partition(stop)[0] for stop in (" a ", ". ")), key=len) for one in found]
    assert stopped[0] == ", there was"


@pytest.mark.parametrize("kind", ["LlamaForCausalLM", "T5ForConditionalGeneration"])
def test_what_is_written_ends_before_the_first_stop_text_and_early(kind: str, tmp_path: Path) -> None:
    model = load(save(kind, tmp_path))
    whole = model.generate(PROMPTS, 20, ())
    words = next(one for one in whole if len(set(one.split())) > 2).split()
    stop = (f"{words[1]} {words[2]}", words[-1])
    assert model.generate(PROMPTS, 20, stop) == [min((one.partition(s)[0] for s in stop), key=len) for one in whole]
    calls = []
    assert model._whole is not None
    model._whole.register_forward_hook(lambda *_: calls.append(1))
    model.generate([PROMPTS[next(i for i, one in enumerate(whole) if words[1] in one)]], 20, (words[1],))
    assert len(calls) < 20


def test_settings_of_the_folder_change_nothing_but_which_tokens_end_a_text(tmp_path: Path) -> None:
    folder = save_language("GPT2LMHead", tmp_path)
    found = load(folder).generate(PROMPTS, 12, ())
    settings = {
        "do_sample": True,
        "temperature": 5.0,
        "num_beams": 3,
        "repetition_penalty": 9.0,
        "min_length": 10,
        "eos_token_id": 3,
    }
    (folder / "generation_config.json").write_text(json.dumps(settings))
    assert load(folder).generate(PROMPTS, 12, ()) == found
    word = next(one for one in found if one).split()[0]
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, vocabulary[word]]}))
    ended = load(folder).generate(PROMPTS, 12, ())
    assert all(word not in one.split()[:-1] for one in ended)
    assert ended != found


def test_a_template_for_chats_is_used_unless_the_card_turns_it_off(tmp_path: Path) -> None:
    folder = save_language("LlamaForCausalLM", tmp_path)
    plain = load(folder)
    assert not plain.is_chat
    (folder / "chat_template.jinja").write_text(
        "{{ bos_token or '[CLS]' }} {% for m in messages %}my {{ m['content'] }} please {% endfor %}"
        "{% if add_generation_prompt %}thank you{% endif %}{% if enable_thinking is not false %} help{% endif %}"
    )
    chat = load(folder)
    assert chat.is_chat
    assert chat.generate(["card was"], 12, ()) == plain.generate(["my card was please thank you"], 12, ())
    assert not load(folder, chat=False).is_chat
    assert load(folder, chat=False).generate(["card was"], 12, ()) == plain.generate(["card was"], 12, ())
    # Of what does not fit the beginning is left out, and the frame stays.
    long = "hello " * 60 + "card was"
    room = chat.context - 12
    ids = chat._open(long, room)
    assert len(ids) <= room
    assert chat._ids(["my"])[0][0] in ids[:3]
    assert ids[-5:] == chat._ids(["card was please thank you"])[0]


def test_a_long_prompt_loses_its_beginning_and_a_limit_beyond_the_context_is_an_error(tmp_path: Path) -> None:
    model = load(save_language("LlamaForCausalLM", tmp_path))
    words = ["parcel", "card", "hello"] * 30
    room = model.context - 12 - 1
    assert model.generate([" ".join(words)], 12, ()) == model.generate([" ".join(words[-room:])], 12, ())
    with pytest.raises(CandidateError, match=r"no room for 48 new ones") as caught:
        model.generate(["hello"], 48, ())
    assert "write.limit" in caught.value.hint


def test_the_blank_lines_that_a_text_opens_with_do_not_end_it() -> None:
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {"\n\n": 0, "Paris": 1, "Q:": 2}
    tokenizer = Tokenizer(WordLevel(words, unk_token=next(iter(words))))
    tokenizer.decoder = decoders.Fuse()
    rule = _Ending(PreTrainedTokenizerFast(tokenizer_object=tokenizer), ("\n\n", "\n\nQ:"), torch.ones(3, dtype=torch.bool))
    rule.begin(1)
    assert rule(torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 2]]), None).tolist() == [False, False, True, True]
