from __future__ import annotations

import inspect
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from harness.core.metric import METRICS
from harness.core.resample import resamples
from harness.core.trust import Trust
from harness.errors import TaskError
from harness.execute import machine, provenance
from harness.measure.quality import better, code_digest, companions, compute, load_metric, sample

ALLOWED = Trust(remote_code=True)

EXPECTED = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
    "micro_f1": lambda t, p: f1_score(t, p, average="micro"),
    "weighted_f1": lambda t, p: f1_score(t, p, average="weighted"),
    "mcc": matthews_corrcoef,
}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_equal_scikit_learn(name: str) -> None:
    generator = np.random.default_rng(0)
    true = generator.integers(5, size=200)
    told = np.where(generator.random(200) < 0.6, true, generator.integers(5, size=200))
    assert compute(load_metric(name), true, told) == pytest.approx(EXPECTED[name](true, told))


def test_companions_are_all_metrics() -> None:
    found = companions(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    assert {m.name for m in found} == set(METRICS)
    assert next(m.value for m in found if m.name == "accuracy") == pytest.approx(2 / 3)


SHARE = """
import datasets
import evaluate


class ShareOfZeros(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")})
        return evaluate.MetricInfo(description="d", citation="", inputs_description="i", features=features)

    def _compute(self, predictions, references):
        return {"share": sum(p == 0 for p in predictions) / len(predictions)}
"""


def write_share(folder: Path, text: str = SHARE) -> str:
    """Write a metric, and return the name by which it is loaded."""
    path = folder / "share_of_zeros" / "share_of_zeros.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return f"evaluate:{path.parent}"


def test_any_other_metric_comes_from_evaluate(tmp_path: Path) -> None:
    metric = load_metric(write_share(tmp_path), ALLOWED)
    told = np.array([0, 0, 1, 1])
    assert compute(metric, told, told) == 0.5
    blocks = list(resamples(4, (), seed=0, number=20))
    values = sample(metric, told, told, blocks)
    weights = np.concatenate(blocks)
    np.testing.assert_allclose(values, weights[:, :2].sum(1) / 4)


def test_a_metric_that_is_code_is_not_run_without_leave(tmp_path: Path) -> None:
    name = write_share(tmp_path, f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n" + SHARE)
    with pytest.raises(TaskError, match="is Python code from the Hub, which would be run"):
        load_metric(name)
    assert not (tmp_path / "ran").exists()
    load_metric(name, ALLOWED)
    assert (tmp_path / "ran").exists()


def test_a_metric_whose_code_changes_makes_other_trials(tmp_path: Path) -> None:
    def survey(name: str) -> str:
        found = machine.survey(("cpu", name, ALLOWED))
        assert isinstance(found, tuple)
        return provenance.digest({}, found[1], {})

    one, again = survey(write_share(tmp_path)), survey(write_share(tmp_path))
    other = survey(write_share(tmp_path, SHARE.replace("p == 0", "p == 1")))
    assert (one == again, one == other) == (True, False)
    # Also where the copy is changed that the library keeps.
    metric = load_metric(write_share(tmp_path, SHARE.replace("p == 0", "p == 2")), ALLOWED)
    before, kept = code_digest(metric), Path(inspect.getfile(type(metric)))
    text = kept.read_text()
    try:
        kept.write_text(text.replace("p == 2", "p == 3"))
        assert code_digest(metric) != before
    finally:
        kept.write_text(text)
    assert code_digest(load_metric("mcc")) == ""


def test_a_metric_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TaskError) as caught:
        load_metric("evaluate:./no/such/metric.py", ALLOWED)
    assert caught.value.where == "key metric"


def test_direction_is_read_from_the_name() -> None:
    assert better("accuracy") == "higher"
    assert better("evaluate:mse") == "lower"


def test_own_metrics_take_no_buffers() -> None:
    true, told = np.arange(5000) % 7, np.arange(5000) // 3 % 7
    metric = load_metric("macro_f1")
    tracemalloc.start()
    try:
        assert compute(metric, true, told) == pytest.approx(f1_score(true, told, average="macro"))
        assert tracemalloc.get_traced_memory()[1] < 80 * len(true)
    finally:
        tracemalloc.stop()


def test_own_metrics_do_without_the_evaluate_library() -> None:
    code = "import sys; from harness.measure.quality import load_metric; load_metric('mcc'); sys.exit('evaluate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
