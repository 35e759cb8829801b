"""A model that `transformers serve` serves, as anybody would serve one: asked for classes by chat, beside a baseline."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_rows
from tests.unit.tiny_models import save_language

TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
CARD = "- {{name: {offer}, adapter: openai, source: '{url}', license: MIT, remote: {{model: {model}, offers: [{offer}]}}}}\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A tiny seeded decoder and the address of its server."""
    folder = save_language("LlamaForCausalLM", tmp_path / "decoder")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(folder), "--device", "cpu"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        )
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and server.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                break
            time.sleep(0.1)
        else:
            pytest.fail((tmp_path / "server.log").read_text())
        yield folder, f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def test_a_model_of_transformers_serve_is_asked_by_chat(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = served
    (tmp_path / "candidates").mkdir()
    cards = [CARD.format(offer=offer, url=url, model=folder) for offer in ("chat", "completions")]
    (tmp_path / "candidates" / "far.yaml").write_text("".join(cards))
    (tmp_path / "tasks" / "mail").mkdir(parents=True)
    (tmp_path / "tasks" / "mail" / "rows.csv").write_text(make_rows(30))
    (tmp_path / "tasks" / "mail" / "task.yaml").write_text("name: mail\nkind: text-classification\ndata: {train: rows.csv}\n")
    done = run_here(
        "compare", "--task", "mail", "--candidates", "chat,completions", "--techniques", "prompted", "--allow-remote",
        "--measure", "quality", "--device", "cpu", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    row = next(row for row in found["ranking"] if row["candidate"] == "chat")
    assert row["recipe"] == {"answers": "replies"}
    report = (tmp_path / "reports" / "mail" / "latest" / "report.md").read_text()
    assert "Replies without a class" in report
    # This server ignores `echo` and `logprobs`, and says so nowhere but in its log.
    (failed,) = found["failed"]
    assert failed["candidate"] == "completions"
    assert "no log-probabilities" in failed["error"]
    assert "take completions out" in failed["hint"]
