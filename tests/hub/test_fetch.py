"""Weights are fetched by huggingface_hub's own code from a server that speaks the Hub's protocol, soundly or not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hub.conftest import DRIVER, model, pipes, wish
from tests.hub.server import COMMIT, Hub, Repository

Look = Callable[..., list[dict[str, Any]]]
SAFE = ["config.json", "model.safetensors", "tokenizer.json"]


def blobs(home: dict[str, str], name: str) -> list[Path]:
    return sorted((Path(home["HF_HOME"]) / "hub" / f"models--{name.replace('/', '--')}" / "blobs").glob("*"))


def test_what_is_fetched_once_is_there_offline_and_no_request_is_made(hub: Hub, look: Look) -> None:
    hub.repositories["good/pinned"] = Repository(model())
    hub.repositories["good/moving"] = Repository(model(1))
    hub.repositories["good/coded"] = Repository(model(2))
    coded: dict[str, Any] = {"card": {"remote_code": True}, "remote_code": True}
    wishes = [wish("good/pinned"), wish("good/moving", revision=None), wish("good/coded", **coded)]
    first = look(*wishes)
    assert [found.get("files") for found in first] == [SAFE, SAFE, sorted([*SAFE, "modeling_own.py"])]
    assert not hub.asked("agent")
    assert first[0]["lines"][0] == "fetching m: 3 files, 0.2 MB"
    assert first[0]["lines"][-1].startswith("fetched m: 0.2 MB in ")
    asked = len(hub.requests)
    second = look(*wishes, wish("good/pinned", offline=True), wish("good/never", offline=True))
    assert len(hub.requests) == asked
    assert [found.get("digest") for found in second[:4]] == [*(found["digest"] for found in first), first[0]["digest"]]
    assert second[4]["kind"] == "Unavailable"
    assert "offline" in second[4]["what"]


def test_the_token_is_for_the_hub_alone(hub: Hub, look: Look, home: dict[str, str]) -> None:
    hub.repositories["good/pinned"] = Repository(model())
    look(wish("good/pinned"))
    assert {one.authorization for one in hub.asked("good/pinned", "hub")} == {f"Bearer {home['HF_TOKEN']}"}
    assert [one.authorization for one in hub.asked("good/pinned", "store")] == [""]


def test_every_refusal_is_a_reason(hub: Hub, look: Look) -> None:
    hub.repositories |= {
        "no/gated": Repository(model(), status=403, code="GatedRepo"),
        "no/unknown": Repository(model(), status=401),
        "no/forbidden": Repository(model(), status=403),
        "no/revision": Repository(model(), revision="f" * 40),
        "no/disabled": Repository(model(), status=451),
        "no/weights": Repository({"config.json": b"{}", "weights.tar": b"x"}),
        "no/safe": Repository({name: content for name, content in model().items() if "safetensors" not in name}),
        "no/fitting": Repository(model(), lengths={"model.safetensors": 10**16}),
        "no/broken": Repository(model(), failing=-1, failing_status=500),
    }
    found = look(
        *(wish(f"no/{name}") for name in ("gated", "unknown", "forbidden", "revision", "disabled", "weights", "safe", "fitting")),
        wish("no/such"),
        wish("no/broken"),
        wish("a//b"),
        wish("no/gated", plain=True, card={"remote_code": True}),
    )
    assert [one["kind"] for one in found] == ["Unavailable"] * len(found)
    parts = [
        "gated",
        "401",
        "403",
        "no such",
        "451",
        "weights.tar is an archive",
        "safetensors form",
        "do not fit",
        "no such",
        "500",
    ]
    for part, one in zip([*parts, "no name", "Python from its repository"], found, strict=True):
        assert part in one["what"], one
        assert one["hint"], one
    assert "--allow-pickle" in found[6]["hint"]
    assert "--allow-remote-code" in found[-1]["hint"]
    assert not [one for name in ("weights", "safe", "fitting") for one in hub.asked(f"no/{name}") if "/resolve/" in one.path]


def test_pickles_are_fetched_only_where_they_are_allowed_and_needed(hub: Hub, look: Look) -> None:
    files = model()
    hub.repositories["old/both"] = Repository(files)
    hub.repositories["old/pickle"] = Repository(
        {name: files[name] for name in files if "safetensors" not in name} | {"optimizer.pt": b"x"}
    )
    found = look(wish("old/both", pickle=True), wish("old/pickle", pickle=True), wish("old/pickle"))
    assert found[0]["files"] == SAFE
    assert found[1]["files"] == ["config.json", "pytorch_model.bin", "tokenizer.json"]
    assert found[2]["kind"] == "Unavailable"


def test_what_passes_is_tried_again(hub: Hub, look: Look) -> None:
    hub.repositories |= {
        "weak/busy": Repository(model(), failing=3),
        "weak/limited": Repository(model(), failing=2, failing_status=429, retry_after="86400"),
        "weak/line": Repository(model(), breaks=3),
        "weak/rangeless": Repository(model(), breaks=1, knows_ranges=False),
    }
    found = look(*(wish(f"weak/{name}") for name in ("busy", "limited", "line", "rangeless")))
    assert [one.get("files") for one in found] == [SAFE] * 4, found
    assert max(one["seconds"] for one in found) < 20
    ranges = [one.range for one in hub.asked("weak/line", "store")]
    assert ranges == ["", "bytes=100000-", "bytes=150000-", "bytes=175000-"]


def test_what_does_not_pass_ends_soon(hub: Hub, look: Look) -> None:
    hub.repositories |= {
        "dead/down": Repository(model(), failing=-1),
        "dead/silent": Repository(model(), silent="api"),
        "dead/silent-file": Repository(model(), silent="file"),
        "dead/line": Repository({**model(), "model.safetensors": bytes(10**5)}, breaks=-1),
        "dead/trickle": Repository(model(), trickles=True),
    }
    silent = [wish(f"dead/{name}", silence_s=0.3) for name in ("silent", "silent-file")]
    found = look(wish("dead/down"), *silent, wish("dead/trickle"), wish("dead/line"))
    assert [one["kind"] for one in found] == ["Unreachable"] * 5
    for part, one in zip(["503, 5 times", "silent, 5 times", "silent, 5 times", "kB a second", "5 times"], found, strict=True):
        assert part in one["what"], one
    assert max(one["seconds"] for one in found) < 30


def test_no_server_can_keep_bench_waiting_for_ever(hub: Hub, look: Look) -> None:
    hub.repositories |= {
        "slow/body": Repository(model(), drips=True),
        "slow/head": Repository(model(), drips_head=True),
        "slow/listing": Repository(model(), has_endless_listing=True),
        "slow/packed": Repository(model(), packs=True),
    }
    found = look(wish("slow/body"), wish("slow/head", head_s=0.3), wish("slow/listing"), wish("slow/packed"))
    assert [one.get("kind") for one in found] == ["Unreachable"] * 2 + ["CandidateError"] * 2, found
    for part, one in zip(["kB a second", "silent, 5 times", "within 200 pages", "packed body (gzip)"], found, strict=True):
        assert part in one["what"], one
    assert max(one["seconds"] for one in found) < 30


def test_lies_are_found_out_and_thrown_away(hub: Hub, look: Look, home: dict[str, str]) -> None:
    files = model()
    hub.repositories |= {
        "lie/bytes": Repository(files, lies={"model.safetensors": model(9)["model.safetensors"]}),
        "lie/small": Repository(files, lies={"config.json": b'{"model_type": "gpt2"}'}),
        "lie/long": Repository(files, lengths={"model.safetensors": 300_000}),
        "lie/short": Repository(files, lengths={"model.safetensors": 100_000}),
        "lie/html": Repository(files, page=b"<html>please log in</html>"),
        "lie/json": Repository(files, page=b'[{"type": "file", "path": 1, "size": "x", "oid": null}]'),
        "lie/object": Repository(files, page=b'{"error": null}'),
        "lie/escape": Repository(files | {"../../../evil.json": b"{}"}),
        "lie/endless": Repository(files, is_endless=True),
    }
    names = ("bytes", "small", "long", "short", "html", "json", "object", "escape", "endless")
    found = look(*(wish(f"lie/{name}") for name in names))
    assert [(name, one.get("kind")) for name, one in zip(names, found, strict=True)] == [(name, "CandidateError") for name in names]
    parts = ["bytes of model.safetensors", "bytes of config.json", "broke off after 200,000", "", "cannot be understood"]
    for part, one in zip([*parts, *["cannot be understood"] * 2, "leads out", "more bytes"], found, strict=True):
        assert part in one["what"], one
    assert max(one["seconds"] for one in found) < 30
    assert not list(Path(home["HF_HOME"]).parent.rglob("evil.json"))
    assert not list(Path(home["HF_HOME"]).rglob("*.incomplete"))
    # The truth, told later, is fetched: nothing false has stayed.
    hub.repositories["lie/bytes"] = Repository(files)
    assert look(wish("lie/bytes"))[0]["files"] == SAFE


def test_a_revision_that_changes_is_an_error_whoever_changed_it(hub: Hub, look: Look, home: dict[str, str]) -> None:
    hub.repositories["good/pinned"] = Repository(model())
    look(wish("good/pinned"))
    large = max(blobs(home, "good/pinned"), key=lambda path: path.stat().st_size)
    content = bytearray(large.read_bytes())
    content[1000] ^= 1
    large.write_bytes(content)
    assert "not those that the Hub stated" in look(wish("good/pinned"))[0]["what"]
    # A server that tells another, consistent story of the same revision is caught by the ledger alone.
    for path in Path(home["HF_HOME"]).rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.unlink()
    hub.repositories["good/pinned"] = Repository(model(7))
    found = look(wish("good/pinned"))[0]
    assert found["kind"] == "CandidateError"
    assert "model.safetensors changed, though the revision is the same" in found["what"]


def test_a_full_disk_is_a_reason_and_leaves_no_parts(hub: Hub, home: dict[str, str]) -> None:
    import resource

    hub.repositories["good/large"] = Repository(model() | {"model.safetensors": bytes(3_000_000)})

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    done = subprocess.run(
        [sys.executable, str(DRIVER), json.dumps([wish("good/large")])],
        preexec_fn=limit,
        timeout=120,
        check=False,
        **pipes(hub, home),
    )
    found = json.loads(done.stdout)[0]
    assert found["kind"] == "Unavailable", done.stderr
    assert "cannot be written: file too large" in found["what"]
    assert not list(Path(home["HF_HOME"]).rglob("*.incomplete"))


def test_after_a_kill_whole_files_stay_and_parts_are_swept(hub: Hub, look: Look, home: dict[str, str]) -> None:
    hub.repositories["good/slow"] = Repository(model(), trickles=True)
    arguments = pipes(hub, home)
    del arguments["capture_output"]
    child = subprocess.Popen([sys.executable, str(DRIVER), json.dumps([wish("good/slow")])], stdout=subprocess.DEVNULL, **arguments)
    deadline = time.monotonic() + 60
    while sorted(path.suffix for path in blobs(home, "good/slow")) != ["", "", ".incomplete"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    hub.repositories["good/slow"].trickles = False
    before = len(hub.asked("good/slow"))
    found = look(wish("good/slow"))[0]
    assert found["files"] == SAFE
    assert found["lines"][0] == "fetching m: 1 file, 0.2 MB"
    assert not [one for one in hub.requests[before:] if one.path.endswith(".json") and one.method == "GET"]
    assert not [path for path in blobs(home, "good/slow") if path.name.endswith(".incomplete")]


def test_what_another_program_left_out_is_fetched(hub: Hub, look: Look, home: dict[str, str]) -> None:
    """AutoModel puts only what it reads itself into the cache: neither the pooling nor a listing."""
    pooling = {"1_Pooling/config.json": b'{"pooling_mode": "cls"}'}
    hub.repositories |= {f"part/{name}": Repository(model(), revision=COMMIT) for name in ("online", "offline", "gated")}
    names = [f"part/{name}" for name in ("online", "offline", "gated")]
    look(*map(wish, names))
    shutil.rmtree(Path(home["BENCH_CACHE"]))
    for listing in Path(home["HF_HOME"]).rglob("trees"):
        shutil.rmtree(listing)
    for name in names:
        hub.repositories[name].files |= pooling
    hub.repositories["part/gated"].status = 403
    # The branch has moved on: a card without a revision still gets the rest of the commit that is here.
    hub.repositories["part/moved"] = Repository(model())
    look(wish("part/moved", revision=None))
    shutil.rmtree(Path(home["BENCH_CACHE"]))
    shutil.rmtree(Path(home["HF_HOME"]) / "hub" / "models--part--moved" / "trees", ignore_errors=True)
    hub.repositories["part/moved"].revision = "f" * 40
    moved = look(wish("part/moved", revision=None))[0]
    assert moved["folder"].endswith(COMMIT)
    assert "no such" in moved["lines"][0]
    found = look(wish(names[0]), wish(names[1], offline=True), wish(names[2]))
    whole = sorted([*SAFE, *pooling])
    assert [one.get("files") for one in found] == [whole, SAFE, SAFE], found
    assert found[0]["lines"][0].startswith("fetching m: 1 file, ")
    for part, one in zip(["offline", "403"], found[1:], strict=True):
        assert len(one["lines"]) == 1
        assert "files may be missing" in one["lines"][0]
        assert part in one["lines"][0]
    # Known to be whole from now on, and no request is made; what goes missing later is fetched again.
    asked = len(hub.requests)
    assert look(wish(names[0]))[0]["lines"] == []
    assert len(hub.requests) == asked
    for listing in Path(home["HF_HOME"]).rglob("trees"):
        shutil.rmtree(listing)
    (Path(found[0]["folder"]) / "1_Pooling" / "config.json").unlink()
    assert look(wish(names[0]))[0]["files"] == whole


def test_progress_is_told_at_intervals() -> None:
    from harness.models.meter import Meter

    lines: list[str] = []
    meter = Meter("m", lines.append, every_s=0)
    meter.start(2, 100_000_000)
    meter.add(25_000_000)
    meter.add(90_000_000)
    meter.finish()
    assert lines[0] == "fetching m: 2 files, 100 MB"
    assert lines[1].startswith("fetching m: 25 MB of 100 MB, 25%, ")
    assert lines[2].startswith("fetching m: 100 MB of 100 MB, 100%, ")
    assert lines[3].startswith("fetched m: 100 MB in ")


def test_a_closed_port_is_unreachable_at_once(look: Look, home: dict[str, str], hub: Hub) -> None:
    hub.close()
    found = look(wish("good/pinned"))[0]
    assert found["kind"] == "Unreachable"
    assert found["seconds"] < 10
