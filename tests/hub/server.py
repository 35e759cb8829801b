"""A server on this machine that speaks the Hub's protocol as huggingface_hub asks for it, and can be told to misbehave.

Two hosts, as in life: the Hub itself, and the store to which it redirects for large files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000


@dataclass
class Repository:
    """Files by path, and what goes wrong with them. Numbers are how many requests it goes wrong for; -1 is all."""

    files: dict[str, bytes]
    status: int = 0  # answer everything with it
    code: str = ""  # X-Error-Code
    failing: int = 0  # answers of `failing_status`
    failing_status: int = 503
    retry_after: str = ""
    breaks: int = 0  # bodies of large files that break off in the middle
    silent: str = ""  # "api" or "file": never answered
    trickles: bool = False
    drips: bool = False  # bodies of large files: one byte a connection
    drips_head: bool = False  # heads of large files' answers: a byte now and then, without an end
    packs: bool = False  # every JSON answer, whatever was asked for
    has_endless_listing: bool = False
    lies: dict[str, bytes] = field(default_factory=dict)  # sent in place of a file of the same length
    lengths: dict[str, int] = field(default_factory=dict)  # announced lengths that are not true
    page: bytes | None = None  # sent in place of every JSON answer
    knows_ranges: bool = True
    is_endless: bool = False
    revision: str = COMMIT


@dataclass
class Request:
    """What came in."""

    host: str
    method: str
    path: str
    range: str
    authorization: str


class Hub:
    """Both hosts, run in threads until it is closed."""

    def __init__(self, repositories: dict[str, Repository]) -> None:
        self.repositories = repositories
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.main = self._serve("hub")
        self.store = self._serve("store")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.main.server_address[1]}"

    @property
    def store_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.store.server_address[1]}"

    def asked(self, repository: str, host: str = "") -> list[Request]:
        return [one for one in self.requests if repository in one.path and (not host or one.host == host)]

    def close(self) -> None:
        self.closing.set()
        for server in (self.main, self.store):
            server.shutdown()
            server.server_close()

    def _serve(self, name: str) -> ThreadingHTTPServer:
        handler = type("Handler", (_Handler,), {"hub": self, "host": name})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    host: str

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        asked = Request(self.host, self.command, path, self.headers.get("Range", ""), self.headers.get("Authorization", ""))
        with self.hub.lock:
            self.hub.requests.append(asked)
        # As in life, small files are redirected once more within the Hub.
        parts = path.strip("/").removeprefix("api/resolve-cache/models/").removeprefix("api/models/").split("/")
        name = "/".join(parts[:2])
        repository = self.hub.repositories.get(name)
        if repository is None:
            self.reply(404, headers={"X-Error-Code": "RepoNotFound"})
        elif repository.status:
            self.reply(repository.status, headers={"X-Error-Code": repository.code} if repository.code else {})
        elif self.takes(repository, "failing"):
            self.reply(repository.failing_status, headers={"Retry-After": repository.retry_after} if repository.retry_after else {})
        elif path.startswith("/api/resolve-cache/"):
            self.answer_file(repository, name, parts[2], "/".join(parts[3:]))
        elif path.startswith("/api/"):
            self.answer_api(repository, parts[2:])
        else:
            self.answer_file(repository, name, parts[3], "/".join(parts[4:]))

    def takes(self, repository: Repository, fault: str) -> bool:
        """Tell whether a fault is due, and count it."""
        with self.hub.lock:
            left = getattr(repository, fault)
            if left > 0:
                setattr(repository, fault, left - 1)
            return bool(left)

    def answer_api(self, repository: Repository, parts: list[str]) -> None:
        if repository.silent == "api":
            self.hub.closing.wait(30)
        elif repository.page is not None:
            self.reply(200, repository.page, {"Content-Type": "text/html"})
        elif parts and parts[1] not in {"main", repository.revision}:
            self.reply(404, headers={"X-Error-Code": "RevisionNotFound"})
        elif parts and parts[0] == "tree":
            listed = [describe(path, content, repository.lengths.get(path)) for path, content in repository.files.items()]
            content, headers = json.dumps(listed).encode(), {"Content-Type": "application/json"}
            if repository.packs:
                content, headers = gzip.compress(content), headers | {"Content-Encoding": "gzip"}
            if repository.has_endless_listing:
                headers |= {"Link": f'<{self.hub.endpoint}{urlsplit(self.path).path}?cursor=x>; rel="next"'}
            self.reply(200, content, headers)
        else:
            about = {"id": "a/b", "sha": repository.revision, "siblings": [{"rfilename": path} for path in repository.files]}
            self.reply(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def answer_file(self, repository: Repository, name: str, revision: str, path: str) -> None:
        content = repository.files.get(path)
        if content is None:
            self.reply(404, headers={"X-Error-Code": "EntryNotFound"})
            return
        is_large = len(content) >= LARGE
        etag = hashlib.sha256(content).hexdigest() if is_large else git_blob(content)
        length = repository.lengths.get(path, len(content))
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": repository.revision, "Accept-Ranges": "bytes"}
        if is_large and self.host == "hub":
            headers |= {"X-Linked-Size": str(length), "X-Linked-Etag": f'"{etag}"'}
            self.reply(302, headers=headers | {"Location": f"{self.hub.store_endpoint}/{name}/resolve/{revision}/{path}"})
        elif not is_large and "resolve-cache" not in self.path:
            self.reply(307, headers=headers | {"Location": f"/api/resolve-cache/models/{name}/{repository.revision}/{path}"})
        elif repository.silent == "file" and self.command == "GET":
            self.hub.closing.wait(30)
        else:
            self.send_file(repository, repository.lies.get(path, content), headers, length)

    def send_file(self, repository: Repository, content: bytes, headers: dict[str, str], length: int) -> None:
        start, wanted = 0, self.headers.get("Range", "")
        if wanted and repository.knows_ranges:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                self.reply(416)
                return
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{length}"}
        if repository.is_endless and self.command == "GET":
            self.send_endless(headers)
            return
        if repository.drips_head and self.host == "store" and self.command == "GET":
            self.drip_head()
            return
        self.send_response(206 if start else 200)
        for key, value in {**headers, "Content-Length": str(length - start)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(repository, content[start:])
            self.close_connection = self.close_connection or length != len(content)

    def send_body(self, repository: Repository, content: bytes) -> None:
        if repository.trickles and self.host == "store":
            for at in range(len(content)):
                if self.hub.closing.wait(0.05):
                    return
                self.wfile.write(content[at : at + 1])
        elif repository.drips and self.host == "store":
            self.wfile.write(content[:1])
            self.close_connection = True
        elif self.host == "store" and self.takes(repository, "breaks"):
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def drip_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.hub.closing.wait(0.05):
            self.wfile.write(b"x")

    def send_endless(self, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(key, value)
        self.end_headers()
        block = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        while not self.hub.closing.is_set():
            self.wfile.write(block)

    def reply(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def describe(path: str, content: bytes, length: int | None) -> dict[str, Any]:
    """Return a file's entry in the listing of a tree."""
    size = len(content) if length is None else length
    entry: dict[str, Any] = {"type": "file", "path": path, "size": size, "oid": git_blob(content)}
    if len(content) >= LARGE:
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
    return entry


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's name for it
