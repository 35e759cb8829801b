"""Encoders that learn to find documents: the loss is the library's own, and what is found follows what was learned."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card, Options
from harness.core.corpus import Corpus
from harness.core.data import Dataset, Pair, Rows, Split
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.measure.relevance import judge_lists
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim
from harness.models.transformers_searcher import TextSearcher
from harness.models.transformers_text import TextEncoder
from harness.techniques.catalogue import create_tuning
from harness.techniques.pairs import find_lack, lesson_of, list_pairs
from harness.training.asked import Training
from harness.training.contrast import PairSession, contrast, find_others
from harness.training.searching import TrainedSearcher, train_searcher
from harness.training.session import Plan
from tests.unit.conftest import WORDS
from tests.unit.tiny_models import save_language, save_text

TEXTS = ["was stolen", "where is my parcel please", "hello"]


def card(folder: Path, **options: object) -> Card:
    return Card(name="tiny", adapter="transformers", source=str(folder), options=Options.model_validate(options))


def load(folder: Path, **options: object) -> TextSearcher:
    torch.manual_seed(0)
    found = load_trainable(card(folder, **options), folder, "cpu", CAUTIOUS, aim=Aim((), "documents"))
    assert isinstance(found, TextSearcher)
    return found


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text("Bert", tmp_path_factory.mktemp("bert"))


def task(queries: int = 48) -> Dataset:
    """The document of a query holds another word than the query: which belongs to which must be learned."""
    words = WORDS[5:]
    rows = tuple(f"{'hello ' * (i // 8 % 3)}{words[i % 8]}{' hello' * (i // 24)}" for i in range(queries))
    documents = tuple(f"{words[8 + (i + 3) % 8]} {words[8 + (i + 3) % 8]}" for i in range(8))
    corpus = Corpus(tuple(map(str, range(8))), documents, tuple({i % 8: 1.0} for i in range(queries)))
    split = Split(tuple(range(queries - 16)), (tuple(range(queries - 16, queries - 8)),), tuple(range(queries - 8, queries)))
    table = Rows(tuple(map(str, range(queries))), rows, (0,) * queries, (), (), "documents")
    return Dataset(table, split, "digest", "made", corpus=corpus)


def test_the_loss_is_the_cross_entropy_of_scaled_cosines() -> None:
    draw = torch.Generator().manual_seed(0)
    queries, documents = (torch.randn(5, 7, generator=draw) for _ in range(2))
    cosines = torch.nn.functional.cosine_similarity(queries[:, None], documents[None], dim=2)
    none = torch.zeros(5, 5, dtype=torch.bool)
    expected = -torch.log_softmax(20 * cosines, dim=1).diagonal()
    torch.testing.assert_close(contrast(queries, documents, none), expected)
    # What is right as well is as if it were not there.
    others = none.clone()
    others[0, 3] = True
    kept = cosines[0, [0, 1, 2, 4]]
    torch.testing.assert_close(contrast(queries, documents, others)[0], -torch.log_softmax(20 * kept, dim=0)[0])
    torch.testing.assert_close(contrast(queries, documents, others)[1:], expected[1:])


def test_the_loss_is_that_of_sentence_transformers(bert: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    model = SentenceTransformer(modules=[Transformer(str(bert)), Pooling(32, pooling_mode="mean")], device="cpu").eval()
    queries = ["hello", "where is my card"]
    given = [model.preprocess(texts) for texts in (queries, TEXTS[:2])]
    theirs = MultipleNegativesRankingLoss(model)(given, None)
    searcher = load(bert)
    searcher.module.eval()
    vectors = searcher.logits(searcher.encode([Pair(*both) for both in zip(queries, TEXTS[:2], strict=True)]))
    ours = contrast(vectors[:, 0], vectors[:, 1], torch.zeros(2, 2, dtype=torch.bool)).mean()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_each_query_meets_its_best_documents_and_no_right_one_is_wrong_to_it() -> None:
    corpus = Corpus(tuple("abcd"), ("x", "y", "x", "z"), ({0: 1.0, 1: 2.0}, {2: 1.0}, {3: 1.0, **dict.fromkeys(range(3), 2.0)}))
    assert list_pairs(corpus, (0, 2)) == [(0, 1), (0, 0), (2, 0), (2, 1), (2, 2), (2, 3)]
    assert find_others([3, 4, 3], [{3}, {3, 4}, {3}]).int().tolist() == [[0, 0, 1], [1, 0, 1], [1, 0, 0]]
    data = task()
    assert data.corpus is not None
    # The last document repeats the first one's text.
    copied = replace(
        data.corpus, documents=(*data.corpus.documents, data.corpus.documents[0]), grades=({8: 1.0}, *data.corpus.grades[1:])
    )
    copied = replace(copied, keys=(*copied.keys, "8"))
    lesson = lesson_of(replace(data, corpus=copied), range(32))
    assert lesson.labels[[0, 8]].tolist() == [0, 0]
    assert lesson.right[0] == {0}


@pytest.mark.parametrize(("learned", "said"), [(10, "10 queries are too few to learn from; 16 are the least"), (32, "")])
def test_too_few_queries_are_told(learned: int, said: str) -> None:
    data = task()
    data = replace(data, split=replace(data.split, learn=tuple(range(learned))))
    assert find_lack(data) == said
    few = Split(tuple(range(0, 32, 8)) * 4, data.split.folds, data.split.test)
    assert "are 1 texts; 8 are the least" in find_lack(replace(data, split=few))
    if said:
        with pytest.raises(CandidateError, match=said):
            lesson_of(data, data.split.learn)


def test_a_batch_in_parts_learns_what_it_learns_whole(bert: Path) -> None:
    def step(micro: int) -> torch.Tensor:
        torch.manual_seed(0)
        searcher = load(bert)
        for part in searcher.module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        lesson = lesson_of(task(), range(32))
        session = PairSession(searcher, create_tuning("full"), lesson, Plan({"learning_rate": 1e-3, "batch_size": 16}, 1, 0, "cpu"))
        session.progress.micro = micro
        loss = session._accumulate(np.arange(16))
        return torch.cat([torch.tensor([loss]), searcher.module.encoder.layer[0].attention.self.query.weight.grad.flatten()])

    whole = step(16)
    assert whole[1:].abs().max() > 1e-4
    torch.testing.assert_close(step(5), whole, atol=1e-5, rtol=1e-3)


def train(folder: Path, technique: str, epochs: float, checkpoint: Path) -> TrainedSearcher:
    recipe = {"learning_rate": 1e-2, "batch_size": 8, "warmup": 0.2}
    ask = Training(
        load=lambda: load(folder, layers=1), technique=technique, recipe=recipe, fidelity=Fidelity(epochs=epochs, of=10),
        data=task(), metric="ndcg@10", seed=0, device="cpu", checkpoint=checkpoint,
    )  # fmt: skip
    return train_searcher(ask)


def test_a_model_learns_which_document_belongs_to_a_query(bert: Path, tmp_path: Path) -> None:
    data, done = task(), train(bert, "full", 10, tmp_path / "kept")
    assert data.corpus is not None
    for part in (data.split.choosing, data.split.test):
        assert judge_lists(done.find(part), data.corpus.of(part))[:, 1].mean() >= 0.75
    assert done.curve[-1].validation_loss < done.curve[0].validation_loss / 2
    texts = [str(data.rows.inputs[row]) for row in data.split.test]
    np.testing.assert_array_equal(done.answer(texts, 3), done.find(data.split.test)[:, :3])
    assert not {"head_scale", "head"} & set(done.recipe)


def test_an_adapter_goes_on_where_it_was_stopped(bert: Path, tmp_path: Path) -> None:
    once = train(bert, "lora", 2, tmp_path / "once")
    train(bert, "lora", 1, tmp_path / "twice")
    again = train(bert, "lora", 2, tmp_path / "twice")
    np.testing.assert_array_equal(again.find(task().split.choosing), once.find(task().split.choosing))
    assert again.curve == once.curve
    assert next(one.value for one in once.measurements if one.name == "trainable_share") < 0.5


@pytest.mark.parametrize(("technique", "kind"), [("full", "Bert"), ("lora", "Bert"), ("full", "LlamaForCausalLM")])
def test_a_folder_gives_the_same_vectors_everywhere(technique: str, kind: str, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    base = save_text(kind, tmp_path / "base") if kind == "Bert" else save_language(kind, tmp_path / "base")
    options = {"query_prompt": "the card "}
    searcher = load(base, **options)
    lesson = lesson_of(task(), range(32))
    plan = Plan({"learning_rate": 3e-3, "batch_size": 16}, 1, 0, "cpu")
    PairSession(searcher, create_tuning(technique), lesson, plan).advance(1, lambda: False)
    out = tmp_path / "out"
    out.mkdir()
    searcher.save(out, ())
    expected = [searcher.embed(TEXTS, "query"), searcher.embed(TEXTS, "document")]
    untrained = load(base, **options)
    assert np.abs(expected[0] - untrained.embed(TEXTS, "query")).max() > 1e-2
    if technique == "full":
        again = TextEncoder(out, card(out), "cpu")
        np.testing.assert_allclose(again.embed_queries(TEXTS), expected[0], atol=1e-5)
        np.testing.assert_allclose(again.embed_documents(TEXTS), expected[1], atol=1e-5)
    model, tokenizer = AutoModel.from_pretrained(out).eval(), AutoTokenizer.from_pretrained(out)
    for text, vector in zip(TEXTS, expected[1], strict=True):
        given = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        hidden = model(**given).last_hidden_state[0]
        plain = hidden.mean(0) if kind == "Bert" else hidden[-1]
        np.testing.assert_allclose(plain.detach().numpy(), vector, atol=1e-5)
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(out), device="cpu")
    np.testing.assert_allclose(library.encode_query(TEXTS), expected[0], atol=1e-5)
    np.testing.assert_allclose(library.encode_document(TEXTS), expected[1], atol=1e-5)


def test_what_the_base_model_said_of_itself_stays(bert: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(bert, tmp_path / "base"))
    steps = [
        {"idx": i, "name": str(i), "path": "", "type": f"x.models.{one}"}
        for i, one in enumerate(("Transformer", "Pooling", "Normalize"))
    ]
    (base / "modules.json").write_text(json.dumps(steps))
    prompts = {"query": "hello ", "passage": "my ", "task": "a "}
    (base / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts, "default_prompt_name": "task"}))
    (base / "1_Pooling").mkdir()
    (base / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    searcher, out = load(base), tmp_path / "out"
    out.mkdir()
    searcher.save(out, ())
    again = TextEncoder(out, card(out), "cpu")
    assert (again.role_prompt("query"), again.role_prompt("document"), again.prompt) == ("hello ", "my ", "a ")
    assert again.pooling == "cls"
    assert [one["type"].rpartition(".")[2] for one in json.loads((out / "modules.json").read_text())] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match="this is an encoder–decoder"):
        load(save_language("BartForConditionalGeneration", tmp_path))
