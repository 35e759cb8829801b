"""The adapter `openai` against a real server on this machine, which behaves or does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.core.candidate import Registered
from harness.core.card import Card, Options
from harness.core.remote import Remote
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable
from harness.models.adapters import can_train, load_model
from harness.models.capabilities import EmbedsText, Generates, KnowsContext, LogLikelihood, Spent
from harness.models.servers import check_leave, key_of, tell_sent
from tests.unit.openai_server import Answer, Call, answer, embed, serve, slowly

KEY = "not-of-any-known-form-7"
TEXTS = ["where is my parcel", "my card was stolen", "a refund please", "hello"]


def card(url: str, *offers: str, prompt: str | None = None, **settings: Any) -> Card:
    remote = Remote.model_validate({"model": "m", "offers": offers or ("embeddings",), "timeout_s": 5, **settings})
    return Card(name="far", adapter="openai", source=url, remote=remote, options=Options(prompt=prompt, query_prompt="find: "))


OPEN: list[Any] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().endpoint.close()


def load(url: str, *offers: str, key: str = "", **settings: Any) -> Any:
    OPEN.append(load_model(card(url, *offers, **settings), None, "cpu", Trust(), key=key))
    return OPEN[-1]


def test_texts_come_back_as_vectors_in_their_order_whatever_the_batch() -> None:
    with serve() as log:
        found = load(log.url, batch=3, prompt="q: ").embed_text(TEXTS)
    assert [call.body["input"] for call in log.calls if len(call.body["input"]) == 3] == [[f"q: {text}" for text in TEXTS[:3]]]
    assert found.dtype == np.float32
    assert np.array_equal(found, np.array([[embed(f"q: {text}") for text in TEXTS]], np.float32))
    assert {call.body["model"] for call in log.calls} == {"m"}


def test_queries_and_documents_have_their_prompts() -> None:
    with serve() as log:
        model = load(log.url, prompt="all: ")
        model.embed_queries(["x"])
        model.embed_documents(["x"])
    assert [call.body["input"] for call in log.calls] == [["find: x"], ["all: x"]]


def test_a_model_can_do_what_its_server_offers() -> None:
    url = "http://localhost:1/v1"
    able = {
        offer: [kind for kind in (EmbedsText, LogLikelihood, Generates) if isinstance(load(url, offer), kind)]
        for offer in ("embeddings", "completions", "chat")
    }
    assert able == {"embeddings": [EmbedsText], "completions": [LogLikelihood, Generates], "chat": [Generates]}


def test_the_key_is_sent_where_there_is_one_and_nothing_in_its_place_where_there_is_none() -> None:
    with serve() as log:
        load(log.url, key=KEY).embed_text(["x"])
        load(log.url).embed_text(["x"])
    assert [call.headers.get("authorization") for call in log.calls] == [f"Bearer {KEY}", None]


@pytest.mark.parametrize("key", [KEY, ""])
def test_nothing_that_the_library_reads_from_the_environment_is_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = "Authorization: Bearer other-1\nX-Team: other-2"
    ambient = {"ORG_ID": "other-3", "PROJECT_ID": "other-4", "CUSTOM_HEADERS": headers, "BASE_URL": "http://127.0.0.1:9/v1"}
    for name, value in {**ambient, "API_KEY": "other-5", "ADMIN_KEY": "other-6"}.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    with serve() as log:
        load(log.url, key=key).embed_text(["x"])
    sent = log.calls[0].headers
    assert sent.get("authorization") == (f"Bearer {key}" if key else None)
    assert not [value for value in sent.values() if "other-" in value]
    assert os.environ["OPENAI_ORG_ID"] == "other-3"


def test_calls_run_side_by_side_as_many_as_the_card_says_and_are_counted() -> None:
    with serve(slowly) as log:
        model = load(log.url, batch=1, concurrency=3)
        start = time.monotonic()
        model.embed_text(TEXTS * 3)
        took = time.monotonic() - start
    assert log.most == 3
    assert took < 12 * 0.05
    assert model.spent() == Spent(12, 3 * sum(len(text.split()) for text in TEXTS), 0)


def test_no_more_calls_a_minute_than_the_card_says() -> None:
    with serve() as log:
        start = time.monotonic()
        load(log.url, batch=1, requests_per_minute=600).embed_text(TEXTS)
        assert time.monotonic() - start >= 0.3


def after(first: Answer, times: int = 1) -> Callable[[Call], Answer]:
    """Answer with something else a few times."""
    left = [first] * times

    def behave(call: Call) -> Answer:
        return left.pop() if left else answer(call)

    return behave


@pytest.mark.parametrize(
    "first",
    [(429, {"Retry-After": "1"}, {"error": {"message": "slow down"}}), (500, {}, b"oh"), (503, {"retry-after-ms": "10"}, {})],
)
def test_what_can_pass_is_tried_again(first: Answer) -> None:
    with serve(after(first)) as log:
        start = time.monotonic()
        found = load(log.url).embed_text(["x"])
    assert found.shape == (1, 1, 48)
    assert len(log.calls) == 2
    assert time.monotonic() - start >= (1 if first[0] == 429 else 0)


def embeds(*vectors: object) -> Answer:
    return 200, {}, {"data": [{"index": place, "embedding": one} for place, one in enumerate(vectors)]}


@pytest.mark.parametrize(
    ("bad", "what", "hint"),
    [
        ((401, {}, {"error": {"message": f"wrong key {KEY}"}}), "answers 401: wrong key [secret]", "remote.key_variable"),
        ((403, {}, {"detail": "not you"}), "answers 403: not you", "remote.key_variable"),
        ((404, {}, {"error": {"message": "no model m"}}), "answers 404: no model m", "remote.model"),
        ((400, {}, {"error": {"message": "9000 tokens\nare too many"}}), "answers 400: 9000 tokens are too many", "too long"),
        ((307, {"Location": "http://127.0.0.1:9/v1/embeddings"}, b""), "answers 307", "`source`"),
        ((429, {"Retry-After": "900"}, {"error": {"message": "quota"}}), "answers 429: quota", "requests_per_minute"),
        ((200, {}, b"<html>log in</html>"), "no JSON object: '<html>log in</html>'", "`source`"),
        ((200, {}, b"[" * 100_000), "no JSON object", "`source`"),
        ((200, {}, {"object": "list"}), "without vectors (KeyError", "remote.offers"),
        (embeds([1.0, 2.0]), "vectors of shape (1, 2) for 2 texts", "`source`"),
        (embeds([1.0, 2.0], [1.0]), "without vectors (ValueError", "`source`"),
        (embeds("AAAA", "BBBB"), "without vectors (ValueError", "`source`"),
    ],
)  # fmt: skip
def test_what_cannot_pass_fails_at_once_with_what_the_server_says(bad: Answer, what: str, hint: str) -> None:
    with serve(lambda _call: bad) as log, pytest.raises(CandidateError) as raised:
        load(log.url, key=KEY).embed_text(["x", "y"])
    assert what in raised.value.what
    assert raised.value.what.startswith("127.0.0.1:")
    assert raised.value.where == "card far"
    assert hint in raised.value.hint
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert len(log.calls) == 1


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (lambda _call: None, ""),
        (lambda _call: (200, {"X-Drip": "1"}, b" " * 10_000), ""),
        (lambda _call: (429, {"Retry-After": "60"}, {}), "the last thing it said was HTTP 429"),
        (lambda _call: (500, {"Retry-After": "0.1"}, {}), "the last thing it said was HTTP 500"),
    ],
)  # fmt: skip
def test_no_call_takes_longer_than_its_time_whatever_the_server_does(behave: Callable[[Call], Answer | None], told: str) -> None:
    with serve(behave) as log:
        model = load(log.url, timeout_s=0.5)
        start = time.monotonic()
        with pytest.raises(CandidateError, match=r"did not finish an answer within 0\.5 s") as raised:
            model.embed_text(["x"])
        first = time.monotonic() - start
        assert told in raised.value.what
        # Who was lost once is not waited for again.
        with pytest.raises(CandidateError, match="did not finish"):
            model.embed_text(["x"])
        assert 0.5 <= first < 1.5
        assert time.monotonic() - start - first < 0.2


def test_a_server_that_does_not_run_is_told_so() -> None:
    with serve() as log:
        pass
    with pytest.raises(CandidateError, match=r"cannot be reached|did not finish"):
        load(log.url, timeout_s=1).embed_text(["x"])


def test_likelihoods_are_those_of_the_tokens_of_the_continuation() -> None:
    with serve() as log:
        found = load(log.url, "completions").log_likelihood(["the card", "the ca"], [" was stolen", "rd"])
    # Minus the length of each word; "card" is a token that begins in the second prompt and ends behind it.
    assert found.tolist() == [[-9.0, 2.0], [-4.0, 1.0]]
    assert {call.body["echo"] for call in log.calls} == {True}


def test_a_server_without_echo_is_told_so() -> None:
    def behave(call: Call) -> Answer:
        return 200, {}, {"choices": [{"text": " next", "logprobs": None}]}

    with serve(behave) as log, pytest.raises(CandidateError, match="no log-probabilities") as raised:
        load(log.url, "completions").log_likelihood(["a"], [" b"])
    assert "take completions out" in raised.value.hint


def test_the_context_of_a_card_is_what_examples_are_chosen_by() -> None:
    bounded = card("http://localhost:1/v1", "chat").model_copy(update={"context": 512})
    model: Any = load_model(bounded, None, "cpu", Trust())
    OPEN.append(model)
    assert isinstance(model, KnowsContext)
    assert model.context == 512
    assert model.count_tokens(["", "abc", "abcd", "é"]).tolist() == [0, 1, 2, 1]
    assert not isinstance(load("http://localhost:1/v1", "chat"), KnowsContext)


@pytest.mark.parametrize("offer", ["chat", "completions"])
def test_what_is_written_is_cut_before_the_first_stop(offer: str) -> None:
    def behave(call: Call) -> Answer:
        text = "one. two\nthree"
        choice = {"message": {"content": text}} if call.path.endswith("/chat/completions") else {"text": text}
        return 200, {}, {"choices": [choice]}

    with serve(behave) as log:
        found = load(log.url, offer, body={"seed": 7}).generate(["a", "b"], 5, ["\n", " two"])
    assert found == ["one.", "one."]
    sent = log.calls[0].body
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (5, 0, 7)
    # A stop text of blanks would end a reply before it begins.
    assert sent["stop"] == ([" two"] if offer == "chat" else ["\n", " two"])


def test_the_card_has_the_last_word_on_what_is_sent() -> None:
    with serve() as log:
        load(log.url, "chat", body={"temperature": 1, "max_completion_tokens": 900}).generate(["a"], 5, [])
    sent = log.calls[0].body
    assert (sent["temperature"], sent["max_completion_tokens"]) == (1, 900)
    assert "max_tokens" not in sent


def test_replies_that_end_before_any_text_are_counted() -> None:
    ends = {"a": (None, "length"), "b": ("", "length"), "c": ("yes", "length"), "d": (None, "stop")}

    def behave(call: Call) -> Answer:
        text, reason = ends[call.body["messages"][-1]["content"]]
        return 200, {}, {"choices": [{"message": {"content": text}, "finish_reason": reason}]}

    with serve(behave) as log:
        model = load(log.url, "chat")
        assert model.generate(list(ends), 5, []) == ["", "", "yes", ""]
    assert model.spent() == Spent(4, 0, 0, silent=2)


FAR = card("https://api.example.org/v1", key_variable="FAR_API_KEY")


@pytest.fixture
def leaves() -> Callable[..., None]:
    def ask(*, remote: bool = True, offline: bool = False, is_own: bool = True, environ: dict[str, str] | None = None) -> None:
        given = {"FAR_API_KEY": KEY} if environ is None else environ
        check_leave(FAR, Trust(remote=remote), offline=offline, is_own=is_own, environ=given)

    return ask


def test_rows_leave_only_where_the_user_says_so_and_the_key_is_here(leaves: Callable[..., None]) -> None:
    leaves()
    with pytest.raises(Unavailable, match=r"runs at api\.example\.org, and rows would leave this machine") as raised:
        leaves(remote=False)
    assert "--allow-remote" in raised.value.hint
    with pytest.raises(Unavailable, match="--offline calls no server"):
        leaves(offline=True)
    with pytest.raises(Unavailable, match="FAR_API_KEY, which is to hold its key, is not set"):
        leaves(environ={})


@pytest.mark.parametrize("more", ["\n", "\r\n", " x", "\u00e4", "\x7f"])
def test_what_can_be_no_key_is_refused_without_being_shown(more: str, leaves: Callable[..., None]) -> None:
    with pytest.raises(Unavailable, match="variable FAR_API_KEY holds no key") as raised:
        leaves(environ={"FAR_API_KEY": f"{KEY}{more}"})
    assert len(str(raised.value).splitlines()) == 3
    assert KEY not in str(raised.value)


def test_a_card_of_an_add_on_gets_no_key(leaves: Callable[..., None]) -> None:
    with pytest.raises(CandidateError, match=r"asks for the key in FAR_API_KEY, to send it to api\.example\.org") as raised:
        leaves(is_own=False)
    assert not isinstance(raised.value, Unavailable)


def test_what_is_known_of_a_server_from_its_card() -> None:
    one = Registered(FAR, "cards.yaml", "user", is_plugin=False)
    assert key_of(one, {"FAR_API_KEY": KEY, "OTHER_KEY": "x"}) == KEY
    assert key_of(replace(one, card=card("http://localhost/v1")), {"FAR_API_KEY": KEY}) == ""
    assert key_of(replace(one, is_plugin=True), {"FAR_API_KEY": KEY}) == ""
    assert can_train(FAR) == "it runs at api.example.org, and bench has none of its weights"
    assert tell_sent([FAR], Trust(remote=True)) == ("Rows left this machine, as --allow-remote permits, for: far (api.example.org)")
    assert tell_sent([FAR], Trust()) == ""


def test_a_reply_that_opens_with_a_blank_line_is_not_cut_to_nothing() -> None:
    def behave(call: Call) -> Answer:
        # As servers do it themselves.
        text = "\n\nParis.\n\nIt is a town."
        for stop in call.body.get("stop", []):
            text = text.partition(stop)[0]
        return 200, {}, {"choices": [{"message": {"content": text}}]}

    with serve(behave) as log:
        assert load(log.url, "chat").generate(["a"], 5, ["\n\n", "Q:"]) == ["\n\nParis."]
    assert log.calls[0].body["stop"] == ["Q:"]
