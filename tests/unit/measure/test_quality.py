from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from harness.core.metric import METRICS
from harness.core.resample import resamples
from harness.errors import TaskError
from harness.measure.quality import better, companions, compute, load_metric, sample

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


def test_any_other_metric_comes_from_evaluate(tmp_path: Path) -> None:
    folder = tmp_path / "share_of_zeros"
    folder.mkdir()
    (folder / "share_of_zeros.py").write_text(SHARE)
    metric = load_metric(f"evaluate:{folder}")
    told = np.array([0, 0, 1, 1])
    assert compute(metric, told, told) == 0.5
    blocks = list(resamples(4, (), seed=0, number=20))
    values = sample(metric, told, told, blocks)
    weights = np.concatenate(blocks)
    np.testing.assert_allclose(values, weights[:, :2].sum(1) / 4)


def test_a_metric_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TaskError) as caught:
        load_metric("evaluate:./no/such/metric.py")
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
