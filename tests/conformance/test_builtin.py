"""What ships with bench: every card and every task is sound, and covers what a user would look for."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import combinations

import license_expression
import pytest

from harness.builtin import builtin_root
from harness.core.candidate import Registered
from harness.core.data import Dataset
from harness.errors import TaskError
from harness.load.candidates import Catalogue, load_candidates
from harness.load.data import load_dataset
from harness.load.tasks import LoadedTask, list_tasks, load_task
from harness.load.workspace import Workspace
from harness.load.yaml_file import read_yaml
from harness.rank.licenses import commercial_use

WORKSPACE = Workspace("builtin", builtin_root())
TASKS = sorted(path.parent.name for path in (WORKSPACE.root / "tasks").glob("*/task.yaml"))
SHARED = WORKSPACE.root.parent / "shared" / "data"

# Families that users look for: a pattern of the source, and the modality.
TEXT_FAMILIES = {
    "BERT": r"google-bert/bert-",
    "DistilBERT": r"distilbert",
    "RoBERTa": r"FacebookAI/roberta",
    "DeBERTa-v3": r"deberta-v3",
    "ELECTRA": r"electra",
    "ALBERT": r"albert/albert",
    "MPNet": r"mpnet",
    "ModernBERT": r"answerdotai/ModernBERT",
    "MiniLM": r"MiniLM",
    "BGE": r"/bge-",
    "E5": r"/(multilingual-)?e5-",
    "GTE": r"/gte-",
}
IMAGE_FAMILIES = {
    "ResNet": r"/resnet",
    "EfficientNet": r"efficientnet",
    "MobileNet": r"mobilenet",
    "ConvNeXt": r"convnext",
    "ViT": r"/vit_",
    "DeiT": r"/deit",
    "Swin": r"/swin",
    "DINOv2": r"dinov2",
    "DINOv3": r"dinov3",
    "BEiT": r"/beit",
    "EVA": r"/eva",
    "MobileViT": r"mobilevit",
    "CLIP": r"CLIP-ViT|clip-vit|vit_.*clip",
    "SigLIP": r"(?i)siglip",
}
FIELDS = ("clinical", "biomedical", "finance", "legal", "scientific")


@cache
def cards() -> Catalogue:
    return load_candidates([WORKSPACE])


def hub() -> list[Registered]:
    """The real models: those with weights on the Hub."""
    return [item for item in cards().registered if item.card.is_hub]


@cache
def task(name: str) -> LoadedTask:
    return load_task(name, [WORKSPACE])


def test_every_card_is_read_and_every_plugin_imported() -> None:
    assert cards().broken == ()
    assert len(hub()) >= 30


def test_no_name_stands_twice_and_no_model_either() -> None:
    assert [name for name, number in Counter(item.card.name for item in cards().registered).items() if number > 1] == []
    found = [item.card for item in cards().registered if item.card.source]
    models = Counter((card.source, card.adapter, card.options.layers) for card in found)
    assert [model for model, number in models.items() if number > 1] == []


def test_every_card_says_where_its_facts_are_from() -> None:
    assert [item.card.name for item in cards().registered if not item.card.baseline and item.card.links.card is None] == []
    assert [item.card.name for item in hub() if item.card.source not in str(item.card.links.card)] == []


def test_every_real_model_states_the_facts_that_screening_needs() -> None:
    lacking = [
        item.card.name
        for item in hub()
        if not item.card.parameters
        or not item.card.pretraining.data
        or (item.card.context is None and item.card.modality == ("text",))
        or (item.card.image_size is None and item.card.modality == ("image",))
        or (not item.card.languages and "text" in item.card.modality)
    ]
    assert lacking == []


def test_every_license_can_be_decided_or_is_said_to_be_unknown() -> None:
    for item in cards().registered:
        told = any("license is unknown" in warning for warning in item.warnings)
        assert (commercial_use(item.card.license) == "unknown") == (item.card.license == "unknown") == told, item.card.name


def test_every_revision_is_pinned_or_said_to_be_open() -> None:
    for item in hub():
        assert (item.card.revision is None) == any("not pinned" in warning for warning in item.warnings), item.card.name
    assert sum(item.card.revision is None for item in hub()) < len(hub()) / 4


@pytest.mark.parametrize(("family", "modality"), [*((f, "text") for f in TEXT_FAMILIES), *((f, "image") for f in IMAGE_FAMILIES)])
def test_the_families_that_users_expect_are_there(family: str, modality: str) -> None:
    pattern = (TEXT_FAMILIES if modality == "text" else IMAGE_FAMILIES)[family]
    assert [item for item in hub() if re.search(pattern, item.card.source) and modality in item.card.modality]


@pytest.mark.parametrize("field", FIELDS)
def test_the_fields_of_work_have_encoders_of_their_own(field: str) -> None:
    assert [item for item in hub() if field in item.card.pretraining.domains and "text" in item.card.modality]


def test_there_are_encoders_of_many_languages() -> None:
    many = [item for item in hub() if len(item.card.languages) > 10 or "multilingual" in item.card.languages]
    assert len(many) >= 3


@pytest.mark.parametrize("modality", ["text", "image"])
def test_what_needs_no_network_is_there(modality: str) -> None:
    offline = [item.card for item in cards().registered if modality in item.card.modality and not item.card.is_hub]
    assert {card.name for card in offline if card.baseline} > {"baseline-majority"}
    if modality == "text":
        assert {card.options.layers for card in offline if card.source.startswith("python:")} == {1, 3, None}
    else:
        assert all(card.control and card.source.startswith("random:") for card in offline if not card.baseline)
        assert any(card.control for card in offline)


def test_reading_all_cards_builds_the_list_of_licenses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    build = license_expression.build_spdx_licensing

    def count(index: object) -> object:
        built.append(index)
        return build(index)

    monkeypatch.setattr(license_expression, "build_spdx_licensing", count)
    load_candidates([WORKSPACE])
    assert len(built) <= 1


def test_there_are_tasks_for_the_demo_and_for_five_fields() -> None:
    assert {"support-intents", "digits"} <= set(TASKS)
    domains = {domain for item in list_tasks([WORKSPACE]) for domain in item.task.domains}
    assert {"clinical", "finance", "e-commerce", "manufacturing", "banking"} <= domains


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_what_it_is_and_under_which_license(name: str) -> None:
    item = task(name)
    assert item.task.description
    assert name == item.folder.name
    content = read_yaml(item.path, TaskError).content
    assert isinstance(content, dict)
    assert content["data"]["license"]
    readme = (item.folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {name}\n")
    assert re.search(r"licen[sc]e|CC BY", readme, re.IGNORECASE)
    if item.task.data.license != "unknown":
        assert commercial_use(item.task.data.license) in {"yes", "no"}


def rows_of(item: LoadedTask, override: str | None = None) -> Dataset:
    return load_dataset(item.task, item.folder, override=override, seed=0, offline=True)


@pytest.fixture(scope="module")
def messages() -> Dataset:
    return rows_of(task("support-intents"))


def test_support_intents_is_large_and_even_enough(messages: Dataset) -> None:
    sizes = Counter(messages.rows.labels)
    assert len(messages.rows.classes) >= 12
    assert min(sizes.values()) >= 60
    assert max(sizes.values()) <= 1.2 * min(sizes.values())
    assert messages.warnings == ()


def test_support_intents_is_what_its_readme_says(messages: Dataset) -> None:
    readme = (task("support-intents").folder / "README.md").read_text(encoding="utf-8")
    assert f"{len(messages.rows)} messages" in readme
    assert f"{len(messages.rows.classes)} intents" in readme
    counts = Counter(messages.rows.classes[label] for label in messages.rows.labels)
    assert {row[1]: int(row[2]) for row in re.finditer(r"^\| `(\w+)` \|.*\| (\d+) \|$", readme, re.MULTILINE)} == counts
    assert "written for bench" in readme
    assert "CC BY 4.0" in readme


def words(text: object) -> tuple[str, ...]:
    """A text without what two near-duplicates would differ in: case, punctuation, digits."""
    return tuple(re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", str(text).lower()))


def test_support_intents_holds_no_message_twice_nor_nearly(messages: Dataset) -> None:
    texts = [words(text) for text in messages.rows.inputs]
    assert len(set(texts)) == len(texts)
    bags = [(text, frozenset(text)) for text in texts if len(text) >= 5]
    alike = [(a, b) for (a, x), (b, y) in combinations(bags, 2) if len(x & y) > 0.6 * len(x | y)]
    assert alike == []


def test_support_intents_is_not_filled_into_patterns(messages: Dataset) -> None:
    texts = [words(text) for text in messages.rows.inputs]
    openings = Counter(text[:5] for text in texts if len(text) >= 5)
    phrases = Counter(phrase for text in texts for phrase in set(zip(*(text[start:] for start in range(6)), strict=False)))
    assert max(openings.values()) <= 3
    assert max(phrases.values()) <= 3
    lengths = sorted(map(len, texts))
    assert lengths[0] <= 5
    assert lengths[-1] >= 60
    assert 8 <= lengths[len(lengths) // 2] <= 30


def test_support_intents_seldom_names_an_intent(messages: Dataset) -> None:
    """Were all words of an intent's name in most messages, no model would be needed."""
    bags = [set(words(text)) for text in messages.rows.inputs]
    intents = [set(name.split("_")) for name in messages.rows.classes]
    assert sum(any(intent <= bag for intent in intents) for bag in bags) < len(bags) / 4


