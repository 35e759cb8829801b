from __future__ import annotations

import pytest

from harness.core.constraint import Constraints, LatencyLimit, LicensePolicy
from harness.core.task import Data, Task
from harness.errors import BenchError, Faults
from harness.load.overrides import override

TASK = Task(
    name="t",
    kind="text-classification",
    data=Data(train="a.csv"),
    constraints=Constraints(license=LicensePolicy(use="commercial", deny=("MIT",)), latency_ms=LatencyLimit(p95=50.0, p50=20.0)),
)


def test_without_changes_the_task_stays_as_it_is() -> None:
    assert override(TASK, []) == TASK


@pytest.mark.parametrize(
    ("changes", "constraints"),
    [
        (["latency_ms=5"], {"latency_ms": LatencyLimit(p95=5.0)}),
        (["latency_ms.p95=5"], {"latency_ms": LatencyLimit(p95=5.0, p50=20.0)}),
        (["latency_ms.p99=5", "latency_ms.p50=1"], {"latency_ms": LatencyLimit(p50=1.0, p95=50.0, p99=5.0)}),
        (["latency_ms=null"], {"latency_ms": None}),
        (["license=any"], {"license": LicensePolicy(use="any")}),
        (["license.allow=[Apache-2.0]"], {"license": LicensePolicy(use="commercial", deny=("MIT",), allow=("Apache-2.0",))}),
        (["license={allow: [Apache-2.0]}"], {"license": LicensePolicy(allow=("Apache-2.0",))}),
        (["parameters=30M", " memory_mb =512"], {"parameters": 30_000_000, "memory_mb": 512.0}),
        (["min_quality=0.5", "min_quality=0.8"], {"min_quality": 0.8}),
    ],
)
def test_constraints_are_changed(changes: list[str], constraints: dict[str, object]) -> None:
    expected = TASK.constraints.model_copy(update=constraints)
    assert override(TASK, changes) == TASK.model_copy(update={"constraints": expected})


def test_what_is_no_constraint_is_changed_too() -> None:
    found = override(TASK, ["margin=0.02", "prefer=memory", "metric=accuracy"])
    assert (found.margin, found.prefer, found.metric) == (0.02, "memory", "accuracy")
    assert found.constraints == TASK.constraints


@pytest.mark.parametrize(
    ("change", "what", "place", "hint"),
    [
        ("latencyms=5", 'cannot read the change "latencyms=5"', "", 'use "latency_ms"'),
        ("=5", 'cannot read the change "=5"', "", "known: "),
        ("latency_ms", 'cannot read the change "latency_ms"', "", "write KEY=VALUE"),
        ("latency_ms= ", 'cannot read the change "latency_ms= "', "", "write KEY=VALUE"),
        ("license=[", 'cannot read the change "license=["', "", "put a value"),
        ("license=!!python/name:os.system", 'cannot read the change "license=!!python/name:os.system"', "", "put a value"),
        ("metric=acuracy", 'unknown metric "acuracy"', " metric", 'use "accuracy"'),
        ("prefer=latencyy", 'unknown prefer "latencyy"', " prefer", 'use "latency"'),
        ("license=comercial", 'unknown use "comercial"', " license.use", 'use "commercial"'),
        ("license.foo=1", 'unknown key "foo"', " license.foo", "known: "),
        ("margin.x=1", "expected a number, found keys and values", " margin", "give a number"),
        ("license.use.x=1", "unknown use \"{'x': 1}\"", " license.use", "known: "),
        ("latency_ms=fast", 'expected keys and values, found "fast"', " latency_ms", "give a value that `bench schema task` names"),
        ("parameters=-5", '"parameters" should be greater than 0', " parameters", "change -5"),
    ],
)
def test_a_change_that_does_not_fit(change: str, what: str, place: str, *, hint: str) -> None:
    with pytest.raises(BenchError) as caught:
        override(TASK, [change])
    assert caught.value.what == what
    assert caught.value.where == f"--constraint{place}"
    assert caught.value.hint.startswith(hint)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(Faults) as caught:
        override(TASK, ["latencyms=5", "memory_mb", "license=["])
    assert len(caught.value.faults) == 3
    with pytest.raises(Faults) as caught:
        override(TASK, ["margin=-1", "memory_mb=-1"])
    assert [fault.where for fault in caught.value.faults] == ["--constraint memory_mb", "--constraint margin"]
