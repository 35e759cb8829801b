"""Models behind the OpenAI-compatible HTTP interface: what a card says that the server offers is what the model can do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.card import Card
from harness.core.remote import Offer, Remote
from harness.core.writing import cut
from harness.errors import CandidateError
from harness.models.capabilities import Spent
from harness.models.openai_endpoint import Endpoint


class _Server:
    """What all of them have: the endpoint, and a count of what was spent there."""

    def __init__(self, card: Card, remote: Remote, key: str) -> None:
        """Prepare for calls; none is made."""
        self.card, self.remote = card, remote
        self.endpoint = Endpoint(card, remote, key)
        self._spent = Spent()
        self._lock = threading.Lock()

    def spent(self) -> Spent:
        """Return what all calls so far took, as the server counts."""
        return self._spent

    def _ask(self, path: str, bodies: Sequence[dict[str, object]]) -> list[dict[str, Any]]:
        answers = self.endpoint.ask(path, [{"model": self.remote.model, **body} for body in bodies])
        usage = [one.get("usage") for one in answers]
        counts = [one if isinstance(one, dict) else {} for one in usage]
        with self._lock:
            self._spent = Spent(
                self._spent.calls + len(answers),
                self._spent.input_tokens + sum(_count(one.get("prompt_tokens")) for one in counts),
                self._spent.output_tokens + sum(_count(one.get("completion_tokens")) for one in counts),
                self._spent.silent,
            )
        return answers


class Embedder(_Server):
    """Embeds by `/embeddings`."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(1, n, d) float32`; the prompt of the card stands before each text.

        Raises:
            CandidateError: the server does not give a vector for each text.
        """
        return self._embed(texts, self.card.options.prompt or "")[None]

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`, with the prompt of a query.

        Raises:
            CandidateError: the server does not give a vector for each text.
        """
        return self._embed(texts, self.role_prompt("query"))

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`, with the prompt of a document.

        Raises:
            CandidateError: the server does not give a vector for each text.
        """
        return self._embed(texts, self.role_prompt("document"))

    def role_prompt(self, role: Literal["query", "document"]) -> str:
        """Return what stands before each text in its role."""
        options = self.card.options
        own = options.query_prompt if role == "query" else options.document_prompt
        return own if own is not None else options.prompt or ""

    def _embed(self, texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        size = self.remote.batch
        parts = [[prompt + text for text in texts[start : start + size]] for start in range(0, len(texts), size)]
        answers = self._ask("/embeddings", [{"input": part, "encoding_format": "float"} for part in parts])
        found = [self._vectors(answer, len(part)) for answer, part in zip(answers, parts, strict=True)]
        if len({one.shape[1] for one in found}) > 1:
            raise self.endpoint.refuse("gives vectors of several lengths")
        return np.concatenate(found) if found else np.empty((0, 0), np.float32)

    def _vectors(self, answer: dict[str, Any], count: int) -> NDArray[np.float32]:
        """Return the vectors of one answer in the order of the texts, which is that of `index`."""
        try:
            data = sorted(answer["data"], key=lambda one: one["index"])
            found = np.asarray([one["embedding"] for one in data], np.float32)
            places = [one["index"] for one in data]
        except (KeyError, TypeError, ValueError) as error:
            raise self.endpoint.refuse(f"answers without vectors ({type(error).__name__}: {error})") from None
        if found.ndim != 2 or places != list(range(count)):
            raise self.endpoint.refuse(f"gives vectors of shape {found.shape} for {count} texts")
        return found


class Bounded(_Server):
    """Reads as many tokens as its card says. How many a text has no interface tells: that is estimated, to choose examples by."""

    @property
    def context(self) -> int:
        """Return how many tokens it reads, an answer included."""
        return self.card.context or 0

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return about how many tokens each text has, rather too many than too few: of English a token has four bytes and more."""
        return np.asarray([-(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN) for text in texts], np.int64)


class _Writer(_Server):
    """Writes on after a prompt."""

    def _write(self, path: str, bodies: Sequence[dict[str, object]], stop: Sequence[str], limit: int) -> list[str]:
        settings: dict[str, object] = {"temperature": 0}
        if "max_completion_tokens" not in self.remote.body:
            settings["max_tokens"] = limit
        if sent := self._sent(stop):
            settings["stop"] = sent[:_STOPS]
        return [cut(self._text(one), stop) for one in self._ask(path, [{**settings, **body} for body in bodies])]

    def _sent(self, stop: Sequence[str]) -> list[str]:
        """Return the stop texts that the server may hear of."""
        return list(stop)

    def _text(self, answer: dict[str, Any]) -> str:
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"] if "message" in choice else choice["text"]
            is_cut = choice.get("finish_reason") == "length"
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise self.endpoint.refuse(f"answers without a text ({type(error).__name__}: {error})") from None
        if not isinstance(text, str | None):
            raise self.endpoint.refuse(f"answers with a text that is {type(text).__name__}")
        if is_cut and not (text or "").strip():
            with self._lock:
                self._spent = replace(self._spent, silent=self._spent.silent + 1)
        return text or ""


class Completer(_Writer):
    """Tells likelihoods by `/completions`, which must give log-probabilities of what was sent, and writes on."""

    def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, 2) float32`: the summed log-probability of each continuation after its prompt, and of how many tokens.

        Tokens that hold a letter of the continuation are its own, as are those that end in the prompt and its continuation both.

        Raises:
            CandidateError: the server does not give log-probabilities of what it was sent.
        """
        bodies = [
            {"prompt": prompt + goes_on, "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
            for prompt, goes_on in zip(prompts, continuations, strict=True)
        ]
        answers = self._ask("/completions", bodies)
        found = [self._sum(*one) for one in zip(answers, prompts, continuations, strict=True)]
        return np.asarray(found, np.float32).reshape(-1, 2)

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        """Return what is written after each prompt: at most `limit` tokens, cut before the first of the stop sequences.

        Raises:
            CandidateError: the server does not answer with a text.
        """
        return self._write("/completions", [{"prompt": prompt} for prompt in prompts], stop, limit)

    def _sum(self, answer: dict[str, Any], prompt: str, goes_on: str) -> tuple[float, int]:
        try:
            told = answer["choices"][0]["logprobs"]
            places = _places(told["tokens"], told["text_offset"], prompt + goes_on)
            own = [
                float("nan") if value is None else float(value)
                for token, value, begins in zip(told["tokens"], told["token_logprobs"], places, strict=True)
                if begins < len(prompt) + len(goes_on) and begins + len(token) > len(prompt)
            ]
        except (KeyError, TypeError, IndexError, ValueError) as error:
            what = f"gives no log-probabilities of what it is sent ({type(error).__name__}: {error})"
            raise self.endpoint.refuse(what, _NO_ECHO) from None
        if not own or not np.isfinite(own).all():
            raise self.endpoint.refuse("gives no log-probabilities of the end of what it is sent", _NO_ECHO)
        return sum(own), len(own)


class Chatter(_Writer):
    """Answers by `/chat/completions`."""

    @property
    def is_chat(self) -> bool:
        """Tell that each prompt is one turn of a user."""
        return True

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        """Return the reply to each prompt as one turn: at most `limit` tokens, cut before the first of the stop sequences.

        Raises:
            CandidateError: the server does not answer with a text.
        """
        bodies: list[dict[str, object]] = [{"messages": [{"role": "user", "content": prompt}]} for prompt in prompts]
        return self._write("/chat/completions", bodies, stop, limit)

    def _sent(self, stop: Sequence[str]) -> list[str]:
        """Leave out those of blanks alone: a server would end a reply that opens with a blank line before it begins."""
        return [one for one in stop if one.strip()]


_BYTES_A_TOKEN = 3
# More than these a server of OpenAI refuses; the rest is cut here.
_STOPS = 4
_NO_ECHO = "take completions out of remote.offers in the card: this server has no `echo` with `logprobs`"
# Where a server both chats and completes, it is chatted with; likelihoods come from completions.
_PARTS: dict[Offer, type[_Server]] = {"chat": Chatter, "completions": Completer, "embeddings": Embedder}


def load(card: Card, key: str) -> object:
    """Return a model that can do what the server offers.

    Raises:
        CandidateError: the card does not say how the model is reached.
    """
    if card.remote is None or not card.host:
        what = "the card does not say how its model is reached"
        raise CandidateError(
            what, where=f"card {card.name}, key remote", hint="give `source` the server's address, and fill in `remote`"
        )
    offered = [kind for offer, kind in _PARTS.items() if offer in card.remote.offers]
    parts = (*offered, *((Bounded,) if card.context else ()))
    model: object = type("RemoteModel", parts, {})(card, card.remote, key)
    return model


def _places(tokens: Sequence[str], stated: Sequence[int], text: str) -> Sequence[int]:
    """Return where each token begins in a text; by their own letters, for some servers count a mark before the text as part of it.

    >>> _places(["<s>", "a", " b", "c"], [0, 3, 4, 6], "a b")
    [-3, 0, 1, 3]
    """
    before = "".join(tokens).find(text)
    if before < 0:
        return stated
    return [end - len(token) - before for end, token in zip(accumulate(map(len, tokens)), tokens, strict=True)]


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
