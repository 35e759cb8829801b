"""Words of sentences as encoders read them: each by its first token, whatever the tokenizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.data import Sentence
from harness.core.trust import CAUTIOUS
from harness.models.adapters import load_model, load_trainable
from harness.models.trainable import Aim
from harness.models.words import encode_words, gather_words
from tests.unit import tiny_models

SENTENCES = [
    Sentence(("where", "is", "my", "card", "?")),
    Sentence(("hello",)),
    Sentence(("naïve", "don't", "東京", "e-mail", "##a", "the", "")),
    Sentence(("refund",) * 40),
]
FAMILIES = ("Bert", "Roberta", "DebertaV2", "ModernBert", "DistilBert")
KINDS = ("byte-level", "byte-level without a blank", "unigram", "word-piece")


def make_tokenizer(kind: str) -> object:
    """Train a tokenizer of a family on a few words, so that most words have several tokens."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=marks, unk_token="[UNK]", show_progress=False)  # noqa: S106 - a token
    elif kind == "word-piece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - as above
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=marks, show_progress=False)
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - as above
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=kind == "byte-level")
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=300, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
    tokenizer.train_from_iterator(["where is my card", "hello there", "a refund please", "the e-mail"] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")  # noqa: S106 - as above


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_stands_at_its_first_token_whatever_the_tokenizer(kind: str) -> None:
    tokenizer = make_tokenizer(kind)
    for sentence, found in zip(SENTENCES, encode_words(tokenizer, SENTENCES, None), strict=True):  # type: ignore[arg-type]
        ids = tokenizer(" ".join(sentence))["input_ids"]  # type: ignore[operator]
        assert found.ids.tolist() == ids
        places = [place for place in found.first.tolist() if place >= 0]
        assert places == sorted(set(places))
        assert len(places) == sum(bool(word) for word in sentence)
        # From its first token to that of the next word, a word's tokens are those of the word.
        for word, start, end in zip([w for w in sentence if w], places, [*places[1:], len(ids) - 1], strict=True):
            text = _plain(tokenizer.decode(ids[start:end]))  # type: ignore[attr-defined]
            assert text in {_plain(word), _plain(word.lower())} or "[UNK]" in text or kind == "word-piece"


def _plain(text: str) -> str:
    return "".join(sign for sign in text if sign not in " ▁#")


def test_words_are_where_the_library_finds_them_in_sentences_that_are_split() -> None:
    tokenizer = make_tokenizer("word-piece")
    for sentence, found in zip(SENTENCES, encode_words(tokenizer, SENTENCES, 16), strict=True):  # type: ignore[arg-type]
        theirs = tokenizer(list(sentence), is_split_into_words=True, truncation=True, max_length=16)  # type: ignore[operator]
        assert found.ids.tolist() == theirs["input_ids"]
        words = theirs.word_ids()
        assert found.first.tolist() == [words.index(i) if i in words else -1 for i in range(len(sentence))]


def test_of_a_word_that_is_not_read_nothing_is_taken() -> None:
    rows = encode_words(make_tokenizer("word-piece"), SENTENCES, 16)  # type: ignore[arg-type]
    assert (rows[3].first < 0).any()
    assert (rows[3][..., :4].first < 0).sum() > (rows[3].first < 0).sum()
    states = torch.arange(4 * 16, dtype=torch.float32).reshape(4, 16, 1)
    found, read = gather_words(states, rows)
    expected = [16 * row + place for row, one in enumerate(rows) for place in one.first.tolist() if place >= 0]
    assert found[read[:, 0], 0].tolist() == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_features_of_words_are_the_library_s_states_and_depend_on_no_other_sentence(family: str, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    known = tiny_models.card("transformers", "text", tiny_models.save_text(family, tmp_path))
    model = load_model(known, tmp_path, "cpu", CAUTIOUS)
    features = model.embed_words(SENTENCES)  # type: ignore[attr-defined]
    counts = [len(one) for one in SENTENCES]
    assert features.shape == (3, sum(counts), 32)
    alone = np.concatenate([model.embed_words([one]) for one in SENTENCES], axis=1)  # type: ignore[attr-defined]
    np.testing.assert_allclose(features, alone, atol=2e-5)
    tokenizer, plain = AutoTokenizer.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path).eval()
    given = tokenizer(" ".join(SENTENCES[0]), return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        states = plain(**given).last_hidden_state[0]
    words = given.word_ids()
    np.testing.assert_allclose(features[-1, :4], states[[words.index(i) for i in range(4)]].numpy(), atol=2e-5)
    # Beyond the 32 tokens that the tokenizer takes, words are not read.
    assert not features[:, -8:].any()
    assert model.count_truncated(SENTENCES) == 1  # type: ignore[attr-defined]


def test_a_head_gives_each_word_what_the_library_gives_its_first_token(tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    known = tiny_models.card("transformers", "text", tiny_models.save_text("Bert", tmp_path / "base"))
    torch.manual_seed(0)
    tagger = load_trainable(known, tmp_path / "base", "cpu", CAUTIOUS, aim=Aim(("O", "B-a", "I-a"), "tags"))
    tagger.module.eval()
    with torch.no_grad():
        logits = tagger.logits(tagger.encode(SENTENCES))
    assert logits.shape == (sum(map(len, SENTENCES)), 3)
    assert logits[-8:].softmax(1)[:, 0].min() > 0.999
    tagger.save(tmp_path / "saved", ("O", "B-a", "I-a"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    plain = AutoModelForTokenClassification.from_pretrained(tmp_path / "saved").eval()
    assert plain.config.id2label == {0: "O", 1: "B-a", 2: "I-a"}
    given = tokenizer(" ".join(SENTENCES[0]), return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        theirs = plain(**given).logits[0]
    torch.testing.assert_close(logits[:4], theirs[[given.word_ids().index(i) for i in range(4)]], atol=2e-5, rtol=1e-4)
