"""`bench candidates fetch`, and what a comparison finds afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.command import BENCH
from tests.hub.conftest import model, pipes
from tests.hub.server import COMMIT, Hub, Repository

CARD = """
- name: {name}
  adapter: transformers
  source: tests/{name}
  revision: {revision}
  license: MIT
  modality: [text]
"""


def run(hub: Hub, home: dict[str, str], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BENCH), *arguments], cwd=cwd, timeout=120, check=False, **pipes(hub, home))


def test_fetch_brings_what_it_can_and_says_why_not(hub: Hub, home: dict[str, str], tmp_path: Path) -> None:
    hub.repositories |= {
        "tests/tiny-one": Repository(model(), failing=1),
        "tests/tiny-two": Repository(model(), status=403, code="GatedRepo"),
    }
    cards = tmp_path / "candidates"
    cards.mkdir()
    (cards / "tiny.yaml").write_text("".join(CARD.format(name=name, revision=COMMIT) for name in ("tiny-one", "tiny-two")))
    done = run(hub, home, "candidates", "fetch", "tiny-*", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert rows[0][:3] == ["tiny-one", "0.2", "MB"]
    assert rows[1] == ["tiny-two", "-", "not", "here"]
    lines = done.stderr.splitlines()
    assert lines[0] == "fetching tiny-one: 3 files, 0.2 MB"
    assert lines[1].startswith("fetched tiny-one: 0.2 MB in ")
    assert lines[2:] == [
        "",
        "tiny-two: its repository is gated: the license must be accepted on the Hub first",
        f"where: card tiny-two, source tests/tiny-two at {COMMIT}",
        "do:    accept it on https://huggingface.co/tests/tiny-two, then `hf auth login`",
    ]
    hub.close()
    again = run(hub, home, "candidates", "fetch", "tiny-one", "--quiet", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert run(hub, home, "candidates", "fetch", "tiny-three", cwd=tmp_path).returncode == 2
