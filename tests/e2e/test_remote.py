"""A model of a server beside others, by the command line: what is sent, what it costs, and where its key is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_rows
from tests.unit.openai_server import Answer, Call, answer, serve

KEY = "not-of-any-known-form-7"
# Tells what its process knows of the environment.
PLUGIN = """
import os
import numpy as np
from harness import Candidate, Card

class Lengths:
    def embed_text(self, texts):
        print("KNOWN", dict(os.environ))
        return np.array([[[len(t), t.count(" ")] for t in texts]], np.float32)

candidates = (Candidate(Card(name="lengths", license="MIT"), lambda device, dtype: Lengths()),)
"""
# Calls a server by itself.
CALLER = """
from harness import Candidate, Card
from harness.core.remote import Remote

remote = Remote(model="m", offers=("embeddings",){key})
candidates = (Candidate(Card(name="caller", source="https://api.example.org/v1", license="MIT", remote=remote), lambda *_: None),)
"""
CARD = """
- name: far-{offer}
  adapter: openai
  source: {url}
  license: proprietary
  links: {{terms: "https://example.org/terms"}}
  remote:
    {{model: m, offers: [{offer}], key_variable: FAR_API_KEY, price: {{input: 2, output: 8, currency: EUR}}, timeout_s: 10}}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAR_API_KEY", KEY)
    (tmp_path / "candidates").mkdir()
    (tmp_path / "candidates" / "lengths.py").write_text(PLUGIN)
    (tmp_path / "tasks" / "mail").mkdir(parents=True)
    (tmp_path / "tasks" / "mail" / "rows.csv").write_text(make_rows(60))
    (tmp_path / "tasks" / "mail" / "task.yaml").write_text(
        "name: mail\nkind: text-classification\nmetric: accuracy\ndata: {train: rows.csv}\n"
    )
    return tmp_path


def compare(workspace: Path, *more: str, url: str) -> dict[str, Any]:
    cards = "".join(CARD.format(offer=offer, url=url) for offer in ("embeddings", "chat"))
    (workspace / "candidates" / "far.yaml").write_text(cards)
    done = run_here(
        "compare", "--task", "mail", "--measure", "quality", "--device", "cpu", "--json", *more, cwd=workspace
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def wrong_key(call: Call) -> Answer:
    """Know one key alone, and repeat any other one, as some servers do."""
    if call.headers.get("authorization") == f"Bearer {KEY}" and call.path.endswith("/embeddings"):
        return answer(call)
    return 401, {}, {"error": {"message": f"wrong: {call.headers.get('authorization')}"}}


def test_a_server_stands_in_the_ranking_and_its_key_nowhere(workspace: Path) -> None:
    with serve(wrong_key) as log:
        found = compare(
            workspace, "--candidates", "far-*,lengths", "--allow-remote", "--techniques", "linear-probe,lora,prompted", url=log.url
        )
    host = log.url.removeprefix("http://").removesuffix("/v1")
    row = next(row for row in found["ranking"] if row["candidate"] == "far-embeddings")
    assert row["technique"] == "linear-probe"
    assert row["score"] > 0.9
    assert row["memory_mb"] is None
    assert any(host in note and "cannot be fine-tuned" in note for note in row["notes"])
    # Two euros for a million tokens: as many a row as it has words.
    assert 1000 * 2e-6 * 2 < row["cost_per_1000_rows"] < 1000 * 2e-6 * 9
    failed = next(one for one in found["failed"] if one["candidate"] == "far-chat")
    assert failed["error"] == f"{host} answers 401: wrong: Bearer [secret]"
    folder = workspace / "reports" / "mail" / "latest"
    report = (folder / "report.md").read_text()
    assert f"Rows left this machine, as --allow-remote permits, for: far-embeddings ({host}), far-chat ({host})" in report
    assert f"far-embeddings: it runs at {host}, and bench has none of its weights" in report
    known = (folder / "logs" / "lengths.log").read_text()
    assert "KNOWN" in known
    assert "FAR_API_KEY" not in known
    files = [path for root in (workspace, Path(os.environ["BENCH_CACHE"])) for path in root.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [str(path) for path in files if KEY.encode() in path.read_bytes()] == []


def test_nothing_is_sent_unless_the_user_says_so(workspace: Path) -> None:
    plugin = workspace / "candidates" / "caller.py"
    with serve() as log:
        plugin.write_text(CALLER.format(key=', key_variable="FAR_API_KEY"'))
        found = compare(workspace, "--candidates", "far-embeddings,lengths,caller", "--effort", "quick", "--offline", url=log.url)
        plugin.write_text(CALLER.format(key=""))
        again = compare(workspace, "--candidates", "far-embeddings,lengths,caller", "--effort", "quick", url=log.url)
    host = log.url.removeprefix("http://").removesuffix("/v1")
    assert log.calls == []
    assert found["skipped"] == [{"candidate": "far-embeddings", "reason": f"it runs at {host}, and --offline calls no server"}]
    (broken,) = [one for one in found["failed"] if one["candidate"] == "caller"]
    assert broken["error"] == 'the card "caller" asks for the key in FAR_API_KEY, and no plugin is handed one'
    assert sorted(again["skipped"], key=lambda one: one["candidate"]) == [
        {
            "candidate": name,
            "reason": f"it runs at {where}, and rows would leave this machine; if they may, give --allow-remote",
        }
        for name, where in (("caller", "api.example.org"), ("far-embeddings", host))
    ]
