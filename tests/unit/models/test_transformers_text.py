from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from harness.core.card import Card, Options
from harness.core.data import Pair
from harness.errors import CandidateError
from harness.models import transformers_image, transformers_text
from harness.models.identity import library_versions
from harness.models.torch_module import pool
from harness.models.transformers_text import load
from tests.unit.tiny_models import card as tiny_card
from tests.unit.tiny_models import load as load_tiny
from tests.unit.tiny_models import save_text

TEXTS = ["hello", "where is my parcel please", "the card was stolen now please help me", "", "thank you"]


def card(folder: Path, **options: object) -> Card:
    return Card(name="tiny", adapter="transformers", source=str(folder), options=Options.model_validate(options))


def pooled(folder: Path, copy: Path, stated: dict[str, object]) -> Path:
    """A copy of a model whose files state a pooling."""
    shutil.copytree(folder, copy)
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text(json.dumps(stated))
    return copy


def direct(folder: Path, text: str) -> np.ndarray:
    """Mean-pooled hidden states of one text, by the library used directly."""
    from transformers import AutoModel, AutoTokenizer

    encoded = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt", truncation=True)
    encoded.pop("token_type_ids", None)
    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        states = model(**encoded, output_hidden_states=True).hidden_states[1:]
    return torch.stack([state[0].mean(0) for state in states]).numpy()


def test_features_equal_the_library_used_directly(tiny_bert: Path) -> None:
    features = load(card(tiny_bert), tiny_bert, "cpu").embed_text(TEXTS)
    assert features.shape == (3, len(TEXTS), 16)
    assert features.dtype == np.float32
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(features[:, i], direct(tiny_bert, text), atol=1e-5)


def test_features_do_not_depend_on_company_or_order(tiny_bert: Path) -> None:
    model = load(card(tiny_bert), tiny_bert, "cpu")
    together = model.embed_text(TEXTS)
    np.testing.assert_allclose(together[:, ::-1], model.embed_text(TEXTS[::-1]), atol=1e-5)
    model.batches.budget = 1
    np.testing.assert_allclose(together, model.embed_text(TEXTS), atol=1e-5)


def test_first_layers_equal_those_of_the_whole_model(tiny_bert: Path) -> None:
    whole = load(card(tiny_bert), tiny_bert, "cpu").embed_text(TEXTS)
    first = load(card(tiny_bert, layers=2), tiny_bert, "cpu")
    np.testing.assert_allclose(first.embed_text(TEXTS), whole[:2], atol=1e-6)
    assert first.weights().parameters < load(card(tiny_bert), tiny_bert, "cpu").weights().parameters


def test_more_layers_than_there_are_is_an_error(tiny_bert: Path) -> None:
    with pytest.raises(CandidateError, match="has 3 layers, 9 are asked for"):
        load(card(tiny_bert, layers=9), tiny_bert, "cpu")


def test_prompt_is_put_before_each_text(tiny_bert: Path) -> None:
    prompted = load(card(tiny_bert, prompt="the card "), tiny_bert, "cpu").embed_text(["was stolen"])
    np.testing.assert_allclose(prompted, load(card(tiny_bert), tiny_bert, "cpu").embed_text(["the card was stolen"]), atol=1e-6)


def test_counts_texts_longer_than_the_model_reads(tiny_bert: Path) -> None:
    model = load(card(tiny_bert), tiny_bert, "cpu")
    assert model.max_length == 32
    assert model.count_truncated(["hello", "hello " * 30, "hello " * 31]) == 1


def test_pooling_is_what_the_folder_says(tiny_bert: Path, tmp_path: Path) -> None:
    folder = pooled(tiny_bert, tmp_path / "pooled", {"pooling_mode_cls_token": True})
    assert load(card(folder), folder, "cpu").pooling == "cls"
    assert load(card(folder, pooling="last"), folder, "cpu").pooling == "last"
    assert load(card(tiny_bert), tiny_bert, "cpu").pooling == "mean"


