"""A real server on this machine with the OpenAI-compatible interface: hashed embeddings, replies by rule, and bad manners."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WIDTH = 48
Answer = tuple[int, dict[str, str], Any]


@dataclass
class Call:
    """What was asked: the path, the headers in lower case, and the document."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Log:
    """What the server saw: every call, and how many there were at once at most."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    most: int = 0
    inside: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


def embed(text: str) -> list[float]:
    """Count the words of a text by their hash."""
    found = [0.0] * WIDTH
    for word in re.findall(r"\w+", text.lower()):
        found[zlib.crc32(word.encode()) % WIDTH] += 1.0
    return found


def answer(call: Call, reply: Callable[[str], str] = lambda prompt: prompt.split()[-1]) -> Answer:
    """Answer as such a server should; a token is a word with the space before it, the likelier the shorter it is."""
    body = call.body
    if call.path.endswith("/embeddings"):
        texts = body["input"]
        data = [{"index": place, "embedding": embed(text)} for place, text in enumerate(texts)]
        used = sum(len(text.split()) for text in texts)
        # In another order than asked: `index` counts.
        return 200, {}, {"data": data[::-1], "usage": {"prompt_tokens": used, "total_tokens": used}}
    if call.path.endswith("/chat/completions"):
        prompt = body["messages"][-1]["content"]
        text = reply(prompt)
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        return 200, {}, {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}
    if call.path.endswith("/completions"):
        return 200, {}, complete(body)
    return 404, {}, {"error": {"message": f"no such path: {call.path}"}}


def complete(body: dict[str, Any]) -> dict[str, Any]:
    """Echo the prompt with a log-probability of minus its length for each token, after a mark that other servers count, too."""
    tokens = ["<s>", *re.findall(r"\s*\S+", body["prompt"]), " next"]
    places = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
    told = [None, *(-float(len(token.strip())) for token in tokens[1:])]
    logprobs = {"tokens": tokens, "token_logprobs": told, "text_offset": places}
    usage = {"prompt_tokens": len(tokens) - 1, "completion_tokens": 1}
    return {"choices": [{"text": body["prompt"] + " next", "logprobs": logprobs}], "usage": usage}


class Server(ThreadingHTTPServer):
    """A server on a free port, what it does, and what it saw."""

    daemon_threads = True

    def __init__(self, behave: Callable[[Call], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.log = Log(f"http://127.0.0.1:{self.server_port}/v1")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        log, content = self.server.log, self.rfile.read(int(self.headers["Content-Length"]))
        call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(content))
        with log.lock:
            log.calls.append(call)
            log.inside += 1
            log.most = max(log.most, log.inside)
        try:
            found = self.server.behave(call)
            if found is None:
                log.over.wait(30)
                self.close_connection = True
            else:
                self._send(*found)
        except OSError:
            self.close_connection = True
        finally:
            with log.lock:
                log.inside -= 1

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        step = 1 if "X-Drip" in headers else max(1, len(content))
        for start in range(0, len(content), step):
            self.wfile.write(content[start : start + step])
            self.wfile.flush()
            if step == 1 and self.server.log.over.wait(0.05):
                return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve(behave: Callable[[Call], Answer | None] = answer) -> Iterator[Log]:
    """Run a server; where `behave` returns nothing, it says nothing until the end."""
    with Server(behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.log
        finally:
            server.log.over.set()
            server.shutdown()
            thread.join()


def slowly(call: Call, seconds: float = 0.05) -> Answer:
    """Answer after a while."""
    time.sleep(seconds)
    return answer(call)
