"""A server with the OpenAI-compatible HTTP interface: calls side by side, each with an end.

The library `openai` keeps connections, tries again what can pass (408, 409, 429, 5xx, a broken connection), waits ever longer
between, and as long as `Retry-After` says. What it has no bound for, a call as a whole, is bounded here.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, DefaultHttpxClient, Omit, OpenAI, OpenAIError

from harness.core.card import Card
from harness.core.remote import Remote
from harness.core.secrets import redact
from harness.errors import CandidateError

# With waits that double up to 8 s this is a minute and more; `timeout_s` ends it before.
_RETRIES = 12
_CONNECT_S = 10.0
_TICK_S = 0.1
_LONGEST_TOLD = 300
# What begins so the library reads by itself: headers, another key, an organization. They are not for every host that a card names.
_AMBIENT = "OPENAI_"
_HINTS = {
    400: "see what the server says; a text may be too long for the model, or `remote.body` hold what it does not know",
    401: "look at the key in the variable that `remote.key_variable` names",
    403: "look at the key in the variable that `remote.key_variable` names, and at what it may do",
    404: "look at `source` and `remote.model` in the card",
    429: "set remote.requests_per_minute, a lower remote.concurrency or a greater remote.timeout_s in the card",
}
_LATER = "try again later, or raise remote.timeout_s in the card"

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Flight:
    """Calls that belong together: those not yet made, since when each runs that is under way, and what came of the others."""

    left: deque[tuple[int, Body]]
    begun: dict[int, float] = field(default_factory=dict)
    ended: queue.SimpleQueue[tuple[int, dict[str, Any] | BaseException]] = field(default_factory=queue.SimpleQueue)


class Endpoint:
    """One server, as a card names it. The key is kept here and in the headers of calls, and nowhere else."""

    def __init__(self, card: Card, remote: Remote, key: str) -> None:
        """Prepare for calls; none is made. Nothing follows a redirection: rows go to the host that the card names, or nowhere."""
        self.host, self._where, self._remote, self._key = card.host, f"card {card.name}", remote, key
        # Without a key nothing is to stand in its place.
        self._options: Any = {} if key else {"headers": {"Authorization": Omit()}}
        self._last = ""
        self._lost = False
        self._pace = _Pace(remote.requests_per_minute)
        limit = httpx2.Timeout(remote.timeout_s, connect=min(_CONNECT_S, remote.timeout_s))
        with _without_ambient():
            self._client = OpenAI(
                api_key=key or "none",
                base_url=card.source,
                timeout=limit,
                max_retries=_RETRIES,
                http_client=DefaultHttpxClient(follow_redirects=False, timeout=limit, event_hooks={"response": [self._note]}),
            )

    def ask(self, path: str, bodies: Sequence[Body]) -> list[dict[str, Any]]:
        """Return the answers to all calls in their order, as many at once as the card says.

        A call that is not over after `timeout_s`, its retries included, ends them all, and every later one.

        Raises:
            CandidateError: the server does not answer in time, or not as it should.
        """
        if self._lost:
            raise self._late()
        flight = _Flight(deque(enumerate(bodies)))
        for _ in range(min(self._remote.concurrency, len(bodies))):
            # A thread that still waits for an answer must not keep the process.
            threading.Thread(target=self._work, args=(path, flight), daemon=True).start()
        found: list[dict[str, Any]] = [{}] * len(bodies)
        try:
            for _ in bodies:
                place, answer = self._next(flight)
                if isinstance(answer, BaseException):
                    raise answer
                found[place] = answer
        finally:
            flight.left.clear()
        return found

    def close(self) -> None:
        """Close all connections; what still waits for an answer ends."""
        self._client.close()

    def refuse(self, what: str, hint: str = "look at `source` and `remote.offers` in the card") -> CandidateError:
        """Return the error of a server that answers with something else than it should."""
        return CandidateError(f"{self.host} {self._clean(what)}", where=self._where, hint=hint)

    def _work(self, path: str, flight: _Flight) -> None:
        """Make calls until none is left."""
        while True:
            try:
                place, body = flight.left.popleft()
            except IndexError:
                return
            self._pace.wait()
            flight.begun[place] = time.monotonic()
            answer: dict[str, Any] | BaseException
            try:
                answer = self._call(path, body)
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                answer = error
            del flight.begun[place]
            flight.ended.put((place, answer))

    def _next(self, flight: _Flight) -> tuple[int, dict[str, Any] | BaseException]:
        """Return the next answer, or what went wrong, once there is one."""
        while True:
            with contextlib.suppress(queue.Empty):
                return flight.ended.get(timeout=_TICK_S)
            if time.monotonic() - min(list(flight.begun.values()), default=time.monotonic()) > self._remote.timeout_s:
                self._lost = True
                self.close()
                raise self._late()

    def _call(self, path: str, body: Body) -> dict[str, Any]:
        """Make one call; what it raises has nothing of the answer but a line, and nothing of the key."""
        said = {**body, **self._remote.body}
        try:
            content = self._client.post(path, body=said, options=self._options, cast_to=httpx2.Response).content
        except OpenAIError as error:
            raise self._explain(error) from None
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.refuse(f"answers with what is no JSON object: {content[:60].decode(errors='replace')!r}")
        return answer

    def _explain(self, error: OpenAIError) -> CandidateError:
        if isinstance(error, APIStatusError):
            code = error.status_code
            return self.refuse(f"answers {code}: {_message(error)}", _HINTS.get(code, _LATER if code >= 500 else _HINTS[404]))
        if isinstance(error, APITimeoutError):
            return self._late()
        if isinstance(error, APIConnectionError):
            cause = error.__cause__
            return self.refuse(f"cannot be reached: {cause or error}", "look at `source` in the card, and whether the server runs")
        return self.refuse(f"gives {type(error).__name__}: {error}")

    def _late(self) -> CandidateError:
        last = f"; the last thing it said was {self._last}" if self._last else ""
        return self.refuse(f"did not finish an answer within {self._remote.timeout_s:g} s{last}", _LATER)

    def _note(self, response: httpx2.Response) -> None:
        self._last = f"HTTP {response.status_code}" if response.status_code != 200 else self._last

    def _clean(self, text: str) -> str:
        """Return text of a server on one line, without the key, which some repeat."""
        text = text.replace(self._key, "[secret]") if self._key else text
        return redact(" ".join(text.split())[:_LONGEST_TOLD], {})


class _Pace:
    """Lets threads begin no more calls a minute than a card says."""

    def __init__(self, per_minute: float | None) -> None:
        self._gap_s = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._gap_s:
            return
        with self._lock:
            begins = max(time.monotonic(), self._next)
            self._next = begins + self._gap_s
        time.sleep(max(0.0, begins - time.monotonic()))


@contextlib.contextmanager
def _without_ambient() -> Iterator[None]:
    """Hide the library's own variables: what is sent stands in the card, and in the variable that it names for the key."""
    hidden = {name: value for name, value in os.environ.items() if name.upper().startswith(_AMBIENT)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _message(error: APIStatusError) -> str:
    """Return what a server says is wrong."""
    body = error.body
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    return str(body or "nothing more").strip() or "nothing more"
