"""Queries and documents, each with the prompt that the model was trained with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.core.card import Card, Options
from harness.errors import CandidateError
from harness.models.capabilities import EmbedsRoles, HasRolePrompts
from harness.models.pooling import choose_role_prompt
from harness.models.transformers_text import load

TEXTS = ["was stolen", "where is my parcel please", "hello"]


def card(folder: Path, **options: object) -> Card:
    return Card(name="tiny", adapter="transformers", source=str(folder), options=Options.model_validate(options))


def stating(folder: Path, copy: Path, **content: object) -> Path:
    """A copy of a model whose files of sentence-transformers state something."""
    shutil.copytree(folder, copy)
    (copy / "config_sentence_transformers.json").write_text(json.dumps(content))
    return copy


def test_each_role_has_its_own_words_before_a_text(tiny_bert: Path) -> None:
    model = load(card(tiny_bert, query_prompt="the card ", document_prompt="my parcel "), tiny_bert, "cpu")
    assert isinstance(model, EmbedsRoles)
    assert isinstance(model, HasRolePrompts)
    plain = load(card(tiny_bert), tiny_bert, "cpu")
    for found, prompt in ((model.embed_queries(TEXTS), "the card "), (model.embed_documents(TEXTS), "my parcel ")):
        np.testing.assert_allclose(found, plain.embed_text([prompt + text for text in TEXTS])[-1], atol=1e-6)
    np.testing.assert_allclose(plain.embed_queries(TEXTS), plain.embed_text(TEXTS)[-1], atol=1e-6)


def test_vectors_are_those_of_sentence_transformers(tiny_bert: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    steps = [Transformer(str(tiny_bert)), Pooling(16, pooling_mode="mean")]
    prompts = {"query": "the card ", "document": "my parcel ", "task": "help "}
    reference = library.SentenceTransformer(modules=steps, device="cpu", prompts=prompts, default_prompt_name="task")
    reference.save(str(tmp_path / "saved"))
    model = load(card(tmp_path / "saved"), tmp_path / "saved", "cpu")
    np.testing.assert_allclose(model.embed_queries(TEXTS), reference.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(model.embed_documents(TEXTS), reference.encode_document(TEXTS), atol=1e-5)
    assert not np.allclose(model.embed_queries(TEXTS), model.embed_documents(TEXTS), atol=1e-3)


@pytest.mark.parametrize(
    ("stated", "options", "expected"),
    [
        ({}, {}, ("", "")),
        ({}, {"prompt": "a "}, ("a ", "a ")),
        ({"prompts": {"query": "q ", "passage": "p "}}, {}, ("q ", "p ")),
        ({"prompts": {"query": "q ", "passage": "p "}}, {"prompt": "a "}, ("q ", "p ")),
        ({"prompts": {"query": "q ", "corpus": "c ", "document": "d "}}, {}, ("q ", "d ")),
        ({"prompts": {"query": "q ", "document": "d "}}, {"query_prompt": "", "document_prompt": "x "}, ("", "x ")),
        ({"prompts": {"task": "t "}, "default_prompt_name": "task"}, {}, ("", "")),
        ({"prompts": ["odd"]}, {}, ("", "")),
    ],
)
def test_where_prompts_come_from(
    stated: dict[str, object], options: dict[str, object], expected: tuple[str, str], *, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = stating(tiny_bert, tmp_path / "model", **stated)
    found = tuple(choose_role_prompt(folder, card(folder, **options), role) for role in ("query", "document"))
    assert found == expected


def test_a_pooling_without_the_prompt_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    folder = stating(tiny_bert, tmp_path / "model", prompts={"query": "the ", "document": ""})
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean", "include_prompt": false}')
    model = load(card(folder), folder, "cpu")
    with pytest.raises(CandidateError, match="the tokens of the query's prompt left out"):
        model.embed_queries(TEXTS)
    assert model.embed_documents(TEXTS).shape == (3, 16)
