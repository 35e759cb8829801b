from __future__ import annotations

import hashlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.feature import FeatureIdentity, rows_digest

IDENTITY = FeatureIdentity(
    source="org/model", revision="a" * 40, source_digest="b" * 64, adapter="transformers_text", adapter_version=1,
    settings={"pooling": "mean", "max_length": 128}, dtype="float32", device="cpu", libraries={"torch": "2.9.0"}, rows="c" * 64,
)  # fmt: skip
CHANGES: dict[str, object] = {
    "source": "org/other",
    "revision": "d" * 40,
    "source_digest": "e" * 64,
    "adapter": "timm_image",
    "adapter_version": 2,
    "settings": {"pooling": "cls", "max_length": 128},
    "dtype": "float16",
    "device": "cuda",
    "libraries": {"torch": "2.9.1"},
    "rows": "f" * 64,
}


def test_the_key_is_the_hash_of_the_canonical_text() -> None:
    content = json.dumps(IDENTITY.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    assert IDENTITY.key == hashlib.sha256(content).hexdigest()


def test_every_field_is_part_of_the_key() -> None:
    assert set(CHANGES) == set(FeatureIdentity.model_fields) - {"format"}
    keys = {IDENTITY.key} | {IDENTITY.model_copy(update={name: value}).key for name, value in CHANGES.items()}
    assert len(keys) == len(CHANGES) + 1


def test_the_order_of_settings_is_not_part_of_the_key() -> None:
    turned = IDENTITY.model_copy(update={"settings": dict(reversed(IDENTITY.settings.items()))})
    assert list(turned.settings) != list(IDENTITY.settings)
    assert turned.key == IDENTITY.key


def test_a_number_and_its_text_are_two_settings() -> None:
    keys = {IDENTITY.model_copy(update={"settings": {"max_length": value}}).key for value in (128, "128", 128.5)}
    assert len(keys) == 3


def test_it_survives_being_written_and_is_frozen() -> None:
    assert FeatureIdentity.model_validate_json(IDENTITY.model_dump_json()).key == IDENTITY.key
    with pytest.raises(ValidationError, match="frozen"):
        IDENTITY.dtype = "float16"  # type: ignore[misc]


def test_rows_are_told_apart() -> None:
    tables: list[list[str | bytes]] = [
        [],
        [""],
        ["", ""],
        ["ab"],
        ["a", "b"],
        ["b", "a"],
        [b"ab"],
        ["é"],
        ["e\u0301"],
        ["\ud800"],
        ["a\nb"],
        ["atext 1\nb"],
        ["atext \nb"],
    ]
    digests = [rows_digest(rows) for rows in tables]
    assert len(set(digests)) == len(tables)


@given(st.lists(st.lists(st.text(max_size=4) | st.binary(max_size=4), max_size=4), min_size=2, max_size=6))
def test_rows_have_equal_digests_only_if_they_are_equal(tables: list[list[str | bytes]]) -> None:
    for one, other in itertools.combinations(tables, 2):
        assert (rows_digest(one) == rows_digest(other)) == (one == other)