def test_digits_are_the_known_ones() -> None:
    data = rows_of(task("digits"))
    assert len(data.rows) == 1797
    assert data.rows.classes == tuple("0123456789")
    assert Counter(data.rows.labels) == dict(enumerate((178, 182, 177, 183, 181, 182, 181, 179, 174, 180)))
    assert all(isinstance(content, bytes) for content in data.rows.inputs)
    assert data.warnings == ()


@pytest.mark.parametrize(
    ("name", "place", "sizes"),
    [
        ("banking-intents", "banking77/train.csv", (10003, 0, 77)),
        ("banking-intents", "banking77", (10003, 3080, 77)),
        ("clinical-abstracts", "medical_abstracts_test/abstracts.csv", (2888, 0, 5)),
        ("financial-sentiment", "financial_phrasebank/sentences.csv", (4846, 0, 3)),
        ("surface-defects", "neu_surface_defects", (900, 0, 6)),
        ("support-intents", "bitext_customer_support", (6480, 810, 27)),
        ("support-intents", "sst2", (6920, 1821, 2)),
        ("support-intents", "sms_spam", (5574, 0, 2)),
        ("digits", "fashion_mnist_png", (1500, 500, 10)),
        ("digits", "flowers5", (1000, 0, 5)),
    ],
)
def test_tasks_run_on_local_copies(name: str, place: str, sizes: tuple[int, int, int]) -> None:
    train, test, classes = sizes
    path = SHARED / place
    if not path.exists():
        pytest.skip(f"no local copy of the data at {path}")
    data = rows_of(task(name), str(path))
    assert len(data.rows) == train + test
    assert len(data.rows.classes) == classes
    if test:
        assert len(data.split.test) == test
    else:
        assert len(data.split.test) == pytest.approx(train / 5, rel=0.02)
    assert sorted((*data.split.rest, *data.split.test)) == list(range(train + test))
