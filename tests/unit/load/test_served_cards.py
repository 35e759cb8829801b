"""Cards of servers in a file: what they need, and what is doubtful about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError, Faults
from harness.load.candidates import load_candidates, load_plugin
from harness.load.plugin import ForeignError
from harness.load.workspace import Workspace


def load(folder: Path, text: str) -> list[object]:
    (folder / "candidates").mkdir(exist_ok=True)
    (folder / "candidates" / "cards.yaml").write_text(text)
    return list(load_candidates([Workspace("user", folder)]).registered)


CARD = "- {{name: {name}, adapter: {adapter}, source: {source}, license: MIT{more}}}\n".format
REMOTE = ", remote: {model: m, offers: [chat]}"


def test_every_fault_of_a_card_of_a_server_is_told_and_its_address_is_not(tmp_path: Path) -> None:
    text = (
        CARD(name="a", adapter="openai", source="https://api.example.org/v1", more="")
        + CARD(name="b", adapter="openai", source="https://me:pa55word@api.example.org/v1", more=REMOTE)
        + CARD(name="c", adapter="transformers", source="org/x", more=REMOTE)
        + CARD(name="d", adapter="openai", source="https://x/v1", more=f"{REMOTE}, modality: [image]")
        + CARD(name="e", adapter="openai", source="https://x/v1", more=f"{REMOTE}, options: {{layers: 2, prompt: p}}")
    )
    with pytest.raises(Faults) as raised:
        load(tmp_path, text)
    assert [(one.what, one.where.rpartition(" ")[2]) for one in raised.value.faults] == [
        ('the card "a" does not say how its server is asked', "0.remote"),
        ("`source` is not the address of a server", "1.source"),
        ('the adapter "transformers" loads a model here, and `remote` is for one of a server', "2.remote"),
        ("`source` is not the address of a server", "2.source"),
        ('the adapter "openai" reads text alone', "3.modality"),
        ('the adapter "openai" for text does not know options.layers: 2', "4.options.layers"),
    ]
    assert "pa55word" not in str(raised.value)


@pytest.mark.parametrize(
    ("remote", "key"),
    [
        ("{model: m, offers: [chat], api_key: hunter2hunter2}", "api_key"),
        ("{model: m, offers: [chat], key_variable: hunter2hunter2}", "key_variable"),
    ],
)
def test_a_key_in_a_card_is_refused_without_being_shown(remote: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as raised:
        load(tmp_path, CARD(name="a", adapter="openai", source="https://x/v1", more=f", remote: {remote}"))
    assert key in str(raised.value)
    assert "hunter2" not in str(raised.value)


PLUGIN = """
from harness import Candidate, Card
from harness.core.remote import Remote

card = Card(name="far", license="MIT", {source}remote=Remote(model="m", offers=("embeddings",){key}))
candidates = (Candidate(card, lambda device, dtype: None),)
"""


@pytest.mark.parametrize(
    ("source", "key", "told"),
    [
        ("https://x/v1", "", ""),
        ("", "", 'the card "far" has `remote`, and its `source` is not the address of a server'),
        ("https://me:pa55word@x/v1", "", 'the card "far" has `remote`, and its `source` is not the address of a server'),
        ("https://x/v1", "FAR_API_KEY", 'the card "far" asks for the key in FAR_API_KEY, and no plugin is handed one'),
    ],
)
def test_a_plugin_that_names_a_server_has_its_address_and_no_key(source: str, key: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "far.py"
    path.write_text(PLUGIN.format(source=f'source="{source}", ' if source else "", key=f', key_variable="{key}"' if key else ""))
    if not told:
        assert load_plugin(path)[0].card.host == "x"
        return
    with pytest.raises(ForeignError) as raised:
        load_plugin(path)
    assert raised.value.what == told
    assert "pa55word" not in str(raised.value)


def test_what_is_doubtful_about_a_server_is_said(tmp_path: Path) -> None:
    text = "- {name: far, adapter: openai, source: 'http://box:8000/v1', license: proprietary, "
    (found,) = load(tmp_path, text + "remote: {model: m, offers: [embeddings], key_variable: BOX_TOKEN}}\n")
    assert found.warnings == (  # type: ignore[attr-defined]
        "far: the license is proprietary, and links.terms does not say where its terms stand",
        "far: its key is sent to box:8000 without encryption",
    )
