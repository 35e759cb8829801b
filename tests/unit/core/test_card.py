"""Cards: what they accept, and what they refuse."""

from typing import Any

import pytest
from pydantic import ValidationError

from harness.core.card import Card, Options, Pretraining
from harness.core.remote import host_of
from harness.load.faults import explain

WHOLE = {
    "name": "minilm-l6-v2",
    "adapter": "transformers",
    "source": "sentence-transformers/all-MiniLM-L6-v2",
    "revision": "c" * 40,
    "license": "apache-2.0",
    "parameters": 22713216,
    "modality": ["text"],
    "languages": ["en"],
    "context": 256,
    "pretraining": {"data": "1.17 B sentence pairs", "domains": ["web"], "contains": ["snli"]},
    "released": "2021-08",
    "links": {"card": "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"},
    "options": {"pooling": "mean", "layers": 6},
}


def test_a_whole_card_survives_a_round_trip() -> None:
    card = Card.model_validate(WHOLE)
    assert Card.model_validate_json(card.model_dump_json()) == card
    assert card.pretraining == Pretraining(data="1.17 B sentence pairs", domains=("web",), contains=("snli",))
    assert card.options == Options(pooling="mean", layers=6)


def test_a_name_is_enough_and_nothing_is_made_up() -> None:
    card = Card(name="x")
    assert (card.license, card.parameters, card.context, card.revision, card.languages) == ("unknown", None, None, None, ())
    assert (card.baseline, card.control, card.access, card.modality) == (False, False, "open", ("text",))


def test_a_card_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Card(name="x").name = "y"  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Has Space"},
        {"name": ""},
        {"name": "a" * 101},
        {"name": "-a"},
        {"name": "../a"},
        {"revision": "main"},
        {"revision": "c" * 39},
        {"parameters": -1},
        {"context": 0},
        {"modality": ["sound"]},
        {"released": "August 2021"},
        {"links": {"card": "not a link"}},
        {"options": {"pooling": "max"}},
        {"options": {"layers": 0}},
        {"licence": "MIT"},
        {"access": "closed"},
    ],
)
def test_faults(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Card.model_validate({"name": "x"} | wrong)


@pytest.mark.parametrize(
    "good", ["MIT", "mit", "apache-2.0 OR MIT", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-DINOv3", "unknown"]
)
def test_licenses_are_spdx_expressions_or_unknown(good: str) -> None:
    assert Card(name="x", license=good).license == good


@pytest.mark.parametrize(
    "wrong",
    [
        "openrail",
        "MIT OR",
        "MIT AND NoSuchLicense-1.0",
        "free for all",
        "()",
        "\ud800",
        "LicenseRef-\ud800",
        "MIT\nOR\nMIT",
        "LicenseRef-a LicenseRef-b",
        "LicenseRef-",
        "Classpath-exception-2.0",
        "MIT WITH MIT",
        "(" * 400,
        "MIT OR " * 200 + "MIT",
    ],
)
def test_other_licenses_are_faults_that_name_the_word(wrong: str) -> None:
    with pytest.raises(ValidationError, match="not an SPDX license expression"):
        Card(name="x", license=wrong)


@pytest.mark.parametrize(
    ("source", "is_hub"),
    [
        ("google/bert", True),
        ("gpt2", True),
        ("./folder", False),
        ("../folder", False),
        ("~/folder", False),
        ("/folder", False),
        ("python:pkg", False),
        ("random:resnet18", False),
        ("", False),
    ],
)
def test_the_hub_is_told_from_other_sources(source: str, is_hub: bool) -> None:  # noqa: FBT001 - a case of the test
    assert Card(name="x", source=source).is_hub is is_hub


SERVED = {"name": "far", "adapter": "openai", "source": "https://api.example.org/v1", "license": "proprietary"}


def test_a_card_of_a_server_is_no_repository_and_knows_its_host() -> None:
    found = Card.model_validate(SERVED | {"remote": {"model": "m", "offers": ["chat"]}})
    assert (found.is_hub, found.host, found.license) == (False, "api.example.org", "proprietary")
    assert Card(name="near", adapter="transformers", source="org/x").host == ""


@pytest.mark.parametrize("name", ["sk-abcdefghijklmnop1234", "MODEL", "far_api_key", "FAR API KEY", "PATH"])
def test_a_variable_for_the_key_is_one_that_is_kept_from_others_and_never_shown(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Card.model_validate(SERVED | {"remote": {"model": "m", "offers": ["chat"], "key_variable": name}})
    (error,) = raised.value.errors()
    assert name not in explain(error, Card)[0]
    assert "EXAMPLE_API_KEY" in explain(error, Card)[1]


@pytest.mark.parametrize(
    "address", ["ftp://x/v1", "https://", "https://me:open@x/v1", "https://x/v1?key=1", "https://x/v1#a", "org/x", "http://x:y/v1"]
)
def test_other_addresses_are_those_of_no_server(address: str) -> None:
    assert host_of(address) == ""
