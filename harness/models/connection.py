"""A patient and bounded connection to the Hub, under huggingface_hub: every wait has an end, and what can pass is tried again.

huggingface_hub has retries of its own, but waits without limit for some answers, and for as long as a server asks it to. What fails
here for good is a `BenchError`, which it passes on at once.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from huggingface_hub import constants, get_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from harness.core.secrets import redact
from harness.errors import BenchError, CandidateError, Unavailable, Unreachable

# Version 2 of huggingface_hub speaks through httpx2, version 1 through httpx; what is used here is the same in both.
httpx: Any = import_module(type(get_session()).__module__.partition(".")[0])

_PASSING_STATES = {408, 429, 500, 502, 503, 504}
_PASSING = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)
_LISTING_BYTES = 100_000_000
# Of a thousand files each: a model has fewer.
_LISTING_PAGES = 200
_LISTING_PATH = "/api/models/"
_GET = "GET"
# huggingface_hub asks for this beside the files, and does without.
_UNASKED = "/api/agent-harnesses"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what: tries without a byte of progress, seconds between them, of silence, of a head, of a trickle."""

    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 20.0
    silence_s: float = constants.HF_HUB_DOWNLOAD_TIMEOUT
    head_s: float = 60.0
    trickle_s: float = 60.0
    trickle_bytes: int = 60_000


