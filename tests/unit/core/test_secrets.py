from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.secrets import redact, without_secrets

SECRET = [
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "PGPASSWORD",
    "APIKEY",
    "db_password",
    "MY_CREDENTIALS",
]
PLAIN = ["TOKENIZERS_PARALLELISM", "PATH", "MONKEY", "KEYBOARD_LAYOUT", "OMP_NUM_THREADS", "HF_HOME", "SECRETARY"]
TOKENS = [
    "hf_abcdefghijklmnopqrstuvwx",
    "sk-abcdefghijklmnop1234",
    "ghp_abcdefghijklmnopqrst1234",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets_are_left_out_and_their_values_blotted(name: str) -> None:
    assert without_secrets({name: "x", "HOME": "/root"}) == {"HOME": "/root"}
    assert "correct-horse" not in redact("said correct-horse to it", {name: "correct-horse"})


@pytest.mark.parametrize("name", PLAIN)
def test_other_names_stay(name: str) -> None:
    assert without_secrets({name: "x"}) == {name: "x"}
    assert redact("a long value", {name: "a long value"}) == "a long value"


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_known_by_their_form(token: str) -> None:
    assert redact(f"x {token}, y", {}) == "x [secret], y"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [secret]"),
        ("authorization: bearer abc.def-ghi", "authorization: bearer [secret]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [secret]"),
        ("https://me:open@example.org/x", "https://[secret]@example.org/x"),
        ("https://example.org:8080/x", "https://example.org:8080/x"),
        ("a sketch of hf_hub and a bearer of news", "a sketch of hf_hub and a bearer of news"),
    ],
)
def test_headers_and_addresses(text: str, kept: str) -> None:
    assert redact(text, {}) == kept


def test_a_value_within_another_leaves_no_rest() -> None:
    environ = {"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefgh-and-more"}
    assert redact("it is abcdefgh-and-more", environ) == "it is [secret]"


@given(
    secret=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]secrt"), min_size=8, max_size=40),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_no_value_survives_and_redacting_twice_changes_nothing(secret: str, before: str, after: str) -> None:
    once = redact(before + secret + after, {"SOME_API_KEY": secret})
    assert secret not in once
    assert redact(once, {"SOME_API_KEY": secret}) == once