@pytest.mark.parametrize(
    ("stated", "pooling"),
    [
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, "cls"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "last"),
        ({"embedding_dimension": 16}, "mean"),
    ],
)
def test_pooling_is_read_in_the_old_and_the_new_form(
    stated: dict[str, object], pooling: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = pooled(tiny_bert, tmp_path / "pooled", stated)
    assert load(card(folder), folder, "cpu").pooling == pooling


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
        ({"pooling_mode": ["cls", "mean"]}, "cls and mean"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls and mean"),
        ({"pooling_mode": "mean", "include_prompt": False}, "prompt's tokens left out"),
    ],
)
def test_a_pooling_that_bench_does_not_have_is_an_error_until_the_card_chooses(
    stated: dict[str, object], said: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = pooled(tiny_bert, tmp_path / "pooled", stated)
    with pytest.raises(CandidateError, match=said):
        load(card(folder, prompt="query: "), folder, "cpu")
    assert load(card(folder, prompt="query: ", pooling="mean"), folder, "cpu").pooling == "mean"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_default_prompt_is_put_before_each_text_as_sentence_transformers_does(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer

    steps = [Transformer(str(tiny_bert)), Pooling(16, pooling_mode="mean"), Normalize()]
    prompts = {"prompts": {"task": "the parcel ", "query": "help "}, "default_prompt_name": "task"}
    reference = SentenceTransformer(modules=steps, device="cpu", **prompts)
    reference.save(str(tmp_path))
    model = load(card(tmp_path), tmp_path, "cpu")
    assert (model.prompt, model.identity()["prompt"]) == ("the parcel ", "the parcel ")
    found = model.embed_text(TEXTS)[-1]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(found, reference.encode(TEXTS, show_progress_bar=False), atol=1e-5)
    assert load(card(tmp_path, prompt="help "), tmp_path, "cpu").prompt == "help "


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_step_that_bench_does_not_have_is_an_error_until_the_card_chooses(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Pooling, Transformer

    steps = [Transformer(str(tiny_bert)), Pooling(16, pooling_mode="mean"), Dense(16, 8)]
    SentenceTransformer(modules=steps, device="cpu").save(str(tmp_path))
    with pytest.raises(CandidateError, match="a step that bench does not have: Dense"):
        load(card(tmp_path), tmp_path, "cpu")
    assert load(card(tmp_path, pooling="mean"), tmp_path, "cpu").embed_text(TEXTS).shape == (3, 5, 16)
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(CandidateError, match=r"cannot read modules\.json"):
        load(card(tmp_path), tmp_path, "cpu")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("mode", ["cls", "mean", "lasttoken"])
def test_features_equal_those_of_sentence_transformers(mode: str, tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    encoder = Transformer(str(tiny_bert))
    reference = SentenceTransformer(modules=[encoder, Pooling(16, pooling_mode=mode)], device="cpu")
    reference.save(str(tmp_path))
    features = load(card(tmp_path), tmp_path, "cpu").embed_text(TEXTS)[-1]
    np.testing.assert_allclose(features, reference.encode(TEXTS, show_progress_bar=False), atol=1e-5)


@pytest.mark.parametrize("module", [transformers_text, transformers_image])
def test_kept_features_depend_on_peft_that_loads_an_adapter_of_the_folder(module: ModuleType) -> None:
    """With `adapter_config.json` beside the weights the same files give other features where peft is installed."""
    assert "peft" in library_versions(module.LIBRARIES)


@pytest.mark.parametrize("side", ["right", "left"])
def test_pool_reads_only_what_the_mask_shows(side: str) -> None:
    hidden = torch.arange(12.0).reshape(1, 6, 2)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]]) if side == "right" else torch.tensor([[0, 0, 1, 1, 1, 1]])
    shown = hidden[0, mask[0].bool()]
    torch.testing.assert_close(pool(hidden, mask, "mean")[0], shown.mean(0))
    torch.testing.assert_close(pool(hidden, mask, "cls")[0], shown[0])
    torch.testing.assert_close(pool(hidden, mask, "last")[0], shown[-1])


def config_of(family: str) -> object:
    import transformers as t

    small = {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    decoder = small | {"num_key_value_heads": 1, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return {
        "roberta": lambda: t.RobertaConfig(**small, max_position_embeddings=40, pad_token_id=1),
        "deberta": lambda: t.DebertaV2Config(**small, max_position_embeddings=40, pad_token_id=0),
        "electra": lambda: t.ElectraConfig(**small, embedding_size=16, max_position_embeddings=40),
        "albert": lambda: t.AlbertConfig(**small, embedding_size=16, max_position_embeddings=40),
        "mpnet": lambda: t.MPNetConfig(**small, max_position_embeddings=40),
        "modernbert": lambda: t.ModernBertConfig(
            **small, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3
        ),
        "distilbert": lambda: t.DistilBertConfig(
            vocab_size=32, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40
        ),
        "t5": lambda: t.T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0),
        "llama": lambda: t.LlamaConfig(**decoder),
        "gemma3_text": lambda: t.Gemma3TextConfig(**decoder, head_dim=8),
        "gpt2": lambda: t.GPT2Config(vocab_size=32, n_embd=16, n_layer=2, n_head=2, n_positions=40, bos_token_id=2, eos_token_id=3),
        "xlm-roberta": lambda: t.XLMRobertaConfig(**small, max_position_embeddings=40, pad_token_id=1),
        "qwen3": lambda: t.Qwen3Config(**decoder, head_dim=8),
    }[family]()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "family",
    [
        "roberta",
        "xlm-roberta",
        "deberta",
        "electra",
        "albert",
        "mpnet",
        "modernbert",
        "distilbert",
        "t5",
        "gpt2",
        "llama",
        "qwen3",
        "gemma3_text",
    ],
)
def test_families_load_and_do_not_see_padding(family: str, tiny_bert: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    torch.manual_seed(0)
    AutoModel.from_config(config_of(family)).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_bert / name, tmp_path)
    model = load(card(tmp_path), tmp_path, "cpu")
    features = model.embed_text(TEXTS)
    assert features.shape == (2, len(TEXTS), 16)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(features[:, i], model.embed_text([text])[:, 0], atol=2e-5)


PAIRS = [
    Pair("hello", "where is my parcel please"),
    Pair("the card was stolen", ""),
    Pair("", "thank you"),
    Pair("help me", "help me"),
]


def test_a_pair_is_read_as_the_tokenizer_joins_it(tiny_bert: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "marks"
    shutil.copytree(tiny_bert, folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    model = load(card(folder), folder, "cpu")
    found = model.embed_pairs(PAIRS)
    tokenizer, library = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    for i, pair in enumerate(PAIRS):
        encoded = tokenizer([pair.first], [pair.second], return_tensors="pt")
        assert encoded["token_type_ids"].sum() == len(pair.second.split()) + 1
        with torch.inference_mode():
            states = library(**encoded, output_hidden_states=True).hidden_states[1:]
        np.testing.assert_allclose(found[:, i], torch.stack([one[0].mean(0) for one in states]).numpy(), atol=1e-5)
    turned = model.embed_pairs([Pair(pair.second, pair.first) for pair in PAIRS])
    assert np.abs(turned - found)[:, 0].max() > 1e-3


def test_a_model_of_sentences_reads_each_text_of_a_pair_alone(tiny_bert: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bert, tmp_path / "sentences")
    (tmp_path / "sentences" / "modules.json").write_text("[]")
    model = load(card(tmp_path / "sentences"), tmp_path / "sentences", "cpu")
    first, second = (model.embed_text([pair[side] for pair in PAIRS]) for side in (0, 1))
    expected = np.concatenate([first, second, abs(first - second), first * second], axis=2)
    np.testing.assert_allclose(model.embed_pairs(PAIRS), expected, atol=1e-6)


def test_a_cross_encoder_reads_both_texts_as_one(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cross"
    shutil.copytree(tiny_bert, folder)
    (folder / "modules.json").write_text('[{"type": "sentence_transformers.cross_encoder.modules.Head"}]')
    (folder / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder", "default_prompt_name": ["odd"]}')
    model = load(card(folder), folder, "cpu")
    assert model.embed_pairs(PAIRS).shape == (3, len(PAIRS), 16)
    assert model.prompt == ""


def test_a_card_can_leave_a_default_prompt_out(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prompted"
    shutil.copytree(tiny_bert, folder)
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"a": "the "}, "default_prompt_name": "a"}')
    assert [load(card(folder, **given), folder, "cpu").prompt for given in ({}, {"prompt": ""})] == ["the ", ""]


def test_counts_pairs_of_which_something_is_cut_off(tiny_bert: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bert, tmp_path / "sentences")
    (tmp_path / "sentences" / "modules.json").write_text("[]")
    pairs = [Pair("hello " * 20, "you " * 20), Pair("hello", "you"), Pair("hello", "you " * 40)]
    joint, apart = (load(card(folder), folder, "cpu") for folder in (tiny_bert, tmp_path / "sentences"))
    assert (joint.count_truncated(pairs), apart.count_truncated(pairs)) == (2, 1)


@pytest.mark.parametrize("family", ["Roberta", "DistilBert", "ModernBert", "DebertaV2", "MPNet", "Electra"])
def test_families_read_pairs_and_do_not_see_padding(family: str, tmp_path: Path) -> None:
    folder = save_text(family, tmp_path)
    found = load(card(folder), folder, "cpu").embed_pairs(PAIRS)
    assert found.shape[1] == len(PAIRS)
    trainable = load_tiny(tiny_card("transformers", "text", folder), ("same", "other"))
    rows = trainable.encode(PAIRS)
    assert [trainable.length(row) for row in rows] == [9, 7, 5, 7]
    trainable.module.eval()
    together = trainable.logits(rows)
    apart = torch.cat([trainable.logits([row]) for row in rows])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


FRESH = """
import sys
from pathlib import Path
import harness.execute.predict_pass
from harness.core.card import Card
from harness.models.transformers_text import load
before = set(sys.modules)
load(Card(name="tiny", adapter="transformers", source=sys.argv[1]), Path(sys.argv[1]), "cpu")
print(*({"timm", "open_clip", "peft"} & before), len(sys.modules.keys() - before))
"""


def test_what_all_models_build_on_is_imported_before_one_is_loaded_and_other_libraries_are_not(tiny_bert: Path) -> None:
    """What is imported while a model is loaded counts as its loading and its memory: it was ten times the model."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FRESH, str(tiny_bert)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50