class Connection(httpx.Client):  # type: ignore[misc]  # which module it comes from is known at run time only
    """A client that tries again, goes on where a body broke off, and stops as a whole; threads share it."""

    def __init__(self, where: str, patience: Patience, on_bytes: Callable[[int], None]) -> None:
        """Take what an error names, and who is told of bytes as they come."""
        usual = default_client_factory()
        super().__init__(event_hooks=usual.event_hooks, follow_redirects=True)
        usual.close()
        self.where = where
        self.patience = patience
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._error: BenchError | None = None
        self._left = _LISTING_BYTES
        self._pages_left = _LISTING_PAGES

    def send(
        self,
        request: Any,  # noqa: ANN401 - of whichever module
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ANN401 - as above
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        """Send a request as often as it takes.

        Raises:
            BenchError: the Hub does not answer, or not as it should; or all is stopped.
        """
        if request.url.path == _UNASKED:
            msg = "not a model's file"
            raise httpx.ConnectError(msg)
        if _LISTING_PATH in request.url.path:
            self._count_page()
        request.headers["Accept-Encoding"] = "identity"
        response = self.attempt(request, auth, follow_redirects)
        response.stream = _Body(self, request, response)
        if not stream:
            response.read()
        return response

    def attempt(self, request: Any, auth: Any, follow_redirects: Any) -> Any:  # noqa: ANN401 - of whichever module
        """Return the first answer that is no passing fault; its body is still to be read."""
        silence = self.patience.silence_s
        request.extensions = {**request.extensions, "timeout": httpx.Timeout(silence).as_dict()}
        failures = 0
        while True:
            self.check()
            asked = None
            try:
                send = partial(super().send, request, stream=True, auth=auth, follow_redirects=follow_redirects)
                response = _answer(send, self.patience.head_s)
            except _PASSING as error:
                reason, state = _describe(error), 0
            else:
                state = response.status_code
                if state not in _PASSING_STATES:
                    self._check_encoding(request, response)
                    return response
                reason, asked = f"it answers {state}", response.headers.get("Retry-After", "")
                response.close()
            failures += 1
            self.pause(failures, reason, float(asked) if asked and asked.isdigit() else None, of_one=state == 500)

    def _count_page(self) -> None:
        with self._lock:
            self._pages_left -= 1
        if self._pages_left < 0:
            what = f"the Hub's listing does not end within {_LISTING_PAGES} pages"
            self.end(CandidateError(what, where=self.where, hint="check HF_ENDPOINT: this server is not to be trusted"))

    def _check_encoding(self, request: Any, response: Any) -> None:  # noqa: ANN401 - of whichever module
        """Refuse a packed body: it was asked for as it is, and what it unpacks to would escape the limits."""
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in {"", "identity"} and request.method != "HEAD":
            response.close()
            what = f"the Hub answers {response.status_code} with a packed body ({encoding[:20]}), which bench does not ask for"
            self.end(CandidateError(what, where=self.where, hint="check HF_ENDPOINT, and the proxy if there is one"))

    def pause(self, failures: int, reason: str, asked_s: float | None = None, *, of_one: bool = False) -> None:
        """Wait before the next try, no longer than a server may ask for; give up after the last."""
        if failures >= self.patience.tries:
            what = f"its weights are not on this machine, and the Hub does not give them: {reason}, {failures} times in a row"
            kind = Unavailable if of_one else Unreachable
            self.end(kind(redact(what), where=self.where, hint="try again later; check the network, or HF_ENDPOINT for a mirror"))
        wait_s = asked_s if asked_s is not None else self.patience.first_wait_s * 2 ** (failures - 1)
        self._stopped.wait(min(wait_s, self.patience.longest_wait_s))
        self.check()

    def expect(self, size: int) -> None:
        """Say how many bytes are to come: the double is taken, for what is sent again, and not more."""
        with self._lock:
            self._left = 2 * size + _LISTING_BYTES

    def count(self, size: int) -> None:
        """Take note of received bytes."""
        self.check()
        with self._lock:
            self._left -= size
        if self._left < 0:
            what = "the Hub sends far more bytes than it announced"
            self.end(CandidateError(what, where=self.where, hint="check HF_ENDPOINT: this server is not to be trusted"))
        self._on_bytes(size)

    def check(self) -> None:
        """Raise what ended the connection, if anything did."""
        if self._stopped.is_set():
            raise self._error or Unavailable("stopped", where=self.where, hint="run it again")

    def stop(self) -> None:
        """Let every thread end soon."""
        self._stopped.set()

    def end(self, error: BenchError) -> NoReturn:
        """Give up, for all threads."""
        with self._lock:
            self._error = self._error or error
        self._stopped.set()
        raise self._error


class _Body(httpx.SyncByteStream):  # type: ignore[misc]  # as above
    """The bytes of an answer. Where they break off they go on from there; a trickle is cut off."""

    def __init__(self, connection: Connection, request: Any, response: Any) -> None:  # noqa: ANN401 - of whichever module
        self._connection, self._request = connection, request
        self._stream, self._headers = response.stream, response.headers
        self._at = self._skip = 0
        self._since, self._before = time.monotonic(), 0

    def __iter__(self) -> Iterator[bytes]:
        failures = 0
        while True:
            try:
                for received in self._stream:
                    self._connection.count(len(received))
                    chunk = received[self._skip :]
                    self._skip -= len(received) - len(chunk)
                    self._at += len(chunk)
                    failures = 0
                    self._check_speed()
                    yield chunk
            except _PASSING as error:
                failures += 1
                self._go_on(failures, _describe(error))
            else:
                return

    def close(self) -> None:
        self._stream.close()

    def _check_speed(self) -> None:
        patience, now = self._connection.patience, time.monotonic()
        if now - self._since < patience.trickle_s:
            return
        if self._at - self._before < patience.trickle_bytes:
            what = f"the Hub sends fewer than {patience.trickle_bytes / patience.trickle_s / 1000:.2g} kB a second"
            self._connection.end(
                Unreachable(what, where=self._connection.where, hint="try again later, or name a mirror: HF_ENDPOINT")
            )
        self._since, self._before = now, self._at

    def _go_on(self, failures: int, reason: str) -> None:
        """Ask for the rest. A server that knows no ranges sends everything again, and what is known is skipped."""
        self._stream.close()
        connection, request = self._connection, self._request
        connection.pause(failures, reason)
        headers = [*request.headers.items(), ("Range", f"bytes={self._at}-")]
        again = httpx.Request(_GET, request.url, headers=headers, extensions=request.extensions)
        usual = httpx.USE_CLIENT_DEFAULT
        response = connection.attempt(again, usual, usual)
        self._stream = response.stream
        stated, now = self._headers.get("ETag"), response.headers.get("ETag")
        is_same = stated == now or None in (stated, now)
        is_rest = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {self._at}-")
        if not is_same or not (is_rest or response.status_code == 200):
            self._stream.close()
            what = (
                f"a file broke off after {self._at:,} bytes, and the Hub does not give the rest: it answers {response.status_code}"
            )
            connection.end(CandidateError(what, where=connection.where, hint="try again later; check HF_ENDPOINT"))
        # The clock of the trickle runs on: else a byte for each connection would never end.
        self._skip = 0 if is_rest else self._at


@contextlib.contextmanager
def connected(connection: Connection) -> Iterator[None]:
    """Let huggingface_hub speak through this connection."""
    set_client_factory(lambda: connection)
    try:
        yield
    finally:
        connection.stop()
        set_client_factory(default_client_factory)


def _answer(send: Callable[[], Any], head_s: float) -> Any:  # noqa: ANN401 - of whichever module
    """Return an answer whose head is there in time; its timeouts alone would wait as long as a byte of it comes now and then.

    Raises:
        ReadTimeout: it is not. The thread that reads it ends with the process.
    """
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((send(), None))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        response, error = answers.get(timeout=head_s)
    except queue.Empty as late:
        msg = "the head of its answer does not end"
        raise httpx.ReadTimeout(msg) from late
    if error is not None:
        raise error
    return response


def _describe(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it is silent"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
