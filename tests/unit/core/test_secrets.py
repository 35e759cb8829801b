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
    "GITHUB_PAT",
    "MYSQL_PWD",
    "SSHPASS",
    "NPM_AUTH",
    "SMTP_PASS",
    "_auth",
]
PLAIN = ["TOKENIZERS_PARALLELISM", "PATH", "MONKEY", "KEYBOARD_LAYOUT", "OMP_NUM_THREADS", "HF_HOME", "SECRETARY"]
PLAIN += ["PWD", "OLDPWD", "PYTHONPATH", "PATTERN", "COMPASS", "AUTHOR", "BYPASS", "SSH_AUTH_SOCK", "MANPATH"]
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
        ("https://0123456789abcdef@example.org/x", "https://[secret]@example.org/x"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x"),
        ("https://example.org/@somebody-else", "https://example.org/@somebody-else"),
        ("https://example.org:8080/x", "https://example.org:8080/x"),
        ("a sketch of hf_hub and a bearer of news", "a sketch of hf_hub and a bearer of news"),
    ],
)
def test_headers_and_addresses(text: str, kept: str) -> None:
    assert redact(text, {}) == kept


@pytest.mark.parametrize("token", TOKENS)
def test_a_variable_whose_value_is_a_token_is_left_out(token: str) -> None:
    assert without_secrets({"INNOCENT": f"x {token}", "HOME": "/root"}) == {"HOME": "/root"}


@pytest.mark.parametrize(
    "value", ["http://me:open@proxy:8080", "postgres://u:pw@db/x", "https://0123456789abcdef@host/simple", "http://me:o@pen@proxy"]
)
def test_an_address_with_a_login_is_left_out(value: str) -> None:
    assert without_secrets({"HTTPS_PROXY": value}) == {}
    assert "pen@" not in redact(value, {})


@pytest.mark.parametrize(
    "value", ["http://proxy:8080", "http://proxy:8080/@x", "/mnt/disk-0123456789abcdef/x", "a b", "/opt/task-aaaaaaaaaaaaaaaaaaa"]
)
def test_a_value_without_a_secret_stays(value: str) -> None:
    assert without_secrets({"SETTING": value}) == {"SETTING": value}
    assert redact(value, {}) == value


def test_what_every_process_needs_stays_whatever_it_holds() -> None:
    assert without_secrets({"PATH": "/x/hf_abcdefghijklmnopqrstuvwx/bin"}) != {}


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
